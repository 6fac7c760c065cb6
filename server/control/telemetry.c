/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/telemetry.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/config/corefile.h"
#include "server/control/metrics.h"
#include "server/control/pages.h"
#include "server/control/scrape.h"
#include "server/control/server.h"
#include "server/control/stanza_http.h"
#include "server/control/status.h"

struct telemetry {
	struct metrics *metrics;
	struct status *status;
	struct scrape scrape;
	struct http *http; /* NULL: no page was asked for */
	struct status_figures figures;
	int64_t lameduck_ms;
};

struct telemetry *telemetry_new(unsigned worker_count)
{
	struct telemetry *telemetry = calloc(1, sizeof(*telemetry));
	if (!telemetry)
		return NULL;
	telemetry->metrics = metrics_new(worker_count);
	telemetry->status = status_new();
	telemetry->scrape = (struct scrape){
		.metrics = telemetry->metrics,
		.status = telemetry->status,
		.start_unix_s = clock_unix_s(),
	};
	if (!telemetry->metrics || !telemetry->status) {
		telemetry_free(telemetry);
		return NULL;
	}
	return telemetry;
}

void telemetry_free(struct telemetry *telemetry)
{
	if (!telemetry)
		return;
	http_stop(telemetry->http);
	metrics_free(telemetry->metrics);
	status_free(telemetry->status);
	free(telemetry);
}

/* --- pages --- */

static void read_health(struct telemetry *telemetry,
	const struct corefile_directive *directive, struct http_page *page)
{
	int64_t lameduck_ms = stanza_read_lameduck_ms(directive);
	stanza_read_http(directive, ":8080", page);
	page->path = "/health";
	page->answer = page_health;
	if (lameduck_ms > telemetry->lameduck_ms)
		telemetry->lameduck_ms = lameduck_ms;
}

static void read_ready(struct telemetry *telemetry,
	const struct corefile_directive *directive, struct http_page *page)
{
	stanza_read_http(directive, ":8181", page);
	page->path = "/ready";
	page->answer = stanza_reads_continuously(directive) ? page_ready_continuously
							    : page_ready;
	page->context = telemetry->status;
}

static void read_prometheus(struct telemetry *telemetry,
	const struct corefile_directive *directive, struct http_page *page)
{
	stanza_read_http(directive, "localhost:9153", page);
	page->path = "/metrics";
	page->answer = page_metrics;
	page->context = &telemetry->scrape;
}

static const struct page_reader {
	const char *name;
	void (*read)(struct telemetry *telemetry,
		const struct corefile_directive *directive, struct http_page *page);
} page_readers[] = {
	{"health", read_health},
	{"ready", read_ready},
	{"prometheus", read_prometheus},
};

/* True: the directive is a page, now in `page`. */
static bool read_page(struct telemetry *telemetry,
	const struct corefile_directive *directive, struct http_page *page)
{
	for (size_t i = 0; i < sizeof(page_readers) / sizeof(page_readers[0]); i++) {
		if (strcmp(page_readers[i].name, directive->name.text) != 0)
			continue;
		page_readers[i].read(telemetry, directive, page);
		return true;
	}
	return false;
}

enum err telemetry_start(struct telemetry *telemetry, const struct server *server,
	struct diag_list *problems)
{
	const struct corefile *corefile = server_corefile(server);
	size_t most = 0, count = 0;
	for (size_t i = 0; i < corefile->block_count; i++)
		most += corefile->blocks[i].directive_count;
	struct http_page *pages = calloc(most + 1, sizeof(*pages));
	if (!pages)
		return ERR_NOMEM;
	for (size_t i = 0; i < corefile->block_count; i++) {
		const struct corefile_block *block = &corefile->blocks[i];
		for (size_t j = 0; j < block->directive_count; j++)
			count += read_page(
				telemetry, &block->directives[j], &pages[count]);
	}
	enum err err = ERR_NONE;
	if (count)
		err = http_start(pages, count, &telemetry->http, problems);
	free(pages);
	return err;
}

enum err telemetry_plan(struct telemetry *telemetry, const struct server *server)
{
	return metrics_plan(telemetry->metrics, server);
}

/* --- what they say --- */

void telemetry_update(struct telemetry *telemetry, const struct server *server,
	const struct workers *workers)
{
	const struct status_figures *before = &telemetry->figures;
	struct status_figures figures = {
		.phase = before->phase == STATUS_ENDING ? STATUS_ENDING : STATUS_SERVING,
		.was_ready = before->was_ready,
		.confirmed_ms = before->confirmed_ms,
	};
	workers_counters(workers, &figures.net);
	server_measure(server, &figures.plugins);
	const struct cluster *cluster;
	for (size_t i = 0; (cluster = server_cluster(server, i)); i++)
		status_add_cluster(&figures, cluster);
	if (!figures.unready) {
		figures.was_ready = true;
		figures.confirmed_ms = clock_now_ms();
	}
	telemetry->figures = figures;
	status_put(telemetry->status, &figures);
}

int64_t telemetry_end_ms(struct telemetry *telemetry)
{
	telemetry->figures.phase = STATUS_ENDING;
	status_put(telemetry->status, &telemetry->figures);
	return telemetry->lameduck_ms;
}
