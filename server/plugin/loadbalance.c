/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/loadbalance.h"

/* Even, not unguessable: SplitMix64, seeded by each worker with the keyed hash of the
 * first name that it is asked for. */
static uint32_t next_rotation(const struct query *query)
{
	static _Thread_local uint64_t state;
	if (!state)
		state = query->request.hash;
	uint64_t z = state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)(z >> 32);
}

static enum verdict loadbalance_plugin_query(void *instance, struct query *query)
{
	query->reply.rotation = next_rotation(query);
	query->reply.preference = instance;
	return VERDICT_NEXT;
}

struct plugin_instance loadbalance_plugin_instance(
	const struct reply_preference *preference)
{
	static const struct plugin_ops ops = {
		.name = "loadbalance", .query = loadbalance_plugin_query};
	return (struct plugin_instance){&ops, (void *)preference};
}
