/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/hosts/text.h"

#include <string.h>

enum { WARNINGS_MAX = 20, WORD_SIZE = DNAME_TEXT_SIZE + 1 };

struct reader {
	const struct hosts_text *text;
	struct hosts_builder *builder;
	struct diag_list *problems;
	const char *at, *end;
	unsigned line;
	size_t warnings;
};

enum err hosts_parse_address(const char *text, struct ipaddr *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char plain[IPADDR_TEXT_SIZE];
	size_t length = strcspn(text, "%");
	if (length >= sizeof(plain))
		return ERR_SYNTAX;
	memcpy(plain, text, length);
	plain[length] = '\0';
	struct ipaddr address;
	enum err err = ipaddr_parse(plain, &address);
	if (err || (text[length] && address.length == 4))
		return ERR_SYNTAX;
	if (address.length == 16 && memcmp(address.bytes, mapped, sizeof(mapped)) == 0) {
		memmove(address.bytes, address.bytes + sizeof(mapped), 4);
		address.length = 4;
	}
	*out = address;
	return ERR_NONE;
}

enum err hosts_parse_name(const char *text, struct dname *out)
{
	struct dname name;
	enum err err = dname_from_text(text, &name);
	if (err)
		return err;
	out->length = name.length;
	dname_lower(out->bytes, name.bytes, name.length);
	return ERR_NONE;
}

bool hosts_is_within(
	const struct dname *name, const struct dname *zones, size_t zone_count)
{
	for (size_t i = 0; i < zone_count; i++)
		if (dname_is_within(name, &zones[i]))
			return true;
	return false;
}

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' && c != '\n';
}

/* The next word of the line; false at its end or a comment. What is too long for a name
 * stays too long. */
static bool next_word(struct reader *reader, char *out)
{
	size_t length = 0;
	while (reader->at < reader->end && is_blank(*reader->at))
		reader->at++;
	for (; reader->at < reader->end; reader->at++) {
		char c = *reader->at;
		if (is_blank(c) || c == '\n' || c == '#')
			break;
		if (length < WORD_SIZE - 1)
			out[length++] = c;
	}
	out[length] = '\0';
	return length;
}

static void warn(struct reader *reader, const char *word, const char *what)
{
	if (reader->warnings++ >= WARNINGS_MAX)
		return;
	char text[101];
	size_t length = 0;
	for (; word[length] && length < sizeof(text) - 1; length++)
		text[length] = word[length] == 0x7f ? '?' : word[length];
	text[length] = '\0';
	diag_add(reader->problems, SEVERITY_WARNING, reader->text->file, reader->line, 0,
		"\"%s\" %s", text, what);
}

static enum err read_name(
	struct reader *reader, const struct ipaddr *address, const char *word)
{
	struct dname name;
	if (hosts_parse_name(word, &name)) {
		warn(reader, word, "is not a host name, it is left out");
		return ERR_NONE;
	}
	if (!hosts_is_within(&name, reader->text->zones, reader->text->zone_count))
		return ERR_NONE;
	return hosts_builder_add(reader->builder, address, &name);
}

static enum err read_line(struct reader *reader)
{
	char word[WORD_SIZE], name[WORD_SIZE];
	struct ipaddr address;
	if (!next_word(reader, word))
		return ERR_NONE;
	if (hosts_parse_address(word, &address)) {
		warn(reader, word, "is not an IP address, the line is left out");
		return ERR_NONE;
	}
	if (!next_word(reader, name)) {
		warn(reader, word, "has no name behind it, the line is left out");
		return ERR_NONE;
	}
	enum err err;
	do
		err = read_name(reader, &address, name);
	while (!err && next_word(reader, name));
	return err;
}

enum err hosts_text_read(const struct hosts_text *text, struct hosts_builder *builder,
	struct diag_list *problems)
{
	struct reader reader = {.text = text,
		.builder = builder,
		.problems = problems,
		.at = text->text,
		.end = text->text + text->length};
	enum err err = ERR_NONE;
	while (reader.at < reader.end && !err) {
		reader.line++;
		err = read_line(&reader);
		while (reader.at < reader.end && *reader.at++ != '\n')
			;
	}
	if (reader.warnings > WARNINGS_MAX)
		diag_add(problems, SEVERITY_WARNING, text->file, 0, 0,
			"%zu more problems in this file", reader.warnings - WARNINGS_MAX);
	return err;
}
