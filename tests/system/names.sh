#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Names that lead elsewhere: external addresses, ExternalNames, search lists of pods.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"

HOME=$scratch
export HOME
served=$scratch/served

# pod NAMESPACE NAME ADDRESS [LINE OF SPEC]: a manifest; moved into place.
pod() {
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s}\nspec: {%s}\nstatus: {phase: Running, podIP: %s}\n' \
		"$2" "$1" "${4:-}" "$3" >"$scratch/pod"
	mv "$scratch/pod" "$served/manifests/pod-$1-$2.yaml"
}

manifests_write() {
	mkdir -p "$served/manifests"
	cat >"$served/manifests/services.yaml" <<-END
		apiVersion: v1
		kind: Namespace
		metadata: {name: shop}
		---
		apiVersion: v1
		kind: Namespace
		metadata: {name: bank}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: web, namespace: shop}
		spec: {type: LoadBalancer, clusterIP: 10.96.0.1, externalIPs: [203.0.113.1], ports: [{name: http, port: 80}]}
		status: {loadBalancer: {ingress: [{ip: "2001:db8::1"}]}}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: named, namespace: shop}
		spec: {type: LoadBalancer, clusterIP: 10.96.0.2, ports: [{port: 80}]}
		status: {loadBalancer: {ingress: [{hostname: there.elsewhere.test}]}}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: there, namespace: shop}
		spec: {type: ExternalName, externalName: there.elsewhere.test}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: nobody, namespace: shop}
		spec: {type: ExternalName, externalName: there.nobody.test}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: missing, namespace: shop}
		spec: {type: ExternalName, externalName: missing.cluster.other}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: circle, namespace: shop}
		spec: {type: ExternalName, externalName: circle.svc.shop.cluster.other}
	END
	pod shop one 127.0.0.11
	pod bank two 127.0.0.12
	pod shop node 127.0.0.13 'hostNetwork: true'
}

# zone_write SERIAL ADDRESS: the zone file, moved into place.
zone_write() {
	cat >"$scratch/zone" <<-END
		\$TTL 60
		@ SOA ns host $1 7200 1800 86400 5
		@ NS ns
		ns A $2
		*.wild A 192.0.2.2
		sub NS ns.sub
		ns.sub A 192.0.2.3
		away CNAME there.elsewhere.test.
	END
	mv "$scratch/zone" "$served/zone"
}

serve() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		rm -rf "$served"
		manifests_write
		mkdir -p "$served/other"
		zone_write 1 192.0.2.1
		metrics=$(port_free) || return 1
		cat >"$served/Corefile" <<-END
			cluster.local:$port example.org:$port in-addr.arpa:$port www.test:$port acl.test:$port {
			    bind 127.0.0.1
			    prometheus 127.0.0.1:$metrics
			    autopath @kubernetes
			    acl acl.test {
			        block
			    }
			    k8s_external example.org in-addr.arpa {
			        fallthrough in-addr.arpa
			    }
			    kubernetes cluster.local in-addr.arpa {
			        manifests manifests
			        pods verified
			    }
			    hosts {
			        192.0.2.80 www.test www.acl.test
			        fallthrough
			    }
			}
			elsewhere.test:$port {
			    bind 127.0.0.1
			    hosts {
			        192.0.2.90 there.elsewhere.test
			    }
			}
			file.test:$port {
			    bind 127.0.0.1
			    file zone {
			        reload 1s
			    }
			}
			cluster.other:$port {
			    bind 127.0.0.1
			    kubernetes {
			        manifests other
			    }
			}
		END
		server_start "$served/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

external_addresses() {
	ask web.shop.example.org A && has '^web.shop.example.org. 5 IN A 203.0.113.1$' &&
		ask web.shop.example.org AAAA && has ' IN AAAA 2001:db8::1$' &&
		ask _http._tcp.web.shop.example.org SRV && has ' IN SRV 0 50 80 web.shop.example.org.$' &&
		ask -x 203.0.113.1 && has ' IN PTR web.shop.example.org.$' &&
		ask -x 10.96.0.1 && has ' IN PTR web.shop.svc.cluster.local.$' &&
		ask there.shop.example.org && has NXDOMAIN
}

external_host() {
	ask named.shop.example.org A && has '^named.shop.example.org. 5 IN CNAME there.elsewhere.test.$' &&
		has '^there.elsewhere.test. 3600 IN A 192.0.2.90$' || return 1
	ask named.shop.example.org SRV && has ' IN SRV 0 100 80 there.elsewhere.test.$' && lacks CNAME
}

external_changes() {
	sed 's/203\.0\.113\.1/203.0.113.2/' "$served/manifests/services.yaml" >"$scratch/changed" &&
		mv "$scratch/changed" "$served/manifests/services.yaml" &&
		until_has 'A 203.0.113.2$' web.shop.example.org A &&
		until_has NXDOMAIN -x 203.0.113.1 && until_has 'PTR web.shop' -x 203.0.113.2
}

dump_has_external() {
	"$WAYMARK" dump -c "$served/Corefile" >"$scratch/answer" 2>&1
	has '^web.shop.example.org.*203.0.113' && has '^example.org.*SOA.*ns1.dns.example.org. hostmaster.dns.example.org.'
}

target_follows() {
	ask there.shop.svc.cluster.local A && has NOERROR &&
		has '^there.shop.svc.cluster.local. 5 IN CNAME there.elsewhere.test.$' &&
		has '^there.elsewhere.test. 3600 IN A 192.0.2.90$' || return 1
	ask there.shop.svc.cluster.local AAAA && has NOERROR && has 'ANSWER: 1,' &&
		ask there.shop.svc.cluster.local CNAME && has 'ANSWER: 1,'
}

