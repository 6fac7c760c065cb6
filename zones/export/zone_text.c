/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/zone_text.h"

#include <ctype.h>
#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEADER_SIZE = 12,
	OPT_FIXED_SIZE = 11, /* root owner, type, class, TTL, RDLENGTH */
	OPTION_NSID = 3,
	OPTION_COOKIE = 10,
	OPTION_EDE = 15,
	SECTIONS = 4,
	TAB = 8,
};

/* RFC 6891 6.1.3 */
struct opt {
	bool is_present;
	uint8_t rcode_high, version;
	uint16_t udp_size, flags;
	const uint8_t *options;
	size_t length;
};

struct message {
	const uint8_t *bytes;
	size_t length, at;
	uint16_t flags, counts[SECTIONS];
	struct opt opt;
	char *texts[SECTIONS];
	size_t text_lengths[SECTIONS];
};

typedef void (*line_printer)(FILE *out, char *line);

static uint16_t read_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static enum err err_of_status(ldns_status status)
{
	if (status == LDNS_STATUS_OK)
		return ERR_NONE;
	return status == LDNS_STATUS_MEM_ERR ? ERR_NOMEM : ERR_SYNTAX;
}

static bool options_are_whole(const uint8_t *options, size_t length)
{
	while (length >= 4 && length - 4 >= read_u16(options + 2)) {
		size_t size = 4U + read_u16(options + 2);
		options += size;
		length -= size;
	}
	return length == 0;
}

static bool opt_is_next(const struct message *message)
{
	const uint8_t *next = message->bytes + message->at;
	return message->length - message->at >= OPT_FIXED_SIZE && next[0] == 0 &&
	       read_u16(next + 1) == LDNS_RR_TYPE_OPT;
}

static enum err opt_parse(struct message *message)
{
	const uint8_t *next = message->bytes + message->at;
	size_t left = message->length - message->at - OPT_FIXED_SIZE;
	struct opt opt = {
		.is_present = true,
		.udp_size = read_u16(next + 3),
		.rcode_high = next[5],
		.version = next[6],
		.flags = read_u16(next + 7),
		.options = next + OPT_FIXED_SIZE,
		.length = read_u16(next + 9),
	};
	if (message->opt.is_present || opt.length > left ||
		!options_are_whole(opt.options, opt.length))
		return ERR_SYNTAX;
	message->opt = opt;
	message->at += OPT_FIXED_SIZE + opt.length;
	return ERR_NONE;
}

static enum err record_write(ldns_rr *record, line_printer print, FILE *out)
{
	ldns_buffer *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN);
	if (!buffer)
		return ERR_NOMEM;
	char *line = NULL;
	enum err err = err_of_status(
		ldns_rr2buffer_str_fmt(buffer, ldns_output_format_nocomments, record));
	if (!err) {
		line = ldns_buffer_export2str(buffer);
		err = line ? ERR_NONE : ERR_NOMEM;
	}
	if (!err)
		print(out, line);
	free(line);
	ldns_buffer_free(buffer);
	return err;
}

static enum err record_parse(
	struct message *message, int section, line_printer print, FILE *out)
{
	if (section == LDNS_SECTION_ADDITIONAL && opt_is_next(message))
		return opt_parse(message);
	ldns_rr *record = NULL;
	enum err err = err_of_status(ldns_wire2rr(&record, message->bytes,
		message->length, &message->at, (ldns_pkt_section)section));
	if (err)
		return err;
	if (ldns_rr_get_type(record) == LDNS_RR_TYPE_OPT &&
		section != LDNS_SECTION_QUESTION)
		err = ERR_SYNTAX;
	else
		err = record_write(record, print, out);
	ldns_rr_free(record);
	return err;
}

static enum err section_parse(struct message *message, int section, line_printer print)
{
	FILE *text =
		open_memstream(&message->texts[section], &message->text_lengths[section]);
	if (!text)
		return ERR_NOMEM;
	enum err err = ERR_NONE;
	for (unsigned i = 0; i < message->counts[section] && !err; i++)
		err = record_parse(message, section, print, text);
	bool has_failed = ferror(text);
	if ((fclose(text) || has_failed) && !err)
		err = ERR_NOMEM;
	return err;
}

