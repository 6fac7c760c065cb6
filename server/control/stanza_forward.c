/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/control/build.h"
#include "server/control/dns_client.h"
#include "server/control/stanza.h"
#include "server/control/upstream_list.h"
#include "server/plugin/forward/forward.h"
#include "server/plugin/forward/tls.h"

enum {
	READ_TIMEOUT_MS = 2000,
	EXPIRE_MS = 10000,
	HEALTH_MS = 500,
	MAX_FAILS = 2,
	DAY_MS = 86400000,
	RCODES_END = 24
};

const struct directive_row forward_options[] = {
	{
		.name = "except",
		.type = ARGUMENT_ZONE,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "names in these zones are not forwarded",
		.may_repeat = true,
	},
	{
		.name = "failover",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "RCODE...: after these answers another upstream is asked",
		.check = forward_check_failover,
	},
	{
		.name = "next",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "RCODE...: after these answers the next forward of the block is "
			"asked",
		.check = forward_check_next,
	},
	{
		.name = "next_on_nodata",
		.help = "the same after answers without a record",
	},
	{
		.name = "max_fails",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = UINT16_MAX,
		.value = "2",
		.help = "checks in a row that fail before an upstream is down; 0: none "
			"is checked",
	},
	{
		.name = "health_check",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = 4,
		.help = "DURATION [no_rec] [domain FQDN]: how often an upstream that "
			"does "
			"not answer is checked, 0.5s unless given, without RD, by which "
			"name",
		.check = forward_check_health,
	},
	{
		.name = "failfast_all_unhealthy_upstreams",
		.help = "SERVFAIL at once while all upstreams are down",
	},
	{
		.name = "policy",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = 1,
		.choices = "random|round_robin|sequential",
		.value = "random",
		.help = "which upstream is asked first",
	},
	{
		.name = "max_concurrent",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = UINT32_MAX,
		.help = "questions that may wait at once, those above are REFUSED; 0: no "
			"limit",
	},
	{
		.name = "max_connect_attempts",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = UINT16_MAX,
		.value = "0",
		.help = "how often upstreams are asked for one question; 0: no limit",
	},
	{
		.name = "force_tcp",
		.help = "asks by TCP, whatever the question came by",
	},
	{
		.name = "prefer_udp",
		.help = "asks by UDP first, also where the question came by TCP",
	},
	{
		.name = "random_case",
		.help = "spells each letter of a question as a capital or not by chance, "
			"which a forged reply has to guess; for upstreams that repeat "
			"the "
			"spelling",
	},
	{
		.name = "expire",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 1,
		.max = INT64_C(86400000),
		.value = "10s",
		.help = "how long a connection without questions is kept",
	},
	{
		.name = "max_age",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = INT64_C(86400000),
		.value = "0s",
		.help = "how long any connection is kept; 0: no limit",
	},
	{
		.name = "max_idle_conns",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.max = UINT16_MAX,
		.value = "0",
		.help = "how many connections without questions are kept, to an upstream "
			"by a worker; 0: all",
	},
	{
		.name = "tls",
		.type = ARGUMENT_FILE,
		.max_arguments = 3,
		.help = "[CERT KEY] [CA]: our certificate, and who vouches for "
			"upstreams; "
			"the system's authorities unless given",
	},
	{
		.name = "tls_servername",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = 1,
		.help = "the name that the certificates of upstreams must have; their "
			"address unless given",
	},
	{
		.name = "read_timeout",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 1,
		.max = 60000,
		.value = "2s",
		.help = "how long an upstream's answer is waited for; the next one is "
			"asked sooner, as measured",
	},
	{
		.name = "source_address",
		.type = ARGUMENT_ADDRESS,
		.min_arguments = 1,
		.max_arguments = 1,
		.help = "the address of this machine that upstreams are asked from",
	},
	{
		.name = "resolver",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = FORWARD_NAMED_MAX,
		.help = "ADDRESS[:PORT]...: who is asked for the addresses of upstreams "
			"that are host names, at start and at reloads; /etc/hosts and "
			"the "
			"servers of /etc/resolv.conf unless given",
		.check = forward_check_resolver,
	},
	{.name = NULL},
};

