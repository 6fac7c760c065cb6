#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real servers as upstreams: NSD, which has a zone, and unbound by TLS.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"
. "$srcdir/tests/support/upstream.sh"

# --- NSD ---

zone_write() {
	cat <<-END
	\$ORIGIN example.test.
	\$TTL 300
	@ SOA ns.example.test. admin.example.test. 7 7200 3600 1209600 40
	@ NS ns
	ns A 192.0.2.53
	www A 192.0.2.10
	www AAAA 2001:db8::10
	alias CNAME www
	*.wild TXT "any of them"
	END
	seq -f 'four A 10.8.0.%.0f' 4
	seq -f 'many A 10.9.0.%.0f' 200
}

nsd_write() {
	cat <<-END
	server:
	  ip-address: 127.0.0.1@$upstream
	  username: ""
	  chroot: ""
	  zonesdir: "$scratch"
	  pidfile: "$scratch/nsd.pid"
	  xfrdfile: "$scratch/nsd.xfrd"
	  zonelistfile: "$scratch/nsd.zones"
	  xfrdir: "$scratch"
	  logfile: "$scratch/nsd.said"
	  server-count: 1
	remote-control:
	  control-enable: no
	zone:
	  name: example.test
	  zonefile: example.test.zone
	END
}

nsd_start() {
	zone_write >"$scratch/example.test.zone"
	for attempt in 1 2 3 4 5; do
		upstream=$(port_free) || return 1
		nsd_write >"$scratch/nsd.conf"
		: >"$scratch/nsd.said"
		/usr/sbin/nsd -d -c "$scratch/nsd.conf" >"$scratch/nsd.log" 2>&1 </dev/null &
		nsd=$!
		started="$started $nsd"
		wait_for "$scratch/nsd.said" 'nsd started' "$nsd" && return 0
		cat "$scratch/nsd.log"
	done
	return 1
}

nsd_stop() {
	kill -TERM "$nsd" && wait "$nsd"
	started=$(printf ' %s ' "$started" | sed "s/ $nsd / /")
}

answers_come() {
	ask www.example.test && has '^www.example.test. 300 IN A 192.0.2.10$' && has 'flags: qr aa rd ra;' &&
		ask www.example.test AAAA && has ' IN AAAA 2001:db8::10$' &&
		ask alias.example.test && has '^alias.example.test. 300 IN CNAME www.example.test.$' &&
		has '^www.example.test. \(300\|29[0-9]\) IN A 192.0.2.10$' &&
		ask x.wild.example.test TXT && has '^x.wild.example.test. 300 IN TXT "any of them"$'
}

# What is cut by UDP is fetched by TCP.
large_answers_come_whole() {
	ask many.example.test +tcp && has 'ANSWER: 200' && has '10.9.0.200$' &&
		ask many.example.test +notcp +ignore && has 'flags: qr aa tc rd ra;'
}

# For the 40 seconds of the SOA's last number.
denials_are_kept() {
	ask nothing.example.test && has 'status: NXDOMAIN' &&
		has '^example.test. 40 IN SOA ns.example.test. admin.example.test. 7 7200 3600 1209600 40$' &&
		ask www.example.test TXT && has 'status: NOERROR' && has 'ANSWER: 0' && nsd_stop &&
		ask nothing.example.test && has 'status: NXDOMAIN' &&
		has '^example.test. [1-4]*[0-9] IN SOA ' &&
		ask www.example.test TXT && has 'status: NOERROR' && has '^example.test. [1-4]*[0-9] IN SOA ' &&
		ask unknown.example.test && has 'status: SERVFAIL'
}

case_run 'NSD starts' nsd_start
case_run 'it is an upstream' serve "forward . 127.0.0.1:$upstream {
prefer_udp
}"
case_run 'answers of NSD come as they are' answers_come
case_run 'large ones come whole' large_answers_come_whole
server_stop
# first_of TIMES: the first address each time; all four are there.
first_of() {
	: >"$scratch/firsts"
	for time in $(seq "$1"); do
		dig @127.0.0.1 -p "$port" +tries=1 +time=8 +short four.example.test >"$scratch/four" || return 1
		[ "$(sort "$scratch/four" | tr '\n' ' ')" = '10.8.0.1 10.8.0.2 10.8.0.3 10.8.0.4 ' ] || return 1
		head -n 1 "$scratch/four" >>"$scratch/firsts"
	done
}

addresses_take_turns() {
	first_of 24 && [ "$(sort -u "$scratch/firsts" | wc -l)" -gt 1 ]
}

the_preferred_is_first() {
	first_of 8 && [ "$(sort -u "$scratch/firsts")" = 10.8.0.3 ]
}

answers_are_alone() {
	ask www.example.test && has 'ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1$' &&
		ask nothing.example.test && has 'ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 1$'
}

others_come_along() {
	ask www.example.test && has 'ANSWER: 1, AUTHORITY: 1, ADDITIONAL: 2$'
}

