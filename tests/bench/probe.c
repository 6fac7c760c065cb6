/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe cold PORT NAME ADDRESS LOG PROGRAM [ARGUMENT...]
 *     starts PROGRAM with standard error in LOG, and leaves it running. Prints
 *     "pid N answer_ms N ready_ms N": until the first right answer, until LOG says
 * "ready".
 *
 * probe change PORT FOLDER ROUNDS
 *     writes a Service to FOLDER/manifests and waits for its new address in the answer,
 *     ROUNDS times. Prints "median_ms N p99_ms N max_ms N".
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

#include "tests/bench/ask.h"
#include "tests/bench/latency.h"
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
	return (double)clock_ns() / 1e6;
}

static void pause_us(long us)
{
	const struct timespec pause = {us / 1000000, us % 1000000 * 1000};
	nanosleep(&pause, NULL);
}

static int server_open(const char *port_text)
{
	unsigned port;
	if (!number_parse(port_text, 1, UINT16_MAX, &port)) {
		fprintf(stderr, "\"%s\" is no port\n", port_text);
		exit(2);
	}
	int fd = server_connect(port);
	if (fd < 0) {
		perror("socket");
		exit(1);
	}
	return fd;
}

/* Asks once. True when the reply has this address. */
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
		return reply_has_address(reply, (size_t)n, length, address);
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
	int fd = server_open(argv[2]);
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

/* Nanoseconds from the file's rename to the answer, or -1. */
static int64_t change_measure(int fd, const char *folder, unsigned round)
{
	char text[32];
	struct in_addr address;
	snprintf(text, sizeof(text), "10.95.0.%u", 1 + round % 250);
	inet_pton(AF_INET, text, &address);
	if (!service_save(folder, text))
		return -1;
	int64_t start = clock_ns();
	while (!has_address(fd, probe_name, address)) {
		if (clock_ns() - start > PATIENCE_MS * INT64_C(1000000))
			return -1;
		pause_us(STEP_US);
	}
	return clock_ns() - start;
}

static int change_run(char **argv)
{
	struct latencies took = {NULL, 0, 0};
	unsigned rounds;
	int fd = server_open(argv[2]);
	if (!number_parse(argv[4], 1, ROUNDS_MAX, &rounds))
		return 2;
	for (unsigned i = 0; i < rounds; i++) {
		pause_us(PAUSE_MS * 1000L);
		int64_t ns = change_measure(fd, argv[3], i);
		if (ns < 0) {
			fprintf(stderr, "the change was never answered\n");
			return 1;
		}
		latencies_add(&took, ns);
	}
	latencies_print(&took);
	printf("\n");
	free(took.ns);
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
