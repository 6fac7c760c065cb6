#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The commands beside serving: their help, what check says, plugins and completions, and
# the process arguments of CoreDNS.
set -u
. "$srcdir/tests/support/tap.sh"

# --- help and usage ---

help_of() {
	for option in --help -h; do
		run "$WAYMARK" "$1" "$option"
		expect 0 out "^usage: waymark $1" && expect_empty err &&
			expect 0 out '^  -h, --help  *prints' || return 1
	done
	run "$WAYMARK" --help
	expect 0 out "^  waymark $1"
}

# usage_error PATTERN ARGUMENT...
usage_error() {
	pattern=$1
	shift
	run "$WAYMARK" "$@"
	expect 2 err "$pattern" && expect 2 err '^usage: waymark' && expect_empty out
}

# --- check ---

# corefile_write TEXT: a Corefile with a folder of manifests beside it.
corefile_write() {
	rm -rf "$scratch/check"
	mkdir -p "$scratch/check/manifests"
	printf '%b' "$1" >"$scratch/check/Corefile"
}

check() {
	run "$WAYMARK" check -c "$scratch/check/Corefile"
}

# said SEVERITY PLACE PATTERN: a finding of the last check.
said() {
	grep -q -e "^$scratch/check/Corefile:$2: $1: .*$3" "$scratch/err" || show
}

says_everything_at_once() {
	corefile_write '.:53 {\n    kubernetis cluster.local\n    bind a/b\n}\nexample.org:53 {\n    kubernetes example.org {\n        manifests manifests\n        ttk 5\n        ttl 3601\n        ttl 0\n    }\n}\n'
	check
	expect 1 out '^5 errors, 1 warning; the manifests were not read$' &&
		said error 2:5 'did you mean "kubernetes"' && said error 3:10 'expected an IP address' &&
		said error 8:9 'did you mean "ttl"' && said error 9:13 'from 0 to 3600' &&
		said error 10:9 'second time'
}

# Each with a list of those that are there, the same for all.
coredns_plugins_are_refused() {
	"$WAYMARK" -plugins | sort >"$scratch/plugins"
	for plugin in root metadata geoip cancel tls quic grpc_server https https3 timeouts multisocket \
		trace pprof dnstap tsig dnssec transfer route53 azure clouddns auto secondary etcd \
		grpc erratic on sign view nomad proxyproto; do
		! grep -qx "$plugin" "$scratch/plugins" || continue
		corefile_write ".:53 {\n    $plugin\n}\n"
		check
		expect 1 && said error 2:5 "CoreDNS's plugin \"$plugin\" is not in Waymark, expected one of: " ||
			return 1
		sed -n 's/.*expected one of: //p' "$scratch/err" | sed 's/, /\n/g' | sort |
			diff - "$scratch/plugins" || return 1
	done
}

says_what_blocks_lack() {
	corefile_write '.:53 {\n    bind nowhere0\n}\n.:54 {\n    bind nowhere1\n}\n'
	check
	expect 1 && said error 2:10 nowhere0 && said error 5:10 nowhere1
}

findings_have_no_time() {
	corefile_write '.:53 {\n    nothing\n}\n'
	check
	expect 1 out '^1 error, 0 warnings' && [ "$(wc -l <"$scratch/out")" -eq 1 ] || return 1
	! grep -v -e "^$scratch/check/Corefile:2:5: error: " "$scratch/err" || show
}

manifests_are_counted() {
	corefile_write '.:53 {\n    kubernetes cluster.local in-addr.arpa {\n        manifests manifests\n    }\n}\n'
	printf 'kind: Service\nmetadata: {name: [\n' >"$scratch/check/manifests/broken.yaml"
	check
	expect 1 out '^1 error, 0 warnings$' &&
		expect 1 err '^[^ ]*manifests/broken.yaml:[0-9]*:[0-9]*: error: '
}

# refuses PLACE PATTERN COREFILE
refuses() {
	corefile_write "$3"
	check
	expect 1 out '^1 error, 0 warnings' && said error "$1" "$2"
}

# warns PLACE PATTERN COREFILE
warns() {
	corefile_write "$3"
	check
	expect 0 out '^0 errors, 1 warning$' && said warning "$1" "$2"
}

warns_of_nothing() {
	corefile_write "$1"
	check
	expect 0 out '^0 errors, 0 warnings$' && expect_empty err
}

# A block of KEYS with kubernetes on ZONES and further options of it.
block() {
	printf '%s {\\n    kubernetes %s {\\n        manifests manifests\\n        %s\\n    }\\n}\\n' \
		"$1" "$2" "${3:-}"
}

