#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What autopath is for: with the resolv.conf of a pod, ndots:5 and four search domains, a
# name of the Internet costs five questions of each type, and with autopath one. Server and
# clients share a network namespace and a mount namespace of the test's own.
set -u
. "$srcdir/tests/support/namespace.sh"
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/upstream.sh"

port=53
served=$scratch/served

# All that is not the cluster's is asked of unbound, where nothing else exists.
unbound_lines() {
	cat <<-END
		local-zone: "." static
		local-data: "www.example.org. 60 IN A 192.0.2.10"
		local-data: "www.example.org. 60 IN AAAA 2001:db8::10"
	END
}

# The clients are this pod.
manifests_write() {
	mkdir -p "$served/manifests"
	cat >"$served/manifests/shop.yaml" <<-END
		apiVersion: v1
		kind: Namespace
		metadata: {name: shop}
		---
		apiVersion: v1
		kind: Service
		metadata: {namespace: shop, name: cart}
		spec: {clusterIP: 10.96.20.20, ports: [{port: 80}]}
		---
		apiVersion: v1
		kind: Pod
		metadata: {namespace: shop, name: one}
		status: {phase: Running, podIP: 127.0.0.1, podIPs: [{ip: 127.0.0.1}]}
	END
}

# serve [LINE]: with this directive too.
serve() {
	cat >"$served/Corefile" <<-END
		.:53 {
		    bind 127.0.0.1
		    prometheus 127.0.0.1:9153
		    ${1:-}
		    kubernetes cluster.local in-addr.arpa ip6.arpa {
		        manifests manifests
		        pods verified
		        fallthrough in-addr.arpa ip6.arpa
		    }
		    cache 30
		    forward . 127.0.0.2
		}
	END
	server_start "$served/Corefile"
}

pod_prepare() {
	ip link set lo up && unbound_at 127.0.0.2 && manifests_write || return 1
	cat >"$scratch/resolv.conf" <<-END
		nameserver 127.0.0.1
		search shop.svc.cluster.local svc.cluster.local cluster.local corp.example
		options ndots:5
	END
	mount --bind "$scratch/resolv.conf" /etc/resolv.conf
}

clients_build() {
	sources=$srcdir/tests/system/resolvers
	${CC:-gcc} -o "$scratch/glibc" "$sources/resolve.c" &&
		musl-gcc -static -o "$scratch/musl" "$sources/resolve.c" &&
		GOCACHE=$scratch/go HOME=$scratch GOFLAGS=-mod=mod CGO_ENABLED=0 \
			go build -o "$scratch/go-client" "$sources/resolve.go"
}

questions() {
	curl -s --noproxy '*' http://127.0.0.1:9153/metrics |
		awk '/^coredns_dns_requests_total{/ { sum += $NF } END { print sum + 0 }'
}

# costs QUESTIONS CLIENT NAME ADDRESS...: of both types together. Where a reply came too late
# for the client, and it asked again, that is counted anew.
costs() {
	expected=$1
	client=$2
	name=$3
	shift 3
	printf '%s\n' "$@" >"$scratch/want"
	for attempt in 1 2 3; do
		before=$(questions)
		timeout 60 "$scratch/$client" "$name" >"$scratch/got" &&
			diff "$scratch/want" "$scratch/got" || return 1
		count=$(($(questions) - before))
		[ "$count" -ne "$expected" ] || return 0
		printf '%d questions\n' "$count"
	done
	return 1
}

# with QUESTIONS: for a name of the Internet, asked twice, as the second time there is a cache.
with() {
	for client in glibc musl go-client; do
		case_run "$client: $1 questions for both addresses of a name of the Internet" \
			costs "$1" "$client" www.example.org 192.0.2.10 2001:db8::10
		case_run "$client: as many the next time" \
			costs "$1" "$client" www.example.org 192.0.2.10 2001:db8::10
		case_run "$client: 2 for a service by its short name" \
			costs 2 "$client" cart 10.96.20.20
	done
}

if ! case_run 'a pod is prepared' pod_prepare || ! case_run 'its resolvers are built' clients_build; then
	cases_end
	exit
fi
case_run 'without autopath' serve
with 10
case_run 'it ends' server_stop
case_run 'with autopath' serve 'autopath @kubernetes'
with 2
case_run 'it ends' server_stop
cases_end
