/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/random.h"
#include "server/plugin/forward/forward.h"
#include "server/plugin/forward/inquiry.h"
#include "server/plugin/forward/probe.h"
#include "server/plugin/forward/upstream.h"
#include "server/query/worker_host.h"

/*
 * Inside forward: an instance, and its state on one worker. What a question waits for is
 * on a wheel of 10 ms steps, which turns only while there is something on it.
 */

struct event;

/* How it failed to get an answer. */
enum failure { FAILURE_TIMEOUT, FAILURE_UNREACHABLE, FAILURE_MALFORMED, FAILURES };

enum {
	WORKERS_MAX = 256,
	INQUIRY_BUCKETS = 4096,
	WHEEL_STEP_NS = 10000000,
	WHEEL_SLOTS = 512, /* more than an inquiry lives */
	INQUIRIES_MAX = 32768,
};

struct forward {
	struct forward_options options;
	struct upstream_state states[FORWARD_UPSTREAMS_MAX];
	atomic_uint waiting; /* questions of clients, of all workers */
	struct forward_series *series[FORWARD_UPSTREAMS_MAX]; /* NULL: not counted */
	struct forward_guest *guests[WORKERS_MAX]; /* each the worker's own to set */
	/* Why an answer failed, for people; by upstream. */
	char *texts[FORWARD_UPSTREAMS_MAX][FAILURES];
};

LIST_HEAD(inquiry_list, inquiry);
TAILQ_HEAD(inquiry_queue, inquiry);

struct forward_guest {
	struct query_guest place; /* first */
	struct forward *forward;
	struct query_worker *worker;
	struct event *timer;
	int64_t now_ns;    /* at the beginning of the callback that runs */
	int64_t turned_ns; /* up to where the wheel has been turned */
	int64_t timer_ns;  /* when the timer runs off; 0: it does not */
	int64_t sweep_ns;  /* when sockets are looked through again */
	unsigned inquiry_count;
	unsigned turn; /* for round robin */
	struct random_pool random;
	struct inquiry_list inquiries[INQUIRY_BUCKETS];
	struct inquiry_list probes; /* of our own */
	struct inquiry_queue wheel[WHEEL_SLOTS];
	struct upstream upstreams[FORWARD_UPSTREAMS_MAX];
	uint8_t buffer[UDP_MESSAGE_MAX];
	uint8_t cleaned[DNS_MESSAGE_MAX]; /* a reply without what does not belong */
};

/* The forward plugin behind this one that takes the query's name. NULL: none. */
struct forward *forward_next(const struct query *query);

/* That of the worker, made if there is none. NULL: no memory. */
struct forward_guest *guest_get(struct forward *forward, const struct query *query);

/* Around what the event loop calls: a read section, and the time. */
void guest_enter(struct forward_guest *guest);
void guest_leave(struct forward_guest *guest);

/* Puts the inquiry on the wheel for `due_ns`, or another time than before. */
void guest_schedule(struct forward_guest *guest, struct inquiry *inquiry, int64_t due_ns);
void guest_unschedule(struct forward_guest *guest, struct inquiry *inquiry);

void guest_count_wrong(struct upstream *upstream);

socklen_t guest_address_length(const struct sockaddr_storage *address);
