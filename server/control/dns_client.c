/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/dns_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/ipaddr.h"
#include "server/wire/edns.h"
#include "server/wire/octets.h"

enum {
	UDP_SIZE = 1232, /* DNS flag day 2020 */
	TIMEOUT_MS = 2000,
	DEFAULT_PORT = 53,
};

enum err dns_client_parse_server(const char *text, struct sockaddr_storage *out)
{
	char host[IPADDR_TEXT_SIZE + 2];
	const char *colon = strrchr(text, ':');
	struct ipaddr address;
	bool has_port = colon && ipaddr_parse(text, &address) != ERR_NONE;
	size_t length = has_port ? (size_t)(colon - text) : strlen(text);
	if (length >= sizeof(host))
		return ERR_SYNTAX;
	memcpy(host, text, length);
	host[length] = '\0';
	char *start = host;
	if (length > 1 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		start++;
	}
	unsigned long port = DEFAULT_PORT;
	if (has_port) {
		char *end;
		port = strtoul(colon + 1, &end, 10);
		if (colon[1] < '0' || colon[1] > '9' || *end || !port || port > 65535)
			return ERR_SYNTAX;
	}
	if (ipaddr_parse(start, &address))
		return ERR_SYNTAX;
	ipaddr_to_sockaddr(&address, (uint16_t)port, out);
	return ERR_NONE;
}

/* With EDNS, so that the reply may say why. */
size_t dns_client_write_request(
	const struct dname *name, uint16_t type, uint16_t id, uint8_t *out)
{
	memset(out, 0, DNS_REQUEST_MAX);
	octets_put_u16(out, id);
	octets_put_u16(out + 2, DNS_FLAG_RD);
	octets_put_u16(out + 4, 1);
	octets_put_u16(out + 10, 1);
	memcpy(out + DNS_HEADER_SIZE, name->bytes, name->length);
	uint8_t *at = out + DNS_HEADER_SIZE + name->length;
	octets_put_u16(at, type);
	octets_put_u16(at + 2, CLASS_IN);
	octets_put_u16(at + 5, TYPE_OPT);
	octets_put_u16(at + 7, UDP_SIZE);
	return (size_t)(at + 4 + EDNS_OPT_SIZE - out);
}

static int connect_to(const struct sockaddr_storage *address, int type)
{
	int fd = socket(address->ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	socklen_t length = address->ss_family == AF_INET ? sizeof(struct sockaddr_in)
							 : sizeof(struct sockaddr_in6);
	const struct timeval timeout = {TIMEOUT_MS / 1000, 0};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) ||
		connect(fd, (const struct sockaddr *)address, length)) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

/* The reply to the request, whose id and question it repeats (RFC 5452 9.1). */
static bool is_reply(
	const uint8_t *reply, size_t length, const uint8_t *request, size_t question_end)
{
	return length >= question_end && memcmp(reply, request, 2) == 0 &&
	       (octets_get_u16(reply + 2) & DNS_FLAG_QR) &&
	       memcmp(reply + DNS_HEADER_SIZE, request + DNS_HEADER_SIZE,
		       question_end - DNS_HEADER_SIZE) == 0;
}

/* Octets of the reply; 0: none, errno says why. Others' datagrams are passed over. */
static size_t ask_udp(
	int fd, unsigned tries, const uint8_t *request, size_t length, uint8_t *reply)
{
	size_t question_end = length - EDNS_OPT_SIZE;
	for (unsigned i = 0; i < tries; i++) {
		if (send(fd, request, length, 0) < 0)
			return 0;
		int64_t end_ns = clock_now_ns() + (int64_t)TIMEOUT_MS * 1000000;
		while (clock_now_ns() < end_ns) {
			ssize_t got = recv(fd, reply, DNS_REPLY_MAX, 0);
			if (got < 0 && errno == ECONNREFUSED)
				return 0;
			if (got > 0 &&
				is_reply(reply, (size_t)got, request, question_end))
				return (size_t)got;
		}
	}
	errno = ETIMEDOUT;
	return 0;
}

static bool read_all(int fd, uint8_t *out, size_t length)
{
	while (length) {
		ssize_t got = recv(fd, out, length, 0);
		if (got <= 0) {
			errno = got ? errno : ECONNRESET;
			return false;
		}
		out += got;
		length -= (size_t)got;
	}
	return true;
}

static size_t ask_tcp(const struct sockaddr_storage *address, const uint8_t *request,
	size_t length, uint8_t *reply)
{
	int fd = connect_to(address, SOCK_STREAM);
	if (fd < 0)
		return 0;
	uint8_t frame[2 + DNS_REQUEST_MAX], head[2];
	octets_put_u16(frame, (uint16_t)length);
	memcpy(frame + 2, request, length);
	size_t got = 0;
	if (send(fd, frame, length + 2, MSG_NOSIGNAL) == (ssize_t)(length + 2) &&
		read_all(fd, head, 2) && read_all(fd, reply, octets_get_u16(head)))
		got = octets_get_u16(head);
	int why = errno;
	close(fd);
	errno = why;
	return is_reply(reply, got, request, length - EDNS_OPT_SIZE) ? got : 0;
}

size_t dns_client_ask(const struct sockaddr_storage *address, const struct dname *name,
	uint16_t type, unsigned tries, uint8_t *reply)
{
	uint16_t id;
	uint8_t request[DNS_REQUEST_MAX];
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		id = (uint16_t)clock_now_ns();
	size_t length = dns_client_write_request(name, type, id, request), got = 0;
	int fd = connect_to(address, SOCK_DGRAM);
	if (fd >= 0) {
		got = ask_udp(fd, tries, request, length, reply);
		int why = errno;
		close(fd);
		errno = why;
	}
	if (got && (octets_get_u16(reply + 2) & DNS_FLAG_TC))
		got = ask_tcp(address, request, length, reply);
	return got;
}
