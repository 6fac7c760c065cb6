#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Wrong names of every sort: what `waymark lookup` says about them, and the Extended DNS
# Errors of the server.
set -u
. "$srcdir/tests/support/tap.sh"

HOME=$scratch
export HOME
unset NO_COLOR
zone=svc.cluster.local

# The example, and services that have no names.
cluster_write() {
	example_copy "$1" || return 1
	cat >"$1/manifests/wrong.yaml" <<END
apiVersion: v1
kind: Service
metadata: {name: idle, namespace: shop}
spec:
  clusterIP: None
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: idle-1, namespace: shop, labels: {kubernetes.io/service-name: idle}}
addressType: IPv4
ports: [{name: http, port: 80}]
endpoints:
- {addresses: [10.244.9.1], conditions: {ready: false}}
- {addresses: [10.244.9.2], conditions: {ready: false}}
- {addresses: [10.244.9.3], conditions: {ready: false}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: orphan-1, namespace: shop, labels: {kubernetes.io/service-name: orphan}}
addressType: IPv4
ports: []
endpoints: [{addresses: [10.244.9.9]}]
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: {name: ledger, namespace: shop}
spec: {type: ClusterSetIP, ips: [10.112.0.1], ports: [{name: http, port: 80}]}
END
}

# lookup ARGUMENTS: in $scratch/out.
lookup() {
	"$WAYMARK" lookup -c "$cluster/Corefile" "$@" >"$scratch/out" 2>"$scratch/err" \
		</dev/null || { cat "$scratch/err"; return 1; }
}

# says PATTERN ARGUMENTS
says() {
	pattern=$1
	shift
	lookup "$@" && grep -q -e "$pattern" "$scratch/out" || {
		printf 'no "%s" in:\n' "$pattern"
		cat "$scratch/out"
		return 1
	}
}

says_not() {
	pattern=$1
	shift
	lookup "$@" && ! grep -q -e "$pattern" "$scratch/out" || ! cat "$scratch/out"
}

# --- a running server ---

serve_wrong() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		rm -rf "$scratch/served"
		cluster_write "$scratch/served" || return 1
		[ -z "${1:-}" ] || sed -i "s/pods verified/&\n        $1/" \
			"$scratch/served/Corefile"
		server_start "$scratch/served/Corefile" && return 0
	done
	return 1
}

# dig prints "; EDE: 0 (Other): (text)".
dig_says() {
	dig @127.0.0.1 -p "$port" "$2" "${3:-A}" >"$scratch/dig" 2>&1
	grep -q -e "^; EDE: $1" "$scratch/dig" || ! cat "$scratch/dig"
}

dig_is_silent() {
	dig @127.0.0.1 -p "$port" "$@" >"$scratch/dig" 2>&1
	grep -q 'status: ' "$scratch/dig" && ! grep -q 'EDE' "$scratch/dig" ||
		! cat "$scratch/dig"
}

# serve_unknown on|off: a server whose folder of manifests is not there yet.
serve_unknown() {
	mkdir -p "$scratch/unknown" || return 1
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		printf '.:%s {\nbind 127.0.0.1\nkubernetes cluster.local {\nmanifests later\nextended_errors %s\n}\n}\n' \
			"$port" "$1" >"$scratch/unknown/Corefile"
		server_start "$scratch/unknown/Corefile" && return 0
	done
	return 1
}

asks_a_server() {
	"$WAYMARK" lookup --server "127.0.0.1:$port" "$@" >"$scratch/out" 2>&1 || return 1
	grep -q -e ";; SERVER: 127.0.0.1:$port" "$scratch/out"
}

server_answers() {
	asks_a_server "cart.shop.$zone" && grep -q '10\.96\.20\.20' "$scratch/out" &&
		! grep -q 'cart\.yaml' "$scratch/out" || ! cat "$scratch/out"
}

# Over TCP, as it does not fit a datagram.
server_answers_at_length() {
	{
		printf 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n'
		printf 'metadata: {name: many, namespace: shop, labels: {kubernetes.io/service-name: idle}}\n'
		printf 'addressType: IPv4\nports: [{name: http, port: 80}]\nendpoints:\n'
		for i in $(seq 1 200); do
			printf -- '- {addresses: [10.250.0.%d]}\n' "$i"
		done
	} >"$scratch/many.yaml"
	mv "$scratch/many.yaml" "$scratch/served/manifests/many.yaml"
	tries=0
	until asks_a_server "idle.shop.$zone" && grep -q '10\.250\.0\.200' "$scratch/out"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || ! cat "$scratch/out" || return 1
		sleep 0.1
	done
}

server_and_objects() {
	asks_a_server -c "$scratch/served/Corefile" "cart.shop.$zone" &&
		grep -q '10\.96\.20\.20.*cart\.yaml' "$scratch/out" || ! cat "$scratch/out"
}

nobody_answers() {
	port=$(port_free) && asks_a_server "cart.shop.$zone" &&
		grep -q 'no reply: Connection refused' "$scratch/out" || ! cat "$scratch/out"
}

