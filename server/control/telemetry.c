/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/telemetry.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/config/corefile.h"
#include "server/control/env_page.h"
#include "server/control/envfiles.h"
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
	struct http *http;
	struct envfiles *envfiles;
	struct http_watch health; /* the HTTP thread's */
	struct status_figures figures;
	int64_t lameduck_ms, next_lameduck_ms;
};

struct telemetry *telemetry_new(unsigned worker_count, struct envfiles *envfiles)
{
	struct telemetry *telemetry = calloc(1, sizeof(*telemetry));
	if (!telemetry)
		return NULL;
	telemetry->metrics = metrics_new(worker_count);
	telemetry->status = status_new();
	telemetry->http = http_new();
	telemetry->envfiles = envfiles;
	telemetry->scrape = (struct scrape){
		.metrics = telemetry->metrics,
		.status = telemetry->status,
		.health = &telemetry->health,
		.start_unix_s = clock_unix_s(),
	};
	if (!telemetry->metrics || !telemetry->status || !telemetry->http) {
		telemetry_free(telemetry);
		return NULL;
	}
	return telemetry;
}

void telemetry_free(struct telemetry *telemetry)
{
	if (!telemetry)
		return;
	http_free(telemetry->http);
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
	page->watch = &telemetry->health;
	if (lameduck_ms > telemetry->next_lameduck_ms)
		telemetry->next_lameduck_ms = lameduck_ms;
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

/* No page unless one is asked for. */
static void read_envfiles(struct telemetry *telemetry,
	const struct corefile_directive *directive, struct http_page *page)
{
	const struct corefile_directive *option = directive_option(directive, "http");
	if (!option)
		return;
	stanza_read_http(option, "", page);
	page->path = ENV_PAGE_PATH;
	page->has_subpages = true;
	page->answer = page_env;
	page->context = envfiles_prepared(telemetry->envfiles, directive);
}

static const struct page_reader {
	const char *name;
	void (*read)(struct telemetry *telemetry,
		const struct corefile_directive *directive, struct http_page *page);
} page_readers[] = {
	{"envfiles", read_envfiles},
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
		return page->path;
	}
	return false;
}

static enum err prepare_pages(struct telemetry *telemetry, const struct server *server,
	struct diag_list *problems)
{
	const struct corefile *corefile = server_corefile(server);
	size_t most = 0, count = 0;
	for (size_t i = 0; i < corefile->block_count; i++)
		most += corefile->blocks[i].directive_count;
	struct http_page *pages = calloc(most + 1, sizeof(*pages));
	if (!pages)
		return ERR_NOMEM;
	telemetry->next_lameduck_ms = 0;
	for (size_t i = 0; i < corefile->block_count; i++) {
		const struct corefile_block *block = &corefile->blocks[i];
		for (size_t j = 0; j < block->directive_count; j++)
			count += read_page(
				telemetry, &block->directives[j], &pages[count]);
	}
	enum err err = http_prepare(telemetry->http, pages, count, problems);
	free(pages);
	return err;
}

enum err telemetry_prepare(struct telemetry *telemetry, const struct server *server,
	struct diag_list *problems)
{
	enum err err = metrics_plan(telemetry->metrics, server);
	if (!err)
		err = envfiles_prepare(telemetry->envfiles, server);
	if (err)
		return err;
	err = prepare_pages(telemetry, server, problems);
	if (err)
		envfiles_cancel(telemetry->envfiles);
	return err;
}

/* A plugin that was ready is asked again: it may be another one by now. */
void telemetry_commit(struct telemetry *telemetry, const struct server *server)
{
	http_commit(telemetry->http);
	envfiles_commit(telemetry->envfiles);
	metrics_commit(telemetry->metrics);
	telemetry->lameduck_ms = telemetry->next_lameduck_ms;
	telemetry->figures.were_ready = 0;
	memcpy(telemetry->figures.sha512, server_sha512(server), SHA512_TEXT_SIZE);
	status_put(telemetry->status, &telemetry->figures);
}

void telemetry_cancel(struct telemetry *telemetry)
{
	http_cancel(telemetry->http);
	envfiles_cancel(telemetry->envfiles);
}

/* --- what they say --- */

void telemetry_update(struct telemetry *telemetry, const struct telemetry_source *source)
{
	const struct status_figures *before = &telemetry->figures;
	struct status_figures figures = {
		.phase = before->phase == STATUS_ENDING ? STATUS_ENDING : STATUS_SERVING,
		.unready = server_unready(source->server),
		.were_ready = before->were_ready,
		.reloads_failed = source->reloads_failed,
	};
	figures.were_ready |= ~figures.unready;
	memcpy(figures.sha512, before->sha512, sizeof(figures.sha512));
	workers_counters(source->workers, &figures.net);
	server_measure(source->server, &figures.plugins);
	metrics_measure(telemetry->metrics, source->server);
	figures.envfiles_folders = envfiles_count(telemetry->envfiles, &figures.envfiles);
	const struct cluster *cluster;
	for (size_t i = 0; (cluster = server_cluster(source->server, i)); i++)
		status_add_cluster(&figures, cluster);
	/* A folder that is gone for now was as we know it when it was last seen. */
	if (!figures.confirmed_ms[STATUS_MANIFESTS])
		figures.confirmed_ms[STATUS_MANIFESTS] =
			before->confirmed_ms[STATUS_MANIFESTS];
	telemetry->figures = figures;
	status_put(telemetry->status, &figures);
}

int64_t telemetry_end_ms(struct telemetry *telemetry)
{
	telemetry->figures.phase = STATUS_ENDING;
	status_put(telemetry->status, &telemetry->figures);
	return telemetry->lameduck_ms;
}
