/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/record_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "server/base/ipaddr.h"
#include "server/wire/message.h"
#include "server/wire/octets.h"

enum { STRING_MAX = 255 };

struct reader {
	const char *text, *at;
	unsigned depth;     /* of parentheses */
	const char *word;   /* where the last one began */
	bool is_quoted;     /* it was */
	const char *failed; /* the first problem sticks */
	size_t failed_at;
	struct record_text *out;
	char token[DNAME_TEXT_SIZE + 1]; /* escapes as they were written */
};

static void fail(struct reader *reader, const char *problem)
{
	if (reader->failed)
		return;
	reader->failed = problem;
	reader->failed_at =
		(size_t)((reader->word ? reader->word : reader->at) - reader->text);
}

/* --- words --- */

/* Blanks and comments; line ends as well within parentheses. */
static void skip_blanks(struct reader *reader)
{
	for (;; reader->at++) {
		char c = *reader->at;
		if (c == ';')
			reader->at += strcspn(reader->at, "\n");
		c = *reader->at;
		if (c == '(')
			reader->depth++;
		else if (c == ')' && reader->depth)
			reader->depth--;
		else if (!(c == ' ' || c == '\t' || c == '\r' ||
				 (c == '\n' && reader->depth)))
			return;
	}
}

static bool ends_word(char c, bool is_quoted)
{
	if (is_quoted)
		return c == '"' || !c;
	return !c || strchr(" \t\r\n;()\"", c);
}

/* The next word into `token`; false: the record ends here. What is too long for a name or
 * a character-string fails, or stays too long. */
static bool next_word(struct reader *reader)
{
	size_t length = 0;
	skip_blanks(reader);
	reader->word = reader->at;
	if (!*reader->at || *reader->at == '\n')
		return false;
	reader->is_quoted = *reader->at == '"';
	reader->at += reader->is_quoted;
	while (!ends_word(*reader->at, reader->is_quoted)) {
		bool is_escape = *reader->at == '\\' && reader->at[1];
		for (unsigned i = 0; i < 1u + is_escape; i++, reader->at++)
			if (length < sizeof(reader->token) - 1)
				reader->token[length++] = *reader->at;
	}
	reader->token[length] = '\0';
	if (length == sizeof(reader->token) - 1)
		fail(reader, "is too long");
	if (reader->is_quoted && *reader->at != '"')
		fail(reader, "expected a quote at its end");
	else if (reader->is_quoted)
		reader->at++;
	else if (reader->at == reader->word)
		fail(reader, "expected a word");
	return !reader->failed;
}

static bool expect_word(struct reader *reader, const char *problem)
{
	if (!reader->failed && !next_word(reader))
		fail(reader, problem);
	return !reader->failed;
}

/* --- values --- */

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
	*out = 0;
	if (!*text)
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		*out = *out * 10 + (uint64_t)(*text - '0');
		if (*out > max)
			return false;
	}
	return !*text;
}

/* "300", "1h30m". */
static bool parse_ttl(const char *text, uint64_t *out)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	uint64_t value = 0, total = 0;
	if (!isdigit((unsigned char)*text))
		return false;
	for (; *text; text++) {
		if (isdigit((unsigned char)*text)) {
			value = value * 10 + (uint64_t)(*text - '0');
		} else {
			size_t i = 0;
			while (i < 5 && units[i].unit != tolower((unsigned char)*text))
				i++;
			if (i == 5)
				return false;
			total += value * units[i].seconds;
			value = 0;
		}
		if (value > UINT32_MAX || total > UINT32_MAX)
			return false;
	}
	*out = total + value;
	return *out <= UINT32_MAX;
}

static bool parse_name(const char *text, struct dname *out)
{
	return !dname_from_text(strcmp(text, "@") == 0 ? "." : text, out);
}

/* --- rdata --- */

static void put(struct reader *reader, const void *octets, size_t length)
{
	struct record_text *out = reader->out;
	if (length > sizeof(out->rdata) - out->length) {
		fail(reader, "the record is too long");
		return;
	}
	memcpy(out->rdata + out->length, octets, length);
	out->length = (uint16_t)(out->length + length);
}

static void read_name(struct reader *reader)
{
	struct dname name;
	if (!expect_word(reader, "expected a name"))
		return;
	if (parse_name(reader->token, &name))
		put(reader, name.bytes, name.length);
	else
		fail(reader, "is not a name");
}

