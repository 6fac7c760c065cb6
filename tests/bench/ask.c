/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/ask.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	/* A pointer to the name, type, class, TTL, length. */
	RECORD_HEAD = 12,
	RECORD_A = RECORD_HEAD + 4,
};

int64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int server_connect(unsigned port)
{
	const struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
		connect(fd, (const struct sockaddr *)&server, sizeof(server)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool reply_has_address(const uint8_t *reply, size_t length, size_t question_length,
	struct in_addr address)
{
	return length >= question_length + RECORD_A && (reply[3] & 15) == 0 &&
	       reply[7] > 0 &&
	       memcmp(reply + question_length + RECORD_HEAD, &address, 4) == 0;
}
