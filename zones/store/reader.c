/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/store/reader.h"

#include <stdbool.h>
#include <stddef.h>

#include <urcu/urcu-memb.h>

#include "zones/store/grace.h"

/*
 * liburcu is not instrumented, so ThreadSanitizer cannot see that the end of a read
 * section happens before the end of the grace period that waited for it, nor what it
 * hands over to its own thread. It is told.
 */
#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
static char order;
static void hands_over(void)
{
	__tsan_release(&order);
}
static void takes_over(void)
{
	__tsan_acquire(&order);
}
#else
static inline void hands_over(void)
{
}
static inline void takes_over(void)
{
}
#endif

static _Thread_local bool is_registered;

void store_reader_register(void)
{
	urcu_memb_register_thread();
	is_registered = true;
}

void store_reader_unregister(void)
{
	is_registered = false;
	urcu_memb_unregister_thread();
}

void store_read_lock(void)
{
	urcu_memb_read_lock();
}

void store_read_unlock(void)
{
	hands_over();
	urcu_memb_read_unlock();
}

void grace_wait(void)
{
	urcu_memb_synchronize_rcu();
	takes_over();
}

void store_reader_wait(void)
{
	grace_wait();
}

/* --- what is released later --- */

_Static_assert(sizeof(struct rcu_head) <= offsetof(struct store_deferred, release),
	"the head of liburcu's list has room");

static void deferred_release(struct rcu_head *head)
{
	struct store_deferred *deferred = (struct store_deferred *)(void *)head;
	takes_over();
	deferred->release(deferred);
	hands_over();
}

void store_defer(
	struct store_deferred *deferred, void (*release)(struct store_deferred *deferred))
{
	/* Liburcu takes nothing from a thread that it does not know. */
	bool is_guest = !is_registered;
	if (is_guest)
		store_reader_register();
	deferred->release = release;
	hands_over();
	urcu_memb_call_rcu((struct rcu_head *)(void *)deferred, deferred_release);
	if (is_guest)
		store_reader_unregister();
}

void store_defer_wait(void)
{
	urcu_memb_barrier();
	takes_over();
}
