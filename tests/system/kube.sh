#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A cluster that comes from an API server: lists, watches, who we are to it, what goes
# wrong, and the state file.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

tls=$scratch/tls
secret=$scratch/secret
mkdir -p "$secret"

# --- the server ---

# kube_start TEXT...: a server of the cluster; TEXT goes into its stanza. Another process
# may take the port first, then again with another one.
kube_start() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		mkdir -p "$scratch/kube"
		{
			printf '.:%s {\n    bind 127.0.0.1\n    ready 127.0.0.1:0 {\n' "$port"
			printf '        monitor continuously\n    }\n    prometheus 127.0.0.1:0\n'
			printf '    kubernetes cluster.local in-addr.arpa {\n'
			printf '        %s\n' "$@"
			printf '    }\n}\n'
		} >"$scratch/kube/Corefile"
		server_start "$scratch/kube/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

# soon COMMAND...: succeeds within a minute.
soon() {
	tries=0
	until "$@" >"$scratch/soon" 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || ! cat "$scratch/soon" "$server_log" || return 1
		sleep 0.2
	done
}

# says NAME TYPE ANSWER...: these, in order, and no others; without any: the rcode.
says() {
	question="$1 $2"
	dig @127.0.0.1 -p "$port" +tries=2 +timeout=5 "$1" "$2" >"$scratch/dig" || return 1
	shift 2
	case ${1:-} in
	NXDOMAIN | SERVFAIL | NOERROR) grep -q "status: $1," "$scratch/dig" ;;
	*)
		awk '/^;; ANSWER/ { on = 1; next } /^$/ { on = 0 } on { print $NF }' "$scratch/dig" |
			sort >"$scratch/found"
		printf '%s\n' "$@" | sort | cmp -s - "$scratch/found"
		;;
	esac || ! cat "$scratch/dig"
}

page() {
	url=$(sed -n "s|.*listening on \(http://[^ ]*$1\)\$|\1|p" "$server_log" | head -n 1)
	curl -s --noproxy '*' -m 20 "$url" >"$scratch/page"
	cat "$scratch/page"
}

page_has() {
	page "$1" | grep -q -e "$2" || ! cat "$scratch/page"
}

log_has() {
	grep -q -e "$1" "$server_log" || ! cat "$server_log"
}

# request_has PATTERN: the API server was asked so.
request_has() {
	control GET /log >"$scratch/requests"
	grep -q -e "$1" "$scratch/requests" || ! cat "$scratch/requests"
}

shop_put() {
	put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" \
		"$(service_json shop db None)" "$(slice_json shop db db-1 10.1.0.1 10.1.0.2)" \
		"$(pod_json shop web 10.1.0.9)"
}

cart=cart.shop.svc.cluster.local
db=db.shop.svc.cluster.local

# --- plain ---

plain_start() {
	apiserver_start && shop_put && kube_start "endpoint $api" 'pods verified' "$@"
}

is_served() {
	says $cart A 10.96.0.1 && says $db A 10.1.0.1 10.1.0.2 &&
		says 10-1-0-9.shop.pod.cluster.local A 10.1.0.9 &&
		says _http._tcp.$cart SRV $cart. && says 1.0.96.10.in-addr.arpa PTR $cart. &&
		says none.shop.svc.cluster.local A NXDOMAIN && says none.other.svc.cluster.local A NXDOMAIN
}

is_ready() {
	page_has /ready '^OK$' && page_has /metrics '^waymark_registry_objects{kind="Service"} 2$'
}

changes_are_seen() {
	put "$(service_json shop search 10.96.0.5)" "$(slice_json shop db db-1 10.1.0.1 10.1.0.3)" &&
		soon says search.shop.svc.cluster.local A 10.96.0.5 && soon says $db A 10.1.0.1 10.1.0.3 &&
		put "$(service_json shop search 10.96.0.6)" && soon says search.shop.svc.cluster.local A 10.96.0.6 &&
		remove services shop search && soon says search.shop.svc.cluster.local A NXDOMAIN &&
		remove pods shop web && soon says 10-1-0-9.shop.pod.cluster.local A NXDOMAIN &&
		remove namespaces shop && soon says $cart A NXDOMAIN &&
		put "$(namespace_json shop)" && soon says $cart A 10.96.0.1
}