static void read_number(struct reader *reader, size_t size)
{
	uint64_t value;
	uint8_t octets[4];
	if (!expect_word(reader, "expected a number"))
		return;
	if (!parse_number(reader->token, (UINT64_C(1) << (size * 8)) - 1, &value)) {
		fail(reader, "is not a number that fits here");
		return;
	}
	octets_put_u32(octets, (uint32_t)value);
	put(reader, octets + 4 - size, size);
}

static void read_u8(struct reader *reader)
{
	read_number(reader, 1);
}

static void read_u16(struct reader *reader)
{
	read_number(reader, 2);
}

static void read_u32(struct reader *reader)
{
	read_number(reader, 4);
}

static void read_period(struct reader *reader)
{
	uint64_t value;
	uint8_t octets[4];
	if (!expect_word(reader, "expected a time"))
		return;
	if (!parse_ttl(reader->token, &value)) {
		fail(reader, "is not a time");
		return;
	}
	octets_put_u32(octets, (uint32_t)value);
	put(reader, octets, sizeof(octets));
}

static void read_address(struct reader *reader, size_t length)
{
	struct ipaddr address;
	if (!expect_word(reader, "expected an address"))
		return;
	if (ipaddr_parse(reader->token, &address) || address.length != length)
		fail(reader, length == 4 ? "is not an IPv4 address"
					 : "is not an IPv6 address");
	else
		put(reader, address.bytes, length);
}

static void read_ipv4(struct reader *reader)
{
	read_address(reader, 4);
}

static void read_ipv6(struct reader *reader)
{
	read_address(reader, 16);
}

/* The octets that the token stands for; false: a bad escape. */
static bool unescape(const char *text, uint8_t *out, size_t *length)
{
	for (*length = 0; *text; ++*length) {
		unsigned octet = (unsigned char)*text++;
		if (octet == '\\' && isdigit((unsigned char)*text)) {
			octet = 0;
			for (unsigned i = 0; i < 3; i++, text++) {
				if (!isdigit((unsigned char)*text))
					return false;
				octet = octet * 10 + (unsigned)(*text - '0');
			}
			if (octet > 255)
				return false;
		} else if (octet == '\\') {
			if (!*text)
				return false;
			octet = (unsigned char)*text++;
		}
		out[*length] = (uint8_t)octet;
	}
	return true;
}

/* The octets of the word at hand, in front of them their number unless it is `raw`. */
static void put_string(struct reader *reader, bool is_raw)
{
	uint8_t octets[sizeof(reader->token)];
	size_t length;
	if (!unescape(reader->token, octets, &length)) {
		fail(reader, "has an escape that is neither \\DDD nor \\X");
		return;
	}
	if (!is_raw && length > STRING_MAX) {
		fail(reader, "is longer than 255 octets");
		return;
	}
	uint8_t size = (uint8_t)length;
	if (!is_raw)
		put(reader, &size, 1);
	put(reader, octets, length);
}

static void read_string(struct reader *reader)
{
	if (expect_word(reader, "expected a text"))
		put_string(reader, false);
}

static void read_strings(struct reader *reader)
{
	read_string(reader);
	while (!reader->failed && next_word(reader))
		put_string(reader, false);
}

