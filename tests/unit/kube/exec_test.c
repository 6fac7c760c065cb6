/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "zones/source/kube/exec.h"
#include "zones/source/kube/fetch.h"

struct outcome {
	struct event_base *base;
	char token[64], certificate[64], key[64], problem[128];
	int64_t expires_ms;
	unsigned calls;
};

static void on_done(
	void *context, const struct exec_credentials *credentials, const char *problem)
{
	struct outcome *outcome = context;
	outcome->calls++;
	if (credentials) {
		snprintf(
			outcome->token, sizeof(outcome->token), "%s", credentials->token);
		snprintf(outcome->certificate, sizeof(outcome->certificate), "%s",
			credentials->certificate);
		snprintf(outcome->key, sizeof(outcome->key), "%s", credentials->key);
		outcome->expires_ms = credentials->expires_ms;
	} else {
		snprintf(outcome->problem, sizeof(outcome->problem), "%s", problem);
	}
	event_base_loopbreak(outcome->base);
}

/* A shell runs `script`, whose output is the program's. */
static struct outcome run(const char *script)
{
	const char *const arguments[] = {"-c", script, NULL};
	const char *const environment[] = {"GREETING=hello", NULL};
	const struct exec_program program = {
		.command = "sh",
		.arguments = arguments,
		.environment = environment,
		.version = "client.authentication.k8s.io/v1",
		.wants_cluster = true,
	};
	const struct fetch_server server = {
		.url = "https://192.0.2.1", .ca = {.data = "CA", .length = 2}};
	struct outcome outcome = {.base = event_base_new()};
	struct exec *exec;
	assert_int_equal(
		exec_start(&program, &server, outcome.base, on_done, &outcome, &exec),
		ERR_NONE);
	event_base_dispatch(outcome.base);
	event_base_free(outcome.base);
	assert_int_equal(outcome.calls, 1);
	return outcome;
}

#define HEAD                                                                             \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/"    \
	"v1\","

static void a_token_is_taken_over_with_its_end(void **state)
{
	(void)state;
	struct outcome outcome =
		run("echo '" HEAD "\"status\":{\"token\":\"'$GREETING'\","
		    "\"expirationTimestamp\":\"1970-01-01T00:01:00Z\"}}'");
	assert_string_equal(outcome.problem, "");
	assert_string_equal(outcome.token, "hello");
	assert_int_equal(outcome.expires_ms, 60000);
}

static void a_certificate_comes_with_its_key(void **state)
{
	(void)state;
	struct outcome outcome =
		run("echo '" HEAD "\"status\":{\"clientCertificateData\":\"c\","
		    "\"clientKeyData\":\"k\"}}'");
	assert_string_equal(outcome.problem, "");
	assert_string_equal(outcome.certificate, "c");
	assert_string_equal(outcome.key, "k");
	assert_string_equal(outcome.token, "");
	assert_int_equal(outcome.expires_ms, 0);
}

static void the_program_is_told_what_is_wanted(void **state)
{
	(void)state;
	struct outcome outcome =
		run("test \"$KUBERNETES_EXEC_INFO\" = '" HEAD "\"spec\":{"
		    "\"interactive\":false,\"cluster\":{\"server\":\"https://192.0.2.1\","
		    "\"certificate-authority-data\":\"Q0E=\"}}}' && echo '" HEAD
		    "\"status\":{\"token\":\"t\"}}'");
	assert_string_equal(outcome.problem, "");
	assert_string_equal(outcome.token, "t");
}

static void what_goes_wrong_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *script, *problem;
	} cases[] = {
		{"exit 3", "it ended with exit code 3"},
		{"kill -9 $$", "it ended with signal 9"},
		{"echo hello", "the output is no JSON"},
		{"true", "the output is no ExecCredential with a status"},
		{"echo '{}'", "the output is no ExecCredential with a status"},
		{"echo "
		 "'{\"kind\":\"ExecCredential\",\"apiVersion\":\"x\",\"status\":{}}'",
			"the output has another apiVersion than the kubeconfig"},
		{"echo '" HEAD "\"status\":{}}'",
			"the output has neither a token nor a certificate"},
		{"echo '" HEAD "\"status\":{\"clientKeyData\":\"k\"}}'",
			"a certificate without a key, or a key without a certificate"},
		{"echo '" HEAD "\"status\":{\"token\":\"t\","
		 "\"expirationTimestamp\":\"soon\"}}'",
			"expirationTimestamp is no time"},
		{"head -c 2000000 /dev/zero", "the output is too long"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = run(cases[i].script);
		assert_string_equal(outcome.problem, cases[i].problem);
	}
}

static void a_program_that_is_not_there_does_not_start(void **state)
{
	(void)state;
	const struct exec_program program = {.command = "/nonexistent/login",
		.version = "client.authentication.k8s.io/v1"};
	const struct fetch_server server = {.url = "https://192.0.2.1"};
	struct event_base *base = event_base_new();
	struct exec *exec;
	assert_int_equal(
		exec_start(&program, &server, base, on_done, NULL, &exec), ERR_IO);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_taken_over_with_its_end),
		cmocka_unit_test(a_certificate_comes_with_its_key),
		cmocka_unit_test(the_program_is_told_what_is_wanted),
		cmocka_unit_test(what_goes_wrong_is_said),
		cmocka_unit_test(a_program_that_is_not_there_does_not_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
