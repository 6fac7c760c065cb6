#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The forward plugin over the network: unbound as an upstream, and one that lies.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"
. "$srcdir/tests/support/upstream.sh"

unbound_lines() {
	unbound_tls_lines
	cat <<-END
	  local-zone: "example.test." static
	  local-data: "www.example.test. 60 IN A 192.0.2.10"
	  local-data: "www.example.test. 60 IN AAAA 2001:db8::10"
	  local-data: "mail.example.test. 60 IN MX 10 www.example.test."
	END
	for octet in $(seq 200); do
		printf '  local-data: "many.example.test. 60 IN A 10.9.0.%d"\n' "$octet"
	done
}

forged=198.51.100.66

# --- unbound ---

answers_come() {
	ask www.example.test A && has '^www.example.test. 60 IN A 192.0.2.10$' &&
		has 'flags: qr aa rd ra;' &&
		ask www.example.test AAAA +tcp && has 'AAAA 2001:db8::10$' &&
		ask mail.example.test MX && has 'MX 10 www.example.test.$'
}

spelling_is_kept() {
	ask WwW.eXample.test && has '^WwW.eXample.test. 60 IN A 192.0.2.10$'
}

absence_comes() {
	ask nothing.example.test && has 'status: NXDOMAIN' &&
		ask www.example.test TXT && has 'status: NOERROR' && has 'ANSWER: 0'
}

large_replies_are_cut() {
	ask many.example.test +ignore +bufsize=512 && has 'flags: qr aa tc rd ra;' &&
		lacks 'MSG SIZE rcvd: [6-9]..$'
}

case_run 'a certificate is made' certificate_make
case_run 'unbound starts' unbound_start
case_run 'an upstream is asked' serve "forward . 127.0.0.1:$upstream"
case_run 'answers come as they are, by UDP and TCP' answers_come
case_run 'the reply has the spelling of the question' spelling_is_kept
case_run 'what does not exist does not exist here' absence_comes
case_run 'a reply is cut to what the client takes' large_replies_are_cut
server_stop

answers_come_whole() {
	ask many.example.test +tcp && has 'ANSWER: 200'
}

is_believed() {
	ask www.example.test && has 'A 192.0.2.10$' && ask www.example.test AAAA +tcp &&
		has 'AAAA 2001:db8::10$'
}

is_not_believed() {
	ask www.example.test && has 'status: SERVFAIL' &&
		grep -q "warning upstream .*: the certificate is not believed: $1" "$server_log"
}

# tls_serve TO OPTION...: with our certificate as the authority.
tls_serve() {
	to=$1
	shift
	serve "forward . tls://$to {" "tls certificate.pem" "$@" '}'
}

case_run 'one by TCP' serve "forward . 127.0.0.1:$upstream {
force_tcp
}"
case_run 'answers come by TCP, the large ones whole' answers_come_whole
server_stop
case_run 'one by TLS, by its name' tls_serve "127.0.0.1:$upstream_tls" 'tls_servername resolver.test'
case_run 'who has a certificate for the name is believed' is_believed
server_stop
case_run 'one by TLS, with the name behind the address' tls_serve "127.0.0.1%resolver.test:$upstream_tls"
case_run 'that name counts too' is_believed
server_stop
case_run 'one by TLS, by its address' tls_serve "127.0.0.1:$upstream_tls"
case_run 'who has a certificate for the address is believed' is_believed
server_stop
case_run 'one by TLS, by another name' tls_serve "127.0.0.1%other.test:$upstream_tls"
case_run 'who has none for the name is not' is_not_believed 'hostname mismatch'
server_stop
case_run 'one that nobody vouches for' serve "forward . tls://127.0.0.1:$upstream_tls"
case_run 'who is unknown is not believed' is_not_believed 'self-signed certificate'
server_stop

