# SPDX-License-Identifier: Apache-2.0
# The processes of a run: Waymark, and whatever stands beside it. To be sourced by report.

work=$(mktemp -d "${TMPDIR:-/tmp}/waymark-bench-XXXXXX")
port=${PORT:-5601}
port_echo=$port port_waymark=$((port + 1)) port_wildcard=$((port + 2)) port_nsd=$((port + 3))
port_knot=$((port + 4)) port_upstream=$((port + 5)) port_cache=$((port + 6))
port_unbound=$((port + 7)) port_dnsmasq=$((port + 8)) port_instant=$((port + 9))
port_dying=$((port + 10)) port_forward=$((port + 11)) port_miss=$((port + 12))
port_api=$((port + 13))
# Two at once would measure each other.
exec 9>"${TMPDIR:-/tmp}/waymark-bench.lock"
flock -n 9 || {
	echo 'another bench is running: waiting for it' >&2
	flock 9
}
pids=

cleanup() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $pids; do
		wait_gone "$pid"
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Up to ten seconds, then it is killed.
wait_gone() {
	n=0
	while [ -d "/proc/$1" ] && [ "$(proc_state "$1")" != Z ]; do
		n=$((n + 1))
		[ $n -lt 200 ] || kill -9 "$1" 2>/dev/null || :
		[ $n -lt 220 ] || return 0
		sleep 0.05
	done
}

proc_state() {
	awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null || :
}

stop() {
	kill "$1" 2>/dev/null || :
	wait_gone "$1"
}

# must_run NAME PIDS: a figure of a server that has ended would be none.
must_run() {
	for pid in $(echo "$2" | tr , ' '); do
		[ -d "/proc/$pid" ] || {
			echo "bench: $1 is not running (is its port taken?)" >&2
			exit 1
		}
	done
}

# A process and all below it, with commas.
family() {
	list=$1
	cat /proc/"$1"/task/*/children 2>/dev/null | tr -s ' ' '\n' | {
		while read -r child; do
			list=$list,$(family "$child")
		done
		echo "$list"
	}
}

value() { # KEY LINE
	echo "$2" | awk -v key="$1" '{ for (i = 1; i < NF; i++) if ($i == key) print $(i + 1) }'
}

memory_mb() { # VmRSS|VmHWM PIDS
	for pid in $(echo "$2" | tr , ' '); do
		cat "/proc/$pid/status"
	done | awk -v key="$1:" '$1 == key { sum += $2 } END { printf "%.1f", sum / 1024 }'
}

# A made-up cluster, see cluster.c. Prints how large it is.
cluster_make() { # FOLDER SERVICES ENDPOINTS [PODS]
	"$tools/cluster" "$@" | awk '{ print $2 " services, " $4 " endpoints" }'
}

waymark_config() { # FILE PORT FOLDER BIND
	{
		echo "cluster.local:$2 in-addr.arpa:$2 ip6.arpa:$2 {"
		[ -z "$4" ] || echo "	bind $4"
		echo "	kubernetes cluster.local in-addr.arpa ip6.arpa {"
		echo "		manifests $3/manifests"
		echo "	}"
		echo "}"
	} >"$1"
}

# Starts waymark with the Corefile of this port, sets pid, answer_ms, ready_ms.
waymark_run() { # PORT CPUS
	# The one before it on this port has said "ready" there too.
	rm -f "$work/log.$1"
	line=$(taskset -c "$2" "$tools/probe" cold "$1" svc-0.ns-0.svc.cluster.local \
		10.96.0.0 "$work/log.$1" "$WAYMARK" serve -c "$work/Corefile.$1") || {
		cat "$work/log.$1" >&2
		exit 1
	}
	pid=$(value pid "$line")
	answer_ms=$(value answer_ms "$line")
	ready_ms=$(value ready_ms "$line")
	pids="$pids $pid"
}

# The same of a folder of manifests, on cpu 0 unless told otherwise.
waymark_start() { # FOLDER PORT BIND [CPUS]
	waymark_config "$work/Corefile.$2" "$2" "$1" "$3"
	waymark_run "$2" "${4:-0}"
}

# Any other server, with its output in a log; sets pid.
pinned_start() { # CPU LOG COMMAND...
	cpu=$1 log=$2
	shift 2
	taskset -c "$cpu" "$@" >"$log" 2>&1 </dev/null &
	pid=$!
	pids="$pids $pid"
}

echo_start() {
	pinned_start 0 "$work/log.echo" "$tools/echo" "$port_echo"
	pids_echo=$pid
}

peer_wait() { # PORT
	n=0
	until "$tools/load" -p "$1" -t 50 -c 1 -w 1 "$big/q.a" >/dev/null 2>&1; do
		n=$((n + 1))
		[ $n -lt 100 ] || return 1
		sleep 0.1
	done
}

