#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The plugin envfiles: files that follow the registry, and what happens when they cannot.
set -u
. "$srcdir/tests/support/tap.sh"

HOME=$scratch
export HOME
folder=$scratch/served
files=$folder/files

# served_start OPTION...: a server of the folder's manifests with these options.
served_start() {
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		mkdir -p "$folder/manifests" || return 1
		{
			printf '.:%s {\n    bind 127.0.0.1\n    prometheus 127.0.0.1:0\n' "$port"
			printf '    kubernetes cluster.local {\n        manifests manifests\n    }\n'
			printf '    envfiles files {\n'
			printf '        %s\n' "$@"
			printf '    }\n}\n'
		} >"$folder/Corefile"
		server_start "$folder/Corefile" && return 0
		printf 'attempt %d on port %s failed\n' "$attempt" "$port"
	done
	return 1
}

# service_put NAMESPACE NAME ADDRESS: a manifest, renamed into its place.
service_put() {
	cat >"$scratch/new.yaml" <<END
{apiVersion: v1, kind: Service, metadata: {name: $2, namespace: $1}, spec: {clusterIP: $3, ports: [{port: 80}]}}
END
	mv "$scratch/new.yaml" "$folder/manifests/$1-$2.yaml"
}

namespace_put() {
	cat >"$scratch/new.yaml" <<END
{apiVersion: v1, kind: Namespace, metadata: {name: $1}}
END
	mv "$scratch/new.yaml" "$folder/manifests/$1.yaml"
}

# soon COMMAND...: succeeds within a minute.
soon() {
	tries=0
	until "$@" >"$scratch/soon" 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || ! cat "$scratch/soon" || ! ls -la "$files" ||
			! tail -n 5 "$server_log" || return 1
		sleep 0.1
	done
}

has() {
	grep -qx -e "$2" "$files/$1"
}

gone() {
	[ ! -e "$files/$1" ]
}

metric() {
	url=$(sed -n 's|.*listening on \(http://[^ ]*/metrics\)$|\1|p' "$server_log" | head -n 1)
	curl -s --noproxy '*' -m 20 "$url" | sed -n "s/^$1 //p"
}

metric_is() {
	[ "$(metric "$1")" = "$2" ] || ! metric "$1"
}

answers() {
	[ "$(dig @127.0.0.1 -p "$port" +short +tries=1 +timeout=20 "$1.svc.cluster.local")" = "$2" ]
}

# --- following ---

files_are_written() {
	mkdir -p "$folder/manifests" "$files" && namespace_put shop &&
		service_put shop web 10.0.0.1 && service_put default kubernetes 10.0.0.10 &&
		echo X=y >"$files/mine.env" && served_start || return 1
	soon has shop.env WEB_SERVICE_HOST=10.0.0.1 && soon has shop.env KUBERNETES_SERVICE_HOST=10.0.0.10 &&
		soon has kube-system.env KUBERNETES_SERVICE_HOST=10.0.0.10
}

# As `waymark env` would write them.
files_are_those_of_the_command() {
	run "$WAYMARK" env -c "$folder/Corefile" -n shop
	expect 0 && cmp "$scratch/out" "$files/shop.env"
}

change_is_followed() {
	service_put shop web 10.0.0.2
	soon has shop.env WEB_SERVICE_HOST=10.0.0.2
}

master_is_followed_everywhere() {
	service_put default kubernetes 10.0.0.11
	soon has shop.env KUBERNETES_SERVICE_HOST=10.0.0.11 && soon has kube-public.env KUBERNETES_SERVICE_HOST=10.0.0.11
}

# What no variable says, an endpoint or a label, leaves the file alone.
other_change_is_not_written() {
	before=$(stat -c '%i %y' "$files/shop.env")
	cat >"$folder/manifests/slice.yaml" <<'END'
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.1]}]
ports: [{port: 8080}]
END
	service_put default witness 10.0.0.12
	soon has default.env WITNESS_SERVICE_HOST=10.0.0.12 &&
		[ "$(stat -c '%i %y' "$files/shop.env")" = "$before" ]
}