# A pod that has ended leaves by the selector of its watch.
ended_pods_leave() {
	put "$(pod_json shop job 10.1.0.7)" && soon says 10-1-0-7.shop.pod.cluster.local A 10.1.0.7 &&
		put '{"kind":"Pod","metadata":{"namespace":"shop","name":"job"},"status":{"phase":"Succeeded","podIP":"10.1.0.7"}}' &&
		soon says 10-1-0-7.shop.pod.cluster.local A NXDOMAIN
}

# What has changed while nobody watched is found, too.
history_is_gone() {
	fault '{"verb":"watch","kind":"status","code":503,"times":2}' &&
		fault '{"verb":"watchlist","kind":"status","code":503,"times":2}' &&
		suffer '{"resource":"*","kind":"end"}' && remove services shop cart &&
		put "$(service_json shop new 10.96.0.7)" && control POST /compact >/dev/null &&
		soon says $cart A NXDOMAIN && soon says new.shop.svc.cluster.local A 10.96.0.7 &&
		put "$(service_json shop cart 10.96.0.1)" && soon says $cart A 10.96.0.1
}

# An empty stream without its end is no empty cluster.
empty_streams_empty_nothing() {
	fault '{"resource":"services","verb":"watchlist","kind":"empty","ms":20,"times":2}' &&
		suffer '{"resource":"services","kind":"error","code":410}' &&
		put "$(service_json shop after 10.96.0.8)" &&
		soon says after.shop.svc.cluster.local A 10.96.0.8 && says $cart A 10.96.0.1
}

odd_events_are_told() {
	suffer '{"resource":"services","kind":"garbage","text":"{\"type\":\"ODD\",\"object\":{}}\n"}' &&
		soon log_has 'unknown type.*ODD' &&
		put "$(service_json shop odd 10.96.0.9)" && soon says odd.shop.svc.cluster.local A 10.96.0.9
}

survives() { # FAULT
	number=$((${number:-20} + 1))
	suffer "{\"resource\":\"*\",$1}" && put "$(service_json shop after 10.96.1.$number)" &&
		soon says after.shop.svc.cluster.local A "10.96.1.$number" && says $cart A 10.96.0.1
}

survives_request() { # FAULT
	fault "$1" && survives '"kind":"end"'
}

server_is_away() {
	control POST /down '{}' >/dev/null && sleep 1 && says $cart A 10.96.0.1 && says $db A 10.1.0.1 10.1.0.3 &&
		page_has /ready '^OK$' && put "$(service_json shop away 10.96.0.11)" &&
		control POST /up >/dev/null && soon says away.shop.svc.cluster.local A 10.96.0.11
}

server_restarts() {
	remove services shop away && control POST /restart '{"downMs":300,"startingMs":500}' >/dev/null &&
		put "$(service_json shop restarted 10.96.0.12)" &&
		soon says restarted.shop.svc.cluster.local A 10.96.0.12 &&
		says away.shop.svc.cluster.local A NXDOMAIN && says $cart A 10.96.0.1
}

# --- what a role lacks ---

rights_lack() {
	apiserver_start --token dns && shop_put &&
		control POST /set '{"denied":["list endpointslices","watch endpointslices"]}' >/dev/null &&
		kubeconfig_write token: dns &&
		kube_start "kubeconfig $scratch/kubeconfig" 'startup_timeout 20s' 'pods verified' &&
		lacks '403 Forbidden: the role lacks the verb "watch" on "endpointslices" of the group "discovery.k8s.io"'
}

lacks() { # TEXT
	log_has "answering without what may not be read: .*$1" && soon page_has /ready '^kubernetes$' &&
		page_has /ready "$1"
}

# What does not depend on endpoints is answered, and a change is taken over.
the_rest_goes_on() {
	says $cart A 10.96.0.1 && says _http._tcp.$cart SRV $cart. && says 1.0.96.10.in-addr.arpa PTR $cart. &&
		says 10-1-0-9.shop.pod.cluster.local A 10.1.0.9 && says none.shop.svc.cluster.local A NXDOMAIN &&
		says www.example.org.shop.svc.cluster.local A NXDOMAIN && says $db A SERVFAIL &&
		says db-1.$db A SERVFAIL && says 1.0.1.10.in-addr.arpa PTR SERVFAIL &&
		put "$(service_json shop cart 10.96.0.2)" && soon says $cart A 10.96.0.2
}

