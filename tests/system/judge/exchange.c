/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <ldns/ldns.h>

#include "tests/system/judge/compare.h"
#include "tests/system/judge/exchange.h"
#include "tests/system/judge/suite.h"

enum {
	PATIENCE_S = 5,
	HEADER_SIZE = 12,
	UDP_SIZE_OURS = 4096,   /* what we say we can take */
	UDP_SIZE_SERVER = 1232, /* what the server says it can take, and never exceeds */
	OPTION_UNKNOWN = 65001, /* local use (RFC 6891 9) */
	OPTION_EDE = 15,
};

struct query {
	uint8_t bytes[512];
	size_t length;
	size_t question_end;
};

static size_t put_u16(uint8_t *out, uint16_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return 2;
}

static size_t put_opt(uint8_t *out, const struct exchange_way *way)
{
	size_t n = 0;
	out[n++] = 0;
	n += put_u16(out + n, LDNS_RR_TYPE_OPT);
	n += put_u16(out + n, UDP_SIZE_OURS);
	n += put_u16(out + n, 0);
	n += put_u16(out + n, way->has_do ? 0x8000 : 0);
	n += put_u16(out + n, way->has_option ? 8 : 0);
	if (way->has_option) {
		n += put_u16(out + n, OPTION_UNKNOWN);
		n += put_u16(out + n, 4);
		n += put_u16(out + n, 0xdead);
		n += put_u16(out + n, 0xbeef);
	}
	return n;
}

static bool query_write(const struct suite_case *question, const struct exchange_way *way,
	struct query *query)
{
	static uint16_t id = 0x1234;
	ldns_rdf *name = ldns_dname_new_frm_str(question->qname);
	if (!name)
		return false;
	uint8_t *out = query->bytes;
	memset(out, 0, HEADER_SIZE);
	id = (uint16_t)(id * 25173 + 13849);
	put_u16(out, id);
	out[2] = way->has_rd ? 0x01 : 0;
	out[3] = way->has_cd ? 0x10 : 0;
	out[5] = 1;
	out[11] = way->has_edns ? 1 : 0;
	size_t n = HEADER_SIZE;
	memcpy(out + n, ldns_rdf_data(name), ldns_rdf_size(name));
	n += ldns_rdf_size(name);
	ldns_rdf_deep_free(name);
	n += put_u16(out + n, question->type);
	n += put_u16(out + n, LDNS_RR_CLASS_IN);
	query->question_end = n;
	if (way->has_edns)
		n += put_opt(out + n, way);
	query->length = n;
	return true;
}

static bool socket_read(int fd, uint8_t *out, size_t length)
{
	while (length) {
		ssize_t n = recv(fd, out, length, 0);
		if (n <= 0)
			return false;
		out += n;
		length -= (size_t)n;
	}
	return true;
}

/* The length of the reply in `out`, 0 when none came. */
static size_t tcp_exchange(int fd, const struct query *query, uint8_t *out)
{
	uint8_t framed[2 + sizeof(query->bytes)];
	put_u16(framed, (uint16_t)query->length);
	memcpy(framed + 2, query->bytes, query->length);
	uint8_t prefix[2];
	if (send(fd, framed, query->length + 2, MSG_NOSIGNAL) !=
			(ssize_t)query->length + 2 ||
		!socket_read(fd, prefix, 2))
		return 0;
	size_t length = (size_t)prefix[0] << 8 | prefix[1];
	return socket_read(fd, out, length) ? length : 0;
}

static size_t udp_exchange(int fd, const struct query *query, uint8_t *out)
{
	if (send(fd, query->bytes, query->length, 0) != (ssize_t)query->length)
		return 0;
	ssize_t n = recv(fd, out, UINT16_MAX, 0);
	return n > 0 ? (size_t)n : 0;
}

static size_t transport_exchange(const struct query *query, bool is_tcp,
	const struct sockaddr_in *server, uint8_t *out, FILE *problems)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	/* From another address than the one asked, so that a reply of the wildcard socket
	 * does not get the right source by chance. */
	const struct sockaddr_in client = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	size_t length = 0;
	if (fd >= 0 &&
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ==
			0 &&
		bind(fd, (const struct sockaddr *)&client, sizeof(client)) == 0 &&
		connect(fd, (const struct sockaddr *)server, sizeof(*server)) == 0)
		length = is_tcp ? tcp_exchange(fd, query, out)
				: udp_exchange(fd, query, out);
	if (!length)
		fprintf(problems, "no reply: %s\n", errno ? strerror(errno) : "closed");
	if (fd >= 0)
		close(fd);
	return length;
}

