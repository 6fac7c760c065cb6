#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plugins that answer by rules of the Corefile, over the network: hosts, template,
# rewrite, dns64.
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
		until_has '192\.0\.2\.7$' node1.example &&
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

# fails NAME PATTERN: and the log says why, when a second without another failure is over.
fails() {
	tries=0
	until ask "$1" && has SERVFAIL && grep -q -e "$2" "$server_log"; do
		tries=$((tries + 1))
		[ "$tries" -lt 50 ] || ! cat "$server_log" || return 1
		sleep 0.2
	done
}

template_answers() {
	ask IP-1-2.example +bufsize=1232 && has 'flags: qr aa' && has '^IP-1-2\.example\. 60 IN A 10\.0\.1\.2$' &&
		has '^example\. 3600 IN TXT "127\.0\.0\.1"$' &&
		ask ip-x.example && has '^_udp\.ip-x\.example\. 0 IN SRV' &&
		ask ip-1-2.example TXT && has '^_udp\.ip-1-2\.example\. 0 IN SRV' &&
		ask ff.hex && has '10\.0\.0\.255$' && ask hexff.example && has SERVFAIL &&
		fails fg.hex '"fg\.hex\. A": no template matches this name' &&
		fails ip-1-999.example 'the template at .*Corefile:[0-9]* gives no record'
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

# --- rewrite ---

rewrite_exact() {
	ask RED.Example && has '^;RED\.Example\. IN A' && has 'flags: qr aa' &&
		has '^RED\.Example\. 3600 IN A 192\.0\.2\.11$' && lacks '^blue' &&
		ask red.example +tcp && has '192\.0\.2\.11$' &&
		ask blue.example && has '^blue\.example\. 3600 IN A 192\.0\.2\.11$'
}

rewrite_parts() {
	ask a.front.example && has '^a\.front\.example\. 3600 IN A 192\.0\.2\.12$' &&
		ask a.bare.example && has '^a\.back\.example\. 3600 IN A 192\.0\.2\.12$' &&
		ask old.example && has '^new\.example\. 3600 IN A 192\.0\.2\.13$' &&
		ask a.middle.example && has '^a\.middle\.example\. 3600 IN A 192\.0\.2\.14$'
}

rewrite_regex() {
	ask db-west.rocks SRV && has '^db-west\.rocks\. 5 IN SRV 1 2 3 node\.service\.west\.public\.$' &&
		has '^node-west\.rocks\. 5 IN A 192\.0\.2\.9$' &&
		has '^service\.west\.consul\. 5 IN SOA ns\.public\. admin\.consul\. 1 2 3 4 5$' &&
		ask bad.example && has SERVFAIL &&
		logged '"bad\.example\. A": a rewrite rule makes no name of the question'
}

rewrite_others() {
	ask long.ttl && has '^long\.ttl\. 60 IN A 192\.0\.2\.15$' &&
		ask blue.example MX && has '^;blue\.example\. IN MX' && has ' IN A 192\.0\.2\.11$' &&
		ask CH A blue.example && has '^;blue\.example\. CH A' && has '192\.0\.2\.11$' &&
		ask HS A blue.example && has REFUSED && ask gone.example && has NXDOMAIN
}

rewrite_waits() {
	ask Red.example && has '^Red\.example\. 3600 IN A 192\.0\.2\.11$' &&
		ask red.example +tcp && has '192\.0\.2\.11$' && ask red.example AAAA && has NOERROR
}

template_waits() {
	ask alias.test && has '^alias\.test\. 60 IN CNAME blue\.example\.$' &&
		has '^blue\.example\. 3600 IN A 192\.0\.2\.11$' && has '^alias\.test\. 60 IN NS ns\.test\.$'
}

# --- dns64 ---

dns64_translates() {
	ask v4.example AAAA && has '^v4\.example\. 600 IN AAAA 64:ff9b::c000:202$' && has 'ANSWER: 1,' &&
		ask v4.example AAAA +tcp && has 'AAAA 64:ff9b::c000:202$' &&
		ask both.example AAAA && has 'AAAA 2001:db8::3$' && lacks '64:ff9b' &&
		ask v4.example A && has ' A 192\.0\.2\.2$' &&
		ask v4.example AAAA +dnssec +cdflag && has 'ANSWER: 0' &&
		ask no.example AAAA && has "$1" && lacks '64:ff9b'
}

dns64_translates_all() {
	ask both.example AAAA && has 'AAAA 2001:db8:64:c000:2:300::$' && lacks '2001:db8::3$'
}

dns64_leaves_ipv4() {
	ask v4.example AAAA && has NOERROR && has 'ANSWER: 0'
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
if stage rewrite 'rewrite continue class CH IN' 'rewrite continue ttl suffix .ttl. 30-60' \
	'rewrite continue type MX A' 'rewrite name exact Red.example blue.example' \
	'rewrite name suffix .front.example .back.example answer auto' \
	'rewrite name suffix .bare.example .back.example' 'rewrite name prefix old. new.' \
	'rewrite name substring .middle. .centre. answer auto' 'rewrite stop {' \
	'name regex (.*)-(west)\.rocks {1}.service.{2}.consul' \
	'answer name (.*)\.service\.(west)\.consul {1}-{2}.rocks' 'answer value (.*)\.consul {1}.public' '}' \
	'rewrite name regex ^bad\.(.*)$ {1}..{1}' 'rewrite rcode exact gone.example SERVFAIL NXDOMAIN' \
	'template IN ANY service.west.consul {' 'answer "{{ .Name }} 5 IN SRV 1 2 3 node.{{ .Zone }}"' \
	'authority "{{ .Zone }} 5 IN SOA ns.consul. admin.consul. (1 2 3 4 5)"' \
	'additional "node.{{ .Zone }} 5 IN A 192.0.2.9"' '}' 'template IN A gone.example {' 'rcode SERVFAIL' '}' \
	'hosts NodeHosts {' '192.0.2.11 blue.example' '192.0.2.12 a.back.example' '192.0.2.13 new.example' \
	'192.0.2.14 a.centre.example' '192.0.2.15 long.ttl' 'fallthrough' '}' whoami; then
	case_run 'rewrite: exact names are given back' rewrite_exact
	case_run 'rewrite: suffixes, prefixes, parts' rewrite_parts
	case_run 'rewrite: names by regular expressions, owners and values' rewrite_regex
	case_run 'rewrite: type, class, TTL and response code' rewrite_others
	case_run 'it ends' server_stop
fi
# What waits for the reply of another server, here another block of the same one.
other=$(port_free) || exit 99
if stage 'rewrite and template in front of forward' 'rewrite name exact red.example blue.example' \
	'template IN A alias.test {' 'answer "alias.test. 60 IN CNAME blue.example."' \
	'authority "{{ .Name }} 60 IN NS ns.test."' '}' "forward . 127.0.0.1:$other" '}' \
	".:$other {" 'bind 127.0.0.1' 'hosts NodeHosts {' '192.0.2.11 blue.example' '}'; then
	case_run 'rewrite: replies that come later are given back' rewrite_waits
	case_run 'template: records of a target that come later' template_waits
	case_run 'it ends' server_stop
fi
file_write DualHosts '192.0.2.2 v4.example' '192.0.2.3 both.example' '2001:db8::3 both.example'
if stage dns64 'dns64 {' allow_ipv4 '}' 'template IN AAAA no.example {' 'rcode NXDOMAIN' '}' 'hosts DualHosts'; then
	case_run 'dns64: names without IPv6 addresses get some' dns64_translates NXDOMAIN
	case_run 'it ends' server_stop
fi
if stage 'dns64 with a prefix' 'dns64 {' 'prefix 2001:db8:64::/48' translate_all allow_ipv4 '}' 'hosts DualHosts'; then
	case_run 'dns64: all names, if it is told so' dns64_translates_all
	case_run 'it ends' server_stop
fi
if stage 'dns64 for IPv6' dns64 'hosts DualHosts'; then
	case_run 'dns64: who asks over IPv4 is left alone' dns64_leaves_ipv4
	case_run 'it ends' server_stop
fi
if stage 'dns64 in front of forward' 'dns64 {' allow_ipv4 '}' "forward . 127.0.0.1:$other" '}' \
	".:$other {" 'bind 127.0.0.1' 'hosts DualHosts' ; then
	case_run 'dns64: replies that come later' dns64_translates SERVFAIL
	case_run 'it ends' server_stop
fi
cases_end
