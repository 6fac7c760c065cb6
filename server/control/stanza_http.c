/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_http.h"

#include <string.h>

#include "server/base/ipaddr.h"

enum { HOST_SIZE = 64, LAMEDUCK_MAX_MS = 24 * 3600 * 1000 };

const struct directive_row health_options[] = {
	{
		.name = "lameduck",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 0,
		.max = LAMEDUCK_MAX_MS,
		.help = "how long to go on answering after SIGTERM, while not ready",
	},
	{.name = NULL},
};

const struct directive_row ready_options[] = {
	{
		.name = "monitor",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = 1,
		.choices = "until-ready|continuously",
		.value = "until-ready",
		.help = "whether a plugin that was ready once is asked again",
	},
	{.name = NULL},
};

static bool port_read(const char *text, uint16_t *out)
{
	uint32_t port = 0;
	size_t length = strspn(text, "0123456789");
	if (!length || length > 5 || text[length])
		return false;
	for (size_t i = 0; i < length; i++)
		port = port * 10 + (uint32_t)(text[i] - '0');
	*out = (uint16_t)port;
	return port <= UINT16_MAX;
}

/* The part in front of the port, without the brackets of an IPv6 address. */
static bool host_copy(const char *text, size_t length, char *out)
{
	bool has_brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	if (has_brackets) {
		text++;
		length -= 2;
	}
	if (length >= HOST_SIZE || (!has_brackets && memchr(text, ':', length)))
		return false;
	memcpy(out, text, length);
	out[length] = '\0';
	return !has_brackets || strchr(out, ':');
}

/* "[HOST]:PORT" as Go has it; no host: every address. */
static bool address_read(const char *text, struct http_page *out)
{
	const char *colon = strrchr(text, ':');
	char host[HOST_SIZE];
	uint16_t port;
	struct ipaddr ip = {.length = 4};
	if (!colon || !host_copy(text, (size_t)(colon - text), host) ||
		!port_read(colon + 1, &port))
		return false;
	const char *name = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
	if (*name && ipaddr_parse(name, &ip))
		return false;
	out->is_any = !*name;
	ipaddr_to_sockaddr(&ip, port, &out->address);
	return true;
}

void stanza_check_http(
	const struct corefile_directive *directive, struct diag_list *problems)
{
	struct http_page page;
	if (!directive->argument_count ||
		address_read(directive->arguments[0].text, &page))
		return;
	const struct corefile_word *word = &directive->arguments[0];
	diag_add(problems, SEVERITY_ERROR, word->place.file, word->place.line,
		word->place.column,
		"\"%.100s\" is not an address to listen on, expected ADDRESS:PORT such "
		"as :8080, 127.0.0.1:8080 or [::1]:8080",
		word->text);
}

void stanza_read_http(const struct corefile_directive *directive, const char *standard,
	struct http_page *out)
{
	const struct corefile_word *word = &directive->name;
	const char *text = standard;
	if (directive->argument_count) {
		word = &directive->arguments[0];
		text = word->text;
	}
	*out = (struct http_page){
		.file = word->place.file,
		.line = word->place.line,
		.column = word->place.column,
	};
	address_read(text, out);
}

int64_t stanza_read_lameduck_ms(const struct corefile_directive *health)
{
	const struct corefile_directive *option = directive_option(health, "lameduck");
	int64_t duration_ms = 0;
	if (option && argument_duration_ms(&option->arguments[0], &duration_ms))
		return 0;
	return duration_ms;
}

bool stanza_reads_continuously(const struct corefile_directive *ready)
{
	const struct corefile_directive *option = directive_option(ready, "monitor");
	return option && strcmp(option->arguments[0].text, "continuously") == 0;
}