pods_lack() {
	control POST /set '{"denied":["list pods","watch pods"]}' >/dev/null &&
		kube_start "kubeconfig $scratch/kubeconfig" 'startup_timeout 20s' 'pods verified' &&
		lacks '403 Forbidden: the role lacks the verb "watch" on "pods"' && says $db A 10.1.0.1 10.1.0.2 &&
		says 10-1-0-9.shop.pod.cluster.local A SERVFAIL && says web.shop.pod.cluster.local A NXDOMAIN
}

pods_come() {
	control POST /set '{"denied":[]}' >/dev/null && soon says 10-1-0-9.shop.pod.cluster.local A 10.1.0.9 &&
		soon page_has /ready '^OK$'
}

# An old answer is better than none.
services_lack() {
	control POST /set '{"denied":["list namespaces","watch namespaces"]}' >/dev/null &&
		suffer '{"resource":"namespaces","kind":"end"}' && soon log_has '403.*"namespaces"' &&
		says $db A 10.1.0.1 10.1.0.2 && page_has /ready '^OK$' && server_stop &&
		kube_start "kubeconfig $scratch/kubeconfig" 'startup_timeout 1s' && says $db A SERVFAIL &&
		page_has /ready 'the role lacks the verb "watch" on "namespaces"'
}

rights_come() {
	control POST /set '{"denied":[]}' >/dev/null && soon says $db A 10.1.0.1 10.1.0.2 && soon page_has /ready '^OK$'
}

# --- pages, compression ---

pages_are_read() {
	apiserver_start && control POST /set '{"hasStreamingLists":false}' >/dev/null &&
		control POST /generate '{"services":1200,"endpoints":20,"pods":1300}' >/dev/null &&
		kube_start "endpoint $api" 'pods verified' && says svc-0.ns-0.svc.cluster.local A 10.96.0.0 &&
		says svc-1198.ns-10.svc.cluster.local A 10.96.4.174 &&
		page_has /metrics '^waymark_registry_objects{kind="Service"} 1200$' &&
		page_has /metrics '^waymark_registry_objects{kind="Pod"} 1300$' &&
		request_has '"url":"/api/v1/services?.*limit=500&continue='
}

lists_come_compressed() {
	grep '"verb":"\(list\|page\)"' "$scratch/requests" | grep -q '"encoding":"[^"]*gzip' ||
		! cat "$scratch/requests"
}

# The token of a page is too old: the list is begun anew.
page_is_gone() {
	fault '{"resource":"services","verb":"page","kind":"status","code":410}' &&
		suffer '{"resource":"services","kind":"error","code":410}' &&
		put "$(service_json ns-0 paged 10.97.0.1)" && soon says paged.ns-0.svc.cluster.local A 10.97.0.1 &&
		says svc-1198.ns-10.svc.cluster.local A 10.96.4.174
}

# --- TLS ---

