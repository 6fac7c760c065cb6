/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/binding.h"

#include <stdlib.h>

#include "server/net/workers.h"

struct binding *binding_new(const struct net_listener *listener)
{
	struct binding *binding = calloc(1, sizeof(*binding));
	if (!binding)
		return NULL;
	binding->wanted = binding->bound = listener->address;
	atomic_init(&binding->router, listener->router);
	atomic_init(&binding->references, 1);
	return binding;
}

struct binding *binding_ref(struct binding *binding)
{
	atomic_fetch_add_explicit(&binding->references, 1, memory_order_relaxed);
	return binding;
}

void binding_unref(struct binding *binding)
{
	if (binding && atomic_fetch_sub_explicit(
			       &binding->references, 1, memory_order_acq_rel) == 1)
		free(binding);
}
