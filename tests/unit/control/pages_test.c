/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "server/control/pages.h"
#include "server/control/plugins.h"
#include "server/control/status.h"

static uint64_t bit(const char *plugin)
{
	return UINT64_C(1) << plugin_number(plugin);
}

/* What a page says while the server is so. */
static void expect_page(http_answer page, const struct status_figures *figures,
	unsigned status, const char *text)
{
	struct status *shared = status_new();
	assert_non_null(shared);
	status_put(shared, figures);
	char *body = NULL;
	size_t length = 0;
	struct http_reply reply = {.status = 200, .body = open_memstream(&body, &length)};
	assert_non_null(reply.body);
	page(shared, &reply);
	assert_int_equal(fclose(reply.body), 0);
	assert_int_equal(reply.status, status);
	assert_string_equal(body, text);
	free(body);
	status_free(shared);
}

static void a_server_that_starts_is_not_ready(void **state)
{
	(void)state;
	const struct status_figures figures = {.phase = STATUS_STARTING};
	expect_page(page_ready, &figures, 503, "starting");
	expect_page(page_ready_continuously, &figures, 503, "starting");
	expect_page(page_health, &figures, 200, "OK");
}

static void plugins_that_are_not_ready_are_named_in_order(void **state)
{
	(void)state;
	const struct status_figures figures = {
		.phase = STATUS_SERVING,
		.unready = bit("kubernetes") | bit("acl") | bit("log"),
	};
	expect_page(page_ready, &figures, 503, "acl,kubernetes,log");
	expect_page(page_ready_continuously, &figures, 503, "acl,kubernetes,log");
}

static void a_plugin_that_was_ready_once_is_asked_again_only_continuously(void **state)
{
	(void)state;
	struct status_figures figures = {
		.phase = STATUS_SERVING,
		.unready = bit("kubernetes") | bit("log"),
		.were_ready = bit("kubernetes"),
	};
	expect_page(page_ready, &figures, 503, "log");
	expect_page(page_ready_continuously, &figures, 503, "kubernetes,log");
	figures.were_ready |= bit("log");
	expect_page(page_ready, &figures, 200, "OK");
	expect_page(page_ready_continuously, &figures, 503, "kubernetes,log");
	figures.unready = 0;
	expect_page(page_ready_continuously, &figures, 200, "OK");
}

static void a_server_that_ends_is_not_ready_whatever_its_plugins_are(void **state)
{
	(void)state;
	const struct status_figures figures = {
		.phase = STATUS_ENDING,
		.were_ready = ~UINT64_C(0),
	};
	expect_page(page_ready, &figures, 503, "ending");
	expect_page(page_ready_continuously, &figures, 503, "ending");
	expect_page(page_health, &figures, 200, "OK");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_starts_is_not_ready),
		cmocka_unit_test(plugins_that_are_not_ready_are_named_in_order),
		cmocka_unit_test(
			a_plugin_that_was_ready_once_is_asked_again_only_continuously),
		cmocka_unit_test(
			a_server_that_ends_is_not_ready_whatever_its_plugins_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
