/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/worker_timer.h"

#include <event2/event.h>

#include "zones/store/reader.h"

static void timer_on_due(evutil_socket_t fd, short events, void *data)
{
	(void)fd;
	(void)events;
	struct query_timer *timer = data;
	event_free(timer->private);
	timer->private = NULL;
	store_read_lock();
	timer->due(timer);
	store_read_unlock();
}

static enum err timer_start(
	struct query_worker *host, struct query_timer *timer, int64_t wait_ms)
{
	struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	struct event *event = event_new(host->base, -1, 0, timer_on_due, timer);
	if (!event)
		return ERR_NOMEM;
	if (event_add(event, &wait)) {
		event_free(event);
		return ERR_NOMEM;
	}
	timer->private = event;
	return ERR_NONE;
}

static void timer_stop(struct query_timer *timer)
{
	if (timer->private)
		event_free(timer->private);
	timer->private = NULL;
}

void worker_timer_init(struct query_worker *host)
{
	host->timer_start = timer_start;
	host->timer_stop = timer_stop;
}
