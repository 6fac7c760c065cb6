#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The lines that `./bootstrap demo` prints give the answers that conf/example/queries
# names below them, in any order.
set -u
. "$srcdir/tests/support/tap.sh"

queries=$srcdir/conf/example/queries
# No .digrc of whoever runs this.
HOME=$scratch
export HOME

# White space as one blank: dig aligns columns.
answer_normalise() {
	tr -s '\t ' ' ' | sed 's/ $//' | sort
}

answer_compare() {
	sh -c "$1" >"$scratch/answer" 2>&1
	answer_normalise <"$scratch/answer" >"$scratch/got"
	answer_normalise <"$scratch/expected" >"$scratch/want"
	diff "$scratch/want" "$scratch/got"
}

# query_run COMMAND: its expected lines are in $scratch/expected.
query_run() {
	case $1 in
	"dig @127.0.0.1 -p 5353 "*) ;;
	*) printf 'not a question to the example server: %s\n' "$1" && return 1 ;;
	esac
	[ -s "$scratch/expected" ] || {
		printf 'no answer is written below it\n'
		return 1
	}
	answer_compare "$(printf '%s\n' "$1" | sed "s/-p 5353/-p $port/")"
}

queries_run() {
	command=
	while IFS= read -r line; do
		case $line in
		'$ '*)
			command=${line#??}
			: >"$scratch/expected"
			;;
		'#'*) ;;
		'')
			[ -z "$command" ] || case_run "$command" query_run "$command"
			command=
			;;
		*) printf '%s\n' "$line" >>"$scratch/expected" ;;
		esac
	done
}

# Written in place, as an editor does; the demo's last line promises it.
change_is_answered() {
	sed 's/10\.96\.20\.20/10.96.20.21/' "$srcdir/conf/example/manifests/cart.yaml" \
		>"$scratch/example/manifests/cart.yaml"
	tries=0
	until dig @127.0.0.1 -p "$port" +short cart.shop.svc.cluster.local |
		grep -qxF 10.96.20.21; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || return 1
		sleep 0.1
	done
}

if ! case_run 'the example is served' example_start; then
	cases_end
	exit
fi
# The last paragraph needs an end too.
{ cat "$queries" && echo; } >"$scratch/queries"
queries_run <"$scratch/queries"
case_run 'a changed manifest changes the answer' change_is_answered
case_run 'nothing in the example is warned of' sh -c '! grep -E " (warning|error) " "$1"' sh \
	"$server_log"
case_run 'it ends with SIGTERM' server_stop
cases_end