namespaces_come_and_go() {
	namespace_put finance && service_put finance books 10.0.0.20 &&
		soon has finance.env BOOKS_SERVICE_HOST=10.0.0.20 || return 1
	rm "$folder/manifests/finance.yaml"
	soon gone finance.env && [ -e "$files/mine.env" ]
}

# Those that went while nobody looked, too.
vanished_while_away() {
	namespace_put finance && soon has finance.env BOOKS_SERVICE_HOST=10.0.0.20 && server_stop &&
		rm "$folder/manifests/finance.yaml" && served_start && soon gone finance.env &&
		[ -e "$files/mine.env" ] && has shop.env WEB_SERVICE_HOST=10.0.0.2
}

figures_are_told() {
	soon metric_is waymark_envfiles_files 5 && metric_is waymark_envfiles_failures_total 0 &&
		metric_is waymark_envfiles_too_large 0
}

# --- options ---

reload_takes_options() {
	sed -i 's/envfiles files {/envfiles files {\n        format sh\n        mode 600\n        namespaces shop\n        service_links off/' \
		"$folder/Corefile"
	kill -HUP "$server"
	soon has shop.sh "export KUBERNETES_SERVICE_HOST='10.0.0.11'" && soon gone default.env &&
		gone default.sh && ! grep -q WEB "$files/shop.sh" && [ "$(stat -c %a "$files/shop.sh")" = 600 ]
}

too_large() {
	server_stop && rm -rf "$files" && mkdir "$files" &&
		served_start 'max_bytes 400' && soon has kube-public.env KUBERNETES_SERVICE_HOST=10.0.0.11 &&
		soon grep -q 'takes [0-9]* bytes, 400 are allowed.*stays as it is' "$server_log" &&
		gone shop.env && soon metric_is waymark_envfiles_too_large 2
}

needs_kubernetes() {
	printf '.:53 {\n    whoami\n    envfiles files\n}\n' >"$scratch/Corefile"
	run "$WAYMARK" check -c "$scratch/Corefile"
	expect 1 err 'Corefile:3:5: error: envfiles needs kubernetes in the same server block'
}

# two_blocks FOLDER FOLDER: each block's files.
two_blocks() {
	printf '%s {\n    kubernetes {\n        manifests manifests\n    }\n    envfiles %s\n}\n' \
		a.test:53 "$1" b.test:53 "$2" >"$scratch/Corefile"
	mkdir -p "$scratch/manifests" && run "$WAYMARK" check -c "$scratch/Corefile"
}

shares_no_folder() {
	two_blocks one two && expect 0 || return 1
	two_blocks one one
	expect 1 err 'Corefile:11:14: error: another server block has envfiles in the same folder' || return 1
	mkdir -p "$scratch/one" && ln -s one "$scratch/link" && two_blocks one link
	expect 1 err 'Corefile:11:14: error: another server block has envfiles in the same folder'
}

# --- pages ---

# ask OPTION...: the server of the last start.
ask() {
	url=$(sed -n 's|.*listening on \(http://[^ ]*\)/env/$|\1|p' "$server_log" | tail -n 1)
	run "$WAYMARK" env --server "$url" "$@"
}

# page PATH: prints the status, the page is in $scratch/page, its head in $scratch/head.
page() {
	url=$(sed -n 's|.*listening on \(http://[^ ]*\)/env/$|\1|p' "$server_log" | tail -n 1)
	curl -s --noproxy '*' -m 20 -D "$scratch/head" -o "$scratch/page" -w '%{http_code}\n' "$url$1"
}

page_is() {
	status=$(page "$1")
	[ "$status" = "$2" ] || ! printf '%s: %s\n' "$1" "$status" || ! cat "$scratch/page"
}

