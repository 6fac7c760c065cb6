# SPDX-License-Identifier: Apache-2.0
# For tests of what asks other servers; to be sourced behind tap.sh.

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

# --- unbound; the test's unbound_lines writes its local data ---

unbound_tls_lines() {
	cat <<-END
	  interface: 127.0.0.1@$upstream_tls
	  tls-port: $upstream_tls
	  tls-service-key: "$scratch/key.pem"
	  tls-service-pem: "$scratch/certificate.pem"
	END
}

# unbound_write ADDRESS[@PORT]: its configuration.
unbound_write() {
	{
		cat <<-END
		server:
		  interface: $1
		  do-daemonize: no
		  use-syslog: no
		  chroot: ""
		  username: ""
		  directory: "$scratch"
		  pidfile: "$scratch/unbound.pid"
		  module-config: "iterator"
		END
		unbound_lines
	} >"$scratch/unbound.conf"
}

# unbound_at ADDRESS[@PORT]: returns when it answers there; sets $unbound.
unbound_at() {
	unbound_write "$1"
	process_start unbound 'start of service' \
		/usr/sbin/unbound -d -c "$scratch/unbound.conf" || return 1
	unbound=$process
}

# unbound_start: on free ports of 127.0.0.1, which are $upstream and $upstream_tls.
unbound_start() {
	for attempt in 1 2 3 4 5; do
		upstream=$(port_free) && upstream_tls=$(port_free) || return 1
		unbound_at "127.0.0.1@$upstream" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$upstream"
	done
	return 1
}

unbound_stop() {
	kill -TERM "$unbound" && wait "$unbound"
	started=$(printf ' %s ' "$started" | sed "s/ $unbound / /")
}
