/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "zones/registry/object.h"

/*
 * Objects from one line of text, so that a test's cluster is a table:
 *
 *	namespace NAME [l=KEY:VALUE]...
 *	service NS/NAME [WORD]...
 *	slice NS/NAME [WORD]...
 *	endpoints NS/NAME [WORD]...
 *	pod NS/NAME [WORD]...
 *	import NS/NAME [WORD]...
 *
 * Words of a service or an import: an address, `headless`, `e=EXTERNAL.NAME`, `publish`,
 *`prefer`, `require`, `v4`, `v6`, `s=KEY:VALUE` (selector),
 *p=[NAME][/udp|/sctp]:PORT[>TARGET] and x=ADDRESS or x=NAME, what it has outside of the
 *cluster.
 *
 * Words of a slice: `of=SERVICE`, `import=IMPORT`, `cluster=CLUSTER`.
 *
 * Words of slices and endpoints: ports `p=` (PORT -1: none) and endpoints
 * [!]ADDRESS[,ADDRESS]...[@HOSTNAME][#POD], `!` for one that is not ready. `--` begins
 * another subset.
 *
 * Words of a pod: addresses, `ready`, `finished`, `terminating`, `node` (its network),
 *`host=`, `sub=`, and its container's ports `p=`.
 *
 * `l=KEY:VALUE` labels anything.
 */

/* Everything is in the arena. Fails the test where the text is wrong. */
void object_from_text(const char *text, struct arena *arena, struct object *out);
