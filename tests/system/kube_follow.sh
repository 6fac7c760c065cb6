#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An API server that is followed: programs that say who we are, what a watch has missed,
# connections that fall silent, reloads, limits, and the commands that read it once.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

HOME=$scratch
export HOME
unset KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT
cart=cart.shop.svc.cluster.local

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
		[ "$tries" -lt 150 ] || ! grep -e "${1%%[{]*}" "$scratch/page" || return 1
		sleep 0.2
	done
}

# asked TIMES PATTERN: how often the API server was asked so.
asked() {
	control GET /log >"$scratch/requests"
	[ "$(grep -c -e "$2" "$scratch/requests")" -eq "$1" ] || ! cat "$scratch/requests"
}

stop_both() {
	server_stop && kill "$apiserver"
}

# --- a program says who we are ---

program_write() { # TOKEN EXPIRES
	{
		printf '#!/bin/sh\necho run >>"%s"\n' "$scratch/runs"
		printf 'echo '\''{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",'
		printf '"status":{"token":"%s","expirationTimestamp":"%s"}}'\''\n' "$1" "$2"
	} >"$scratch/login.new"
	chmod +x "$scratch/login.new" && mv "$scratch/login.new" "$scratch/login"
}

program_start() {
	apiserver_start --token first && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" &&
		program_write first 2100-01-01T00:00:00Z &&
		cat >"$scratch/kubeconfig" <<-END || return 1
			current-context: c
			contexts: [{name: c, context: {cluster: c, user: u}}]
			clusters: [{name: c, cluster: {server: "$api"}}]
			users:
			- name: u
			  user:
			    exec:
			      apiVersion: client.authentication.k8s.io/v1
			      command: ./login
		END
	follow_start 'kubeconfig kubeconfig' && becomes $cart 10.96.0.1
}

program_runs_once() {
	[ "$(wc -l <"$scratch/runs")" -eq 1 ]
}

program_runs_again() {
	program_write second 2100-01-01T00:00:00Z && control POST /set '{"tokens":{"second":"dns"}}' >/dev/null &&
		suffer '{"resource":"services","kind":"end"}' && put "$(service_json shop more 10.96.0.2)" &&
		becomes more.shop.svc.cluster.local 10.96.0.2 && [ "$(wc -l <"$scratch/runs")" -ge 2 ]
}

# --- what a watch has missed ---

missing_start() {
	apiserver_start && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" \
		"$(service_json shop old 10.96.0.3)" &&
		follow_start "endpoint $api" 'apiserver_compare 1s' && becomes $cart 10.96.0.1
}

nothing_is_missing() {
	sleep 2.5
	! grep 'loading them anew' "$server_log"
}

what_was_missed_is_found() {
	suffer '{"resource":"services","kind":"silent","events":-1}' &&
		put "$(service_json shop cart 10.96.0.9)" "$(service_json shop new 10.96.0.4)" &&
		remove services shop old && becomes $cart 10.96.0.9 &&
		becomes new.shop.svc.cluster.local 10.96.0.4 && becomes old.shop.svc.cluster.local '' &&
		grep -q 'services: [123] objects are not as the API server has them' "$server_log" &&
		metric '^waymark_registry_repairs_total{host="127[^}]*} [1-9]'
}

# --- silence ---

silent_start() {
	apiserver_start --bookmark-ms 300 && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" &&
		follow_start "endpoint $api" 'apiserver_silence 2s' && becomes $cart 10.96.0.1
}

silence_is_noticed() {
	suffer '{"resource":"services","kind":"stall","ms":600000}' &&
		put "$(service_json shop cart 10.96.0.8)" && becomes $cart 10.96.0.8 &&
		grep -q 'services: nothing was heard for too long' "$server_log"
}

# --- reloads ---

reload_start() {
	apiserver_start && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" &&
		follow_start "endpoint $api" && becomes $cart 10.96.0.1
}

same_cluster_is_kept() {
	control POST /log/clear >/dev/null && corefile_write "endpoint $api" '# the same' &&
		reload_ends "$taken" && asked 0 services && becomes $cart 10.96.0.1
}

changed_cluster_is_loaded_first() {
	corefile_write "endpoint $api" 'ttl 7' && reload_ends "$taken" && becomes $cart 10.96.0.1 &&
		put "$(service_json shop cart 10.96.0.7)" && becomes $cart 10.96.0.7
}

cluster_that_is_away_is_refused() {
	corefile_write 'endpoint http://127.0.0.1:1' 'startup_timeout 1s' && reload_ends "$refused" &&
		put "$(service_json shop cart 10.96.0.6)" && becomes $cart 10.96.0.6
}

# --- limits, and what is read once ---

requests_are_limited() {
	follow_start "endpoint $api" 'apiserver_qps 1' 'apiserver_burst 1' 'apiserver_max_inflight 1' &&
		becomes $cart 10.96.0.6
}

commands_read_it_once() {
	corefile_write "endpoint $api" && "$WAYMARK" check -c "$scratch/Corefile" >"$scratch/out" &&
		"$WAYMARK" lookup -c "$scratch/Corefile" $cart >"$scratch/out" && grep -q 10.96.0.6 "$scratch/out" &&
		"$WAYMARK" dump -c "$scratch/Corefile" >"$scratch/out" && grep -q 10.96.0.6 "$scratch/out" ||
		! cat "$scratch/out"
}

commands_say_that_it_is_away() {
	corefile_write 'endpoint http://127.0.0.1:1' 'startup_timeout 200ms'
	! "$WAYMARK" check -c "$scratch/Corefile" >"$scratch/out" 2>&1 &&
		grep -q 'error: the API server has not told all: namespaces: ' "$scratch/out" || ! cat "$scratch/out"
}

case_run 'a program says who we are' program_start
case_run 'it is asked once' program_runs_once
case_run 'it is asked again when its word counts no more' program_runs_again
case_run 'they end' stop_both
case_run 'a server that compares starts' missing_start
case_run 'nothing is found where nothing is missing' nothing_is_missing
case_run 'what a watch has missed is found' what_was_missed_is_found
case_run 'they end, too' stop_both
case_run 'a server that does not trust silence starts' silent_start
case_run 'a watch that falls silent is begun anew' silence_is_noticed
case_run 'and they end' stop_both
case_run 'a server that is reloaded starts' reload_start
case_run 'a cluster with the same options is not loaded again' same_cluster_is_kept
case_run 'one with other options is loaded and then followed' changed_cluster_is_loaded_first
case_run 'one whose API server is away is refused' cluster_that_is_away_is_refused
case_run 'it ends' server_stop
case_run 'requests are limited' requests_are_limited
case_run 'the commands read it once' commands_read_it_once
case_run 'and say that it is away' commands_say_that_it_is_away
case_run 'the last one ends' stop_both
cases_end