bad_tls_is_refused() {
	printf '.:%s {\nforward . tls://192.0.2.1 {\ntls key.pem\n}\n}\n' "$port" >"$scratch/Corefile"
	run "$WAYMARK" check -c "$scratch/Corefile"
	expect 1 err 'Corefile:3:1: error: .*key.pem: ' && sed -i s/key.pem/nowhere.pem/ "$scratch/Corefile"
	run "$WAYMARK" check -c "$scratch/Corefile"
	expect 1 err 'Corefile:3:1: error: .*nowhere.pem: No such file or directory$' &&
		printf '.:%s {\nforward . tls://192.0.2.1%%a.test {\ntls_servername b.test\n}\n}\n' "$port" >"$scratch/Corefile"
	run "$WAYMARK" check -c "$scratch/Corefile"
	expect 1 err 'Corefile:3:1: error: "tls_servername" beside an upstream with a name'
}
case_run 'a file without a certificate and two names are mistakes' bad_tls_is_refused

excepted() {
	ask www.example.test && has 'status: SERVFAIL' && ask www.example.org &&
		has 'status: SERVFAIL'
}

case_run 'one with exceptions' serve "forward test 127.0.0.1:$upstream {
except example.test
}"
case_run 'other zones and exceptions are left to others' excepted
server_stop

printf 'search example.test\nnameserver 127.0.0.1\n' >"$scratch/resolv.conf"
lookup_says_so() {
	printf '.:%s {\nforward . resolv.conf tls://192.0.2.1%%dns.example tls://192.0.2.2 dns.example:5353 {\npolicy %s\n}\n}\n' \
		"$port" "$1" >"$scratch/Corefile"
	run "$WAYMARK" lookup -c "$scratch/Corefile" www.example.test
	expect 0 out 'the answer comes from another server' && expect 0 out \
		"^; forward asks 127.0.0.1:53, tls://192.0.2.1:853 (as dns.example), tls://192.0.2.2:853, dns.example:5353, in $2\$"
}

one_is_told() {
	printf '.:%s {\nrewrite name www.example.test other.test\nforward . resolv.conf\n}\n' "$port" \
		>"$scratch/Corefile"
	run "$WAYMARK" lookup -c "$scratch/Corefile" a.example.test
	expect 0 out '^; forward asks 127.0.0.1:53$' || return 1
	run "$WAYMARK" lookup -c "$scratch/Corefile" www.example.test
	expect 0 out '^; the plugin "rewrite" asks on for another name$'
}
case_run 'lookup asks nobody else, and says whom serve would ask' lookup_says_so random 'random order'
case_run 'in the order of the policy round_robin' lookup_says_so round_robin turn
case_run 'in the order of the policy sequential' lookup_says_so sequential 'this order'
case_run 'lookup says so where there is one, and what is behind a rewrite' one_is_told

# --- one that lies ---

forged_replies_are_waited_over() {
	for what in id name case class type port address; do
		ask "$what.lies.test" || return 1
		has ' IN A 192.0.2.1$' && lacks "$forged" || return 1
	done
}

foreign_records_are_dropped() {
	ask extra.lies.test && has '^extra.lies.test. 60 IN A 192.0.2.1$' &&
		lacks "$forged" && lacks 'bank' && has 'ANSWER: 1, AUTHORITY: 0'
}

broken_replies_are_none() {
	ask garbage.lies.test && has 'status: SERVFAIL' && lacks "$forged"
}

# Twice, so that the cache answers the second time.
nothing_forged_is_kept() {
	for time in first second; do
		for what in id name case class type port address extra trunc; do
			ask "$what.lies.test" || return 1
			has ' IN A 192.0.2.1$' && lacks "$forged" && lacks bank || return 1
		done
	done
	ask bank.test && has ' IN A 192.0.2.1$' && lacks "$forged" &&
		ask garbage.lies.test && has 'status: SERVFAIL' && lacks "$forged" &&
		ask garbage.lies.test && has 'status: SERVFAIL' && lacks "$forged"
}