# --- forms of output ---

# json_has NAME PATTERN...: one line with each of them.
json_has() {
	lookup --json --namespace shop "$1" || return 1
	shift
	[ "$(wc -l <"$scratch/out")" -eq 1 ] || return 1
	for pattern; do
		grep -q -e "$pattern" "$scratch/out" || ! cat "$scratch/out" || return 1
	done
}

no_colours() {
	lookup "cart.shop.$zone" && ! grep -q "$(printf '\033')" "$scratch/out"
}

# script(1) gives a terminal.
colours_on_a_terminal() {
	TERM=xterm script -qec "$WAYMARK lookup -c $cluster/Corefile cart.shop.$zone" /dev/null \
		>"$scratch/out" 2>&1 </dev/null
	grep -q "$(printf '\033')" "$scratch/out" || return 1
	TERM=xterm NO_COLOR=1 script -qec \
		"$WAYMARK lookup -c $cluster/Corefile cart.shop.$zone" /dev/null \
		>"$scratch/out" 2>&1 </dev/null
	grep -q 'cart\.yaml' "$scratch/out" && ! grep -q "$(printf '\033')" "$scratch/out"
}

usage_error() {
	"$WAYMARK" lookup "$@" >"$scratch/out" 2>&1 </dev/null
	[ $? -eq 2 ] && grep -q '^usage: waymark lookup' "$scratch/out" || ! cat "$scratch/out"
}

imports_are_said() {
	sed -e 's/kubernetes cluster.local/& clusterset.local/' -e 's/pods verified/&\n multicluster clusterset.local/' \
		"$cluster/Corefile" >"$cluster/Corefile.new" && mv "$cluster/Corefile.new" "$cluster/Corefile" &&
		says '^; 10\.112\.0\.1: ServiceImport shop/ledger' ledger.shop.svc.clusterset.local &&
		says '^; cart\.shop\.svc\.cluster\.local\.: of this cluster' cart.shop.svc.clusterset.local &&
		says '^; ledger\.shop\.svc\.clusterset\.local\.: of the ServiceImport' "ledger.shop.$zone"
	status=$?
	cp "$srcdir/conf/example/Corefile" "$cluster/Corefile"
	return $status
}

hidden_is_said() {
	sed "s/pods verified/$1/" "$cluster/Corefile" >"$cluster/Corefile.new" &&
		mv "$cluster/Corefile.new" "$cluster/Corefile" || return 1
	shift
	says "$@"
	status=$?
	cp "$srcdir/conf/example/Corefile" "$cluster/Corefile"
	return $status
}

port=5353
cluster=$scratch/cluster
cluster_write "$cluster"

case_run 'each address of a headless service has its object' \
	says '^; 10\.244\.1\.41 orders-db-0: EndpointSlice .*orders-db\.yaml:18' "orders-db.shop.$zone"
case_run 'what is not ready is left out' \
	says '^; left out: 10\.244\.3\.41 orders-db-2: not ready' "orders-db.shop.$zone"
case_run 'endpoints that pods stand for have the pod' \
	says '^; 10\.244\.1\.51 search-0: Pod shop/search-0 .*search\.yaml:18' "search.shop.$zone"
case_run 'an address from service_cidr is called that' \
	says 'address from service_cidr, Service shop/catalog' "catalog.shop.$zone"
case_run 'an address is looked up in reverse' \
	says '^; 10\.96\.20\.20: Service shop/cart' 10.96.20.20
case_run 'the address of an endpoint that is not ready' \
	says 'left out: an endpoint, not ready, Service shop/orders-db' 10.244.3.41
case_run 'a port without the number asked for' \
	says 'left out: .*: it has no such port' "_http._tcp.orders-db.shop.$zone" SRV
case_run 'an ExternalName' says 'smtp\.example\.com: ExternalName' "mail.shop.$zone"
case_run 'no record of the type' \
	says 'records of other types: A, SRV' "cart.shop.$zone" AAAA
case_run 'a name that is only above others' says 'only names below it' "_tcp.cart.shop.$zone"

case_run 'a service in another namespace' \
	says "^; cart\.shop\.$zone\.: in another namespace" "cart.finance.$zone"
case_run 'a near spelling of a service' \
	says "^; cart\.shop\.$zone\.: a near spelling" "crat.shop.$zone"
case_run 'a near spelling of a namespace' \
	says "^; cart\.shop\.$zone\.: the namespace is spelt" "cart.shpo.$zone"
case_run 'a namespace that does not exist' says 'no namespace "nowhere"' "x.nowhere.$zone"
case_run 'service and namespace swapped' says "^; cart\.shop\.$zone" "shop.cart.$zone"
case_run 'svc is missing' says "^; cart\.shop\.$zone\.: \"svc\" is missing" \
	cart.shop.cluster.local
case_run 'svc is misspelt' says "^; cart\.shop\.$zone" cart.shop.scv.cluster.local
case_run 'a port of another name' \
	says "^; _http\._tcp\.cart\.shop\.$zone\.: a port that it has" \
	"_web._tcp.cart.shop.$zone" SRV