static enum err message_parse(struct message *message, line_printer print)
{
	if (message->length < HEADER_SIZE || message->length > UINT16_MAX)
		return ERR_SYNTAX;
	message->flags = read_u16(message->bytes + 2);
	message->at = HEADER_SIZE;
	for (int i = 0; i < SECTIONS; i++)
		message->counts[i] = read_u16(message->bytes + 4 + 2 * i);
	for (int i = 0; i < SECTIONS; i++) {
		enum err err = section_parse(message, i, print);
		if (err)
			return err;
	}
	return message->at == message->length ? ERR_NONE : ERR_SYNTAX;
}

static void message_deinit(struct message *message)
{
	for (int i = 0; i < SECTIONS; i++)
		free(message->texts[i]);
}

static void print_plain(FILE *out, char *line)
{
	fputs(line, out);
}

/* Moves on to `column` by tabs; where that is behind us, by a single place, which is a
 * tab too where that comes to the same. */
static size_t print_gap(FILE *out, size_t at, size_t column)
{
	if (at >= column) {
		at++;
		fputc(at % TAB ? ' ' : '\t', out);
		return at;
	}
	for (; at < column; at = (at / TAB + 1) * TAB)
		fputc('\t', out);
	return at;
}

/* "owner TTL class type data" by tabs, without TTL and data in a question, in columns
 * as dig has them. */
static void print_columns(FILE *out, char *line)
{
	static const size_t record_columns[] = {24, 32, 40, 48};
	static const size_t question_columns[] = {32, 40};
	line[strcspn(line, "\n")] = '\0';
	unsigned tabs = 0;
	for (const char *p = line; *p; p++)
		tabs += *p == '\t';
	bool is_question = tabs < 3;
	const size_t *columns = is_question ? question_columns : record_columns;
	unsigned gaps = is_question ? 2 : 4;

	size_t at = 0;
	if (is_question) {
		fputc(';', out);
		at = 1;
	}
	for (unsigned i = 0; line; i++) {
		char *field = line;
		if (i < gaps)
			strsep(&line, "\t");
		else
			line = NULL;
		if (i > 0 && *field)
			at = print_gap(out, at, columns[i - 1]);
		fputs(field, out);
		at += strlen(field);
	}
	fputc('\n', out);
}

static void print_named(FILE *out, unsigned value, const char *const *names, size_t count)
{
	if (value < count && names[value])
		fputs(names[value], out);
	else
		fprintf(out, "RESERVED%u", value);
}

static void print_header(FILE *out, const struct message *message)
{
	static const char *const opcodes[] = {
		"QUERY", "IQUERY", "STATUS", NULL, "NOTIFY", "UPDATE"};
	static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
		"NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
		"NOTZONE", [16] = "BADVERS", [23] = "BADCOOKIE"};
	static const struct {
		uint16_t bit;
		const char *name;
	} flags[] = {
		{0x8000, " qr"},
		{0x0400, " aa"},
		{0x0200, " tc"},
		{0x0100, " rd"},
		{0x0080, " ra"},
		{0x0020, " ad"},
		{0x0010, " cd"},
		{0x0040, "; MBZ: 0x4"},
	};
	unsigned rcode = (unsigned)message->opt.rcode_high << 4 | (message->flags & 0xf);
	fputs(";; ->>HEADER<<- opcode: ", out);
	print_named(out, message->flags >> 11 & 0xf, opcodes,
		sizeof(opcodes) / sizeof(opcodes[0]));
	fputs(", status: ", out);
	print_named(out, rcode, rcodes, sizeof(rcodes) / sizeof(rcodes[0]));
	fprintf(out, ", id: %u\n;; flags:", read_u16(message->bytes));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (message->flags & flags[i].bit)
			fputs(flags[i].name, out);
	}
	fprintf(out, "; QUERY: %u, ANSWER: %u, AUTHORITY: %u, ADDITIONAL: %u\n\n",
		message->counts[0], message->counts[1], message->counts[2],
		message->counts[3]);
}

static void print_text(FILE *out, const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		fputc(text[i] < 0x80 && isprint(text[i]) ? text[i] : '.', out);
}

/* RFC 8914: the code, and a text that need not be there. */
static void print_ede(FILE *out, const uint8_t *data, size_t length)
{
	static const char *const names[] = {"Other", "Unsupported DNSKEY Algorithm",
		"Unsupported DS Digest Type", "Stale Answer", "Forged Answer",
		"DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired",
		"Signature Not Yet Valid", "DNSKEY Missing", "RRSIGs Missing",
		"No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready",
		"Blocked", "Censored", "Filtered", "Prohibited", "Stale NXDOMAIN Answer",
		"Not Authoritative", "Not Supported", "No Reachable Authority",
		"Network Error", "Invalid Data"};
	unsigned code = read_u16(data);
	fprintf(out, "; EDE: %u", code);
	if (code < sizeof(names) / sizeof(names[0]))
		fprintf(out, " (%s)", names[code]);
	if (length > 2) {
		fputs(": (", out);
		print_text(out, data + 2, length - 2);
		fputc(')', out);
	}
}