static bool header_check(
	const struct query *query, const uint8_t *reply, size_t length, FILE *out)
{
	const uint8_t *sent = query->bytes;
	const char *problem = NULL;
	if (length < query->question_end)
		problem = "the reply is shorter than its question";
	else if (memcmp(reply, sent, 2) != 0)
		problem = "the id is another one";
	else if ((reply[2] & 0xf8) != 0x80)
		problem = "not a response of opcode QUERY";
	else if ((reply[2] & 0x01) != (sent[2] & 0x01))
		problem = "RD is not the query's";
	else if ((reply[3] & 0x10) != (sent[3] & 0x10))
		problem = "CD is not the query's";
	else if (reply[3] & 0x40)
		problem = "the reserved header bit is set";
	else if (reply[4] != 0 || reply[5] != 1)
		problem = "QDCOUNT is not 1";
	else if (memcmp(reply + HEADER_SIZE, sent + HEADER_SIZE,
			 query->question_end - HEADER_SIZE) != 0)
		problem = "the question is not byte for byte the query's";
	if (problem)
		fprintf(out, "%s\n", problem);
	return !problem;
}

static bool size_check(const struct exchange_way *way, size_t length, FILE *out)
{
	size_t most = way->is_tcp ? UINT16_MAX : way->has_edns ? UDP_SIZE_SERVER : 512;
	if (length > most)
		fprintf(out, "%zu bytes, at most %zu were allowed\n", length, most);
	return length <= most;
}

/* Walks the options of a reply: only an extended error may be there. */
static bool options_check(const ldns_rdf *data, int ede_expected, FILE *out)
{
	int ede = -1;
	const uint8_t *at = data ? ldns_rdf_data(data) : NULL;
	size_t left = data ? ldns_rdf_size(data) : 0;
	while (left >= 4) {
		unsigned code = (unsigned)at[0] << 8 | at[1];
		size_t length = (size_t)at[2] << 8 | at[3];
		if (length > left - 4)
			break;
		if (code != OPTION_EDE || length < 2) {
			fprintf(out, "option %u was not asked for\n", code);
			return false;
		}
		ede = at[4] << 8 | at[5];
		at += 4 + length;
		left -= 4 + length;
	}
	if (ede_expected >= 0 && ede != ede_expected)
		fprintf(out, "extended error %d, expected %d\n", ede, ede_expected);
	return left == 0 && (ede_expected < 0 || ede == ede_expected);
}

static bool opt_check(const ldns_pkt *packet, const struct exchange_way *way,
	const struct suite_case *question, FILE *out)
{
	const char *problem = NULL;
	if (ldns_pkt_edns(packet) != way->has_edns)
		problem = way->has_edns ? "the OPT is missing"
					: "an OPT that was not asked for";
	else if (!way->has_edns)
		return true;
	else if (ldns_pkt_edns_udp_size(packet) != UDP_SIZE_SERVER)
		problem = "the UDP size in the OPT is not 1232";
	else if (ldns_pkt_edns_version(packet) != 0)
		problem = "the EDNS version is not 0";
	else if (ldns_pkt_edns_do(packet) != way->has_do)
		problem = "DO is not the query's";
	if (problem)
		fprintf(out, "%s\n", problem);
	return !problem && options_check(ldns_pkt_edns_data(packet), question->ede, out);
}

static bool packet_read(const ldns_pkt *packet, struct compare_reply *reply)
{
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet));
	snprintf(reply->rcode, sizeof(reply->rcode), "%s", rcode ? rcode : "");
	free(rcode);
	reply->has_aa = ldns_pkt_aa(packet);
	reply->has_tc = ldns_pkt_tc(packet);
	reply->has_ra = ldns_pkt_ra(packet);
	reply->has_ad = ldns_pkt_ad(packet);
	const ldns_rr_list *sections[3] = {ldns_pkt_answer(packet),
		ldns_pkt_authority(packet), ldns_pkt_additional(packet)};
	for (size_t i = 0; i < 3; i++) {
		ldns_rr_list *copy = ldns_rr_list_clone(sections[i]);
		if (!copy)
			return false;
		ldns_rr_list_deep_free(reply->sections[i]);
		reply->sections[i] = copy;
	}
	return true;
}

enum err exchange_ask(const struct suite_case *question, const struct exchange_way *way,
	const char *server, uint16_t port, struct compare_reply *reply, FILE *out)
{
	static uint8_t bytes[UINT16_MAX];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct query query;
	if (inet_pton(AF_INET, server, &address.sin_addr) != 1 ||
		!query_write(question, way, &query))
		return ERR_INVALID;
	errno = 0;
	size_t length = transport_exchange(&query, way->is_tcp, &address, bytes, out);
	if (!length)
		return ERR_IO;
	if (!header_check(&query, bytes, length, out) || !size_check(way, length, out))
		return ERR_INVALID;
	ldns_pkt *packet = NULL;
	ldns_status status = ldns_wire2pkt(&packet, bytes, length);
	if (status != LDNS_STATUS_OK) {
		fprintf(out, "ldns cannot read the reply: %s\n",
			ldns_get_errorstr_by_id(status));
		return ERR_INVALID;
	}
	bool is_good =
		packet_read(packet, reply) && opt_check(packet, way, question, out);
	ldns_pkt_free(packet);
	return is_good ? ERR_NONE : ERR_INVALID;
}
