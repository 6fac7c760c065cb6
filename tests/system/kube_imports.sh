#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ServiceImports of an API server: they are asked for where a zone is multicluster, they may
# be of either version of their API or of none, and the state file has them.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

cart=cart.shop.svc.clusterset.local
alpha=multicluster.x-k8s.io/v1alpha1
beta=multicluster.x-k8s.io/v1beta1

# imports_start TEXT...: a server on $port; another process may take that first, then again.
imports_start() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		{
			printf '.:%s {\n    bind 127.0.0.1\n' "$port"
			printf '    kubernetes cluster.local clusterset.local {\n        %s\n' "${from:-endpoint $api}"
			printf '        %s\n' "$@"
			printf '    }\n}\n'
		} >"$scratch/Corefile"
		server_start "$scratch/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

# becomes NAME TEXT: dig prints it within half a minute, or has it for its status.
becomes() {
	tries=0
	until dig @127.0.0.1 -p "$port" +tries=1 +timeout=5 "$1" A >"$scratch/dig" &&
		if [ "$2" = NXDOMAIN ] || [ "$2" = SERVFAIL ]; then
			grep -q "status: $2" "$scratch/dig"
		else
			grep -q "IN[[:space:]]A[[:space:]]$2\$" "$scratch/dig"
		fi; do
		tries=$((tries + 1))
		[ "$tries" -lt 150 ] || ! cat "$scratch/dig" "$server_log" || return 1
		sleep 0.2
	done
}

# requests PATTERN: how many of the log of the API server.
requests() {
	control GET /log >"$scratch/requests" && grep -c -e "$1" "$scratch/requests"
}

objects_put() {
	apiserver_start && put "$(namespace_json shop)" "$(service_json shop web 10.96.0.1)" \
		"$(import_json shop cart 10.112.0.1)" "$(import_slice_json shop cart north cart-1 10.2.0.1)"
}

nothing_is_asked_for() {
	objects_put && imports_start 'ttl 5' && becomes web.shop.svc.cluster.local 10.96.0.1 &&
		becomes cart.shop.svc.clusterset.local NXDOMAIN && [ "$(requests serviceimports)" = 0 ] && server_stop
}

they_are_followed() {
	imports_start 'multicluster clusterset.local' "state $scratch/state" && becomes $cart 10.112.0.1 &&
		becomes 10-2-0-1.north.$cart 10.2.0.1 && becomes web.shop.svc.cluster.local 10.96.0.1 &&
		becomes cart.shop.svc.cluster.local NXDOMAIN && becomes web.shop.svc.clusterset.local NXDOMAIN &&
		put "$(import_json shop cart 10.112.0.2)" && becomes $cart 10.112.0.2 &&
		put "$(import_slice_json shop cart south cart-1 10.2.0.1)" && becomes 10-2-0-1.south.$cart 10.2.0.1 &&
		becomes 10-2-0-1.north.$cart NXDOMAIN
}

slice_that_is_of_a_service_now() {
	put "$(slice_json shop web cart-1 10.2.0.1)" && becomes 10-2-0-1.south.$cart NXDOMAIN &&
		becomes 10-2-0-1.web.shop.svc.cluster.local 10.2.0.1 &&
		put "$(import_slice_json shop cart south cart-1 10.2.0.1)" && becomes 10-2-0-1.south.$cart 10.2.0.1 &&
		becomes 10-2-0-1.web.shop.svc.cluster.local NXDOMAIN
}

state_has_them() {
	server_stop && kill "$apiserver" && wait_until_gone &&
		imports_start 'multicluster clusterset.local' "state $scratch/state" 'startup_timeout 1s' &&
		becomes $cart 10.112.0.2 && becomes 10-2-0-1.south.$cart 10.2.0.1 &&
		becomes web.shop.svc.cluster.local 10.96.0.1 && server_stop
}

wait_until_gone() {
	while kill -0 "$apiserver" 2>/dev/null; do
		sleep 0.1
	done
}

other_version_is_found() {
	objects_put && control POST /set "{\"absent\":[\"$alpha\"]}" >/dev/null &&
		imports_start 'multicluster clusterset.local' && becomes $cart 10.112.0.1 &&
		put "$(import_json shop cart 10.112.0.3)" && becomes $cart 10.112.0.3 &&
		[ "$(requests v1beta1/serviceimports)" -ge 1 ] && server_stop
}

# Without the definition of the resource the other zones are served all the same.
absence_is_no_failure() {
	control POST /set "{\"absent\":[\"$alpha\",\"$beta\"]}" >/dev/null &&
		imports_start 'multicluster clusterset.local' "state $scratch/other" &&
		becomes web.shop.svc.cluster.local 10.96.0.1 && becomes $cart NXDOMAIN &&
		grep -q 'serviceimports: 404 Not Found: .* CustomResourceDefinition' "$server_log"
}

they_come_with_their_definition() {
	control POST /set '{"absent":[]}' >/dev/null && becomes $cart 10.112.0.3
}

# What is known stays for a while, and then it is gone.
they_go_with_their_definition() {
	control POST /set "{\"absent\":[\"$alpha\",\"$beta\"]}" >/dev/null &&
		suffer '{"resource":"serviceimports","kind":"end"}' && becomes $cart NXDOMAIN &&
		[ "$(requests 'serviceimports.*"status":404')" -ge 14 ] &&
		becomes web.shop.svc.cluster.local 10.96.0.1 && server_stop
}

role_that_lacks_them_is_named() {
	kill "$apiserver" && wait_until_gone && apiserver_start --token t && put "$(namespace_json shop)" \
		"$(service_json shop web 10.96.0.1)" "$(import_json shop cart 10.112.0.1)" &&
		control POST /set '{"denied":["list serviceimports","watch serviceimports"]}' >/dev/null || return 1
	cat >"$scratch/kubeconfig" <<-END
		current-context: c
		contexts: [{name: c, context: {cluster: c, user: u}}]
		clusters: [{name: c, cluster: {server: "$api"}}]
		users: [{name: u, user: {token: t}}]
	END
	from='kubeconfig kubeconfig'
	imports_start 'multicluster clusterset.local' 'startup_timeout 1s' &&
		becomes web.shop.svc.cluster.local 10.96.0.1 && becomes gone.shop.svc.cluster.local NXDOMAIN &&
		becomes $cart SERVFAIL && becomes x.nowhere.svc.clusterset.local NXDOMAIN &&
		grep -q 'serviceimports: 403 Forbidden: .* on "serviceimports" of the group "multicluster.x-k8s.io"' \
			"$server_log" && control POST /set '{"denied":[]}' >/dev/null && becomes $cart 10.112.0.1 && server_stop
}

case_run 'without a multicluster zone nothing is asked for' nothing_is_asked_for
case_run 'imports and their slices are followed' they_are_followed
case_run 'a slice may become that of a Service, and back' slice_that_is_of_a_service_now
case_run 'the state file has them' state_has_them
case_run 'the other version of their API does as well' other_version_is_found
case_run 'a server that knows none of them is no failure' absence_is_no_failure
case_run 'they come with their definition' they_come_with_their_definition
case_run 'and go with it' they_go_with_their_definition
case_run 'a role that lacks them leaves the other zones alone' role_that_lacks_them_is_named
kill "$apiserver" 2>/dev/null
cases_end
