/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cluster/fake_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/err.h"
#include "zones/source/kube/backoff.h"
#include "zones/source/kube/fetch.h"

enum { EVENTS_MAX = 64, FETCHES_MAX = 16, RESOURCES_MAX = 4, LINE_SIZE = 1024 };

struct event_line {
	const char *type;
	unsigned resource;
	char names[128], object[LINE_SIZE];
};

struct fetch {
	bool is_used, is_answered, is_watch;
	unsigned resource;
	char path[512];
	struct fetch_events events;
};

struct fetch_client {
	struct fetch_client_options options;
};

static const char *const resources[RESOURCES_MAX] = {
	"namespaces", "services", "endpointslices", "pods"};

static struct {
	struct event_line events[EVENTS_MAX];
	unsigned version; /* events that there were */
	unsigned oldest;  /* version that a watch may go on from */
	struct fetch fetches[FETCHES_MAX];
	bool is_forbidden[RESOURCES_MAX];
	unsigned loads[RESOURCES_MAX];
	bool is_gap;
	struct fetch_client client;
	struct fetch_counters counters;
} fake;

static unsigned find_resource(const char *name)
{
	unsigned i = 0;
	while (i < RESOURCES_MAX && strcmp(resources[i], name) != 0)
		i++;
	if (i == RESOURCES_MAX)
		abort();
	return i;
}

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
}

unsigned fake_loads(const char *resource)
{
	return fake.loads[find_resource(resource)];
}

static void settle(void)
{
	if (fake.client.options.settled)
		fake.client.options.settled(fake.client.options.context);
}

static void end(struct fetch *fetch, int status, const char *problem)
{
	const struct fetch_result result = {.status = status, .problem = problem};
	fetch->events.done(fetch->events.context, &result);
	fetch->is_used = false;
	settle();
}

/* False: the request has ended. */
static bool send(struct fetch *fetch, const char *text)
{
	if (!fetch->events.body(fetch->events.context, text, strlen(text)))
		return true;
	end(fetch, 200, "the reader has stopped");
	return false;
}

static bool send_event(struct fetch *fetch, const char *type, const char *object)
{
	char line[LINE_SIZE + 64];
	snprintf(line, sizeof(line), "{\"type\":\"%s\",\"object\":%s}\n", type, object);
	return send(fetch, line);
}

/* It is the last word on this object, and the object is there. */
static bool is_in_force(unsigned index)
{
	const struct event_line *line = &fake.events[index];
	for (unsigned i = index + 1; i < fake.version; i++)
		if (fake.events[i].resource == line->resource &&
			strcmp(fake.events[i].names, line->names) == 0)
			return false;
	return strcmp(line->type, "DELETED") != 0;
}

static void answer_forbidden(struct fetch *fetch)
{
	static const char body[] =
		"{\"kind\":\"Status\",\"code\":403,\"message\":\"no\"}";
	fetch->events.head(fetch->events.context, 403);
	if (fetch->events.body(fetch->events.context, body, strlen(body)))
		abort();
	end(fetch, 403, NULL);
}

static void answer_streaming(struct fetch *fetch)
{
	char bookmark[256];
	fake.loads[fetch->resource]++;
	for (unsigned i = 0; i < fake.version; i++)
		if (fake.events[i].resource == fetch->resource && is_in_force(i) &&
			!send_event(fetch, "ADDED", fake.events[i].object))
			return;
	snprintf(bookmark, sizeof(bookmark),
		"{\"metadata\":{\"resourceVersion\":\"%u\",\"annotations\":{"
		"\"k8s.io/initial-events-end\":\"true\"}}}",
		fake.version);
	if (send_event(fetch, "BOOKMARK", bookmark))
		settle();
}

static void answer_list(struct fetch *fetch)
{
	char head[128];
	bool is_first = true;
	fake.loads[fetch->resource]++;
	snprintf(head, sizeof(head),
		"{\"metadata\":{\"resourceVersion\":\"%u\"},\"items\":[", fake.version);
	if (!send(fetch, head))
		return;
	for (unsigned i = 0; i < fake.version; i++) {
		if (fake.events[i].resource != fetch->resource || !is_in_force(i))
			continue;
		if ((!is_first && !send(fetch, ",")) ||
			!send(fetch, fake.events[i].object))
			return;
		is_first = false;
	}
	if (send(fetch, "]}"))
		end(fetch, 200, NULL);
}

static void answer_watch(struct fetch *fetch, unsigned from)
{
	if (from < fake.oldest) {
		send_event(fetch, "ERROR", "{\"code\":410,\"message\":\"too old\"}");
		return;
	}
	for (unsigned i = from; i < fake.version; i++)
		if (fake.events[i].resource == fetch->resource &&
			!send_event(fetch, fake.events[i].type, fake.events[i].object))
			return;
	settle();
}

