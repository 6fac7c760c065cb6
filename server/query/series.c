/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/series.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/counter.h"
#include "server/query/query.h"

enum { CACHE_LINE = 64, TYPE_OTHER = SERIES_TYPES - 1 };

const uint16_t series_size_bounds[SERIES_SIZES - 1] = {
	0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000};

const char *const series_type_names[SERIES_TYPES] = {"A", "AAAA", "CNAME", "DNSKEY", "DS",
	"MX", "NSEC3", "NSEC", "NS", "PTR", "RRSIG", "SOA", "SRV", "TXT", "HTTPS", "SVCB",
	"IXFR", "AXFR", "ANY", "other"};

/* Position in series_type_names plus one; 0: other. */
static const uint8_t type_positions[256] = {
	[TYPE_A] = 1,
	[TYPE_AAAA] = 2,
	[TYPE_CNAME] = 3,
	[TYPE_DNSKEY] = 4,
	[TYPE_DS] = 5,
	[TYPE_MX] = 6,
	[TYPE_NSEC3] = 7,
	[TYPE_NSEC] = 8,
	[TYPE_NS] = 9,
	[TYPE_PTR] = 10,
	[TYPE_RRSIG] = 11,
	[TYPE_SOA] = 12,
	[TYPE_SRV] = 13,
	[TYPE_TXT] = 14,
	[TYPE_HTTPS] = 15,
	[TYPE_SVCB] = 16,
	[TYPE_IXFR] = 17,
	[TYPE_AXFR] = 18,
	[TYPE_ANY] = 19,
};

struct series_worker {
	struct series_counters counters;
	/* The worker's alone: replies of the batch whose duration is not known yet. */
	struct series_worker *next;
	uint64_t unsettled;
	int64_t received_ns;
} __attribute__((aligned(CACHE_LINE)));

struct series {
	unsigned worker_count;
	struct series_worker workers[];
};

/* Of this thread. */
static _Thread_local unsigned worker_number;
static _Thread_local struct series_worker *unsettled;

struct series *series_new(unsigned worker_count)
{
	size_t size = sizeof(struct series) + worker_count * sizeof(struct series_worker);
	struct series *series = aligned_alloc(CACHE_LINE, size);
	if (!series)
		return NULL;
	memset(series, 0, size);
	series->worker_count = worker_count;
	return series;
}

void series_free(struct series *series)
{
	free(series);
}

void series_sum(const struct series *series, struct series_counters *out)
{
	_Static_assert(sizeof(*out) % sizeof(uint64_t) == 0, "counters only");
	*out = (struct series_counters){0};
	uint64_t *to = (uint64_t *)out;
	for (unsigned worker = 0; worker < series->worker_count; worker++) {
		const uint64_t *from =
			(const uint64_t *)&series->workers[worker].counters;
		for (size_t i = 0; i < sizeof(*out) / sizeof(uint64_t); i++)
			to[i] += counter_read(&from[i]);
	}
}

void series_register(unsigned worker)
{
	worker_number = worker;
}

static unsigned type_position(const struct request *request)
{
	if (!request->question_length || request->qtype >= sizeof(type_positions))
		return TYPE_OTHER;
	unsigned position = type_positions[request->qtype];
	return position ? position - 1 : TYPE_OTHER;
}

static void sizes_count(struct series_sizes *sizes, size_t octets)
{
	unsigned bucket = 0;
	while (bucket < SERIES_SIZES - 1 && octets > series_size_bounds[bucket])
		bucket++;
	counter_add(&sizes->counts[bucket], 1);
	counter_add(&sizes->octets, octets);
}

static void durations_count(
	struct series_counters *counters, int64_t duration_ns, uint64_t count)
{
	unsigned bucket = 0;
	int64_t bound = SERIES_DURATION0_NS;
	while (bucket < SERIES_DURATIONS - 1 && duration_ns > bound) {
		bucket++;
		bound *= 2;
	}
	counter_add(&counters->durations[bucket], count);
	counter_add(&counters->duration_ns, (uint64_t)duration_ns * count);
}

static void series_settle_worker(struct series_worker *worker, int64_t now_ns)
{
	durations_count(
		&worker->counters, now_ns - worker->received_ns, worker->unsettled);
	worker->unsettled = 0;
}

/* A batch was received at one time, so one number stands for all of its replies. What was
 * suspended comes from an earlier batch. */
static void series_defer(struct series_worker *worker, int64_t received_ns)
{
	if (worker->unsettled && worker->received_ns != received_ns) {
		durations_count(&worker->counters, clock_now_ns() - received_ns, 1);
		return;
	}
	worker->received_ns = received_ns;
	if (worker->unsettled++ == 0) {
		worker->next = unsettled;
		unsettled = worker;
	}
}

void series_count(struct series *series, const struct query *query, size_t length)
{
	assert(worker_number < series->worker_count);
	struct series_worker *worker = &series->workers[worker_number];
	struct series_counters *counters = &worker->counters;
	const struct request *request = &query->request;
	unsigned family = query->client->sa_family == AF_INET6;
	counter_add(
		&counters->requests[query->transport][family][type_position(request)], 1);
	if (request->edns.has_do)
		counter_add(&counters->dnssec_ok, 1);
	if (query->is_autopath)
		counter_add(&counters->autopaths, 1);
	sizes_count(&counters->request_sizes[query->transport], request->length);
	sizes_count(&counters->response_sizes[query->transport], length);
	if (query->reply.rcode < SERIES_RCODES)
		counter_add(
			&counters->responses[query->answered_by][query->reply.rcode], 1);
	series_defer(worker, query->received_ns);
}

void series_count_cache(struct series *series, unsigned counter, uint64_t amount)
{
	if (!series)
		return;
	assert(worker_number < series->worker_count);
	counter_add(&series->workers[worker_number].counters.cache[counter], amount);
}

void series_count_template(struct series *series, const struct request *request)
{
	assert(worker_number < series->worker_count);
	counter_add(&series->workers[worker_number]
			     .counters.template_matches[type_position(request)],
		1);
}

void series_settle(void)
{
	if (!unsettled)
		return;
	int64_t now_ns = clock_now_ns();
	for (; unsettled; unsettled = unsettled->next)
		series_settle_worker(unsettled, now_ns);
}