pages_answer() {
	server_stop && served_start 'http 127.0.0.1:0' && soon has shop.env WEB_SERVICE_HOST=10.0.0.2 &&
		service_put shop 1st 10.0.0.9 && soon has shop.env 1ST_SERVICE_HOST=10.0.0.9 || return 1
	for format in docker podman systemd sh compose k8s json nul; do
		"$WAYMARK" env -c "$folder/Corefile" -n shop -f "$format" >"$scratch/own" 2>"$scratch/own.err"
		ask -n shop -f "$format"
		expect 0 && cmp "$scratch/own" "$scratch/out" && cmp "$scratch/own.err" "$scratch/err" || return 1
		page_is "/env/shop?format=$format" 200 && cmp "$scratch/own" "$scratch/page" || return 1
	done
}

options_reach_the_server() {
	ask -n shop --no-service-links
	expect 0 out '^KUBERNETES' && ! grep WEB "$scratch/out" || return 1
	ask -n shop --service 'w*' --service '[1]st'
	expect 0 out '^WEB' && grep -q '^1ST' "$scratch/out" && ! grep KUBERNETES "$scratch/out" || return 1
	ask -n shop --max-bytes 600 --truncate
	expect 0 err 'left out for want of room: services "web"$'
}

too_large_is_told() {
	ask -n shop --max-bytes 400 --output "$scratch/none"
	expect 3 err 'takes [0-9]* bytes, 400 are allowed' && [ ! -e "$scratch/none" ]
}

all_from_a_server() {
	mkdir -p "$scratch/all" && ask --all "$scratch/all"
	expect 0 && cmp "$scratch/all/shop.env" "$files/shop.env" && [ -e "$scratch/all/kube-public.env" ]
}

unknown_to_the_server() {
	ask -n nowhere
	expect 1 err 'no namespace "nowhere"' || return 1
	page_is /env/nowhere 404 && page_is /env/../shop 404 && page_is /env/shop/x 404
}

bad_queries() {
	for query in format=dotenv format max_bytes=1 max_bytes=x service_links=maybe nothing=1 '%zz' 'a=b&&'; do
		page_is "/env/shop?$query" 400 || return 1
	done
	page_is '/env/shop?' 200
}

no_server() {
	run "$WAYMARK" env --server "http://127.0.0.1:$(port_free)"
	expect 1 err 'no answer from' || return 1
	run "$WAYMARK" env --server ftp://127.0.0.1
	expect 1 err 'is no address of a server' || return 1
	run "$WAYMARK" env --server http://127.0.0.1 --manifests "$scratch"
	expect 2 err 'sources, expected one'
}

page_goes_with_a_reload() {
	sed -i 's/ http 127.*/ format sh/' "$folder/Corefile"
	kill -HUP "$server"
	soon has shop.sh "export WEB_SERVICE_HOST='10.0.0.2'" && page /env/shop
	[ "$(page /env/shop)" = 404 ] && server_stop && rm -f "$folder/manifests/shop-1st.yaml" && served_start
}

# --- trouble ---

missing_folder() {
	server_stop && rm -rf "$files" && served_start &&
		soon grep -q 'cannot keep the environment files in .*files" up to date.*No such file' "$server_log" &&
		answers web.shop 10.0.0.2 || return 1
	[ "$(metric waymark_envfiles_failures_total)" -gt 0 ] || soon metric_rises || return 1
	mkdir "$files" && soon has shop.env WEB_SERVICE_HOST=10.0.0.2 &&
		soon grep -q 'can be written again' "$server_log"
}

metric_rises() {
	[ "$(metric waymark_envfiles_failures_total)" -gt 0 ]
}

# A folder that was moved away and is made anew gets all its files back.
lost_folder() {
	rm -rf "$files" && mkdir "$files" && service_put shop web 10.0.0.3 &&
		soon has shop.env WEB_SERVICE_HOST=10.0.0.3 && soon has default.env KUBERNETES_SERVICE_HOST=10.0.0.11
}

