/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/compare.h"

#include <event2/event.h>
#include <stdlib.h>

#include "zones/source/kube/kube_internal.h"

#define ACCEPT_NAMES "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

enum { STATUS_OK = 200, SILENCE_MS = 75000, UNKNOWN = -1 };

static void compare_wait(struct compare *compare, int64_t wait_ms)
{
	const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	if (event_add(compare->timer, &wait))
		log_error("%s: not compared any more: out of memory",
			compare->reflector->resource->name);
}

/* Until the next one; replicas are not to ask together. */
static void compare_rest(struct compare *compare)
{
	int64_t rest_ms = compare->reflector->source->options->compare_ms;
	free(compare->suspects);
	compare->suspects = NULL;
	compare->suspect_count = 0;
	if (rest_ms)
		compare_wait(compare, rest_ms + backoff_between(0, rest_ms / 10));
}

/* The reflector follows what it has loaded, and loads nothing anew. */
static bool compare_is_timely(const struct compare *compare)
{
	return compare->reflector->phase == REFLECT_WATCHING &&
	       compare->reflector->is_loaded;
}

/* --- what the server has --- */

static enum err suspect(struct compare *compare, uint64_t id, int64_t version)
{
	if (compare->suspect_count++ >= COMPARE_SUSPECTS_MAX)
		return ERR_NONE;
	if (!compare->suspects)
		compare->suspects =
			calloc(COMPARE_SUSPECTS_MAX, sizeof(*compare->suspects));
	if (!compare->suspects)
		return ERR_NOMEM;
	compare->suspects[compare->suspect_count - 1] =
		(struct compare_suspect){id, version};
	return ERR_NONE;
}

static enum err on_item(void *context, char *text, size_t length)
{
	struct compare *compare = context;
	struct known *known = &compare->reflector->known;
	const char *ns, *name, *text_version;
	/* A load that has begun meanwhile marks what is there now by itself. */
	if (compare->reflector->loads != compare->loads)
		return ERR_NOTFOUND;
	enum err err = reflector_read_item(
		compare->reflector, text, length, &ns, &name, &text_version);
	if (err || !name)
		return err;
	uint64_t id = known_id(known, ns, name);
	uint32_t ours;
	if (!known_mark(known, id, &ours))
		return suspect(compare, id, UNKNOWN);
	return ours == known_version(text_version) ? ERR_NONE
						   : suspect(compare, id, ours);
}

static enum err on_list(void *context, char *text, size_t length)
{
	struct compare *compare = context;
	(void)text;
	(void)length;
	compare->has_list = true;
	return ERR_NONE;
}

static enum err on_unmarked(void *context, uint64_t id, uint32_t version)
{
	return suspect(context, id, version);
}

static void on_head(void *context, int status)
{
	struct compare *compare = context;
	compare->status = status;
}

static enum err on_body(void *context, const char *bytes, size_t length)
{
	struct compare *compare = context;
	if (compare->status != STATUS_OK)
		return reflector_keep_refusal(&compare->refusal, bytes, length);
	return split_feed(&compare->split, bytes, length);
}

static void on_done(void *context, const struct fetch_result *result)
{
	struct compare *compare = context;
	struct reflector *reflector = compare->reflector;
	compare->fetch = NULL;
	bool is_good = compare->status == STATUS_OK && !result->problem &&
		       compare->has_list && split_is_complete(&compare->split) &&
		       reflector->loads == compare->loads;
	split_deinit(&compare->split);
	/* Not compared without the field: what is known was asked for with it. */
	if (compare_is_timely(compare) &&
		reflector_drop_field(reflector, compare->status, &compare->refusal))
		reflector_reload(reflector);
	if (is_good)
		is_good = !known_each_unmarked(&reflector->known, on_unmarked, compare);
	/* What could not be compared is compared the next time. */
	if (is_good && compare->suspect_count)
		compare_wait(compare, COMPARE_PATIENCE_MS);
	else
		compare_rest(compare);
}

static void compare_start(struct compare *compare)
{
	struct reflector *reflector = compare->reflector;
	const struct kube_query query = {
		.version = reflector->version,
		.is_not_older = true,
		.takes_other_path = reflector->takes_other_path,
		.takes_older_fields = reflector->takes_older_fields,
	};
	char *path = kube_resource_path(
		reflector->resource, reflector->source->options, &query);
	const struct fetch_request request = {
		.path = path,
		.accept = ACCEPT_NAMES,
		.may_be_gzip = true,
		.silence_ms = SILENCE_MS,
	};
	const struct fetch_events events = {compare, on_head, on_body, on_done};
	const struct split_sink sink = {compare, on_item, on_list};
	int64_t wait_ms = 0;
	compare->status = 0;
	compare->refusal.used = 0;
	compare->has_list = false;
	compare->loads = reflector->loads;
	split_init(&compare->split, true, &sink);
	known_begin(&reflector->known);
	enum err err = path ? kube_request(reflector->source, &request, &events,
				      &compare->fetch, &wait_ms)
			    : ERR_NOMEM;
	free(path);
	if (err)
		compare_rest(compare);
	else if (wait_ms)
		compare_wait(compare, wait_ms);
}

/* --- what differs still --- */

static size_t count_missed(const struct compare *compare)
{
	size_t missed = 0;
	for (size_t i = 0; i < compare->suspect_count; i++) {
		if (i == COMPARE_SUSPECTS_MAX)
			return compare->suspect_count;
		const struct compare_suspect *suspect = &compare->suspects[i];
		uint32_t version;
		bool is_known =
			known_find_id(&compare->reflector->known, suspect->id, &version);
		missed += (is_known ? (int64_t)version : UNKNOWN) == suspect->version;
	}
	return missed;
}

static void compare_judge(struct compare *compare)
{
	struct reflector *reflector = compare->reflector;
	size_t missed = reflector->loads == compare->loads ? count_missed(compare) : 0;
	compare_rest(compare);
	if (!missed)
		return;
	reflector->source->repairs++;
	log_warn("%s: %zu objects are not as the API server has them, though their watch "
		 "has said nothing of it; loading them anew",
		reflector->resource->name, missed);
	reflector_reload(reflector);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct compare *compare = context;
	if (!compare_is_timely(compare))
		compare_rest(compare);
	else if (compare->suspect_count)
		compare_judge(compare);
	else
		compare_start(compare);
}

void compare_init(struct compare *compare, struct reflector *reflector)
{
	*compare = (struct compare){.reflector = reflector};
}

void compare_deinit(struct compare *compare)
{
	fetch_cancel(compare->fetch);
	if (compare->timer)
		event_free(compare->timer);
	split_deinit(&compare->split);
	free(compare->refusal.text);
	free(compare->suspects);
}

enum err compare_attach(struct compare *compare, struct event_base *base)
{
	if (compare->timer)
		event_free(compare->timer);
	compare->timer = evtimer_new(base, on_timer, compare);
	if (!compare->timer)
		return ERR_NOMEM;
	if (!compare->fetch)
		compare_rest(compare);
	return ERR_NONE;
}
