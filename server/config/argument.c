/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/argument.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/ipaddr.h"
#include "server/config/report.h"
#include "server/config/zonekey.h"

enum { EXPECTED_SIZE = 512 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum err argument_number(const struct corefile_word *word, int64_t *out)
{
	const char *digits = word->text + (word->text[0] == '-' || word->text[0] == '+');
	if (!*digits || digits[strspn(digits, "0123456789")])
		return ERR_SYNTAX;
	errno = 0;
	intmax_t value = strtoimax(word->text, NULL, 10);
	if (errno || value < INT64_MIN || value > INT64_MAX)
		return ERR_RANGE;
	*out = value;
	return ERR_NONE;
}

/* --- durations --- */

static const struct {
	const char *name;
	uint64_t ns;
} duration_units[] = {
	{"ns", 1},
	{"us", 1000},
	{"\u00b5s", 1000}, /* micro sign */
	{"\u03bcs", 1000}, /* Greek mu */
	{"ms", 1000000},
	{"s", 1000000000},
	{"m", 60000000000},
	{"h", 3600000000000},
};

static uint64_t duration_unit(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++)
		if (strlen(duration_units[i].name) == length &&
			memcmp(duration_units[i].name, name, length) == 0)
			return duration_units[i].ns;
	return 0;
}

/* Digits at *text as a number; ERR_RANGE beyond 64 bits. */
static enum err duration_whole(const char **text, uint64_t *out)
{
	*out = 0;
	for (; is_digit(**text); ++*text)
		if (__builtin_mul_overflow(*out, 10, out) ||
			__builtin_add_overflow(*out, (uint64_t)(**text - '0'), out))
			return ERR_RANGE;
	return ERR_NONE;
}

/* The digits behind the point in units of `unit` ns; those too small to count are read
 * over. */
static uint64_t duration_fraction(const char *digits, size_t count, uint64_t unit)
{
	double value = 0, scale = (double)unit;
	for (size_t i = 0; i < count && i < 18; i++) {
		scale /= 10;
		value += (digits[i] - '0') * scale;
	}
	return (uint64_t)(value + 0.5);
}

/* One "1.5h" of a duration, added to *total. */
static enum err duration_step(const char **text, uint64_t *total)
{
	const char *start = *text, *fraction = "";
	uint64_t whole;
	enum err err = duration_whole(text, &whole);
	if (err)
		return err;
	size_t digits = (size_t)(*text - start), fraction_digits = 0;
	if (**text == '.') {
		fraction = *text + 1;
		fraction_digits = strspn(fraction, "0123456789");
		*text = fraction + fraction_digits;
	}
	size_t name_length = strcspn(*text, ".0123456789");
	uint64_t unit = duration_unit(*text, name_length);
	if (!unit || !(digits + fraction_digits))
		return ERR_SYNTAX;
	*text += name_length;
	if (__builtin_mul_overflow(whole, unit, &whole) ||
		__builtin_add_overflow(*total, whole, total) ||
		__builtin_add_overflow(*total,
			duration_fraction(fraction, fraction_digits, unit), total))
		return ERR_RANGE;
	return ERR_NONE;
}

enum err argument_duration_ms(const struct corefile_word *word, int64_t *out)
{
	int64_t seconds;
	enum err err = argument_number(word, &seconds);
	if (err != ERR_SYNTAX)
		return err || __builtin_mul_overflow(seconds, 1000, out) ? ERR_RANGE
									 : ERR_NONE;
	bool is_negative = word->text[0] == '-';
	const char *text = word->text + (is_negative || word->text[0] == '+');
	if (!*text)
		return ERR_SYNTAX;
	uint64_t total = 0;
	err = ERR_NONE;
	while (*text && !err)
		err = duration_step(&text, &total);
	if (err)
		return err;
	if (total > INT64_MAX)
		return ERR_RANGE;
	int64_t ms = (int64_t)(total / 1000000);
	*out = is_negative ? -ms : ms;
	return ERR_NONE;
}

