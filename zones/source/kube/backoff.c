/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/backoff.h"

#include "server/base/hash.h"

int64_t backoff_between(int64_t low, int64_t high)
{
	struct hash_key random;
	hash_key_init(&random);
	return low + (int64_t)(random.k0 % (uint64_t)(high - low + 1));
}

int64_t backoff_wait_ms(struct backoff *backoff, int64_t at_least_ms)
{
	int64_t wait_ms = backoff->next_ms ? backoff->next_ms : BACKOFF_MIN_MS;
	backoff->next_ms =
		wait_ms < BACKOFF_MAX_MS / 2 ? wait_ms * 2 : (int64_t)BACKOFF_MAX_MS;
	/* Who asks for a time is not to be asked earlier. */
	int64_t jitter_ms = backoff_between(-wait_ms / 4, wait_ms / 4);
	wait_ms = wait_ms + jitter_ms < BACKOFF_MAX_MS ? wait_ms + jitter_ms
						       : (int64_t)BACKOFF_MAX_MS;
	if (wait_ms < at_least_ms)
		wait_ms = at_least_ms + backoff_between(0, at_least_ms / 4);
	return wait_ms;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->next_ms = 0;
}
