#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plugins that answer by rules of the Corefile, over the network: hosts, template.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"

HOME=$scratch
export HOME

# serve [LINE...]: a server block of these lines on a free port, its files in
# $scratch/served. Another process may take the port first, then again with another one.
serve() {
	printf '%s\n' "$@" >"$scratch/lines"
	mkdir -p "$scratch/served"
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		{
			printf '.:%s {\nbind 127.0.0.1\nerrors\n' "$port"
			cat "$scratch/lines"
			printf '}\n'
		} >"$scratch/served/Corefile"
		server_start "$scratch/served/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

# stage NAME LINE...: the server for the cases to come.
stage() {
	stage_name=$1
	shift
	case_run "a Corefile with $stage_name is served" serve "$@"
}

# file_write NAME LINE...: renamed over the old one, if there is one.
file_write() {
	mkdir -p "$scratch/served"
	file=$scratch/served/$1
	shift
	printf '%s\n' "$@" >"$file.new" && mv "$file.new" "$file"
}

# becomes PATTERN QUESTION...: the answer has it within ten seconds.
becomes() {
	pattern=$1
	shift
	tries=0
	until ask "$@" && grep -q -e "$pattern" "$scratch/answer"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || ! cat "$scratch/answer" || return 1
		sleep 0.1
	done
}

# --- hosts ---

hosts_are_answered() {
	ask Node1.example && has 'flags: qr aa' && has '^Node1\.example\. 60 IN A 192\.0\.2\.1$' &&
		ask node1.example AAAA && has '^node1\.example\. 60 IN AAAA 2001:db8::1$' &&
		ask node2 AAAA && has NOERROR && has 'ANSWER: 0, AUTHORITY: 0' &&
		ask -x 192.0.2.1 && has 'PTR node1\.example\.$' &&
		ask -x 2001:db8::1 && has 'PTR node1\.example\.$' &&
		ask host.internal +tcp && has '^host\.internal\. 60 IN A 192\.0\.2\.200$'
}

hosts_fall_through() {
	ask nobody.example && has '^_udp\.nobody\.example\. 0 IN SRV'
}

hosts_are_renewed() {
	file_write NodeHosts '192.0.2.7 node1.example' '192.0.2.300 node8' &&
		becomes '192\.0\.2\.7$' node1.example &&
		logged ' warning .*served/NodeHosts:2: .*"192\.0\.2\.300" is not an IP address' &&
		ask node2 && has '^_udp\.node2\. 0 IN SRV'
}

hosts_are_counted() {
	curl -sf "http://127.0.0.1:$http/metrics" >"$scratch/answer" &&
		has '^coredns_hosts_entries 4$' &&
		has '^coredns_hosts_reload_timestamp_seconds 1[0-9]*\.*[0-9]*$'
}

hosts_refuse() {
	ask nobody.example && has SERVFAIL &&
		logged '"nobody\.example\. A": hosts does not have this name'
}

hosts_are_checked() {
	run "$WAYMARK" check -c "$scratch/served/Corefile"
	expect 0 err 'served/NodeHosts:2: warning: "192\.0\.2\.300"' || return 1
	printf '.:53 {\nhosts nowhere\n}\n' >"$scratch/Corefile"
	run "$WAYMARK" check -c "$scratch/Corefile"
	expect 0 err '/nowhere: warning: cannot be read: No such file'
}

# --- template ---

template_answers() {
	ask IP-1-2.example +bufsize=1232 && has 'flags: qr aa' && has '^IP-1-2\.example\. 60 IN A 10\.0\.1\.2$' &&
		has '^example\. 3600 IN TXT "127\.0\.0\.1"$' &&
		ask ip-x.example && has '^_udp\.ip-x\.example\. 0 IN SRV' &&
		ask ip-1-2.example TXT && has '^_udp\.ip-1-2\.example\. 0 IN SRV' &&
		ask ff.hex && has '10\.0\.0\.255$' && ask fg.hex && has SERVFAIL &&
		logged '"fg\.hex\. A": no template matches this name' &&
		ask ip-1-999.example && has SERVFAIL && ask hexff.example && has SERVFAIL &&
		logged 'the template at .*Corefile:[0-9]* gives no record'
}

template_denies() {
	ask a.invalid TXT && has 'NXDOMAIN' && has 'EDE: 21 .*: (Blocked according to RFC2606)' &&
		has '^invalid\. 60 IN SOA ns\.invalid\. a\.invalid\. 1 60 60 60 60$' &&
		ask CH TXT a.invalid && has NXDOMAIN && has '^invalid\. 60 CH SOA' &&
		ask CH TXT other.test && has REFUSED &&
		ask vm.a.b.c.d.internal.cloudapp.net && has NXDOMAIN &&
		ask vm.a.b.internal.cloudapp.net && has '^_udp\.vm\.a'
}

template_follows() {
	ask alias.test && has '^alias\.test\. 60 IN CNAME host\.internal\.$' &&
		has '^host\.internal\. 3600 IN A 192\.0\.2\.200$' &&
		ask alias.test TXT && has '^alias\.test\. 60 IN CNAME' && has 'ANSWER: 1,'
}

template_is_counted() {
	curl -sf "http://127.0.0.1:$http/metrics" >"$scratch/answer" &&
		has '^coredns_template_matches_total{server="dns://127\.0\.0\.1:[0-9]*",zone="\.",view="",class="IN",type="A"} [1-9]'
}

http=$(port_free) || exit 99
file_write NodeHosts '192.0.2.1 node1.example' '2001:db8::1 node1.example' '192.0.2.2 node2'
if stage hosts "prometheus 127.0.0.1:$http" 'hosts NodeHosts {' '192.0.2.200 host.internal' 'ttl 60' \
	'reload 1s' 'fallthrough' '}' whoami; then
	case_run 'hosts: addresses and names of addresses' hosts_are_answered
	case_run 'hosts: what is not there falls through' hosts_fall_through
	case_run 'hosts: a changed file is read again' hosts_are_renewed
	case_run 'hosts: counted' hosts_are_counted
	case_run 'hosts: what is wrong with a file is told' hosts_are_checked
	case_run 'it ends' server_stop
fi
if stage 'hosts alone' 'hosts NodeHosts'; then
	case_run 'hosts: without fallthrough SERVFAIL' hosts_refuse
	case_run 'it ends' server_stop
fi
if stage template "prometheus 127.0.0.1:$http" 'template IN A example {' \
	'match "^ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)[.]example[.]$" "^hex(?P<a>[0-9a-f]{2})[.]example[.]$"' \
	'answer "{{ .Name }} 60 IN A 10.0.{{ .Group.a }}.{{ index .Match 2 }}"' \
	'additional "{{ .Zone }} IN TXT {{ .Remote }}"' 'fallthrough' '}' 'template IN A hex {' \
	'match "^(?P<b>[0-9a-f]{2})[.]"' 'answer "{{ .Name }} 60 A 10.0.0.{{ parseInt .Group.b 16 8 }}"' '}' \
	'template ANY ANY invalid {' 'rcode NXDOMAIN' 'authority "invalid. 60 {{ .Class }} SOA ns.invalid. a.invalid. (1 60 60 60 60)"' \
	'ederror 21 "Blocked according to RFC2606"' '}' 'template IN ANY alias.test {' \
	'answer "alias.test. 60 IN CNAME host.internal."' '}' \
	'template ANY ANY internal.cloudapp.net {' 'match "^(?:[^.]+\.){4,}internal\.cloudapp\.net\.$"' 'rcode NXDOMAIN' \
	'fallthrough' '}' 'hosts NodeHosts {' '192.0.2.200 host.internal' 'fallthrough' '}' whoami; then
	case_run 'template: records of what the name says' template_answers
	case_run 'template: a response code, with a reason' template_denies
	case_run 'template: the records of a target follow' template_follows
	case_run 'template: matches are counted' template_is_counted
	case_run 'it ends' server_stop
fi
cases_end