const char *argument_duration_text(int64_t ms, char *out, size_t size)
{
	if (ms % 1000)
		snprintf(out, size, "%" PRId64 "ms", ms);
	else if (ms % 60000 || !ms)
		snprintf(out, size, "%" PRId64 "s", ms / 1000);
	else if (ms % 3600000)
		snprintf(out, size, "%" PRId64 "m", ms / 60000);
	else
		snprintf(out, size, "%" PRId64 "h", ms / 3600000);
	return out;
}

/* --- amounts of memory --- */

static const char byte_units[] = "KMGT";

enum err argument_bytes(const struct corefile_word *word, int64_t *out)
{
	const char *text = word->text;
	uint64_t value;
	enum err err = is_digit(*text) ? duration_whole(&text, &value) : ERR_SYNTAX;
	if (err)
		return err;
	const char *unit = *text ? strchr(byte_units, *text) : NULL;
	if (unit) {
		text++;
		unsigned shift = 10 * (unsigned)(unit - byte_units + 1);
		if (value > (uint64_t)INT64_MAX >> shift)
			return ERR_RANGE;
		value <<= shift;
		if (strcmp(text, "i") != 0 && strcmp(text, "iB") != 0)
			return ERR_SYNTAX;
	} else if (*text) {
		return ERR_SYNTAX;
	}
	if (value > INT64_MAX)
		return ERR_RANGE;
	*out = (int64_t)value;
	return ERR_NONE;
}

const char *argument_bytes_text(int64_t bytes, char *out, size_t size)
{
	unsigned unit = 0;
	while (bytes && bytes % 1024 == 0 && byte_units[unit]) {
		bytes /= 1024;
		unit++;
	}
	if (unit)
		snprintf(out, size, "%" PRId64 "%ciB", bytes, byte_units[unit - 1]);
	else
		snprintf(out, size, "%" PRId64, bytes);
	return out;
}

/* --- zones and paths --- */

static enum err argument_read_zones(const char *text,
	void (*each)(void *context, const struct dname *zone), void *context,
	const char **problem)
{
	struct zonekey split;
	enum err err = zonekey_split(text, &split, problem);
	return err ? err : zonekey_zones(split.zone, each, context, problem);
}

enum err argument_zones(const char *text,
	void (*each)(void *context, const struct dname *zone), void *context)
{
	const char *problem;
	return argument_read_zones(text, each, context, &problem);
}

char *argument_path(const struct corefile_word *word)
{
	const char *slash = strrchr(word->place.file, '/');
	size_t folder = slash ? (size_t)(slash - word->place.file) + 1 : 0;
	if (word->text[0] == '/')
		folder = 0;
	char *path = malloc(folder + strlen(word->text) + 1);
	if (!path)
		return NULL;
	memcpy(path, word->place.file, folder);
	strcpy(path + folder, word->text);
	return path;
}

/* --- checks; each writes what was expected to `expected` when it says no --- */

static bool check_word(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	(void)row;
	(void)word;
	(void)expected;
	return true;
}

static bool check_one_of(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	size_t length = strlen(word->text);
	const char *choice = row->choices;
	assert(choice);
	for (;;) {
		size_t choice_length = strcspn(choice, "|");
		if (length == choice_length && memcmp(choice, word->text, length) == 0)
			return true;
		if (!choice[choice_length])
			break;
		choice += choice_length + 1;
	}
	snprintf(expected, EXPECTED_SIZE, "one of %s", row->choices);
	return false;
}

static bool row_has_limits(const struct directive_row *row)
{
	return row->min || row->max;
}

static bool check_number(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	int64_t value;
	enum err err = argument_number(word, &value);
	if (!err && (!row_has_limits(row) || (value >= row->min && value <= row->max)))
		return true;
	if (row_has_limits(row))
		snprintf(expected, EXPECTED_SIZE, "a number from %" PRId64 " to %" PRId64,
			row->min, row->max);
	else
		snprintf(expected, EXPECTED_SIZE, "a number");
	return false;
}

