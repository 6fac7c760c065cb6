#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# acl stands ahead of every way to an answer: who is kept out gets none, whatever the answer
# would be made of, and each answer is first shown to be there for who is not.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"
. "$srcdir/tests/support/upstream.sh"

served=$scratch/served
allowed=127.0.0.11
barred=127.0.0.12

unbound_lines() {
	cat <<-END
		local-zone: "." static
		local-data: "fresh.elsewhere.test. 300 IN A 192.0.2.10"
		local-data: "cached.elsewhere.test. 300 IN A 192.0.2.11"
		local-data: "stale.elsewhere.test. 1 IN A 192.0.2.12"
		local-data: "target.elsewhere.test. 300 IN A 192.0.2.13"
	END
}

# pod NAME ADDRESS
pod() {
	printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: %s}\n' "$1"
	printf 'status: {phase: Running, podIP: %s, podIPs: [{ip: %s}]}\n' "$2" "$2"
}

manifests_write() {
	mkdir -p "$served/manifests"
	cat >"$served/manifests/shop.yaml" <<-END
		apiVersion: v1
		kind: Namespace
		metadata: {name: shop}
		---
		apiVersion: v1
		kind: Service
		metadata: {namespace: shop, name: web}
		spec: {clusterIP: 10.96.0.1, externalIPs: [203.0.113.1], ports: [{name: http, port: 80}]}
		---
		apiVersion: v1
		kind: Service
		metadata: {namespace: shop, name: outside}
		spec: {type: ExternalName, externalName: target.elsewhere.test}
	END
	{
		pod one "$allowed"
		pod two "$barred"
	} >>"$served/manifests/shop.yaml"
	printf '$TTL 60\n@ SOA ns host 1 7200 1800 86400 5\n@ NS ns\nns A 192.0.2.1\n*.wild A 192.0.2.2\n' \
		>"$served/zone"
}

# serve ACTION: for who is barred.
serve() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		manifests_write
		cat >"$served/Corefile" <<-END
			.:$port {
			    bind 127.0.0.1
			    errors
			    chaos
			    dns64 {
			        allow_ipv4
			    }
			    rewrite name exact alias.test web.shop.svc.cluster.local
			    autopath cluster.local @kubernetes
			    acl {
			        $1 net $barred
			    }
			    cache {
			        success 1000 300 1
			        serve_stale 1h immediate
			    }
			    template IN A template.test {
			        answer "{{ .Name }} 60 IN A 192.0.2.20"
			    }
			    hosts {
			        192.0.2.21 www.hosts.test
			        fallthrough
			    }
			    k8s_external external.test
			    file zone file.test
			    kubernetes cluster.local in-addr.arpa {
			        manifests manifests
			        pods verified
			        fallthrough in-addr.arpa
			    }
			    forward . 127.0.0.1:$upstream
			}
			who.test:$port {
			    bind 127.0.0.1
			    acl {
			        $1 net $barred
			    }
			    whoami
			}
		END
		server_start "$served/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

# The ways to an answer: what it is, what is asked, and a pattern that its answer has.
ways() {
	cat <<-END
		a service|web.shop.svc.cluster.local|IN A 10\.96\.0\.1$
		a service, by TCP|web.shop.svc.cluster.local +tcp|IN A 10\.96\.0\.1$
		a port|SRV _http._tcp.web.shop.svc.cluster.local|IN SRV 0 100 80 web
		a reverse name|-x 10.96.0.1|IN PTR web\.shop\.svc
		a name that does not exist|none.shop.svc.cluster.local|status: NXDOMAIN
		the target of an ExternalName|outside.shop.svc.cluster.local|IN A 192\.0\.2\.13$
		k8s_external|web.shop.external.test|IN A 203\.0\.113\.1$
		a zone file|any.wild.file.test|IN A 192\.0\.2\.2$
		hosts|www.hosts.test|IN A 192\.0\.2\.21$
		a template|any.template.test|IN A 192\.0\.2\.20$
		a name that is rewritten|alias.test|^alias\.test\..* IN A 10\.96\.0\.1$
		the search list of a pod|web.shop.shop.svc.cluster.local|IN CNAME web\.shop\.svc
		a search list to another server|fresh.elsewhere.test.shop.svc.cluster.local|IN A 192\.0\.2\.10$
		dns64|AAAA www.hosts.test|IN AAAA 64:ff9b::c000:215$
		another server|fresh.elsewhere.test|IN A 192\.0\.2\.10$
		the cache|cached.elsewhere.test|IN A 192\.0\.2\.11$
		whoami|any.who.test|^any\.who\.test\..* IN A
		class CH|CH TXT version.bind|CH TXT "
	END
}

