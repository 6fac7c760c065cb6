/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "server/base/log.h"

static void random_fill(struct random_pool *pool)
{
	size_t have = 0;
	while (have < sizeof(pool->bytes)) {
		ssize_t got =
			getrandom(pool->bytes + have, sizeof(pool->bytes) - have, 0);
		/* Cannot fail otherwise once the pool of the kernel is ready, which
		 * hash_key_init has seen. */
		if (got < 0 && errno != EINTR)
			log_fatal("no random numbers from the kernel");
		have += got > 0 ? (size_t)got : 0;
	}
	pool->left = sizeof(pool->bytes);
}

static void random_take(struct random_pool *pool, void *out, uint16_t size)
{
	if (pool->left < size)
		random_fill(pool);
	pool->left = (uint16_t)(pool->left - size);
	memcpy(out, pool->bytes + pool->left, size);
	explicit_bzero(pool->bytes + pool->left, size);
}

uint16_t random_u16(struct random_pool *pool)
{
	uint16_t value;
	random_take(pool, &value, sizeof(value));
	return value;
}

uint32_t random_u32(struct random_pool *pool)
{
	uint32_t value;
	random_take(pool, &value, sizeof(value));
	return value;
}

uint64_t random_u64(struct random_pool *pool)
{
	uint64_t value;
	random_take(pool, &value, sizeof(value));
	return value;
}

uint32_t random_below(struct random_pool *pool, uint32_t bound)
{
	return (uint32_t)((uint64_t)random_u32(pool) * bound >> 32);
}