old_ones_are_asked_without_edns() {
	for what in old older old; do
		ask "$what.lies.test" && has ' IN A 192.0.2.1$' || return 1
		ask "$what.lies.test" +tcp && has ' IN A 192.0.2.1$' || return 1
	done
	ask formerr.lies.test && has 'status: FORMERR'
}

refusal_has_a_reason() {
	ask www.lies.test && has 'status: SERVFAIL' &&
		has "EDE: 23 (Network Error): (no answer from 127.0.0.1:$closed: connection refused or broken)"
}

silence_is_servfail() {
	ask silent.lies.test && has 'status: SERVFAIL' &&
		has 'EDE: 22 (No Reachable Authority): (no answer from 127.0.0.1:[0-9]*: i/o timeout)' &&
		grep -q 'silent.lies.test. A": no answer from .*: i/o timeout' "$server_log"
}

slow_answers_come() {
	ask slow.lies.test && has ' IN A 192.0.2.1$'
}

circles_are_passed_on() {
	ask circle.lies.test && has 'CNAME circle.lies.test.$'
}

# Sixty-four at once; each worker may have asked once.
same_questions_are_one() {
	perl -MSocket -e '
		my $question = pack("n6", 1, 0x100, 1, 0, 0, 0) . "\5count\4lies\4test\0\0\1\0\1";
		my @sockets;
		for (1 .. 64) {
			socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die $!;
			send($socket, $question, 0, pack_sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die $!;
			push @sockets, $socket;
		}
		alarm 20;
		for (@sockets) {
			recv($_, my $reply, 512, 0);
			print ord(substr($reply, length($question) + 15)), "\n";
		}' "$port" >"$scratch/counts" || return 1
	cat "$scratch/counts"
	[ "$(wc -l <"$scratch/counts")" -eq 64 ] &&
		[ "$(sort -u "$scratch/counts" | wc -l)" -le "$(nproc)" ]
}

case_run 'a hostile upstream starts' hostile_start
case_run 'it is asked' serve "forward . 127.0.0.1:$hostile"
case_run 'forged replies are waited over' forged_replies_are_waited_over
case_run 'records of other names are dropped' foreign_records_are_dropped
case_run 'a reply that breaks off is none' broken_replies_are_none
case_run 'silence ends in SERVFAIL, and the log says why' silence_is_servfail
case_run 'one that knows no EDNS is asked without' old_ones_are_asked_without_edns
case_run 'a slow answer comes' slow_answers_come
case_run 'a CNAME in a circle is passed on' circles_are_passed_on
case_run 'the same question is asked once while it is under way' same_questions_are_one
server_stop

spelled=mixed.SPELLING.of.a.name.that.is.long.enough.lies.test

# 192.0.2.0 would be none.
capitals_are_sent() {
	ask "capitals.$spelled" && has "^capitals.$spelled. 60 IN A 192.0.2.[1-9]" &&
		ask "capitals.$spelled" && has "^capitals.$spelled. 60 IN A 192.0.2.[1-9]" &&
		ask "whole.$spelled" && has "^whole.$spelled. 60 IN A 192.0.2.1$" &&
		ask "whole.$spelled" +tcp && has "^whole.$spelled. 60 IN A 192.0.2.1$"
}

small_letters_are_sent() {
	ask capitals.all.these.are.small.letters.of.a.name.lies.test && has ' A 192.0.2.0$'
}

random_capitals_are_sent() {
	ask capitals.all.these.are.small.letters.of.a.name.lies.test && has ' A 192.0.2.[1-9]' &&
		has '^capitals.all.these.are.small.letters.of.a.name.lies.test. 60 IN A'
}

# Also by another case than that of the question.
other_spelling_is_not_believed() {
	ask "lower.$spelled" && has 'status: SERVFAIL'
}

case_run 'one with a cache in front' serve "forward . 127.0.0.1:$hostile" cache
case_run 'what is forged is not in the cache either' nothing_forged_is_kept
server_stop
closed=$(port_free)
case_run 'one that is closed' serve "forward . 127.0.0.1:$closed"
case_run 'the client learns why there is no answer' refusal_has_a_reason
server_stop
case_run 'one asked as the client spells' serve "forward . 127.0.0.1:$hostile"
case_run 'small letters stay small' small_letters_are_sent
case_run 'another spelling is not believed' other_spelling_is_not_believed
server_stop
case_run 'one with random_case' serve "forward . 127.0.0.1:$hostile {
random_case
}"
case_run 'capitals are drawn, and the client does not see it' random_capitals_are_sent
case_run 'the client sees its own' capitals_are_sent
case_run 'forged replies are waited over with it, too' forged_replies_are_waited_over
case_run 'another spelling is no answer' other_spelling_is_not_believed
server_stop

