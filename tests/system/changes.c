/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests change under a running server ($WAYMARK): each step changes one file and says
 * what the server must answer then, and whether the zone's serial moves.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ldns/ldns.h>

#include "tests/system/judge/compare.h"
#include "tests/system/judge/exchange.h"
#include "tests/system/judge/host.h"
#include "tests/system/judge/suite.h"

enum {
	STEP_MS = 5,
	PATIENCE_MS = 20000,
	SETTLE_MS = 300, /* what must not happen is looked for after so long */
	TEXT_MAX = 256,
};

enum serial { SERIAL_MOVES, SERIAL_STAYS };

struct step {
	const char *text;
	const char *file;
	const char *content; /* NULL: the file is removed */
	const char *name;
	const char *expected; /* first answer's data, NODATA, or the rcode */
	enum serial serial;
};

#define SERVICE(address, labels)                                                         \
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\","    \
	"\"namespace\":\"a\",\"labels\":{" labels "}},\"spec\":{\"type\":\"ClusterIP\"," \
	"\"clusterIP\":\"" address "\",\"clusterIPs\":[\"" address "\"],"                \
	"\"ports\":[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":80}]}}"

#define POD(more)                                                                        \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\","          \
	"\"namespace\":\"a\"" more "},\"spec\":{\"containers\":[{\"name\":\"c\","        \
	"\"image\":\"example\"}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"10.3.0." \
	"1\","                                                                           \
	"\"podIPs\":[{\"ip\":\"10.3.0.1\"}]}}"

#define DELETING ",\"deletionTimestamp\":\"2026-01-02T03:04:05Z\""

static const char namespace_a[] =
	"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n";

static const char web[] = "web.a.svc.cluster.local.";
static const char pod[] = "10-3-0-1.a.pod.cluster.local.";

static const struct step steps[] = {
	{"a namespace in a new file exists", "ns.yaml", namespace_a,
		"a.svc.cluster.local.", "NODATA", SERIAL_MOVES},
	{"a service in a new file is answered", "web.json", SERVICE("10.1.0.1", ""), web,
		"10.1.0.1", SERIAL_MOVES},
	{"a replaced file has a new address", "web.json", SERVICE("10.1.0.2", ""), web,
		"10.1.0.2", SERIAL_MOVES},
	{"a label alone leaves the serial", "web.json",
		SERVICE("10.1.0.2", "\"x\":\"y\""), web, "10.1.0.2", SERIAL_STAYS},
	{"a broken file leaves its last good content", "web.json",
		"{\"apiVersion\":", web, "10.1.0.2", SERIAL_STAYS},
	{"a repaired file counts again", "web.json", SERVICE("10.1.0.3", ""), web,
		"10.1.0.3", SERIAL_MOVES},
	{"a removed file takes its names away", "web.json", NULL, web, "NXDOMAIN",
		SERIAL_MOVES},
	{"a pod has its name", "pod.json", POD(""), pod, "10.3.0.1", SERIAL_MOVES},
	{"a pod being deleted loses its name at once", "pod.json", POD(DELETING), pod,
		"NXDOMAIN", SERIAL_MOVES},
	{"a service comes back", "web.json", SERVICE("10.1.0.4", ""), web, "10.1.0.4",
		SERIAL_MOVES},
	{"without its namespace a service is gone", "ns.yaml", NULL, web, "NXDOMAIN",
		SERIAL_MOVES},
};

static void pause_ms(long ms)
{
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&pause, NULL);
}

/* Written beside the folder and moved into it: no reader sees half of it. */
static bool file_change(const struct host *host, const struct step *step)
{
	char path[PATH_MAX], next[PATH_MAX];
	snprintf(path, sizeof(path), "%s/manifests/%s", host->folder, step->file);
	snprintf(next, sizeof(next), "%s/next", host->folder);
	if (!step->content)
		return unlink(path) == 0;
	FILE *file = fopen(next, "we");
	if (!file)
		return false;
	fputs(step->content, file);
	return fclose(file) == 0 && rename(next, path) == 0;
}