case_run 'a port without underscores' says 'both underscores' "http.tcp.cart.shop.$zone" SRV
case_run 'a port without protocol' says '_PORT\._PROTOCOL' "_http.cart.shop.$zone" SRV
case_run 'an endpoint that is not ready' \
	says 'left out: 10\.244\.3\.41 orders-db-2: not ready' "orders-db-2.orders-db.shop.$zone"
case_run 'a headless service without a ready endpoint' \
	says 'headless service with 3 endpoints, none of them ready' "idle.shop.$zone"
case_run 'endpoints without a service' says 'endpoints but there is no Service.*orphan-1' \
	"orphan.shop.$zone"
case_run 'a pod of another namespace' says 'namespace "shop" has this address' \
	10-244-1-31.finance.pod.cluster.local
case_run 'a name in no zone' says 'in no zone of a cluster' example.com
case_run 'names of pods that are not served' \
	hidden_is_said 'pods disabled' 'pods disabled' 10-244-1-31.shop.pod.cluster.local
case_run 'a namespace that is not listed' \
	hidden_is_said 'namespaces finance' 'not in the list of namespaces' "cart.shop.$zone"
case_run 'a namespace that namespace_labels hides' \
	hidden_is_said 'namespace_labels team=finance' 'hidden by namespace_labels' \
	"cart.shop.$zone"
case_run 'headless services with noendpoints' \
	hidden_is_said 'noendpoints' 'with the option noendpoints' "orders-db.shop.$zone"

case_run 'the names of ServiceImports, and which kind has a name' imports_are_said

case_run 'the search list of a pod' \
	says '^; payments\.svc\.cluster\.local\.: NXDOMAIN, 0 answers' --namespace default payments
case_run 'it ends with the first answer' says_not 'svc\.cluster\.local\.: NXDOMAIN' \
	--namespace shop cart
case_run 'a name with its dot is not searched' says_not 'default\.svc' \
	--namespace default "cart.shop.$zone."
case_run 'the answer as JSON' json_has cart '^{"name":"cart\.shop\.' '"status":"NOERROR"' \
	'"data":"10\.96\.20\.20"' '"object":"cart"' '"search":\[{.*"answers":1}\]}$'
case_run 'an error as JSON' json_has "idle.shop.$zone." '"status":"NXDOMAIN"' \
	'"extended_error":{"code":0,"text":"none of' '"left_out":\[{"subject":"10\.244\.9\.1'
case_run 'no colours in a file' no_colours
case_on_terminal 'colours on a terminal, never with NO_COLOR' colours_on_a_terminal
case_run 'a server that is no address' usage_error --server nowhere "cart.shop.$zone"
case_run 'a port that is none' usage_error --server 127.0.0.1:0 "cart.shop.$zone"
case_run 'a namespace that is none' usage_error --namespace '' "cart.shop.$zone"
case_run 'an option without its value' usage_error "cart.shop.$zone" --server
case_run 'a type that is none' usage_error "cart.shop.$zone" SVR

if ! case_run 'the server starts' serve_wrong; then
	cases_end
	exit
fi
case_run 'EDE: none of the endpoints is ready' \
	dig_says '0 (Other): (none of the service.s endpoints is ready)' "idle.shop.$zone"
case_run 'EDE: a service in another namespace' \
	dig_says '0 (Other): (a service of this name is in the namespace shop)' \
	"cart.finance.$zone"
case_run 'EDE: no such namespace' \
	dig_says '0 (Other): (there is no such namespace)' "api.example.com.$zone" AAAA
case_run 'EDE: no such port' dig_says '0 (Other): (the service has no such port' \
	"_web._tcp.cart.shop.$zone" SRV
case_run 'EDE: an ExternalName is not in the way' dig_is_silent "mail.shop.$zone"
case_run 'EDE: none where nothing is known' dig_is_silent "nothing.shop.$zone"
case_run 'EDE: none of an address that is there' dig_is_silent "cart.shop.$zone"
case_run 'EDE: none for NODATA' dig_is_silent "cart.shop.$zone" AAAA
case_run 'EDE: none without EDNS' dig_is_silent +noedns "idle.shop.$zone"
case_run 'a running server is asked' server_answers
case_run 'and the objects are told with -c' server_and_objects
case_run 'over TCP where it is long' server_answers_at_length
case_run 'it ends' server_stop
case_run 'a server that is not there' nobody_answers
case_run 'the server starts without extended errors' serve_wrong 'extended_errors off'
case_run 'EDE: none with extended_errors off' dig_is_silent "idle.shop.$zone"
case_run 'it ends too' server_stop
case_run 'a server that knows nothing yet starts' serve_unknown on
case_run 'EDE: not ready' dig_says '14 (Not Ready): (the registry is not complete yet)' "cart.shop.$zone"
case_run 'it ends' server_stop
case_run 'it starts without extended errors' serve_unknown off
case_run 'EDE: none where nothing is known yet' dig_is_silent "cart.shop.$zone"
case_run 'it ends as well' server_stop
cases_end