static void read_raw_string(struct reader *reader)
{
	if (expect_word(reader, "expected a text"))
		put_string(reader, true);
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Words of hexadecimal digits, two an octet, up to the end. */
static void read_hex(struct reader *reader)
{
	while (!reader->failed && next_word(reader)) {
		const char *at = reader->token;
		for (; *at; at += 2) {
			int high = hex_digit(at[0]),
			    low = high < 0 ? -1 : hex_digit(at[1]);
			if (low < 0) {
				fail(reader, "expected pairs of hexadecimal digits");
				return;
			}
			uint8_t octet = (uint8_t)(high << 4 | low);
			put(reader, &octet, 1);
		}
	}
}

static const struct {
	char letter;
	void (*read)(struct reader *reader);
} fields[] = {
	{'n', read_name},
	{'1', read_u8},
	{'2', read_u16},
	{'4', read_u32},
	{'p', read_period},
	{'a', read_ipv4},
	{'A', read_ipv6},
	{'s', read_string},
	{'S', read_strings},
	{'r', read_raw_string},
	{'x', read_hex},
};

static const struct {
	uint16_t type;
	const char *fields;
} layouts[] = {
	{TYPE_A, "a"},
	{TYPE_NS, "n"},
	{TYPE_CNAME, "n"},
	{TYPE_SOA, "nn4pppp"},
	{TYPE_PTR, "n"},
	{TYPE_HINFO, "ss"},
	{TYPE_MX, "2n"},
	{TYPE_TXT, "S"},
	{TYPE_RP, "nn"},
	{TYPE_AFSDB, "2n"},
	{TYPE_RT, "2n"},
	{TYPE_PX, "2nn"},
	{TYPE_AAAA, "A"},
	{TYPE_SRV, "222n"},
	{TYPE_NAPTR, "22sssn"},
	{TYPE_KX, "2n"},
	{TYPE_DNAME, "n"},
	{TYPE_DS, "211x"},
	{TYPE_SSHFP, "11x"},
	{TYPE_TLSA, "111x"},
	{TYPE_SPF, "S"},
	{TYPE_URI, "22r"},
	{TYPE_CAA, "1sr"},
};

static void read_fields(struct reader *reader, const char *letters)
{
	for (; *letters && !reader->failed; letters++)
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			if (fields[i].letter == *letters)
				fields[i].read(reader);
}

/* \# LENGTH HEX... */
static void read_unknown(struct reader *reader)
{
	uint64_t length;
	if (!expect_word(reader, "expected the length"))
		return;
	if (!parse_number(reader->token, RECORD_TEXT_RDATA_MAX, &length)) {
		fail(reader, "is not a length");
		return;
	}
	read_hex(reader);
	if (reader->out->length != length)
		fail(reader, "the record has another length");
}

static void read_rdata(struct reader *reader)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].type != reader->out->type)
			continue;
		read_fields(reader, layouts[i].fields);
		return;
	}
	/* Types that we know have a form of their own, in which names are checked. */
	if (expect_word(reader, "expected \\# LENGTH HEX (RFC 3597)") &&
		strcmp(reader->token, "\\#") == 0)
		read_unknown(reader);
	else
		fail(reader,
			"records of this type must be written as \\# LENGTH HEX (RFC "
			"3597)");
}

/* --- the record --- */

/* Types of questions and of what is not in a zone have no records. */
static bool has_records(int type)
{
	return type > 0 && type != TYPE_OPT && (type < TYPE_TKEY || type > TYPE_ANY);
}

/* TTL and class come in either order, both may be missing. */
static void read_head(struct reader *reader)
{
	struct record_text *out = reader->out;
	if (!expect_word(reader, "expected the owner's name"))
		return;
	if (!parse_name(reader->token, &out->owner)) {
		fail(reader, "is not a name");
		return;
	}
	for (;;) {
		uint64_t ttl_s;
		if (!expect_word(reader, "expected a type"))
			return;
		int class = dns_class_parse(reader->token);
		int type = dns_type_parse(reader->token);
		if (parse_ttl(reader->token, &ttl_s)) {
			out->ttl_s = (uint32_t)ttl_s;
		} else if (has_records(type)) {
			out->type = (uint16_t)type;
			return;
		} else if (class >= 0 && class != CLASS_ANY) {
			out->class = (uint16_t) class;
		} else {
			fail(reader,
				"is neither a TTL nor a class nor a type of records");
			return;
		}
	}
}

static enum err finish(const struct reader *reader, struct record_text_problem *problem)
{
	if (!reader->failed)
		return ERR_NONE;
	*problem = (struct record_text_problem){reader->failed, reader->failed_at};
	return ERR_SYNTAX;
}

static void begin(struct reader *reader, const char *text, struct record_text *out)
{
	*reader = (struct reader){.text = text, .at = text, .out = out};
	out->class = CLASS_IN;
	out->ttl_s = RECORD_TEXT_TTL_S;
	out->length = 0;
}

enum err record_text_parse_head(
	const char *text, struct record_text *out, struct record_text_problem *problem)
{
	struct reader reader;
	begin(&reader, text, out);
	read_head(&reader);
	return finish(&reader, problem);
}

enum err record_text_parse(
	const char *text, struct record_text *out, struct record_text_problem *problem)
{
	struct reader reader;
	begin(&reader, text, out);
	read_head(&reader);
	if (!reader.failed)
		read_rdata(&reader);
	if (!reader.failed && next_word(&reader))
		fail(&reader, "expected the end of the record");
	if (!reader.failed && reader.depth)
		fail(&reader, "expected a \")\"");
	if (!reader.failed && reader.at[strspn(reader.at, " \t\r\n")])
		fail(&reader, "expected one record alone");
	return finish(&reader, problem);
}
