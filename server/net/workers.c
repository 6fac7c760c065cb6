/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/net/binding.h"
#include "server/net/socket.h"
#include "server/net/worker.h"

const struct net_limits net_limits_default = {
	.tcp_connections = 1000,
	.tcp_connections_per_client = 100,
	.tcp_in_flight = 100,
	.tcp_idle_timeout_ms = 10000,
	.tcp_read_timeout_ms = 5000,
	.tcp_write_timeout_ms = 5000,
	.udp_receive_bytes = 4 << 20,
	.drain_timeout_ms = 1000,
};

struct binding_list {
	struct binding **items;
	size_t count;
};

struct workers {
	unsigned count;
	unsigned udp_receive_bytes;
	struct worker **workers;
	/* Held while sockets come and go; the workers themselves never take it. */
	pthread_mutex_t lock;
	struct binding_list bindings; /* in the order of the listeners */
};

static enum err workers_fail(const struct net_listener *listener, const char *transport,
	struct diag_list *problems)
{
	char address[SOCKET_TEXT_SIZE], reason[SOCKET_REASON_SIZE];
	int cause = errno;
	diag_add(problems, SEVERITY_ERROR, listener->file, listener->line,
		listener->column, "cannot listen on %s (%s): %s",
		socket_format(&listener->address, address), transport,
		socket_reason(cause, reason));
	errno = cause;
	return ERR_IO;
}

static enum err binding_list_init(struct binding_list *list, size_t capacity)
{
	list->count = 0;
	list->items = calloc(capacity, sizeof(struct binding *));
	return list->items ? ERR_NONE : ERR_NOMEM;
}

static void binding_list_deinit(struct binding_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		binding_unref(list->items[i]);
	free(list->items);
}

static bool binding_list_has(
	const struct binding_list *list, const struct binding *binding)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == binding)
			return true;
	return false;
}

static struct binding *binding_list_find(
	const struct binding_list *list, const struct sockaddr_storage *wanted)
{
	for (size_t i = 0; i < list->count; i++)
		if (memcmp(&list->items[i]->wanted, wanted, sizeof(*wanted)) == 0)
			return list->items[i];
	return NULL;
}

/*
 * Is one of our own sockets in the way of an exclusive one? Only a wildcard and a
 * specific address of one port are: 0.0.0.0:53 beside 10.0.0.1:53.
 */
static bool binding_list_overlaps(
	const struct binding_list *list, const struct sockaddr_storage *address)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct sockaddr_storage *other = &list->items[i]->bound;
		if (other->ss_family == address->ss_family &&
			socket_port(other) == socket_port(address) &&
			socket_is_wildcard(other) != socket_is_wildcard(address))
			return true;
	}
	return false;
}

/* --- opening and closing --- */

static void sockets_close(const struct socket_pair *sockets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		close(sockets[i].udp);
		close(sockets[i].tcp);
	}
}

/* A socket of each kind for each worker, in `out`; all or none. */
static enum err sockets_open(const struct workers *workers, struct binding *binding,
	const struct net_listener *listener, bool is_first, struct socket_pair *out,
	struct diag_list *problems)
{
	for (unsigned i = 0; i < workers->count; i++) {
		const char *failed;
		if (socket_pair_open(&binding->bound, is_first,
			    workers->udp_receive_bytes, &out[i], &failed)) {
			enum err err = workers_fail(listener, failed, problems);
			sockets_close(out, i);
			return err;
		}
		is_first = false;
	}
	return ERR_NONE;
}

/* What becomes of the workers' addresses. */
struct workers_plan {
	const struct binding_list *before;
	struct binding_list after;
	struct binding_list fresh;   /* those of `after` that are opened */
	struct socket_pair *sockets; /* of each fresh one, of each worker */
	size_t handed_over;          /* fresh ones whose sockets the workers have */
};

static void plan_deinit(struct workers_plan *plan, const struct workers *workers)
{
	if (plan->sockets)
		for (size_t i = plan->handed_over; i < plan->fresh.count; i++)
			sockets_close(&plan->sockets[i * workers->count], workers->count);
	binding_list_deinit(&plan->after);
	binding_list_deinit(&plan->fresh);
	free(plan->sockets);
}

static enum err plan_init(
	struct workers_plan *plan, const struct workers *workers, size_t listener_count)
{
	*plan = (struct workers_plan){.before = &workers->bindings};
	plan->sockets =
		calloc(listener_count * workers->count, sizeof(struct socket_pair));
	enum err after = binding_list_init(&plan->after, listener_count);
	enum err fresh = binding_list_init(&plan->fresh, listener_count);
	if (plan->sockets && !after && !fresh)
		return ERR_NONE;
	plan_deinit(plan, workers);
	return ERR_NOMEM;
}