static void reply_describe(const struct compare_reply *reply, size_t field, char *out)
{
	const ldns_rr *first = ldns_rr_list_rr(reply->sections[0], 0);
	char *text = first ? ldns_rdf2str(ldns_rr_rdf(first, field)) : NULL;
	if (strcmp(reply->rcode, "NOERROR") != 0)
		snprintf(out, TEXT_MAX, "%s", reply->rcode);
	else
		snprintf(out, TEXT_MAX, "%s", text ? text : "NODATA");
	free(text);
}

/* Field `field` of the first answer's data, NODATA or the rcode into `out`. */
static bool answer_get(
	const char *name, uint16_t type, size_t field, char *out, FILE *problems)
{
	static const struct exchange_way way = {.text = "UDP", .has_edns = true};
	const struct suite_case question = {.qname = name, .type = type, .ede = -1};
	struct compare_reply reply;
	bool is_good = compare_reply_init(&reply) &&
		       exchange_ask(&question, &way, "127.0.0.1", HOST_PORT, &reply,
			       problems) == ERR_NONE;
	if (is_good)
		reply_describe(&reply, field, out);
	compare_reply_deinit(&reply);
	return is_good;
}

static bool serial_get(uint32_t *out, FILE *problems)
{
	char text[TEXT_MAX];
	if (!answer_get("cluster.local.", LDNS_RR_TYPE_SOA, 2, text, problems))
		return false;
	char *end;
	*out = (uint32_t)strtoul(text, &end, 10);
	return end != text && *end == '\0';
}

/* RFC 1982 3.2: a serial is greater when the distance is below half of the numbers. */
static bool is_serial_right(enum serial want, uint32_t before, uint32_t after)
{
	return want == SERIAL_STAYS ? after == before : (int32_t)(after - before) > 0;
}

static bool step_run(const struct host *host, const struct step *step, FILE *problems)
{
	uint32_t before, after = 0;
	char got[TEXT_MAX] = "";
	if (!serial_get(&before, problems) || !file_change(host, step))
		return false;
	if (step->serial == SERIAL_STAYS)
		pause_ms(SETTLE_MS);
	for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
		if (!answer_get(step->name, LDNS_RR_TYPE_A, 0, got, problems) ||
			!serial_get(&after, problems))
			return false;
		if (strcmp(got, step->expected) == 0 &&
			is_serial_right(step->serial, before, after))
			return true;
		if (step->serial == SERIAL_STAYS)
			break;
		pause_ms(STEP_MS);
	}
	fprintf(problems, "got %s, expected %s, serial %u then %u\n", got, step->expected,
		before, after);
	return false;
}

int main(void)
{
	static const struct suite_setup setup = {
		.corefile = ".:53 {\n\tkubernetes cluster.local {\n\t\tpods "
			    "verified\n\t}\n}\n",
		.is_synced = true,
	};
	const size_t count = sizeof(steps) / sizeof(steps[0]);
	struct host host;
	int failures = 0, status = -1;
	if (host_net_check() != ERR_NONE) {
		printf("1..0 # SKIP no network namespace can be made here\n");
		return 0;
	}
	printf("1..%zu\n", count + 1);
	bool is_up = host_start(&host, &setup, stdout) == ERR_NONE;
	for (size_t i = 0; i < count; i++) {
		bool is_good = is_up && step_run(&host, &steps[i], stdout);
		printf("%s %zu - %s\n", is_good ? "ok" : "not ok", i + 1, steps[i].text);
		failures += !is_good;
	}
	bool has_ended = host_stop(&host, &status) == ERR_NONE && status == 0;
	printf("%s %zu - SIGTERM ends the server with status 0\n",
		has_ended ? "ok" : "not ok", count + 1);
	return failures || !has_ended;
}
