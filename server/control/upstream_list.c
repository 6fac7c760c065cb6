/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/upstream_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/base/ipaddr.h"
#include "server/control/host_lookup.h"
#include "server/control/resolv_conf.h"
#include "server/control/stanza.h"
#include "server/net/socket.h"

enum {
	HOST_SIZE = 256,
	DNS_PORT = 53,
	TLS_PORT = 853,
};

/* An upstream as it is written, in its parts. */
struct upstream_target {
	char host[HOST_SIZE];
	uint16_t port;
	bool is_tls;
	const char *server_name; /* in `name`; NULL: none */
	char name[HOST_SIZE];
};

static bool read_port(const char *text, uint16_t *out)
{
	size_t length = strspn(text, "0123456789");
	if (!length || length > 5 || text[length])
		return false;
	unsigned long port = strtoul(text, NULL, 10);
	*out = (uint16_t)port;
	return port && port <= UINT16_MAX;
}

/* "HOST", "HOST:PORT", "[HOST]:PORT"; an IPv6 address without brackets has no port. */
static bool split_target(const char *text, struct upstream_target *out)
{
	struct ipaddr address;
	size_t length = strlen(text);
	const char *port = NULL, *colon = strrchr(text, ':');
	if (text[0] == '[') {
		const char *end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		port = end[1] ? end + 2 : NULL;
		text++;
		length = (size_t)(end - text);
	} else if (colon && ipaddr_parse(text, &address)) {
		port = colon + 1;
		length = (size_t)(colon - text);
	}
	if (!length || length >= HOST_SIZE)
		return false;
	memcpy(out->host, text, length);
	out->host[length] = '\0';
	return !port || read_port(port, &out->port);
}

static struct forward_upstream *append(struct upstream_list *list,
	const struct upstream_target *target, const struct ipaddr *address)
{
	struct forward_upstream *upstream = &list->items[list->count++];
	*upstream = (struct forward_upstream){.is_tls = target->is_tls};
	if (target->server_name)
		upstream->server_name =
			arena_strndup(list->arena, target->name, strlen(target->name));
	if (address) {
		ipaddr_to_sockaddr(address, target->port, &upstream->address);
		socket_format(&upstream->address, upstream->text);
	}
	return upstream;
}

/* One more of those that are written. */
static bool count_named(struct upstream_list *list, const struct corefile_word *word,
	struct diag_list *problems)
{
	if (list->named < FORWARD_NAMED_MAX && list->count < FORWARD_UPSTREAMS_MAX) {
		list->named++;
		return true;
	}
	stanza_error(problems, word,
		"\"%.100s\" is one upstream too many, expected at most %d", word->text,
		FORWARD_NAMED_MAX);
	return false;
}

static bool add_address(struct upstream_list *list, const struct ipaddr *address,
	const struct upstream_target *target, const struct corefile_word *word,
	struct diag_list *problems)
{
	if (!count_named(list, word, problems))
		return false;
	append(list, target, address);
	return true;
}

static bool read_lines(struct upstream_list *list, FILE *file,
	const struct corefile_word *word, struct diag_list *problems)
{
	struct ipaddr address;
	const struct upstream_target target = {.port = DNS_PORT};
	bool is_good = true;
	size_t before = list->count;
	while (is_good && resolv_conf_next(file, &address))
		is_good = add_address(list, &address, &target, word, problems);
	if (list->count == before) {
		stanza_error(problems, word,
			"\"%.100s\" names no server, expected lines such as \"nameserver "
			"192.0.2.1\"",
			word->text);
		return false;
	}
	return is_good;
}

static bool add_file(struct upstream_list *list, const struct corefile_word *word,
	struct diag_list *problems)
{
	char *path = argument_path(word);
	FILE *file = path ? fopen(path, "re") : NULL;
	bool is_good = false;
	if (file)
		is_good = read_lines(list, file, word, problems);
	else
		stanza_error(problems, word, "\"%.100s\" cannot be read: %s", word->text,
			path ? strerror(errno) : err_text(ERR_NOMEM));
	if (file)
		fclose(file);
	free(path);
	return is_good;
}

static bool is_file(const struct corefile_word *word)
{
	struct stat status;
	char *path = argument_path(word);
	bool exists = path && !stat(path, &status) && S_ISREG(status.st_mode);
	free(path);
	return exists || word->text[0] == '/' || word->text[0] == '.';
}

