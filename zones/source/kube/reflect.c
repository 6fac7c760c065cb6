/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/reflect.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "zones/source/kube/kube_internal.h"

#define INITIAL_EVENTS_END "k8s.io/initial-events-end"

enum {
	PAGE_LIMIT = 500,
	/* A server without a quorum takes a minute to say so. */
	LIST_SILENCE_MS = 75000,
	STREAM_SILENCE_MS = 15000,
	WATCH_MIN_S = 300,
	WATCH_MAX_S = 600,
	STEADY_MS = 1000, /* a watch that lasted so long was no failure */
	/* So often in a row, within six seconds, it says that it knows no such resource,
	 * before what was known of it is dropped: a server that starts may say so too
	 * early. */
	ABSENCES_MAX = 7,
	LOG_INTERVAL_MS = 10000,
};

enum {
	STATUS_OK = 200,
	STATUS_BAD_REQUEST = 400,
	STATUS_UNAUTHORIZED = 401,
	STATUS_FORBIDDEN = 403,
	STATUS_NOT_FOUND = 404,
	STATUS_GONE = 410,
	STATUS_UNPROCESSABLE = 422,
};

static const char *text_of(const struct node *map, const char *key)
{
	const struct node *node = map ? node_get(map, key) : NULL;
	return node && node->type == NODE_STRING ? node->text : "";
}

static int64_t number_of(const struct node *map, const char *key)
{
	const struct node *node = map ? node_get(map, key) : NULL;
	return node && node->type == NODE_INT ? node->integer : 0;
}

/* --- problems --- */

