#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line: what it prints where, what it says about mistakes, how it exits.
set -u
. "$srcdir/tests/support/tap.sh"

# Exit code 1, and one error, which says what and where.
expect_one_line() {
	expect 1 || return 1
	[ "$(grep -c -e ' error' "$scratch/err")" -eq 1 ] && grep -q -e "$1" "$scratch/err" || show
}

# --- the command line itself ---

version_is_printed() {
	run "$WAYMARK" --version
	expect 0 out '^waymark [0-9][0-9.]*$' && expect_empty err
}

help_is_printed() {
	run "$WAYMARK" --help
	expect 0 out '^usage: waymark ' && expect_empty err || return 1
	for command in serve check dump lookup; do
		expect 0 out "$command" || return 1
	done
}

usage_error() {
	run "$WAYMARK" "$@"
	expect 2 err '^usage: waymark' && expect_empty out
}

# --- Corefiles that cannot be served ---

corefile_write() {
	mkdir -p "$scratch/bad/manifests"
	printf '%b' "$1" >"$scratch/bad/Corefile"
}

# mistake_is_placed PLACE TEXT COREFILE: check and serve both say so.
mistake_is_placed() {
	corefile_write "$3"
	for command in check serve; do
		run "$WAYMARK" "$command" -c "$scratch/bad/Corefile"
		expect_one_line "Corefile:$1: error: .*$2" || return 1
	done
}

missing_corefile() {
	run "$WAYMARK" serve -c "$scratch/nowhere/Corefile"
	expect_one_line 'nowhere/Corefile.*No such file'
}

corefile_without_block() {
	corefile_write "$1"
	for command in check serve; do
		run "$WAYMARK" "$command" -c "$scratch/bad/Corefile"
		expect_one_line 'bad/Corefile: error: .*no server block' || return 1
	done
}

folder_as_corefile() {
	mkdir -p "$scratch/folder"
	run "$WAYMARK" serve -c "$scratch/folder"
	expect_one_line "$scratch/folder.*[Ii]s a directory"
}

unreadable_corefile() {
	corefile_write '.:53 {\n}\n'
	chmod 000 "$scratch/bad/Corefile"
	run "$WAYMARK" check -c "$scratch/bad/Corefile"
	chmod 600 "$scratch/bad/Corefile"
	expect_one_line 'bad/Corefile.*Permission denied'
}

sample_is_accepted() {
	mkdir -p "$scratch/sample/manifests"
	sed -e "s|/etc/waymark/manifests|$scratch/sample/manifests|" "$1" \
		"$srcdir/conf/Corefile.sample" >"$scratch/sample/Corefile"
	run "$WAYMARK" check -c "$scratch/sample/Corefile"
	expect 0
}

# --- ports ---

