/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/store/reader.h"

#include <urcu/urcu-memb.h>

#include "zones/store/grace.h"

/*
 * liburcu is not instrumented, so ThreadSanitizer cannot see that the end of a read
 * section happens before the end of the grace period that waited for it. It is told.
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
static void read_section_ends(void)
{
	__tsan_release(&order);
}
static void grace_period_ends(void)
{
	__tsan_acquire(&order);
}
#else
static inline void read_section_ends(void)
{
}
static inline void grace_period_ends(void)
{
}
#endif

void store_reader_register(void)
{
	urcu_memb_register_thread();
}

void store_reader_unregister(void)
{
	urcu_memb_unregister_thread();
}

void store_read_lock(void)
{
	urcu_memb_read_lock();
}

void store_read_unlock(void)
{
	read_section_ends();
	urcu_memb_read_unlock();
}

void grace_wait(void)
{
	urcu_memb_synchronize_rcu();
	grace_period_ends();
}

void store_reader_wait(void)
{
	grace_wait();
}
