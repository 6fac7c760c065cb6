#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An API server that is followed: what a watch has missed, connections that fall silent,
# fields that it does not know, reloads, limits, metrics, and the commands that read it once.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

cart=cart.shop.svc.cluster.local

# asked TIMES PATTERN: how often the API server was asked so.
asked() {
	control GET /log >"$scratch/requests"
	[ "$(grep -c -e "$2" "$scratch/requests")" -eq "$1" ] || ! cat "$scratch/requests"
}

stop_both() {
	server_stop && kill "$apiserver"
}

# --- what a watch has missed ---

missing_start() {
	apiserver_start && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" \
		"$(service_json shop old 10.96.0.3)" &&
		follow_start "endpoint $api" 'apiserver_compare 1s' && becomes $cart 10.96.0.1
}

nothing_is_missing() {
	sleep 2.5
	! grep 'loading them anew' "$server_log"
}

what_was_missed_is_found() {
	suffer '{"resource":"services","kind":"silent","events":-1}' &&
		put "$(service_json shop cart 10.96.0.9)" "$(service_json shop new 10.96.0.4)" &&
		remove services shop old && becomes $cart 10.96.0.9 &&
		becomes new.shop.svc.cluster.local 10.96.0.4 && becomes old.shop.svc.cluster.local '' &&
		grep -q 'services: [123] objects are not as the API server has them' "$server_log" &&
		metric '^waymark_registry_repairs_total{host="127[^}]*} [1-9]'
}

# services_asked PATTERN: a request for services that has it comes within ten seconds.
services_asked() {
	tries=0
	until control GET /log | grep '"url":"/api/v1/services?' | grep -q -e "$1"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

# The compare has seen a service that the list which overtakes it has not.
a_list_overtakes_a_compare() {
	repairs=$(grep -c 'loading them anew' "$server_log")
	control POST /log/clear >/dev/null &&
		fault '[{"resource":"services","verb":"metadata","kind":"stall","bytes":1,"ms":1500},
			{"resource":"services","verb":"watchlist","kind":"stall","bytes":1,"ms":3000}]' &&
		services_asked PartialObjectMetadataList && suffer '{"resource":"services","kind":"silent","events":-1}' &&
		remove services shop new && suffer '{"resource":"services","kind":"error","code":410}' &&
		services_asked sendInitialEvents=true && becomes new.shop.svc.cluster.local '' &&
		[ "$(grep -c 'loading them anew' "$server_log")" -eq "$repairs" ] || ! cat "$server_log"
}

# --- silence ---

silent_start() {
	apiserver_start --bookmark-ms 300 && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" &&
		follow_start "endpoint $api" 'apiserver_silence 2s' && becomes $cart 10.96.0.1
}

silence_is_noticed() {
	suffer '{"resource":"services","kind":"stall","ms":600000}' &&
		put "$(service_json shop cart 10.96.0.8)" && becomes $cart 10.96.0.8 &&
		grep -q 'services: nothing was heard for too long' "$server_log"
}

# --- fields that an older server does not know ---

# host_pod_json NS NAME ADDRESS: in its node's network.
host_pod_json() {
	pod_json "$@" | sed 's/"spec":{}/"spec":{"hostNetwork":true}/'
}

# pods_start JSON: a server of the API server that was told so, with a pod of each kind.
pods_start() {
	apiserver_start && control POST /set "$1" >/dev/null && put "$(namespace_json shop)" \
		"$(pod_json shop web 10.1.0.9)" "$(host_pod_json shop node 10.2.0.1)" &&
		follow_start "endpoint $api" 'pods verified' 'apiserver_compare 1s'
}

# pod_is ADDRESS [NS], pod_is_not ADDRESS
pod_is() {
	becomes "$(echo "$1" | tr . -).${2:-shop}.pod.cluster.local" "$1"
}

pod_is_not() {
	becomes "$(echo "$1" | tr . -).shop.pod.cluster.local" ''
}

# pods_asked TEXT...: how pods were asked for, in this order and compares left out: verb,
# status, and whether by all fields or by those that an older server knows.
pods_asked() {
	tries=0
	until pods_requests | grep -v '^metadata' >"$scratch/asked" &&
		printf '%s\n' "$@" | cmp -s - "$scratch/asked"; do
		tries=$((tries + 1))
		[ "$tries" -lt 50 ] || ! cat "$scratch/asked" || return 1
		sleep 0.2
	done
}