# port_hold udp|tcp: somebody else's socket; sets $port and $holder.
port_hold() {
	rm -f "$scratch/held"
	perl -MSocket -e '
		$| = 1;
		socket(my $s, PF_INET, $ARGV[0] eq "udp" ? SOCK_DGRAM : SOCK_STREAM, 0) or die $!;
		bind($s, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die $!;
		listen($s, 1) if $ARGV[0] eq "tcp";
		print +(unpack_sockaddr_in(getsockname($s)))[0], "\n";
		sleep 600;' "$1" >"$scratch/held" </dev/null &
	holder=$!
	started="$started $holder"
	wait_for "$scratch/held" '^[0-9]' "$holder" && port=$(cat "$scratch/held")
}

taken_port() {
	port_hold "$1" || return 1
	example_copy "$scratch/taken" || return 1
	run "$WAYMARK" serve -c "$scratch/taken/Corefile"
	kill "$holder"
	rm -rf "$scratch/taken"
	expect 1 err "127.0.0.1:$port.*[Aa]ddress already in use" || return 1
	[ "$(grep -c -e error "$scratch/err")" -eq 1 ] || show
}

# A second server on the same port would take half of the first one's queries.
second_server() {
	run "$WAYMARK" serve -c "$scratch/example/Corefile"
	expect 1 err "127.0.0.1:$port.*[Aa]ddress already in use"
}

# As nobody, with a copy of the program, as the build may be in a folder of root's.
forbidden_port() {
	mkdir -p "$scratch/nobody" && cp "$WAYMARK" "$scratch/nobody/waymark" &&
		chmod 711 "$scratch" || return 1
	printf '.:53 {\n    bind 127.0.0.1\n}\n' >"$scratch/nobody/Corefile"
	chmod -R a+rX "$scratch/nobody"
	run setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
		"$scratch/nobody/waymark" serve -c "$scratch/nobody/Corefile"
	expect 1 err '127.0.0.1:53.*[Pp]ermission denied' && expect 1 err 'CAP_NET_BIND_SERVICE'
}

# --- manifests ---

broken_manifest() {
	port=5353
	rm -rf "$scratch/broken"
	example_copy "$scratch/broken" || return 1
	printf 'apiVersion: v1\nkind: Service\nmetadata: {name: oven, namespace: [\n' \
		>"$scratch/broken/manifests/oven.yaml"
	run "$WAYMARK" check -c "$scratch/broken/Corefile"
	cat "$scratch/out" >>"$scratch/err"
	expect 1 err 'manifests/oven.yaml:[0-9]*:[0-9]*: error: '
}

# --- the example cluster ---

example_checks() {
	run "$WAYMARK" check -c "$srcdir/conf/example/Corefile"
	expect 0
}

dump_has() {
	tr -s '\t ' ' ' <"$scratch/out" >"$scratch/dump"
	grep -qixF -e "$1" "$scratch/dump" || {
		printf 'not dumped: %s\n' "$1"
		cat "$scratch/dump"
		return 1
	}
}

example_dumps() {
	run "$WAYMARK" dump -c "$srcdir/conf/example/Corefile"
	expect 0 && dump_has 'cart.shop.svc.cluster.local. 30 IN A 10.96.20.20' &&
		dump_has 'storefront.shop.svc.cluster.local. 30 IN AAAA fd00:10:96::2010' &&
		dump_has '_grpc._tcp.cart.shop.svc.cluster.local. 30 IN SRV 0 100 9000 cart.shop.svc.cluster.local.' &&
		dump_has 'mail.shop.svc.cluster.local. 30 IN CNAME smtp.example.com.' &&
		dump_has '10-244-1-31.shop.pod.cluster.local. 30 IN A 10.244.1.31' &&
		dump_has 'fd00-10-244-2--31.shop.pod.cluster.local. 30 IN AAAA fd00:10:244:2::31' &&
		dump_has '20.20.96.10.in-addr.arpa. 30 IN PTR cart.shop.svc.cluster.local.'
}

# The same every time: the addresses that service_cidr gives do not depend on a run.
dumps_agree() {
	for turn in 1 2; do
		run "$WAYMARK" dump -c "$srcdir/conf/example/Corefile"
		expect 0 || return 1
		grep -v -w SOA "$scratch/out" | sort >"$scratch/dump.$turn"
	done
	diff "$scratch/dump.1" "$scratch/dump.2" &&
		grep -q '^catalog\.shop\.svc\.cluster\.local\..*[[:space:]]10\.96\.' "$scratch/dump.1"
}

# lookup_has PATTERN NAME [TYPE]
lookup_has() {
	pattern=$1
	shift
	run "$WAYMARK" lookup -c "$srcdir/conf/example/Corefile" "$@"
	expect 0 out "$pattern"
}

lookup_explains() {
	lookup_has '10\.96\.20\.20' cart.shop.svc.cluster.local A &&
		expect 0 out 'manifests/cart\.yaml'
}

# --- signals ---

serves() {
	dig @127.0.0.1 -p "$port" +short cart.shop.svc.cluster.local | grep -qxF 10.96.20.20
}

logs_its_addresses() {
	grep -q -e "listening on 127.0.0.1:$port (udp, tcp)\$" "$server_log" ||
		! cat "$server_log"
}

writes_no_output() {
	example_start || return 1
	server_stop || return 1
	"$WAYMARK" serve -c "$scratch/example/Corefile" >"$scratch/out" 2>"$scratch/serve.err" \
		</dev/null &
	server=$!
	started="$started $server"
	server_log=$scratch/serve.err
	wait_for "$server_log" ' ready$' "$server" && server_stop && [ ! -s "$scratch/out" ]
}

case_run 'prints its version' version_is_printed
case_run 'prints its usage' help_is_printed
case_run 'an unknown command is a usage error' usage_error frobnicate
case_run 'an unknown option is a usage error' usage_error serve --frobnicate
case_run 'a lookup without a name is a usage error' usage_error lookup
case_run 'an argument too many is a usage error' usage_error dump one two

case_run 'an unknown plugin is named with its place' \
	mistake_is_placed 2:5 kubernets '.:53 {\n    kubernets cluster.local\n}\n'
case_run 'an unknown option is named with its place' \
	mistake_is_placed 3:9 ttll '.:53 {\n    kubernetes cluster.local {\n        ttll 30\n        manifests manifests\n    }\n}\n'
case_run 'a value out of range is named with its place' \
	mistake_is_placed 3:13 3601 '.:53 {\n    kubernetes cluster.local {\n        ttl 3601\n        manifests manifests\n    }\n}\n'
case_run 'a word that is no choice is named with its place' \
	mistake_is_placed 3:25 perhaps '.:53 {\n    kubernetes cluster.local {\n        extended_errors perhaps\n        manifests manifests\n    }\n}\n'
case_run 'a block that is not closed is named with its place' \
	mistake_is_placed '[0-9]*:[0-9]*' '' '.:53 {\n    errors\n'
case_run 'an interval that is too short is named with its place' \
	mistake_is_placed 2:12 'at least 2s' '.:53 {\n    reload 1s\n}\n'
case_run 'a jitter that is too short is named with its place' \
	mistake_is_placed 2:16 'at least 1s' '.:53 {\n    reload 30s 500ms\n}\n'
case_run 'an empty Corefile' corefile_without_block ''
case_run 'a Corefile of snippets only' corefile_without_block '(common) {\n    errors\n}\n'
case_run 'a Corefile that does not exist' missing_corefile
case_run 'a folder instead of a Corefile' folder_as_corefile
if [ "$(id -u)" -eq 0 ]; then
	case_skip 'a Corefile that may not be read' 'root may read it'
else
	case_run 'a Corefile that may not be read' unreadable_corefile
fi
case_run 'the sample Corefile is accepted' sample_is_accepted ''
case_run 'every option of the sample Corefile is accepted' \
	sample_is_accepted 's/^\( *\)#\([a-z]\)/\1\2/'

case_run 'a taken UDP port' taken_port udp
case_run 'a taken TCP port' taken_port tcp
lowest_free=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
if [ "$(id -u)" -eq 0 ] && [ "$lowest_free" -gt 53 ]; then
	case_run 'no permission for port 53' forbidden_port
else
	case_skip 'no permission for port 53' 'cannot be forbidden here'
fi

case_run 'a broken manifest fails the check, with its place' broken_manifest
case_run 'the example passes the check' example_checks
case_run 'the example is dumped' example_dumps
case_run 'two dumps agree' dumps_agree
case_run 'a lookup says where its answer comes from' lookup_explains
case_run 'a lookup of a name that does not exist' lookup_has NXDOMAIN \
	nothing.shop.svc.cluster.local
case_run 'a lookup of another type' lookup_has 'orders-db-0\.orders-db' \
	_postgresql._tcp.orders-db.shop.svc.cluster.local SRV

case_run 'the server becomes ready' example_start
case_run 'it answers' serves
case_run 'it says where it listens' logs_its_addresses
case_run 'a second server finds the port taken' second_server
case_run 'SIGTERM ends it with exit code 0' server_stop
case_run 'it writes nothing to standard output' writes_no_output
cases_end