case_run 'it is one behind loadbalance' serve "forward . 127.0.0.1:$upstream" loadbalance
case_run 'addresses take turns' addresses_take_turns
case_run 'what comes with an answer is passed on' others_come_along
server_stop
case_run 'it is one behind minimal and a cache' serve "forward . 127.0.0.1:$upstream" minimal cache
case_run 'answers come alone' answers_are_alone
case_run 'those of the cache, too' answers_are_alone
server_stop
case_run 'it is one behind loadbalance with a preference, and a cache' \
	serve "forward . 127.0.0.1:$upstream" cache 'loadbalance {
prefer 10.8.0.3/32
}'
case_run 'the preferred address is the first' the_preferred_is_first
server_stop
case_run 'it is one behind a cache' serve "forward . 127.0.0.1:$upstream" cache
case_run 'answers come through the cache' answers_come
case_run 'what does not exist is kept as the zone says' denials_are_kept
server_stop

# --- unbound by TLS ---

unbound_lines() {
	unbound_tls_lines
	cat <<-END
	  num-threads: 1
	  extended-statistics: yes
	  local-zone: "example.test." static
	  local-data: "www.example.test. 60 IN A 192.0.2.10"
	remote-control:
	  control-enable: yes
	  control-use-cert: no
	  control-interface: "$scratch/unbound.socket"
	END
}

# unbound_counts NAME: what it has counted.
unbound_counts() {
	/usr/sbin/unbound-control -c "$scratch/unbound.conf" stats_noreset |
		sed -n "s/^$1=//p"
}

# From one port, so that one worker has the questions and the connection.
ask_again() {
	ask -b "127.0.0.1#$from" www.example.test && has ' IN A 192.0.2.10$'
}

connections() {
	curl -s "http://127.0.0.1:$metrics/metrics" |
		sed -n "s/^coredns_proxy_conn_cache_$1_total{.*proto=\"tcp-tls\"} //p"
}

connection_is_kept() {
	for time in 1 2 3 4 5; do
		ask_again || return 1
	done
	printf '%s connections\n' "$(connections misses)"
	[ "$(connections misses)" = 1 ] && [ "$(connections hits)" = 4 ] &&
		[ "$(unbound_counts num.query.tls)" = 5 ] &&
		[ "$(unbound_counts num.query.tls.resume)" = 0 ]
}

# Once it has been idle for long enough there is another one, whose session is resumed.
session_is_resumed() {
	before=$(unbound_counts num.query.tls.resume)
	for time in 1 2 3 4 5 6; do
		ask_again || return 1
		[ "$(connections misses)" -lt 3 ] || break
		sleep 3
	done
	resumed=$(($(unbound_counts num.query.tls.resume) - before))
	printf '%s connections, %s questions in sessions resumed\n' "$(connections misses)" "$resumed"
	[ "$(connections misses)" = 3 ] && [ "$resumed" -ge 2 ]
}

# tls_serve OPTION...
tls_serve() {
	serve "prometheus 127.0.0.1:$metrics" "forward . tls://127.0.0.1:$upstream_tls {" \
		'tls certificate.pem' 'tls_servername resolver.test' "$@" '}'
}

metrics=$(port_free)
from=$(port_free)
case_run 'a certificate is made' certificate_make
case_run 'unbound starts' unbound_start
case_run 'it is asked by TLS' tls_serve 'expire 1m'
case_run 'one connection has all questions of a worker' connection_is_kept
server_stop
case_run 'it is asked by connections that end when they are idle' tls_serve 'expire 1s'
case_run 'each after the first resumes the session' session_is_resumed
server_stop

# --- a server that asks for our certificate ---

# openssl speaks no DNS, but says who has come.
verifier_start() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
		-keyout "$scratch/client.key" -out "$scratch/client.pem" -subj /CN=our-client || return 1
	for attempt in 1 2 3 4 5; do
		upstream=$(port_free) || return 1
		process_start verifier ACCEPT openssl s_server -accept "127.0.0.1:$upstream" \
			-cert "$scratch/certificate.pem" -key "$scratch/key.pem" -www \
			-Verify 1 -verify_return_error -CAfile "$scratch/client.pem" && return 0
	done
	return 1
}

is_recognised() {
	ask www.example.test && has 'status: SERVFAIL' &&
		grep -A1 '^depth=0 CN *= *our-client$' "$scratch/verifier.log" | grep '^verify return:1$'
}

is_unknown() {
	ask www.example.test && has 'status: SERVFAIL' &&
		wait_for "$scratch/verifier.log" 'peer did not return a certificate' "$process"
}

case_run 'a server that asks for certificates starts' verifier_start
case_run 'it is asked with ours' serve "forward . tls://127.0.0.1%resolver.test:$upstream {
tls client.pem client.key certificate.pem
}"
case_run 'it has been shown' is_recognised
server_stop
case_run 'it is asked without' serve "forward . tls://127.0.0.1%resolver.test:$upstream {
tls certificate.pem
}"
case_run 'then there is none' is_unknown
server_stop

cases_end
