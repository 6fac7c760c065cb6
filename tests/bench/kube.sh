# SPDX-License-Identifier: Apache-2.0
# An API server that is followed: loading, changes, what they cost. To be sourced by report.

# Of the cluster in a folder, on the load's cpu, told what to do with `api`.
api_start() { # FOLDER
	rm -f "$work/api.in" "$work/api.out"
	mkfifo "$work/api.in" "$work/api.out"
	taskset -c 1 "$tools/apiserver" $port_api "$1" $port_waymark \
		<"$work/api.in" >"$work/api.out" 2>"$work/log.api" &
	pid_api=$!
	pids="$pids $pid_api"
	exec 7>"$work/api.in" 8<"$work/api.out"
	api_done
}

api_stop() {
	exec 7>&- 8<&-
	wait_gone "$pid_api"
}

api_do() { # COMMAND...
	echo "$*" >&7
}

# Waits for what it was told to do; sets line.
api_done() {
	read -r line <&8 || {
		echo "bench: the API server has ended" >&2
		cat "$work/log.api" >&2
		exit 1
	}
}

# Sets line; a change that is not answered within ten seconds is no figure.
api() { # COMMAND...
	api_do "$@"
	api_done
	[ "$(value never "$line")" = 0 ] || {
		echo "bench: \"$*\": $line" >&2
		cat "$work/log.$port_waymark" >&2
		exit 1
	}
}

kube_start() { # CPUS [LINE of the stanza]
	cat >"$work/Corefile.$port_waymark" <<-END
		.:$port_waymark {
			bind 127.0.0.1
			kubernetes cluster.local in-addr.arpa ip6.arpa {
				endpoint http://127.0.0.1:$port_api
				${2:-}
			}
		}
	END
	waymark_run $port_waymark "$1"
}

# Nanoseconds that the thread that reads the API server has run.
control_ns() {
	cut -d ' ' -f 1 "/proc/$pid/task/$pid/schedstat"
}

