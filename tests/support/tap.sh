# SPDX-License-Identifier: Apache-2.0
# For tests in sh: cases in TAP, a scratch folder, servers that end with the test.
# To be sourced. Sets $scratch; everything in it is gone afterwards.

scratch=$(mktemp -d "${TMPDIR:-/tmp}/waymark-test.XXXXXX") || exit 99
cases=0
started=

finish() {
	for pid in $started; do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# case_run NAME COMMAND...: one test case; what the command writes explains a failure.
case_run() {
	cases=$((cases + 1))
	case_name=$1
	shift
	if "$@" >"$scratch/case" 2>&1; then
		printf 'ok %d - %s\n' "$cases" "$case_name"
		return 0
	fi
	printf 'not ok %d - %s\n' "$cases" "$case_name"
	sed 's/^/# /' "$scratch/case"
	return 1
}

case_skip() {
	cases=$((cases + 1))
	printf 'ok %d - %s # SKIP %s\n' "$cases" "$1" "$2"
}

# run COMMAND...: its standard output and error and its exit code to be looked at.
run() {
	timeout 30 "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	code=$?
}

show() {
	printf 'exit code %d, output:\n' "$code"
	cat "$scratch/out"
	printf 'errors:\n'
	cat "$scratch/err"
	return 1
}

# What the last run left: expect CODE [out|err PATTERN].
expect() {
	[ "$code" -eq "$1" ] || show || return 1
	[ $# -lt 3 ] || grep -q -e "$3" "$scratch/$2" || show
}

expect_empty() {
	[ ! -s "$scratch/$1" ] || show
}

# case_on_terminal NAME COMMAND...: skipped where script(1) gets no terminal.
case_on_terminal() {
	if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
		case_run "$@"
	else
		case_skip "$1" 'no terminal can be had'
	fi
}

cases_end() {
	printf '1..%d\n' "$cases"
}

# A port of 127.0.0.1 that neither UDP nor TCP uses just now. perl-base is part of every
# Debian.
port_free() {
	perl -MSocket -e '
		for (1 .. 100) {
			socket(my $tcp, PF_INET, SOCK_STREAM, 0) or die $!;
			socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die $!;
			bind($tcp, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die $!;
			my ($port) = unpack_sockaddr_in(getsockname($tcp));
			next unless bind($udp, pack_sockaddr_in($port, INADDR_LOOPBACK));
			print "$port\n";
			exit 0;
		}
		die "no port is free";'
}

# wait_for FILE PATTERN PID: until the file has a line that matches, at most a minute;
# fails at once when the process ends without one.
wait_for() {
	tries=0
	while ! grep -q -e "$2" "$1" 2>/dev/null; do
		if ! kill -0 "$3" 2>/dev/null || [ "$tries" -ge 600 ]; then
			grep -q -e "$2" "$1" 2>/dev/null && return 0
			printf 'no line "%s" in:\n' "$2"
			cat "$1"
			return 1
		fi
		tries=$((tries + 1))
		sleep 0.1
	done
}

# example_copy FOLDER: the example cluster, to be served on $port.
example_copy() {
	cp -R "$srcdir/conf/example" "$1" && chmod -R u+w "$1" &&
		sed "s/:5353/:$port/" "$srcdir/conf/example/Corefile" >"$1/Corefile"
}

# server_start COREFILE: sets $server and $server_log, returns when it is ready.
server_start() {
	server_log=$scratch/server.log
	# Else the line of the server before could be found before its log is emptied.
	: >"$server_log"
	"$WAYMARK" serve -c "$1" >"$server_log" 2>&1 </dev/null &
	server=$!
	started="$started $server"
	wait_for "$server_log" ' ready$' "$server"
}

# log_count PATTERN: lines of the log.
log_count() {
	grep -c -e "$1" "$server_log"
}

# log_more BEFORE PATTERN: until the log has more such lines than before.
log_more() {
	tries=0
	while [ "$(log_count "$2")" -le "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] && kill -0 "$server" || ! cat "$server_log" || return 1
		sleep 0.1
	done
}

# reload_ends PATTERN [SIGNAL]: a signal, and the log says how it ended.
reload_ends() {
	before=$(log_count "$1")
	kill "-${2:-HUP}" "$server" && log_more "$before" "$1"
}

taken='was reloaded in'
refused='was not reloaded, the running configuration stays in force$'

# port_hold [tcp]: somebody else's socket, of UDP unless told otherwise; sets $held.
port_hold() {
	kind=${1:-udp}
	perl -MSocket -e '
		$| = 1;
		socket(my $s, PF_INET, $ARGV[0] eq "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0) or die $!;
		bind($s, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die $!;
		listen($s, 1);
		print +(unpack_sockaddr_in(getsockname($s)))[0], "\n";
		sleep 600;' "$kind" >"$scratch/held" </dev/null &
	holder=$!
	started="$started $holder"
	wait_for "$scratch/held" '^[0-9]' "$holder" && held=$(cat "$scratch/held")
}

# server_stop: with SIGTERM; returns what the server exits with.
server_stop() {
	kill -TERM "$server" || return 1
	status=0
	wait "$server" || status=$?
	# The number may be another process's from now on.
	started=$(printf ' %s ' "$started" | sed "s/ $server / /")
	[ "$status" -eq 0 ] || cat "$server_log"
	return "$status"
}

# example_start: serves a copy of the example on a free port, in $scratch/example. Another
# process may take the port first, then again with another one.
example_start() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		rm -rf "$scratch/example"
		example_copy "$scratch/example" || return 1
		server_start "$scratch/example/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}