static enum err plan_open(struct workers_plan *plan, const struct workers *workers,
	const struct net_listener *listener, struct diag_list *problems)
{
	struct binding *binding = binding_new(listener);
	if (!binding)
		return ERR_NOMEM;
	bool is_first = !binding_list_overlaps(plan->before, &binding->bound) &&
			!binding_list_overlaps(&plan->after, &binding->bound);
	enum err err = sockets_open(workers, binding, listener, is_first,
		&plan->sockets[plan->fresh.count * workers->count], problems);
	plan->after.items[plan->after.count++] = binding;
	if (!err)
		plan->fresh.items[plan->fresh.count++] = binding_ref(binding);
	return err;
}

/* Each address that fails is named, not only the first. */
static enum err plan_make(struct workers_plan *plan, const struct workers *workers,
	const struct net_listener *listeners, size_t count, struct diag_list *problems)
{
	enum err result = ERR_NONE;
	for (size_t i = 0; i < count; i++) {
		struct binding *kept =
			binding_list_find(plan->before, &listeners[i].address);
		if (kept) {
			plan->after.items[plan->after.count++] = binding_ref(kept);
			continue;
		}
		enum err err = plan_open(plan, workers, &listeners[i], problems);
		if (err == ERR_NOMEM)
			return err;
		if (err)
			result = err;
	}
	return result;
}

/* --- start and stop --- */

static void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	/* All drain at the same time. */
	for (unsigned i = 0; workers->workers && i < workers->count; i++) {
		if (workers->workers[i])
			worker_stop(workers->workers[i]);
	}
	for (unsigned i = 0; workers->workers && i < workers->count; i++)
		worker_free(workers->workers[i]);
	free(workers->workers);
	binding_list_deinit(&workers->bindings);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

static struct workers *workers_new(unsigned count)
{
	struct workers *workers = calloc(1, sizeof(*workers));
	if (!workers)
		return NULL;
	pthread_mutex_init(&workers->lock, NULL);
	workers->count = count;
	workers->workers = calloc(count, sizeof(struct worker *));
	if (!workers->workers) {
		workers_free(workers);
		return NULL;
	}
	return workers;
}

static enum err workers_make(struct workers *workers, const struct net_limits *limits,
	struct diag_list *problems)
{
	workers->udp_receive_bytes = limits->udp_receive_bytes;
	for (unsigned i = 0; i < workers->count; i++) {
		workers->workers[i] = worker_new(i, limits);
		if (!workers->workers[i]) {
			enum err err = errno == ENOMEM ? ERR_NOMEM : ERR_IO;
			diag_add(problems, SEVERITY_ERROR, NULL, 0, 0,
				"cannot set up worker %u of %u: %s", i + 1,
				workers->count, strerror(errno));
			return err;
		}
	}
	return ERR_NONE;
}

/* Hands the sockets over while no worker runs. */
static enum err workers_give(struct workers *workers, struct workers_plan *plan)
{
	enum err result = ERR_NONE;
	for (size_t i = 0; i < plan->fresh.count && !result; i++) {
		plan->handed_over++;
		for (unsigned j = 0; j < workers->count; j++) {
			enum err err = worker_give_sockets(workers->workers[j],
				&plan->sockets[i * workers->count + j],
				plan->fresh.items[i]);
			if (err)
				result = err;
		}
	}
	return result;
}

/* The plan is what the workers have. */
static void workers_take(struct workers *workers, struct workers_plan *plan)
{
	struct binding_list before = workers->bindings;
	workers->bindings = plan->after;
	plan->after = before;
}

static enum err workers_listen(struct workers *workers,
	const struct net_listener *listeners, size_t count, struct diag_list *problems)
{
	struct workers_plan plan;
	enum err err = plan_init(&plan, workers, count);
	if (err)
		return err;
	err = plan_make(&plan, workers, listeners, count, problems);
	if (!err)
		err = workers_give(workers, &plan);
	if (!err)
		workers_take(workers, &plan);
	plan_deinit(&plan, workers);
	return err;
}