static void print_option(FILE *out, unsigned code, const uint8_t *data, size_t length)
{
	if (code == OPTION_EDE && length >= 2) {
		print_ede(out, data, length);
	} else if (code == OPTION_COOKIE) {
		fputs("; COOKIE: ", out);
		for (size_t i = 0; i < length; i++)
			fprintf(out, "%02x", data[i]);
	} else {
		if (code == OPTION_NSID)
			fputs("; NSID", out);
		else
			fprintf(out, "; OPT=%u", code);
		for (size_t i = 0; i < length; i++)
			fprintf(out, "%s%02x", i ? " " : ": ", data[i]);
		if (length) {
			fputs(" (\"", out);
			print_text(out, data, length);
			fputs("\")", out);
		}
	}
	fputc('\n', out);
}

static void print_opt(FILE *out, const struct opt *opt)
{
	fprintf(out, ";; OPT PSEUDOSECTION:\n; EDNS: version: %u, flags:%s; ",
		opt->version, opt->flags & 0x8000 ? " do" : "");
	if (opt->flags & 0x7fff)
		fprintf(out, "MBZ: 0x%04x, ", opt->flags & 0x7fff);
	fprintf(out, "udp: %u\n", opt->udp_size);
	const uint8_t *option = opt->options;
	while (option < opt->options + opt->length) {
		size_t length = read_u16(option + 2);
		print_option(out, read_u16(option), option + 4, length);
		option += 4 + length;
	}
}

static enum err write_end(FILE *out)
{
	return fflush(out) || ferror(out) ? ERR_IO : ERR_NONE;
}

enum err zone_text_write_records(const uint8_t *message, size_t length, FILE *out)
{
	struct message parsed = {.bytes = message, .length = length};
	enum err err = message_parse(&parsed, print_plain);
	if (!err) {
		for (int i = LDNS_SECTION_ANSWER; i < SECTIONS; i++)
			fwrite(parsed.texts[i], 1, parsed.text_lengths[i], out);
		err = write_end(out);
	}
	message_deinit(&parsed);
	return err;
}

enum err zone_text_write_message(const uint8_t *message, size_t length, FILE *out)
{
	static const char *const names[SECTIONS] = {
		"QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL"};
	struct message parsed = {.bytes = message, .length = length};
	enum err err = message_parse(&parsed, print_columns);
	if (!err) {
		print_header(out, &parsed);
		if (parsed.opt.is_present)
			print_opt(out, &parsed.opt);
		for (int i = 0; i < SECTIONS; i++) {
			if (parsed.text_lengths[i])
				fprintf(out, ";; %s SECTION:\n%s\n", names[i],
					parsed.texts[i]);
		}
		err = write_end(out);
	}
	message_deinit(&parsed);
	return err;
}

static void read_error(const uint8_t *data, size_t length, struct zone_text_error *out)
{
	size_t size = length - 2;
	if (size > sizeof(out->text) - 1)
		size = sizeof(out->text) - 1;
	out->is_present = true;
	out->code = read_u16(data);
	for (size_t i = 0; i < size; i++)
		out->text[i] = data[2 + i] < 0x80 && isprint(data[2 + i])
				       ? (char)data[2 + i]
				       : '.';
}

enum err zone_text_read_error(
	const uint8_t *message, size_t length, struct zone_text_error *out)
{
	struct message parsed = {.bytes = message, .length = length};
	enum err err = message_parse(&parsed, print_plain);
	if (!err) {
		*out = (struct zone_text_error){.is_present = false};
		const uint8_t *end = parsed.opt.options + parsed.opt.length;
		const uint8_t *option = parsed.opt.options;
		while (parsed.opt.is_present && option < end && !out->is_present) {
			size_t size = read_u16(option + 2);
			if (read_u16(option) == OPTION_EDE && size >= 2)
				read_error(option + 4, size, out);
			option += 4 + size;
		}
	}
	message_deinit(&parsed);
	return err;
}