/* Bits of the rcodes; what is none goes to `problems`. */
static uint32_t read_rcodes(const struct corefile_directive *option, bool may_be_good,
	struct diag_list *problems)
{
	uint32_t codes = 0;
	char text[16];
	for (size_t i = 0; option && i < option->argument_count; i++) {
		const struct corefile_word *word = &option->arguments[i];
		unsigned code = may_be_good ? 0 : 1;
		while (code < RCODES_END &&
			strcasecmp(dns_rcode_text(code, text), word->text) != 0)
			code++;
		if (code < RCODES_END)
			codes |= 1u << code;
		else
			stanza_error(problems, word,
				"\"%.100s\" for \"%.100s\", expected a response code "
				"such as SERVFAIL, REFUSED or NXDOMAIN",
				word->text, option->name.text);
	}
	return codes;
}

void forward_check_failover(
	const struct corefile_directive *option, struct diag_list *problems)
{
	(void)read_rcodes(option, false, problems);
}

void forward_check_next(
	const struct corefile_directive *option, struct diag_list *problems)
{
	(void)read_rcodes(option, true, problems);
}

/* DURATION [no_rec] [domain FQDN] */
static void read_health(const struct corefile_directive *option,
	struct forward_options *out, struct diag_list *problems)
{
	out->health_ms = HEALTH_MS;
	out->health_flags = DNS_FLAG_RD;
	out->health_name = (struct dname){.length = 1};
	if (!option)
		return;
	const struct corefile_word *word = option->arguments;
	const struct corefile_word *end = word + option->argument_count;
	if (argument_duration_ms(word, &out->health_ms) || out->health_ms <= 0 ||
		out->health_ms > DAY_MS)
		stanza_error(problems, word,
			"\"%.100s\" for \"health_check\", expected a duration such "
			"as 0.5s, at most 24h",
			word->text);
	for (word++; word < end; word++) {
		if (strcmp(word->text, "no_rec") == 0) {
			out->health_flags = 0;
		} else if (strcmp(word->text, "domain") == 0 && word + 1 < end) {
			word++;
			if (dname_from_text(word->text, &out->health_name))
				stanza_error(problems, word,
					"\"%.100s\" is no domain name", word->text);
		} else {
			stanza_error(problems, word,
				"\"%.100s\" for \"health_check\", expected \"no_rec\" "
				"or \"domain\" with a name",
				word->text);
		}
	}
}

void forward_check_health(
	const struct corefile_directive *option, struct diag_list *problems)
{
	struct forward_options ignored;
	read_health(option, &ignored, problems);
}

void forward_check_resolver(
	const struct corefile_directive *option, struct diag_list *problems)
{
	struct sockaddr_storage ignored;
	for (size_t i = 0; i < option->argument_count; i++) {
		const struct corefile_word *word = &option->arguments[i];
		if (dns_client_parse_server(word->text, &ignored))
			stanza_error(problems, word,
				"\"%.100s\" for \"resolver\", expected an address, with "
				":PORT behind it or not",
				word->text);
	}
}

/* CoreDNS refuses both, as it would not be clear which name counts. */
static void check_tls(const struct corefile_directive *directive,
	const struct upstream_list *list, struct diag_list *problems)
{
	const struct corefile_directive *name =
		directive_option(directive, "tls_servername");
	for (size_t i = 0; name && i < list->count; i++) {
		if (!list->items[i].server_name)
			continue;
		stanza_error(problems, &name->name,
			"\"tls_servername\" beside an upstream with a name of its own "
			"(%%), expected one or the other");
		return;
	}
}

