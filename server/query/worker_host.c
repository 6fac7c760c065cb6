/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/worker_host.h"

#include "server/query/plugin.h"
#include "zones/store/reader.h"

void query_guest_join(struct query_worker *worker, struct query_guest *guest,
	const struct server_block *block)
{
	guest->configuration = block->suspended;
	LIST_INSERT_HEAD(&worker->guests, guest, link);
}

void query_worker_evict(struct query_worker *worker, const void *configuration)
{
	store_read_lock();
	struct query_guest *next;
	for (struct query_guest *guest = LIST_FIRST(&worker->guests); guest;
		guest = next) {
		next = LIST_NEXT(guest, link);
		if (configuration && guest->configuration != configuration)
			continue;
		LIST_REMOVE(guest, link);
		guest->leave(guest);
	}
	store_read_unlock();
}
