# SPDX-License-Identifier: Apache-2.0
# For tests that ask a server on $port, and $address if that is set, with dig; to be sourced
# behind tap.sh.

# ask ARGUMENT...: dig's answer in $scratch/answer, white space as one blank.
ask() {
	dig "@${address:-127.0.0.1}" -p "$port" +tries=1 +time=8 "$@" >"$scratch/dig" 2>&1
	code=$?
	tr -s '\t ' ' ' <"$scratch/dig" >"$scratch/answer"
	return "$code"
}

has() {
	grep -q -e "$1" "$scratch/answer" || ! cat "$scratch/answer"
}

lacks() {
	! grep -e "$1" "$scratch/answer"
}

# until_has PATTERN ARGUMENT...: asks until the answer has it, ten seconds at most.
until_has() {
	wanted=$1
	shift
	tries=0
	until ask "$@" && grep -q -e "$wanted" "$scratch/answer"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || ! cat "$scratch/answer" || return 1
		sleep 0.1
	done
}

# logged PATTERN: within ten seconds.
logged() {
	tries=0
	until grep -q -e "$1" "$server_log"; do
		tries=$((tries + 1))
		[ "$tries" -lt 100 ] || ! cat "$server_log" || return 1
		sleep 0.1
	done
}
