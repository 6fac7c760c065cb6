/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe cold PORT NAME ADDRESS LOG PROGRAM [ARGUMENT...]
 *     starts PROGRAM with standard error in LOG, and leaves it running. Prints
 *     "pid N answer_ms N ready_ms N": until the first right answer, until LOG says
 * "ready".
 *
 * probe change PORT FOLDER ROUNDS
 *     writes a Service to FOLDER/manifests and waits for its new address in the answer,
 *     ROUNDS times. Prints "median_ms N max_ms N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/number.h"
#include "tests/bench/question.h"

enum {
	STEP_US = 200,
	PATIENCE_MS = 60000,
	ROUNDS_MAX = 100,
	PAUSE_MS = 150, /* longer than the server gathers changes */
};

static const char probe_name[] = "probe.ns-0.svc.cluster.local";

static double clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void pause_us(long us)
{
	const struct timespec pause = {us / 1000000, us % 1000000 * 1000};
	nanosleep(&pause, NULL);
}

static int server_connect(const char *port_text)
{
	unsigned port;
	if (!number_parse(port_text, 1, UINT16_MAX, &port)) {
		fprintf(stderr, "\"%s\" is no port\n", port_text);
		exit(2);
	}
	const struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
		connect(fd, (const struct sockaddr *)&server, sizeof(server)) != 0) {
		perror("socket");
		exit(1);
	}
	return fd;
}

/* Asks once. True when the reply's only answer ends in these four bytes. */
static bool has_address(int fd, const char *name, struct in_addr address)
{
	static uint16_t id;
	uint8_t query[QUESTION_MAX], reply[4096];
	size_t length = question_write(name, "A", query);
	query[0] = (uint8_t)(++id >> 8);
	query[1] = (uint8_t)id;
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	if (send(fd, query, length, 0) < 0)
		return false;
	while (poll(&poll_fd, 1, 20) > 0) {
		ssize_t n = recv(fd, reply, sizeof(reply), 0);
		if (n < 0)
			return false;
		if (n < (ssize_t)length || memcmp(reply, query, 2) != 0)
			continue;
		/* The first record: a pointer, type, class, TTL, length, address. */
		return (reply[3] & 15) == 0 && reply[7] > 0 &&
		       n >= (ssize_t)length + 16 &&
		       memcmp(reply + length + 12, &address, 4) == 0;
	}
	return false;
}

static bool log_says_ready(const char *path)
{
	static char text[1 << 18];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	return n > 0 && memmem(text, (size_t)n, "ready", 5);
}

static pid_t program_start(const char *log, char **arguments)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int null = open("/dev/null", O_RDWR);
	if (fd >= 0 && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
		dup2(null, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0)
		execvp(arguments[0], arguments);
	_exit(127);
}

static int cold_run(char **argv)
{
	struct in_addr address;
	if (inet_pton(AF_INET, argv[4], &address) != 1)
		return 2;
	int fd = server_connect(argv[2]);
	double start = clock_ms(), answer = 0, ready = 0;
	pid_t pid = program_start(argv[5], argv + 6);
	while (pid > 0 && (!answer || !ready)) {
		if (waitpid(pid, NULL, WNOHANG) == pid ||
			clock_ms() - start > PATIENCE_MS) {
			fprintf(stderr, "\"%s\" did not answer, see \"%s\"\n", argv[6],
				argv[5]);
			kill(pid, SIGKILL);
			return 1;
		}
		if (!answer && has_address(fd, argv[3], address))
			answer = clock_ms() - start;
		if (!ready && log_says_ready(argv[5]))
			ready = clock_ms() - start;
		pause_us(STEP_US);
	}
	printf("pid %d answer_ms %.1f ready_ms %.1f\n", (int)pid, answer, ready);
	return 0;
}

static bool service_save(const char *folder, const char *address)
{
	char next[PATH_MAX], path[PATH_MAX];
	snprintf(next, sizeof(next), "%s/probe.next", folder);
	snprintf(path, sizeof(path), "%s/manifests/probe.json", folder);
	FILE *file = fopen(next, "we");
	if (!file)
		return false;
	fprintf(file,
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":"
		"\"probe\","
		"\"namespace\":\"ns-0\"},\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":"
		"\"%s\","
		"\"clusterIPs\":[\"%s\"],\"ports\":[{\"name\":\"http\",\"protocol\":"
		"\"TCP\","
		"\"port\":80}]}}\n",
		address, address);
	return fclose(file) == 0 && rename(next, path) == 0;
}

/* Milliseconds from the file's rename to the answer, or -1. */
static double change_measure(int fd, const char *folder, unsigned round)
{
	char text[32];
	struct in_addr address;
	snprintf(text, sizeof(text), "10.95.0.%u", 1 + round % 250);
	inet_pton(AF_INET, text, &address);
	if (!service_save(folder, text))
		return -1;
	double start = clock_ms();
	while (!has_address(fd, probe_name, address)) {
		if (clock_ms() - start > PATIENCE_MS)
			return -1;
		pause_us(STEP_US);
	}
	return clock_ms() - start;
}

static int double_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int change_run(char **argv)
{
	double took[ROUNDS_MAX];
	unsigned rounds;
	int fd = server_connect(argv[2]);
	if (!number_parse(argv[4], 1, ROUNDS_MAX, &rounds))
		return 2;
	for (unsigned i = 0; i < rounds; i++) {
		pause_us(PAUSE_MS * 1000L);
		took[i] = change_measure(fd, argv[3], i);
		if (took[i] < 0) {
			fprintf(stderr, "the change was never answered\n");
			return 1;
		}
	}
	qsort(took, rounds, sizeof(took[0]), double_compare);
	printf("median_ms %.2f max_ms %.2f\n", took[rounds / 2], took[rounds - 1]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 6 && strcmp(argv[1], "cold") == 0)
		return cold_run(argv);
	if (argc == 5 && strcmp(argv[1], "change") == 0)
		return change_run(argv);
	fprintf(stderr, "usage: probe cold PORT NAME ADDRESS LOG PROGRAM [ARGUMENT...]\n"
			"       probe change PORT FOLDER ROUNDS\n");
	return 2;
}
