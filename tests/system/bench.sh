#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The bench's programs and scripts run, at the smallest size. What they measure here is
# nothing: that stands in no test.
set -u
. "$srcdir/tests/support/tap.sh"

# bench SECTION...: of a made-up cluster of twenty services. Its ports are fixed for a run:
# somebody else may have one of them, then again with others. A machine that does much else
# takes its time.
bench() {
	for attempt in 1 2 3; do
		first=$((20000 + (($$ + attempt * 911) % 600) * 20))
		code=0
		BENCH="$*" PORT=$first ROUNDS=1 MS_EACH=20 MIXES='a headless' CHANGES=1 SERVICES=20 PODS=40 \
			PEERS='' TMPDIR="$scratch" timeout 600 "$srcdir/tests/bench/report" \
			>"$scratch/out" 2>"$scratch/err" </dev/null || code=$?
		[ "$code" -ne 0 ] || return 0
		show
	done
	return 1
}

# bench_prints SECTION PATTERN...: a row of the table for each, with a figure.
bench_prints() {
	section=$1
	shift
	bench "$section" || return 1
	for pattern in "$@"; do
		grep -Eq "^$pattern.* [0-9.e+-]+ ?(MB|ms|ns|%|a second)?  +at (most|least) " "$scratch/out" ||
			! printf 'no row "%s"\n' "$pattern" || show || return 1
	done
}

if ! command -v taskset >/dev/null || [ "$(nproc)" -lt 2 ]; then
	case_skip 'the bench runs' 'it needs two cpus and taskset'
	cases_end
	exit 0
fi
case_run 'the bench measures answers of the store' bench_prints answers \
	'CPU per UDP query, the costliest mix' 'the same on the wildcard' 'memory, 20 services'
case_run 'the bench measures two workers' bench_prints workers 'queries of two workers'
case_run 'the bench measures a start from manifests' bench_prints cold 'cold start'
case_run 'the bench measures memory' bench_prints large 'memory, 20 services' 'its peak'
case_run 'the bench measures changes of manifests' bench_prints change \
	'manifest written .* 20 services' 'manifest written .* 200 services'
case_run 'the bench measures answers from the cache' bench_prints cache 'CPU per UDP query answered from'
case_run 'the bench measures forwarded queries' bench_prints forward 'forwarded misses'
case_run 'the bench measures a dead upstream' bench_prints dead \
	'answers in the first second' 'answers after that'
case_run 'the bench measures an API server that is followed' bench_prints kube \
	'from an API server until ready' 'memory, 20 services' 'its peak while loading' \
	'its peak while listing again' 'event .* idle, median' 'event .* 200 changes a second, p99' \
	'control thread at 1,000 changes' 'rise of the CPU per query at 200'
case_run 'the bench measures verified pods' bench_prints pods 'memory for 40 verified pods'
refuses_unknown() {
	run env BENCH=nonsense TMPDIR="$scratch" "$srcdir/tests/bench/report"
	expect 2 err 'no section "nonsense"'
}
case_run 'the bench refuses a section that it does not have' refuses_unknown
cases_end
