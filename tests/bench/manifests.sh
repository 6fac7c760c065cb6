# SPDX-License-Identifier: Apache-2.0
# Folders of manifests: start, memory, changes. To be sourced by report.

cold_part() {
	echo "Cold start from manifests, $services services," \
		"$(du -sm "$big/manifests" | cut -f1) MB of JSON (budget 400 ms)"
	for _ in 1 2 3 4 5; do
		waymark_start "$big" $port_waymark 127.0.0.1 0-1
		echo "$answer_ms $ready_ms" >>"$work/cold"
		stop "$pid"
	done
	answer_ms=$(cut -d ' ' -f 1 "$work/cold" | median)
	echo "  first right answer after $answer_ms ms, ready after" \
		"$(cut -d ' ' -f 2 "$work/cold" | median) ms (medians of 5)"
	budget "cold start from manifests" "$answer_ms" ms most 400
}

large_part() {
	dense=$(cluster_make "$work/dense" "$services" 82)
	echo "Memory, $dense (budget 50 MB, peak at most 30 % above)"
	waymark_start "$work/dense" $port_waymark 127.0.0.1 0-1
	now_mb=$(memory_mb VmRSS "$pid") peak_mb=$(memory_mb VmHWM "$pid")
	echo "  waymark $now_mb MB, peak $peak_mb MB, started in $answer_ms ms"
	budget "memory, $dense" "$now_mb" MB most 50
	budget "its peak while loading, above that" "$(percent_above "$now_mb" "$peak_mb")" % most 30
	stop "$pid"
	rm -rf "$work/dense"
}

change_part() {
	echo "A manifest is written until the answer changes, 50 ms of gathering apart" \
		"(budget 5 ms, the same at every size)"
	for size in $((services / 100)) "$services" $((services * 10)); do
		folder=$work/change-$size
		[ "$size" -ge 10 ] || continue
		cluster_make "$folder" "$size" 10 >/dev/null
		waymark_start "$folder" $port_waymark 127.0.0.1 0-1
		line=$("$tools/probe" change $port_waymark "$folder" "$changes") || {
			echo "  $size services: never"
			exit 1
		}
		echo "$size $(value median_ms "$line") $(value max_ms "$line")" | awk '{
			printf "  %6d services: %.2f ms = 50 + %.2f, at most 50 + %.2f\n",
				$1, $2, $2 - 50, $3 - 50 }'
		budget "manifest written until answered, beyond 50 ms, $size services" \
			"$(value median_ms "$line" | awk '{ print $1 - 50 }')" ms most 5
		stop "$pid"
		rm -rf "$folder"
	done
}
