/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load -p PORT [-t MILLISECONDS] [-c SOCKETS] [-w WINDOW] [-r RATE] [-u]
 *      [-P PID[,PID...] | -T TID[,TID...]] FILE
 *
 * Load on a server at 127.0.0.1: each of SOCKETS sockets keeps WINDOW queries in flight,
 * taken in turn from FILE ("name TYPE" lines). With -u the first eight characters of each
 * name become a number, another one each time. With -r not more than RATE queries leave
 * in a second, and how long their answers took is printed too. With -P also the CPU time
 * that those processes, with -T those threads, spent for each query that they answered.
 * One line of results:
 *
 *   qps N answered N lost N noerror N nxdomain N other N cpu_ns N
 *       [median_ms N p99_ms N max_ms N]
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/ask.h"
#include "tests/bench/cpu.h"
#include "tests/bench/latency.h"
#include "tests/bench/number.h"
#include "tests/bench/question.h"

enum {
	BATCH = 64,
	SOCKETS_MAX = 64,
	REPLY_MAX = 4096,
	RECEIVE_BUFFER = 4 << 20,
	WINDOW_MAX = 1024,
	DURATION_MAX_MS = 60000,
	RATE_MAX = 1000000,
	SERIAL_LENGTH = 8,
	LABEL_AT = 12, /* the length of the first label of the question */
	LOST_NS =
		500000000, /* a socket without a reply for so long has lost its queries */
	DRAIN_NS = 1000000000,
};

struct question {
	uint16_t length;
	uint8_t bytes[QUESTION_MAX];
};

struct lane {
	unsigned in_flight;
	uint16_t id;
	int64_t last_ns;             /* when it last heard of the server, or first sent */
	int64_t sent_ns[WINDOW_MAX]; /* by id; only where latencies are wanted */
};

struct load {
	struct question *questions;
	size_t count, next;
	unsigned lanes, window;
	unsigned rate; /* 0: as many as are answered */
	uint16_t port;
	const char *pids, *tids;
	bool is_unique;
	uint32_t serial;
	struct lane lane[SOCKETS_MAX];
	struct pollfd poll[SOCKETS_MAX];
	uint64_t sent, answered, lost, rcodes[16];
	int64_t start_ns, now_ns;
	struct latencies latencies;
};

static struct mmsghdr out_messages[BATCH], in_messages[BATCH];
static struct iovec out_vectors[BATCH], in_vectors[BATCH];
static uint8_t out_bytes[BATCH][QUESTION_MAX], in_bytes[BATCH][REPLY_MAX];

static bool questions_load(struct load *load, const char *path)
{
	char line[512], name[256], type[16];
	size_t capacity = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (load->count == capacity) {
			capacity = capacity ? capacity * 2 : 1024;
			struct question *grown =
				reallocarray(load->questions, capacity, sizeof(*grown));
			if (!grown)
				break;
			load->questions = grown;
		}
		struct question *question = &load->questions[load->count];
		if (sscanf(line, "%255s %15s", name, type) != 2)
			continue;
		question->length = (uint16_t)question_write(name, type, question->bytes);
		load->count += question->length > 0;
	}
	fclose(file);
	return load->count > 0;
}

