/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/err.h"
#include "server/base/ipaddr.h"

/*
 * Stable cluster IPs for the services that were given none (option `service_cidr`).
 *
 * Who has which address depends on nothing but the prefix, the set of services and the
 * set of reserved (explicit) addresses: not on the order in which they came, nor on what
 * was there before. So a restart changes nothing, and replicas agree without talking.
 * The rule, which must stay the same in every version:
 *
 *  - Slots are the addresses of the prefix in order, at most the first 2^32 of it,
 *    without those that are never given out: the network address (in IPv6 the
 *    subnet-router anycast address), the one behind it, which Kubernetes takes for
 *    default/kubernetes, and the broadcast address of IPv4. An explicit address may be
 *    any of these; that has no effect here.
 *  - A service's hash is FNV-1a (64 bits) of "namespace/name", finished with the mixer of
 *    MurmurHash3; its home is the slot `hash mod number of slots`.
 *  - A service stands on the first slot from its home on, in a circle, that neither is
 *    reserved nor has a service with a smaller (hash, namespace, name) on it.
 *  - Where there are more services than free slots, those with the largest (hash,
 *    namespace, name) have no address. They wait, and get one as soon as there is room.
 *
 * The price: a change can move other services, fewer the emptier the range. One addition
 * in 16 moves another service when a tenth of the range is taken, two in three when half
 * of it is. What shall never move is given an explicit address. A change costs O(1)
 * expected, and up to the size of the range once that is almost full. Memory is taken by
 * services and reserved addresses, not by the range.
 *
 * One thread at a time.
 */

struct cidr_alloc;

/* Called at the end of an _add, _remove, _reserve or _release for each *other* service
 * whose address is now another, or that has none any more, or has one at last. It may
 * call cidr_alloc_find, and must not change the table. */
typedef void (*cidr_alloc_moved)(void *context, const char *ns, const char *name);

/* `moved` may be NULL. NULL: no memory. */
struct cidr_alloc *cidr_alloc_new(
	const struct ipprefix *prefix, cidr_alloc_moved moved, void *context);
void cidr_alloc_free(struct cidr_alloc *alloc);

/* ERR_RANGE: no room, but the service is in the set and waits for it. ERR_EXISTS: it was
 * there before. ERR_NOMEM: nothing has changed. */
enum err cidr_alloc_add(
	struct cidr_alloc *alloc, const char *ns, const char *name) MUST_CHECK;

/* One that was never added is ignored. */
void cidr_alloc_remove(struct cidr_alloc *alloc, const char *ns, const char *name);

/* An explicit address, which no service is given while it is reserved. Counted: as many
 * releases as reserves set it free. One that is no slot is ignored. ERR_NOMEM: nothing
 * has changed. */
enum err cidr_alloc_reserve(
	struct cidr_alloc *alloc, const struct ipaddr *address) MUST_CHECK;
void cidr_alloc_release(struct cidr_alloc *alloc, const struct ipaddr *address);

/* False: the service is not known, or waits. */
bool cidr_alloc_find(const struct cidr_alloc *alloc, const char *ns, const char *name,
	struct ipaddr *out);