workers() {
	grep -l '^worker-' /proc/"$pid"/task/*/comm | awk -F / '{ print $5 }' | paste -sd ,
}

kube_part() {
	kube=$work/kube
	dense=$(cluster_make "$kube" "$services" 82 0)
	api_start "$kube"
	kube_start 0-1
	kube_load
	kube_relist 'its peak'
	kube_latency
	stop "$pid"
	kube_start 0
	kube_busy
	kube_queries
	stop "$pid"
	api_stop
}

kube_load() {
	now_mb=$(memory_mb VmRSS "$pid") peak_mb=$(memory_mb VmHWM "$pid")
	echo "Loaded from an API server, $dense," \
		"$(du -csm "$kube"/api/*.json | awk 'END { print $1 }') MB of JSON" \
		"(budget 2 s, 50 MB, peak at most 30 % above)"
	echo "  first right answer after $answer_ms ms, ready after $ready_ms ms; $now_mb MB, peak $peak_mb MB"
	budget "from an API server until ready, $dense" "$ready_ms" ms most 2000 stated
	budget "memory, $dense of an API server" "$now_mb" MB most 50
	budget "its peak while loading, above that" "$(percent_above "$now_mb" "$peak_mb")" % most 30
}

# The list comes again, as after an outage that was longer than the history.
kube_relist() { # WHOSE PEAK [stated]
	# The peak is that from now on: proc(5).
	echo 5 >"/proc/$pid/clear_refs"
	before_mb=$(memory_mb VmRSS "$pid")
	api relist
	peak_mb=$(memory_mb VmHWM "$pid")
	echo "  listed again within $(value median_ms "$line") ms;" \
		"$before_mb MB before, $(memory_mb VmRSS "$pid") MB then, peak $peak_mb MB"
	budget "$1 while listing again, above what it had" \
		"$(percent_above "$before_mb" "$peak_mb")" % most 30 "${2:-}"
}

latency_rows() { # WHEN
	printf '  %-24s median %s ms, p99 %s ms, max %s ms (%s of %s changes)\n' "$1:" \
		"$(value median_ms "$line")" "$(value p99_ms "$line")" "$(value max_ms "$line")" \
		"$(value asked "$line")" "$(value told "$line")"
	budget "event until its answer, $1, median" "$(value median_ms "$line")" ms most 0.2
	budget "event until its answer, $1, p99" "$(value p99_ms "$line")" ms most 1
}

kube_latency() {
	echo "From the write of an event until the first answer that has it" \
		"(budget 0.2 ms median, 1 ms p99)"
	api changes "$duration" 4000
	latency_rows idle
	api churn 200 $((duration * 10))
	latency_rows "200 changes a second"
}

# Share of a core, from two readings in nanoseconds and the milliseconds in between.
share() { # BEFORE AFTER MS
	echo "$1 $2 $3" | awk '{ printf "%.1f", ($2 - $1) / $3 / 1e4 }'
}

kube_busy() {
	before=$(control_ns)
	api quiet 1000 $((duration * 5))
	busy=$(share "$before" "$(control_ns)" "$(value took_ms "$line")")
	echo "1,000 changes a second (budget 50 % of a core)"
	echo "  control thread $busy % of a core, $(value told "$line") changes in $(value took_ms "$line") ms," \
		"the last one answered after $(value median_ms "$line") ms"
	budget "control thread at 1,000 changes a second" "$busy" % most 50 stated
}

# CPU of the workers alone, while the control thread has so many changes to make.
kube_queries() {
	echo "CPU of the query path per query while changes come (budget: it rises by less than 10 %)"
	tids=$(workers)
	round=0
	while [ $round -le "$rounds" ]; do
		for rate in 0 200 1000; do
			[ $rate -eq 0 ] || api_do quiet $rate "$duration"
			load=$(taskset -c 1 "$tools/load" -p $port_waymark -t "$duration" -T "$tids" \
				"$kube/q.mix")
			[ $rate -eq 0 ] || api_done
			[ $round -eq 0 ] || echo "$round $rate $(value cpu_ns "$load")"
		done
		round=$((round + 1))
	done >"$work/busy"
	for rate in 0 200 1000; do
		ns=$(awk -v rate=$rate '$2 == rate { print $3 }' "$work/busy" | median)
		rise=$(awk -v rate=$rate '$2 == 0 { base = $3 } $2 == rate { print ($3 / base - 1) * 100 }' \
			"$work/busy" | median)
		printf '  %5d changes a second: %.0f ns, %+.1f %%\n' $rate "$ns" "$rise"
		[ $rate -eq 0 ] || budget "rise of the CPU per query at $rate changes a second" "$rise" % most 10 stated
	done
}

# What pods add: the same cluster without and with them.
pods_part() {
	echo "$pods pods in verified mode (budget 20 MB)"
	pods_folder=$work/pods
	cluster_make "$pods_folder" "$services" 10 "$pods" >/dev/null
	api_start "$pods_folder"
	kube_start 0-1
	without_mb=$(memory_mb VmRSS "$pid")
	stop "$pid"
	kube_start 0-1 'pods verified'
	now_mb=$(memory_mb VmRSS "$pid") peak_mb=$(memory_mb VmHWM "$pid")
	more_mb=$(echo "$now_mb $without_mb" | awk '{ printf "%.1f", $1 - $2 }')
	echo "  without $without_mb MB, with $now_mb MB, peak $peak_mb MB: $more_mb MB more;" \
		"ready after $ready_ms ms, $(du -sm "$pods_folder/api/pods.json" | cut -f 1) MB of JSON"
	budget "memory for $pods verified pods" "$more_mb" MB most 20 stated
	budget "peak while loading them, above what it has then" "$(percent_above "$now_mb" "$peak_mb")" % most 30 stated
	kube_relist 'peak with them' stated
	stop "$pid"
	api_stop
	rm -rf "$pods_folder"
}
