/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload_load PORT PID LOG RELOADS COREFILE COREFILE TARGET NAME: asks a server at
 * 127.0.0.1 for
 * the A records of NAME over UDP and TCP without a pause, while TARGET, its Corefile, is
 * exchanged for one and the other COREFILE and SIGHUP is sent, as often as RELOADS says,
 * each time when LOG has the line of the one before. Every query and every answer is
 * counted:
 *
 *   reloads N failed N ms N udp_sent N udp_lost N tcp_sent N tcp_lost N wrong N
 *
 * Exit status 0 when every reload was taken, nothing is lost and nothing is wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LANES = 4,
	WINDOW = 16, /* all lanes together are far from filling a receive buffer */
	MESSAGE_MAX = 4096,
	PATIENCE_MS = 10000,
	RELOAD_PATIENCE_MS = 60000,
	LINE_MAX_SIZE = 1024,
	NANOSECONDS = 1000000000,
};

struct lane {
	pthread_t thread;
	int type;
	int fd;
	uint64_t sent, answered, wrong;
};

struct load {
	struct sockaddr_in server;
	uint8_t question[512];
	size_t question_length;
	atomic_bool is_over;
};

static struct load load;

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

static bool question_make(const char *name)
{
	static const uint8_t header[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	uint8_t *at = load.question;
	memcpy(at, header, sizeof(header));
	at += sizeof(header);
	while (*name) {
		size_t length = strcspn(name, ".");
		if (!length || length > 63 ||
			at + length + 6 > load.question + sizeof(load.question))
			return false;
		*at++ = (uint8_t)length;
		memcpy(at, name, length);
		at += length;
		name += length + (name[length] == '.');
	}
	memcpy(at, "\0\0\1\0\1", 5);
	load.question_length = (size_t)(at + 5 - load.question);
	return true;
}

static bool lane_send(struct lane *lane, uint16_t id)
{
	uint8_t message[sizeof(load.question) + 2];
	size_t length = load.question_length, skip = lane->type == SOCK_STREAM ? 0 : 2;
	message[0] = (uint8_t)(length >> 8);
	message[1] = (uint8_t)length;
	memcpy(message + 2, load.question, length);
	message[2] = (uint8_t)(id >> 8);
	message[3] = (uint8_t)id;
	lane->sent++;
	return send(lane->fd, message + skip, length + 2 - skip, MSG_NOSIGNAL) > 0;
}

/* Exactly `length` octets of a stream, or a datagram of at most as many. */
static ssize_t lane_receive(const struct lane *lane, uint8_t *out, size_t length)
{
	size_t have = 0;
	while (have < length) {
		struct pollfd poller = {lane->fd, POLLIN, 0};
		if (poll(&poller, 1, PATIENCE_MS) != 1)
			return -1;
		ssize_t got = recv(lane->fd, out + have, length - have, 0);
		if (got <= 0)
			return -1;
		have += (size_t)got;
		if (lane->type == SOCK_DGRAM)
			break;
	}
	return (ssize_t)have;
}

/* The next answer, whose id must be one that is under way. */
static bool lane_take(struct lane *lane, bool *is_open, uint16_t first)
{
	uint8_t reply[MESSAGE_MAX];
	size_t length = sizeof(reply);
	if (lane->type == SOCK_STREAM) {
		if (lane_receive(lane, reply, 2) != 2)
			return false;
		length = (size_t)reply[0] << 8 | reply[1];
	}
	if (length > sizeof(reply) || lane_receive(lane, reply, length) < 12)
		return false;
	uint16_t slot = (uint16_t)((reply[0] << 8 | reply[1]) - first);
	bool has_answer = reply[7] > 0 && !(reply[3] & 15);
	if (slot >= WINDOW || !is_open[slot] || !has_answer) {
		lane->wrong++;
		return true;
	}
	is_open[slot] = false;
	lane->answered++;
	return true;
}

/* What is not answered in time stays lost. */
static void *lane_run(void *data)
{
	struct lane *lane = data;
	uint16_t first = 0;
	while (!atomic_load(&load.is_over)) {
		bool is_open[WINDOW];
		for (unsigned i = 0; i < WINDOW; i++)
			is_open[i] = lane_send(lane, (uint16_t)(first + i));
		for (unsigned i = 0; i < WINDOW; i++)
			if (!lane_take(lane, is_open, first))
				return NULL;
		first += WINDOW;
	}
	return NULL;
}

static bool lane_start(struct lane *lane, unsigned number)
{
	lane->type = number % 2 ? SOCK_STREAM : SOCK_DGRAM;
	lane->fd = socket(AF_INET, lane->type | SOCK_CLOEXEC, 0);
	return lane->fd >= 0 &&
	       !connect(lane->fd, (const struct sockaddr *)&load.server,
		       sizeof(load.server)) &&
	       !pthread_create(&lane->thread, NULL, lane_run, lane);
}

/* How the server's log says that a reload has ended: 1 taken, 0 refused, -1 not yet. */
static int log_next(FILE *log, char *line, size_t *length)
{
	while (fgets(line + *length, (int)(LINE_MAX_SIZE - *length), log)) {
		*length += strlen(line + *length);
		if (line[*length - 1] != '\n')
			continue;
		*length = 0;
		if (strstr(line, "was reloaded in"))
			return 1;
		if (strstr(line, "stays in force"))
			return 0;
	}
	clearerr(log);
	return -1;
}

static int log_wait(FILE *log)
{
	char line[LINE_MAX_SIZE];
	size_t length = 0;
	const struct timespec pause = {0, 200000};
	int64_t end_ns = now_ns() + (int64_t)RELOAD_PATIENCE_MS * 1000000;
	int result;
	while ((result = log_next(log, line, &length)) < 0 && now_ns() < end_ns)
		nanosleep(&pause, NULL);
	return result;
}

/* Returns how many were not taken. */
static unsigned reloads_run(
	unsigned count, pid_t server, FILE *log, char **corefiles, const char *target)
{
	char next[4096];
	unsigned failed = 0;
	for (unsigned i = 0; i < count; i++) {
		snprintf(next, sizeof(next), "%s.next", target);
		unlink(next);
		if (link(corefiles[i % 2], next) || rename(next, target) ||
			kill(server, SIGHUP) || log_wait(log) != 1)
			failed++;
	}
	return failed;
}

static int report(struct lane *lanes, unsigned count, unsigned failed, int64_t took_ns)
{
	uint64_t sent[2] = {0}, lost[2] = {0}, wrong = 0;
	for (unsigned i = 0; i < LANES; i++) {
		pthread_join(lanes[i].thread, NULL);
		close(lanes[i].fd);
		sent[i % 2] += lanes[i].sent;
		lost[i % 2] += lanes[i].sent - lanes[i].answered;
		wrong += lanes[i].wrong;
	}
	printf("reloads %u failed %u ms %lld udp_sent %llu udp_lost %llu tcp_sent %llu "
	       "tcp_lost %llu wrong %llu\n",
		count, failed, (long long)(took_ns / 1000000),
		(unsigned long long)sent[0], (unsigned long long)lost[0],
		(unsigned long long)sent[1], (unsigned long long)lost[1],
		(unsigned long long)wrong);
	return failed || lost[0] || lost[1] || wrong || !sent[0] || !sent[1];
}

int main(int argc, char **argv)
{
	if (argc != 9 || !question_make(argv[8])) {
		fprintf(stderr, "usage: reload_load PORT PID LOG RELOADS COREFILE "
				"COREFILE TARGET NAME\n");
		return 2;
	}
	FILE *log = fopen(argv[3], "re");
	if (!log || fseek(log, 0, SEEK_END)) {
		fprintf(stderr, "%s: %s\n", argv[3], strerror(errno));
		return 1;
	}
	unsigned count = (unsigned)strtoul(argv[4], NULL, 10);
	load.server = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct lane lanes[LANES] = {0};
	for (unsigned i = 0; i < LANES; i++) {
		if (!lane_start(&lanes[i], i)) {
			fprintf(stderr, "cannot ask the server: %s\n", strerror(errno));
			return 1;
		}
	}
	int64_t start_ns = now_ns();
	pid_t server = (pid_t)strtol(argv[2], NULL, 10);
	unsigned failed = reloads_run(count, server, log, argv + 5, argv[7]);
	int64_t took_ns = now_ns() - start_ns;
	atomic_store(&load.is_over, true);
	fclose(log);
	return report(lanes, count, failed, took_ns);
}