goes_by() {
	ask proto.lies.test "+$1" && has "A 192.0.2.$2$"
}

cut_answers_are_fetched() {
	ask trunc.lies.test && has 'A 192.0.2.1$' && has 'flags: qr rd ra;'
}

# A connection is kept, and closed by the upstream behind the first answer.
closed_connections_are_replaced() {
	for i in 1 2 3 4; do
		ask close.lies.test +tcp && has 'A 192.0.2.1$' || return 1
	done
}

case_run 'it is asked again' serve "forward . 127.0.0.1:$hostile"
case_run 'what is cut is fetched by TCP' cut_answers_are_fetched
case_run 'what came by TCP is asked by TCP' goes_by tcp 6
case_run 'what came by UDP is asked by UDP' goes_by notcp 17
case_run 'a connection that was closed is made again' closed_connections_are_replaced
server_stop
case_run 'one with force_tcp' serve "forward . 127.0.0.1:$hostile {
force_tcp
prefer_udp
max_idle_conns 1
expire 1s
max_age 1m
}"
case_run 'what came by UDP is asked by TCP' goes_by notcp 6
server_stop
case_run 'one with prefer_udp' serve "forward . 127.0.0.1:$hostile {
prefer_udp
}"
case_run 'what came by TCP is asked by UDP' goes_by tcp 17
server_stop

# The silent one holds the only place for some seconds.
# One that waits is asked again if it has ended before the other was.
limit_refuses() {
	first=
	tries=0
	until [ -n "$first" ] && ask good.lies.test && has 'status: REFUSED'; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || return 1
		[ -n "$first" ] && kill -0 "$first" 2>/dev/null && continue
		dig @127.0.0.1 -p "$port" +tries=1 +time=8 silent.lies.test >/dev/null 2>&1 &
		first=$!
	done
	wait "$first"
	ask good.lies.test && has 'status: NOERROR'
}

case_run 'one with a limit' serve "forward . 127.0.0.1:$hostile {
max_concurrent 1
}"
case_run 'questions above the limit are refused' limit_refuses
server_stop

# Nobody listens at the second port, and the third is silent for some names.
next_is_asked() {
	for i in 1 2 3 4 5 6 7 8; do
		ask "name$i.lies.test" && has 'A 192.0.2.1$' || return 1
	done
}

for policy in sequential round_robin random; do
	case_run "policy $policy" serve \
		"forward . 127.0.0.1:$closed 127.0.0.1:$hostile {
policy $policy
}"
	case_run "the next upstream answers with policy $policy" next_is_asked
	server_stop
done


# --- other answers than one's own ---

unbound_says_it() {
	for name in "$@"; do
		ask "$name.example.test" && has 'status: NXDOMAIN' || return 1
	done
}

hostile_answers() {
	ask "$1" && has 'A 192.0.2.1$'
}

# On a busy machine the other one may have been asked meanwhile, and answer first.
answers_stay() {
	tries=0
	until hostile_answers good.example.test; do
		tries=$((tries + 1))
		[ "$tries" -lt 20 ] || return 1
	done
}

hostile_says_it() {
	ask servfail.example.test && has 'status: SERVFAIL' && ask good.example.test &&
		has 'A 192.0.2.1$'
}

