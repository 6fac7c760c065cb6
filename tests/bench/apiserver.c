/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apiserver PORT FOLDER DNS_PORT: an API server of the cluster in FOLDER (see cluster.c),
 * which also asks the name server at DNS_PORT, so that one clock says how long a change
 * took from the write of its event until the first answer that has it. It does what lines
 * of standard input say, and prints a line when that is done:
 *
 *   changes COUNT PAUSE_US    one change after the other, with a pause in between
 *   churn RATE MS             so many changes a second. One is asked for at a time; those
 *                             that are due meanwhile go out without
 *   quiet RATE MS             the same; only the last one is asked for
 *   relist                    all watches end with 410; until a change after the new list
 *                             is answered
 *
 *   "told N asked N never N took_ms N median_ms N p99_ms N max_ms N"
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/ask.h"
#include "tests/bench/change.h"
#include "tests/bench/latency.h"
#include "tests/bench/number.h"
#include "tests/bench/question.h"
#include "tests/bench/stream.h"

enum {
	REPLY_MAX = 4096,
	LINE_MAX_LENGTH = 256,
	RATE_MAX = 100000,
	COUNT_MAX = 1000000,
	MS_MAX = 600000,
};

static const int64_t REPEAT_NS = 20000000, PATIENCE_NS = 10000000000,
		     FOREVER_NS = INT64_MAX / 2;

/* A change whose answer is waited for. */
struct probe {
	bool is_open;
	int64_t told_ns, asked_ns;
	uint8_t query[QUESTION_MAX];
	size_t length;
	struct in_addr address;
	uint16_t id;
};

struct server {
	struct streams streams;
	const struct stream_resource *slices;
	struct changes changes;
	int dns;
	struct probe probe;
	/* Of the command that is done. */
	unsigned told, asked, never;
	struct latencies latencies;
};

/* --- asking --- */

static void probe_ask(struct server *server)
{
	struct probe *probe = &server->probe;
	probe->id++;
	probe->query[0] = (uint8_t)(probe->id >> 8);
	probe->query[1] = (uint8_t)probe->id;
	probe->asked_ns = clock_ns();
	if (send(server->dns, probe->query, probe->length, 0) < 0)
		probe->asked_ns = clock_ns();
}

static void probe_end(struct server *server, int64_t took_ns)
{
	server->probe.is_open = false;
	latencies_add(&server->latencies, took_ns);
}

/* Asks again at once when the answer is still the old one. */
static void probe_hear(struct server *server)
{
	struct probe *probe = &server->probe;
	uint8_t reply[REPLY_MAX];
	ssize_t n;
	while ((n = recv(server->dns, reply, sizeof(reply), MSG_DONTWAIT)) >= 0) {
		int64_t now_ns = clock_ns();
		if (!probe->is_open || (size_t)n < probe->length ||
			memcmp(reply, probe->query, 2) != 0)
			continue;
		if (reply_has_address(reply, (size_t)n, probe->length, probe->address))
			probe_end(server, now_ns - probe->told_ns);
		else
			probe_ask(server);
	}
}

/* Serves and asks until then, or until what is asked for has been answered. */
static void server_run(struct server *server, int64_t until_ns, bool is_until_answered)
{
	struct probe *probe = &server->probe;
	do {
		int64_t wake_ns = until_ns;
		if (probe->is_open && probe->asked_ns + REPEAT_NS < wake_ns)
			wake_ns = probe->asked_ns + REPEAT_NS;
		streams_serve(&server->streams, server->dns, wake_ns);
		probe_hear(server);
		if (!probe->is_open)
			continue;
		if (clock_ns() - probe->told_ns > PATIENCE_NS) {
			server->never++;
			probe_end(server, PATIENCE_NS);
		} else if (clock_ns() - probe->asked_ns >= REPEAT_NS) {
			probe_ask(server);
		}
	} while (clock_ns() < until_ns && (probe->is_open || !is_until_answered));
}

/* --- telling --- */

static void server_tell(struct server *server, bool is_asked)
{
	struct probe *probe = &server->probe;
	struct change change;
	changes_next(&server->changes, ++server->streams.version, &change);
	is_asked &= !probe->is_open;
	if (is_asked) {
		probe->length = question_write(change.name, "A", probe->query);
		probe->address = change.address;
		probe->is_open = true;
		probe->told_ns = clock_ns();
	}
	streams_tell(&server->streams, server->slices, change.event, change.length);
	server->told++;
	if (!is_asked)
		return;
	server->asked++;
	probe_ask(server);
}

