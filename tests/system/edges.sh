#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The rules of the house that a compiler does not know: who may include whom, which
# folder speaks to which library, how long a file or function may grow.
set -u
. "$srcdir/tests/support/tap.sh"

cd "$srcdir" || exit 99
# As distributed, without git; a build folder inside has none of these endings but objects.
find server zones tests -name '*.[ch]' | sort >"$scratch/sources"
grep '\.h$' "$scratch/sources" >"$scratch/headers"
find server zones tests conf -name '*.inc' -o -name '*.sh' -o -name '*.js' | sort >"$scratch/scripts"

# "file:line including included" for every include, quoted ones as "name", others <name>.
xargs awk '/^[ \t]*#[ \t]*include[ \t]/ {
	sub(/^[ \t]*#[ \t]*include[ \t]*/, ""); sub(/[ \t]*(\/[*\/].*)?$/, "")
	print FILENAME ":" FNR, FILENAME, $0 }' <"$scratch/sources" >"$scratch/includes"

# A folder and what it may include besides itself: folders, or single headers.
cat >"$scratch/rooms" <<'END'
server/base
server/wire server/base/
server/config server/base/ server/wire/
server/query server/base/ server/wire/ zones/store/store.h zones/store/reader.h
server/plugin server/base/ server/wire/ server/config/ server/query/ zones/store/store.h zones/store/reader.h zones/store/client.h
server/net server/base/ server/wire/ server/query/ zones/store/reader.h
server/control server/ zones/
server server/ zones/
zones/registry server/base/
zones/source server/base/ zones/registry/
zones/store server/base/ server/wire/
zones/synth server/base/ server/wire/ zones/registry/ zones/store/
zones/export server/base/ server/wire/ zones/
zones server/base/ server/wire/ zones/
tests server/ zones/ tests/
END

# A foreign library's headers and the folders that may open that door.
cat >"$scratch/doors" <<'END'
jansson tests/
yaml zones/source/ tests/
ldns zones/export/ server/plugin/file/ tests/
urcu zones/store/ tests/
pcre2 server/base/
curl zones/source/kube/fetch.c
event2 server/net/ server/control/ server/plugin/forward/ zones/source/ tests/
openssl server/plugin/forward/tls.c
cmocka tests/
END

# None may be in the list that a check writes.
nothing_in() {
	[ ! -s "$1" ] || ! cat "$1"
}

edges_follow_the_rooms() {
	awk 'FILENAME == ARGV[1] { room = $1; $1 = ""; rooms[room] = room "/" $0; next }
	$3 !~ /^"/ || $3 == "\"config.h\"" { next }
	{
		room = $2
		while (!(room in rooms) && sub(/\/[^\/]*$/, "", room))
			;
		name = substr($3, 2, length($3) - 2)
		count = split(rooms[room], allowed, " ")
		for (i = 1; i <= count; i++)
			if (index(name, allowed[i]) == 1)
				next
		print $1 ": " room " may not include " $3
	}' "$scratch/rooms" "$scratch/includes" >"$scratch/found"
	nothing_in "$scratch/found"
}

libraries_have_one_door() {
	awk 'FILENAME == ARGV[1] { library = $1; $1 = ""; doors[library] = $0; next }
	{
		library = substr($3, 2)
		sub(/[\/.>"].*$/, "", library)
		sub(/^urcu.*/, "urcu", library)
		if (!(library in doors) || $3 ~ /^"/)
			next
		count = split(doors[library], allowed, " ")
		for (i = 1; i <= count; i++)
			if (index($2, allowed[i]) == 1)
				next
		print $1 ": " $3 " belongs to" doors[library]
	}' "$scratch/doors" "$scratch/includes" >"$scratch/found"
	nothing_in "$scratch/found"
}

headers_have_no_foreign_type() {
	grep -E '^(server|zones)/[^ ]*\.h:' "$scratch/includes" |
		grep -E '<(jansson|pcre2|yaml|ldns|urcu|event|cmocka|curl|openssl)' >"$scratch/found"
	nothing_in "$scratch/found"
}

headers_compile_alone() {
	: >"$scratch/found"
	while IFS= read -r header; do
		printf '#include "%s"\n' "$header" >"$scratch/alone.c"
		${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only -I. \
			"$scratch/alone.c" >>"$scratch/found" 2>&1 ||
			printf '%s does not compile alone\n' "$header" >>"$scratch/found"
	done <"$scratch/headers"
	nothing_in "$scratch/found"
}

headers_are_included_once() {
	xargs grep -L '^#pragma once$' <"$scratch/headers" >"$scratch/found"
	nothing_in "$scratch/found"
}

# In scripts the line that names the interpreter is the first.
licences_stand_first() {
	{
		cat "$scratch/sources" "$scratch/scripts"
		printf '%s\n' bootstrap configure.ac Makefile.am
	} | xargs awk 'FNR == 1 && /^#!/ { next }
	FNR <= 2 && FILENAME != last {
		last = FILENAME
		if ($0 !~ /SPDX-License-Identifier: Apache-2\.0/)
			print FILENAME ": the first line is not SPDX-License-Identifier: Apache-2.0"
	}' >"$scratch/found"
	nothing_in "$scratch/found"
}

files_are_short() {
	{
		cat "$scratch/sources"
		grep '\.js$' "$scratch/scripts"
	} | xargs awk 'function judge() {
		limit = file ~ /\.h$/ ? 200 : 800
		if (lines > limit)
			print file ": " lines " lines, at most " limit
	}
	FNR == 1 { judge(); file = FILENAME }
	{ lines = FNR }
	END { judge() }' >"$scratch/found"
	nothing_in "$scratch/found"
}

# A function's braces stand alone in the first column, nobody else's do.
functions_are_short() {
	xargs awk 'FNR == 1 { start = 0 }
	/^\{/ { start = FNR }
	/^\}/ && start {
		if (FNR - start + 1 > 80)
			print FILENAME ":" start ": " FNR - start + 1 " lines, at most 80"
		start = 0
	}' <"$scratch/sources" >"$scratch/found"
	nothing_in "$scratch/found"
}

# What no Makefile.inc names is neither built nor distributed.
files_are_listed() {
	find Makefile.am server zones tests conf -name 'Makefile.*' -exec cat {} + | tr -s ' \t\\' '\n\n\n' |
		sort -u >"$scratch/listed"
	{
		cat "$scratch/sources"
		grep '\.[sj][hs]$' "$scratch/scripts"
	} | grep -vxF -f "$scratch/listed" >"$scratch/found"
	nothing_in "$scratch/found"
}

case_run 'folders include only what their place allows' edges_follow_the_rooms
case_run 'each foreign library has one door' libraries_have_one_door
case_run 'no header shows a foreign type' headers_have_no_foreign_type
case_run 'each header compiles alone' headers_compile_alone
case_run 'each header begins with pragma once' headers_are_included_once
case_run 'each file names its licence first' licences_stand_first
case_run 'no file is longer than it may be' files_are_short
case_run 'no function is longer than it may be' functions_are_short
case_run 'each file is named in a Makefile.inc' files_are_listed
cases_end
