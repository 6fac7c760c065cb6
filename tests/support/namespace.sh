# SPDX-License-Identifier: Apache-2.0
# To be sourced first: the script begins again in a network namespace and a mount namespace
# of its own, where $namespace_probe (a command) says that these can be had, and is skipped
# elsewhere.
if [ "${1:-}" != inside ]; then
	if ! unshare --net --mount ${namespace_probe:-true} 2>/dev/null; then
		echo '1..0 # SKIP no namespaces can be had'
		exit 0
	fi
	exec unshare --net --mount "$0" inside
fi