pods_requests() {
	control GET /log |
		sed -n 's|.*"/api/v1/pods?\([^"]*\)","status":\([0-9]*\),.*"verb":"\([a-z]*\)".*|\3 \2 \1|p' |
		sed -e 's/ [^ ]*spec\.hostNetwork%3Dfalse$/ newer/' -e t -e 's/ [^ ]*$/ older/'
}

# compares_agree TEXT: the next two are asked for so and find nothing; behind one that does
# comes none before that is told.
compares_agree() {
	control POST /log/clear >/dev/null
	tries=0
	until pods_requests | grep '^metadata' >"$scratch/asked" && [ "$(wc -l <"$scratch/asked")" -ge 2 ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 150 ] || return 1
		sleep 0.2
	done
	! grep 'loading them anew' "$server_log" && ! grep -v "^metadata 200 $1\$" "$scratch/asked"
}

said() { # TIMES
	[ "$(grep -c ' info pods: .* does not know the field "spec.hostNetwork"' "$server_log")" -eq "$1" ] ||
		! cat "$server_log"
}

# refuse_field VERB: the next such request goes to a replica that is older.
refuse_field() {
	fault '{"resource":"pods","verb":"'"$1"'","kind":"status","code":400,'"$message"'}'
}

message='"message":"field label not supported: spec.hostNetwork"'

host_pods_are_left_out() {
	pods_start '{}' && pod_is 10.1.0.9 && pod_is_not 10.2.0.1 && pods_asked 'watchlist 200 newer' &&
		put "$(host_pod_json shop other 10.2.0.2)" "$(pod_json shop more 10.1.0.10)" &&
		pod_is 10.1.0.10 && pod_is_not 10.2.0.2 && suffer '{"resource":"pods","kind":"end"}' &&
		pods_asked 'watchlist 200 newer' 'watch 200 newer' && compares_agree newer && said 0
}

# A version that is not taken begins anew, no streaming list means pages, both with the field.
other_refusals_keep_the_field() {
	control POST /log/clear >/dev/null &&
		fault '{"resource":"pods","verb":"watch","kind":"status","code":400,"message":"invalid resource version"}' &&
		fault '{"resource":"pods","verb":"watchlist","kind":"status","code":400,"message":"unknown"}' &&
		suffer '{"resource":"pods","kind":"end"}' &&
		pods_asked 'watch 400 newer' 'watchlist 400 newer' 'list 200 newer' 'watch 200 newer' &&
		compares_agree newer && pod_is 10.1.0.9 && pod_is_not 10.2.0.1 && said 0
}

older_servers_send_host_pods() {
	pods_start '{"unknownFields":["spec.hostNetwork"]}' && pod_is 10.1.0.9 && pod_is 10.2.0.1 &&
		pods_asked 'watchlist 400 newer' 'watchlist 200 older' &&
		put "$(host_pod_json shop other 10.2.0.2)" && pod_is 10.2.0.2 &&
		suffer '{"resource":"pods","kind":"end"}' &&
		pods_asked 'watchlist 400 newer' 'watchlist 200 older' 'watch 200 older' &&
		compares_agree older && said 1
}

# It is not asked again by the field, so that nothing differs after an upgrade.
upgrades_change_nothing() {
	control POST /set '{"unknownFields":[]}' >/dev/null && control POST /log/clear >/dev/null &&
		suffer '{"resource":"pods","kind":"error","code":410}' && pods_asked 'watchlist 200 older' &&
		compares_agree older && pod_is 10.2.0.1
}

servers_that_know_neither() {
	pods_start '{"unknownFields":["spec.hostNetwork"],"hasStreamingLists":false}' &&
		pod_is 10.1.0.9 && pod_is 10.2.0.1 &&
		pods_asked 'watchlist 422 newer' 'list 400 newer' 'list 200 older' 'watch 200 older' &&
		compares_agree older && said 1
}

# The field first, as where the server judges fields before it judges the list.
neither_in_the_other_order() {
	apiserver_start && control POST /set '{"hasStreamingLists":false}' >/dev/null &&
		refuse_field watchlist && put "$(namespace_json shop)" "$(host_pod_json shop node 10.2.0.1)" &&
		follow_start "endpoint $api" 'pods verified' && pod_is 10.2.0.1 &&
		pods_asked 'watchlist 400 newer' 'watchlist 422 older' 'list 200 older' 'watch 200 older' && said 1
}

# What was there before the watch was refused was selected by the field: all is asked for anew.
watches_meet_an_older_server() {
	pods_start '{}' && pod_is 10.1.0.9 && pod_is_not 10.2.0.1 &&
		control POST /set '{"unknownFields":["spec.hostNetwork"]}' >/dev/null &&
		suffer '{"resource":"pods","kind":"end"}' && pod_is 10.2.0.1 && pod_is 10.1.0.9 &&
		pods_asked 'watchlist 200 newer' 'watch 400 newer' 'watchlist 200 older' &&
		compares_agree older && said 1
}

