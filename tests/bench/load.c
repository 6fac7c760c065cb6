/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load -p PORT [-t MILLISECONDS] [-c SOCKETS] [-w WINDOW] [-P PID[,PID...]] FILE
 *
 * Closed-loop load on a server at 127.0.0.1: each of SOCKETS sockets keeps WINDOW queries
 * in flight, taken in turn from FILE ("name TYPE" lines). With -P also the CPU time that
 * those processes spent for each query that they answered. One line of results:
 *
 *   qps N answered N lost N noerror N nxdomain N other N cpu_ns N
 */
#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/number.h"
#include "tests/bench/question.h"

enum {
	BATCH = 64,
	SOCKETS_MAX = 64,
	REPLY_MAX = 4096,
	RECEIVE_BUFFER = 4 << 20,
	WINDOW_MAX = 1024,
	DURATION_MAX_MS = 60000,
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
	int64_t last_ns; /* when it last heard of the server, or first sent */
};

struct load {
	struct question *questions;
	size_t count, next;
	unsigned lanes, window;
	uint16_t port;
	struct lane lane[SOCKETS_MAX];
	struct pollfd poll[SOCKETS_MAX];
	uint64_t answered, lost, rcodes[16];
	int64_t now_ns;
};

static struct mmsghdr out_messages[BATCH], in_messages[BATCH];
static struct iovec out_vectors[BATCH], in_vectors[BATCH];
static uint8_t out_bytes[BATCH][QUESTION_MAX], in_bytes[BATCH][REPLY_MAX];

static int64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

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

/* Nanoseconds that all threads of a process have run, from the scheduler's own account:
 * the clock ticks of /proc/PID/stat are too coarse for a run of half a second. */
static uint64_t process_cpu_ns(long pid)
{
	char path[512], text[128];
	uint64_t total = 0;
	snprintf(path, sizeof(path), "/proc/%ld/task", pid);
	DIR *folder = opendir(path);
	if (!folder)
		return 0;
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		snprintf(path, sizeof(path), "/proc/%ld/task/%s/schedstat", pid,
			entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (!file)
			continue;
		if (fgets(text, sizeof(text), file))
			total += strtoull(text, NULL, 10);
		fclose(file);
	}
	closedir(folder);
	return total;
}

static uint64_t processes_cpu_ns(const char *pids)
{
	uint64_t total = 0;
	while (pids && *pids) {
		char *end;
		total += process_cpu_ns(strtol(pids, &end, 10));
		pids = *end == ',' ? end + 1 : "";
	}
	return total;
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

static void lane_fill(struct load *load, unsigned i)
{
	struct lane *lane = &load->lane[i];
	unsigned want = load->window - lane->in_flight;
	assert(load->questions);
	if (want > BATCH)
		want = BATCH;
	if (!want)
		return;
	for (unsigned j = 0; j < want; j++) {
		const struct question *question = &load->questions[load->next];
		load->next = load->next + 1 < load->count ? load->next + 1 : 0;
		memcpy(out_bytes[j], question->bytes, question->length);
		out_bytes[j][0] = (uint8_t)(lane->id >> 8);
		out_bytes[j][1] = (uint8_t)lane->id++;
		out_vectors[j].iov_len = question->length;
	}
	int sent = sendmmsg(load->poll[i].fd, out_messages, want, 0);
	if (sent <= 0)
		return;
	if (!lane->in_flight)
		lane->last_ns = load->now_ns;
	lane->in_flight += (unsigned)sent;
}

static void lane_drain(struct load *load, unsigned i)
{
	struct lane *lane = &load->lane[i];
	int got = recvmmsg(load->poll[i].fd, in_messages, BATCH, MSG_DONTWAIT, NULL);
	for (int j = 0; j < got; j++) {
		if (in_messages[j].msg_len < 12 || !(in_bytes[j][2] & 0x80))
			continue;
		load->rcodes[in_bytes[j][3] & 15]++;
		load->answered++;
		lane->in_flight -= lane->in_flight > 0;
		lane->last_ns = load->now_ns;
	}
}

static unsigned lanes_wait(struct load *load)
{
	unsigned in_flight = 0;
	poll(load->poll, load->lanes, 20);
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
	int64_t start = clock_ns();
	int64_t end = start + (int64_t)duration_ms * 1000000;
	load->now_ns = start;
	while (load->now_ns < end) {
		for (unsigned i = 0; i < load->lanes; i++)
			lane_fill(load, i);
		lanes_wait(load);
	}
	while (load->now_ns < end + DRAIN_NS && lanes_wait(load) > 0)
		continue;
	return (double)(load->now_ns - start) / 1e9;
}

static void result_print(const struct load *load, double seconds, uint64_t cpu_ns)
{
	uint64_t answered = load->answered ? load->answered : 1;
	printf("qps %.0f answered %llu lost %llu noerror %llu nxdomain %llu other %llu "
	       "cpu_ns %.1f\n",
		(double)load->answered / seconds, (unsigned long long)load->answered,
		(unsigned long long)load->lost, (unsigned long long)load->rcodes[0],
		(unsigned long long)load->rcodes[3],
		(unsigned long long)(load->answered - load->rcodes[0] - load->rcodes[3]),
		(double)cpu_ns / (double)answered);
}

static bool options_parse(struct load *load, int argc, char **argv, unsigned *duration_ms,
	const char **pids)
{
	unsigned port = 0;
	bool is_right = true;
	int option;
	while ((option = getopt(argc, argv, "p:t:c:w:P:")) != -1) {
		if (option == 'p')
			is_right &= number_parse(optarg, 1, UINT16_MAX, &port);
		else if (option == 't')
			is_right &= number_parse(optarg, 1, DURATION_MAX_MS, duration_ms);
		else if (option == 'c')
			is_right &= number_parse(optarg, 1, SOCKETS_MAX, &load->lanes);
		else if (option == 'w')
			is_right &= number_parse(optarg, 1, WINDOW_MAX, &load->window);
		else if (option == 'P')
			*pids = optarg;
		else
			is_right = false;
	}
	load->port = (uint16_t)port;
	return is_right && port && optind + 1 == argc;
}

int main(int argc, char **argv)
{
	static struct load load = {.lanes = 8, .window = 16};
	const char *pids = NULL;
	unsigned duration_ms = 1000;
	if (!options_parse(&load, argc, argv, &duration_ms, &pids)) {
		fprintf(stderr, "usage: load -p PORT [-t MS] [-c SOCKETS] [-w WINDOW] "
				"[-P PIDS] FILE\n");
		return 2;
	}
	if (!questions_load(&load, argv[optind]) || !lanes_open(&load)) {
		fprintf(stderr, "%s: %s\n", argv[optind],
			errno ? strerror(errno) : "no questions");
		return 1;
	}
	uint64_t before = processes_cpu_ns(pids);
	double took = load_run(&load, duration_ms);
	result_print(&load, took, processes_cpu_ns(pids) - before);
	return load.answered ? 0 : 1;
}