/* FROM, behind which the upstreams are named. */
void forward_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	struct arena arena;
	arena_init(&arena, 1024);
	struct upstream_list list = {.arena = &arena};
	stanza_check_zones("forward", directive->arguments, 1, problems);
	for (size_t i = 1; i < directive->argument_count; i++)
		(void)upstream_list_add(&list, &directive->arguments[i], problems);
	check_tls(directive, &list, problems);
	arena_deinit(&arena);
}

/* The number or duration of an option that the table has accepted. */
static int64_t read_value(const struct corefile_directive *directive, const char *name,
	enum err (*read)(const struct corefile_word *word, int64_t *out),
	int64_t fallback)
{
	const struct corefile_directive *option = directive_option(directive, name);
	int64_t value = fallback;
	if (option && read(&option->arguments[0], &value))
		return fallback;
	return value;
}

static int64_t read_number(
	const struct corefile_directive *directive, const char *name, int64_t fallback)
{
	return read_value(directive, name, argument_number, fallback);
}

static int64_t read_duration(
	const struct corefile_directive *directive, const char *name, int64_t fallback)
{
	return read_value(directive, name, argument_duration_ms, fallback);
}

static enum err read_zones(struct build *build,
	const struct corefile_directive *directive, struct forward_options *out)
{
	struct zone_list from = {.arena = build->arena}, except = from;
	enum err err = zone_list_read(&from, directive->arguments, 1);
	for (size_t i = 0; !err && i < directive->body_count; i++) {
		const struct corefile_directive *option = &directive->body[i];
		if (strcmp(option->name.text, "except") == 0)
			err = zone_list_read(
				&except, option->arguments, option->argument_count);
	}
	out->from = from.zones;
	out->from_count = from.count;
	out->except = except.zones;
	out->except_count = except.count;
	return err;
}

static void read_resolvers(const struct corefile_directive *directive,
	struct sockaddr_storage *out, size_t *count)
{
	const struct corefile_directive *option = directive_option(directive, "resolver");
	*count = 0;
	for (size_t i = 0; option && i < option->argument_count; i++)
		if (!dns_client_parse_server(option->arguments[i].text, &out[*count]))
			++*count;
}

/* Names that the certificates of upstreams must have: that of the option, else that of
 * the host. */
static void name_servers(
	const struct corefile_directive *directive, struct upstream_list *list)
{
	const struct corefile_directive *name =
		directive_option(directive, "tls_servername");
	for (size_t i = 0; i < list->count; i++) {
		struct forward_upstream *upstream = &list->items[i];
		if (name)
			upstream->server_name = name->arguments[0].text;
		else if (!upstream->server_name)
			upstream->server_name = upstream->host;
	}
}

static enum err read_upstreams(struct build *build,
	const struct corefile_directive *directive, struct forward_options *out)
{
	struct sockaddr_storage servers[FORWARD_NAMED_MAX];
	struct upstream_resolvers resolvers = {.servers = servers};
	struct upstream_list *list = arena_calloc(build->arena, 1, sizeof(*list));
	if (!list)
		return ERR_NOMEM;
	read_resolvers(directive, servers, &resolvers.count);
	list->arena = build->arena;
	if (build->looks_hosts_up)
		list->resolvers = &resolvers;
	for (size_t i = 1; i < directive->argument_count; i++)
		if (!upstream_list_add(list, &directive->arguments[i], build->problems))
			return ERR_INVALID;
	name_servers(directive, list);
	list->resolvers = NULL;
	out->upstreams = list->items;
	out->upstream_count = list->count;
	return ERR_NONE;
}

static enum forward_policy read_policy(const struct corefile_directive *directive)
{
	const struct corefile_directive *option = directive_option(directive, "policy");
	const char *name = option ? option->arguments[0].text : "random";
	if (strcmp(name, "sequential") == 0)
		return POLICY_SEQUENTIAL;
	return strcmp(name, "round_robin") == 0 ? POLICY_ROUND_ROBIN : POLICY_RANDOM;
}

