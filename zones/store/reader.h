/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The reader's side of RCU: what a worker finds in a store stays as it is until the end
 * of its read section. Each worker registers its thread once and opens one read section
 * for a whole batch of queries. Nothing here fails, and only what is called wait does.
 */

void store_reader_register(void);
void store_reader_unregister(void);
void store_read_lock(void);
void store_read_unlock(void);

/* For who has taken something else out of the workers' sight: returns when every read
 * section that was open at the call has ended. Not from inside one. */
void store_reader_wait(void);

/* Embedded in what readers may still see when it has been unlinked. */
struct store_deferred {
	void *private[2];
	void (*release)(struct store_deferred *deferred);
};

/* Calls `release` when every read section that is open now has ended, on a thread of its
 * own. Any thread, in a read section or not. */
void store_defer(struct store_deferred *deferred,
	void (*release)(struct store_deferred *deferred));

/* Returns when what was deferred before has been released. Not in a read section. */
void store_defer_wait(void);
