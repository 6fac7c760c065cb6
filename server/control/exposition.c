/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/exposition.h"

#include <assert.h>
#include <inttypes.h>

enum { NS_PER_S = 1000000000 };

struct labels labels_with(
	const struct labels *labels, const char *name, const char *value)
{
	struct labels result = {.count = 0};
	if (labels)
		result = *labels;
	assert(result.count < EXPOSITION_LABELS_MAX);
	result.items[result.count++] = (struct label){name, value};
	return result;
}

void exposition_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void value_write(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else if (*value == '"' || *value == '\\')
			fprintf(out, "\\%c", *value);
		else
			fputc(*value, out);
	}
}

/* The name, its suffix and the labels, up to the blank in front of the value. */
static void head_write(
	FILE *out, const char *name, const char *suffix, const struct labels *labels)
{
	fprintf(out, "%s%s", name, suffix);
	for (size_t i = 0; labels && i < labels->count; i++) {
		fprintf(out, "%c%s=\"", i ? ',' : '{', labels->items[i].name);
		value_write(out, labels->items[i].value);
		fputc('"', out);
	}
	fputs(labels && labels->count ? "} " : " ", out);
}

static void integer_write(FILE *out, uint64_t value)
{
	fprintf(out, "%" PRIu64 "\n", value);
}

static void seconds_write(FILE *out, uint64_t value_ns)
{
	fprintf(out, "%" PRIu64 ".%09" PRIu64 "\n", value_ns / NS_PER_S,
		value_ns % NS_PER_S);
}

void exposition_integer(
	FILE *out, const char *name, const struct labels *labels, uint64_t value)
{
	head_write(out, name, "", labels);
	integer_write(out, value);
}

void exposition_seconds(
	FILE *out, const char *name, const struct labels *labels, uint64_t value_ns)
{
	head_write(out, name, "", labels);
	seconds_write(out, value_ns);
}

void exposition_histogram(FILE *out, const char *name, const struct labels *labels,
	const struct exposition_histogram *histogram)
{
	uint64_t total = 0;
	for (size_t i = 0; i < histogram->count; i++)
		total += histogram->buckets[i];
	if (!total)
		return;
	uint64_t below = 0;
	for (size_t i = 0; i < histogram->count; i++) {
		char bound[32] = "+Inf";
		if (i < histogram->count - 1)
			snprintf(bound, sizeof(bound), "%g", histogram->bounds[i]);
		struct labels own = labels_with(labels, "le", bound);
		below += histogram->buckets[i];
		head_write(out, name, "_bucket", &own);
		integer_write(out, below);
	}
	head_write(out, name, "_sum", labels);
	if (histogram->is_ns)
		seconds_write(out, histogram->sum);
	else
		integer_write(out, histogram->sum);
	head_write(out, name, "_count", labels);
	integer_write(out, total);
}
