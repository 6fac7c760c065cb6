# SPDX-License-Identifier: Apache-2.0
# For tests of what asks other servers; to be sourced behind tap.sh and dig.sh.

# dig and openssl read files of their own there.
HOME=$scratch
export HOME

# process_start NAME PATTERN COMMAND...: in the background, until it has said PATTERN.
process_start() {
	log=$scratch/$1.log
	pattern=$2
	shift 2
	"$@" >"$log" 2>&1 </dev/null &
	process=$!
	started="$started $process"
	wait_for "$log" "$pattern" "$process"
}

hostile_start() {
	for attempt in 1 2 3 4 5; do
		hostile=$(port_free) || return 1
		process_start hostile ready "$builddir/tests/system/hostile" "$hostile" &&
			return 0
	done
	return 1
}

# A certificate for resolver.test and 127.0.0.1, vouched for by itself.
certificate_make() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
		-keyout "$scratch/key.pem" -out "$scratch/certificate.pem" -subj /CN=resolver \
		-addext 'subjectAltName=DNS:resolver.test,IP:127.0.0.1'
}

# serve LINE...: these lines in a server block of its own, on a free port.
serve() {
	printf '%s\n' "$@" >"$scratch/lines"
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		{
			printf '.:%s {\nbind 127.0.0.1\nerrors\n' "$port"
			cat "$scratch/lines"
			printf '}\n'
		} >"$scratch/Corefile"
		LOOP_PORT=$port
		export LOOP_PORT
		server_start "$scratch/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}
