# SPDX-License-Identifier: Apache-2.0
# The Corefiles with TLS, other ports and several server blocks; to be sourced behind
# questions.sh.

# --- OpenShift ---

replies_are_at_most() {
	ask www.example.org +bufsize=4096 && has "udp: $1\$"
}

# `denial 9984 30`: less than `cache 900` says.
denials_are_kept_shorter() {
	ask nothing.example.org && has '^\. [1-3]\?[0-9] IN SOA '
}

hostname_is_told() {
	ask CH TXT hostname.bind && has '^hostname.bind. 0 CH TXT "..*"$' &&
		ask CH TXT version.bind && has 'status: REFUSED'
}

# logs_classes YES NO: rcodes of the lines that are there, and that are not.
logs_classes() {
	ask www.example.org && ask nothing.example.org && ask CH TXT refused.example.org || return 1
	for rcode in $1; do
		logged "example.org. .* $rcode " || return 1
	done
	for rcode in $2; do
		! grep -e "example.org. .* $rcode " "$server_log" || return 1
	done
}

openshift_questions() { # BUFSIZE LOGGED NOT-LOGGED
	standard 5 900
	case_run "$corefile: pods insecure" pods_are_believed
	case_run "$corefile: bufsize $1" replies_are_at_most "$1"
	case_run "$corefile: denials are kept for 30 seconds" denials_are_kept_shorter
	case_run "$corefile: hostname.bind" hostname_is_told
	case_run "$corefile: the log has $2" logs_classes "$2" "$3"
}

asked_openshift() {
	openshift_questions 1232 REFUSED 'NOERROR NXDOMAIN'
}

asked_microshift() {
	openshift_questions 1232 REFUSED 'NOERROR NXDOMAIN'
}

asked_openshift_512() {
	openshift_questions 512 'REFUSED NOERROR NXDOMAIN' ''
}

# What listens there speaks nothing but TLS, and has a certificate for that name alone.
upstream_is_known() {
	page_has /metrics '^coredns_proxy_request_duration_seconds_count{proxy_name="forward",to=".*:'"$internet_tls"'",rcode="NOERROR"} [1-9]' &&
		has '^coredns_proxy_conn_cache_misses_total{proxy_name="forward",to=".*",proto="tcp-tls"} [1-9]'
}

asked_openshift_tls() {
	openshift_questions 1232 'REFUSED NXDOMAIN' NOERROR
	case_run "$corefile: upstreams by TLS" upstream_is_known
}

# --- Kubespray ---

pods_give_names_to_endpoints() {
	ask db-0.db.shop.svc.cluster.local && has ' 5 IN A 10.1.0.1$' &&
		ask 10-1-0-1.db.shop.svc.cluster.local && has 'status: NXDOMAIN'
}

outside_addresses_are_answered() {
	ask cart.shop.k8s_external.local && has '^cart.shop.k8s_external.local. 5 IN A 192.0.2.80$' &&
		ask db.shop.k8s_external.local && has 'ANSWER: 0'
}

domain_is_rewritten() {
	ask cart.shop.my.domain.example && has '^cart.shop.my.domain.example. 5 IN A 10.96.20.20$' &&
		ask none.shop.my.domain.example && has 'status: NXDOMAIN'
}

outer_zones_have_their_block() {
	ask www.corp.example && has '^www.corp.example. 5 IN A 192.0.2.20$' &&
		ask www.corp.test && has ' 5 IN A 192.0.2.22$' && ask old.corp.example &&
		has '^old.corp.example. 5 IN A 192.0.2.21$' && logged '"A IN www.corp.test. udp .* NOERROR '
}

nodes_are_answered() {
	ask node-1.example.test && has '^node-1.example.test. 3600 IN A 192.0.2.42$'
}

asked_kubespray() {
	standard 5
	case_run "$corefile: pods insecure" pods_are_believed
	case_run "$corefile: endpoints have the names of pods" pods_give_names_to_endpoints
	case_run "$corefile: k8s_external" outside_addresses_are_answered
	case_run "$corefile: a domain that is rewritten" domain_is_rewritten
	case_run "$corefile: zones with another server, rewritten and logged" outer_zones_have_their_block
	case_run "$corefile: the hosts file" nodes_are_answered
}

# --- NodeLocal DNSCache ---

# The cluster's server takes TCP alone, and its answers are not the Internet's.
cluster_comes_by_tcp() {
	ask cart.shop.svc.cluster.local && has '^cart.shop.svc.cluster.local. 30 IN A 10.96.20.20$' &&
		ask -x 10.96.20.20 && has ' 30 IN PTR cart.shop.svc.cluster.local.$' &&
		ask -x 2001:db8::1 && has ' 30 IN PTR six.shop.svc.cluster.local.$'
}

absence_is_kept_shorter() {
	ask none.shop.svc.cluster.local && has 'status: NXDOMAIN' && has '^\. 5 IN SOA ' &&
		ask none.example.org && has '^\. 30 IN SOA '
}

the_rest_goes_elsewhere() {
	ask www.example.org && has '^www.example.org. 30 IN A 192.0.2.10$' && ask -x 192.0.2.10 &&
		has 'status: NXDOMAIN'
}

service_address_answers_too() {
	first=$address address=127.0.0.2
	[ "$place" = loopback ] || address=10.96.0.10
	ask cart.shop.svc.cluster.local && has ' IN A 10.96.20.20$' && ask www.example.org +tcp &&
		has ' IN A 192.0.2.10$'
	found=$?
	address=$first
	return "$found"
}

blocks_share_pages() {
	page_has /health '^OK$' && page /metrics || return 1
	for zone in cluster.local. in-addr.arpa. ip6.arpa. .; do
		has "^coredns_dns_requests_total{.*zone=\"$zone\".*} [1-9]" || return 1
	done
	has '^coredns_cache_hits_total{.*zones="cluster.local.".*type="success"} [1-9]'
}

asked_node_local_dns() {
	case_run "$corefile: the cluster's names by TCP" cluster_comes_by_tcp
	case_run "$corefile: how long absence is kept" absence_is_kept_shorter
	case_run "$corefile: the rest from elsewhere" the_rest_goes_elsewhere
	case_run "$corefile: the address of the service" service_address_answers_too
	case_run "$corefile: one page for four blocks" blocks_share_pages
}
