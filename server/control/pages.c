/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/pages.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/plugins.h"
#include "server/control/status.h"

enum { UNAVAILABLE = 503 };

/* Also while the server waits for its end: a liveness probe must not cut that short. */
void page_health(void *context, struct http_reply *reply)
{
	(void)context;
	fputs("OK", reply->body);
}

static int names_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As CoreDNS has it: their names, in order. */
static void plugins_write(uint64_t plugins, FILE *out)
{
	const char *names[64] = {NULL};
	size_t count = 0;
	for (uint8_t number = 0; number < 64; number++)
		if (plugins >> number & 1)
			names[count++] = plugin_name_of(number);
	qsort(names, count, sizeof(names[0]), names_compare);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? "," : "", names[i]);
}

static void ready_write(struct status *status, bool is_latched, struct http_reply *reply)
{
	struct status_figures figures;
	status_get(status, &figures);
	uint64_t unready = figures.unready & ~(is_latched ? figures.were_ready : 0);
	if (figures.phase == STATUS_SERVING && !unready) {
		fputs("OK", reply->body);
		return;
	}
	reply->status = UNAVAILABLE;
	if (figures.phase == STATUS_ENDING)
		fputs("ending", reply->body);
	else if (figures.phase == STATUS_STARTING)
		fputs("starting", reply->body);
	else
		plugins_write(unready, reply->body);
	/* What a cluster waits for; monitors look at the first line. */
	if (figures.phase == STATUS_SERVING && *figures.missing)
		fprintf(reply->body, "\n%s\n", figures.missing);
}

void page_ready(void *context, struct http_reply *reply)
{
	ready_write(context, true, reply);
}

void page_ready_continuously(void *context, struct http_reply *reply)
{
	ready_write(context, false, reply);
}