# asked_by ADDRESS NUMBER WORDS: dig's answer in the file of that number.
# shellcheck disable=SC2086
asked_by() {
	timeout 20 dig -b "$1" @127.0.0.1 -p "$port" +tries=1 +time=5 $3 2>&1 |
		tr -s '\t ' ' ' >"$scratch/answer.$2"
}

# asked_in_vain ADDRESS NUMBER WORDS: the same, where no answer is due.
asked_in_vain() {
	asked_by "$1" "$2" "+time=1 $3"
}

# all_ask COMMAND ADDRESS: all ways at once.
all_ask() {
	clients=
	number=0
	while IFS='|' read -r way words pattern; do
		number=$((number + 1))
		"$1" "$2" "$number" "$words" </dev/null &
		clients="$clients $!"
	done <"$scratch/ways"
	for client in $clients; do
		wait "$client"
	done
}

# is_nothing ACTION PATTERN: of $scratch/answer.
is_nothing() {
	lacks "$2" || return 1
	case $1 in
	block) has 'status: REFUSED' && has 'ANSWER: 0, AUTHORITY: 0' ;;
	filter) has 'status: NOERROR' && has 'ANSWER: 0, AUTHORITY: 0' ;;
	drop) has 'timed out\|no servers could be reached' ;;
	esac
}

# none_is_answered ACTION: to who is barred.
none_is_answered() {
	if [ "$1" = drop ]; then
		all_ask asked_in_vain "$barred"
	else
		all_ask asked_by "$barred"
	fi
	number=0
	failed=
	while IFS='|' read -r way words pattern; do
		number=$((number + 1))
		mv "$scratch/answer.$number" "$scratch/answer"
		is_nothing "$1" "$pattern" || failed="$failed $way,"
	done <"$scratch/ways"
	[ ! "$failed" ] || ! echo "answered:$failed"
}

is_answered() { # WORDS PATTERN
	asked_by "$allowed" 1 "$1"
	mv "$scratch/answer.1" "$scratch/answer"
	has "$2"
}

each_is_answered() { # ACTION
	while IFS='|' read -r way words pattern; do
		case_run "$1: who is not barred is answered: $way" is_answered "$words" "$pattern"
	done <"$scratch/ways"
}

stale_is_there() {
	is_answered stale.elsewhere.test 'IN A 192\.0\.2\.12$' && unbound_stop
	sleep 1.5
}

# Who is barred asks first and last: what the other one was given in between changes nothing.
through_all_ways() {
	ways >"$scratch/ways"
	case_run "$1: who is barred gets nothing" none_is_answered "$1"
	each_is_answered "$1"
	case_run "$1: an answer becomes stale" stale_is_there
	stale='stale.elsewhere.test|^stale\.elsewhere\.test\. 30 IN A 192\.0\.2\.12$'
	case_run "$1: who is not barred is answered: what is stale" is_answered \
		"${stale%%|*}" "${stale#*|}"
	echo "what is stale|$stale" >>"$scratch/ways"
	case_run "$1: who is barred still gets nothing, nor what is stale" none_is_answered "$1"
}

mkdir -p "$served"
for action in block filter drop; do
	case_run 'unbound starts' unbound_start
	case_run "$action: it is served" serve "$action" || continue
	through_all_ways "$action"
	case_run 'it ends' server_stop
done
cases_end
