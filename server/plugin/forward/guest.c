/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/guest.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/counter.h"
#include "server/plugin/forward/forward_series.h"
#include "zones/store/reader.h"

static const int64_t sweep_ns = 1000000000;

void guest_enter(struct forward_guest *guest)
{
	store_read_lock();
	guest->now_ns = clock_now_ns();
}

void guest_leave(struct forward_guest *guest)
{
	(void)guest;
	store_read_unlock();
}

socklen_t guest_address_length(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

void guest_count_wrong(struct upstream *upstream)
{
	if (upstream->counts)
		counter_add(&upstream->counts->wrong, 1);
}

/* --- the wheel --- */

static void start_timer(struct forward_guest *guest, int64_t ns)
{
	struct timeval wait = {ns / 1000000000, ns % 1000000000 / 1000};
	/* Fails without memory for one more timer; then the next question tries again. */
	int64_t due_ns = guest->now_ns + ns;
	if (guest->timer_ns && guest->timer_ns <= due_ns)
		return;
	guest->timer_ns = event_add(guest->timer, &wait) ? 0 : due_ns;
}

static struct inquiry_queue *wheel_slot(struct forward_guest *guest, int64_t ns)
{
	return &guest->wheel[ns / WHEEL_STEP_NS % WHEEL_SLOTS];
}

void guest_unschedule(struct forward_guest *guest, struct inquiry *inquiry)
{
	if (!inquiry->is_scheduled)
		return;
	TAILQ_REMOVE(wheel_slot(guest, inquiry->due_ns), inquiry, wheel_link);
	inquiry->is_scheduled = false;
}

/* Not in the slot that is being turned, or it would come up again at once. */
void guest_schedule(struct forward_guest *guest, struct inquiry *inquiry, int64_t due_ns)
{
	int64_t horizon_ns = (int64_t)(WHEEL_SLOTS - 2) * WHEEL_STEP_NS;
	int64_t earliest_ns = guest->turned_ns + WHEEL_STEP_NS;
	guest_unschedule(guest, inquiry);
	if (due_ns < earliest_ns)
		due_ns = earliest_ns;
	if (due_ns > guest->turned_ns + horizon_ns)
		due_ns = guest->turned_ns + horizon_ns;
	inquiry->due_ns = due_ns;
	inquiry->is_scheduled = true;
	TAILQ_INSERT_TAIL(wheel_slot(guest, due_ns), inquiry, wheel_link);
	start_timer(guest, WHEEL_STEP_NS);
}

static void turn_wheel(struct forward_guest *guest)
{
	int64_t last = guest->now_ns / WHEEL_STEP_NS;
	int64_t step = guest->turned_ns / WHEEL_STEP_NS;
	if (last - step > WHEEL_SLOTS)
		step = last - WHEEL_SLOTS;
	while (step < last) {
		step++;
		guest->turned_ns = step * WHEEL_STEP_NS;
		struct inquiry_queue *slot = wheel_slot(guest, guest->turned_ns);
		struct inquiry *inquiry;
		while ((inquiry = TAILQ_FIRST(slot))) {
			guest_unschedule(guest, inquiry);
			inquiry_on_time(inquiry);
		}
	}
}

static bool sweep(struct forward_guest *guest)
{
	bool is_used = false;
	for (unsigned i = 0; i < guest->forward->options.upstream_count; i++) {
		is_used |= udp_pool_sweep(&guest->upstreams[i].udp, guest->now_ns);
		is_used |= stream_pool_sweep(&guest->upstreams[i].streams);
	}
	return is_used;
}

static void guest_on_timer(evutil_socket_t fd, short events, void *data)
{
	struct forward_guest *guest = data;
	bool has_sockets = true;
	(void)fd;
	(void)events;
	guest_enter(guest);
	guest->timer_ns = 0;
	turn_wheel(guest);
	if (guest->now_ns >= guest->sweep_ns) {
		guest->sweep_ns = guest->now_ns + sweep_ns;
		has_sockets = sweep(guest);
	}
	if (guest->inquiry_count)
		start_timer(guest, WHEEL_STEP_NS);
	else if (has_sockets)
		start_timer(guest, sweep_ns);
	guest_leave(guest);
}

/* --- coming and going --- */

static void guest_free(struct forward_guest *guest)
{
	for (unsigned i = 0; i < guest->forward->options.upstream_count; i++) {
		udp_pool_close(&guest->upstreams[i].udp);
		stream_pool_close(&guest->upstreams[i].streams);
	}
	if (guest->timer)
		event_free(guest->timer);
	free(guest);
}

static void guest_on_leave(struct query_guest *place)
{
	struct forward_guest *guest = (struct forward_guest *)place;
	struct inquiry *inquiry;
	for (unsigned i = 0; i < INQUIRY_BUCKETS; i++)
		while ((inquiry = LIST_FIRST(&guest->inquiries[i])))
			inquiry_drop(inquiry);
	while ((inquiry = LIST_FIRST(&guest->probes)))
		inquiry_drop(inquiry);
	guest->forward->guests[guest->worker->number] = NULL;
	guest_free(guest);
}

static struct forward_guest *guest_new(
	struct forward *forward, struct query_worker *worker, int64_t now_ns)
{
	struct forward_guest *guest = calloc(1, sizeof(*guest));
	if (!guest)
		return NULL;
	guest->forward = forward;
	guest->worker = worker;
	guest->now_ns = now_ns;
	guest->turned_ns = now_ns / WHEEL_STEP_NS * WHEEL_STEP_NS;
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		TAILQ_INIT(&guest->wheel[i]);
	for (unsigned i = 0; i < forward->options.upstream_count; i++) {
		guest->upstreams[i].guest = guest;
		guest->upstreams[i].options = &forward->options.upstreams[i];
		guest->upstreams[i].index = i;
		guest->upstreams[i].counts =
			forward_series_of(forward->series[i], worker->number);
	}
	guest->timer = event_new(worker->base, -1, 0, guest_on_timer, guest);
	if (!guest->timer) {
		guest_free(guest);
		return NULL;
	}
	return guest;
}

struct forward_guest *guest_get(struct forward *forward, const struct query *query)
{
	struct query_worker *worker = query->worker;
	if (worker->number >= WORKERS_MAX)
		return NULL;
	struct forward_guest *guest = forward->guests[worker->number];
	if (!guest) {
		guest = guest_new(forward, worker, clock_now_ns());
		if (!guest)
			return NULL;
		guest->place.leave = guest_on_leave;
		query_guest_join(worker, &guest->place, query->block);
		forward->guests[worker->number] = guest;
	}
	return guest;
}
