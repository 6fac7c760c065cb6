#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every Corefile of conf/corefiles is served as it is, in a network namespace that has the
# addresses which it names and a mount namespace that has the files.
set -u

namespace_probe='ip link add name out type veth peer name in'
. "$srcdir/tests/support/namespace.sh"
. "$srcdir/tests/support/tap.sh"
. "$srcdir/tests/support/dig.sh"
. "$srcdir/tests/support/apiserver.sh"

place=namespace
. "$srcdir/tests/system/corefiles/place.sh"
. "$srcdir/tests/system/corefiles/questions.sh"
. "$srcdir/tests/system/corefiles/plain.sh"
. "$srcdir/tests/system/corefiles/files.sh"
. "$srcdir/tests/system/corefiles/large.sh"
all_go_through
