/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/kube.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "zones/source/kube/kube_internal.h"

enum {
	ARENA_BLOCK = 64 * 1024,
	TELL_INTERVAL_MS = 10000,
	INFLIGHT_WAIT_MS = 20,
	QPS_DEFAULT = 5, /* where only the burst is limited, as client-go has it */
	BURST_DEFAULT = 10,
};

/* --- objects --- */

static enum err on_decoded(void *context, const struct object *decoded)
{
	struct kube_source *source = context;
	source->was_delivered = true;
	return source->sink.upsert(source->sink.context, decoded);
}

enum err kube_deliver(struct kube_source *source, const struct node *object,
	const struct kube_resource *resource)
{
	source->was_delivered = false;
	enum err err = decode_one(&source->decode, object, resource->kind);
	if (err)
		return err;
	source->is_dirty = true;
	/* Invalid, or of no service: what it was before counts no more. */
	const struct object *decoded = &source->decode.object;
	if (!source->was_delivered && *decoded->name)
		return source->sink.remove(
			source->sink.context, resource->kind, decoded->ns, decoded->name);
	return ERR_NONE;
}

/* Problems with objects; an object that is written every second is not told of as often.
 */
static void tell_problems(struct kube_source *source)
{
	int64_t now_ms = clock_now_ms();
	if (source->problems.count || source->problems.unstored) {
		source->sink.report(source->sink.context, &source->problems);
		diag_list_deinit(&source->problems);
		diag_list_init(&source->problems);
	}
	if (now_ms < source->tell_ms)
		return;
	source->tell_ms = now_ms + TELL_INTERVAL_MS;
	if (source->decode.problems_untold)
		log_warn("%zu more problems with objects of the API server",
			source->decode.problems_untold);
	source->decode.problems_told = source->decode.problems_untold = 0;
}

/* --- the whole --- */

void kube_loaded(struct kube_source *source)
{
	for (unsigned i = 0; i < source->reflector_count; i++)
		if (!source->reflectors[i].is_loaded)
			return;
	source->is_complete = true;
}

void kube_unauthorized(struct kube_source *source)
{
	access_forget(&source->access);
}

/* The kinds that are forbidden where nothing else is left to be loaded. */
static unsigned denied_kinds(const struct kube_source *source)
{
	unsigned kinds = 0;
	for (unsigned i = 0; i < source->reflector_count && !source->is_synced; i++) {
		const struct reflector *reflector = &source->reflectors[i];
		if (!reflector->is_loaded && !reflector->is_denied)
			return 0;
		if (!reflector->is_loaded)
			kinds |= 1u << reflector->resource->kind;
	}
	return kinds;
}

/* What was forbidden comes by now, and is not to be answered in halves. */
static bool is_coming(const struct kube_source *source)
{
	for (unsigned i = 0; i < source->reflector_count; i++)
		if (!source->reflectors[i].is_loaded && source->reflectors[i].known.count)
			return true;
	return false;
}

/* What came in one go is published at once: no time for gathering is lost. */
static void on_settled(void *context)
{
	struct kube_source *source = context;
	bool is_first = source->is_complete && !source->is_synced;
	unsigned denied = denied_kinds(source);
	bool is_answered = source->is_synced || (denied && !is_coming(source));
	tell_problems(source);
	if (is_first || (source->is_dirty && is_answered)) {
		source->is_dirty = false;
		source->sink.commit(source->sink.context);
	}
	if (is_first) {
		source->is_synced = true;
		source->sink.synced(source->sink.context, true);
	} else if (denied != source->denied) {
		source->denied = denied;
		source->sink.denied(source->sink.context, denied);
	}
}

/* A bucket that fills at `qps` and holds `burst`, as client-go has it. */
static int64_t rate_wait_ms(struct kube_source *source)
{
	const struct kube_options *options = source->options;
	double burst = options->burst ? options->burst : BURST_DEFAULT;
	double qps = options->qps > 0 ? options->qps : options->burst ? QPS_DEFAULT : 0;
	int64_t now_ms = clock_now_ms();
	if (qps <= 0)
		return 0;
	source->tokens += (double)(now_ms - source->tokens_ms) * qps / 1000;
	source->tokens = source->tokens > burst ? burst : source->tokens;
	source->tokens_ms = now_ms;
	if (source->tokens < 1)
		return (int64_t)((1 - source->tokens) * 1000 / qps) + 1;
	source->tokens -= 1;
	return 0;
}

static void on_credentials(
	void *context, const struct exec_credentials *credentials, const char *problem)
{
	struct kube_source *source = context;
	const struct kube_access *access = &source->access;
	int64_t wait_ms = 0;
	if (credentials)
		backoff_reset(&source->exec_backoff);
	else
		wait_ms = backoff_wait_ms(&source->exec_backoff, 0);
	if (problem)
		log_warn("\"%s\" did not say who we are to the API server: %s; trying "
			 "again in %.1f s",
			access->program.command, problem, (double)wait_ms / 1000);
	if (access->certificate) {
		const struct fetch_secret certificate = {.data = access->certificate,
			.length = strlen(access->certificate)};
		const struct fetch_secret key = {
			.data = access->key, .length = strlen(access->key)};
		fetch_client_identify(source->client, &certificate, &key);
	}
	for (unsigned i = 0; i < source->reflector_count; i++)
		reflector_kick(&source->reflectors[i], wait_ms, problem);
}