# In a namespace of mounts of its own: a disk of 64 KiB that is full, then is not.
full_folder() {
	cat >"$scratch/full" <<'END'
mount -t tmpfs -o size=64k none "$2" && dd if=/dev/zero of="$2/ballast" bs=4k 2>/dev/null
"$WAYMARK" serve -c "$1" >"$3" 2>&1 &
server=$!
tries=0
until grep -q 'No space left on device' "$3" || [ $tries -ge 300 ]; do tries=$((tries + 1)); sleep 0.1; done
grep -q 'No space left on device' "$3" && dig @127.0.0.1 -p "$4" +short web.shop.svc.cluster.local | grep -qx 10.0.0.3 && rm "$2/ballast"
code=$?
tries=0
until [ -e "$2/shop.env" ] || [ $tries -ge 300 ]; do tries=$((tries + 1)); sleep 0.1; done
[ -e "$2/shop.env" ] || code=1
kill "$server"
wait "$server"
exit $code
END
	server_stop && WAYMARK=$WAYMARK unshare -m sh "$scratch/full" "$folder/Corefile" "$files" \
		"$scratch/full.log" "$port" || ! tail "$scratch/full.log"
}

# Rewritten again and again, and killed: what is there is whole.
killed_server() {
	mkdir -p "$files"
	for round in 1 2 3 4 5 6; do
		served_start || return 1
		for change in 1 2 3 4 5 6 7 8; do
			service_put shop web "10.0.$round.$change"
			sleep 0.06
		done
		kill -KILL "$server"
		wait "$server" 2>/dev/null
		[ "$(grep -c . "$files/shop.env")" -eq 14 ] &&
			[ "$(grep -c '^WEB_.*10\.0\.' "$files/shop.env")" -eq 4 ] &&
			[ "$(sed -n 's/^WEB.*\(10\.0\.[0-9.]*\).*/\1/p' "$files/shop.env" | sort -u | wc -l)" -eq 1 ] ||
			! cat "$files/shop.env" || return 1
	done
	served_start && soon has shop.env WEB_SERVICE_HOST=10.0.6.8
}

case_run 'each namespace has its file' files_are_written
case_run 'files are those of the command' files_are_those_of_the_command
case_run 'a change is followed' change_is_followed
case_run 'a change of kubernetes is followed everywhere' master_is_followed_everywhere
case_run 'what no variable says leaves files alone' other_change_is_not_written
case_run 'files come and go with their namespaces' namespaces_come_and_go
case_run 'what vanished between two runs goes, what others made stays' vanished_while_away
case_run 'figures are told' figures_are_told
case_run 'a reload takes options over' reload_takes_options
case_run 'too large an environment is told and not written' too_large
case_run 'without kubernetes in its block it is refused' needs_kubernetes
case_run 'two blocks share no folder' shares_no_folder
case_run 'pages have what the command writes' pages_answer
case_run 'options of the command reach the server' options_reach_the_server
case_run 'too large an environment of a server is told' too_large_is_told
case_run 'a folder is filled from a server' all_from_a_server
case_run 'what the server does not know is an error' unknown_to_the_server
case_run 'a query that cannot be understood is refused' bad_queries
case_run 'a server that is none is an error' no_server
case_run 'the page goes with a reload' page_goes_with_a_reload
case_run 'a folder that is missing is told, waited for, and does not matter to DNS' missing_folder
case_run 'a folder that is lost gets all files again' lost_folder
if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	case_run 'a full folder does not matter to DNS and is written once there is room' full_folder
else
	case_skip 'a full folder does not matter to DNS and is written once there is room' 'no mounts can be made'
fi
case_run 'a killed server leaves whole files' killed_server
case_run 'the server ends when told to' server_stop
cases_end
