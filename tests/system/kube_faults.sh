#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Faults of an API server by chance, one after the other, over HTTP/2 and HTTP/1.1, while
# the answers are compared with its objects. FAULTS (60) says how many in all, SEED (1) which.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

run_faults() { # ARGUMENT...
	mkdir -p "$scratch/work"
	node "$srcdir/tests/support/apiserver/faultrun.js" --waymark "$WAYMARK" --work "$scratch/work" \
		--tls "$scratch/tls" --faults "$((${FAULTS:-60} / 2))" --seed "${SEED:-1}" "$@"
}

case_run 'certificates are made' certificates_make "$scratch/tls"
case_run 'faults over HTTP/2' run_faults
grep '^# ' "$scratch/case"
case_run 'faults over HTTP/1.1' run_faults --http1
grep '^# ' "$scratch/case"
cases_end
