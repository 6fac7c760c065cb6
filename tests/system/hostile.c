/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upstream that is not to be trusted: hostile PORT, on 127.0.0.1, UDP and TCP. What
 * it does to a question depends on the first label; the answer that counts is 192.0.2.1,
 * what must never be believed is 198.51.100.66:
 *
 *   id name case class type port address  a forged reply that is wrong in that, then a
 * good one extra     the answer among records of other names garbage   a reply that
 * breaks off silent    none old       FORMERR without a question to what has EDNS, the
 * answer to what has not older     the same with NOTIMP and the question formerr   that
 * error, always lower     the answer, but the question in small letters capitals  how
 * many the question has, as the last octet of the address whole     the answer, its owner
 * written out as the question spells it slow      the answer after 300 ms trunc     by
 * UDP only a truncated reply refused servfail nodata  that, without a record circle    a
 * CNAME that leads back proto     the number of the protocol as the last octet of the
 * address close     by TCP the connection ends behind the answer count     how often it
 * was asked, as the last octet of the address
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 1024, HEAD = 12, TTL = 60 };

static const uint8_t good[4] = {192, 0, 2, 1}, forged[4] = {198, 51, 100, 66};

struct message {
	uint8_t bytes[SIZE];
	size_t length, question_end;
};

/* Where a reply goes. */
struct path {
	int fd, other_fd; /* another port of the same address */
	int far_fd;       /* the same port of another address */
	bool is_tcp;
	struct sockaddr_in peer;
};

static void put(struct message *message, const void *bytes, size_t length)
{
	memcpy(message->bytes + message->length, bytes, length);
	message->length += length;
}

struct octets {
	const void *at;
	size_t length;
};

#define OCTETS(array) ((struct octets){(array), sizeof(array)})

/* "\300\014", without its NUL; what `name` is where it is another has its own. */
static const struct octets question_name = {"\300\014", 2};

static void put_record(struct message *message, unsigned section, struct octets name,
	uint8_t type, struct octets rdata)
{
	const uint8_t head[] = {0, type, 0, 1, 0, 0, 0, TTL, 0, (uint8_t)rdata.length};
	put(message, name.at, name.length);
	put(message, head, sizeof(head));
	put(message, rdata.at, rdata.length);
	message->bytes[7 + 2 * section]++;
}

static void reply_init(struct message *reply, const struct message *query)
{
	memset(reply, 0, sizeof(*reply));
	put(reply, query->bytes, query->question_end);
	memset(reply->bytes + 6, 0, 6);
	reply->bytes[2] = 0x81;
	reply->bytes[3] = 0x80;
	reply->question_end = query->question_end;
}

static void send_reply(const struct path *path, const struct message *reply)
{
	if (path->is_tcp) {
		uint16_t prefix = htons((uint16_t)reply->length);
		(void)!write(path->fd, &prefix, 2);
		(void)!write(path->fd, reply->bytes, reply->length);
		return;
	}
	sendto(path->fd, reply->bytes, reply->length, 0,
		(const struct sockaddr *)&path->peer, sizeof(path->peer));
}

static void make_answer(
	struct message *reply, const struct message *query, const uint8_t *address)
{
	reply_init(reply, query);
	put_record(reply, 0, question_name, 1, (struct octets){address, 4});
}

static void send_answer(const struct path *path, const struct message *query)
{
	struct message reply;
	make_answer(&reply, query, good);
	send_reply(path, &reply);
}

/* The octet at `at` of a forged reply is another one; then the good reply. */
static void forge(
	const struct path *path, const struct message *query, size_t at, uint8_t flip)
{
	struct message reply;
	make_answer(&reply, query, forged);
	reply.bytes[at] ^= flip;
	send_reply(path, &reply);
	send_answer(path, query);
}

static void do_id(const struct path *path, const struct message *query)
{
	forge(path, query, 1, 1);
}

static void do_name(const struct path *path, const struct message *query)
{
	forge(path, query, HEAD + 1, 3);
}

static void do_case(const struct path *path, const struct message *query)
{
	forge(path, query, HEAD + 1, 0x20);
}

static void do_type(const struct path *path, const struct message *query)
{
	forge(path, query, query->question_end - 3, 2);
}