case_run 'unbound starts again' unbound_start
case_run 'one with failover' serve "forward . 127.0.0.1:$hostile 127.0.0.1:$upstream {
policy sequential
failover REFUSED servfail
}"
case_run 'after these answers another upstream is asked' unbound_says_it refused servfail
case_run 'other answers stay' answers_stay
server_stop
case_run 'one with failover and no other' serve "forward . 127.0.0.1:$hostile {
failover SERVFAIL
}"
case_run 'what nobody betters is told' hostile_says_it
server_stop
case_run 'two, one behind the other' serve "forward . 127.0.0.1:$hostile {
next REFUSED
next_on_nodata
}
forward . 127.0.0.1:$upstream"
case_run 'after these answers the next forward is asked' unbound_says_it refused nodata
case_run 'after others it is not' hostile_says_it
server_stop

# --- health ---

down_is_found() {
	tries=0
	until ask good.lies.test && has 'status: SERVFAIL' &&
		grep -q 'no upstream is fit to be asked' "$server_log"; do
		tries=$((tries + 1))
		[ "$tries" -lt 50 ] || return 1
		sleep 0.1
	done
}

recovery_is_found() {
	process_start again ready "$builddir/tests/system/hostile" "$closed" || return 1
	tries=0
	until ask good.lies.test && has 'A 192.0.2.1$'; do
		tries=$((tries + 1))
		[ "$tries" -lt 50 ] || return 1
		sleep 0.1
	done
}

case_run 'one that is down' serve "forward . 127.0.0.1:$closed {
max_fails 1
health_check 100ms no_rec domain health.lies.test
failfast_all_unhealthy_upstreams
}"
case_run 'an upstream that is down is found to be' down_is_found
case_run 'and found again' recovery_is_found
server_stop

# --- loops ---

loop_is_found() {
	tries=0
	until grep -q 'upstream "127.0.0.1:.*" leads back to this server' "$server_log"; do
		ask www.lies.test
		has 'status: SERVFAIL' || return 1
		tries=$((tries + 1))
		[ "$tries" -lt 50 ] || return 1
	done
	[ "$(grep -c 'leads back' "$server_log")" -eq 1 ] &&
		ask other.lies.test && has 'status: SERVFAIL'
}

others_stay() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		ask "name$i.lies.test" && has 'A 192.0.2.1$' || return 1
	done
}

case_run 'an upstream that leads back' serve loop 'forward . 127.0.0.1:{$LOOP_PORT}'
case_run 'it is found, told once and not asked any more' loop_is_found
server_stop
case_run 'one that leads back, beside a good one' serve loop \
	"forward . 127.0.0.1:{\$LOOP_PORT} 127.0.0.1:$hostile {
policy sequential
}"
case_run 'the good one answers' others_stay
server_stop

# --- metrics ---

counted() {
	curl -s "http://127.0.0.1:$metrics/metrics" >"$scratch/answer"
	to="to=\"127.0.0.1:$hostile\""
	has "coredns_proxy_request_duration_seconds_count{proxy_name=\"forward\",$to,rcode=\"NOERROR\"} 2\$" &&
		has "coredns_proxy_request_duration_seconds_count{proxy_name=\"forward\",$to,rcode=\"SERVFAIL\"} 1\$" &&
		has "coredns_forward_requests_total{$to} 3\$" &&
		has "coredns_forward_responses_total{$to,rcode=\"SERVFAIL\"} 1\$" &&
		has "coredns_proxy_conn_cache_misses_total{proxy_name=\"forward\",$to,proto=\"tcp\"} 1\$" &&
		has "waymark_forward_wrong_total{$to} 1\$" &&
		has 'coredns_forward_max_concurrent_rejects_total 0$'
}

questions_are_counted() {
	ask id.lies.test && ask servfail.lies.test && ask good.lies.test +tcp && counted
}

metrics=$(port_free)
case_run 'one with metrics' serve "prometheus 127.0.0.1:$metrics" "forward . 127.0.0.1:$hostile"
case_run 'questions to upstreams are counted' questions_are_counted
server_stop

cases_end