compares_meet_an_older_server() {
	pods_start '{}' && pod_is_not 10.2.0.1 && refuse_field metadata && pod_is 10.2.0.1 && pod_is 10.1.0.9 &&
		pods_asked 'watchlist 200 newer' 'watchlist 200 older' && compares_agree older && said 1 &&
		metric '^waymark_registry_repairs_total{host="127[^}]*} 0'
}

# The first page was selected by the field.
pages_meet_an_older_server() {
	apiserver_start && control POST /set '{"hasStreamingLists":false}' >/dev/null &&
		put "$(namespace_json a)" "$(host_pod_json a first 10.2.0.1)" &&
		control POST /generate '{"pods":700}' >/dev/null && refuse_field page &&
		follow_start "endpoint $api" 'pods verified' && pod_is 10.2.0.1 a && said 1 &&
		pods_asked 'watchlist 422 newer' 'list 200 newer' 'page 400 newer' 'list 200 older' 'page 200 older' \
			'watch 200 older' && metric '^waymark_registry_objects{kind="Pod"} 701'
}

# --- reloads ---

reload_start() {
	apiserver_start && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" &&
		follow_start "endpoint $api" && becomes $cart 10.96.0.1
}

same_cluster_is_kept() {
	control POST /log/clear >/dev/null && corefile_write "endpoint $api" '# the same' &&
		reload_ends "$taken" && asked 0 services && becomes $cart 10.96.0.1
}

changed_cluster_is_loaded_first() {
	corefile_write "endpoint $api" 'ttl 7' && reload_ends "$taken" && becomes $cart 10.96.0.1 &&
		put "$(service_json shop cart 10.96.0.7)" && becomes $cart 10.96.0.7
}

cluster_that_is_away_is_refused() {
	corefile_write 'endpoint http://127.0.0.1:1' 'startup_timeout 1s' && reload_ends "$refused" &&
		put "$(service_json shop cart 10.96.0.6)" && becomes $cart 10.96.0.6
}

# --- metrics ---

now() {
	date -u +%Y-%m-%dT%H:%M:%SZ
}

# changed_slice_json SERVICE ADDRESS: with the time of the change that it came of.
changed_slice_json() {
	slice_json shop "$1" "$1-1" "$2" | sed 's|"labels"|"annotations":{"endpoints.kubernetes.io/last-change-trigger-time":"'"$(now)"'"},&|'
}

metered_start() {
	apiserver_start && put "$(namespace_json shop)" "$(service_json shop cart 10.96.0.1)" \
		"$(service_json shop plain None)" \
		"$(service_json shop db None | sed 's/"spec":{/&"selector":{"app":"db"},/')" \
		"$(changed_slice_json cart 10.1.0.1)" && follow_start "endpoint $api" && becomes $cart 10.96.0.1
}

# What was there before us has taken no time of ours.
each_kind_of_service_is_timed() {
	timed='^coredns_kubernetes_dns_programming_duration_seconds'
	put "$(changed_slice_json cart 10.1.0.2)" "$(changed_slice_json db 10.1.0.3)" \
			"$(changed_slice_json plain 10.1.0.4)" "$(changed_slice_json plain 10.1.0.5)" &&
		becomes plain.shop.svc.cluster.local 10.1.0.5 &&
		metric "${timed}_count{service_kind=\"cluster_ip\"} 1\$" &&
		metric "${timed}_count{service_kind=\"headless_with_selector\"} 1" &&
		metric "${timed}_count{service_kind=\"headless_without_selector\"} 2" &&
		for bound in 0.001 0.002 524.288 +Inf; do
			metric "${timed}_bucket{service_kind=\"cluster_ip\",le=\"$bound\"} " || return 1
		done && metric "${timed}_sum{service_kind=\"headless_with_selector\"} "
}