static void do_class(const struct path *path, const struct message *query)
{
	forge(path, query, query->question_end - 1, 2);
}

/* A forged reply from another socket, then the true one. */
static void forge_from(const struct path *path, const struct message *query, int fd)
{
	struct message reply;
	struct path other = *path;
	other.fd = fd;
	make_answer(&reply, query, forged);
	send_reply(&other, &reply);
	send_answer(path, query);
}

static void do_port(const struct path *path, const struct message *query)
{
	forge_from(path, query, path->other_fd);
}

static void do_address(const struct path *path, const struct message *query)
{
	forge_from(path, query, path->far_fd);
}

static void do_extra(const struct path *path, const struct message *query)
{
	static const char bank[] = "\4bank\4test";
	struct message reply;
	reply_init(&reply, query);
	put_record(&reply, 0, OCTETS(bank), 1, OCTETS(forged));
	put_record(&reply, 0, question_name, 1, OCTETS(good));
	put_record(&reply, 1, OCTETS(bank), 2, OCTETS(bank));
	put_record(&reply, 2, OCTETS(bank), 1, OCTETS(forged));
	send_reply(path, &reply);
}

static void do_garbage(const struct path *path, const struct message *query)
{
	struct message reply;
	make_answer(&reply, query, forged);
	reply.bytes[7] = 3;
	send_reply(path, &reply);
}

static void do_silent(const struct path *path, const struct message *query)
{
	(void)path;
	(void)query;
}

static void do_slow(const struct path *path, const struct message *query)
{
	if (fork())
		return;
	usleep(300000);
	send_answer(path, query);
	_exit(0);
}

static void do_trunc(const struct path *path, const struct message *query)
{
	struct message reply;
	reply_init(&reply, query);
	reply.bytes[2] |= 2;
	if (path->is_tcp)
		send_answer(path, query);
	else
		send_reply(path, &reply);
}

static void send_rcode(
	const struct path *path, const struct message *query, uint8_t rcode)
{
	struct message reply;
	reply_init(&reply, query);
	reply.bytes[3] |= rcode;
	send_reply(path, &reply);
}

static void do_refused(const struct path *path, const struct message *query)
{
	send_rcode(path, query, 5);
}

static void do_formerr(const struct path *path, const struct message *query)
{
	send_rcode(path, query, 1);
}

static void do_old(const struct path *path, const struct message *query)
{
	struct message reply;
	reply_init(&reply, query);
	reply.bytes[3] |= 1;
	reply.bytes[5] = 0;
	reply.length = HEAD;
	if (query->bytes[11])
		send_reply(path, &reply);
	else
		send_answer(path, query);
}

static void do_older(const struct path *path, const struct message *query)
{
	if (query->bytes[11])
		send_rcode(path, query, 4);
	else
		send_answer(path, query);
}

static void do_lower(const struct path *path, const struct message *query)
{
	struct message reply;
	make_answer(&reply, query, good);
	for (size_t i = HEAD; i < query->question_end - 5; i++)
		if (isalpha(reply.bytes[i]))
			reply.bytes[i] = (uint8_t)tolower(reply.bytes[i]);
	send_reply(path, &reply);
}

static void do_capitals(const struct path *path, const struct message *query)
{
	uint8_t address[4] = {192, 0, 2, 0};
	struct message reply;
	for (size_t i = HEAD; i < query->question_end - 5; i++)
		address[3] = (uint8_t)(address[3] + (isupper(query->bytes[i]) != 0));
	make_answer(&reply, query, address);
	send_reply(path, &reply);
}

static void do_whole(const struct path *path, const struct message *query)
{
	struct message reply;
	reply_init(&reply, query);
	put_record(&reply, 0,
		(struct octets){query->bytes + HEAD, query->question_end - HEAD - 4}, 1,
		OCTETS(good));
	send_reply(path, &reply);
}

static void do_nodata(const struct path *path, const struct message *query)
{
	send_rcode(path, query, 0);
}

static void do_servfail(const struct path *path, const struct message *query)
{
	send_rcode(path, query, 2);
}

static void do_circle(const struct path *path, const struct message *query)
{
	struct message reply;
	reply_init(&reply, query);
	put_record(&reply, 0, question_name, 5, question_name);
	send_reply(path, &reply);
}

