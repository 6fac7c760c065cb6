/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/log_format.h"

#include <stdio.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/ipaddr.h"
#include "server/wire/octets.h"

#define COMMON                                                                           \
	"{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} "          \
	"{>bufsize}\" {rcode} {>rflags} {rsize} {duration}"

struct log_line {
	char *at, *end; /* `end` is kept for the NUL */
};

struct log_step {
	/* NULL: `literal` itself */
	void (*write)(struct log_line *line, const struct query *query);
	const char *literal;
	size_t length;
};

static void put(struct log_line *line, const char *text, size_t length)
{
	size_t room = (size_t)(line->end - line->at);
	length = length < room ? length : room;
	memcpy(line->at, text, length);
	line->at += length;
}

static void put_text(struct log_line *line, const char *text)
{
	put(line, text, strlen(text));
}

static void put_number(struct log_line *line, unsigned number)
{
	char text[16];
	snprintf(text, sizeof(text), "%u", number);
	put_text(line, text);
}

/* --- fields --- */

static void write_type(struct log_line *line, const struct query *query)
{
	char text[16];
	put_text(line, dns_type_text(query->request.qtype, text));
}

static void write_name(struct log_line *line, const struct query *query)
{
	char text[DNAME_TEXT_SIZE];
	put_text(line, dname_to_text(query->request.name.bytes, text));
}

static void write_class(struct log_line *line, const struct query *query)
{
	char text[16];
	put_text(line, dns_class_text(query->request.qclass, text));
}

static void write_proto(struct log_line *line, const struct query *query)
{
	put_text(line, query->transport == TRANSPORT_UDP ? "udp" : "tcp");
}

static void write_remote(struct log_line *line, const struct query *query)
{
	char text[IPADDR_TEXT_SIZE];
	struct ipaddr client = ipaddr_from_sockaddr(query->client);
	ipaddr_format(&client, text);
	if (client.length == 16)
		put_text(line, "[");
	put_text(line, text);
	if (client.length == 16)
		put_text(line, "]");
}

static void write_port(struct log_line *line, const struct query *query)
{
	put_number(line, ipaddr_port(query->client));
}

static void write_size(struct log_line *line, const struct query *query)
{
	put_number(line, query->request.length);
}

static void write_id(struct log_line *line, const struct query *query)
{
	put_number(line, query->request.id);
}

static void write_opcode(struct log_line *line, const struct query *query)
{
	put_number(line, (query->request.flags & DNS_FLAG_OPCODE) >> DNS_OPCODE_SHIFT);
}

static void write_do(struct log_line *line, const struct query *query)
{
	put_text(line, query->request.edns.has_do ? "true" : "false");
}

static void write_bufsize(struct log_line *line, const struct query *query)
{
	const struct edns *edns = &query->request.edns;
	if (query->transport == TRANSPORT_TCP)
		put_number(line, DNS_MESSAGE_MAX);
	else
		put_number(line, edns->is_present ? edns->udp_size : DNS_UDP_SIZE);
}

static void write_rcode(struct log_line *line, const struct query *query)
{
	char text[16];
	put_text(line, dns_rcode_text(query->reply.rcode, text));
}

static void write_rsize(struct log_line *line, const struct query *query)
{
	put_number(line, query->reply.length);
}

static void write_duration(struct log_line *line, const struct query *query)
{
	char text[32];
	int64_t ns = clock_now_ns() - query->received_ns;
	snprintf(text, sizeof(text), "%.9fs", (double)ns / 1e9);
	put_text(line, text);
}

/* "qr,aa,rd" */
static void write_rflags(struct log_line *line, const struct query *query)
{
	static const struct {
		uint16_t flag;
		const char *name;
	} flags[] = {{DNS_FLAG_AA, ",aa"}, {DNS_FLAG_TC, ",tc"}, {DNS_FLAG_RD, ",rd"},
		{DNS_FLAG_RA, ",ra"}, {DNS_FLAG_AD, ",ad"}, {DNS_FLAG_CD, ",cd"}};
	uint16_t set = octets_get_u16(query->reply.buffer + 2);
	put_text(line, "qr");
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (set & flags[i].flag)
			put_text(line, flags[i].name);
}