reverse=in-addr.arpa

colours_on_a_terminal() {
	corefile_write '.:53 {\n    nothing\n}\n'
	for no_colour in '' 1; do
		run env TERM=xterm NO_COLOR="$no_colour" script -qec \
			"'$WAYMARK' check -c '$scratch/check/Corefile'" /dev/null
		expect 1 out 'nothing' || return 1
		escapes=$(grep -c "$(printf '\033')" "$scratch/out")
		case $no_colour in
		1) [ "$escapes" -eq 0 ] || show || return 1 ;;
		*) [ "$escapes" -gt 0 ] || show || return 1 ;;
		esac
	done
}

# --- plugins ---

plugins_are_listed() {
	run "$WAYMARK" plugins
	expect 0 out '^kubernetes \[ZONE\.\.\.\]$' && expect_empty err &&
		expect 0 out '^    ttl NUMBER$' && expect 0 out 'from 0 to 3600; default 5$' &&
		expect 0 out '^bind '
}

one_plugin_is_listed() {
	run "$WAYMARK" plugins errors
	expect 0 out '^errors' && ! grep -q -e '^kubernetes' "$scratch/out" || show
}

# troff has nothing to complain of, and every plugin has its section.
manual_is_well_formed() {
	page=$builddir/server/waymark-corefile.5
	[ -e "$page" ] || return 1
	LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings=w -l "$page" >"$scratch/out" 2>"$scratch/err"
	code=$?
	expect 0 out '^PLUGINS' && expect_empty err || return 1
	for plugin in $("$WAYMARK" -plugins); do
		expect 0 out "^   $plugin\$" || return 1
	done
}

# --- completions ---