/* "ADDRESS%NAME:PORT": the name is taken out. False: it is no name. */
static bool cut_name(char *text, struct upstream_target *target)
{
	char *percent = strchr(text, '%');
	if (!percent)
		return true;
	size_t length = strcspn(percent + 1, "]:");
	if (!length || length >= HOST_SIZE)
		return false;
	memcpy(target->name, percent + 1, length);
	target->name[length] = '\0';
	target->server_name = target->name;
	memmove(percent, percent + 1 + length, strlen(percent + 1 + length) + 1);
	return true;
}

/* False: it is no such thing. */
static bool read_target(const char *text, struct upstream_target *out)
{
	char copy[2 * HOST_SIZE];
	*out = (struct upstream_target){.is_tls = strncmp(text, "tls://", 6) == 0};
	if (out->is_tls || strncmp(text, "dns://", 6) == 0)
		text += 6;
	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	out->port = out->is_tls ? TLS_PORT : DNS_PORT;
	return (!out->is_tls || cut_name(copy, out)) && split_target(copy, out);
}

/* --- host names --- */

/* Of another name it may be there already. */
static bool has_upstream(const struct upstream_list *list,
	const struct upstream_target *target, const struct ipaddr *address)
{
	struct sockaddr_storage wanted;
	ipaddr_to_sockaddr(address, target->port, &wanted);
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].is_tls == target->is_tls &&
			memcmp(&list->items[i].address, &wanted, sizeof(wanted)) == 0)
			return true;
	return false;
}

/* Those that do not fit are left out: the others are enough. */
static void append_addresses(struct upstream_list *list,
	const struct upstream_target *target, const struct host_addresses *found,
	const struct corefile_word *word, struct diag_list *problems)
{
	const char *host = arena_strndup(list->arena, target->host, strlen(target->host));
	bool has_more = found->has_more;
	for (size_t i = 0; i < found->count; i++) {
		if (has_upstream(list, target, &found->items[i]))
			continue;
		if (list->count == FORWARD_UPSTREAMS_MAX)
			has_more = true;
		else
			append(list, target, &found->items[i])->host = host;
	}
	if (has_more)
		diag_add(problems, SEVERITY_WARNING, word->place.file, word->place.line,
			word->place.column,
			"\"%.100s\" has more addresses than are asked, which is %d in "
			"all",
			word->text, FORWARD_UPSTREAMS_MAX);
}

static bool add_host(struct upstream_list *list, const struct upstream_target *target,
	const struct corefile_word *word, struct diag_list *problems)
{
	struct host_addresses found;
	char problem[HOST_PROBLEM_SIZE];
	if (!count_named(list, word, problems))
		return false;
	if (!list->resolvers) {
		struct forward_upstream *upstream = append(list, target, NULL);
		upstream->host = upstream->text;
		snprintf(upstream->text, sizeof(upstream->text), "%.70s:%u", target->host,
			(unsigned)target->port);
		return true;
	}
	enum err err = host_lookup(target->host, list->resolvers->servers,
		list->resolvers->count, &found, problem);
	if (err) {
		stanza_error(problems, word, "the address of \"%.100s\" is not known: %s",
			word->text, err == ERR_NOTFOUND ? problem : err_text(err));
		return false;
	}
	append_addresses(list, target, &found, word, problems);
	return true;
}

bool upstream_list_add(struct upstream_list *list, const struct corefile_word *word,
	struct diag_list *problems)
{
	struct upstream_target target;
	struct ipaddr address;
	bool is_target = read_target(word->text, &target);
	if (is_target && !ipaddr_parse(target.host, &address))
		return add_address(list, &address, &target, word, problems);
	if (is_file(word))
		return add_file(list, word, problems);
	if (is_target && host_name_is_valid(target.host))
		return add_host(list, &target, word, problems);
	stanza_error(problems, word,
		"\"%.100s\" for \"forward\", expected an address such as 192.0.2.1, "
		"192.0.2.1:5353, [2001:db8::1]:53 or tls://192.0.2.1%%name.example, a "
		"host name or a file such as /etc/resolv.conf",
		word->text);
	return false;
}
