/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ldns/ldns.h>

#include "tests/system/judge/compare.h"
#include "tests/system/judge/suite.h"
#include "tests/system/judge/tool.h"

enum { ARGUMENTS_MAX = 32 };

struct tool {
	const char *name;
	const char *always[12];
	const char *udp[4]; /* without EDNS */
	const char *tcp[4]; /* with EDNS */
	bool has_options;   /* the question comes as -q NAME -t TYPE */
};

static const struct tool tools[] = {
	{
		.name = "dig",
		.always = {"+noall", "+comments", "+question", "+answer", "+authority",
			"+additional", "+tries=1", "+time=5"},
		.udp = {"+notcp", "+noedns"},
		.tcp = {"+tcp", "+edns=0"},
		.has_options = true,
	},
	{
		.name = "kdig",
		/* The transformation of international names would lower the case. */
		.always = {"+noidn", "+nostats", "+retry=0", "+time=5"},
		.udp = {"+notcp", "+noedns"},
		.tcp = {"+tcp", "+edns"},
		.has_options = true,
	},
	{
		.name = "drill",
		.udp = {"-u"},
		.tcp = {"-t", "-D"},
	},
};

const struct tool *tool_find(const char *name)
{
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	}
	return NULL;
}

bool tool_is_installed(const struct tool *tool)
{
	char path[512];
	const char *folders = getenv("PATH");
	while (folders && *folders) {
		int length = (int)strcspn(folders, ":");
		snprintf(path, sizeof(path), "%.*s/%s", length, folders, tool->name);
		if (access(path, X_OK) == 0)
			return true;
		folders += length;
		folders += *folders == ':';
	}
	return false;
}

bool tool_can_ask(const struct suite_case *question)
{
	return question->type != LDNS_RR_TYPE_AXFR &&
	       question->type != LDNS_RR_TYPE_IXFR && question->over_tcp == SUITE_BOTH &&
	       question->with_edns == SUITE_BOTH;
}

static size_t arguments_add(
	const char **out, size_t n, const char *const *more, size_t most)
{
	for (size_t i = 0; i < most && more[i]; i++)
		out[n++] = more[i];
	return n;
}

static void tool_exec(const struct tool *tool, const struct suite_case *question,
	bool is_tcp, uint16_t port)
{
	const char *arguments[ARGUMENTS_MAX];
	char port_text[8];
	snprintf(port_text, sizeof(port_text), "%u", port);
	size_t n = arguments_add(arguments, 0,
		(const char *[]){tool->name, "@127.0.0.1", "-p", port_text}, 4);
	n = arguments_add(arguments, n, tool->always, 12);
	n = arguments_add(arguments, n, is_tcp ? tool->tcp : tool->udp, 4);
	if (tool->has_options)
		arguments[n++] = "-q";
	arguments[n++] = question->qname;
	if (tool->has_options)
		arguments[n++] = "-t";
	arguments[n++] = question->qtype;
	arguments[n] = NULL;
	execvp(tool->name, (char *const *)arguments);
	_exit(127);
}

/* What stands behind `key` in a line, up to a comma, semicolon or blank. */
static bool word_get(const char *line, const char *key, char *out, size_t size)
{
	const char *at = strstr(line, key);
	if (!at)
		return false;
	at += strlen(key);
	at += strspn(at, " ");
	snprintf(out, size, "%.*s", (int)strcspn(at, ",; \n"), at);
	return true;
}

/* The word in the list of flags that ends at a semicolon. */
static bool flag_get(const char *flags, const char *name)
{
	size_t length = strlen(name);
	const char *end = strchrnul(flags, ';');
	for (const char *at = flags; at < end;) {
		at += strspn(at, " ");
		size_t word = strcspn(at, " ;\n");
		if (word == length && strncmp(at, name, length) == 0)
			return true;
		at += word ? word : 1;
	}
	return false;
}

/* -1: not a heading; 0 the question, 1 to 3 the sections of the reply, 4 another one. */
static int heading_get(const char *line)
{
	static const char *const names[4] = {" QUESTION SECTION", " ANSWER SECTION",
		" AUTHORITY SECTION", " ADDITIONAL SECTION"};
	if (strncmp(line, ";; ", 3) != 0)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (strncmp(line + 2, names[i], strlen(names[i])) == 0)
			return i;
	}
	return strstr(line, "SECTION") ? 4 : -1;
}

static void header_line_read(const char *line, struct compare_reply *reply)
{
	const char *flags = strcasestr(line, "flags:");
	if (strstr(line, "->>HEADER<<-")) {
		if (!word_get(line, "status:", reply->rcode, sizeof(reply->rcode)))
			word_get(line, "rcode:", reply->rcode, sizeof(reply->rcode));
	} else if (flags && strstr(line, "QUERY:")) {
		flags += strlen("flags:");
		reply->has_aa = flag_get(flags, "aa");
		reply->has_tc = flag_get(flags, "tc");
		reply->has_ra = flag_get(flags, "ra");
		reply->has_ad = flag_get(flags, "ad");
	}
}

static bool question_check(const char *line, const struct suite_case *question, FILE *out)
{
	line += strspn(line, "; ");
	size_t length = strcspn(line, " \t\n");
	bool is_same = length == strlen(question->qname) &&
		       strncmp(line, question->qname, length) == 0;
	if (!is_same)
		fprintf(out, "the question reads \"%.*s\"\n", (int)length, line);
	return is_same;
}

static bool record_read(
	const char *line, struct compare_reply *reply, int section, FILE *out)
{
	ldns_rr *rr = NULL;
	if (section < 1 || section > 3 ||
		ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL) != LDNS_STATUS_OK ||
		!ldns_rr_list_push_rr(reply->sections[section - 1], rr)) {
		fprintf(out, "cannot be read: %s", line);
		ldns_rr_free(rr);
		return false;
	}
	return true;
}

static bool output_read(FILE *output, const struct suite_case *question,
	struct compare_reply *reply, FILE *out)
{
	static char line[4096];
	int section = -1;
	bool is_good = true;
	while (fgets(line, sizeof(line), output)) {
		int heading = heading_get(line);
		if (heading >= 0)
			section = heading;
		else if (line[0] == '\n')
			continue;
		else if (line[0] != ';')
			is_good &= record_read(line, reply, section, out);
		else if (section == 0 && is_good)
			is_good &= question_check(line, question, out), section = -1;
		else
			header_line_read(line, reply);
	}
	if (!reply->rcode[0])
		fprintf(out, "no reply came\n");
	return is_good && reply->rcode[0];
}

enum err tool_ask(const struct tool *tool, const struct suite_case *question, bool is_tcp,
	uint16_t port, struct compare_reply *reply, FILE *out)
{
	int ends[2];
	if (pipe(ends) != 0)
		return ERR_IO;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		tool_exec(tool, question, is_tcp, port);
	}
	close(ends[1]);
	FILE *output = fdopen(ends[0], "r");
	bool is_good = pid > 0 && output && output_read(output, question, reply, out);
	if (output)
		fclose(output);
	else
		close(ends[0]);
	int status = 0;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return is_good ? ERR_NONE : ERR_INVALID;
}
