/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/loadbalance/weight_file.h"

#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 20, WEIGHT_MAX = 255, WORDS_MAX = 3 };

struct word {
	const char *text; /* not ended by a NUL */
	size_t length;
	unsigned column;
};

struct reader {
	const struct weight_file *file;
	struct diag_list *problems;
	size_t errors_before;
	unsigned line;
	struct dname *names;
	size_t name_count, name_capacity;
	struct weighted_address *addresses;
	size_t address_count, address_capacity;
	size_t name; /* of the lines to come */
	bool has_name;
};

static void complain(struct reader *reader, const struct word *word, const char *wanted)
{
	if (reader->problems->errors - reader->errors_before >= PROBLEMS_MAX)
		return;
	char text[101];
	size_t length = word->length < sizeof(text) - 1 ? word->length : sizeof(text) - 1;
	/* Whatever the file holds, a problem stays one line. */
	for (size_t i = 0; i < length; i++)
		text[i] = (unsigned char)word->text[i] < ' ' ? '?' : word->text[i];
	text[length] = '\0';
	diag_add(reader->problems, SEVERITY_ERROR, reader->file->path, reader->line,
		word->column, "\"%s\", expected %s", text, wanted);
}

/* Room for one more item; *items may move. ERR_NOMEM. */
static enum err reserve(void **items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return ERR_NONE;
	size_t more = *capacity * 2 + 16;
	void *grown = realloc(*items, more * size);
	if (!grown)
		return ERR_NOMEM;
	*items = grown;
	*capacity = more;
	return ERR_NONE;
}

static bool word_copy(const struct word *word, char *out, size_t size)
{
	if (word->length >= size || memchr(word->text, '\0', word->length))
		return false;
	memcpy(out, word->text, word->length);
	out[word->length] = '\0';
	return true;
}

static bool read_address(const struct word *word, struct ipaddr *out)
{
	char text[IPADDR_TEXT_SIZE];
	return word_copy(word, text, sizeof(text)) && !ipaddr_parse(text, out);
}

/* A name that was there before goes on. */
static enum err read_name(struct reader *reader, const struct word *word)
{
	char text[DNAME_TEXT_SIZE];
	struct ipaddr address;
	struct dname name;
	reader->has_name = true;
	if (read_address(word, &address)) {
		complain(reader, word, "a weight behind the address");
		return ERR_NONE;
	}
	if (!word_copy(word, text, sizeof(text)) || dname_from_text(text, &name)) {
		complain(reader, word, "a name");
		return ERR_NONE;
	}
	dname_lower(name.bytes, name.bytes, name.length);
	for (reader->name = 0; reader->name < reader->name_count; reader->name++)
		if (dname_equal(&reader->names[reader->name], &name))
			return ERR_NONE;
	void *names = reader->names;
	enum err err =
		reserve(&names, reader->name_count, &reader->name_capacity, sizeof(name));
	reader->names = names;
	if (!err)
		reader->names[reader->name_count++] = name;
	return err;
}

static bool read_weight(const struct word *word, uint8_t *out)
{
	unsigned weight = 0;
	for (size_t i = 0; i < word->length; i++) {
		if (word->text[i] < '0' || word->text[i] > '9')
			return false;
		weight = weight * 10 + (unsigned)(word->text[i] - '0');
		if (weight > WEIGHT_MAX)
			return false;
	}
	*out = (uint8_t)weight;
	return weight > 0;
}

static enum err read_pair(struct reader *reader, const struct word *words)
{
	struct weighted_address pair = {
		.name = (uint32_t)reader->name, .order = (uint32_t)reader->address_count};
	if (!reader->has_name) {
		complain(reader, &words[0], "a name in front of its addresses");
		return ERR_NONE;
	}
	if (!read_address(&words[0], &pair.address)) {
		complain(reader, &words[0], "an IP address");
		return ERR_NONE;
	}
	if (!read_weight(&words[1], &pair.weight)) {
		complain(reader, &words[1], "a weight of 1 to 255");
		return ERR_NONE;
	}
	void *addresses = reader->addresses;
	enum err err = reserve(&addresses, reader->address_count,
		&reader->address_capacity, sizeof(pair));
	reader->addresses = addresses;
	if (!err)
		reader->addresses[reader->address_count++] = pair;
	return err;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The words of a line, WORDS_MAX at most. */
static unsigned split(const char *line, size_t length, struct word *out)
{
	unsigned count = 0;
	size_t at = 0;
	while (count < WORDS_MAX) {
		while (at < length && is_blank(line[at]))
			at++;
		size_t start = at;
		while (at < length && !is_blank(line[at]))
			at++;
		if (at == start)
			break;
		out[count++] =
			(struct word){line + start, at - start, (unsigned)(start + 1)};
	}
	return count;
}

static enum err read_line(struct reader *reader, const char *line, size_t length)
{
	struct word words[WORDS_MAX];
	unsigned count = split(line, length, words);
	if (!count || words[0].text[0] == '#')
		return ERR_NONE;
	if (count == 1)
		return read_name(reader, &words[0]);
	if (count == 2)
		return read_pair(reader, words);
	complain(reader, &words[2], "the end of the line");
	return ERR_NONE;
}

enum err weight_file_read(
	const struct weight_file *file, struct weights **out, struct diag_list *problems)
{
	struct reader reader = {
		.file = file, .problems = problems, .errors_before = problems->errors};
	enum err err = ERR_NONE;
	for (size_t at = 0; at < file->length && !err;) {
		const char *line = file->text + at;
		const char *end = memchr(line, '\n', file->length - at);
		size_t length = end ? (size_t)(end - line) : file->length - at;
		reader.line++;
		err = read_line(&reader, line, length);
		at += length + 1;
	}
	if (!err && problems->errors > reader.errors_before)
		err = ERR_INVALID;
	if (!err) {
		*out = weights_new(file->key, reader.names, reader.name_count,
			reader.addresses, reader.address_count);
		err = *out ? ERR_NONE : ERR_NOMEM;
	}
	free(reader.names);
	free(reader.addresses);
	return err;
}
