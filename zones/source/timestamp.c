/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/timestamp.h"

#include <stdbool.h>
#include <stddef.h>

/* The digits of `shape` as numbers, everything else as it stands there. */
static bool read_shape(const char **text, const char *shape, int *out)
{
	for (; *shape; shape++, ++*text) {
		if (*shape != '0') {
			/* RFC 3339 5.6: T may be lower-case, or a blank. */
			if (**text != *shape &&
				!(*shape == 'T' && (**text == 't' || **text == ' ')))
				return false;
			out++;
			continue;
		}
		if (**text < '0' || **text > '9')
			return false;
		*out = *out * 10 + (**text - '0');
	}
	return true;
}

/* Days since 1970-01-01 in the Gregorian calendar, counted from March on, so that the
 * day that some years have more is the last one. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * m + 2) / 5 + day - 1;
	int64_t day_of_era =
		year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

/* ".123456": its milliseconds; the rest is cut. */
static bool read_fraction(const char **text, int64_t *ms)
{
	int64_t scale = 100;
	*ms = 0;
	if (**text != '.')
		return true;
	if (*++*text < '0' || **text > '9')
		return false;
	for (; **text >= '0' && **text <= '9'; ++*text) {
		*ms += (**text - '0') * scale;
		scale /= 10;
	}
	return true;
}

/* "Z" or "+02:00" in minutes. */
static bool read_offset(const char **text, int64_t *minutes)
{
	*minutes = 0;
	if (**text == 'Z' || **text == 'z') {
		++*text;
		return true;
	}
	int sign = **text == '+' ? 1 : **text == '-' ? -1 : 0;
	int parts[2] = {0};
	if (!sign)
		return false;
	++*text;
	if (!read_shape(text, "00:00", parts) || parts[0] > 23 || parts[1] > 59)
		return false;
	*minutes = sign * (parts[0] * 60 + parts[1]);
	return true;
}

enum err timestamp_parse(const char *text, int64_t *unix_ms)
{
	int parts[6] = {0};
	int64_t ms, offset;
	if (!read_shape(&text, "0000-00-00T00:00:00", parts) ||
		!read_fraction(&text, &ms) || !read_offset(&text, &offset) || *text)
		return ERR_SYNTAX;
	/* 60 is a leap second. */
	if (parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31 ||
		parts[3] > 23 || parts[4] > 59 || parts[5] > 60)
		return ERR_SYNTAX;
	int64_t seconds = days_of(parts[0], parts[1], parts[2]) * 86400 +
			  parts[3] * 3600 + parts[4] * 60 + parts[5] - offset * 60;
	*unix_ms = seconds * 1000 + ms;
	return ERR_NONE;
}
