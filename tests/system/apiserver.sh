#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The API server of the tests: changes, selectors, and the faults that it can be told to have.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

HOME=$scratch
export HOME
watch='watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan'

# get PATH [CURL OPTION...]: the body in $scratch/body, its head in $scratch/head, curl's exit
# code in $code.
get() {
	path=$1
	shift
	code=0
	curl -sS --noproxy '*' -A test -m 20 -D "$scratch/head" -o "$scratch/body" \
		-H "Authorization: Bearer ${token:-dns}" "$@" "$api$path" 2>"$scratch/err" || code=$?
}

status_is() {
	head -n 1 "$scratch/head" | grep -q "^HTTP/[0-9.]* $1" || ! cat "$scratch/head" "$scratch/err"
}

body_has() {
	grep -q -e "$1" "$scratch/body" || ! cat "$scratch/body"
}

services='/api/v1/services'

starts() {
	apiserver_start --token dns && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" \
		"$(slice_json shop cart cart-1 10.1.0.1 10.1.0.2)" "$(pod_json shop web 10.1.0.1)"
}

objects_are_listed() {
	get "$services" && status_is 200 && body_has '"name":"cart","namespace":"shop"'
}

# watch_start PATH: its events in $scratch/events; $watcher is curl's process.
watch_start() {
	: >"$scratch/events"
	curl -sSN --noproxy '*' -A test -m 60 -o "$scratch/events" -H 'Authorization: Bearer dns' \
		"$api$1" 2>"$scratch/watch.err" &
	watcher=$!
	started="$started $watcher"
}

changes_are_told() {
	watch_start "$services?$watch" &&
		wait_for "$scratch/events" 'initial-events-end' "$watcher" &&
		put "$(service_json shop search 10.96.0.2)" &&
		wait_for "$scratch/events" '"ADDED".*search' "$watcher" &&
		put "$(service_json shop search 10.96.0.3)" &&
		wait_for "$scratch/events" '"MODIFIED".*10.96.0.3' "$watcher" &&
		remove services shop search &&
		wait_for "$scratch/events" '"DELETED".*search' "$watcher"
}

# An object that does not match any more is gone for who selects.
selectors_follow() {
	watch_start "/api/v1/pods?$watch&fieldSelector=status.phase%21%3DSucceeded" &&
		wait_for "$scratch/events" 'initial-events-end' "$watcher" &&
		put '{"kind":"Pod","metadata":{"namespace":"shop","name":"web"},"status":{"phase":"Succeeded"}}' &&
		wait_for "$scratch/events" '"DELETED".*"web"' "$watcher"
}

ends_of_watch() { # KIND EXIT CODE PATTERN
	watch_start "$services?$watch" &&
		wait_for "$scratch/events" 'initial-events-end' "$watcher" &&
		suffer "{\"resource\":\"services\",$1}" || return 1
	code=0
	wait "$watcher" || code=$?
	[ "$code" -eq "$2" ] && grep -q "$3" "$scratch/events" ||
		! cat "$scratch/events" "$scratch/watch.err"
}

status_fault() { # CODE
	fault "{\"kind\":\"status\",\"code\":$1,\"retryAfter\":7}" && get "$services" && status_is "$1"
}

retry_is_asked_for() {
	status_fault 429 && grep -qi '^Retry-After: 7' "$scratch/head" || ! cat "$scratch/head"
}

fault_is_over() {
	get "$services" && status_is 200
}

cut_in_the_middle() {
	fault '{"kind":"cut","bytes":100}' && get "$services" || return 1
	[ "$code" -ne 0 ] && [ "$(head -c 100 "$scratch/body" | wc -c)" -eq 100 ] || ! cat "$scratch/err"
}

half_of_a_list() {
	fault '{"kind":"end","bytes":100}' && get "$services" || return 1
	[ "$code" -eq 0 ] && [ "$(wc -c <"$scratch/body")" -eq 100 ] || ! cat "$scratch/err"
}

connection_is_reset() {
	fault '{"kind":"reset"}' && get "$services" || return 1
	[ "$code" -ne 0 ] || ! cat "$scratch/head"
}

# A streaming list that ends without its bookmark: etcd does not answer.
empty_stream() {
	fault '{"kind":"empty","ms":50}' && get "$services?$watch" && status_is 200 || return 1
	[ "$code" -eq 0 ] && [ ! -s "$scratch/body" ]
}

old_versions_are_gone() {
	control POST /compact >/dev/null && put "$(service_json shop cart 10.96.0.1)" &&
		get "$services?watch=1&resourceVersion=1" && status_is 200 &&
		body_has '"ERROR".*too old resource version'
}