void fake_answer(void)
{
	for (unsigned i = 0; i < FETCHES_MAX; i++) {
		struct fetch *fetch = &fake.fetches[i];
		if (!fetch->is_used || fetch->is_answered)
			continue;
		fetch->is_answered = true;
		if (fake.is_forbidden[fetch->resource]) {
			answer_forbidden(fetch);
			continue;
		}
		const char *from = strstr(fetch->path, "resourceVersion=");
		fetch->events.head(fetch->events.context, 200);
		if (!fetch->is_watch)
			answer_list(fetch);
		else if (from)
			answer_watch(fetch, (unsigned)strtoul(from + 16, NULL, 10));
		else
			answer_streaming(fetch);
	}
}

void fake_forbid(const char *resource, bool is_forbidden)
{
	unsigned number = find_resource(resource);
	fake.is_forbidden[number] = is_forbidden;
	for (unsigned i = 0; i < FETCHES_MAX && is_forbidden; i++) {
		struct fetch *fetch = &fake.fetches[i];
		if (fetch->is_used && fetch->is_answered && fetch->resource == number)
			end(fetch, 200, NULL);
	}
}

void fake_gap(bool is_gap)
{
	fake.is_gap = is_gap;
}

void fake_event(const char *type, const char *resource, const char *ns, const char *name,
	const char *rest)
{
	if (fake.version == EVENTS_MAX)
		abort();
	struct event_line *line = &fake.events[fake.version++];
	line->type = type;
	line->resource = find_resource(resource);
	snprintf(line->names, sizeof(line->names), "%s/%s", ns, name);
	snprintf(line->object, sizeof(line->object),
		"{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\","
		"\"resourceVersion\":\"%u\"%s}%s}",
		ns, name, fake.version,
		line->resource == 2
			? ",\"labels\":{\"kubernetes.io/service-name\":\"head\"}"
			: "",
		rest);
	for (unsigned i = 0; i < FETCHES_MAX && !fake.is_gap; i++) {
		struct fetch *fetch = &fake.fetches[i];
		if (fetch->is_used && fetch->is_answered &&
			fetch->resource == line->resource &&
			send_event(fetch, type, line->object))
			settle();
	}
}

void fake_compact(void)
{
	fake.oldest = fake.version;
	for (unsigned i = 0; i < FETCHES_MAX; i++) {
		struct fetch *fetch = &fake.fetches[i];
		if (fetch->is_used && fetch->is_answered)
			send_event(
				fetch, "ERROR", "{\"code\":410,\"message\":\"too old\"}");
	}
}

/* --- in place of fetch.c --- */

const double fetch_bounds[FETCH_BUCKETS - 1] = {1};

const char *fetch_code_text(unsigned index)
{
	(void)index;
	return "";
}

enum err fetch_client_new(const struct fetch_client_options *options,
	struct event_base *base, struct fetch_client **out, const char **problem)
{
	(void)base;
	(void)problem;
	fake.client.options = *options;
	*out = &fake.client;
	return ERR_NONE;
}

void fetch_client_identify(struct fetch_client *client,
	const struct fetch_secret *certificate, const struct fetch_secret *key)
{
	client->options.server.certificate = *certificate;
	client->options.server.key = *key;
}

void fetch_client_free(struct fetch_client *client)
{
	(void)client;
}

enum err fetch_client_move(struct fetch_client *client, struct event_base *base)
{
	(void)client;
	(void)base;
	return ERR_NONE;
}

void fetch_client_host(const struct fetch_client *client, char *out, size_t size)
{
	(void)client;
	snprintf(out, size, "fake:443");
}

unsigned fetch_client_pending(const struct fetch_client *client)
{
	(void)client;
	return 0;
}

const struct fetch_counters *fetch_client_counters(const struct fetch_client *client)
{
	(void)client;
	return &fake.counters;
}

enum err fetch_start(struct fetch_client *client, const struct fetch_request *request,
	const struct fetch_events *events, struct fetch **out)
{
	(void)client;
	struct fetch *fetch = fake.fetches;
	while (fetch->is_used)
		if (++fetch == fake.fetches + FETCHES_MAX)
			abort();
	*fetch = (struct fetch){.is_used = true, .events = *events};
	snprintf(fetch->path, sizeof(fetch->path), "%s", request->path);
	fetch->is_watch = strstr(fetch->path, "watch=true") != NULL;
	while (!strstr(fetch->path, resources[fetch->resource]))
		fetch->resource++;
	*out = fetch;
	return ERR_NONE;
}

void fetch_set_silence(struct fetch *fetch, int64_t silence_ms)
{
	(void)fetch;
	(void)silence_ms;
}

void fetch_cancel(struct fetch *fetch)
{
	if (fetch)
		fetch->is_used = false;
}

/* --- in place of backoff.c --- */

int64_t backoff_between(int64_t low, int64_t high)
{
	(void)high;
	return low;
}

int64_t backoff_wait_ms(struct backoff *backoff, int64_t at_least_ms)
{
	(void)backoff;
	(void)at_least_ms;
	return 1;
}

void backoff_reset(struct backoff *backoff)
{
	(void)backoff;
}
