# SPDX-License-Identifier: Apache-2.0
# Answers of other servers: kept, fetched, fetched while one is dead. To be sourced by report.

# Kept by a cache are answers of a Waymark with the cluster, whose TTLs outlast the run.
upstream_start() {
	waymark_config "$work/Corefile.$port_upstream" $port_upstream "$big" 127.0.0.1
	sed -i 's/^	kubernetes .*/&\n		ttl 3600/' "$work/Corefile.$port_upstream"
	pinned_start 0-1 "$work/log.$port_upstream" "$WAYMARK" serve -c "$work/Corefile.$port_upstream"
	pid_upstream=$pid upstream=$port_upstream
	peer_wait $port_upstream
}

# At once and whatever the question: the echo, made to answer, on the load's cpu.
instant_start() { # PORT
	pinned_start 1 "$work/log.$1" "$tools/echo" "$1" answer
	pid_instant=$pid
	peer_wait "$1"
}

# A server without names of its own, ready on return; sets pid.
resolver_start() { # PORT LINES... of the Corefile
	resolver_port=$1
	shift
	{
		printf '.:%s {\n\tbind 127.0.0.1\n' "$resolver_port"
		printf '\t%s\n' "$@"
		printf '}\n'
	} >"$work/Corefile.$resolver_port"
	pinned_start 0 "$work/log.$resolver_port" "$WAYMARK" serve -c "$work/Corefile.$resolver_port"
	peer_wait "$resolver_port" || {
		cat "$work/log.$resolver_port" >&2
		exit 1
	}
}

# Replies that another server gave before: the questions of the store, of an upstream.
cache_part() {
	echo "CPU per UDP query answered from the cache as a multiple of the echo's (budget 1.6)"
	upstream_start || {
		cat "$work/log.$port_upstream" >&2
		exit 1
	}
	resolver_start $port_cache 'cache {' '	success 20000' '}' "forward . 127.0.0.1:$port_upstream"
	pids_cache=$pid
	echo_start
	servers="echo cache"
	peers_start unbound dnsmasq
	# All of them ask for what they will keep.
	for server in $servers; do
		"$tools/load" -p "$(port_of "$server")" -t $((duration * 5)) -c 4 -w 16 "$big/q.a" >/dev/null
	done
	measure_turns a >"$work/turns"
	print_ratios <"$work/turns"
	budget "CPU per UDP query answered from the cache, echo = 1" "$(ratio_worst cache 3)" "" most 1.6
	for server in ${servers#echo cache}; do
		budget "the same of $server" "$(ratio_worst "$server" 3)" ""
	done
	servers_stop
	stop "$pid_upstream"
}

# Questions that nobody has asked before: load -u makes each a name of its own.
new_write() {
	echo '00000000.example.org A' >"$big/q.new"
}

forward_part() {
	echo "CPU per forwarded UDP query as a multiple of the echo's, each another name, with an"
	echo "upstream on the load's cpu that answers at once (budget 20,000 a second on one core: 50 us)"
	echo "forward: nothing kept; miss: behind a cache, which keeps the answers"
	new_write
	instant_start $port_instant
	upstream=$port_instant
	resolver_start $port_forward "forward . 127.0.0.1:$port_instant"
	pids_forward=$pid
	resolver_start $port_miss 'cache 30' "forward . 127.0.0.1:$port_instant"
	pids_miss=$pid
	echo_start
	servers="echo forward miss"
	peers_start unbound dnsmasq
	measure_turns new -u >"$work/turns"
	print_ratios <"$work/turns"
	awk '{ printf "  %-10s %6.2f us, %7.0f a second\n", $2, $4 / 1000, $5 }' "$work/ratios"
	budget "forwarded misses of one core" "$(awk '$2 == "miss" { print $5 }' "$work/ratios")" \
		"a second" least 20000 stated
	budget "CPU per forwarded miss" "$(ratio_worst miss 4)" ns most 50000 stated
	for server in ${servers#echo forward miss}; do
		budget "the same of $server" "$(ratio_worst "$server" 4)" ns
	done
	servers_stop
	stop "$pid_instant"
}

# Two upstreams, of which one stops without a word while 1,000 queries a second come.
dead_part() {
	echo "1,000 queries a second while one of two upstreams is dead (budget 50 ms at p99)"
	new_write
	instant_start $port_instant
	pid_alive=$pid
	instant_start $port_dying
	pid_dying=$pid
	resolver_start $port_forward "forward . 127.0.0.1:$port_instant 127.0.0.1:$port_dying"
	pids_forward=$pid
	dead_load 'both alive'
	kill -STOP "$pid_dying"
	dead_load 'the first second'
	first_ms=$(value p99_ms "$line")
	dead_load 'then'
	budget "answers in the first second after one of two upstreams died, p99" "$first_ms" ms most 50 stated
	budget "answers after that, p99" "$(value p99_ms "$line")" ms most 50 stated
	kill -CONT "$pid_dying"
	for pid in $pid_dying $pid_alive $pids_forward; do
		stop "$pid"
	done
}

dead_load() { # WHEN
	line=$(taskset -c 1 "$tools/load" -p $port_forward -t $((duration * 5 / 3)) \
		-r 1000 -c 8 -w 64 -u "$big/q.new")
	printf '  %-18s median %s ms, p99 %s ms, max %s ms, lost %s\n' "$1" "$(value median_ms "$line")" \
		"$(value p99_ms "$line")" "$(value max_ms "$line")" "$(value lost "$line")"
}
