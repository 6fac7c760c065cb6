/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance [--client dig|drill|kdig] [SUITE...]
 *
 * Puts the questions of tests/cases/conformance to the real server ($WAYMARK) and
 * compares every reply with the case, as TAP. Without SUITE: all of them. The wire
 * format is judged by ldns, or with --client by another program.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <jansson.h>

#include "tests/system/judge/compare.h"
#include "tests/system/judge/exchange.h"
#include "tests/system/judge/host.h"
#include "tests/system/judge/suite.h"
#include "tests/system/judge/tool.h"

/* A server that neither starts nor answers costs a time-out each; so many are waited for.
 */
enum { SILENCES_MAX = 3 };

static const struct exchange_way ways[] = {
	{.text = "UDP", .has_rd = true},
	{.text = "UDP and EDNS", .has_edns = true, .has_cd = true, .has_option = true},
	{.text = "TCP", .is_tcp = true},
	{.text = "TCP, EDNS and DO",
		.is_tcp = true,
		.has_edns = true,
		.has_rd = true,
		.has_do = true},
};

struct run {
	const struct tool *tool; /* NULL: we ask ourselves */
	unsigned tests, failures;
	struct host host;
	struct suite_setup setup; /* of the running server */
	unsigned silences;
	unsigned starts, clean_ends; /* of the suite's servers; clean: with status 0 */
};

static void result_print(
	struct run *run, bool is_good, const char *name, const char *problems)
{
	run->tests++;
	run->failures += !is_good;
	printf("%s %u - %s\n", is_good ? "ok" : "not ok", run->tests, name);
	for (const char *line = problems; !is_good && line && *line;) {
		int length = (int)strcspn(line, "\n");
		printf("#   %.*s\n", length, line);
		line += length;
		line += *line == '\n';
	}
	fflush(stdout);
}

/* The first own address of the namespace that is IPv4 text, so that a reply from the
 * wildcard socket must leave from the address that was asked. */
static const char *address_get(
	const struct suite_case *question, const struct exchange_way *way)
{
	const char *own = json_string_value(json_array_get(question->setup.local_ips, 0));
	return own && way->has_edns && !strchr(own, ':') ? own : "127.0.0.1";
}

static enum err way_ask(struct run *run, const struct suite_case *question,
	const struct exchange_way *way, FILE *out)
{
	struct compare_reply reply;
	enum err err = ERR_NOMEM;
	fprintf(out, "over %s:\n", way->text);
	if (compare_reply_init(&reply))
		err = run->tool ? tool_ask(run->tool, question, way->is_tcp, HOST_PORT,
					  &reply, out)
				: exchange_ask(question, way, address_get(question, way),
					  HOST_PORT, &reply, out);
	if (!err && !compare_with_case(&reply, question, out))
		err = ERR_INVALID;
	compare_reply_deinit(&reply);
	return err;
}

static bool is_chosen(enum suite_choice choice, bool value)
{
	return choice == SUITE_BOTH || (choice == SUITE_YES) == value;
}

/* We ask in all ways of the case. A tool takes its time to start and asks in one: over
 * UDP without EDNS and over TCP with it in turn. */
static bool is_way_wanted(const struct run *run, const struct suite_case *question,
	const struct exchange_way *way)
{
	if (!is_chosen(question->over_tcp, way->is_tcp) ||
		!is_chosen(question->with_edns, way->has_edns))
		return false;
	return !run->tool ||
	       (way->is_tcp == way->has_edns && way->is_tcp == (run->tests % 2 == 1));
}

static bool case_ask(struct run *run, const struct suite_case *question, FILE *out)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct exchange_way *way = &ways[i];
		if (!is_way_wanted(run, question, way))
			continue;
		rewind(out);
		enum err err = way_ask(run, question, way, out);
		run->silences += err == ERR_IO;
		if (err)
			return false;
	}
	return true;
}

static void server_stop(struct run *run)
{
	int status = -1;
	if (!run->host.folder[0])
		return;
	run->clean_ends += host_stop(&run->host, &status) == ERR_NONE && status == 0;
}

static bool server_want(struct run *run, const struct suite_setup *setup, FILE *out)
{
	if (run->host.pid && suite_setup_equal(&run->setup, setup))
		return true;
	server_stop(run);
	run->setup = *setup;
	run->starts++;
	if (host_start(&run->host, setup, out) == ERR_NONE)
		return true;
	run->silences++;
	return false;
}

static void case_run(struct run *run, const struct suite *suite, size_t i)
{
	struct suite_case question;
	char name[512], *problems = NULL;
	size_t size;
	enum err err = suite_case_get(suite, i, &question);
	snprintf(name, sizeof(name), "%s[%zu] %s %s", suite->name, i,
		err ? "is not a case" : question.qname, err ? "" : question.qtype);
	if (!err && run->tool && !tool_can_ask(&question)) {
		run->tests++;
		printf("ok %u - %s # SKIP the client would ask in another way\n",
			run->tests, name);
		return;
	}
	FILE *out = open_memstream(&problems, &size);
	if (!out)
		return;
	bool is_good = !err && run->silences < SILENCES_MAX &&
		       server_want(run, &question.setup, out) &&
		       case_ask(run, &question, out);
	/* What an earlier way wrote may stand behind the end of the last one's text. */
	if (fclose(out) == 0)
		problems[size] = '\0';
	result_print(run, is_good, name, problems);
	free(problems);
}

static void suite_run(struct run *run, const char *path)
{
	struct suite suite;
	char name[128];
	if (suite_load(path, &suite)) {
		result_print(run, false, path, NULL);
		return;
	}
	run->silences = 0;
	run->starts = run->clean_ends = 0;
	for (size_t i = 0; i < suite_case_count(&suite); i++)
		case_run(run, &suite, i);
	server_stop(run);
	snprintf(name, sizeof(name), "%s: SIGTERM ends the server with status 0",
		suite.name);
	result_print(run, run->starts > 0 && run->starts == run->clean_ends, name, NULL);
	suite_deinit(&suite);
}

static int suites_run(struct run *run, char **names)
{
	char pattern[1024];
	glob_t found = {0};
	const char *srcdir = getenv("srcdir");
	for (size_t i = 0; i == 0 || names[i]; i++) {
		snprintf(pattern, sizeof(pattern), "%s/tests/cases/conformance/%s.json",
			srcdir ? srcdir : ".", names[0] ? names[i] : "*");
		if (glob(pattern, i ? GLOB_APPEND : 0, NULL, &found) != 0)
			result_print(run, false, pattern, "no such suite");
		if (!names[0])
			break;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		suite_run(run, found.gl_pathv[i]);
	globfree(&found);
	printf("1..%u\n", run->tests);
	return run->failures ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct run run;
	char **names = argv + 1;
	if (argc > 2 && strcmp(argv[1], "--client") == 0) {
		run.tool = tool_find(argv[2]);
		names = argv + 3;
		if (!run.tool) {
			fprintf(stderr, "usage: conformance [--client dig|drill|kdig] "
					"[SUITE...]\n");
			return 2;
		}
		if (!tool_is_installed(run.tool)) {
			printf("1..0 # SKIP %s is not installed\n", argv[2]);
			return 0;
		}
	}
	if (host_net_check() != ERR_NONE) {
		printf("1..0 # SKIP no network namespace can be made here\n");
		return 0;
	}
	return suites_run(&run, names);
}