/* The address that was asked and metadata are not known here. */
static void write_unknown(struct log_line *line, const struct query *query)
{
	(void)query;
	put_text(line, "-");
}

static const struct {
	const char *name;
	void (*write)(struct log_line *line, const struct query *query);
} fields[] = {
	{"{type}", write_type},
	{"{name}", write_name},
	{"{class}", write_class},
	{"{proto}", write_proto},
	{"{remote}", write_remote},
	{"{port}", write_port},
	{"{local}", write_unknown},
	{"{size}", write_size},
	{"{duration}", write_duration},
	{"{rcode}", write_rcode},
	{"{rsize}", write_rsize},
	{"{>rflags}", write_rflags},
	{"{>bufsize}", write_bufsize},
	{"{>do}", write_do},
	{"{>id}", write_id},
	{"{>opcode}", write_opcode},
};

static const struct {
	const char *name, *format;
} formats[] = {{"{common}", COMMON}, {"{combined}", COMMON " \"{>opcode}\""}};

/* --- reading a format --- */

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* The whole format that "{...}" stands for, NULL: it does not. */
static const char *find_format(const char *text, size_t length)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (is_word(text, length, formats[i].name))
			return formats[i].format;
	return NULL;
}

/* The step for a "{...}"; a literal when it is no field. */
static struct log_step find_field(const char *text, size_t length)
{
	struct log_step step = {NULL, text, length};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (is_word(text, length, fields[i].name))
			step.write = fields[i].write;
	if (length > 2 && text[1] == '/')
		step.write = write_unknown;
	return step;
}

/* The next "{...}" without a brace in it; NULL: none. */
static const char *find_braces(const char *text, size_t *length)
{
	const char *open = NULL;
	for (; *text; text++) {
		if (*text == '{')
			open = text;
		if (*text != '}' || !open)
			continue;
		*length = (size_t)(text - open) + 1;
		return open;
	}
	return NULL;
}

const char *log_format_find_unknown(const char *text, size_t *length)
{
	while ((text = find_braces(text, length))) {
		struct log_step step = find_field(text, *length);
		bool is_unknown = !step.write || step.write == write_unknown;
		if (is_unknown && !find_format(text, *length))
			return text;
		text += *length;
	}
	return NULL;
}

/* Goes over a format; with `steps`, writes them. Returns how many there are. */
static size_t read_steps(const char *text, struct log_step *steps)
{
	size_t count = 0, length;
	for (const char *next; (next = find_braces(text, &length));
		text = next + length) {
		if (next > text && steps)
			steps[count] =
				(struct log_step){NULL, text, (size_t)(next - text)};
		count += next > text;
		const char *whole = find_format(next, length);
		if (whole) {
			/* No whole format has another one in it. */
			count += read_steps(whole, steps ? steps + count : NULL);
			continue;
		}
		if (steps)
			steps[count] = find_field(next, length);
		count++;
	}
	if (*text && steps)
		steps[count] = (struct log_step){NULL, text, strlen(text)};
	return count + (*text != '\0');
}

enum err log_format_parse(const char *text, struct arena *arena, struct log_format *out)
{
	size_t length = strlen(text);
	size_t count = read_steps(text, NULL);
	char *copy = arena_strndup(arena, text, length);
	struct log_step *steps = arena_calloc(arena, count + 1, sizeof(*steps));
	if (!copy || !steps)
		return ERR_NOMEM;
	read_steps(copy, steps);
	*out = (struct log_format){steps, count};
	return ERR_NONE;
}

void log_format_write(const struct log_format *format, const struct query *query,
	char *out, size_t size)
{
	struct log_line line = {out, out + size - 1};
	for (size_t i = 0; i < format->count; i++) {
		const struct log_step *step = &format->steps[i];
		if (step->write)
			step->write(&line, query);
		else
			put(&line, step->literal, step->length);
	}
	out[line.at - out] = '\0';
}