static bool check_duration(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	int64_t ms;
	char min[32], max[32];
	enum err err = argument_duration_ms(word, &ms);
	if (!err && (!row_has_limits(row) || (ms >= row->min && ms <= row->max)))
		return true;
	int used = snprintf(expected, EXPECTED_SIZE,
		"a duration such as 1m30s, 500ms or 30 (seconds)");
	if (row_has_limits(row))
		snprintf(expected + used, EXPECTED_SIZE - (size_t)used, ", from %s to %s",
			argument_duration_text(row->min, min, sizeof(min)),
			argument_duration_text(row->max, max, sizeof(max)));
	return false;
}

static bool check_bytes(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	int64_t bytes;
	char min[32], max[32];
	enum err err = argument_bytes(word, &bytes);
	if (!err && (!row_has_limits(row) || (bytes >= row->min && bytes <= row->max)))
		return true;
	int used = snprintf(
		expected, EXPECTED_SIZE, "a number of octets such as 64MiB or 65536");
	if (row_has_limits(row))
		snprintf(expected + used, EXPECTED_SIZE - (size_t)used, ", from %s to %s",
			argument_bytes_text(row->min, min, sizeof(min)),
			argument_bytes_text(row->max, max, sizeof(max)));
	return false;
}

static bool check_address(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	(void)row;
	struct ipaddr address;
	snprintf(expected, EXPECTED_SIZE, "an IP address");
	return ipaddr_parse(word->text, &address) == ERR_NONE;
}

static bool check_cidr(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	(void)row;
	struct ipprefix prefix;
	enum err err = ipprefix_parse(word->text, &prefix);
	snprintf(expected, EXPECTED_SIZE, "an IP prefix such as 10.96.0.0/12%s",
		err == ERR_RANGE
			? ", its length within the address and all bits behind it 0"
			: "");
	return !err;
}

static void zone_ignore(void *context, const struct dname *zone)
{
	(void)context;
	(void)zone;
}

static bool check_zone(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	(void)row;
	const char *problem = "";
	enum err err = argument_read_zones(word->text, zone_ignore, NULL, &problem);
	snprintf(expected, EXPECTED_SIZE, "a zone (%s)", problem);
	return !err;
}

static bool check_path(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	snprintf(expected, EXPECTED_SIZE, "the path of a %s",
		row->type == ARGUMENT_FOLDER ? "folder" : "file");
	return *word->text;
}

static bool check_listen(
	const struct directive_row *row, const struct corefile_word *word, char *expected)
{
	(void)row;
	struct ipaddr address;
	size_t length = strlen(word->text);
	snprintf(expected, EXPECTED_SIZE, "an IP address or the name of an interface");
	if (!ipaddr_parse(word->text, &address))
		return true;
	/* What the kernel takes as the name of one (dev_valid_name). */
	return length && length < IF_NAMESIZE && !strpbrk(word->text, "/: \t\r\n") &&
	       word->text[0] != '.' && !is_digit(word->text[0]);
}

static bool (*const argument_checks[])(const struct directive_row *row,
	const struct corefile_word *word, char *expected) = {
	[ARGUMENT_WORD] = check_word,
	[ARGUMENT_ONE_OF] = check_one_of,
	[ARGUMENT_NUMBER] = check_number,
	[ARGUMENT_DURATION] = check_duration,
	[ARGUMENT_BYTES] = check_bytes,
	[ARGUMENT_ADDRESS] = check_address,
	[ARGUMENT_CIDR] = check_cidr,
	[ARGUMENT_ZONE] = check_zone,
	[ARGUMENT_FOLDER] = check_path,
	[ARGUMENT_FILE] = check_path,
	[ARGUMENT_LISTEN] = check_listen,
};

bool argument_check(const struct directive_row *row, const char *owner,
	const struct corefile_word *word, struct diag_list *problems)
{
	char expected[EXPECTED_SIZE];
	if (argument_checks[row->type](row, word, expected))
		return true;
	report_error(problems, &word->place, "\"%.100s\" for \"%.100s\", expected %s",
		word->text, owner, expected);
	return false;
}
