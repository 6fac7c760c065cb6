/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/pages.h"

#include "server/control/status.h"

enum { UNAVAILABLE = 503 };

/* Also while the server waits for its end: a liveness probe must not cut that short. */
void page_health(void *context, struct http_reply *reply)
{
	(void)context;
	fputs("OK", reply->body);
}

static void ready_write(struct status *status, bool is_latched, struct http_reply *reply)
{
	struct status_figures figures;
	status_get(status, &figures);
	const char *reason = NULL;
	if (figures.phase == STATUS_ENDING)
		reason = "ending";
	else if (figures.unready && !(is_latched && figures.was_ready))
		reason = "kubernetes";
	else if (figures.phase == STATUS_STARTING)
		reason = "starting";
	if (reason)
		reply->status = UNAVAILABLE;
	fputs(reason ? reason : "OK", reply->body);
}

void page_ready(void *context, struct http_reply *reply)
{
	ready_write(context, true, reply);
}

void page_ready_continuously(void *context, struct http_reply *reply)
{
	ready_write(context, false, reply);
}
