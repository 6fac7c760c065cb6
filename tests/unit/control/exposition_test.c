/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/control/exposition.h"

struct output {
	FILE *stream;
	char *text;
	size_t length;
};

static int output_open(void **state)
{
	struct output *output = calloc(1, sizeof(*output));
	if (!output)
		return -1;
	output->stream = open_memstream(&output->text, &output->length);
	*state = output;
	return output->stream ? 0 : -1;
}

static int output_close(void **state)
{
	struct output *output = *state;
	fclose(output->stream);
	free(output->text);
	free(output);
	return 0;
}

static void assert_output(struct output *output, const char *expected)
{
	fflush(output->stream);
	assert_string_equal(output->text, expected);
}

static void a_family_has_its_help_and_type(void **state)
{
	struct output *output = *state;
	exposition_family(output->stream, "eggs_total", "counter", "Eggs laid.");
	exposition_integer(output->stream, "eggs_total", NULL, UINT64_MAX);
	assert_output(output, "# HELP eggs_total Eggs laid.\n# TYPE eggs_total counter\n"
			      "eggs_total 18446744073709551615\n");
}

static void labels_stand_in_their_order(void **state)
{
	struct output *output = *state;
	struct labels labels = labels_with(NULL, "hen", "Berta");
	labels = labels_with(&labels, "view", "");
	exposition_integer(output->stream, "eggs", &labels, 2);
	assert_output(output, "eggs{hen=\"Berta\",view=\"\"} 2\n");
}

static void label_values_are_escaped(void **state)
{
	struct output *output = *state;
	struct labels labels = labels_with(NULL, "zone", "a\\046b\"c\nd");
	exposition_integer(output->stream, "eggs", &labels, 1);
	assert_output(output, "eggs{zone=\"a\\\\046b\\\"c\\nd\"} 1\n");
}

static void nanoseconds_are_shown_as_seconds(void **state)
{
	struct output *output = *state;
	exposition_seconds(output->stream, "age_seconds", NULL, 12000000034);
	assert_output(output, "age_seconds 12.000000034\n");
}

static void a_histogram_is_cumulative(void **state)
{
	struct output *output = *state;
	const struct exposition_histogram histogram = {
		.buckets = (const uint64_t[]){1, 0, 2},
		.bounds = (const double[]){0.00025, 8.192},
		.count = 3,
		.sum = 30000000001,
		.is_ns = true,
	};
	const struct labels labels = labels_with(NULL, "view", "");
	exposition_histogram(output->stream, "wait_seconds", &labels, &histogram);
	assert_output(output, "wait_seconds_bucket{view=\"\",le=\"0.00025\"} 1\n"
			      "wait_seconds_bucket{view=\"\",le=\"8.192\"} 1\n"
			      "wait_seconds_bucket{view=\"\",le=\"+Inf\"} 3\n"
			      "wait_seconds_sum{view=\"\"} 30.000000001\n"
			      "wait_seconds_count{view=\"\"} 3\n");
}

static void an_empty_histogram_is_left_out(void **state)
{
	struct output *output = *state;
	const struct exposition_histogram histogram = {
		.buckets = (const uint64_t[]){0, 0},
		.bounds = (const double[]){64000},
		.count = 2,
	};
	exposition_histogram(output->stream, "size_bytes", NULL, &histogram);
	assert_output(output, "");
}

#define WITH_OUTPUT(test) cmocka_unit_test_setup_teardown(test, output_open, output_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_OUTPUT(a_family_has_its_help_and_type),
		WITH_OUTPUT(labels_stand_in_their_order),
		WITH_OUTPUT(label_values_are_escaped),
		WITH_OUTPUT(nanoseconds_are_shown_as_seconds),
		WITH_OUTPUT(a_histogram_is_cumulative),
		WITH_OUTPUT(an_empty_histogram_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
