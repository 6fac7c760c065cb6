/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/control/env_page.h"
#include "server/control/env_writer.h"
#include "zones/registry/object.h"

/* "REST?QUERY": what stands behind /env/ in a request. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* It has one namespace and no thread. */
static struct env_writer *writer_make(void)
{
	const struct env_writer_options options = {.path = "nowhere"};
	const struct env_port port = {"http", 80, PROTOCOL_TCP};
	const struct env_service service = {"web", "fd00::1", &port, 1, false};
	struct env_writer *writer = env_writer_new(&options);
	struct env_view *view = env_view_new("shop");
	if (!writer || !view || env_view_add(view, &service) ||
		env_writer_give(writer, view))
		abort();
	env_writer_settle(writer);
	return writer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct env_writer *writer;
	if (!writer)
		writer = writer_make();
	/* strndup is no choice: ASan's looks behind what it may copy. */
	char *rest = malloc(size + 1);
	if (!rest)
		return 0;
	memcpy(rest, data, size);
	rest[size] = '\0';
	char *query = strchr(rest, '?');
	if (query)
		*query++ = '\0';
	char *body = NULL;
	size_t length = 0;
	struct http_reply reply = {
		.status = 200,
		.body = open_memstream(&body, &length),
		.rest = rest,
		.query = query ? query : "",
	};
	if (reply.body) {
		page_env(writer, &reply);
		fclose(reply.body);
		/* Whoever is refused is told why. */
		if (reply.status != 200 && !length)
			abort();
	}
	free(body);
	free(rest);
	return 0;
}
