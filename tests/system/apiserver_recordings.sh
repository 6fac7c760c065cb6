#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The API server of the tests says what a real one was recorded to say. Each exchange is a
# case of its own.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/apiserver.sh"

certificates_make "$scratch/tls" >"$scratch/openssl" 2>&1 || {
	sed 's/^/# /' "$scratch/openssl"
	exit 99
}
node "$srcdir/tests/support/apiserver/recordings.js" "$srcdir/tests/cases/apiserver" "$scratch/tls"
