#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How an API server is reached: programs that say who we are, with tokens and with
# certificates, until their word ends; proxies.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

cart=cart.shop.svc.cluster.local
tls=$scratch/tls
login='{apiVersion: client.authentication.k8s.io/v1, command: ./login}'

# kubeconfig_write USER [CLUSTER]: what stands in the maps of the user and the cluster.
kubeconfig_write() {
	cat >"$scratch/kubeconfig" <<-END
		current-context: c
		contexts: [{name: c, context: {cluster: c, user: u}}]
		clusters: [{name: c, cluster: {server: "$api"${2:+, $2}}}]
		users: [{name: u, user: {$1}}]
	END
}

# comes NAME ADDRESS: every watch ends, and what the next ones tell is answered.
comes() {
	suffer '{"resource":"*","kind":"end"}' && put "$(service_json shop "$1" "$2")" &&
		becomes "$1.shop.svc.cluster.local" "$2"
}

never_unauthorized() {
	! grep 401 "$server_log"
}

stop_both() {
	server_stop && kill "$apiserver"
}

# --- a program says who we are ---

# word_write JSON: what the program says from now on; it notes that it was asked.
word_write() {
	{
		printf '#!/bin/sh\necho run >>"%s"\n' "$scratch/runs"
		printf "cat <<'END'\n"
		printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{%s}}\n' "$1"
		printf 'END\n'
	} >"$scratch/login.new"
	chmod +x "$scratch/login.new" && mv "$scratch/login.new" "$scratch/login"
}

program_write() { # TOKEN EXPIRES
	word_write "\"token\":\"$1\",\"expirationTimestamp\":\"$2\""
}

certificate_write() { # EXPIRES
	word_write "\"clientCertificateData\":\"$(one_line "$tls/client.crt")\",\"clientKeyData\":\"$(
		one_line "$tls/client.key")\",\"expirationTimestamp\":\"$1\""
}

one_line() {
	awk '{ printf "%s\\n", $0 }' "$1"
}

in_seconds() {
	date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ
}

program_start() {
	apiserver_start --token first && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" &&
		program_write first 2100-01-01T00:00:00Z && kubeconfig_write "exec: $login" &&
		follow_start 'kubeconfig kubeconfig' && becomes $cart 10.96.0.1
}

runs() {
	wc -l <"$scratch/runs"
}

program_runs_once() {
	[ "$(runs)" -eq 1 ]
}

program_runs_again() {
	program_write second 2100-01-01T00:00:00Z && control POST /set '{"tokens":{"second":"dns"}}' >/dev/null &&
		suffer '{"resource":"services","kind":"end"}' && put "$(service_json shop more 10.96.0.2)" &&
		becomes more.shop.svc.cluster.local 10.96.0.2 && [ "$(runs)" -ge 2 ]
}

# What it says counts for five seconds less than it does.
words_end() {
	rm -f "$scratch/runs"
	apiserver_start --token first && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" &&
		program_write first "$(in_seconds 7)" && kubeconfig_write "exec: $login" &&
		follow_start 'kubeconfig kubeconfig' && becomes $cart 10.96.0.1 &&
		control POST /set '{"tokens":{"first":"dns","second":"dns"}}' >/dev/null &&
		program_write second 2100-01-01T00:00:00Z && sleep 3 && comes more 10.96.0.2 &&
		control GET /log >"$scratch/requests" && grep -q 'Bearer second' "$scratch/requests" &&
		[ "$(runs)" -ge 2 ] && never_unauthorized
}

# A word that has ended before it is said: it is tried, and the program does not run
# without a pause.
ended_words_are_tried() {
	rm -f "$scratch/runs"
	apiserver_start --token first && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" &&
		program_write first 2001-01-01T00:00:00Z && kubeconfig_write "exec: $login" &&
		follow_start 'kubeconfig kubeconfig' && becomes $cart 10.96.0.1 && comes more 10.96.0.2 && sleep 1 && [ "$(runs)" -le 20 ] || ! runs
}

secure_start() { # ARGUMENT...
	certificates_make "$tls" && apiserver_start --token dns --tls "$tls" &&
		put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)"
}

program_has_a_certificate() {
	rm -f "$scratch/runs"
	secure_start && certificate_write "$(in_seconds 7)" &&
		kubeconfig_write "exec: $login" "certificate-authority: $tls/ca.crt" &&
		follow_start 'kubeconfig kubeconfig' && becomes $cart 10.96.0.1
}

# asked_as USER: a request of that user comes within ten seconds.
asked_as() {
	tries=0
	until control GET /log >"$scratch/requests" && grep -q "\"user\":\"$1\"" "$scratch/requests"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

# Another one from then on, on another connection.
certificates_end() {
	certificate_make "$tls" client /CN=dns-by-another extendedKeyUsage=clientAuth &&
		certificate_write 2100-01-01T00:00:00Z && sleep 3 && comes more 10.96.0.2 && [ "$(runs)" -ge 2 ] &&
		never_unauthorized && asked_as dns-by-cert && asked_as dns-by-another || ! cat "$scratch/requests"
}

# --- proxies ---

proxy_start() {
	: >"$scratch/proxy"
	node "$srcdir/tests/support/proxy.js" >"$scratch/proxy" 2>&1 </dev/null &
	started="$started $!"
	wait_for "$scratch/proxy" '^proxy ' "$!" && proxy=$(sed -n 's/^proxy //p' "$scratch/proxy")
}

# What the environment says of proxies is for others: kubectl does not ask it either here.
proxy_is_used() {
	NO_PROXY='*' no_proxy='*'
	export NO_PROXY no_proxy
	proxy_start && secure_start &&
		kubeconfig_write 'token: dns' "certificate-authority: $tls/ca.crt, proxy-url: $proxy" &&
		follow_start 'kubeconfig kubeconfig' && becomes $cart 10.96.0.1 &&
		grep -q "^CONNECT ${api#https://}" "$scratch/proxy" && comes more 10.96.0.2 || ! cat "$scratch/proxy"
}

case_run 'a program says who we are' program_start
case_run 'it is asked once' program_runs_once
case_run 'it is asked again when its word counts no more' program_runs_again
case_run 'they end' stop_both
case_run 'it is asked again before its word ends' words_end
case_run 'and they end' stop_both
case_run 'a word that has ended is tried' ended_words_are_tried
case_run 'they end as well' stop_both
case_run 'a program that has a certificate' program_has_a_certificate
case_run 'it is asked again before that ends' certificates_end
case_run 'those end' stop_both
case_run 'proxy-url' proxy_is_used
case_run 'the last ones end' stop_both
cases_end
