/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { NEAREST_LENGTH_MAX = 40 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int letter(const char *text, size_t i)
{
	return tolower((unsigned char)text[i]);
}

/* The optimal string alignment distance. Both are at most NEAREST_LENGTH_MAX long. */
static size_t nearest_distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_LENGTH_MAX + 1];
	size_t b_length = strlen(b);
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	size_t i = 0;
	for (; a[i]; i++) {
		size_t *before = rows[(i + 2) % 3];
		const size_t *above = rows[i % 3];
		size_t *row = rows[(i + 1) % 3];
		row[0] = i + 1;
		for (size_t j = 0; j < b_length; j++) {
			bool is_same = letter(a, i) == letter(b, j);
			row[j + 1] = least(
				least(above[j + 1], row[j]) + 1, above[j] + !is_same);
			if (i && j && letter(a, i) == letter(b, j - 1) &&
				letter(a, i - 1) == letter(b, j))
				row[j + 1] = least(row[j + 1], before[j - 1] + 1);
		}
	}
	return rows[i % 3][b_length];
}

void nearest_init(struct nearest *nearest, const char *word)
{
	*nearest = (struct nearest){.word = word};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	size_t length = strlen(nearest->word);
	if (length > NEAREST_LENGTH_MAX || strlen(candidate) > NEAREST_LENGTH_MAX)
		return;
	/* A third of the letters, else everything is near to a short word. */
	size_t limit = length < 3 ? 1 : (length + 2) / 3;
	size_t distance = nearest_distance(nearest->word, candidate);
	if (distance > limit || distance >= strlen(candidate))
		return;
	if (nearest->found && distance >= nearest->distance)
		return;
	nearest->found = candidate;
	nearest->distance = distance;
}
