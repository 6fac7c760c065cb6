#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What watches a server: /health, /ready and /metrics, and the end that waits (lameduck).
set -u
. "$srcdir/tests/support/tap.sh"

# No .digrc and .curlrc of whoever runs this.
HOME=$scratch
export HOME
folder=$scratch/watched
name=cart.shop.svc.cluster.local

# watched_write TEXT...: the Corefile, TEXT inside its block. Moved into place, so that
# nobody reads half of it.
watched_write() {
	{
		printf '.:%s {\n    bind 127.0.0.1\n' "$port"
		printf '    %s\n' "$@"
		printf '}\n'
	} >"$folder/next" && mv "$folder/next" "$folder/Corefile"
}

# watched_start TEXT...: a server of the example's manifests; TEXT goes into its block.
# Another process may take the port first, then again with another one.
watched_start() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		rm -rf "$folder"
		mkdir -p "$folder" || return 1
		PORT=$port # for {$PORT}
		export PORT
		watched_write "$@" || return 1
		server_start "$folder/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

# page_url PATH: where the log says that a page is.
page_url() {
	sed -n "s|.*listening on \(http://[^ ]*$1\)\$|\1|p" "$server_log" | head -n 1
}

# page_get PATH [CURL OPTION...]: the page in $scratch/page, its head in $scratch/head;
# prints the status.
page_get() {
	url=$(page_url "$1")
	shift
	curl -s --noproxy '*' -m 20 -D "$scratch/head" -o "$scratch/page" \
		-w '%{http_code}\n' "$@" "$url"
}

# page_says PATH STATUS TEXT
page_says() {
	status=$(page_get "$1")
	[ "$status" = "$2" ] && [ "$(cat "$scratch/page")" = "$3" ] && return 0
	printf '%s: status %s, text:\n' "$1" "$status"
	cat "$scratch/page"
	return 1
}

# soon COMMAND...: succeeds within a minute.
soon() {
	tries=0
	until "$@" >"$scratch/soon" 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || ! cat "$scratch/soon" || return 1
		sleep 0.1
	done
}

ask() {
	dig @127.0.0.1 -p "$port" +tries=1 +timeout=20 "$@" >"$scratch/dig" ||
		! cat "$scratch/dig"
}

# --- the pages ---

pages_start() {
	watched_start 'health 127.0.0.1:0' 'ready 127.0.0.1:0' 'prometheus 127.0.0.1:0' local \
		'kubernetes cluster.local {' "    manifests $srcdir/conf/example/manifests" \
		'    service_cidr 10.96.0.0/16' '}'
}

# page_address PATH: "ADDRESS:PORT" of its URL.
page_address() {
	page_url "$1" | sed 's|^http://||; s|/.*||'
}

# By hand: curl does not look for a body behind the head.
head_has_no_body() {
	perl -MSocket -e '
		my ($host, $port) = split /:/, $ARGV[0];
		socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!;
		connect($s, pack_sockaddr_in($port, inet_aton($host))) or die $!;
		syswrite($s, "HEAD /health HTTP/1.0\r\n\r\n");
		local $/;
		my $reply = <$s>;
		print $reply;
		exit($reply !~ m|^HTTP/1\.[01] 200 .*Content-Length: 2\r\n(.*\r\n)?\r\n\z|s);' \
		"$(page_address /health)"
}

other_page_is_404() {
	url=$(page_url /health)
	code=$(curl -s --noproxy '*' -o "$scratch/page" -w '%{http_code}' "${url%health}other")
	[ "$code" = 404 ]
}

other_method_is_405() {
	[ "$(page_get /health -X "$1" -d x)" = 405 ] && grep -qi '^Allow: GET, HEAD' "$scratch/head" ||
		! cat "$scratch/head"
}

long_header_is_refused() {
	[ "$(page_get /health -H "X-Long: $(printf '%09000d' 0)")" = 400 ] ||
		! cat "$scratch/head" || return 1
	page_says /health 200 OK
}

# Half a request must not hold up the others.
slow_client_disturbs_nobody() {
	perl -MSocket -e '
		$| = 1;
		my ($host, $port) = split /:/, $ARGV[0];
		for (1 .. 20) {
			socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!;
			connect($s, pack_sockaddr_in($port, inet_aton($host))) or die $!;
			syswrite($s, "GET /hea");
			push @open, $s;
		}
		print "open\n";
		sleep 600;' "$(page_address /health)" >"$scratch/slow" </dev/null &
	slow=$!
	started="$started $slow"
	wait_for "$scratch/slow" open "$slow" && page_says /health 200 OK
	result=$?
	kill "$slow"
	return "$result"
}

