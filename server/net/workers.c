/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/workers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

struct workers {
	unsigned count;
	size_t listener_count;
	struct worker **workers;
	struct sockaddr_storage *addresses; /* what the listeners are bound to */
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

/*
 * Is one of our own earlier listeners in the way of an exclusive socket? Only a wildcard
 * and a specific address of one port are: 0.0.0.0:53 beside 10.0.0.1:53.
 */
static bool workers_overlap(const struct workers *workers, size_t index)
{
	const struct sockaddr_storage *address = &workers->addresses[index];
	for (size_t i = 0; i < index; i++) {
		const struct sockaddr_storage *other = &workers->addresses[i];
		if (other->ss_family == address->ss_family &&
			socket_port(other) == socket_port(address) &&
			socket_is_wildcard(other) != socket_is_wildcard(address))
			return true;
	}
	return false;
}

/* A socket of each kind for each worker. */
static enum err workers_listen(struct workers *workers, size_t index,
	const struct net_listener *listener, unsigned udp_receive_bytes,
	struct diag_list *problems)
{
	struct sockaddr_storage *address = &workers->addresses[index];
	bool is_first = !workers_overlap(workers, index);
	for (unsigned i = 0; i < workers->count; i++) {
		struct socket_pair pair;
		const char *failed;
		if (socket_pair_open(
			    address, is_first, udp_receive_bytes, &pair, &failed))
			return workers_fail(listener, failed, problems);
		is_first = false;
		enum err err = worker_give_sockets(workers->workers[i], &pair,
			listener->router, socket_is_wildcard(address));
		if (err)
			return err;
	}
	return ERR_NONE;
}

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
	free(workers->addresses);
	free(workers);
}

static struct workers *workers_new(unsigned count, size_t listener_count)
{
	struct workers *workers = calloc(1, sizeof(*workers));
	if (!workers)
		return NULL;
	workers->count = count;
	workers->listener_count = listener_count;
	workers->workers = calloc(count, sizeof(struct worker *));
	workers->addresses = calloc(listener_count, sizeof(struct sockaddr_storage));
	if (!workers->workers || !workers->addresses) {
		workers_free(workers);
		return NULL;
	}
	return workers;
}

static enum err workers_prepare(struct workers *workers,
	const struct net_listener *listeners, const struct net_limits *limits,
	struct diag_list *problems)
{
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
	/* Each address that fails is named, not only the first. */
	enum err result = ERR_NONE;
	for (size_t i = 0; i < workers->listener_count; i++) {
		workers->addresses[i] = listeners[i].address;
		enum err err = workers_listen(
			workers, i, &listeners[i], limits->udp_receive_bytes, problems);
		if (err == ERR_NOMEM)
			return err;
		if (err)
			result = err;
	}
	return result;
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
	struct workers *workers = workers_new(count, listener_count);
	if (!workers)
		return ERR_NOMEM;
	enum err err = workers_prepare(workers, listeners, limits, problems);
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

void workers_address(
	const struct workers *workers, size_t index, struct sockaddr_storage *out)
{
	assert(index < workers->listener_count);
	*out = workers->addresses[index];
}

void workers_counters(const struct workers *workers, struct net_counters *out)
{
	*out = (struct net_counters){0};
	for (unsigned i = 0; i < workers->count; i++)
		worker_add_counters(workers->workers[i], out);
}
