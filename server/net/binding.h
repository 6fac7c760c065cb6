/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdatomic.h>

/*
 * An address that the workers listen on, and where its questions go. Shared by the
 * sockets and connections of all workers, each of which holds a reference; a reload
 * exchanges the router and leaves them alone.
 */

struct net_listener;
struct router;

struct binding {
	struct sockaddr_storage wanted; /* as configured: the port may be 0 */
	struct sockaddr_storage bound;
	const struct router *_Atomic router;
	atomic_uint references;
};

/* With one reference, the caller's. NULL: no memory. */
struct binding *binding_new(const struct net_listener *listener);
struct binding *binding_ref(struct binding *binding);
void binding_unref(struct binding *binding); /* the last one frees */

/* Valid until the end of the read section (zones/store/reader.h) it is called in. */
static inline const struct router *binding_router(const struct binding *binding)
{
	return atomic_load_explicit(&binding->router, memory_order_acquire);
}

/* Control thread; the router before it is free after a grace period. */
static inline void binding_set_router(
	struct binding *binding, const struct router *router)
{
	atomic_store_explicit(&binding->router, router, memory_order_release);
}