# --- metrics ---

metric() {
	page_get /metrics >"$scratch/code" || return 1
	awk -v name="$1" '$1 == name { print $2 }' "$scratch/page"
}

metric_is() {
	value=$(metric "$1")
	[ "$value" = "$2" ] && return 0
	printf '%s is "%s", expected %s\n' "$1" "$value" "$2"
	grep "^${1%%\{*}" "$scratch/page"
	return 1
}

# dns_metric_becomes NAME LABELS VALUE: of this server.
dns_metric_becomes() {
	soon metric_is "coredns_dns_$1{server=\"dns://127.0.0.1:$port\",$2}" "$3"
}

queries_are_counted() {
	ask "$name" A && ask "$name" A && ask "$name" AAAA +tcp &&
		ask nothing.shop.svc.cluster.local A +dnssec || return 1
	zone='zone=".",view=""'
	dns_metric_becomes requests_total "$zone,proto=\"udp\",family=\"1\",type=\"A\"" 3 &&
		dns_metric_becomes requests_total "$zone,proto=\"tcp\",family=\"1\",type=\"AAAA\"" 1 &&
		dns_metric_becomes do_requests_total "$zone" 1 &&
		dns_metric_becomes responses_total \
			"$zone,rcode=\"NOERROR\",plugin=\"kubernetes\"" 3 &&
		dns_metric_becomes responses_total \
			"$zone,rcode=\"NXDOMAIN\",plugin=\"kubernetes\"" 1 &&
		dns_metric_becomes request_duration_seconds_count "$zone" 4 &&
		dns_metric_becomes request_duration_seconds_bucket "$zone,le=\"+Inf\"" 4 &&
		dns_metric_becomes request_size_bytes_count "$zone,proto=\"udp\"" 3 &&
		dns_metric_becomes response_size_bytes_count "$zone,proto=\"tcp\"" 1 &&
		dns_metric_becomes response_size_bytes_bucket "$zone,proto=\"udp\",le=\"0\"" 0
}