static enum err workers_run(struct workers *workers, struct diag_list *problems)
{
	for (unsigned i = 0; i < workers->count; i++) {
		if (worker_start(workers->workers[i])) {
			diag_add(problems, SEVERITY_ERROR, NULL, 0, 0,
				"cannot start worker thread %u of %u: %s", i + 1,
				workers->count, strerror(errno));
			return ERR_IO;
		}
	}
	return ERR_NONE;
}

enum err workers_start(unsigned count, const struct net_listener *listeners,
	size_t listener_count, const struct net_limits *limits, struct workers **out,
	struct diag_list *problems)
{
	assert(count && listener_count);
	struct workers *workers = workers_new(count);
	if (!workers)
		return ERR_NOMEM;
	enum err err = workers_make(workers, limits, problems);
	if (!err)
		err = workers_listen(workers, listeners, listener_count, problems);
	if (!err)
		err = workers_run(workers, problems);
	if (err) {
		workers_free(workers);
		return err;
	}
	*out = workers;
	return ERR_NONE;
}

void workers_stop(struct workers *workers)
{
	workers_free(workers);
}

/* --- reload --- */

static enum err workers_wait(struct workers *workers)
{
	enum err result = ERR_NONE;
	for (unsigned i = 0; i < workers->count; i++) {
		enum err err = worker_wait(workers->workers[i]);
		if (err)
			result = err;
	}
	return result;
}

/* All workers at the same time, and one address after the other. */
static void workers_close(struct workers *workers, struct binding *binding)
{
	for (unsigned i = 0; i < workers->count; i++)
		worker_post_close(workers->workers[i], binding);
	/* A worker whose loop has failed reads nothing any more. */
	enum err err = workers_wait(workers);
	(void)err;
}

static enum err workers_open(struct workers *workers, struct workers_plan *plan)
{
	enum err err = ERR_NONE;
	for (size_t i = 0; i < plan->fresh.count && !err; i++) {
		plan->handed_over++;
		for (unsigned j = 0; j < workers->count; j++)
			worker_post_open(workers->workers[j],
				&plan->sockets[i * workers->count + j],
				plan->fresh.items[i]);
		err = workers_wait(workers);
	}
	if (!err)
		return ERR_NONE;
	for (size_t i = 0; i < plan->handed_over; i++)
		workers_close(workers, plan->fresh.items[i]);
	return err;
}

static void workers_exchange(struct workers *workers, struct workers_plan *plan,
	const struct net_listener *listeners)
{
	for (size_t i = 0; i < plan->after.count; i++)
		binding_set_router(plan->after.items[i], listeners[i].router);
	for (size_t i = 0; i < plan->before->count; i++)
		if (!binding_list_has(&plan->after, plan->before->items[i]))
			workers_close(workers, plan->before->items[i]);
	workers_take(workers, plan);
}

enum err workers_reload(struct workers *workers, const struct net_listener *listeners,
	size_t count, struct diag_list *problems)
{
	assert(count);
	struct workers_plan plan;
	enum err err = plan_init(&plan, workers, count);
	if (err)
		return err;
	err = plan_make(&plan, workers, listeners, count, problems);
	pthread_mutex_lock(&workers->lock);
	if (!err)
		err = workers_open(workers, &plan);
	if (!err)
		workers_exchange(workers, &plan, listeners);
	pthread_mutex_unlock(&workers->lock);
	plan_deinit(&plan, workers);
	return err;
}

void workers_evict(struct workers *workers, const void *configuration)
{
	pthread_mutex_lock(&workers->lock);
	for (unsigned i = 0; i < workers->count; i++)
		worker_post_evict(workers->workers[i], configuration);
	/* On a worker whose loop has failed they left with its thread. */
	enum err err = workers_wait(workers);
	(void)err;
	pthread_mutex_unlock(&workers->lock);
}

/* --- looking at them --- */

/* What is locked is no part of what callers see as constant. */
static void workers_lock(const struct workers *workers)
{
	pthread_mutex_lock((pthread_mutex_t *)&workers->lock);
}

static void workers_unlock(const struct workers *workers)
{
	pthread_mutex_unlock((pthread_mutex_t *)&workers->lock);
}

void workers_address(
	const struct workers *workers, size_t index, struct sockaddr_storage *out)
{
	workers_lock(workers);
	assert(index < workers->bindings.count);
	*out = workers->bindings.items[index]->bound;
	workers_unlock(workers);
}

void workers_counters(const struct workers *workers, struct net_counters *out)
{
	*out = (struct net_counters){0};
	workers_lock(workers);
	for (unsigned i = 0; i < workers->count; i++)
		worker_add_counters(workers->workers[i], out);
	workers_unlock(workers);
}