old_servers_refuse_streams() {
	control POST /set '{"hasStreamingLists":false}' >/dev/null && get "$services?$watch" &&
		status_is 422 && control POST /set '{"hasStreamingLists":true}' >/dev/null
}

restarts() {
	control POST /restart '{"downMs":50,"startingMs":300}' >/dev/null && get "$services" && status_is 403 ||
		return 1
	tries=0
	until get "$services" && status_is 200 >/dev/null || [ "$tries" -gt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	status_is 200
}

tokens_rotate() {
	control POST /set '{"tokens":{"new":"system:serviceaccount:kube-system:dns"}}' >/dev/null &&
		get "$services" && status_is 401 || return 1
	token=new
	get "$services" && status_is 200
	result=$?
	token=
	control POST /set '{"tokens":{"dns":"system:serviceaccount:kube-system:dns"}}' >/dev/null
	return "$result"
}

roles_lack_something() {
	control POST /set '{"denied":["list services"]}' >/dev/null && get "$services" && status_is 403 &&
		body_has 'cannot list resource \\"services\\"' &&
		get "/api/v1/namespaces" && status_is 200 && control POST /set '{"denied":[]}' >/dev/null
}

big_cluster() {
	control POST /generate '{"services":1000,"endpoints":20,"pods":100}' >"$scratch/body" &&
		body_has '"endpoints":3800' && get "$services" -H 'Accept-Encoding: gzip' && status_is 200 &&
		grep -qi '^Content-Encoding: gzip' "$scratch/head" &&
		get "$services" -H 'Accept-Encoding: gzip' --compressed && body_has '"name":"svc-999"'
}

it_churns() {
	watch_start "/apis/discovery.k8s.io/v1/endpointslices?$watch" &&
		wait_for "$scratch/events" 'initial-events-end' "$watcher" &&
		control POST /churn '{"perSecond":200,"seconds":1}' >"$scratch/body" && body_has '"done":200' &&
		wait_for "$scratch/events" '"MODIFIED"' "$watcher"
}

secure_starts() {
	certificates_make "$scratch/tls" && apiserver_start --token dns --tls "$scratch/tls" &&
		put "$(service_json shop cart 10.96.0.1)"
}

speaks() { # PROTOCOL CURL OPTION...
	protocol=$1
	shift
	get "$services" --cacert "$scratch/tls/ca.crt" "$@" && status_is 200 &&
		head -n 1 "$scratch/head" | grep -q "^$protocol 200" && body_has cart || ! cat "$scratch/head"
}

knows_certificates() {
	curl -sS --noproxy '*' -A test --cacert "$scratch/tls/ca.crt" --cert "$scratch/tls/client.crt" \
		--key "$scratch/tls/client.key" "$api$services" >"$scratch/body" && body_has cart &&
		get /api/v1/secrets --cacert "$scratch/tls/ca.crt" && status_is 403 && body_has kube-system:dns
}

case_run 'it starts and takes objects' starts
case_run 'they are listed' objects_are_listed
case_run 'changes are told to who watches' changes_are_told
case_run 'a selector makes objects come and go' selectors_follow
case_run 'a watch ends' ends_of_watch '"kind":"end"' 0 initial-events-end
case_run 'a watch ends in half a line' ends_of_watch '"kind":"half"' 0 '"Serv$'
case_run 'a watch ends with 410' ends_of_watch '"kind":"error","code":410' 0 '"code":410'
case_run 'a watch breaks in the middle of a chunk' ends_of_watch '"kind":"cut"' 18 initial-events-end
for code in 401 403 410 500 503 504; do
	case_run "a request gets $code" status_fault "$code"
done
case_run '429 says when to come again' retry_is_asked_for
case_run 'what was ordered once happens once' fault_is_over
case_run 'a list is cut' cut_in_the_middle
case_run 'a list ends too early' half_of_a_list
case_run 'a connection is reset' connection_is_reset
case_run 'a streaming list ends without having begun' empty_stream
case_run 'old versions are gone' old_versions_are_gone
case_run 'a server without streaming lists' old_servers_refuse_streams
case_run 'it restarts, and forbids everything at first' restarts
case_run 'tokens are exchanged' tokens_rotate
case_run 'a role lacks a resource' roles_lack_something
case_run 'it makes a big cluster, which goes out compressed' big_cluster
case_run 'it changes two hundred slices a second' it_churns
case_run 'with TLS it starts' secure_starts
case_run 'it speaks HTTP/2' speaks HTTP/2
case_run 'it speaks HTTP/1.1 where that is asked for' speaks HTTP/1.1 --http1.1
case_run 'it knows users by certificate' knows_certificates
cases_end
