#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each plugin over the network: the example cluster behind one Corefile after another.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"

HOME=$scratch
export HOME

# A headless service whose addresses take more than 512 octets and less than 1232.
large_write() {
	printf 'apiVersion: v1\nkind: Service\nmetadata: {name: large, namespace: shop}\n'
	printf 'spec: {clusterIP: None, ports: [{name: web, port: 80}]}\n---\n'
	printf 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n'
	printf 'metadata: {name: large-1, namespace: shop, labels: {kubernetes.io/service-name: large}}\n'
	printf 'ports: [{name: web, port: 80}]\nendpoints:\n'
	for octet in $(seq 60); do
		printf -- '- addresses: [10.9.0.%d]\n' "$octet"
	done
}

# serve [PLUGIN LINE...]: the example cluster, with these lines in its server block, on a
# free port. Another process may take the port first, then again with another one.
serve() {
	printf '%s\n' "$@" >"$scratch/lines"
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		rm -rf "$scratch/served"
		example_copy "$scratch/served" || return 1
		large_write >"$scratch/served/manifests/large.yaml"
		{
			printf '.:%s {\nbind 127.0.0.1\n' "$port"
			cat "$scratch/lines"
			printf 'kubernetes cluster.local in-addr.arpa ip6.arpa {\n'
			printf 'manifests manifests\npods verified\nttl 30\n'
			printf 'service_cidr 10.96.128.0/17\n'
			printf 'fallthrough 255.in-addr.arpa\n}\n}\n'
		} >"$scratch/served/Corefile"
		server_start "$scratch/served/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

cart=cart.shop.svc.cluster.local
srv=_postgresql._tcp.orders-db.shop.svc.cluster.local
large=large.shop.svc.cluster.local
headless=orders-db.shop.svc.cluster.local

# --- bufsize ---

bufsize_is_announced() {
	ask "$cart" +bufsize=4096 && has 'udp: 512$'
}

bufsize_truncates() {
	ask "$large" +bufsize=4096 +ignore && has 'flags: qr aa tc' || return 1
	size=$(sed -n 's/.*MSG SIZE rcvd: //p' "$scratch/answer")
	[ "$size" -le 512 ]
}

bufsize_is_off() {
	ask "$large" +bufsize=4096 +ignore && has 'udp: 1232$' && has 'ANSWER: 60' && lacks 'flags:.* tc'
}

# --- loadbalance ---

# How many different first lines these questions get: `turns` of them, fewer once there
# have been `enough`.
first_lines() {
	: >"$scratch/firsts"
	for turn in $(seq "$turns"); do
		ask +short "$@" || return 1
		head -n 1 "$scratch/answer" >>"$scratch/firsts"
		[ "$(sort -u "$scratch/firsts" | wc -l)" -lt "$enough" ] || break
	done
	sort -u "$scratch/firsts" | wc -l
}

loadbalance_rotates() {
	turns=500
	ask +short "$@" || return 1
	enough=$(wc -l <"$scratch/answer")
	[ "$enough" -gt 1 ] && [ "$(first_lines "$@")" -eq "$enough" ]
}

first_is_always() {
	turns=20
	enough=2
	[ "$(first_lines "$headless")" -eq 1 ]
}

loadbalance_prefers() {
	ask +short "$headless" || return 1
	preferred=$(tail -n 1 "$scratch/answer")
	server_stop && serve 'loadbalance round_robin {' "prefer $preferred/32" '}' || return 1
	first_is_always && [ "$(head -n 1 "$scratch/firsts")" = "$preferred" ]
}

# firsts_of: which of the headless service's addresses came first, in 400 replies.
firsts_of() {
	: >"$scratch/firsts"
	for turn in $(seq 400); do
		ask +short "$headless" || return 1
		head -n 1 "$scratch/answer" >>"$scratch/firsts"
	done
}

# Weights of 255 and 1: of 400 replies all but two or three begin with the heavy one, and a
# fair choice would not give 330 in the life of the universe.
weights_decide() {
	firsts_of && [ "$(grep -cxF "$heavy" "$scratch/firsts")" -gt 330 ] ||
		! sort "$scratch/firsts" | uniq -c
}

# weights_write ADDRESS: it is the heavy one.
weights_write() {
	heavy=$1
	printf '# of the example\n%s\n%s 255\n' "$headless" "$1" >"$scratch/weights.next" &&
		mv "$scratch/weights.next" "$scratch/weights"
}

weights_start() {
	: >"$scratch/weights"
	serve "loadbalance weighted $scratch/weights {" 'reload 1s' '}' || return 1
	ask +short "$headless" && sort "$scratch/answer" >"$scratch/addresses" &&
		[ "$(wc -l <"$scratch/addresses")" -gt 1 ]
}

without_weights_each_comes_first() {
	loadbalance_rotates "$headless"
}

weights_are_taken_over() {
	weights_write "$(head -n 1 "$scratch/addresses")" && logged 'the weights of .* are in force' &&
		weights_decide || return 1
	before=$(log_count 'are in force')
	weights_write "$(tail -n 1 "$scratch/addresses")" && log_more "$before" 'are in force' && weights_decide
}

bad_weights_are_refused() {
	printf '%s\n10.0.0.1 many\n' "$headless" >"$scratch/weights.next" &&
		mv "$scratch/weights.next" "$scratch/weights"
	logged 'weights:2:10: error: "many", expected a weight of 1 to 255' &&
		logged 'was not taken over, the weights stay as they are' && weights_decide || return 1
	sleep 3
	[ "$(log_count 'was not taken over')" -eq 1 ] || ! cat "$server_log"
}

missing_weights_are_told() {
	rm "$scratch/weights"
	logged 'weights: error: cannot be read: No such file' && weights_decide
}

bad_weights_start_nothing() {
	printf 'x\n10.0.0.1 0\n' >"$scratch/weights"
	run "$WAYMARK" check -c "$scratch/served/Corefile"
	expect 1 err 'weights:2:10: error: "0", expected a weight of 1 to 255' || return 1
	rm "$scratch/weights"
	run "$WAYMARK" check -c "$scratch/served/Corefile"
	expect 0 err 'weights: warning: cannot be read: No such file'
}

# --- local, any, minimal, whoami ---

local_answers() {
	ask localhost A && has '^localhost\. 604800 IN A 127\.0\.0\.1$' &&
		ask -x 127.0.0.1 && has 'PTR localhost\.$' &&
		ask localhost.shop.svc.cluster.local AAAA && has 'AAAA ::1$' &&
		ask db.localhost && has '^db\.localhost\. .*127\.0\.0\.1$' &&
		ask localhost MX && has 'NOERROR' && has 'AUTHORITY: 1' && has 'SOA localhost\. root\.localhost\.' &&
		ask -x 127.0.0.2 && has 'NXDOMAIN' && has '^127\.in-addr\.arpa\. .*SOA' &&
		ask 0.127.in-addr.arpa && has 'NOERROR' && has 'ANSWER: 0'
}

any_answers() {
	ask "$cart" ANY +notcp && has '8482 IN HINFO "ANY obsoleted" "See RFC 8482"' &&
		ask "$cart" A && has '10\.96\.20\.20$'
}

minimal_leaves_out() {
	ask "$srv" SRV && has 'AUTHORITY: 0, ADDITIONAL: 1$' && lacks ' IN A ' &&
		ask missing."$cart" && has 'NXDOMAIN' && has 'AUTHORITY: 1'
}

minimal_is_off() {
	ask "$srv" SRV && has ' IN A '
}

whoami_answers() {
	ask whoami.example && has 'NOERROR' && has 'flags: qr aa' &&
		has '^whoami\.example\. 0 IN A 127\.0\.0\.1$' &&
		has '^_udp\.whoami\.example\. 0 IN SRV 0 0 [1-9][0-9]* \.$' &&
		ask whoami.example +tcp && has '^_tcp\.whoami\.example\. 0 IN SRV' &&
		ask . && has '^_udp\. 0 IN SRV'
}

# --- chaos, nsid ---

chaos_answers() {
	ask CH TXT version.bind && has '^version\.bind\. 0 CH TXT "Mark one"$' &&
		ask CH TXT version.server && has '"Mark one"$' &&
		ask CH TXT authors.bind && has 'TXT "ann"$' && has 'TXT "bob"$' &&
		ask CH TXT hostname.bind && has "TXT \"$(uname -n)\"\$" &&
		ask CH TXT ID.server && has "TXT \"$(uname -n)\"\$"
}

chaos_refuses_others() {
	ask CH A version.bind && has REFUSED && ask CH TXT "$cart" && has REFUSED &&
		ask version.bind TXT && has SERVFAIL && ask HS TXT version.bind && has REFUSED
}

chaos_is_off() {
	ask CH TXT version.bind && has REFUSED
}

nsid_is_told() {
	ask "$cart" +nsid && has 'NSID: .*("rack 7")' && has '10\.96\.20\.20$' &&
		ask "$cart" && lacks NSID
}

# --- acl ---

acl_decides() {
	ask "$cart" A && has '10\.96\.20\.20$' &&
		ask "$cart" AAAA && has 'NOERROR' && has 'ANSWER: 0, AUTHORITY: 0' && has 'EDE: 17' &&
		ask "$cart" TXT && has REFUSED && has 'EDE: 15' &&
		ask secret.example A && has REFUSED || return 1
	ask +time=1 "$cart" SRV
	[ "$code" -ne 0 ]
}

# --- header ---

header_sets() {
	ask "$cart" +norec && has 'flags: qr rd ra; ' && has '10\.96\.20\.20$'
}

# --- log ---

log_common() {
	ask "$cart" A +bufsize=1400 && logged \
		" info 127\.0\.0\.1:[0-9]* - [0-9]* \"A IN $cart\. udp [0-9]* false 1400\" NOERROR qr,aa,rd [0-9]* 0\.[0-9]*s\$"
}

log_rules() {
	ask "$cart" A && ask missing."$cart" A && ask other.example A &&
		logged ' info first NXDOMAIN missing\.cart' &&
		logged ' info \[other\.example\.\] {what} - 0 ' || return 1
	! grep " first NOERROR" "$server_log"
}

# --- errors, debug ---

errors_are_gathered() {
	for turn in 1 2 3; do
		ask nobody.example && has SERVFAIL || return 1
	done
	logged ' error "nobody.example. A": no plugin' &&
		logged " error [23] errors like '^no plugin' occurred in last 3s\$" || return 1
	[ "$(grep -c '"nobody.example. A"' "$server_log")" -eq 1 ]
}

errors_are_logged() {
	ask nobody.example && has SERVFAIL && logged ' error "nobody.example. A": no plugin'
}

debug_logs() {
	ask nobody.example && logged ' debug "nobody.example. A" from 127.0.0.1 port [0-9]*: SERVFAIL: '
}

# stage NAME LINE...: the server for the cases to come.
stage() {
	stage_name=$1
	shift
	case_run "a Corefile with $stage_name is served" serve "$@"
}

if stage bufsize 'bufsize 512'; then
	case_run 'bufsize: its size is announced' bufsize_is_announced
	case_run 'bufsize: no reply is larger' bufsize_truncates
	case_run 'without loadbalance the order stays' first_is_always
	case_run 'without minimal there are additional records' minimal_is_off
	case_run 'without chaos class CH is refused' chaos_is_off
	case_run 'it ends' server_stop
fi
if stage loadbalance 'loadbalance'; then
	case_run 'without bufsize more fits' bufsize_is_off
	case_run 'loadbalance: each address comes first' loadbalance_rotates "$headless"
	case_run 'loadbalance: each SRV target comes first' loadbalance_rotates "$srv" SRV
	case_run 'loadbalance: preferred addresses come first' loadbalance_prefers
	case_run 'it ends' server_stop
fi
case_run 'a Corefile with loadbalance weighted is served' weights_start
case_run 'loadbalance weighted: without weights each address comes first' without_weights_each_comes_first
case_run 'loadbalance weighted: a changed file is taken over' weights_are_taken_over
case_run 'loadbalance weighted: a bad file is refused, once' bad_weights_are_refused
case_run 'loadbalance weighted: a file that is gone is told' missing_weights_are_told
case_run 'loadbalance weighted: a bad file starts nothing, a missing one is warned of' bad_weights_start_nothing
case_run 'it ends' server_stop
if stage 'plugins that answer' local any minimal whoami 'chaos "Mark one" ann bob' 'nsid rack 7' \
	'header {' 'query set rd' 'set ra' 'clear aa' '}'; then
	case_run 'local: localhost and its reverse names' local_answers
	case_run 'any: HINFO' any_answers
	case_run 'minimal: no additional records' minimal_leaves_out
	case_run 'nsid: told to who asks' nsid_is_told
	case_run 'header: flags in queries and replies' header_sets
	case_run 'it ends' server_stop
fi
if stage 'whoami' whoami log; then
	case_run 'whoami: address, port and transport' whoami_answers
	case_run 'log: the common format' log_common
	case_run 'it ends' server_stop
fi
if stage 'chaos and acl' 'chaos "Mark one" ann bob' 'acl cluster.local {' \
	'filter type AAAA net 127.0.0.1' 'drop type SRV net 127.0.0.0/8' 'allow type A net *' \
	'block' '}' 'acl secret.example {' 'block net 192.0.2.0/24 127.0.0.0/8' '}'; then
	case_run 'chaos: answers in class CH' chaos_answers
	case_run 'chaos: refuses everything else in class CH' chaos_refuses_others
	case_run 'acl: allows, filters, blocks, drops' acl_decides
	case_run 'it ends' server_stop
fi
if stage 'errors and log' 'errors {' 'consolidate 3s "^no plugin" error show_first' 'stacktrace' '}' \
	'log cluster.local "first {rcode} {name}" {' 'class denial' 'class error' '}' \
	'log . "[{name}] {what} {local} {>opcode} "'; then
	case_run 'errors: told together' errors_are_gathered
	case_run 'log: the first rule decides' log_rules
	case_run 'it ends' server_stop
fi
if stage 'errors and debug' errors debug; then
	case_run 'errors: logged' errors_are_logged
	case_run 'debug: logs failures' debug_logs
	case_run 'it ends' server_stop
fi
cases_end