static void changes_run(struct server *server, unsigned count, unsigned pause_us)
{
	for (unsigned i = 0; i < count; i++) {
		server_tell(server, true);
		server_run(server, FOREVER_NS, true);
		server_run(server, clock_ns() + pause_us * INT64_C(1000), false);
	}
}

static void churn_run(struct server *server, unsigned rate, unsigned ms, bool is_quiet)
{
	int64_t start_ns = clock_ns();
	uint64_t total = (uint64_t)rate * ms / 1000;
	for (uint64_t i = 0; i < total; i++) {
		int64_t due_ns = start_ns + (int64_t)(i * 1000000000 / rate);
		if (clock_ns() < due_ns)
			server_run(server, due_ns, false);
		server_tell(server, !is_quiet || i + 1 == total);
	}
	if (server->probe.is_open)
		server_run(server, FOREVER_NS, true);
}

static void relist_run(struct server *server)
{
	unsigned before = streams_following(&server->streams);
	int64_t start_ns = clock_ns();
	streams_expire(&server->streams);
	while (streams_following(&server->streams) < before &&
		clock_ns() - start_ns < PATIENCE_NS)
		server_run(server, clock_ns() + 1000000, false);
	server_tell(server, true);
	server->probe.told_ns = start_ns;
	server_run(server, FOREVER_NS, true);
}

/* --- commands --- */

static bool command_run(struct server *server, char *line)
{
	char *rest = NULL;
	const char *command = strtok_r(line, " \n", &rest);
	const char *first = strtok_r(NULL, " \n", &rest);
	const char *second = strtok_r(NULL, " \n", &rest);
	bool is_churn = command && strcmp(command, "churn") == 0;
	bool is_quiet = command && strcmp(command, "quiet") == 0;
	unsigned a, b;
	if (command && strcmp(command, "relist") == 0 && !first) {
		relist_run(server);
		return true;
	}
	if (!command || !first || !second || !number_parse(second, 0, MS_MAX, &b))
		return false;
	if ((is_churn || is_quiet) && number_parse(first, 1, RATE_MAX, &a))
		churn_run(server, a, b, is_quiet);
	else if (strcmp(command, "changes") == 0 && number_parse(first, 1, COUNT_MAX, &a))
		changes_run(server, a, b);
	else
		return false;
	return true;
}

static void command_take(struct server *server, char *line)
{
	int64_t start_ns = clock_ns();
	server->told = server->asked = server->never = 0;
	server->latencies.count = 0;
	if (!command_run(server, line)) {
		printf("the command is not understood\n");
		return;
	}
	printf("told %u asked %u never %u took_ms %" PRId64 " ", server->told,
		server->asked, server->never, (clock_ns() - start_ns) / 1000000);
	latencies_print(&server->latencies);
	printf("\n");
}

/* Until the end of standard input. A line comes whole: whoever writes it is a shell. */
static void commands_follow(struct server *server)
{
	char line[LINE_MAX_LENGTH];
	for (;;) {
		streams_serve(&server->streams, STDIN_FILENO, FOREVER_NS);
		ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
		if (n <= 0)
			return;
		line[n] = '\0';
		command_take(server, line);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	static struct server server;
	unsigned port, dns_port;
	if (argc != 4 || !number_parse(argv[1], 1, UINT16_MAX, &port) ||
		!number_parse(argv[3], 1, UINT16_MAX, &dns_port)) {
		fprintf(stderr, "usage: apiserver PORT FOLDER DNS_PORT\n");
		return 2;
	}
	if (!streams_open(&server.streams, port, argv[2]))
		return 1;
	server.slices = streams_find(&server.streams, "endpointslices");
	server.dns = server_connect(dns_port);
	if (server.dns < 0 || !changes_init(&server.changes, server.slices->text,
				      server.slices->size)) {
		perror("apiserver");
		return 1;
	}
	printf("serving\n");
	fflush(stdout);
	commands_follow(&server);
	streams_close(&server.streams);
	changes_deinit(&server.changes);
	free(server.latencies.ns);
	close(server.dns);
	return 0;
}