static void read_source(
	const struct corefile_directive *directive, struct sockaddr_storage *out)
{
	struct ipaddr address;
	const struct corefile_directive *option =
		directive_option(directive, "source_address");
	*out = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
	if (option && !ipaddr_parse(option->arguments[0].text, &address))
		ipaddr_to_sockaddr(&address, 0, out);
}

/* Paths of the option `tls`: [CERT KEY] [CA]. ERR_NOMEM. */
static enum err read_tls_paths(const struct corefile_directive *option, char **paths)
{
	size_t count = option ? option->argument_count : 0;
	size_t first = count == 1 ? 2 : 0; /* where CA stands alone */
	for (size_t i = 0; i < count; i++) {
		paths[first + i] = argument_path(&option->arguments[i]);
		if (!paths[first + i])
			return ERR_NOMEM;
	}
	return ERR_NONE;
}

static enum err read_tls(struct build *build, const struct corefile_directive *directive,
	struct forward_options *out)
{
	const struct corefile_directive *option = directive_option(directive, "tls");
	char *paths[3] = {NULL, NULL, NULL}, problem[TLS_PROBLEM_SIZE];
	bool is_needed = option;
	for (size_t i = 0; i < out->upstream_count; i++)
		is_needed |= out->upstreams[i].is_tls;
	if (!is_needed)
		return ERR_NONE;
	enum err err = read_tls_paths(option, paths);
	const struct tls_options options = {paths[0], paths[1], paths[2]};
	if (!err)
		err = tls_context_new(&options, &out->tls, problem);
	if (err == ERR_INVALID)
		stanza_error(build->problems, option ? &option->name : &directive->name,
			"%s", problem);
	for (size_t i = 0; i < 3; i++)
		free(paths[i]);
	return err;
}

static void read_loop(const struct build *build, struct forward_options *out)
{
	out->looks_for_loops = directive_in_block(build->source, "loop");
	out->loop_zone = build->source->keys[0].zone;
}

static enum err build_one(struct build *build, const struct corefile_directive *directive)
{
	struct forward_options options = {
		.policy = read_policy(directive),
		.max_concurrent = (uint32_t)read_number(directive, "max_concurrent", 0),
		.max_attempts =
			(unsigned)read_number(directive, "max_connect_attempts", 0),
		.max_fails = (unsigned)read_number(directive, "max_fails", MAX_FAILS),
		.failover = read_rcodes(
			directive_option(directive, "failover"), false, build->problems),
		.next = read_rcodes(
			directive_option(directive, "next"), true, build->problems),
		.next_on_nodata = directive_option(directive, "next_on_nodata"),
		.fails_fast =
			directive_option(directive, "failfast_all_unhealthy_upstreams"),
		.force_tcp = directive_option(directive, "force_tcp"),
		.prefer_udp = directive_option(directive, "prefer_udp"),
		.random_case = directive_option(directive, "random_case"),
		.expire_ms = read_duration(directive, "expire", EXPIRE_MS),
		.max_age_ms = read_duration(directive, "max_age", 0),
		.max_idle = (unsigned)read_number(directive, "max_idle_conns", 0),
		.read_timeout_ms =
			read_duration(directive, "read_timeout", READ_TIMEOUT_MS),
	};
	read_health(
		directive_option(directive, "health_check"), &options, build->problems);
	read_loop(build, &options);
	read_source(directive, &options.source);
	enum err err = read_zones(build, directive, &options);
	if (!err)
		err = read_upstreams(build, directive, &options);
	if (!err)
		err = read_tls(build, directive, &options);
	struct plugin_instance instance = {NULL, NULL};
	if (!err)
		err = forward_new(&options, &instance);
	if (!err)
		build_add(build, &instance);
	return err;
}

enum err build_forward(struct build *build, const struct corefile_directive *directive)
{
	enum err err = ERR_NONE;
	for (; directive && !err; directive = build_next(build, directive))
		err = build_one(build, directive);
	return err;
}
