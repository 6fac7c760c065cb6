#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same against a real kube-apiserver, where KUBEBUILDER_ASSETS names a folder with
# `etcd` and `kube-apiserver`, as envtest has them: the role of conf/kubernetes, a token of
# its service account, objects that come, change and go, and a restart.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

assets=${KUBEBUILDER_ASSETS:-}
tls=$scratch/tls
cart=cart.shop.svc.cluster.local
db=db.shop.svc.cluster.local

# As an administrator; the reply on standard output explains a failure.
real() {
	curl -sS --noproxy '*' -m 30 --fail-with-body --cacert "$tls/ca.crt" --cert "$tls/admin.crt" \
		--key "$tls/admin.key" "$@"
}

send() { # METHOD TYPE PATH TEXT
	printf '%s' "$4" | real -X "$1" -H "Content-Type: application/$2" --data-binary @- "$api$3" ||
		! printf '\n%s %s\n' "$1" "$3"
}

delete() { # PATH
	send DELETE json "$1" '{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0}'
}

# until_ COMMAND...: within two minutes.
until_() {
	tries=0
	until "$@" >"$scratch/until" 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || ! cat "$scratch/until" || return 1
		sleep 0.2
	done
}

# says NAME TYPE ANSWER...: these and no others, or the rcode.
says() {
	question="$1 $2"
	dig @127.0.0.1 -p "$port" +tries=2 +timeout=5 "$1" "$2" >"$scratch/dig" || return 1
	shift 2
	case $1 in
	NXDOMAIN | SERVFAIL) grep -q "status: $1," "$scratch/dig" ;;
	*)
		awk '/^;; ANSWER/ { on = 1; next } /^$/ { on = 0 } on { print $NF }' "$scratch/dig" |
			sort >"$scratch/found"
		printf '%s\n' "$@" | sort | cmp -s - "$scratch/found"
		;;
	esac || ! cat "$scratch/dig"
}

# --- the real one ---

etcd_start() {
	etcd_port=$(port_free) && peer_port=$(port_free) || return 1
	"$assets/etcd" --data-dir "$scratch/etcd" --unsafe-no-fsync --log-level error \
		--listen-client-urls "http://127.0.0.1:$etcd_port" \
		--advertise-client-urls "http://127.0.0.1:$etcd_port" \
		--listen-peer-urls "http://127.0.0.1:$peer_port" >"$scratch/etcd.log" 2>&1 </dev/null &
	started="$started $!"
	until_ curl -sS --noproxy '*' -m 5 -f "http://127.0.0.1:$etcd_port/health" || ! cat "$scratch/etcd.log"
}

keys_make() {
	certificates_make "$tls" && certificate_make "$tls" admin /O=system:masters/CN=admin \
		extendedKeyUsage=clientAuth && openssl genrsa -out "$tls/account.key" 2048
}

kube_apiserver_run() {
	"$assets/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" \
		--bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$secure_port" \
		--tls-cert-file "$tls/server.crt" --tls-private-key-file "$tls/server.key" \
		--client-ca-file "$tls/ca.crt" --service-account-issuer https://kubernetes.default.svc \
		--service-account-key-file "$tls/account.key" \
		--service-account-signing-key-file "$tls/account.key" --authorization-mode RBAC \
		--service-cluster-ip-range 10.96.0.0/16 --disable-admission-plugins ServiceAccount \
		--allow-privileged=true >>"$scratch/kube-apiserver.log" 2>&1 </dev/null &
	apiserver=$!
	started="$started $apiserver"
	until_ real "$api/readyz" || ! tail -n 50 "$scratch/kube-apiserver.log"
}

real_start() {
	etcd_start && keys_make && secure_port=$(port_free) && api=https://127.0.0.1:$secure_port &&
		kube_apiserver_run
}

# What an administrator would apply, and with the account's own token.
role_is_applied() {
	until_ real "$api/api/v1/namespaces/kube-system" || return 1
	awk -v folder="$scratch" 'BEGIN { n = 1 } /^---$/ { n++; next } { print >(folder "/rbac" n) }' \
		"$srcdir/conf/kubernetes/rbac.yaml"
	send POST yaml /apis/rbac.authorization.k8s.io/v1/clusterroles "$(cat "$scratch/rbac1")" &&
		send POST yaml /apis/rbac.authorization.k8s.io/v1/clusterrolebindings "$(cat "$scratch/rbac2")" &&
		send POST yaml /api/v1/namespaces/kube-system/serviceaccounts \
			"$(cat "$srcdir/conf/kubernetes/serviceaccount.yaml")" &&
		send POST json /api/v1/namespaces/kube-system/serviceaccounts/waymark/token \
			'{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}' >"$scratch/reply" &&
		sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' "$scratch/reply" >"$scratch/token" &&
		[ -s "$scratch/token" ] || ! cat "$scratch/reply"
}

