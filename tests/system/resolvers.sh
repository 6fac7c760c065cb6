#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The resolvers that containers have, glibc's, musl's and Go's, with the resolv.conf of a
# pod: ndots:5 and three search domains. Server and clients share a network namespace and
# a mount namespace of the test's own, so that port 53 and /etc/resolv.conf are free.
set -u
. "$srcdir/tests/support/namespace.sh"
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/upstream.sh"

sources=$srcdir/tests/system/resolvers

# All that is not the cluster's is asked of this one, where nothing else exists.
unbound_lines() {
	cat <<-END
	  local-zone: "." static
	  local-data: "www.example.org. 60 IN A 192.0.2.10"
	  local-data: "www.example.org. 60 IN AAAA 2001:db8::10"
	  local-data: "upstream.example.org. 60 IN A 127.0.0.2"
	END
}

corefile_write() {
	cat <<-END
		.:53 {
		    bind 127.0.0.1
		    errors
		    kubernetes cluster.local in-addr.arpa ip6.arpa {
		        manifests manifests
		        service_cidr 10.96.0.0/16 fd00:10:96::/112
		        pods verified
		        fallthrough in-addr.arpa ip6.arpa
		    }
		    forward . 127.0.0.2
		    cache 30
		}
	END
}

pod_prepare() {
	ip link set lo up && unbound_at 127.0.0.2 && port=53 && example_copy "$scratch/example" &&
		corefile_write >"$scratch/example/Corefile" &&
		large_service >"$scratch/example/manifests/large.yaml" || return 1
	cat >"$scratch/resolv.conf" <<-END
		nameserver 127.0.0.1
		search shop.svc.cluster.local svc.cluster.local cluster.local
		options ndots:5
	END
	mount --bind "$scratch/resolv.conf" /etc/resolv.conf &&
		server_start "$scratch/example/Corefile"
}

# 200 addresses in one answer: more than UDP carries.
large_service() {
	cat <<-END
		apiVersion: v1
		kind: Service
		metadata: {name: large, namespace: shop}
		spec: {clusterIP: None, ports: [{port: 80}]}
		---
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata: {name: large-1, namespace: shop, labels: {kubernetes.io/service-name: large}}
		addressType: IPv4
		ports: [{port: 80}]
		endpoints:
	END
	seq 1 200 | sed 's/.*/- {addresses: [10.244.77.&]}/'
}

clients_build() {
	cc=${CC:-gcc}
	$cc -o "$scratch/glibc" "$sources/resolve.c" &&
		musl-gcc -static -o "$scratch/musl" "$sources/resolve.c" &&
		GOCACHE=$scratch/go HOME=$scratch GOFLAGS=-mod=mod CGO_ENABLED=0 \
			go build -o "$scratch/go-client" "$sources/resolve.go"
}

# asks CLIENT NAME... = LINE...: the client prints these lines.
asks() {
	client=$scratch/$1
	shift
	names=
	while [ "$1" != = ]; do
		names="$names $1"
		shift
	done
	shift
	printf '%s\n' "$@" >"$scratch/want"
	# shellcheck disable=SC2086
	timeout 60 "$client" $names >"$scratch/got" && diff "$scratch/want" "$scratch/got"
}

# Of the 200 addresses; musl before 1.2.4 keeps to UDP and takes what that carries.
asks_large() {
	count=$(timeout 60 "$scratch/$1" large | grep -c '^10\.244\.77\.')
	[ "$count" -ge "$2" ] || {
		printf '%s addresses\n' "$count"
		return 1
	}
}

ask_with() {
	case_run "$1: a service of the pod's namespace by its short name" \
		asks "$1" cart = 10.96.20.20
	case_run "$1: both families of a dual-stack service" \
		asks "$1" storefront.shop = 10.96.20.10 fd00:10:96::2010
	case_run "$1: with the namespace, with svc, whole, and with the final dot" \
		asks "$1" cart.shop cart.shop.svc cart.shop.svc.cluster.local \
		cart.shop.svc.cluster.local. = \
		10.96.20.20 10.96.20.20 10.96.20.20 10.96.20.20
	case_run "$1: a headless service, and one of its pods" \
		asks "$1" orders-db orders-db-0.orders-db = \
		10.244.1.41 10.244.2.41 10.244.1.41
	case_run "$1: upper case" asks "$1" CART.Shop = 10.96.20.20
	case_run "$1: what does not exist" asks "$1" nothing.shop = '- NONAME'
	case_run "$1: a name of the Internet, behind the search list" \
		asks "$1" www.example.org = 192.0.2.10 2001:db8::10
	case_run "$1: what does not exist there" asks "$1" no.example.org = '- NONAME'
	case_run "$1: a name with a namespace that is not there" \
		asks "$1" cart.nowhere.svc.cluster.local. = '- NONAME'
}

if ! case_run 'a pod is prepared' pod_prepare ||
	! case_run 'its resolvers are built' clients_build; then
	cases_end
	exit
fi
for client in glibc musl go-client; do
	ask_with "$client"
done
case_run 'glibc: 200 addresses, over TCP' asks_large glibc 200
case_run 'musl: what UDP carries of 200 addresses' asks_large musl 25
case_run 'go-client: 200 addresses, over TCP' asks_large go-client 200
case_run 'go-client: a port by its name' asks go-client \
	_grpc._tcp.cart.shop.svc.cluster.local = cart.shop.svc.cluster.local.:9000
case_run 'go-client: the name of an address' asks go-client 10.96.20.20 = \
	cart.shop.svc.cluster.local.
case_run 'it ends with SIGTERM' server_stop

# Upstreams that are host names, with the machine's own files to say where they are.
serve_named() {
	printf 'nameserver 127.0.0.2\nsearch example.org\n' >"$scratch/resolv.conf"
	printf '127.0.0.1 localhost\n127.0.0.2 far Near # by\n' >"$scratch/hosts"
	mount --bind "$scratch/hosts" /etc/hosts
	printf '.:53 {\nbind 127.0.0.1\nforward . %s\n}\n' "$1" >"$scratch/Corefile"
	server_start "$scratch/Corefile"
}

is_asked() {
	dig @127.0.0.1 +tries=1 +short www.example.org >"$scratch/got" && grep -x 192.0.2.10 "$scratch/got"
}

for upstream in upstream.example.org near; do
	case_run "$upstream is looked up in the files of the machine" serve_named "$upstream"
	case_run "$upstream is asked" is_asked
	case_run "and it ends, too" server_stop
done

is_not_searched() {
	! serve_named upstream && grep 'address of "upstream" is not known: 127.0.0.2:53 says NXDOMAIN' "$server_log"
}
case_run 'the search list makes no other name of one' is_not_searched
cases_end
