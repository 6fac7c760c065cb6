#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every Corefile of conf/corefiles is accepted, served and asked what it is there for. Its
# addresses, ports and paths are put on 127.0.0.1.
set -u
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"
. "$srcdir/tests/support/apiserver.sh"

place=loopback
. "$srcdir/tests/system/corefiles/place.sh"
. "$srcdir/tests/system/corefiles/questions.sh"
. "$srcdir/tests/system/corefiles/plain.sh"
. "$srcdir/tests/system/corefiles/files.sh"
. "$srcdir/tests/system/corefiles/large.sh"
all_go_through