target_of_nobody() {
	ask nobody.shop.svc.cluster.local A && has NOERROR && has 'CNAME there.nobody.test.$' && has 'ANSWER: 1,'
}

target_missing() {
	ask missing.shop.svc.cluster.local A && has NXDOMAIN &&
		has 'CNAME missing.cluster.other.$' && has '^cluster.other. .* SOA'
}

search_list_is_walked() {
	ask -b 127.0.0.11 web.shop.shop.svc.cluster.local A &&
		has '^web.shop.shop.svc.cluster.local. 5 IN CNAME web.shop.svc.cluster.local.$' &&
		has '^web.shop.svc.cluster.local. 5 IN A 10.96.0.1$' &&
		ask -b 127.0.0.11 www.test.shop.svc.cluster.local A && has ' CNAME www.test.$' &&
		has '^www.test. 3600 IN A 192.0.2.80$' &&
		ask -b 127.0.0.12 web.shop.bank.svc.cluster.local A && has ' CNAME web.shop.svc.cluster.local.$'
}

search_list_of_others() {
	for client in 127.0.0.1 127.0.0.12 127.0.0.13; do
		ask -b "$client" web.shop.shop.svc.cluster.local A && has NXDOMAIN || return 1
	done
}

search_list_is_counted() {
	curl -s "http://127.0.0.1:$metrics/metrics" >"$scratch/answer" &&
		has "^coredns_autopath_success_total{server=\"dns://127.0.0.1:$port\",zone=\"cluster.local.\".*} 3\$"
}

# Each name on the way passes acl, whatever was asked for.
acl_comes_first() {
	ask -b 127.0.0.11 www.acl.test.shop.svc.cluster.local A && has REFUSED && lacks 192.0.2.80
}

# Until its former pod has gone the address is nobody's.
address_is_reused() {
	name=web.shop.shop.svc.cluster.local
	pod bank three 127.0.0.11
	until_has NXDOMAIN -b 127.0.0.11 "$name" A || return 1
	ask -b 127.0.0.11 web.shop.bank.svc.cluster.local A && has NXDOMAIN || return 1
	rm "$served/manifests/pod-shop-one.yaml"
	until_has 'CNAME web.shop.svc' -b 127.0.0.11 web.shop.bank.svc.cluster.local A &&
		ask -b 127.0.0.11 "$name" A && has NXDOMAIN
}

file_answers() {
	ask ns.file.test A && has '^ns.file.test. 60 IN A 192.0.2.1$' &&
		ask A.b.wild.file.test A && has '^A.b.wild.file.test. 60 IN A 192.0.2.2$' &&
		ask no.file.test A && has NXDOMAIN && has '^file.test. 5 IN SOA ' || return 1
	ask x.sub.file.test A && lacks ' aa' && has '^sub.file.test. 60 IN NS ns.sub.file.test.$' &&
		has '^ns.sub.file.test. 60 IN A 192.0.2.3$' || return 1
	ask away.file.test A && has '^there.elsewhere.test. 3600 IN A 192.0.2.90$'
}

file_is_followed() {
	zone_write 2 192.0.2.9
	until_has 'A 192.0.2.9$' ns.file.test A || return 1
	printf 'broken\n' >"$scratch/zone" && mv "$scratch/zone" "$served/zone"
	tries=0
	until grep -q 'error .*served/zone:1: ' "$server_log"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || ! cat "$server_log" || return 1
		sleep 0.1
	done
	ask ns.file.test A && has 'A 192.0.2.9$'
}

file_is_checked() {
	printf 'file.test {\n    file zone\n}\n' >"$scratch/Corefile"
	printf '@ 5 SOA ns host 1 2 3 4 5\nwww 5 A 192.0.2\n' >"$scratch/zone"
	"$WAYMARK" check -c "$scratch/Corefile" >"$scratch/answer" 2>&1 && return 1
	has 'zone:2: error: '
}

checks_refuse() {
	for line in 'autopath' 'autopath @nobody' 'autopath missing.conf' 'autopath @kubernetes' \
		'k8s_external example.org' 'autopath a..b @kubernetes'; do
		printf '.:53 {\n    %s\n}\n' "$line" >"$scratch/Corefile"
		"$WAYMARK" check -c "$scratch/Corefile" >"$scratch/answer" 2>&1 && return 1
		has 'Corefile:2:.*: error: ' || return 1
	done
}

case_run 'a Corefile with names that lead elsewhere is served' serve || {
	cases_end
	exit
}
case_run 'k8s_external: addresses from outside and their names' external_addresses
case_run 'k8s_external: the host name of a load balancer' external_host
case_run 'k8s_external: they follow the objects' external_changes
case_run 'k8s_external: they are in a dump' dump_has_external
case_run 'ExternalName: the answer of a target in another block' target_follows
case_run 'ExternalName: a target that nobody answers for' target_of_nobody
case_run 'ExternalName: a target that does not exist' target_missing
case_run 'autopath: the list of a pod is walked' search_list_is_walked
case_run 'autopath: that of no pod, another one, a node is not' search_list_of_others
case_run 'autopath: it is counted' search_list_is_counted
case_run 'autopath: acl decides about each name' acl_comes_first
case_run 'autopath: an address that was given out anew' address_is_reused
case_run 'file: wildcards, referrals, targets elsewhere' file_answers
case_run 'file: a change is taken over, a broken file is not' file_is_followed
case_run 'it ends' server_stop
case_run 'file: what is wrong is told with its line' file_is_checked
case_run 'what cannot work is refused at its place' checks_refuse
cases_end
