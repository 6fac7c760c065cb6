# SPDX-License-Identifier: Apache-2.0
# The API server of tests/support/apiserver for tests in sh; to be sourced behind tap.sh.

# Neither a kubeconfig of whoever runs the test nor a pod that it runs in.
HOME=$scratch
export HOME
unset KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT

# certificates_make FOLDER: ca.crt, server.crt and .key for 127.0.0.1, client.crt and .key
# of the user "dns-by-cert". A second call with the same folder keeps its authority.
certificates_make() {
	mkdir -p "$1" || return 1
	if [ ! -e "$1/ca.key" ]; then
		key_make "$1/ca" && openssl req -x509 -new -key "$1/ca.key" -out "$1/ca.crt" \
			-days 2 -subj '/CN=test authority' || return 1
	fi
	certificate_make "$1" server /CN=kubernetes \
		'subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc' &&
		certificate_make "$1" client /CN=dns-by-cert extendedKeyUsage=clientAuth
}

key_make() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
}

# certificate_make FOLDER NAME SUBJECT EXTENSION [OPTION...]: signed by the folder's authority.
certificate_make() {
	folder_of_keys=$1 certificate=$1/$2 subject=$3
	printf '%s\n' "$4" >"$certificate.ext"
	shift 4
	[ $# -gt 0 ] || set -- -days 2
	key_make "$certificate" &&
		openssl req -new -key "$certificate.key" -out "$certificate.csr" -subj "$subject" &&
		openssl x509 -req -in "$certificate.csr" -CA "$folder_of_keys/ca.crt" \
			-CAkey "$folder_of_keys/ca.key" -CAcreateserial -extfile "$certificate.ext" \
			-out "$certificate.crt" "$@" 2>&1
}

# apiserver_start [ARGUMENT...]: sets $apiserver (its process), $api and $control (URLs).
apiserver_start() {
	: >"$scratch/apiserver.out"
	node "$srcdir/tests/support/apiserver/main.js" "$@" >"$scratch/apiserver.out" 2>&1 </dev/null &
	apiserver=$!
	started="$started $apiserver"
	wait_for "$scratch/apiserver.out" '^serving ' "$apiserver" || return 1
	api=$(sed -n 's/^serving \([^,]*\), .*/\1/p' "$scratch/apiserver.out")
	control=$(sed -n 's/^serving .*, control //p' "$scratch/apiserver.out")
}

# control METHOD PATH [JSON]: the answer on standard output.
control() {
	control_method=$1 control_path=$2
	shift 2
	curl -sS --noproxy '*' -m 60 --fail-with-body -X "$control_method" ${1:+--data-binary "$1"} \
		"$control$control_path"
}

# put JSON...: objects are there from now on.
put() {
	for object in "$@"; do
		control PUT /objects "$object" >/dev/null || return 1
	done
}

# remove PLURAL NS NAME, for a namespace: remove namespaces NAME
remove() {
	control DELETE "/objects/$1/$2${3:+/$3}" | grep -q true
}

# fault JSON: for requests that come; suffer JSON: for watches that are open.
fault() {
	control POST /faults "$1" >/dev/null
}

suffer() {
	control POST /watches "$1" >/dev/null
}

# --- objects ---

namespace_json() { # NAME
	printf '{"kind":"Namespace","metadata":{"name":"%s"},"status":{"phase":"Active"}}' "$1"
}

service_json() { # NS NAME ADDRESS
	printf '{"kind":"Service","metadata":{"namespace":"%s","name":"%s"},"spec":{"type":"ClusterIP",' "$1" "$2"
	printf '"clusterIP":"%s","clusterIPs":["%s"],"ports":[{"name":"http","protocol":"TCP","port":80}]}}' "$3" "$3"
}

slice_json() { # NS SERVICE NAME ADDRESS...
	printf '{"kind":"EndpointSlice","metadata":{"namespace":"%s","name":"%s","labels":{"kubernetes.io/service-name":"%s"}},' \
		"$1" "$3" "$2"
	printf '"addressType":"IPv4","ports":[{"name":"http","protocol":"TCP","port":8080}],"endpoints":['
	shift 3
	separator=
	for address in "$@"; do
		printf '%s{"addresses":["%s"],"conditions":{"ready":true}}' "$separator" "$address"
		separator=,
	done
	printf ']}'
}

import_json() { # NS NAME ADDRESS
	printf '{"kind":"ServiceImport","metadata":{"namespace":"%s","name":"%s"},"spec":{"type":"ClusterSetIP",' "$1" "$2"
	printf '"ips":["%s"],"ports":[{"name":"http","protocol":"TCP","port":80}]}}' "$3"
}

# import_slice_json NS IMPORT CLUSTER NAME ADDRESS: of a ServiceImport and of no Service.
import_slice_json() {
	printf '{"kind":"EndpointSlice","metadata":{"namespace":"%s","name":"%s","labels":{' "$1" "$4"
	printf '"multicluster.kubernetes.io/service-name":"%s","multicluster.kubernetes.io/source-cluster":"%s"}},' "$2" "$3"
	printf '"addressType":"IPv4","ports":[{"name":"http","protocol":"TCP","port":8080}],'
	printf '"endpoints":[{"addresses":["%s"],"conditions":{"ready":true}}]}' "$5"
}

pod_json() { # NS NAME ADDRESS
	printf '{"kind":"Pod","metadata":{"namespace":"%s","name":"%s"},"spec":{},"status":{"phase":"Running",' "$1" "$2"
	printf '"conditions":[{"type":"Ready","status":"True"}],"podIP":"%s","podIPs":[{"ip":"%s"}]}}' "$3" "$3"
}

# --- a server that follows it ---

# corefile_write TEXT...: of a server on $port; TEXT goes into the stanza.
corefile_write() {
	{
		printf '.:%s {\n    bind 127.0.0.1\n    prometheus 127.0.0.1:0\n' "$port"
		printf '    kubernetes cluster.local {\n'
		printf '        %s\n' "$@"
		printf '    }\n}\n'
	} >"$scratch/Corefile.new"
	mv "$scratch/Corefile.new" "$scratch/Corefile"
}

# follow_start TEXT...: another process may take the port first, then again.
follow_start() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) && corefile_write "$@" || return 1
		server_start "$scratch/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

# becomes NAME TEXT: dig prints it within half a minute.
becomes() {
	tries=0
	until [ "$(dig @127.0.0.1 -p "$port" +short +tries=1 +timeout=5 "$1" A)" = "$2" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 150 ] || ! cat "$server_log" || return 1
		sleep 0.2
	done
}

# metric PATTERN: a line of /metrics within half a minute.
metric() {
	url=$(sed -n 's|.*listening on \(http://[^ ]*/metrics\)$|\1|p' "$server_log" | head -n 1)
	tries=0
	until curl -s --noproxy '*' -m 20 "$url" >"$scratch/page" && grep -q -e "$1" "$scratch/page"; do
		tries=$((tries + 1))
		[ "$tries" -lt 150 ] || ! cat "$scratch/page" || return 1
		sleep 0.2
	done
}
