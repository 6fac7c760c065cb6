/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/udp.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/counter.h"
#include "server/net/binding.h"
#include "server/net/socket.h"
#include "server/net/workers.h"
#include "server/query/query.h"
#include "server/query/series.h"
#include "server/query/worker_host.h"
#include "zones/store/reader.h"

enum {
	BATCH = 64,
	BATCHES_PER_WAKEUP = 16, /* then TCP has its turn */
	/* After fewer than this, asking again costs more than the event loop. */
	BATCH_WORTH_ANOTHER = 4,
	BATCHES_PER_DRAIN = 1024, /* six times what the default receive buffer holds */
	/*
	 * A query that is larger than an Ethernet frame comes from nobody who wants an
	 * answer. Both sizes are odd multiples of a cache line: with powers of two the
	 * beginnings of all slots would compete for the same few lines of the cache.
	 */
	REQUEST_SIZE = 25 * 64,
	REPLY_SIZE = 4096, /* the largest that a configuration can ask for */
	REPLY_STRIDE = 65 * 64,
};

union udp_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

union udp_control {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp_socket {
	struct udp *udp;
	struct udp_socket *next;
	struct event *event;
	struct binding *binding;
	int fd;
	bool has_source;
	unsigned pending_count; /* suspended queries that are answered from here */
};

/*
 * Where a suspended query's reply goes. The query is moved by the plugin, which takes
 * the owner pointer along and nothing else of ours; so each slot has one of these in
 * advance, and gets a new one only when its query has been suspended.
 */
struct udp_pending {
	TAILQ_ENTRY(udp_pending) link;
	struct udp_socket *socket;
	size_t control_length;
	union udp_control control;
};

TAILQ_HEAD(udp_pending_list, udp_pending);

struct udp {
	struct query_worker *host;
	struct net_counters *counters;
	struct udp_socket *sockets;
	struct udp_socket *closing; /* receive no more, but owe replies */
	uint64_t closed_drops;      /* kernel drops of sockets that are no more */
	struct udp_pending_list pending;
	unsigned pending_count;
	/* Slots of the current batch, set up once: only lengths change. */
	struct mmsghdr received[BATCH];
	struct mmsghdr replies[BATCH]; /* without gaps: those that have a reply */
	struct iovec request_vectors[BATCH], reply_vectors[BATCH];
	union udp_address clients[BATCH];
	union udp_control controls[BATCH];
	struct query queries[BATCH];
	uint8_t request_bytes[BATCH][REQUEST_SIZE] __attribute__((aligned(64)));
	uint8_t reply_bytes[BATCH][REPLY_STRIDE] __attribute__((aligned(64)));
};

/* The reply leaves from the address that was asked. */
static void udp_control_turn(union udp_control *control, size_t length)
{
	if (length < CMSG_LEN(sizeof(struct in_pktinfo)))
		return;
	void *data = CMSG_DATA(&control->header);
	if (control->header.cmsg_level == IPPROTO_IP) {
		/* ipi_spec_dst is the source; routing is to choose the interface. */
		((struct in_pktinfo *)data)->ipi_ifindex = 0;
		return;
	}
	struct in6_pktinfo *info = data;
	if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
		info->ipi6_ifindex = 0;
}

static void udp_socket_free(struct udp_socket *socket)
{
	if (socket->event)
		event_free(socket->event);
	close(socket->fd);
	binding_unref(socket->binding);
	free(socket);
}

static void udp_socket_unlink(struct udp_socket **list, const struct udp_socket *socket)
{
	while (*list != socket)
		list = &(*list)->next;
	*list = socket->next;
}

static void udp_pending_end(struct udp_pending *pending)
{
	struct udp_socket *socket = pending->socket;
	struct udp *udp = socket->udp;
	TAILQ_REMOVE(&udp->pending, pending, link);
	udp->pending_count--;
	free(pending);
	/* Without an event it is one of those that are closing. */
	if (!--socket->pending_count && !socket->event) {
		udp_socket_unlink(&udp->closing, socket);
		udp_socket_free(socket);
	}
}

static void udp_resume(struct query *query, enum verdict verdict)
{
	struct udp_pending *pending = query->owner;
	if (!pending || verdict != VERDICT_REPLY) {
		counter_add(&query->counters->dropped, 1);
	} else {
		struct iovec vector = {query->reply.buffer, query_finish(query)};
		struct msghdr message = {
			.msg_name = (void *)query->client,
			.msg_namelen = socket_address_length(query->client),
			.msg_iov = &vector,
			.msg_iovlen = 1,
			.msg_control = pending->control_length ? &pending->control : NULL,
			.msg_controllen = pending->control_length,
		};
		struct udp *udp = pending->socket->udp;
		if (sendmsg(pending->socket->fd, &message, MSG_DONTWAIT) < 0)
			counter_add(&udp->counters->udp_send_errors, 1);
		series_settle();
	}
	if (pending)
		udp_pending_end(pending);
	query_release(query);
}

/* The slot's pending object goes with its query; without memory for the next one, a
 * query suspended from this slot gets no reply. */
static void udp_suspend(struct udp_socket *socket, unsigned slot)
{
	struct udp *udp = socket->udp;
	struct udp_pending *pending = udp->queries[slot].owner;
	if (pending) {
		pending->socket = socket;
		pending->control_length = 0;
		if (socket->has_source) {
			pending->control_length =
				udp->received[slot].msg_hdr.msg_controllen;
			pending->control = udp->controls[slot];
			udp_control_turn(&pending->control, pending->control_length);
		}
		TAILQ_INSERT_TAIL(&udp->pending, pending, link);
		udp->pending_count++;
		socket->pending_count++;
	}
	udp->queries[slot].owner = calloc(1, sizeof(struct udp_pending));
}

static void udp_reply_put(
	struct udp_socket *socket, unsigned slot, unsigned position, size_t length)
{
	struct udp *udp = socket->udp;
	const struct msghdr *request = &udp->received[slot].msg_hdr;
	struct msghdr *reply = &udp->replies[position].msg_hdr;
	reply->msg_name = request->msg_name;
	reply->msg_namelen = request->msg_namelen;
	udp->reply_vectors[position].iov_base = udp->reply_bytes[slot];
	udp->reply_vectors[position].iov_len = length;
	reply->msg_controllen = 0;
	if (socket->has_source) {
		reply->msg_control = request->msg_control;
		reply->msg_controllen = request->msg_controllen;
		udp_control_turn(request->msg_control, request->msg_controllen);
	}
}

/* Reads the batch's requests; their table slots are prefetched while the next are read.
 * Returns how many expect an answer, their slots in `live`. */
static unsigned udp_begin(struct udp_socket *socket, unsigned count, uint8_t *live)
{
	struct udp *udp = socket->udp;
	const struct router *router = binding_router(socket->binding);
	int64_t now_ns = clock_now_ns();
	unsigned live_count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct query *query = &udp->queries[i];
		if (udp->received[i].msg_hdr.msg_flags & MSG_TRUNC) {
			counter_add(&udp->counters->query.requests[TRANSPORT_UDP], 1);
			counter_add(&udp->counters->query.dropped, 1);
			continue;
		}
		query->received_ns = now_ns;
		if (query_begin(query, router, udp->request_bytes[i],
			    udp->received[i].msg_len, udp->reply_bytes[i], REPLY_SIZE))
			live[live_count++] = (uint8_t)i;
	}
	return live_count;
}

