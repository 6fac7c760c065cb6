/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo PORT [answer]: the least that a UDP server on this kernel can do. It takes a batch
 * of datagrams, sets QR and AA, makes each 16 bytes longer, which is what an A record
 * adds, and sends the batch back. One thread, one socket, on 127.0.0.1.
 *
 * With "answer" those bytes are an A record behind the question: other servers can
 * forward to it.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/bench/number.h"

enum {
	BATCH = 64,
	DATAGRAM_MAX = 2048,
	GROWTH = 16,
	RECEIVE_BUFFER = 4 << 20,
	HEADER = 12,
};

static uint8_t buffers[BATCH][DATAGRAM_MAX + GROWTH];
static struct sockaddr_storage peers[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

static int socket_open(unsigned port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int size = RECEIVE_BUFFER;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) != 0 ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fd;
}

static void batch_prepare(void)
{
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){buffers[i], DATAGRAM_MAX};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &peers[i],
			.msg_namelen = sizeof(peers[i]),
			.msg_iov = &vectors[i],
			.msg_iovlen = 1,
		};
	}
}

/* The length of the reply; what stood behind the question is gone. */
static size_t answer_write(uint8_t *bytes, size_t length)
{
	static const uint8_t record[GROWTH] = {
		0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
	size_t end = HEADER;
	while (end < length && bytes[end])
		end += bytes[end] + 1U;
	end += 5;
	if (end > length)
		return length;
	bytes[3] = 0x80; /* RA, NOERROR */
	memset(bytes + 6, 0, 6);
	bytes[7] = 1;
	memcpy(bytes + end, record, GROWTH);
	return end + GROWTH;
}

static void batch_answer(int fd, int count, bool is_answer)
{
	for (int i = 0; i < count; i++) {
		size_t length = messages[i].msg_len;
		buffers[i][2] |= 0x84;
		vectors[i].iov_len =
			is_answer ? answer_write(buffers[i], length) : length + GROWTH;
	}
	for (int sent = 0; sent < count;) {
		int n = sendmmsg(fd, messages + sent, (unsigned)(count - sent), 0);
		if (n <= 0)
			return;
		sent += n;
	}
}

int main(int argc, char **argv)
{
	unsigned port;
	bool is_answer = argc == 3 && strcmp(argv[2], "answer") == 0;
	bool is_right =
		(argc == 2 || is_answer) && number_parse(argv[1], 1, UINT16_MAX, &port);
	int fd = is_right ? socket_open(port) : -1;
	if (fd < 0) {
		perror("echo PORT [answer]");
		return 1;
	}
	for (;;) {
		batch_prepare();
		int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		if (count > 0)
			batch_answer(fd, count, is_answer);
	}
}