real_put() { # GROUP/VERSION PATH JSON
	root=/api/$1
	[ "$1" = v1 ] || root=/apis/$1
	send POST json "$root/$2" "{\"apiVersion\":\"$1\",${3#?}"
}

slice_put() { # ADDRESS...
	real_put discovery.k8s.io/v1 namespaces/shop/endpointslices "$(slice_json shop db db-1 "$@")"
}

objects_are_put() {
	real_put v1 namespaces "$(namespace_json shop)" &&
		real_put v1 namespaces/shop/services "$(service_json shop cart 10.96.0.20)" &&
		real_put v1 namespaces/shop/services "$(service_json shop db None)" && slice_put 10.1.0.1 10.1.0.2 &&
		real_put v1 namespaces/shop/pods '{"kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[
			{"name":"web","image":"registry.example/web"}]}}' &&
		send PATCH merge-patch+json /api/v1/namespaces/shop/pods/web/status '{"status":{"phase":"Running",
			"conditions":[{"type":"Ready","status":"True"}],"podIP":"10.1.0.9","podIPs":[{"ip":"10.1.0.9"}]}}'
}

# --- ours ---

kube_start() {
	cat >"$scratch/kubeconfig" <<-END
		current-context: c
		contexts: [{name: c, context: {cluster: c, user: u}}]
		clusters: [{name: c, cluster: {server: "$api", certificate-authority: "$tls/ca.crt"}}]
		users: [{name: u, user: {tokenFile: "$scratch/token"}}]
	END
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		printf '.:%s {\n    bind 127.0.0.1\n    kubernetes cluster.local in-addr.arpa {\n' "$port" \
			>"$scratch/Corefile"
		printf '        kubeconfig %s\n        pods verified\n        apiserver_compare 2s\n    }\n}\n' \
			"$scratch/kubeconfig" >>"$scratch/Corefile"
		server_start "$scratch/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

is_served() {
	says $cart A 10.96.0.20 && says $db A 10.1.0.1 10.1.0.2 && says 1.0.1.10.in-addr.arpa PTR 10-1-0-1.$db. &&
		says 10-1-0-9.shop.pod.cluster.local A 10.1.0.9 && says _http._tcp.$cart SRV $cart. &&
		says kubernetes.default.svc.cluster.local A 10.96.0.1 && says none.shop.svc.cluster.local A NXDOMAIN
}

changes_are_seen() {
	send PATCH merge-patch+json /apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/db-1 \
		'{"endpoints":[{"addresses":["10.1.0.3"],"conditions":{"ready":true}}]}' &&
		until_ says $db A 10.1.0.3 && real_put v1 namespaces/shop/services \
			"$(service_json shop search 10.96.0.21)" && until_ says search.shop.svc.cluster.local A 10.96.0.21
}

what_is_deleted_is_gone() {
	delete /api/v1/namespaces/shop/services/search && until_ says search.shop.svc.cluster.local A NXDOMAIN &&
		delete /api/v1/namespaces/shop/pods/web && until_ says 10-1-0-9.shop.pod.cluster.local A NXDOMAIN &&
		delete /apis/discovery.k8s.io/v1/namespaces/shop/endpointslices/db-1 && until_ says $db A NXDOMAIN
}

# What is written while it is away cannot be; what comes after it is back is seen.
restart_is_survived() {
	kill -KILL "$apiserver" && says $cart A 10.96.0.20 && kube_apiserver_run && says $cart A 10.96.0.20 &&
		slice_put 10.1.0.5 &&
		until_ says $db A 10.1.0.5 && says $cart A 10.96.0.20
}

# The compare, every two seconds, agrees with what the watches have said.
nothing_was_missed() {
	! grep 'loading them anew' "$server_log"
}

if [ ! -x "$assets/etcd" ] || [ ! -x "$assets/kube-apiserver" ]; then
	case_skip 'a real kube-apiserver' 'KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver'
	cases_end
	exit 0
fi
case_run 'a real kube-apiserver starts' real_start
case_run 'our role and account are applied' role_is_applied
case_run 'objects are put' objects_are_put
case_run 'a server of it starts' kube_start
case_run 'what it has is served' is_served
case_run 'changes are seen' changes_are_seen
case_run 'what is deleted is gone' what_is_deleted_is_gone
case_run 'a restart is survived' restart_is_survived
case_run 'nothing was missed' nothing_was_missed
case_run 'SIGTERM ends it' server_stop
cases_end