# bash_completes WANTED WORD...: what bash offers for the last word.
bash_completes() {
	wanted=$1
	shift
	"$WAYMARK" completion bash >"$scratch/waymark.bash" || return 1
	got=$(bash --norc -c '
		. "$0" && complete -p waymark | grep -q -e "-F _waymark" || exit 1
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_waymark
		echo "${COMPREPLY[*]}"' "$scratch/waymark.bash" "$@" 2>"$scratch/err")
	[ "$got" = "$wanted" ] || {
		printf 'wanted: %s\ngot:    %s\n' "$wanted" "$got"
		cat "$scratch/err"
		return 1
	}
}

bash_completes_files() {
	mkdir -p "$scratch/files" && : >"$scratch/files/my Corefile"
	(cd "$scratch/files" && bash_completes 'my Corefile' waymark check -c my)
}

# fish_completes WANTED LINE
fish_completes() {
	"$WAYMARK" completion fish >"$scratch/waymark.fish" && fish -n "$scratch/waymark.fish" ||
		return 1
	got=$(HOME=$scratch fish --no-config -c "source $scratch/waymark.fish; complete -C '$2'" |
		cut -f 1 | sort | tr '\n' ' ')
	[ "$got" = "$1 " ] || ! printf 'wanted: %s\ngot:    %s\n' "$1" "$got"
}

# The function itself, its helpers printing what they are called with.
zsh_completes() {
	"$WAYMARK" completion zsh >"$scratch/_waymark" && zsh -n "$scratch/_waymark" || return 1
	got=$(zsh -f -c '
		compdef() { : }
		_describe() { print -rl -- ${(P)2} }
		_arguments() { print -rl -- "$@" }
		. $1; shift
		words=("$@") CURRENT=$#
		_waymark' zsh "$scratch/_waymark" "$@")
	printf '%s\n' "$got" >"$scratch/zsh"
}

zsh_completes_commands() {
	zsh_completes waymark '' && grep -q '^check:says what' "$scratch/zsh"
}

zsh_completes_options() {
	zsh_completes waymark serve '' && grep -q -e '--config\[.*\]:COREFILE:_files$' "$scratch/zsh" &&
		zsh_completes waymark -quiet '' && grep -q -e '^-conf\[.*\]:FILE:_files$' "$scratch/zsh" &&
		zsh_completes waymark completion '' && grep -q '^1: :(bash zsh fish)$' "$scratch/zsh"
}

case_if() {
	if command -v "$1" >/dev/null 2>&1; then
		shift
		case_run "$@"
	else
		case_skip "$2" "there is no $1"
	fi
}

# --- the arguments of CoreDNS ---

coredns_version() {
	run "$WAYMARK" "$1"
	expect 0 out '^waymark-[0-9]' && expect 0 out '^linux/' && expect_empty err
}

coredns_plugins() {
	run "$WAYMARK" -plugins
	expect 0 out '^kubernetes$' && sort -c "$scratch/out"
}

# coredns_serves ARGUMENT...: the example without a port of its own, on $port. No line says
# that it is ready.
coredns_serves() {
	server_log=$scratch/coredns.log
	"$WAYMARK" "$@" >"$server_log" 2>&1 </dev/null &
	server=$!
	started="$started $server"
	tries=0
	until dig @127.0.0.1 -p "$port" +short +tries=1 +time=1 cart.shop.svc.cluster.local |
		grep -qxF 10.96.20.20; do
		tries=$((tries + 1))
		kill -0 "$server" 2>/dev/null && [ "$tries" -lt 100 ] || ! cat "$server_log" || return 1
		sleep 0.1
	done
	server_stop
}

coredns_example() {
	port=$(port_free) && rm -rf "$scratch/coredns" && example_copy "$scratch/coredns" || return 1
	sed -e "s/:$port//" "$scratch/coredns/Corefile" >"$scratch/coredns/no_port" &&
		! grep -q "$port" "$scratch/coredns/no_port" &&
		mv "$scratch/coredns/no_port" "$scratch/coredns/Corefile"
}

coredns_serves_quietly() {
	coredns_example && coredns_serves -conf "$scratch/coredns/Corefile" -dns.port "$port" -quiet &&
		! grep -e listening -e ready -e complete "$server_log"
}

coredns_serves_loudly() {
	coredns_example && coredns_serves --conf="$scratch/coredns/Corefile" -p="$port" &&
		grep -q ' listening on 127' "$server_log" && grep -q ' ready$' "$server_log"
}

coredns_finds_its_corefile() {
	coredns_example && cd "$scratch/coredns" && coredns_serves -p "$port"
}

for command in serve check lookup dump env plugins completion; do
	case_run "help of $command" help_of "$command"
done
case_run 'a misspelt command: what is near' usage_error 'did you mean "check"' chekc
case_run 'an option that does not exist is named' usage_error '"--frob"' check --frob
case_run 'a letter that does not exist is named' usage_error '"-z"' dump -z
case_run 'an option without its value' usage_error 'config needs a value' check -c
case_run 'an option with a value too many' usage_error 'help takes no value' check --help=1
case_run 'an argument too many is named' usage_error '"two"' plugins one two
case_run 'a misspelt plugin: what is near' usage_error 'did you mean "errors"' plugins error
case_run 'a shell that is not known' usage_error '"csh"' completion csh
case_run 'no shell' usage_error 'no shell' completion
case_run 'options stand behind arguments too' sh -c \
	'"$WAYMARK" lookup cart.shop.svc.cluster.local -c "$srcdir/conf/example/Corefile" | grep -q 10.96.20.20'

case_run 'check says everything at once' says_everything_at_once
case_run 'check says what each block lacks' says_what_blocks_lack
case_run "check refuses CoreDNS's other plugins by name" coredns_plugins_are_refused
case_run 'check prints no time' findings_have_no_time
case_run 'check counts the problems of manifests' manifests_are_counted
case_on_terminal 'check has colours on a terminal, without NO_COLOR' colours_on_a_terminal

case_run 'a multicluster zone that is not one of the stanza' refuses 4:30 \
	'"b\.local" for "multicluster", expected one of the zones of kubernetes' \
	"$(block .:53 "cluster.local a.local $reverse" 'multicluster a.local b.local')"
case_run 'a warning: a multicluster zone that is a reverse one' warns 4:22 'reverse zones have the names of Services' \
	"$(block .:53 "cluster.local a.local $reverse" "multicluster $reverse a.local")"
case_run 'a warning: PTR records into a multicluster zone' warns 4:9 'into the first zone, "a\.local\."' \
	"$(block .:53 "a.local cluster.local $reverse" 'multicluster a.local')"
case_run 'a warning: multicluster without zones' warns 4:9 'multicluster names no zone' \
	"$(block .:53 "cluster.local $reverse" multicluster)"
case_run 'no warning: a multicluster zone' warns_of_nothing \
	"$(block .:53 "cluster.local a.local $reverse" 'multicluster a.local')"
case_run 'a warning: a zone in two blocks' warns 7:1 'also served by the block at' \
	"$(block .:53 "cluster.local $reverse")$(block .:54 "cluster.local $reverse")"
case_run 'a warning: nothing answers' warns 1:1 'no plugin of this block answers' \
	'.:53 {\n    errors\n}\n'
case_run 'a warning: a zone that the block does not get' warns 2:30 'no zone of this server block' \
	"$(block cluster.local 'cluster.local example.org')"
case_run 'a warning: a zone that no plugin is for' warns 1:15 'nothing in the block answers' \
	"$(block 'cluster.local example.org' cluster.local)"
case_run 'a warning: fallthrough to nothing' warns 4:9 'no plugin behind "kubernetes"' \
	"$(block . "cluster.local $reverse" fallthrough)"
case_run 'a warning: no reverse zone' warns 2:5 'no reverse zone' "$(block . cluster.local)"
case_run 'a warning: a ttl of 0' warns 4:13 'nobody keeps' \
	"$(block . "cluster.local $reverse" 'ttl 0')"
case_run 'a warning: an option without effect' warns 4:9 'no effect any more' \
	"$(block . "cluster.local $reverse" 'upstream 192.0.2.1')"
case_run 'a warning: cache before nothing' warns 6:1 'no plugin behind "cache" whose replies' \
	"$(block . "cluster.local $reverse" 'ttl 30' | sed 's/}\\n$/cache 30\\n}\\n/')"
for address in 127.0.0.1:5399 'dns://127.0.0.53:5399' '[::1]:5399' 192.0.2.1:5399; do
	own='bind 192.0.2.1\n'
	[ "$address" = 192.0.2.1:5399 ] || own='\n'
	case_run "a warning: a forward to oneself, $address" warns 3:23 'is this server block itself' \
		"example.org:5399 {\\n$own  forward example.org $address\\n}\\n"
done
case_run 'a warning: a forward to oneself among others' warns 3:25 'is this server block itself' \
	'.:5399 {\n\n    forward . 192.0.2.9 127.0.0.1:5399\n}\n'
for line in 'forward . 127.0.0.1' 'forward . 192.0.2.9:5399' 'cache\nforward . 192.0.2.9'; do
	case_run "no warning: $line" warns_of_nothing ".:5399 {\\n$line\\n}\\n"
done
case_run 'no warning: a forward to another block of the same server' warns_of_nothing \
	'.:5399 {\nforward . 127.0.0.1:5398\n}\nexample.org:5398 {\nforward . 192.0.2.9\n}\n'
case_run 'no warning: reverse zones of another block' warns_of_nothing \
	"$(block . cluster.local)$(block "cluster.local $reverse" "cluster.local $reverse")"
case_run 'no warning: one block on two ports' warns_of_nothing \
	"$(block '.:53 .:5353' "cluster.local $reverse")"

case_run 'plugins and options are listed' plugins_are_listed
case_run 'one plugin is listed' one_plugin_is_listed
if [ -e "$builddir/server/waymark-corefile.5" ]; then
	case_if man 'the manual page has every plugin' manual_is_well_formed
else
	case_skip 'the manual page has every plugin' 'it is not built here'
fi

case_if bash 'bash completes commands' bash_completes 'check' waymark ch
case_if bash 'bash completes options' bash_completes '--config --help' waymark serve --
case_if bash 'bash completes plugins' bash_completes 'kubernetes' waymark plugins kub
case_if bash 'bash completes shells' bash_completes 'bash zsh fish' waymark completion ''
case_if bash 'bash completes the arguments of CoreDNS' bash_completes '-quiet' waymark -conf x -q
case_if bash 'bash completes files' bash_completes_files
case_if fish 'fish completes commands' fish_completes 'check completion' 'waymark c'
case_if fish 'fish completes options' fish_completes '--config --help' 'waymark serve --'
case_if fish 'fish completes shells' fish_completes 'bash fish zsh' 'waymark completion '
case_if fish 'fish completes the arguments of CoreDNS' fish_completes '-quiet' 'waymark -q'
case_if zsh 'zsh completes commands' zsh_completes_commands
case_if zsh 'zsh completes options' zsh_completes_options

case_run 'CoreDNS: -version' coredns_version -version
case_run 'CoreDNS: -plugins' coredns_plugins
case_run 'CoreDNS: an option that does not exist' usage_error '"-frob"' -frob
case_run 'CoreDNS: a port that is none' usage_error '"65536" is no port' -conf x -p 65536
case_run 'CoreDNS: an argument too many' usage_error '"serve"' -quiet serve
case_run 'CoreDNS: -conf, -dns.port and -quiet' coredns_serves_quietly
case_run 'CoreDNS: two dashes, equal signs, -p' coredns_serves_loudly
case_run 'CoreDNS: a Corefile in the current folder' coredns_finds_its_corefile
cases_end
