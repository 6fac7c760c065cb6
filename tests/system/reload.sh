#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A running server takes over what its Corefile says by now, or refuses all of it.
# $RELOADS: how often it is reloaded under load.
set -u
. "$srcdir/tests/support/tap.sh"

name=cart.shop.svc.cluster.local
reloads=${RELOADS:-50}

# corefile_make TTL [LINES]: the example's Corefile with another ttl, and more behind it.
corefile_make() {
	sed "s/:5353/:$port/; s/ttl 30/ttl $1/" "$srcdir/conf/example/Corefile"
	printf '%b' "${2:-}"
}

# Moved into place, so that nobody reads half of it.
corefile_write() {
	corefile_make "$@" >"$scratch/next" && mv "$scratch/next" "$scratch/example/Corefile"
}

# ttl_is TTL [PORT]: of the answer.
ttl_is() {
	for transport in +notcp +tcp; do
		dig @127.0.0.1 -p "${2:-$port}" "$transport" +noall +answer "$name" A >"$scratch/answer"
		awk -v ttl="$1" '$2 == ttl { found = 1 } END { exit !found }' "$scratch/answer" ||
			! cat "$scratch/answer" "$server_log" || return 1
	done
}

serial() {
	dig @127.0.0.1 -p "$port" +short cluster.local SOA | cut -d' ' -f3
}

signal_reloads() {
	corefile_write "$2" && reload_ends "$taken" "$1" && ttl_is "$2"
}

several_signals() {
	corefile_write 12 || return 1
	before=$(log_count "$taken")
	for turn in 1 2 3 4 5; do
		kill -HUP "$server"
	done
	log_more "$before" "$taken" && ttl_is 12
}

unchanged_cluster_stays() {
	was=$(serial)
	complete=$(log_count 'the registry is complete')
	corefile_write 12 '. {\n    bind 127.0.0.2\n}\n' && reload_ends "$taken" || return 1
	[ "$(log_count 'the registry is complete')" -eq "$complete" ] &&
		[ "$(serial)" = "$was" ] || ! cat "$server_log"
}