# A reply has bit QR set: it gets none.
drops_are_counted() {
	perl -MSocket -e '
		socket(my $s, PF_INET, SOCK_DGRAM, 0) or die $!;
		send($s, pack("n6", 1, 0x8000, 0, 0, 0, 0), 0,
			pack_sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die $!;' "$port"
	soon metric_is 'waymark_dropped_total{reason="no_reply"}' 1
}

registry_is_counted() {
	soon metric_is 'waymark_registry_objects{kind="Service"}' 12 &&
		soon metric_is 'waymark_publish_duration_seconds_count' 1 || return 1
	[ "$(metric waymark_store_names)" -gt 20 ] && [ "$(metric waymark_store_bytes)" -gt 1000 ] &&
		[ "$(metric process_resident_memory_bytes)" -gt 100000 ] &&
		[ "$(metric process_open_fds)" -gt 5 ] || ! cat "$scratch/page"
}

plugins_are_named() {
	label="server=\"dns://127.0.0.1:$port\",zone=\".\",view=\"\""
	metric_is "coredns_plugin_enabled{$label,name=\"kubernetes\"}" 1 &&
		metric_is "coredns_plugin_enabled{$label,name=\"prometheus\"}" 1 &&
		metric_is "coredns_plugin_enabled{$label,name=\"health\"}" '' &&
		grep -q '^coredns_build_info{version="[0-9]' "$scratch/page"
}

# Families with a head and in one piece, samples unlike each other, histograms that grow.
format_is_right() {
	page_get /metrics >"$scratch/code" || return 1
	grep -qi '^Content-Type: text/plain; version=0\.0\.4' "$scratch/head" ||
		! cat "$scratch/head" || return 1
	awk 'function bad(what) { print FILENAME ":" FNR ": " what ": " $0; failed = 1 }
	/^# HELP / {
		family = $3
		if (family in heads)
			bad("family again")
		heads[family] = 1
		next
	}
	/^# TYPE / {
		if ($3 != family || $4 !~ /^(counter|gauge|histogram)$/)
			bad("type")
		type = $4
		next
	}
	{
		if (!match($0, /^[a-z_]+(\{([a-z_]+="([^"\\]|\\["\\n])*",?)+\})? [0-9.]+$/)) {
			bad("not a sample")
			next
		}
		name = $1
		sub(/\{.*/, "", name)
		if (type == "histogram")
			sub(/_(bucket|sum|count)$/, "", name)
		if (name != family)
			bad("in the family of " family)
		if ($1 in samples)
			bad("sample again")
		samples[$1] = 1
		if ($1 ~ /_bucket\{/) {
			if ($1 !~ /le="0"|le="0\.00025"|le="0\.0001"/ && $2 < last)
				bad("bucket below the one before it")
			last = $2
		}
		if ($1 ~ /_count(\{|$)/ && type == "histogram" && $2 != last)
			bad("count is not the last bucket")
	}
	END { exit failed || FNR < 50 }' "$scratch/page"
}

promtool_agrees() {
	page_get /metrics >"$scratch/code" && promtool check metrics <"$scratch/page"
}

metric_grows() {
	value=$(metric "$1")
	[ "${value:-0}" -ge "$2" ] || ! grep "^${1%%\{*}" "$scratch/page"
}

health_is_watched() {
	soon metric_grows coredns_health_request_duration_seconds_count 2 &&
		metric_is coredns_health_request_failures_total 0 &&
		grep -q '^coredns_health_request_duration_seconds_bucket{le="2.5"} [1-9]' "$scratch/page"
}

corefile_is_named() {
	sum=$(sha512sum <"$folder/Corefile" | cut -d' ' -f1)
	metric_is "coredns_reload_version_info{hash=\"sha512\",value=\"$sum\"}" 1
}

mistake_is_counted() {
	metric_is coredns_reload_failed_total 0 && watched_write errorz && reload_ends "$refused" &&
		soon metric_is coredns_reload_failed_total 1 &&
		metric_is "coredns_reload_version_info{hash=\"sha512\",value=\"$sum\"}" 1
}

localhost_is_counted() {
	ask localhost A && ask a.localhost A && ask localhost.shop.svc.cluster.local AAAA &&
		grep -q '::1$' "$scratch/dig" && soon metric_is coredns_local_localhost_requests_total 2
}

# Prometheus itself evaluates them, over a scrape whose counters grow by 1 a minute.
dashboards_find_their_series() {
	# No plugin is there for it: SERVFAIL.
	ask other.example A && page_get /metrics >"$scratch/code" || return 1
	{
		printf 'evaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n'
		sed -n -e "s/'/''/g" \
			-e "s/^\([a-z_]*\){\(.*\)} \([0-9.]*\)$/      - series: '\1{job=\"coredns\",instance=\"dns:9153\",\2}'\n        values: '\3+1x20'/p" \
			-e "s/^\([a-z_]*\) \([0-9.]*\)$/      - series: '\1{job=\"coredns\",instance=\"dns:9153\"}'\n        values: '\2+1x20'/p" \
			"$scratch/page"
		printf '    promql_expr_test:\n'
		grep -v '^#' "$srcdir/tests/cases/metrics/queries" | sed -e "s/'/''/g" \
			-e "s/.*/      - expr: 'count(&) > bool 0'\n        eval_time: 15m\n        exp_samples: [{value: 1}]/"
	} >"$scratch/queries.yml"
	promtool test rules "$scratch/queries.yml"
}

# --- several blocks ---

blocks_start() {
	watched_start 'prometheus 127.0.0.1:0' 'health 127.0.0.1:0' '}' 'counted.example:{$PORT} {' \
		'bind 127.0.0.1' 'prometheus 127.0.0.1:0' '}' 'plain.example:{$PORT} {' \
		'bind 127.0.0.1' 'health 127.0.0.1:0'
}

blocks_share_a_listener() {
	[ "$(grep -c 'listening on http://.*/metrics$' "$server_log")" -eq 1 ] &&
		[ "$(grep -c 'listening on http://.*/health$' "$server_log")" -eq 1 ] ||
		! cat "$server_log"
}

zones_are_counted_apart() {
	ask counted.example A && ask plain.example A && ask other.example A || return 1
	labels='view="",rcode="SERVFAIL",plugin=""'
	dns_metric_becomes responses_total "zone=\"counted.example.\",$labels" 1 &&
		dns_metric_becomes responses_total "zone=\".\",$labels" 1 &&
		! grep -q plain "$scratch/page"
}

# --- ready ---

# Before the folder of manifests is there the server cannot know what is missing in it.
not_ready_start() {
	watched_start 'ready 127.0.0.1:0' 'kubernetes cluster.local {' '    manifests later' '}'
}

# pages_follow PATTERN TEXT...: the reload ends so.
pages_follow() {
	how=$1
	shift
	watched_write "$@" && reload_ends "$how"
}

# page_at PORT PATH STATUS [TEXT]: of 127.0.0.1.
page_at() {
	code=$(curl -s --noproxy '*' -m 20 -o "$scratch/page" -w '%{http_code}' "http://127.0.0.1:$1$2")
	[ "$code" = "$3" ] && [ "${4-$(cat "$scratch/page")}" = "$(cat "$scratch/page")" ] ||
		! cat "$server_log" "$scratch/page"
}

# Nobody listens there; a connection may end on the way.
page_gone() {
	soon page_at "$1" / 000
}

ports_pick() {
	first=$(port_free) && second=$(port_free) && third=$(port_free)
}

moving_start() {
	ports_pick && watched_start "health 127.0.0.1:$first" && page_at "$first" /health 200 OK
}

new_page_comes() {
	pages_follow "$taken" "health 127.0.0.1:$first" "ready 127.0.0.1:$first" "prometheus 127.0.0.1:$second" &&
		page_at "$first" /health 200 && page_at "$first" /ready 200 OK && page_at "$second" /metrics 200
}

# A connection of before the reload, by hand: it is asked once more behind it.
connection_is_kept() {
	perl -MSocket -e '
		$| = 1;
		socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!;
		connect($s, pack_sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die $!;
		for (1, 2) {
			syswrite($s, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
			my $reply = "";
			while ($reply !~ /OK$/) {
				sysread($s, $reply, 1000, length $reply) or die "closed";
			}
			print "reply $_\n";
			for (my $i = 0; $i < 100 && !-e $ARGV[1]; $i++) { select undef, undef, undef, 0.05; }
		}' "$first" "$scratch/go" >"$scratch/kept" 2>&1 </dev/null &
	kept=$!
	started="$started $kept"
	wait_for "$scratch/kept" 'reply 1' "$kept" && reload_ends "$taken" && : >"$scratch/go" &&
		wait_for "$scratch/kept" 'reply 2' "$kept" && wait "$kept"
}

page_moves() {
	pages_follow "$taken" "health 127.0.0.1:$third" "prometheus 127.0.0.1:$second" &&
		page_at "$third" /health 200 OK && page_gone "$first" && page_at "$second" /health 404
}

# A socket of one address is in the way of one of all, unless both are ours.
page_widens() {
	pages_follow "$taken" "health :$third" && page_at "$third" /health 200 OK &&
		page_gone "$second" &&
		pages_follow "$taken" "health 127.0.0.1:$third" && page_at "$third" /health 200 OK
}

taken_page_is_refused() {
	port_hold tcp || return 1
	pages_follow "$refused" "ready 127.0.0.1:$first" "prometheus 127.0.0.1:$held" &&
		grep -q "Corefile:4:16: error: cannot listen on 127.0.0.1:$held (http /metrics): address already in use" "$server_log" &&
		page_at "$third" /health 200 OK && page_gone "$first"
}

# What can be refused behind the pages: a port of the server itself.
taken_port_takes_no_page() {
	port_hold || return 1
	pages_follow "$refused" "ready 127.0.0.1:$first" '}' ".:$held {" 'bind 127.0.0.1' &&
		page_at "$third" /health 200 OK && page_gone "$first"
}

pages_go() {
	pages_follow "$taken" errors && page_gone "$third" &&
		[ "$(grep -c 'no longer listening on http://127.0.0.1:.*/health$' "$server_log")" -gt 0 ]
}

lameduck_follows() {
	pages_follow "$taken" "health 127.0.0.1:$first {" 'lameduck 1m' '}' &&
		page_at "$first" /health 200 OK && kill -TERM "$server" &&
		wait_for "$server_log" 'ending in 60000 ms' "$server" && server_stop
}

becomes_ready() {
	mkdir "$folder/later" &&
		cp "$srcdir"/conf/example/manifests/* "$folder/later/" || return 1
	soon page_says /ready 200 OK
}

other_block_does_not_count() {
	watched_start 'ready 127.0.0.1:0' 'kubernetes cluster.local {' \
		"    manifests $srcdir/conf/example/manifests" '}' '}' \
		'other.example:{$PORT} {' 'bind 127.0.0.1' 'kubernetes other.example {' \
		'    manifests later' '}' &&
		page_says /ready 200 OK && server_stop
}

# --- the end ---

lameduck_start() {
	watched_start 'ready 127.0.0.1:0' 'health 127.0.0.1:0 {' "    lameduck $1" '}' \
		'kubernetes cluster.local {' "    manifests $srcdir/conf/example/manifests" '}'
}

goes_on_as_a_lame_duck() {
	kill -TERM "$server"
	wait_for "$server_log" 'ending in 60000 ms' "$server" &&
		page_says /ready 503 ending && page_says /health 200 OK &&
		ask "$name" +short && grep -qxF 10.96.20.20 "$scratch/dig"
}

ends_by_itself() {
	lameduck_start 100ms && server_stop && grep -q 'ending in 100 ms' "$server_log"
}

# --- mistakes ---

# mistake_is_placed PLACE TEXT COREFILE
mistake_is_placed() {
	mkdir -p "$scratch/bad"
	printf '%b' "$3" >"$scratch/bad/Corefile"
	"$WAYMARK" check -c "$scratch/bad/Corefile" >"$scratch/out" 2>&1
	[ $? -eq 1 ] && grep -q "Corefile:$1: error: .*$2" "$scratch/out" ||
		! cat "$scratch/out"
}

taken_port() {
	address=$(page_address /health)
	mkdir -p "$scratch/taken"
	printf '.:0 {\n    bind 127.0.0.1\n    ready %s\n}\n' "$address" >"$scratch/taken/Corefile"
	timeout 20 "$WAYMARK" serve -c "$scratch/taken/Corefile" >"$scratch/out" 2>&1
	[ $? -eq 1 ] && grep -q "Corefile:3:11: error: cannot listen on $address (http /ready): address already in use" \
		"$scratch/out" || ! cat "$scratch/out"
}

case_run 'a server with all three pages starts' pages_start
case_run '/health says OK' page_says /health 200 OK
case_run '/ready says OK' page_says /ready 200 OK
case_run 'HEAD has the length and no text' head_has_no_body
case_run 'another path does not exist' other_page_is_404
case_run 'POST is refused' other_method_is_405 POST
case_run 'DELETE is refused' other_method_is_405 DELETE
case_run 'a header of 9000 octets is refused' long_header_is_refused
case_run 'clients that send half a request disturb nobody' slow_client_disturbs_nobody
case_run 'queries are counted' queries_are_counted
case_run 'what gets no reply is counted' drops_are_counted
case_run 'the registry and the process are counted' registry_is_counted
case_run 'the plugins of a zone are named' plugins_are_named
case_run 'the format is that of Prometheus' format_is_right
case_run 'the server watches its own /health' health_is_watched
case_run 'the Corefile in force is named by its digest' corefile_is_named
case_run 'a refused reload is counted' mistake_is_counted
case_run 'names below localhost are counted, localhost is not' localhost_is_counted
if command -v promtool >/dev/null; then
	case_run 'promtool agrees' promtool_agrees
	case_run 'dashboards find their series' dashboards_find_their_series
else
	case_skip 'promtool agrees' 'promtool is not installed'
	case_skip 'dashboards find their series' 'promtool is not installed'
fi
case_run 'a taken port is named with its place' taken_port
case_run 'SIGTERM ends it' server_stop

case_run 'blocks that name the same address start' blocks_start
case_run 'they share one listener' blocks_share_a_listener
case_run 'zones are counted apart, and only where a block asks for it' zones_are_counted_apart
case_run 'SIGTERM ends them' server_stop

case_run 'a server without its manifests starts' not_ready_start
case_run '/ready says who is not' page_says /ready 503 kubernetes
case_run '/ready says OK when they are there' becomes_ready
case_run 'it ends while they are' server_stop
case_run 'a block without ready is not asked' other_block_does_not_count

case_run 'a server with a page at an address of its own starts' moving_start
case_run 'a reload brings pages' new_page_comes
case_run 'connections to an address that stays are kept' connection_is_kept
case_run 'a page moves to another address' page_moves
case_run 'a page moves to all addresses and back' page_widens
case_run 'a page whose address is taken fails the whole reload' taken_page_is_refused
case_run 'where the reload fails for another reason no page is left open' taken_port_takes_no_page
case_run 'a reload takes pages away' pages_go
case_run 'lameduck is that of the last reload' lameduck_follows

case_run 'a server with lameduck starts' lameduck_start 1m
case_run 'SIGTERM makes it a lame duck' goes_on_as_a_lame_duck
case_run 'a second SIGTERM ends it with exit code 0' server_stop
case_run 'the end of lameduck ends it with exit code 0' ends_by_itself

for plugin in health ready prometheus; do
	case_run "a wrong address of $plugin" mistake_is_placed "2:$((${#plugin} + 6))" \
		'expected ADDRESS:PORT' ".:53 {\n    $plugin 8080\n}\n"
	case_run "two addresses of $plugin" mistake_is_placed '2:[0-9]*' 'expected 0 to 1' \
		".:53 {\n    $plugin :1 :2\n}\n"
done
case_run 'a wrong duration of lameduck' mistake_is_placed 3:18 'expected a duration' \
	'.:53 {\n    health {\n        lameduck soon\n    }\n}\n'
case_run 'a wrong word of monitor' mistake_is_placed 3:17 'until-ready' \
	'.:53 {\n    ready {\n        monitor always\n    }\n}\n'
cases_end
