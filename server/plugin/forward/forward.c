/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/forward.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/base/counter.h"
#include "server/plugin/forward/forward_series.h"
#include "server/plugin/forward/guest.h"

static bool is_within_any(
	const struct dname *name, const struct dname *zones, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (dname_is_within(name, &zones[i]))
			return true;
	return false;
}

bool forward_takes(const struct forward_options *options, const struct dname *name)
{
	return is_within_any(name, options->from, options->from_count) &&
	       !is_within_any(name, options->except, options->except_count);
}

static enum verdict refuse(struct query *query, uint16_t rcode, const char *failure)
{
	reply_clear(&query->reply);
	query->reply.rcode = rcode;
	query->failure = failure;
	return VERDICT_REPLY;
}

static enum verdict forward_plugin_query(void *instance, struct query *query)
{
	struct forward *forward = instance;
	if (!forward_takes(&forward->options, &query->request.name))
		return VERDICT_NEXT;
	/* `waymark lookup` asks nobody else. */
	if (!query->worker)
		return VERDICT_SUSPEND;
	unsigned waiting = atomic_load_explicit(&forward->waiting, memory_order_relaxed);
	struct forward_guest *guest = guest_get(forward, query);
	if (forward->options.max_concurrent &&
		waiting >= forward->options.max_concurrent) {
		if (guest && guest->upstreams[0].counts)
			counter_add(&guest->upstreams[0].counts->rejects, 1);
		return refuse(query, RCODE_REFUSED, NULL);
	}
	if (!guest)
		return refuse(query, RCODE_SERVFAIL, "no memory to ask an upstream with");
	return inquiry_ask(guest, query);
}

static void forward_plugin_free(void *instance)
{
	struct forward *forward = instance;
	for (unsigned i = 0; i < FORWARD_UPSTREAMS_MAX; i++)
		for (unsigned k = 0; k < FAILURES; k++)
			free(forward->texts[i][k]);
	tls_context_free(forward->options.tls);
	free(forward);
}

static const struct plugin_ops forward_plugin_ops = {
	.name = "forward",
	.query = forward_plugin_query,
	.free = forward_plugin_free,
};

/* "i/o timeout" are the words that filters of logs look for. */
static bool write_texts(struct forward *forward, unsigned index)
{
	static const char *const problems[FAILURES] = {
		[FAILURE_TIMEOUT] = "i/o timeout",
		[FAILURE_UNREACHABLE] = "connection refused or broken",
		[FAILURE_MALFORMED] = "malformed reply",
	};
	const char *to = forward->options.upstreams[index].text;
	for (unsigned i = 0; i < FAILURES; i++) {
		char *text;
		if (asprintf(&text, "no answer from %s: %s", to, problems[i]) < 0)
			return false;
		forward->texts[index][i] = text;
	}
	return true;
}

enum err forward_new(const struct forward_options *options, struct plugin_instance *out)
{
	struct forward *forward = calloc(1, sizeof(*forward));
	if (!forward) {
		tls_context_free(options->tls);
		return ERR_NOMEM;
	}
	forward->options = *options;
	for (unsigned i = 0; i < options->upstream_count; i++) {
		if (write_texts(forward, i))
			continue;
		forward_plugin_free(forward);
		return ERR_NOMEM;
	}
	*out = (struct plugin_instance){&forward_plugin_ops, forward};
	return ERR_NONE;
}

const struct forward_options *forward_options_of(const struct plugin_instance *instance)
{
	if (instance->ops != &forward_plugin_ops)
		return NULL;
	return &((const struct forward *)instance->instance)->options;
}
void forward_set_series(const struct plugin_instance *instance, size_t index,
	struct forward_series *series)
{
	struct forward *forward = instance->instance;
	forward->series[index] = series;
}

bool forward_sees_probe(const struct plugin_instance *instance, const struct dname *name)
{
	return instance->ops == &forward_plugin_ops &&
	       probe_recognise(instance->instance, name);
}

struct forward *forward_next(const struct query *query)
{
	const struct server_block *block = query->block;
	if (query->step >= block->chain_length)
		return NULL;
	const struct plugin_instance *next = &block->chain[query->step];
	if (next->ops != &forward_plugin_ops)
		return NULL;
	struct forward *forward = next->instance;
	return forward_takes(&forward->options, &query->request.name) ? forward : NULL;
}
