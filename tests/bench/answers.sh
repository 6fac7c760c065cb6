# SPDX-License-Identifier: Apache-2.0
# What the store answers. To be sourced by report.

answers_part() {
	echo "CPU per answered UDP query as a multiple of the echo's (budget 1.3)"
	echo "$cluster; waymark: bound to 127.0.0.1; wildcard: on the wildcard address;"
	echo "medians of $rounds rounds"
	echo_start
	servers="echo waymark wildcard"
	waymark_start "$big" $port_waymark 127.0.0.1
	pids_waymark=$pid
	waymark_start "$big" $port_wildcard ""
	pids_wildcard=$pid
	peers_start nsd knot
	for mix in $mixes; do
		measure_turns "$mix"
	done >"$work/turns"
	print_ratios <"$work/turns"
	budget "CPU per UDP query, the costliest mix, echo = 1" "$(ratio_worst waymark 3)" "" most 1.3
	budget "the same on the wildcard address" "$(ratio_worst wildcard 3)" "" most 1.3
	memory_peers
	servers_stop
}

memory_peers() {
	echo
	echo "Memory, the same cluster (budget 25 MB)"
	for server in $servers; do
		case $server in
		echo | wildcard) ;;
		*) printf '  %-8s %s MB, peak %s MB\n' "$server" "$(memory_mb VmRSS "$(pids_of "$server")")" \
			"$(memory_mb VmHWM "$(pids_of "$server")")" ;;
		esac
	done
	budget "memory, $cluster" "$(memory_mb VmRSS "$pids_waymark")" MB most 25
}

# Median "QPS CPU_NS" of five runs, every thread free to move over all cpus.
free_run() { # PID CPUS
	for thread in /proc/"$1"/task/*; do
		taskset -p -c "$2" "${thread##*/}" >/dev/null
	done
	for _ in 1 2 3 4 5; do
		line=$("$tools/load" -p $port_waymark -t "$duration" -c 16 -w 32 -P "$1" "$big/q.mix")
		echo "$(value qps "$line") $(value cpu_ns "$line")"
	done | sort -n | sed -n 3p
}

# Whether a second worker doubles the answers shows in two ways: in the rate, if the load
# generator has a cpu to itself, and in the CPU time of an answer, which must not grow.
workers_part() {
	cpus=$(nproc)
	echo "Two workers against one, placed freely (budget 1.8 times)"
	if [ "$cpus" -lt 2 ]; then
		echo "  one cpu only: not measured"
		return
	fi
	waymark_start "$big" $port_waymark 127.0.0.1 0
	one=$(free_run "$pid" "0-$((cpus - 1))")
	stop "$pid"
	waymark_start "$big" $port_waymark 127.0.0.1 0-1
	two=$(free_run "$pid" "0-$((cpus - 1))")
	stop "$pid"
	echo "$one $two" | awk '{
		printf "  one %d queries/s, two %d queries/s: %.2f times\n", $1, $3, $3 / $1
		printf "  one %d ns an answer, two %d ns: would be %.2f times with a cpu each\n",
			$2, $4, 2 * $2 / $4 }'
	if [ "$cpus" -ge 3 ]; then
		budget "queries of two workers, one = 1" \
			"$(echo "$one $two" | awk '{ print $3 / $1 }')" "" least 1.8
	else
		echo "  $cpus cpus: the load generator competes with the workers for them"
		budget "queries of two workers by their CPU an answer, one = 1" \
			"$(echo "$one $two" | awk '{ print 2 * $2 / $4 }')" "" least 1.8
	fi
}