# Watched manifests of a cluster that was handed over, or built anew, are still followed.
manifests_are_followed() {
	sed 's/10\.96\.20\.20/10.96.20.21/' "$srcdir/conf/example/manifests/cart.yaml" \
		>"$scratch/example/manifests/cart.yaml" || return 1
	tries=0
	until dig @127.0.0.1 -p "$port" +short "$name" | grep -qxF 10.96.20.21; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
	cp "$srcdir/conf/example/manifests/cart.yaml" "$scratch/example/manifests/cart.yaml"
	tries=0
	until dig @127.0.0.1 -p "$port" +short "$name" | grep -qxF 10.96.20.20; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

serials_move_forward() {
	was=$(serial)
	corefile_write 13 && reload_ends "$taken" && [ "$(serial)" -gt "$was" ]
}

# refusal PATTERN: the Corefile as it is now is refused with such a line.
refusal() {
	had=$(log_count "$1")
	reload_ends "$refused" && [ "$(log_count "$1")" -eq "$((had + 1))" ] &&
		ttl_is 13 || ! cat "$server_log"
}

mistake_is_refused() {
	corefile_write 14 '.:5399 {\n    errorz\n}\n' || return 1
	line=$(grep -n errorz "$scratch/example/Corefile" | cut -d: -f1)
	refusal "Corefile:$line:5: error: .*errorz"
}

half_is_refused() {
	corefile_make 14 | head -c 150 >"$scratch/example/Corefile"
	refusal 'Corefile:[0-9]*:[0-9]*: error: '
}

empty_is_refused() {
	: >"$scratch/example/Corefile"
	refusal 'Corefile.*: error: '
}

missing_is_refused() {
	rm "$scratch/example/Corefile"
	refusal 'Corefile: error: .*No such file'
}

taken_port_is_refused() {
	port_hold || return 1
	corefile_write 14 ".:$held {\n    bind 127.0.0.1\n}\n" &&
		refusal "cannot listen on 127.0.0.1:$held (udp): address already in use"
}

# The old cluster has the last good content of the file, a new one would not.
unreadable_manifest_is_refused() {
	printf 'kind: [' >"$scratch/example/manifests/broken.yaml"
	corefile_write 14 && refusal 'Corefile: error: not all of a changed cluster'
	result=$?
	rm "$scratch/example/manifests/broken.yaml"
	return "$result"
}

missing_folder_is_refused() {
	corefile_write 13
	sed -i 's/manifests manifests/manifests nowhere/' "$scratch/example/Corefile"
	refusal 'nowhere.*: error: '
}

block_comes_and_goes() {
	other=$(port_free) || return 1
	corefile_write 13 "cluster.local:$other {\n    bind 127.0.0.1\n    kubernetes cluster.local {\n        ttl 77\n        manifests manifests\n    }\n}\n"
	reload_ends "$taken" && ttl_is 13 && ttl_is 77 "$other" || return 1
	corefile_write 13
	reload_ends "$taken" && ttl_is 13 &&
		! dig @127.0.0.1 -p "$other" +tries=1 +time=1 "$name" >"$scratch/answer"
}

interval_reloads() {
	corefile_write 14 '. {\n    bind 127.0.0.2\n    reload 2s 0\n}\n' && reload_ends "$taken" ||
		return 1
	before=$(log_count "$taken")
	corefile_write 15 '. {\n    bind 127.0.0.2\n    import more\n}\n'
	printf 'reload 2s 0\n' >"$scratch/example/more"
	log_more "$before" "$taken" && ttl_is 15
}

import_reloads() {
	before=$(log_count "$taken")
	printf 'errors\nreload 2s 0\n' >"$scratch/example/more"
	log_more "$before" "$taken"
}

# Said once, not at each interval.
mistake_is_said_once() {
	before=$(log_count "$refused")
	corefile_write 16 '. {\n    errorz\n    reload 2s\n}\n'
	log_more "$before" "$refused" || return 1
	sleep 5
	[ "$(log_count "$refused")" -eq "$((before + 1))" ] && ttl_is 15 || ! cat "$server_log"
}

nothing_is_lost() {
	corefile_make 5 >"$scratch/a" && corefile_make 6 >"$scratch/b" || return 1
	"$builddir/tests/system/reload_load" "$port" "$server" "$server_log" "$reloads" \
		"$scratch/a" "$scratch/b" "$scratch/example/Corefile" "$name" || ! tail "$server_log"
}

case_run 'the server becomes ready' example_start
case_run 'SIGHUP makes a change visible' signal_reloads HUP 10
case_run 'SIGUSR1 does the same' signal_reloads USR1 11
case_run 'several signals at once' several_signals
case_run 'an unchanged cluster stays as it is' unchanged_cluster_stays
case_run 'manifests of a cluster that stayed are followed' manifests_are_followed
case_run 'the serial of a cluster built anew moves forward' serials_move_forward
case_run 'manifests of a cluster built anew are followed' manifests_are_followed
case_run 'a mistake is refused with its place' mistake_is_refused
case_run 'half a Corefile is refused' half_is_refused
case_run 'an empty Corefile is refused' empty_is_refused
case_run 'a Corefile that is gone is refused' missing_is_refused
case_run 'a taken port is refused' taken_port_is_refused
case_run 'a changed cluster with a broken manifest is refused' unreadable_manifest_is_refused
case_run 'a folder that is not there is refused' missing_folder_is_refused
case_run 'a block on another port comes and goes' block_comes_and_goes
case_run 'a changed Corefile is taken over without a signal' interval_reloads
case_run 'so is a changed file that it imports' import_reloads
case_run 'a mistake is said once' mistake_is_said_once
case_run "$reloads reloads under load lose no query" nothing_is_lost
printf '# %s\n' "$(cat "$scratch/case")"
case_run 'SIGTERM ends the server with exit code 0' server_stop
cases_end
