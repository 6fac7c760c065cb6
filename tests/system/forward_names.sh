#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Upstreams that are host names: unbound says where they are, and is one itself.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"
. "$srcdir/tests/support/upstream.sh"

# The address of moving.test.
moving=127.0.0.1

unbound_lines() {
	unbound_tls_lines
	cat <<-END
	  local-zone: "test." static
	  local-data: "resolver.test. 60 IN A 127.0.0.1"
	  local-data: "other.test. 60 IN A 127.0.0.1"
	  local-data: "two.test. 60 IN A 127.0.0.1"
	  local-data: "two.test. 60 IN A 127.0.0.2"
	  local-data: "two.test. 60 IN AAAA ::1"
	  local-data: "moving.test. 60 IN A $moving"
	  local-data: "www.test. 60 IN A 192.0.2.10"
	  local-data: "text.test. 60 IN TXT text"
	END
}

answers() {
	ask www.test && has 'A 192.0.2.10$'
}

# named HOST OPTION...: forwards there, unbound says where it is.
named() {
	host=$1
	shift
	serve "prometheus 127.0.0.1:$metrics" "forward . $host {" \
		"resolver 127.0.0.1:$closed 127.0.0.1:$upstream" "$@" '}'
}

# asked_are ADDRESS...: these upstreams there are.
asked_are() {
	printf '%s\n' "$@" | sort >"$scratch/want"
	curl -s "http://127.0.0.1:$metrics/metrics" |
		sed -n 's/^coredns_forward_requests_total{to="\([^"]*\)".*/\1/p' | sort >"$scratch/got"
	diff "$scratch/want" "$scratch/got"
}

metrics=$(port_free)
closed=$(port_free)
case_run 'a certificate is made' certificate_make
case_run 'unbound starts' unbound_start
case_run 'an upstream is named' named "resolver.test:$upstream"
case_run 'it is found and asked' answers
case_run 'its address is its label' asked_are "127.0.0.1:$upstream"
server_stop
case_run 'two names with an address in common' named "two.test:$upstream resolver.test.:$upstream"
case_run 'each address is one upstream' asked_are "127.0.0.1:$upstream" "127.0.0.2:$upstream" \
	"[::1]:$upstream"
case_run 'the one that is there answers' answers
server_stop
case_run 'one by TLS is named' named "tls://resolver.test:$upstream_tls" 'tls certificate.pem'
case_run 'a certificate for the name is believed' answers
server_stop

not_believed() {
	ask www.test && has 'status: SERVFAIL' &&
		logged 'warning upstream .*: the certificate is not believed: hostname mismatch'
}

case_run 'one by TLS has another name' named "tls://other.test:$upstream_tls" 'tls certificate.pem'
case_run 'a certificate for another name is not' not_believed
server_stop

# is_refused HOST PORT TEXT: there is no server, and the place of the error.
is_refused() {
	printf '.:%s {\nforward . 192.0.2.1 %s {\nresolver 127.0.0.1:%s\n}\n}\n' \
		"$closed" "$1" "$2" >"$scratch/Corefile"
	run "$WAYMARK" serve -c "$scratch/Corefile"
	expect 1 err "Corefile:2:21: error: the address of \"$1\" is not known: 127.0.0.1:$2$3\$"
}

check_asks_nobody() {
	printf '.:%s {\nforward . dns.example.test tls://a.test%%b.test {\nresolver 127.0.0.1:%s\n}\n}\n' \
		"$closed" "$closed" >"$scratch/Corefile"
	run "$WAYMARK" check -c "$scratch/Corefile"
	expect 0
}

case_run 'a name that does not exist is an error with its place' is_refused nothing.test "$upstream" ' says NXDOMAIN'
case_run 'one without an address, too' is_refused text.test "$upstream" ' says that it has no address'
case_run 'so is one that nobody knows' is_refused nothing.test "$closed" ': Connection refused'
case_run 'check asks nobody' check_asks_nobody

# --- reloads ---

# unbound_renew PATTERN: until it says that of moving.test.
unbound_renew() {
	kill -HUP "$unbound" && tries=0
	until dig @127.0.0.1 -p "$upstream" +tries=1 +time=1 moving.test | grep -q "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

nobody_answers() {
	ask www.test && has 'status: SERVFAIL'
}

# Nobody listens where the name leads now.
moves() {
	moving=127.0.0.3 && unbound_write "127.0.0.1@$upstream"
	unbound_renew '127\.0\.0\.3$' && reload_ends "$taken" && nobody_answers
}

is_lost() {
	sed -i '/moving/d' "$scratch/unbound.conf"
	unbound_renew NXDOMAIN && reload_ends "$refused" && nobody_answers &&
		grep 'address of "moving.test:[0-9]*" is not known' "$server_log"
}

case_run 'a name that will move' named "moving.test:$upstream"
case_run 'it is where it was' answers
case_run 'a reload looks it up again' moves
case_run 'a reload is refused where it is not known' is_lost
server_stop

cases_end