/* The answer waits, so that others ask meanwhile. */
static void do_count(const struct path *path, const struct message *query)
{
	static uint8_t count;
	uint8_t address[4] = {192, 0, 2, ++count};
	struct message reply;
	if (fork())
		return;
	usleep(300000);
	make_answer(&reply, query, address);
	send_reply(path, &reply);
	_exit(0);
}

static void do_proto(const struct path *path, const struct message *query)
{
	const uint8_t address[4] = {192, 0, 2, path->is_tcp ? IPPROTO_TCP : IPPROTO_UDP};
	struct message reply;
	make_answer(&reply, query, address);
	send_reply(path, &reply);
}

static void do_close(const struct path *path, const struct message *query)
{
	send_answer(path, query);
	if (path->is_tcp)
		_exit(0);
}

static const struct {
	const char *label;
	void (*act)(const struct path *path, const struct message *query);
} acts[] = {
	{"id", do_id},
	{"name", do_name},
	{"case", do_case},
	{"type", do_type},
	{"class", do_class},
	{"port", do_port},
	{"address", do_address},
	{"extra", do_extra},
	{"garbage", do_garbage},
	{"silent", do_silent},
	{"old", do_old},
	{"older", do_older},
	{"formerr", do_formerr},
	{"lower", do_lower},
	{"capitals", do_capitals},
	{"whole", do_whole},
	{"slow", do_slow},
	{"trunc", do_trunc},
	{"refused", do_refused},
	{"nodata", do_nodata},
	{"servfail", do_servfail},
	{"circle", do_circle},
	{"proto", do_proto},
	{"close", do_close},
	{"count", do_count},
};

static void serve(const struct path *path, struct message *query)
{
	size_t at = HEAD;
	while (at < query->length && query->bytes[at])
		at += query->bytes[at] + 1u;
	query->question_end = at + 5;
	if (query->length < HEAD + 5 || query->question_end > query->length)
		return;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		const char *label = acts[i].label;
		if (query->bytes[HEAD] != strlen(label) ||
			strncasecmp((const char *)query->bytes + HEAD + 1, label,
				strlen(label)) != 0)
			continue;
		acts[i].act(path, query);
		return;
	}
	send_answer(path, query);
}

static bool read_whole(int fd, void *out, size_t length)
{
	return recv(fd, out, length, MSG_WAITALL) == (ssize_t)length;
}

static void serve_connection(int fd)
{
	uint16_t prefix;
	struct path path = {.fd = fd, .other_fd = -1, .far_fd = -1, .is_tcp = true};
	struct message query = {.length = 0};
	while (read_whole(fd, &prefix, 2)) {
		query.length = ntohs(prefix);
		if (query.length > SIZE || !read_whole(fd, query.bytes, query.length))
			break;
		serve(&path, &query);
	}
	_exit(0);
}

static int open_socket(int type, in_addr_t host, uint16_t port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(host)};
	int fd = socket(AF_INET, type, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
		(type == SOCK_STREAM && listen(fd, 64))) {
		perror("hostile");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
	struct path path = {.fd = open_socket(SOCK_DGRAM, INADDR_LOOPBACK, port)};
	int listener = open_socket(SOCK_STREAM, INADDR_LOOPBACK, port);
	path.other_fd = open_socket(SOCK_DGRAM, INADDR_LOOPBACK, 0);
	path.far_fd = open_socket(SOCK_DGRAM, INADDR_LOOPBACK + 1, port);
	signal(SIGCHLD, SIG_IGN);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct pollfd polled[] = {{.fd = path.fd, .events = POLLIN},
			{.fd = listener, .events = POLLIN}};
		if (poll(polled, 2, -1) < 0)
			continue;
		if (polled[1].revents) {
			int fd = accept(listener, NULL, NULL);
			if (fd >= 0 && !fork())
				serve_connection(fd);
			close(fd);
		}
		if (!polled[0].revents)
			continue;
		struct message query = {.length = 0};
		socklen_t length = sizeof(path.peer);
		ssize_t size = recvfrom(path.fd, query.bytes, sizeof(query.bytes), 0,
			(struct sockaddr *)&path.peer, &length);
		query.length = size > 0 ? (size_t)size : 0;
		serve(&path, &query);
	}
}