/* Returns the number of replies. */
static unsigned udp_answer(struct udp_socket *socket, unsigned count)
{
	struct udp *udp = socket->udp;
	uint8_t live[BATCH];
	unsigned reply_count = 0;
	store_read_lock();
	unsigned live_count = udp_begin(socket, count, live);
	for (unsigned i = 0; i < live_count; i++)
		query_prefetch(&udp->queries[live[i]]);
	for (unsigned i = 0; i < live_count; i++) {
		struct query *query = &udp->queries[live[i]];
		enum verdict verdict = query_run(query);
		if (verdict == VERDICT_REPLY)
			udp_reply_put(
				socket, live[i], reply_count++, query_finish(query));
		else if (verdict == VERDICT_SUSPEND)
			udp_suspend(socket, live[i]);
	}
	store_read_unlock();
	return reply_count;
}

static void udp_send(struct udp_socket *socket, unsigned count)
{
	struct udp *udp = socket->udp;
	unsigned done = 0;
	while (done < count) {
		int sent = sendmmsg(
			socket->fd, udp->replies + done, count - done, MSG_DONTWAIT);
		if (sent > 0) {
			done += (unsigned)sent;
		} else if (errno == EAGAIN) {
			/* The queue of the interface is full: waiting for it would hold
			 * up everybody, and the clients ask again. */
			counter_add(&udp->counters->udp_send_errors, count - done);
			return;
		} else if (errno != EINTR) {
			counter_add(&udp->counters->udp_send_errors, 1);
			done++;
		}
	}
}

static unsigned udp_batch(struct udp_socket *socket)
{
	struct udp *udp = socket->udp;
	int count = recvmmsg(socket->fd, udp->received, BATCH, MSG_DONTWAIT, NULL);
	if (count <= 0)
		return 0;
	udp_send(socket, udp_answer(socket, (unsigned)count));
	series_settle();
	for (int i = 0; i < count; i++) {
		struct msghdr *message = &udp->received[i].msg_hdr;
		message->msg_namelen = sizeof(union udp_address);
		message->msg_controllen = sizeof(union udp_control);
	}
	return (unsigned)count;
}