__attribute__((format(printf, 2, 3))) static void set_problem(
	struct reflector *reflector, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(reflector->problem, sizeof(reflector->problem), format, args);
	va_end(args);
	/* What the server wrote ends up in a log and on a page. */
	for (char *c = reflector->problem; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
}

/* Of something odd in a reply that is otherwise fine. */
static void log_odd(struct reflector *reflector, const char *what, const char *detail)
{
	uint64_t left_out;
	if (log_limit_pass(&reflector->log_limit, LOG_INTERVAL_MS, &left_out))
		log_warn("the API server sent %s among its %s%s%.64s%s", what,
			reflector->resource->name, *detail ? ": \"" : "", detail,
			*detail ? "\"" : "");
}

static void log_failure(struct reflector *reflector, int64_t wait_ms)
{
	uint64_t left_out;
	if (reflector->absences <= 1 &&
		log_limit_pass(&reflector->log_limit, LOG_INTERVAL_MS, &left_out))
		log_warn("%s: %s; trying again in %.1f s", reflector->resource->name,
			reflector->problem, (double)wait_ms / 1000);
	else
		log_debug("%s: %s", reflector->resource->name, reflector->problem);
}

/* --- objects --- */

static void set_version(struct reflector *reflector, const struct node *object)
{
	const char *version = text_of(node_get(object, "metadata"), "resourceVersion");
	if (*version && strlen(version) < sizeof(reflector->version))
		memcpy(reflector->version, version, strlen(version) + 1);
}

/* The namespace and name of an object; false: it has none. */
static bool read_names(struct reflector *reflector, const struct node *object,
	const char **ns, const char **name)
{
	const struct node *metadata = node_get(object, "metadata");
	bool has_namespace = reflector->resource->kind != OBJECT_NAMESPACE;
	*ns = has_namespace ? text_of(metadata, "namespace") : "";
	*name = text_of(metadata, "name");
	if (**name && (**ns || !has_namespace))
		return true;
	log_odd(reflector, "an object without a name", "");
	return false;
}

/* The registry has not taken in what is new of the object: it must come again, and should
 * it be gone by then, be looked for among those that are. */
static void forget(struct reflector *reflector, const char *ns, const char *name)
{
	known_remove(&reflector->known, ns, name);
	reflector->owes_sweep = true;
}

static enum err put_object(struct reflector *reflector, const struct node *object)
{
	const char *ns, *name;
	if (!read_names(reflector, object, &ns, &name))
		return ERR_NONE;
	const char *version = text_of(node_get(object, "metadata"), "resourceVersion");
	bool is_same;
	enum err err =
		known_put(&reflector->known, ns, name, known_version(version), &is_same);
	if (err || is_same)
		return err;
	err = kube_deliver(reflector->source, object, reflector->resource);
	if (err)
		forget(reflector, ns, name);
	return err;
}

static bool has_object(void *context, const char *ns, const char *name)
{
	const struct reflector *reflector = context;
	return known_has(&reflector->known, ns, name);
}

/* What was not seen since known_begin is gone. */
static enum err sweep_unseen(struct reflector *reflector)
{
	struct kube_source *source = reflector->source;
	if (known_sweep(&reflector->known))
		reflector->owes_sweep = true;
	if (!reflector->owes_sweep)
		return ERR_NONE;
	source->is_dirty = true;
	enum err err = source->sink.sweep(
		source->sink.context, reflector->resource->kind, has_object, reflector);
	if (!err)
		reflector->owes_sweep = false;
	return err;
}

/* All that there is has been seen. */
static enum err end_load(struct reflector *reflector)
{
	if (!reflector->is_loaded || reflector->absences)
		reflector->owes_sweep = true;
	if (sweep_unseen(reflector)) {
		reflector->version[0] = '\0';
		return ERR_NOMEM;
	}
	if (*reflector->problem)
		log_info("%s: complete again", reflector->resource->name);
	reflector->is_loaded = true;
	reflector->is_denied = false;
	reflector->pages_next = reflector->wants_whole = false;
	reflector->problem[0] = '\0';
	reflector->heard_ms = clock_now_ms();
	reflector->absences = 0;
	backoff_reset(&reflector->backoff);
	kube_loaded(reflector->source);
	return ERR_NONE;
}

/* --- events of a watch --- */

static enum err event_put(struct reflector *reflector, const struct node *object)
{
	enum err err = put_object(reflector, object);
	/* While it loads, objects come in no order of versions. */
	if (!err && reflector->phase == REFLECT_WATCHING)
		set_version(reflector, object);
	return err;
}

static enum err event_deleted(struct reflector *reflector, const struct node *object)
{
	struct kube_source *source = reflector->source;
	const char *ns, *name;
	if (read_names(reflector, object, &ns, &name)) {
		known_remove(&reflector->known, ns, name);
		source->is_dirty = true;
		if (source->sink.remove(
			    source->sink.context, reflector->resource->kind, ns, name)) {
			reflector->owes_sweep = true;
			return ERR_NOMEM;
		}
	}
	if (reflector->phase == REFLECT_WATCHING)
		set_version(reflector, object);
	return ERR_NONE;
}

static enum err event_bookmark(struct reflector *reflector, const struct node *object)
{
	const struct node *annotations =
		node_get(node_get(object, "metadata"), "annotations");
	bool is_end = annotations &&
		      strcmp(text_of(annotations, INITIAL_EVENTS_END), "true") == 0;
	if (reflector->phase == REFLECT_STREAMING && !is_end) {
		/* It took our streaming list for a watch: it knows none. */
		reflector->has_no_streaming = true;
		return ERR_NOTFOUND;
	}
	set_version(reflector, object);
	if (reflector->phase == REFLECT_STREAMING) {
		reflector->phase = REFLECT_WATCHING;
		fetch_set_silence(
			reflector->fetch, reflector->source->options->silence_ms);
		return end_load(reflector);
	}
	return ERR_NONE;
}

/* Of the status object of an ERROR event or of a reply that is not 200. */
static void read_status(struct reflector *reflector, const struct node *status)
{
	const struct node *details = node_get(status, "details");
	const char *message = text_of(status, "message");
	int64_t retry_after_s = number_of(details, "retryAfterSeconds");
	if (retry_after_s > 0 && retry_after_s < BACKOFF_MAX_MS / 1000)
		reflector->retry_after_ms = retry_after_s * 1000;
	if (*message)
		set_problem(reflector, "%d: %.180s", reflector->status, message);
}

static enum err event_error(struct reflector *reflector, const struct node *object)
{
	reflector->status = (int)number_of(object, "code");
	set_problem(reflector, "the server ended the watch: %d", reflector->status);
	read_status(reflector, object);
	return ERR_IO;
}

static const struct {
	const char *type;
	enum err (*take)(struct reflector *reflector, const struct node *object);
} event_handlers[] = {
	{"ADDED", event_put},
	{"MODIFIED", event_put},
	{"DELETED", event_deleted},
	{"BOOKMARK", event_bookmark},
	{"ERROR", event_error},
};

/* Parses what the splitter cut out; borrowed until the next one. */
static enum err parse(
	struct reflector *reflector, char *text, size_t length, const struct node **out)
{
	struct arena *arena = &reflector->source->arena;
	struct document_error error;
	struct node *documents;
	arena_reset(arena);
	enum err err = document_parse_json(arena, text, length, &documents, &error);
	if (err == ERR_SYNTAX)
		set_problem(reflector, "the reply is malformed: %s", error.text);
	if (!err)
		*out = documents->first;
	return err;
}

static enum err on_event(void *context, char *text, size_t length)
{
	struct reflector *reflector = context;
	const struct node *event;
	enum err err = parse(reflector, text, length, &event);
	if (err)
		return err;
	const struct node *object = node_get(event, "object");
	const char *type = text_of(event, "type");
	reflector->heard_ms = clock_now_ms();
	reflector->has_progressed = true;
	for (size_t i = 0; i < sizeof(event_handlers) / sizeof(event_handlers[0]); i++)
		if (strcmp(event_handlers[i].type, type) == 0 && object)
			return event_handlers[i].take(reflector, object);
	log_odd(reflector, "an event of an unknown type", type);
	return ERR_NONE;
}

/* --- pages of a list --- */

static enum err on_item(void *context, char *text, size_t length)
{
	struct reflector *reflector = context;
	const struct node *object;
	enum err err = parse(reflector, text, length, &object);
	reflector->has_progressed = true;
	return err ? err : put_object(reflector, object);
}

enum err reflector_read_item(struct reflector *reflector, char *text, size_t length,
	const char **ns, const char **name, const char **version)
{
	const struct node *object;
	enum err err = parse(reflector, text, length, &object);
	if (err)
		return err;
	if (!read_names(reflector, object, ns, name))
		*name = NULL;
	*version = text_of(node_get(object, "metadata"), "resourceVersion");
	return ERR_NONE;
}

static enum err on_list(void *context, char *text, size_t length)
{
	struct reflector *reflector = context;
	const struct node *list;
	enum err err = parse(reflector, text, length, &list);
	if (err)
		return err;
	const struct node *items = node_get(list, "items");
	const struct node *metadata = node_get(list, "metadata");
	const char *next_page = text_of(metadata, "continue");
	/* "items" may be null, but a reply without it and its version is no list. */
	if ((items && items->type != NODE_LIST) ||
		!*text_of(metadata, "resourceVersion")) {
		set_problem(reflector, "the reply is no list");
		return ERR_SYNTAX;
	}
	reflector->has_list = true;
	free(reflector->next_page);
	reflector->next_page = NULL;
	if (*next_page) {
		reflector->next_page = strdup(next_page);
		return reflector->next_page ? ERR_NONE : ERR_NOMEM;
	}
	set_version(reflector, list);
	return ERR_NONE;
}

/* --- refusals --- */

enum err reflector_keep_refusal(
	struct split_buffer *refusal, const char *bytes, size_t length)
{
	if (!refusal->text)
		refusal->text = malloc(REFLECT_REFUSAL_MAX + 1);
	if (!refusal->text)
		return ERR_NOMEM;
	if (length > REFLECT_REFUSAL_MAX - refusal->used)
		length = REFLECT_REFUSAL_MAX - refusal->used;
	memcpy(refusal->text + refusal->used, bytes, length);
	refusal->used += length;
	return ERR_NONE;
}

bool reflector_drop_field(
	struct reflector *reflector, int status, const struct split_buffer *refusal)
{
	const struct kube_resource *resource = reflector->resource;
	if (status != STATUS_BAD_REQUEST || reflector->takes_older_fields ||
		!kube_resource_is_too_new(resource, refusal->text, refusal->used))
		return false;
	reflector->takes_older_fields = true;
	log_info("%s: the API server does not know the field \"%s\"; asking without it",
		resource->name, resource->newer_field);
	return true;
}

/* Nothing to go on from. */
static void begin_anew(struct reflector *reflector)
{
	free(reflector->next_page);
	reflector->next_page = NULL;
	reflector->version[0] = '\0';
}

/* --- the next request --- */

static void reflector_wait(struct reflector *reflector, int64_t wait_ms)
{
	const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	reflector->phase = REFLECT_WAITING;
	if (event_add(reflector->timer, &wait))
		log_error("%s: not followed any more: out of memory",
			reflector->resource->name);
}

static void on_head(void *context, int status)
{
	struct reflector *reflector = context;
	reflector->status = status;
}

static enum err on_body(void *context, const char *bytes, size_t length)
{
	struct reflector *reflector = context;
	if (reflector->status != STATUS_OK)
		return reflector_keep_refusal(&reflector->refusal, bytes, length);
	enum err err = split_feed(&reflector->split, bytes, length);
	if (err == ERR_NOMEM)
		set_problem(reflector, "%s", err_text(err));
	return err;
}

static void on_done(void *context, const struct fetch_result *result);

static enum reflect_phase choose_phase(const struct reflector *reflector)
{
	if (*reflector->version)
		return REFLECT_WATCHING;
	if (reflector->next_page || reflector->has_no_streaming || reflector->pages_next)
		return REFLECT_PAGING;
	return REFLECT_STREAMING;
}

static char *request_path(const struct reflector *reflector, enum reflect_phase phase)
{
	const struct kube_query query = {
		.is_watch = phase != REFLECT_PAGING,
		.is_streaming = phase == REFLECT_STREAMING,
		.timeout_s = (unsigned)backoff_between(WATCH_MIN_S, WATCH_MAX_S),
		.limit = reflector->wants_whole ? 0 : PAGE_LIMIT,
		.version = phase == REFLECT_WATCHING ? reflector->version : NULL,
		.next_page = reflector->next_page,
		.takes_other_path = reflector->takes_other_path,
		.takes_older_fields = reflector->takes_older_fields,
	};
	return kube_resource_path(
		reflector->resource, reflector->source->options, &query);
}

static int64_t silence_ms(const struct reflector *reflector, enum reflect_phase phase)
{
	int64_t limit_ms = reflector->source->options->silence_ms;
	if (phase == REFLECT_PAGING)
		return LIST_SILENCE_MS;
	if (phase == REFLECT_STREAMING && limit_ms > STREAM_SILENCE_MS)
		return STREAM_SILENCE_MS;
	return limit_ms;
}

static void reflector_prepare(struct reflector *reflector, enum reflect_phase phase)
{
	bool is_list = phase == REFLECT_PAGING;
	const struct split_sink sink = {
		reflector, is_list ? on_item : on_event, is_list ? on_list : NULL};
	split_deinit(&reflector->split);
	split_init(&reflector->split, is_list, &sink);
	reflector->phase = phase;
	reflector->status = 0;
	reflector->retry_after_ms = 0;
	reflector->has_progressed = reflector->has_list = false;
	reflector->started_ms = clock_now_ms();
	reflector->refusal.used = 0;
	if (phase == REFLECT_STREAMING || (is_list && !reflector->next_page)) {
		known_begin(&reflector->known);
		reflector->loads++;
	}
}

void reflector_go(struct reflector *reflector)
{
	if (reflector->fetch)
		return;
	enum reflect_phase phase = choose_phase(reflector);
	char *path = request_path(reflector, phase);
	const struct fetch_request request = {
		.path = path,
		.accept = "application/json",
		.may_be_gzip = phase == REFLECT_PAGING,
		.is_fresh = reflector->is_doubted,
		.silence_ms = silence_ms(reflector, phase),
	};
	const struct fetch_events events = {reflector, on_head, on_body, on_done};
	int64_t wait_ms = 0;
	event_del(reflector->timer);
	reflector_prepare(reflector, phase);
	enum err err = path ? kube_request(reflector->source, &request, &events,
				      &reflector->fetch, &wait_ms)
			    : ERR_NOMEM;
	free(path);
	if (err)
		wait_ms = backoff_wait_ms(&reflector->backoff, 0);
	if (err || wait_ms)
		reflector_wait(reflector, wait_ms);
}

void reflector_reload(struct reflector *reflector)
{
	fetch_cancel(reflector->fetch);
	reflector->fetch = NULL;
	reflector->version[0] = '\0';
	reflector_go(reflector);
}

void reflector_kick(struct reflector *reflector, int64_t wait_ms, const char *problem)
{
	if (reflector->fetch)
		return;
	if (problem)
		set_problem(reflector, "no credentials: %s", problem);
	if (wait_ms)
		reflector_wait(reflector, wait_ms);
	else
		reflector_go(reflector);
}

/* --- the end of a request --- */

/* What a reply other than 200 says. */
static void read_refusal(struct reflector *reflector)
{
	struct split_buffer *refusal = &reflector->refusal;
	bool is_watch = reflector->phase != REFLECT_PAGING;
	const struct kube_resource *resource = reflector->resource;
	const struct node *status = NULL;
	set_problem(reflector, "the server answered %d", reflector->status);
	if (refusal->used) {
		refusal->text[refusal->used] = '\0';
		char problem[REFLECT_PROBLEM_SIZE];
		memcpy(problem, reflector->problem, sizeof(problem));
		/* It may be HTML, or text: then its number has to do. */
		if (parse(reflector, refusal->text, refusal->used, &status) || !status)
			memcpy(reflector->problem, problem, sizeof(problem));
		else
			read_status(reflector, status);
	}
	if (reflector->status == STATUS_FORBIDDEN)
		set_problem(reflector,
			"403 Forbidden: the role lacks the verb \"%s\" on \"%s\"%s%s%s",
			is_watch ? "watch" : "list", resource->name,
			*resource->group ? " of the group \"" : "", resource->group,
			*resource->group ? "\"" : "");
}

/* A reply of 200 that ended. Returns how long to wait. */
static int64_t after_reply(
	struct reflector *reflector, const struct fetch_result *result, bool was_steady)
{
	bool is_whole = !result->problem && split_is_complete(&reflector->split);
	if (reflector->phase == REFLECT_PAGING && is_whole && reflector->has_list) {
		if (!*reflector->version || !end_load(reflector))
			return 0;
		set_problem(reflector, "%s", err_text(ERR_NOMEM));
		return backoff_wait_ms(&reflector->backoff, 0);
	}
	if (reflector->phase == REFLECT_WATCHING) {
		if (was_steady)
			backoff_reset(&reflector->backoff);
		if (is_whole && was_steady)
			return 0;
	} else {
		/* It was no list to the end: the other way may get there. */
		reflector->pages_next = reflector->phase == REFLECT_STREAMING;
		begin_anew(reflector);
	}
	if (result->problem && (!*reflector->problem || result->was_silent))
		set_problem(reflector, "%s", result->problem);
	else if (!*reflector->problem)
		set_problem(reflector, "the reply ended too early");
	return backoff_wait_ms(&reflector->backoff, 0);
}

/* The history that it would go on from is gone. */
static int64_t after_gone(struct reflector *reflector)
{
	bool was_paging = reflector->phase == REFLECT_PAGING;
	reflector->wants_whole = was_paging && reflector->next_page;
	begin_anew(reflector);
	return backoff_wait_ms(&reflector->backoff, 0);
}

/* The server knows no such resource: there is nothing of it that could be waited for. */
static int64_t after_absence(struct reflector *reflector)
{
	begin_anew(reflector);
	reflector->takes_other_path =
		reflector->resource->other_path && !reflector->takes_other_path;
	if (reflector->takes_other_path)
		return 0;
	if (++reflector->absences == ABSENCES_MAX) {
		known_begin(&reflector->known);
		reflector->owes_sweep = true;
	}
	/* Where it finds no memory it is owed until the next time. */
	if (reflector->absences >= ABSENCES_MAX && sweep_unseen(reflector))
		reflector->owes_sweep = true;
	set_problem(reflector, "404 Not Found: the server has no such resource; is its "
			       "CustomResourceDefinition installed?");
	reflector->is_loaded = true;
	reflector->heard_ms = clock_now_ms();
	kube_loaded(reflector->source);
	return backoff_wait_ms(&reflector->backoff, 0);
}

static int64_t after_refusal(struct reflector *reflector)
{
	bool is_streaming = reflector->phase == REFLECT_STREAMING;
	int status = reflector->status;
	if (status == STATUS_NOT_FOUND && reflector->resource->may_be_absent)
		return after_absence(reflector);
	if (status == STATUS_UNAUTHORIZED)
		kube_unauthorized(reflector->source);
	/* Half of it would be worse than nothing: then all waits. */
	if (status == STATUS_FORBIDDEN && !reflector->is_loaded &&
		!reflector->known.count)
		reflector->is_denied = true;
	if (is_streaming &&
		(status == STATUS_BAD_REQUEST || status == STATUS_UNPROCESSABLE)) {
		reflector->has_no_streaming = true;
		return 0;
	}
	/* A version that it does not take: begin anew. */
	if (status == STATUS_BAD_REQUEST || status == STATUS_UNPROCESSABLE)
		return after_gone(reflector);
	if (is_streaming && status != STATUS_FORBIDDEN && status != STATUS_UNAUTHORIZED)
		reflector->pages_next = true;
	return backoff_wait_ms(&reflector->backoff, reflector->retry_after_ms);
}

static void on_done(void *context, const struct fetch_result *result)
{
	struct reflector *reflector = context;
	bool was_event = reflector->status != result->status;
	bool was_steady = reflector->has_progressed ||
			  clock_now_ms() - reflector->started_ms >= STEADY_MS;
	int64_t wait_ms;
	reflector->fetch = NULL;
	reflector->is_doubted = result->was_silent;
	if (result->retry_after_ms > reflector->retry_after_ms)
		reflector->retry_after_ms = result->retry_after_ms;
	if (reflector->status == STATUS_OK) {
		wait_ms = after_reply(reflector, result, was_steady);
	} else if (!reflector->status) {
		set_problem(
			reflector, "%s", result->problem ? result->problem : "no reply");
		wait_ms = backoff_wait_ms(&reflector->backoff, 0);
	} else if (reflector_drop_field(
			   reflector, reflector->status, &reflector->refusal)) {
		begin_anew(reflector);
		wait_ms = 0;
	} else {
		if (!was_event)
			read_refusal(reflector);
		wait_ms = reflector->status == STATUS_GONE ? after_gone(reflector)
							   : after_refusal(reflector);
	}
	if (wait_ms) {
		log_failure(reflector, wait_ms);
		reflector_wait(reflector, wait_ms);
	} else {
		reflector_go(reflector);
	}
}

/* --- life --- */

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	reflector_go(context);
}

void reflector_init(struct reflector *reflector, struct kube_source *source,
	const struct kube_resource *resource)
{
	*reflector = (struct reflector){.source = source, .resource = resource};
	known_init(&reflector->known, &source->key);
	compare_init(&reflector->compare, reflector);
}

void reflector_deinit(struct reflector *reflector)
{
	compare_deinit(&reflector->compare);
	fetch_cancel(reflector->fetch);
	if (reflector->timer)
		event_free(reflector->timer);
	known_deinit(&reflector->known);
	split_deinit(&reflector->split);
	free(reflector->refusal.text);
	free(reflector->next_page);
}

enum err reflector_attach(struct reflector *reflector, struct event_base *base)
{
	if (reflector->timer)
		event_free(reflector->timer);
	reflector->timer = evtimer_new(base, on_timer, reflector);
	if (!reflector->timer)
		return ERR_NOMEM;
	/* Whatever it waited for: it may as well try now. */
	reflector_go(reflector);
	return compare_attach(&reflector->compare, base);
}
