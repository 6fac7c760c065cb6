/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/upstream.h"

#include <stdlib.h>

enum { NS_PER_US = 1000, NS_PER_MS = 1000000, US_PER_MS = 1000 };

void rtt_add(struct rtt *rtt, int64_t sample_ns)
{
	int32_t ceiling = 10 * RTT_CEILING_MS * US_PER_MS;
	int64_t us = sample_ns / NS_PER_US;
	int32_t sample = us > ceiling ? ceiling : us < 1 ? 1 : (int32_t)us;
	if (!rtt->smoothed) {
		rtt->smoothed = sample;
		rtt->variation = sample / 2;
		return;
	}
	int32_t error = sample - rtt->smoothed;
	rtt->variation += (abs(error) - rtt->variation) / 4;
	rtt->smoothed += error / 8;
	if (rtt->smoothed < 1)
		rtt->smoothed = 1;
}

int64_t rtt_patience_ns(const struct rtt *rtt)
{
	int64_t ms = RTT_FIRST_MS;
	if (rtt->smoothed)
		ms = (rtt->smoothed + 4 * (int64_t)rtt->variation) / US_PER_MS;
	ms = ms < RTT_FLOOR_MS ? RTT_FLOOR_MS : ms;
	return (ms > RTT_CEILING_MS ? RTT_CEILING_MS : ms) * NS_PER_MS;
}

bool upstream_is_plain(const struct upstream *upstream, int64_t now_ns)
{
	return upstream->plain_ns &&
	       now_ns - upstream->plain_ns < PLAIN_MS * (int64_t)NS_PER_MS;
}

bool upstream_is_suspect(const struct upstream *upstream, int64_t now_ns)
{
	if (!upstream->suspect_ns)
		return false;
	int64_t ms = SUSPECT_MS;
	for (unsigned i = 1; i < upstream->relapses && ms < SUSPECT_MAX_MS; i++)
		ms *= 2;
	ms = ms < SUSPECT_MAX_MS ? ms : SUSPECT_MAX_MS;
	return now_ns - upstream->suspect_ns < ms * NS_PER_MS;
}

void upstream_hear(struct upstream *upstream, int64_t sent_ns, int64_t now_ns)
{
	rtt_add(&upstream->rtt, now_ns - sent_ns);
	upstream->heard_ns = now_ns;
	upstream->suspect_ns = 0;
	upstream->relapses = 0;
}

/* Others that were sent later may have been answered: then this one is only slow. */
bool upstream_miss(struct upstream *upstream, int64_t sent_ns, int64_t now_ns)
{
	if (upstream->heard_ns >= sent_ns || upstream->suspect_ns >= sent_ns)
		return false;
	upstream->suspect_ns = now_ns;
	upstream->relapses++;
	return true;
}

/* The first of the set behind the policy's beginning. */
static int first_of(const struct pick *pick, uint32_t set)
{
	for (unsigned i = 0; i < pick->count; i++) {
		unsigned index = (pick->first + i) % pick->count;
		if (set >> index & 1)
			return (int)index;
	}
	return -1;
}

int pick_next(const struct pick *pick)
{
	uint32_t open = ~pick->tried;
	int found = first_of(pick, open & ~pick->suspect & ~pick->down);
	if (found < 0)
		found = first_of(pick, open & ~pick->down);
	return found < 0 ? first_of(pick, open) : found;
}