static void udp_on_readable(evutil_socket_t fd, short events, void *data)
{
	(void)fd;
	(void)events;
	for (unsigned i = 0; i < BATCHES_PER_WAKEUP; i++) {
		if (udp_batch(data) < BATCH_WORTH_ANOTHER)
			return;
	}
}

static enum err udp_slot_init(struct udp *udp, unsigned slot)
{
	udp->request_vectors[slot] =
		(struct iovec){udp->request_bytes[slot], REQUEST_SIZE};
	udp->received[slot].msg_hdr = (struct msghdr){
		.msg_name = &udp->clients[slot],
		.msg_namelen = sizeof(union udp_address),
		.msg_iov = &udp->request_vectors[slot],
		.msg_iovlen = 1,
		.msg_control = &udp->controls[slot],
		.msg_controllen = sizeof(union udp_control),
	};
	udp->replies[slot].msg_hdr.msg_iov = &udp->reply_vectors[slot];
	udp->replies[slot].msg_hdr.msg_iovlen = 1;
	udp->queries[slot] = (struct query){
		.transport = TRANSPORT_UDP,
		.client = &udp->clients[slot].any,
		.counters = &udp->counters->query,
		.worker = udp->host,
		.resume = udp_resume,
		.owner = calloc(1, sizeof(struct udp_pending)),
	};
	return udp->queries[slot].owner ? ERR_NONE : ERR_NOMEM;
}

struct udp *udp_new(struct query_worker *host, struct net_counters *counters)
{
	struct udp *udp = aligned_alloc(64, (sizeof(*udp) + 63) / 64 * 64);
	if (!udp)
		return NULL;
	memset(udp, 0, offsetof(struct udp, request_bytes));
	udp->host = host;
	udp->counters = counters;
	TAILQ_INIT(&udp->pending);
	for (unsigned i = 0; i < BATCH; i++) {
		if (udp_slot_init(udp, i)) {
			udp_free(udp);
			return NULL;
		}
	}
	return udp;
}

static void udp_free_list(struct udp_socket *socket)
{
	while (socket) {
		struct udp_socket *next = socket->next;
		udp_socket_free(socket);
		socket = next;
	}
}

void udp_free(struct udp *udp)
{
	if (!udp)
		return;
	struct udp_pending *pending;
	while ((pending = TAILQ_FIRST(&udp->pending))) {
		TAILQ_REMOVE(&udp->pending, pending, link);
		free(pending);
	}
	for (unsigned i = 0; i < BATCH; i++)
		free(udp->queries[i].owner);
	udp_free_list(udp->sockets);
	udp_free_list(udp->closing);
	free(udp);
}

enum err udp_give_socket(
	struct udp *udp, int fd, struct binding *binding, bool has_source)
{
	struct udp_socket *socket = calloc(1, sizeof(*socket));
	if (!socket) {
		close(fd);
		return ERR_NOMEM;
	}
	*socket = (struct udp_socket){
		.udp = udp, .binding = binding, .fd = fd, .has_source = has_source};
	binding_ref(binding);
	socket->event = event_new(
		udp->host->base, fd, EV_READ | EV_PERSIST, udp_on_readable, socket);
	if (!socket->event || event_add(socket->event, NULL)) {
		udp_socket_free(socket);
		return ERR_NOMEM;
	}
	socket->next = udp->sockets;
	udp->sockets = socket;
	return ERR_NONE;
}

static void udp_socket_drain(struct udp_socket *socket)
{
	event_del(socket->event);
	unsigned batches = 0;
	while (udp_batch(socket) && batches < BATCHES_PER_DRAIN)
		batches++;
}

void udp_drain(struct udp *udp)
{
	for (struct udp_socket *socket = udp->sockets; socket; socket = socket->next)
		udp_socket_drain(socket);
}

static uint64_t udp_socket_drops(const struct udp_socket *socket)
{
	uint32_t figures[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof(figures);
	if (getsockopt(socket->fd, SOL_SOCKET, SO_MEMINFO, figures, &size))
		return 0;
	return figures[SK_MEMINFO_DROPS];
}

void udp_close_socket(struct udp *udp, const struct binding *binding)
{
	struct udp_socket *socket = udp->sockets;
	while (socket && socket->binding != binding)
		socket = socket->next;
	if (!socket)
		return;
	udp_socket_drain(socket);
	udp_socket_unlink(&udp->sockets, socket);
	udp->closed_drops += udp_socket_drops(socket);
	if (!socket->pending_count) {
		udp_socket_free(socket);
		return;
	}
	event_free(socket->event);
	socket->event = NULL;
	socket->next = udp->closing;
	udp->closing = socket;
}

unsigned udp_pending_count(const struct udp *udp)
{
	return udp->pending_count;
}

uint64_t udp_kernel_drops(const struct udp *udp)
{
	uint64_t drops = udp->closed_drops;
	for (const struct udp_socket *socket = udp->sockets; socket;
		socket = socket->next)
		drops += udp_socket_drops(socket);
	return drops;
}
