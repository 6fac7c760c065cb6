#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The cache over the network, in front of unbound, which goes away.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"
. "$srcdir/tests/support/upstream.sh"

unbound_lines() {
	cat <<-END
	  local-zone: "example.test." static
	  local-data: "example.test. 900 IN SOA ns.example.test. admin.example.test. 1 7200 3600 1209600 60"
	  local-data: "www.example.test. 300 IN A 192.0.2.10"
	  local-data: "short.example.test. 1 IN A 192.0.2.11"
	  local-data: "zero.example.test. 0 IN A 192.0.2.12"
	END
}

# cache_serve LINE...: these lines, in front of unbound.
cache_serve() {
	serve "$@" "forward . 127.0.0.1:$upstream"
}

# --- what it keeps ---

fill() {
	ask www.example.test && has 'flags: qr aa rd ra;' && has '^www.example.test. 300 IN A ' &&
		ask nothing.example.test && has NXDOMAIN && has '^example.test. 60 IN SOA ' &&
		ask www.example.test TXT && has NOERROR && has 'ANSWER: 0' &&
		ask zero.example.test && has '^zero.example.test. 0 IN A '
}

# Without anybody to ask.
kept() {
	ask wWw.example.test && has 'flags: qr rd ra;' &&
		has '^wWw.example.test. \(300\|2[0-9][0-9]\) IN A 192.0.2.10$' &&
		ask www.example.test +tcp && has ' IN A 192.0.2.10$' &&
		ask nothing.example.test && has NXDOMAIN && has '^example.test. [1-6][0-9]* IN SOA ' &&
		ask www.example.test TXT && has NOERROR && has 'ANSWER: 0'
}

not_kept() {
	ask zero.example.test && has SERVFAIL && lacks 'Cached Error' &&
		ask zero.example.test && has SERVFAIL && has 'EDE: 13' &&
		ask www.example.test AAAA +dnssec && has SERVFAIL
}

counted() {
	curl -sf "http://127.0.0.1:$http/metrics" >"$scratch/answer" || return 1
	labels="server=\"dns://127.0.0.1:$port\",zones=\"example.test.\",view=\"\""
	has "^coredns_cache_hits_total{$labels,type=\"success\"} 2$" &&
		has "^coredns_cache_hits_total{$labels,type=\"denial\"} 3$" &&
		has "^coredns_cache_misses_total{$labels} 6$" &&
		has "^coredns_cache_requests_total{$labels} 11$" &&
		has "^coredns_cache_evictions_total{$labels,type=\"success\"} 0$" &&
		has "^coredns_cache_served_stale_total{$labels} 0$"
}

# The gauge is looked at once a second.
entries_are_counted() {
	tries=0
	until curl -sf "http://127.0.0.1:$http/metrics" |
		grep -q '^coredns_cache_entries{.*type="success"} 1$'; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

emptied() {
	cp "$scratch/Corefile" "$scratch/Corefile.new" && printf '# another\n' >>"$scratch/Corefile.new" &&
		mv "$scratch/Corefile.new" "$scratch/Corefile" && kill -HUP "$server" &&
		logged 'was reloaded' && ask www.example.test && has SERVFAIL
}

http=$(port_free) || exit 99
case_run 'unbound starts' unbound_start
if case_run 'a cache is in front of it' \
	cache_serve "prometheus 127.0.0.1:$http" 'cache_bytes 1MiB' 'cache 300 example.test'; then
	case_run 'replies come as they are' fill
	case_run 'the upstream goes away' unbound_stop
	case_run 'what was asked before is still answered' kept
	case_run 'what must not be kept is not, and a failure is kept for a moment' not_kept
	case_run 'it is counted as CoreDNS does' counted
	case_run 'entries are counted' entries_are_counted
	case_run 'a reload empties it' emptied
	case_run 'it ends' server_stop
fi

# --- what is stale ---

short_once() {
	ask short.example.test && has '^short.example.test. 1 IN A 192.0.2.11$'
}

short_stale() {
	sleep 1.1
	ask short.example.test && has '^short.example.test. 30 IN A 192.0.2.11$' &&
		has 'EDE: 3 '
}

short_gone() {
	sleep 1.1
	ask short.example.test && has SERVFAIL
}

# with WORDS CHECK CASE: serve_stale WORDS, the upstream gone.
with() {
	case_run 'unbound starts' unbound_start
	case_run "serve_stale $1" cache_serve 'cache {' 'success 1000 300 1' "${1:+serve_stale $1}" '}'
	case_run 'a reply that expires soon' short_once
	case_run 'the upstream goes away' unbound_stop
	case_run "$3" "$2"
	case_run 'it ends' server_stop
}

with '1h immediate' short_stale 'the stale reply is given out at once'
with '1h verify' short_stale 'the stale reply is given out when there is no other'
with '1h verify 200ms' short_stale 'the stale reply is given out when it takes too long'
with '' short_gone 'without serve_stale it has expired'

# --- and what it never hides ---

cluster_is_not_cached() {
	ask cart.shop.svc.cluster.local && has 'flags: qr aa' && has '^cart.* 30 IN A ' &&
		rm "$scratch/example/manifests"/* && {
		tries=0
		until ask cart.shop.svc.cluster.local && grep -q NXDOMAIN "$scratch/answer"; do
			tries=$((tries + 1))
			[ "$tries" -lt 100 ] || ! cat "$scratch/answer" || return 1
			sleep 0.1
		done
	}
}

cluster_serve() {
	rm -rf "$scratch/example"
	example_copy "$scratch/example" &&
		cache_serve 'cache 300' 'kubernetes cluster.local {' "manifests $scratch/example/manifests" \
			'ttl 30' 'service_cidr 10.96.128.0/17' '}'
}

case_run 'a cluster with a cache is served' cluster_serve
case_run 'a change in the cluster is seen through the cache' cluster_is_not_cached
case_run 'it ends' server_stop
cases_end