static bool lanes_open(struct load *load)
{
	const struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons(load->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int size = RECEIVE_BUFFER;
	for (unsigned i = 0; i < load->lanes; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0 ||
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0 ||
			connect(fd, (const struct sockaddr *)&server, sizeof(server)) !=
				0)
			return false;
		load->poll[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	for (int i = 0; i < BATCH; i++) {
		in_vectors[i] = (struct iovec){in_bytes[i], REPLY_MAX};
		in_messages[i].msg_hdr.msg_iov = &in_vectors[i];
		in_messages[i].msg_hdr.msg_iovlen = 1;
		out_vectors[i].iov_base = out_bytes[i];
		out_messages[i].msg_hdr.msg_iov = &out_vectors[i];
		out_messages[i].msg_hdr.msg_iovlen = 1;
	}
	return true;
}

/* How many queries may leave by now, of those that the window has room for. */
static unsigned rate_allows(const struct load *load, unsigned want)
{
	if (!load->rate)
		return want;
	uint64_t due =
		(uint64_t)(load->now_ns - load->start_ns) * load->rate / 1000000000;
	uint64_t allowed = due > load->sent ? due - load->sent : 0;
	return allowed < want ? (unsigned)allowed : want;
}

static void serial_write(uint8_t *query, uint32_t serial)
{
	char digits[SERIAL_LENGTH + 1];
	snprintf(digits, sizeof(digits), "%08x", (unsigned)serial);
	if (query[LABEL_AT] >= SERIAL_LENGTH)
		memcpy(query + LABEL_AT + 1, digits, SERIAL_LENGTH);
}

static void query_prepare(struct load *load, struct lane *lane, unsigned slot)
{
	const struct question *question = &load->questions[load->next];
	uint8_t *query = out_bytes[slot];
	load->next = load->next + 1 < load->count ? load->next + 1 : 0;
	memcpy(query, question->bytes, question->length);
	if (load->is_unique)
		serial_write(query, load->serial++);
	if (load->rate)
		lane->sent_ns[lane->id % WINDOW_MAX] = load->now_ns;
	query[0] = (uint8_t)(lane->id >> 8);
	query[1] = (uint8_t)lane->id++;
	out_vectors[slot].iov_len = question->length;
}

static void lane_fill(struct load *load, unsigned i)
{
	struct lane *lane = &load->lane[i];
	unsigned want = rate_allows(load, load->window - lane->in_flight);
	assert(load->questions);
	if (want > BATCH)
		want = BATCH;
	if (!want)
		return;
	for (unsigned j = 0; j < want; j++)
		query_prepare(load, lane, j);
	int sent = sendmmsg(load->poll[i].fd, out_messages, want, 0);
	if (sent <= 0)
		return;
	if (!lane->in_flight)
		lane->last_ns = load->now_ns;
	lane->in_flight += (unsigned)sent;
	load->sent += (unsigned)sent;
}

static void lane_drain(struct load *load, unsigned i)
{
	struct lane *lane = &load->lane[i];
	int got = recvmmsg(load->poll[i].fd, in_messages, BATCH, MSG_DONTWAIT, NULL);
	for (int j = 0; j < got; j++) {
		if (in_messages[j].msg_len < 12 || !(in_bytes[j][2] & 0x80))
			continue;
		unsigned id = (unsigned)in_bytes[j][0] << 8 | in_bytes[j][1];
		if (load->rate)
			latencies_add(&load->latencies,
				load->now_ns - lane->sent_ns[id % WINDOW_MAX]);
		load->rcodes[in_bytes[j][3] & 15]++;
		load->answered++;
		lane->in_flight -= lane->in_flight > 0;
		lane->last_ns = load->now_ns;
	}
}

static unsigned lanes_wait(struct load *load)
{
	unsigned in_flight = 0;
	/* With a rate the next query is due soon whether an answer comes or not. */
	poll(load->poll, load->lanes, load->rate ? 1 : 20);
	load->now_ns = clock_ns();
	for (unsigned i = 0; i < load->lanes; i++) {
		struct lane *lane = &load->lane[i];
		if (load->poll[i].revents)
			lane_drain(load, i);
		if (lane->in_flight && load->now_ns - lane->last_ns > LOST_NS) {
			load->lost += lane->in_flight;
			lane->in_flight = 0;
		}
		in_flight += lane->in_flight;
	}
	return in_flight;
}

/* Seconds that it took. */
static double load_run(struct load *load, unsigned duration_ms)
{
	load->start_ns = load->now_ns = clock_ns();
	int64_t end = load->start_ns + (int64_t)duration_ms * 1000000;
	/* A thousand names a millisecond, so that no run repeats those of one before. */
	load->serial = (uint32_t)(load->start_ns / 1000000 * 1024);
	while (load->now_ns < end) {
		for (unsigned i = 0; i < load->lanes; i++)
			lane_fill(load, i);
		lanes_wait(load);
	}
	while (load->now_ns < end + DRAIN_NS && lanes_wait(load) > 0)
		continue;
	for (unsigned i = 0; i < load->lanes; i++)
		load->lost += load->lane[i].in_flight;
	return (double)(load->now_ns - load->start_ns) / 1e9;
}

static void result_print(struct load *load, double seconds, uint64_t cpu_ns)
{
	uint64_t answered = load->answered ? load->answered : 1;
	printf("qps %.0f answered %llu lost %llu noerror %llu nxdomain %llu other %llu "
	       "cpu_ns %.1f",
		(double)load->answered / seconds, (unsigned long long)load->answered,
		(unsigned long long)load->lost, (unsigned long long)load->rcodes[0],
		(unsigned long long)load->rcodes[3],
		(unsigned long long)(load->answered - load->rcodes[0] - load->rcodes[3]),
		(double)cpu_ns / (double)answered);
	if (load->rate) {
		/* What was never answered took longer than all that was. */
		for (uint64_t i = 0; i < load->lost; i++)
			latencies_add(&load->latencies, DRAIN_NS);
		printf(" ");
		latencies_print(&load->latencies);
	}
	printf("\n");
}

static uint64_t cpu_ns(const struct load *load)
{
	return processes_cpu_ns(load->pids) + threads_cpu_ns(load->tids);
}

static bool option_take(
	struct load *load, int option, unsigned *port, unsigned *duration_ms)
{
	switch (option) {
	case 'p':
		return number_parse(optarg, 1, UINT16_MAX, port);
	case 't':
		return number_parse(optarg, 1, DURATION_MAX_MS, duration_ms);
	case 'c':
		return number_parse(optarg, 1, SOCKETS_MAX, &load->lanes);
	case 'w':
		return number_parse(optarg, 1, WINDOW_MAX, &load->window);
	case 'r':
		return number_parse(optarg, 1, RATE_MAX, &load->rate);
	case 'u':
		load->is_unique = true;
		return true;
	case 'P':
		load->pids = optarg;
		return true;
	case 'T':
		load->tids = optarg;
		return true;
	default:
		return false;
	}
}

static bool options_parse(struct load *load, int argc, char **argv, unsigned *duration_ms)
{
	unsigned port = 0;
	bool is_right = true;
	int option;
	while ((option = getopt(argc, argv, "p:t:c:w:r:uP:T:")) != -1)
		is_right &= option_take(load, option, &port, duration_ms);
	load->port = (uint16_t)port;
	return is_right && port && optind + 1 == argc;
}

int main(int argc, char **argv)
{
	static struct load load = {.lanes = 8, .window = 16};
	unsigned duration_ms = 1000;
	if (!options_parse(&load, argc, argv, &duration_ms)) {
		fprintf(stderr, "usage: load -p PORT [-t MS] [-c SOCKETS] [-w WINDOW] "
				"[-r RATE] [-u] [-P PIDS | -T TIDS] FILE\n");
		return 2;
	}
	if (!questions_load(&load, argv[optind]) || !lanes_open(&load)) {
		fprintf(stderr, "%s: %s\n", argv[optind],
			errno ? strerror(errno) : "no questions");
		return 1;
	}
	uint64_t before = cpu_ns(&load);
	double took = load_run(&load, duration_ms);
	result_print(&load, took, cpu_ns(&load) - before);
	return load.answered ? 0 : 1;
}