requests_are_counted() {
	host=${api#http://}
	request='^coredns_kubernetes_rest_client_request'
	metric "${request}s_total{code=\"200\",host=\"$host\",method=\"GET\"} [1-9]" &&
		metric "${request}_duration_seconds_count{host=\"$host\",verb=\"GET\"} [1-9]" &&
		metric "${request}_duration_seconds_bucket{host=\"$host\",verb=\"GET\",le=\"0.1\"} "
}

the_registry_is_counted() {
	metric '^waymark_registry_objects{kind="EndpointSlice"} 3' && metric '^waymark_registry_objects{kind="Namespace"} 1' &&
		metric '^waymark_registry_changes_total{kind="EndpointSlice"} [4-9]' &&
		metric '^waymark_registry_age_seconds{source="apiserver"} [0-9]' &&
		metric '^waymark_registry_rejected_total{kind="Service",reason="[^"]*"} 0' &&
		metric '^waymark_publish_duration_seconds_count [1-9]' && metric '^waymark_store_names [1-9]' &&
		metric '^waymark_store_bytes [1-9]' && metric '^waymark_dropped_total{reason="[^"]*"} 0'
}

invalid_objects_are_counted() {
	put "$(service_json shop wrong 10.96.0.300)" &&
		metric '^waymark_registry_rejected_total{kind="",reason="invalid"} [1-9]' &&
		grep -q 'spec.clusterIP.* "10.96.0.300" is ' "$server_log" || ! cat "$server_log"
}

promtool_agrees() {
	promtool check metrics <"$scratch/page"
}

# --- limits, and what is read once ---

requests_are_limited() {
	follow_start "endpoint $api" 'apiserver_qps 1' 'apiserver_burst 1' 'apiserver_max_inflight 1' &&
		becomes $cart 10.96.0.6
}

commands_read_it_once() {
	corefile_write "endpoint $api" && "$WAYMARK" check -c "$scratch/Corefile" >"$scratch/out" &&
		"$WAYMARK" lookup -c "$scratch/Corefile" $cart >"$scratch/out" && grep -q 10.96.0.6 "$scratch/out" &&
		"$WAYMARK" dump -c "$scratch/Corefile" >"$scratch/out" && grep -q 10.96.0.6 "$scratch/out" ||
		! cat "$scratch/out"
}

commands_say_that_it_is_away() {
	corefile_write 'endpoint http://127.0.0.1:1' 'startup_timeout 200ms'
	! "$WAYMARK" check -c "$scratch/Corefile" >"$scratch/out" 2>&1 &&
		grep -q 'error: the API server has not told all: namespaces: ' "$scratch/out" || ! cat "$scratch/out"
}

case_run 'a server that compares starts' missing_start
case_run 'nothing is found where nothing is missing' nothing_is_missing
case_run 'what a watch has missed is found' what_was_missed_is_found
case_run 'a list that overtakes a compare has the last word' a_list_overtakes_a_compare
case_run 'they end' stop_both
case_run 'a server that does not trust silence starts' silent_start
case_run 'a watch that falls silent is begun anew' silence_is_noticed
case_run 'and they end' stop_both
case_run 'pods in their node'"'"'s network are not asked for' host_pods_are_left_out
case_run 'a request that is refused for something else is made as ever' other_refusals_keep_the_field
case_run 'they end with that' stop_both
case_run 'a server that does not know the field sends them' older_servers_send_host_pods
case_run 'when it knows it nothing changes' upgrades_change_nothing
case_run 'they end then' stop_both
case_run 'one that knows no streaming lists either' servers_that_know_neither
case_run 'they end after it' stop_both
case_run 'and one that says so in the other order' neither_in_the_other_order
case_run 'they end after that' stop_both
case_run 'a watch that meets an older server begins anew' watches_meet_an_older_server
case_run 'they end after a watch' stop_both
case_run 'so does a compare' compares_meet_an_older_server
case_run 'they end after a compare' stop_both
case_run 'and a list between its pages' pages_meet_an_older_server
case_run 'they end after pages' stop_both
case_run 'a server that is measured starts' metered_start
case_run 'the time until a change is answered, for each kind of service' each_kind_of_service_is_timed
case_run 'requests to the API server' requests_are_counted
case_run 'the registry' the_registry_is_counted
case_run 'an object that is invalid' invalid_objects_are_counted
if command -v promtool >/dev/null; then
	case_run 'promtool agrees' promtool_agrees
else
	case_skip 'promtool agrees' 'promtool is not installed'
fi
case_run 'they end, too' stop_both
case_run 'a server that is reloaded starts' reload_start
case_run 'a cluster with the same options is not loaded again' same_cluster_is_kept
case_run 'one with other options is loaded and then followed' changed_cluster_is_loaded_first
case_run 'one whose API server is away is refused' cluster_that_is_away_is_refused
case_run 'it ends' server_stop
case_run 'requests are limited' requests_are_limited
case_run 'the commands read it once' commands_read_it_once
case_run 'and say that it is away' commands_say_that_it_is_away
case_run 'the last one ends' stop_both
cases_end
