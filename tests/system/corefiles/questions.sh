# SPDX-License-Identifier: Apache-2.0
# What several Corefiles of conf/corefiles are asked, and how each of them goes through its
# cases; to be sourced behind place.sh. The cases of NAME.Corefile are the function
# asked_NAME, with _ in the place of -, in the files beside this one.

# --- questions that several have ---

# cluster_answers TTL: services, endpoints, pods by their addresses, reverse names.
cluster_answers() {
	ask cart.shop.svc.cluster.local && has "^cart.shop.svc.cluster.local. $1 IN A 10.96.20.20$" &&
		has 'flags: qr aa' && ask db.shop.svc.cluster.local +tcp && has " $1 IN A 10.1.0.1$" &&
		ask SRV _http._tcp.cart.shop.svc.cluster.local &&
		has " $1 IN SRV 0 100 80 cart.shop.svc.cluster.local.$" &&
		ask -x 10.96.20.20 && has " $1 IN PTR cart.shop.svc.cluster.local.$" &&
		ask nothing.shop.svc.cluster.local && has 'status: NXDOMAIN' && has "^cluster.local. $1 IN SOA"
}

pods_are_believed() {
	ask 10-9-8-7.shop.pod.cluster.local && has ' IN A 10.9.8.7$'
}

# A change is answered at once: there is no cache in front of the cluster.
changes_are_seen() {
	ask new.shop.svc.cluster.local && has 'status: NXDOMAIN' &&
		put "$(service_json shop new 10.96.20.77)" || return 1
	tries=0
	until ask new.shop.svc.cluster.local && grep -q ' IN A 10.96.20.77$' "$scratch/answer"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
	remove services shop new
}

# internet_answers [TTL]: what is not the cluster's, and from the cache the second time;
# it is kept for TTL seconds, 30 if not given.
internet_answers() {
	ask www.example.org && has "^www.example.org. ${1:-30} IN A 192.0.2.10$" &&
		ask www.example.org && has ' IN A 192.0.2.10$' && ask -x 192.0.2.10 &&
		has 'PTR www.example.org.$' && ask nothing.example.org && has 'status: NXDOMAIN' &&
		page_has /metrics '^coredns_cache_hits_total{.*type="success".*} 1$'
}

pages_are_there() {
	page_has /health '^OK$' && page_has /ready '^OK$' && page_has /metrics \
		'^coredns_dns_requests_total{.*server="dns://.*zone="\.".*} [1-9]'
}

# standard TTL [TTL]: what nearly all have; of the cluster and of the cache.
standard() {
	case_run "$corefile: the cluster's names" cluster_answers "$1"
	case_run "$corefile: changes of the cluster" changes_are_seen
	case_run "$corefile: other names, and reverse ones of others" internet_answers ${2:+"$2"}
	case_run "$corefile: pages for probes and metrics" pages_are_there
}

# --- each Corefile ---

# As it is, without a warning but of what this machine has: that a file is not here, or that
# its resolv.conf names a server of its own.
is_accepted() {
	run "$WAYMARK" check -c "$source"
	expect 0 out '^0 errors' && ! grep -v -e ': warning: cannot be read: No such file' \
		-e 'resolv.conf" is this server block itself' "$scratch/err"
}

# The same for the files of a place, where nothing is missing.
is_accepted_here() {
	run "$WAYMARK" check -c "$folder/Corefile"
	expect 0 out '^0 errors, 0 warnings$' && expect_empty err
}

# The first file without which this machine cannot have it; none: nothing is printed.
missing() {
	if grep -q '/etc/resolv.conf' "$source" && ! grep -q '^nameserver' /etc/resolv.conf; then
		echo 'there is no resolv.conf here'
	elif grep -q '^ *tls /' "$source"; then
		echo 'its authority is not here'
	fi
}

case_if() { # REASON NAME COMMAND...: skipped if there is a reason
	reason=$1
	shift
	if [ "$reason" ]; then
		case_skip "$1" "$reason"
	else
		case_run "$@"
	fi
}

goes_through() {
	corefile=$1
	asked=asked_$(printf %s "$corefile" | tr - _)
	if [ "$place" = loopback ]; then
		case_if "$(missing)" "$corefile: check accepts it" is_accepted
	fi
	case_run "$corefile: it is served" corefile_serve "$corefile" || return
	case_run "$corefile: check has nothing to say of it" is_accepted_here
	"$asked"
	case_run "$corefile: it ends" corefile_stop
}

# README's table has a row for each file, and none for others.
readme_has_rows() {
	ls "$srcdir/conf/corefiles" | sed -n 's/\.Corefile$//p' | sort >"$scratch/files"
	sed -n '/^| file in `conf\/corefiles`/,/^$/s/^| `\([^`]*\)` |.*/\1/p' "$srcdir/README.md" |
		sort >"$scratch/rows"
	[ -s "$scratch/rows" ] && diff "$scratch/files" "$scratch/rows"
}

# Which of them there are is not written down again: one without questions fails.
all_go_through() {
	[ "$place" = namespace ] || case_run "README's table names each of them" readme_has_rows
	if ! case_run 'the surroundings are there' place_prepare; then
		cases_end
		exit
	fi
	for source in "$srcdir"/conf/corefiles/*.Corefile; do
		goes_through "$(basename "$source" .Corefile)"
	done
	cases_end
}
