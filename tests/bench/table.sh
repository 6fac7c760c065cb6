# SPDX-License-Identifier: Apache-2.0
# Ratios to the floor, and the table of budgets. To be sourced by report.

port_of() { # SERVER
	eval "echo \$port_$1"
}

pids_of() { # SERVER
	eval "echo \$pids_$1"
}

# One turn of every server, all of them the same way, so that the machine's drift hits all.
measure_turns() { # QUESTIONS [OPTION OF LOAD...]
	questions=$1
	shift
	round=0
	while [ $round -le "$rounds" ]; do
		for server in $servers; do
			must_run "$server" "$(pids_of "$server")"
			line=$(taskset -c 1 "$tools/load" -p "$(port_of "$server")" -t "$duration" \
				-P "$(pids_of "$server")" "$@" "$big/q.$questions") || {
				echo "bench: $server does not answer" >&2
				exit 1
			}
			# The first round warms up.
			[ $round -eq 0 ] || echo "$questions $server $round $line"
		done
		round=$((round + 1))
	done
}

# The middle one of the numbers of standard input.
median() {
	sort -n | awk '{ v[NR] = $1 }
		END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

percent_above() { # BASE VALUE
	echo "$1 $2" | awk '{ printf "%.1f", ($2 / $1 - 1) * 100 }'
}

# Lines "MIX SERVER ROUND qps N answered N lost N noerror N nxdomain N other N cpu_ns N" of
# standard input as a table. Leaves lines "MIX SERVER RATIO CPU_NS QPS" in $work/ratios.
print_ratios() {
	awk -v servers="$servers" -v ratios="$work/ratios" '
	function median(list, n,    i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && list[j] < list[j - 1]; j--) {
				t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
			}
		return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
	}
	function cpu_of(mix, server,    r) {
		for (r = 1; r <= rounds; r++) v[r] = cpu[mix, server, r]
		return median(v, rounds)
	}
	function qps_of(mix, server,    r) {
		for (r = 1; r <= rounds; r++) v[r] = qps[mix, server, r]
		return median(v, rounds)
	}
	function ratio_of(mix, server,    r) {
		for (r = 1; r <= rounds; r++)
			v[r] = cpu[mix, "echo", r] ? cpu[mix, server, r] / cpu[mix, "echo", r] : 0
		return median(v, rounds)
	}
	{
		if (!($1 in seen)) { seen[$1] = 1; order[++mixes] = $1 }
		cpu[$1, $2, $3] = $17; qps[$1, $2, $3] = $5; lost[$2] += $9; other[$2] += $15
		if ($3 > rounds) rounds = $3
	}
	END {
		count = split(servers, name, " ")
		printf "%-10s %14s", "", "echo"
		for (s = 2; s <= count; s++) printf " %14s", name[s]
		printf "\n"
		for (m = 1; m <= mixes; m++) {
			printf "%-10s %11.0f ns", order[m], cpu_of(order[m], "echo")
			for (s = 2; s <= count; s++) {
				ratio = ratio_of(order[m], name[s])
				printf " %14.2f", ratio
				print order[m], name[s], ratio, cpu_of(order[m], name[s]), \
					qps_of(order[m], name[s]) >ratios
			}
			printf "\n"
		}
		printf "%-10s", "queries/s"
		for (s = 1; s <= count; s++) printf " %14.0f", qps_of(order[1], name[s])
		printf "   (%s)\n%-10s", order[1], "lost"
		for (s = 1; s <= count; s++) printf " %14d", lost[name[s]]
		printf "\n"
		for (s = 2; s <= count; s++)
			if (other[name[s]]) printf "%s gave %d replies that are neither NOERROR nor NXDOMAIN\n", name[s], other[name[s]]
	}'
}

# The worst of all mixes. ratio: 3, CPU in ns: 4
ratio_worst() { # SERVER FIELD
	awk -v server="$1" -v field="$2" '$2 == server && $field > worst { worst = $field }
		END { print worst }' "$work/ratios"
}

# A row of the table. Bounds of the design are judged; others are those of its issues and
# stand there to be looked at.
#   budget WHAT MEASURED UNIT [most|least LIMIT [stated]]
budget() {
	echo "$1|$2|$3|${4:-}|${5:-}|${6:-}" >>"$work/budgets"
}

budgets_print() {
	[ -e "$work/budgets" ] || return 0
	awk -F '|' '
	function text(value) {
		return value == int(value) || value >= 1000 ? sprintf("%d", value + 0.5) : sprintf("%.3g", value)
	}
	{
		unit = $3 == "" ? "" : " " $3
		limit = $5 == "" ? "" : "at " $4 " " $5 unit
		verdict = $5 == "" || $6 != "" ? "" : "missed"
		if (verdict != "" && ($4 == "most" ? $2 + 0 <= $5 + 0 : $2 + 0 >= $5 + 0))
			verdict = "kept"
		if ($2 == "") { measured = "not measured"; verdict = "" }
		else measured = text($2 + 0) unit
		if (NR == 1) printf "%-66s %16s   %s\n", "Budgets", "measured", "budget"
		printf "%-66s %16s   %-22s %s\n", $1, measured, limit, verdict
	}' "$work/budgets"
}