/* Zero: a request may be made. */
static int64_t request_wait_ms(struct kube_source *source)
{
	unsigned inflight = source->options->inflight;
	if (!access_is_ready(&source->access)) {
		if (!access_run(&source->access, source->base, on_credentials, source))
			return EXEC_TIMEOUT_MS + 1000;
		int64_t wait_ms = backoff_wait_ms(&source->exec_backoff, 0);
		log_warn("cannot run \"%s\" for credentials: %s; trying again in %.1f s",
			source->access.program.command, strerror(errno),
			(double)wait_ms / 1000);
		return wait_ms;
	}
	if (inflight && fetch_client_pending(source->client) >= inflight)
		return INFLIGHT_WAIT_MS;
	return rate_wait_ms(source);
}

enum err kube_request(struct kube_source *source, const struct fetch_request *request,
	const struct fetch_events *events, struct fetch **out, int64_t *wait_ms)
{
	*wait_ms = request_wait_ms(source);
	if (*wait_ms)
		return ERR_NONE;
	struct fetch_request authorized = *request;
	authorized.authorization = access_authorization(&source->access);
	return fetch_start(source->client, &authorized, events, out);
}

bool kube_options_lack_pod(const struct kube_options *options)
{
	return access_lacks_pod(options);
}

struct kube_source *kube_source_new(const struct kube_options *options,
	const struct hash_key *key, const struct source_sink *sink)
{
	struct kube_source *source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->options = options;
	source->sink = *sink;
	source->key = *key;
	source->tokens = (double)(options->burst ? options->burst : BURST_DEFAULT);
	source->tokens_ms = clock_now_ms();
	access_init(&source->access);
	arena_init(&source->arena, ARENA_BLOCK);
	diag_list_init(&source->problems);
	decode_init(&source->decode, NULL, &source->problems);
	source->decode.deliver = on_decoded;
	source->decode.context = source;
	for (unsigned i = 0; i < KUBE_RESOURCES; i++)
		if (kube_resources[i].is_needed(options))
			reflector_init(&source->reflectors[source->reflector_count++],
				source, &kube_resources[i]);
	return source;
}

void kube_source_free(struct kube_source *source)
{
	if (!source)
		return;
	for (unsigned i = 0; i < source->reflector_count; i++)
		reflector_deinit(&source->reflectors[i]);
	fetch_client_free(source->client);
	access_deinit(&source->access);
	if (source->own_base)
		event_base_free(source->own_base);
	decode_deinit(&source->decode);
	diag_list_deinit(&source->problems);
	arena_deinit(&source->arena);
	free(source);
}

static enum err kube_connect(struct kube_source *source, struct event_base *base)
{
	const char *problem = NULL;
	enum err err = access_read(&source->access, source->options, &source->problems);
	const struct fetch_client_options client_options = {
		.server = source->access.server,
		.settled = on_settled,
		.context = source,
	};
	if (!err)
		err = fetch_client_new(&client_options, base, &source->client, &problem);
	if (!err)
		fetch_client_host(source->client, source->host, sizeof(source->host));
	if (err == ERR_NOTFOUND) {
		diag_add(&source->problems, SEVERITY_ERROR, NULL, 0, 0,
			"no libcurl to reach the API server with: %s", problem);
		err = ERR_INVALID;
	}
	tell_problems(source);
	return err;
}

static enum err kube_attach(struct kube_source *source, struct event_base *base)
{
	access_stop(&source->access);
	source->base = base;
	enum err err = source->client ? fetch_client_move(source->client, base)
				      : kube_connect(source, base);
	for (unsigned i = 0; i < source->reflector_count && !err; i++)
		err = reflector_attach(&source->reflectors[i], base);
	return err;
}

enum err kube_source_start(struct kube_source *source, struct event_base *base)
{
	enum err err = kube_attach(source, base);
	if (!err && source->own_base) {
		event_base_free(source->own_base);
		source->own_base = NULL;
	}
	return err;
}

enum err kube_source_load(struct kube_source *source, int64_t timeout_ms)
{
	const struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	source->own_base = event_base_new();
	if (!source->own_base || event_base_loopexit(source->own_base, &wait))
		return ERR_NOMEM;
	enum err err = kube_attach(source, source->own_base);
	while (!err && !source->is_synced && !event_base_got_exit(source->own_base))
		if (event_base_loop(source->own_base, EVLOOP_ONCE))
			break;
	return err;
}

/* --- how it is --- */

bool kube_source_is_synced(const struct kube_source *source)
{
	return source->is_synced;
}

int64_t kube_source_confirmed_ms(const struct kube_source *source)
{
	int64_t oldest_ms = source->reflectors[0].heard_ms;
	for (unsigned i = 1; i < source->reflector_count; i++)
		if (source->reflectors[i].heard_ms < oldest_ms)
			oldest_ms = source->reflectors[i].heard_ms;
	return oldest_ms;
}

uint64_t kube_source_repairs(const struct kube_source *source)
{
	return source->repairs;
}

const char *kube_source_host(const struct kube_source *source)
{
	return source->host;
}

const struct fetch_counters *kube_source_counters(const struct kube_source *source)
{
	static const struct fetch_counters none;
	return source->client ? fetch_client_counters(source->client) : &none;
}

void kube_source_describe(const struct kube_source *source, char *out, size_t size)
{
	size_t used = 0;
	*out = '\0';
	for (unsigned i = 0; i < source->reflector_count; i++) {
		const struct reflector *reflector = &source->reflectors[i];
		if (reflector->is_loaded && !*reflector->problem)
			continue;
		int added = snprintf(out + used, size - used, "%s%s: %s",
			used ? "; " : "", reflector->resource->name,
			*reflector->problem ? reflector->problem : "not complete yet");
		if (added < 0 || (size_t)added >= size - used)
			return;
		used += (size_t)added;
	}
}