# kubeconfig_write KEY VALUE...: of the user; $cluster_more goes to the cluster.
kubeconfig_write() {
	{
		printf 'apiVersion: v1\nkind: Config\ncurrent-context: test\n'
		printf 'contexts: [{name: test, context: {cluster: fake, user: dns}}]\n'
		printf 'clusters:\n- name: fake\n  cluster:\n    server: %s\n' "$api"
		printf '%s' "${cluster_more:-}"
		printf 'users:\n- name: dns\n  user:\n'
		while [ $# -gt 0 ]; do
			printf '    %s %s\n' "$1" "$2"
			shift 2
		done
	} >"$scratch/kubeconfig"
}

ca_more() {
	printf '    certificate-authority: %s\n' "$tls/ca.crt"
}

secure_start() {
	certificates_make "$tls" && apiserver_start --token dns --tls "$tls" && shop_put || return 1
	printf dns >"$secret/token"
	cluster_more=$(ca_more)'
'
}

with_kubeconfig() { # KEY VALUE...
	kubeconfig_write "$@" && kube_start "kubeconfig $scratch/kubeconfig" && says $cart A 10.96.0.1 || return 1
}

token_file_works() {
	with_kubeconfig tokenFile: "$secret/token" && request_has '"protocol":"2.0"'
}

one_connection_is_enough() {
	control GET /state >"$scratch/state" && grep -q '"connections":1,' "$scratch/state" ||
		! cat "$scratch/state"
}

tokens_rotate() {
	control POST /set '{"tokens":{"second":"system:serviceaccount:kube-system:dns"}}' >/dev/null &&
		printf second >"$secret/token.new" && mv "$secret/token.new" "$secret/token" &&
		suffer '{"resource":"*","kind":"end"}' && put "$(service_json shop token 10.96.0.13)" &&
		soon says token.shop.svc.cluster.local A 10.96.0.13 || return 1
	# Now the server is first: 401 until the file follows.
	control POST /set '{"tokens":{"third":"system:serviceaccount:kube-system:dns"}}' >/dev/null &&
		suffer '{"resource":"*","kind":"end"}' && put "$(service_json shop token 10.96.0.14)" &&
		soon log_has 401 && says $cart A 10.96.0.1 && printf third >"$secret/token" &&
		soon says token.shop.svc.cluster.local A 10.96.0.14 || return 1
	printf dns >"$secret/token"
	control POST /set '{"tokens":{"dns":"system:serviceaccount:kube-system:dns"}}' >/dev/null
}

# The server's certificate is renewed, by the same authority.
certificates_rotate() {
	certificates_make "$tls" && control POST /certificates >/dev/null &&
		suffer '{"resource":"*","kind":"reset"}' && put "$(service_json shop renewed 10.96.0.15)" &&
		soon says renewed.shop.svc.cluster.local A 10.96.0.15
}

inline() {
	base64 -w 0 <"$1"
}

inline_data_works() {
	cluster_more="    certificate-authority-data: $(inline "$tls/ca.crt")
"
	with_kubeconfig client-certificate-data: "$(inline "$tls/client.crt")" \
		client-key-data: "$(inline "$tls/client.key")"
	result=$?
	cluster_more=$(ca_more)'
'
	return "$result"
}

certificate_files_work() {
	with_kubeconfig client-certificate: "$tls/client.crt" client-key: "$tls/client.key"
}

tls_option_works() {
	kube_start "endpoint $api" "tls $tls/client.crt $tls/client.key $tls/ca.crt" && says $cart A 10.96.0.1
}

# refused PATTERN: the connection is not trusted, which the log says; nothing is served.
refused() {
	kube_start "kubeconfig $scratch/kubeconfig" 'startup_timeout 1s' && says $cart A SERVFAIL &&
		log_has "$1" && page_has /ready kubernetes && server_stop
}

wrong_authority_is_refused() {
	mkdir -p "$scratch/other" && key_make "$scratch/other/ca" &&
		openssl req -x509 -new -key "$scratch/other/ca.key" -out "$scratch/other/ca.crt" -days 2 \
			-subj '/CN=somebody else' || return 1
	cluster_more="    certificate-authority: $scratch/other/ca.crt
"
	kubeconfig_write token: dns && refused certificate
}

wrong_name_is_refused() {
	cluster_more=$(ca_more)'
    tls-server-name: kubernetes.example
'
	kubeconfig_write token: dns && refused certificate
}

right_name_is_accepted() {
	cluster_more=$(ca_more)'
    tls-server-name: kubernetes.default.svc
'
	with_kubeconfig token: dns && server_stop
}

insecure_is_accepted() {
	cluster_more='    insecure-skip-tls-verify: true
'
	with_kubeconfig token: dns && server_stop
}

expired_certificate_is_refused() {
	certificate_make "$tls" server /CN=kubernetes 'subjectAltName=IP:127.0.0.1' \
		-not_before 20200101000000Z -not_after 20200102000000Z >"$scratch/openssl" 2>&1 ||
		faketime_is_missing || return 1
	control POST /certificates >/dev/null
	cluster_more=$(ca_more)'
'
	kubeconfig_write token: dns && refused certificate
}

# openssl x509 has no -not_before before version 3.4: a certificate of no days has ended.
faketime_is_missing() {
	certificate_make "$tls" server /CN=kubernetes 'subjectAltName=IP:127.0.0.1' -days 0 &&
		sleep 1.1
}

# --- in a cluster ---

# Needs a mount namespace of its own, for the files of the service account.
in_cluster() {
	folder=/run/secrets/kubernetes.io/serviceaccount
	port=$(port_free)
	printf '.:%s {\n    bind 127.0.0.1\n    kubernetes cluster.local\n}\n' "$port" >"$scratch/kube/Corefile"
	server_log=$scratch/server.log
	: >"$server_log"
	host=${api#https://}
	unshare -m sh -c "mount -t tmpfs none /run && mkdir -p $folder &&
		cp '$tls/ca.crt' '$secret/token' $folder/ && printf kube-system >$folder/namespace &&
		exec env KUBERNETES_SERVICE_HOST=${host%:*} KUBERNETES_SERVICE_PORT=${host#*:} \
			'$WAYMARK' serve -c '$scratch/kube/Corefile'" >"$server_log" 2>&1 </dev/null &
	server=$!
	started="$started $server"
	wait_for "$server_log" ' ready$' "$server" && says $cart A 10.96.0.1 && server_stop
}

outside_of_a_cluster() {
	printf '.:0 {\n    bind 127.0.0.1\n    kubernetes cluster.local\n}\n' >"$scratch/kube/Corefile"
	run "$WAYMARK" serve -c "$scratch/kube/Corefile"
	expect 1 err KUBERNETES_SERVICE_HOST
}

# --- the state file ---

state=$scratch/registry

state_is_written() {
	apiserver_start && shop_put && rm -f "$state" && kube_start "endpoint $api" 'pods verified' "state $state" &&
		soon test -s "$state" && put "$(service_json shop late 10.96.0.16)" &&
		soon says late.shop.svc.cluster.local A 10.96.0.16 && server_stop && [ ! -e "$state.new" ] &&
		[ "$(stat -c %a "$state")" = 600 ] || ! ls -l "$scratch"
}

away_start() {
	control POST /down '{}' >/dev/null
	kube_start "endpoint $api" 'pods verified' "state $state" 'startup_timeout 1s' "$@"
}

state_is_served() {
	away_start && log_has 'answering from the state file' && says $cart A 10.96.0.1 &&
		says late.shop.svc.cluster.local A 10.96.0.16 && says $db A 10.1.0.1 10.1.0.2 &&
		says 10-1-0-9.shop.pod.cluster.local A 10.1.0.9 && says 1.0.96.10.in-addr.arpa PTR $cart. &&
		says none.shop.svc.cluster.local A NXDOMAIN && page_has /ready '^OK$'
}

# What the API server has by then replaces it, with what is gone.
state_is_replaced() {
	remove services shop late && put "$(service_json shop cart 10.96.0.17)" && control POST /up >/dev/null &&
		soon says late.shop.svc.cluster.local A NXDOMAIN && says $cart A 10.96.0.17 &&
		says $db A 10.1.0.1 10.1.0.2 && server_stop
}

state_is_newer_now() {
	away_start && says $cart A 10.96.0.17 && says late.shop.svc.cluster.local A NXDOMAIN && server_stop
}

# A state that was served is not written over by one that is not complete.
state_outlives_a_start_without_server() {
	cp "$state" "$scratch/before" && away_start && sleep 2 && server_stop && cmp "$state" "$scratch/before"
}

damaged_state_is_refused() {
	cp "$state" "$scratch/whole" && printf X | dd of="$state" bs=1 seek=200 conv=notrunc 2>/dev/null &&
		away_start && log_has 'the state file is not used: it is damaged' && says $cart A SERVFAIL &&
		server_stop
}

cut_state_is_refused() {
	head -c 300 "$scratch/whole" >"$state" && away_start &&
		log_has 'the state file is not used: it is cut off' && says $cart A SERVFAIL && server_stop
}

other_format_is_refused() {
	cp "$scratch/whole" "$state" && printf '\002' | dd of="$state" bs=1 seek=16 conv=notrunc 2>/dev/null &&
		away_start && log_has 'it has format 2, this version reads format 1' && says $cart A SERVFAIL &&
		server_stop
}

other_options_are_refused() {
	cp "$scratch/whole" "$state" && away_start 'labels app=cart' && log_has 'written with other options' &&
		says $cart A SERVFAIL && server_stop
}

unwritable_state_is_told() {
	control POST /up >/dev/null
	kube_start "endpoint $api" "state $scratch/nowhere/registry" && soon log_has 'cannot write the state file' &&
		says $cart A 10.96.0.17 && server_stop
}

state_excludes_manifests() {
	printf '.:0 {\n    kubernetes cluster.local {\n        manifests .\n        state x\n    }\n}\n' \
		>"$scratch/kube/Corefile"
	run "$WAYMARK" check -c "$scratch/kube/Corefile"
	expect 1 err 'Corefile:4:9: error: manifests and state exclude each other'
}

case_run 'a server of an API server starts' plain_start
case_run 'what it has is served' is_served
case_run 'it is ready, and its objects are counted' is_ready
case_run 'an event of an unknown type is told and passed over' odd_events_are_told
case_run 'changes are seen' changes_are_seen
case_run 'pods that have ended leave' ended_pods_leave
case_run 'what changed while nobody watched is found' history_is_gone
case_run 'an empty stream empties nothing' empty_streams_empty_nothing
case_run 'a watch that ends goes on' survives '"kind":"end"'
case_run 'a watch that breaks goes on' survives '"kind":"cut"'
case_run 'a watch whose connection is reset goes on' survives '"kind":"reset"'
case_run 'half a line is passed over' survives '"kind":"half"'
case_run 'text that is no JSON is passed over' survives '"kind":"garbage","text":"Bad Gateway\n"'
case_run 'an error of the server is survived' survives '"kind":"error","code":500'
for code in 401 403 429 500 503 504; do
	case_run "$code to a request is survived" \
		survives_request "{\"kind\":\"status\",\"code\":$code,\"retryAfter\":1,\"times\":3}"
done
case_run 'a reply that is cut is survived' survives_request '{"kind":"cut","bytes":70,"times":3}'
case_run 'while the server is away all stays' server_is_away
case_run 'a restart is survived' server_restarts
case_run 'SIGTERM ends it' server_stop

case_run 'without streaming lists all pages are read' pages_are_read
case_run 'lists come compressed' lists_come_compressed
case_run 'a page that is gone begins the list anew' page_is_gone
case_run 'SIGTERM ends that, too' server_stop

case_run 'what the role lacks is named' rights_lack
case_run 'the rest goes on' the_rest_goes_on
case_run 'when it has it all is there' rights_come
case_run 'that server ends' server_stop
case_run 'pods may lack, too' pods_lack
case_run 'and come' pods_come
case_run 'of what it has had nothing is lost, without namespaces nothing begins' services_lack
case_run 'SIGTERM ends that one, too' server_stop

case_run 'an API server with TLS starts' secure_start
case_run 'a kubeconfig with a token in a file' token_file_works
case_run 'all watches share one connection' one_connection_is_enough
case_run 'tokens are exchanged' tokens_rotate
case_run 'certificates are renewed' certificates_rotate
case_run 'SIGTERM ends it over TLS' server_stop
case_run 'a kubeconfig with a certificate in it' inline_data_works
case_run 'and ends' server_stop
case_run 'a kubeconfig with a certificate in files' certificate_files_work
case_run 'and ends as well' server_stop
case_run 'endpoint and tls' tls_option_works
case_run 'and ends, too' server_stop
case_run 'a certificate of another authority is refused' wrong_authority_is_refused
case_run 'a certificate for another name is refused' wrong_name_is_refused
case_run 'the name that the kubeconfig has is accepted' right_name_is_accepted
case_run 'insecure-skip-tls-verify accepts any' insecure_is_accepted
if unshare -m true 2>/dev/null; then
	case_run 'in a cluster the service account is used' in_cluster
else
	case_skip 'in a cluster the service account is used' 'no mount namespace can be had'
fi
case_run 'outside of a cluster that is said' outside_of_a_cluster
case_run 'a certificate that has expired is refused' expired_certificate_is_refused

case_run 'the state file is written' state_is_written
case_run 'it is served while the API server is away' state_is_served
case_run 'then the API server has the word' state_is_replaced
case_run 'the file follows' state_is_newer_now
case_run 'a start without the API server leaves the file' state_outlives_a_start_without_server
case_run 'a damaged one is refused' damaged_state_is_refused
case_run 'one that is cut off is refused' cut_state_is_refused
case_run 'one of another format is refused' other_format_is_refused
case_run 'one of other options is refused' other_options_are_refused
case_run 'one that cannot be written is told' unwritable_state_is_told
case_run 'with manifests there is none' state_excludes_manifests
cases_end
