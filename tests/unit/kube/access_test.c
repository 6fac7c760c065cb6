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

#include <sys/stat.h>
#include <unistd.h>

#include "zones/source/kube/access.h"
#include "zones/source/kube/kube.h"

struct fixture {
	char folder[64], path[96];
	struct kube_access access;
	struct diag_list problems;
};

static int begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	strcpy(fixture->folder, "/tmp/kubeconfig.XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/config", fixture->folder);
	access_init(&fixture->access);
	diag_list_init(&fixture->problems);
	*state = fixture;
	return 0;
}

static int end(void **state)
{
	struct fixture *fixture = *state;
	char path[96];
	snprintf(path, sizeof(path), "%s/token", fixture->folder);
	unlink(path);
	unlink(fixture->path);
	rmdir(fixture->folder);
	access_deinit(&fixture->access);
	diag_list_deinit(&fixture->problems);
	free(fixture);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static enum err read_config(
	struct fixture *fixture, const char *text, const char *context)
{
	write_file(fixture->path, text);
	const struct kube_options options = {
		.kubeconfig = fixture->path, .context = context};
	return access_read(&fixture->access, &options, &fixture->problems);
}

#define CONTEXTS                                                                         \
	"current-context: first\n"                                                       \
	"contexts:\n"                                                                    \
	"- {name: first, context: {cluster: one, user: me}}\n"                           \
	"- {name: second, context: {cluster: two, user: you}}\n"

static const char whole[] = CONTEXTS
	"clusters:\n"
	"- name: one\n"
	"  cluster:\n"
	"    server: https://192.0.2.1:6443\n"
	"    certificate-authority: keys/ca.crt\n"
	"    tls-server-name: kubernetes\n"
	"    proxy-url: http://192.0.2.9:3128\n"
	"- name: two\n"
	"  cluster: {server: 'http://192.0.2.2', certificate-authority-data: Q0EK}\n"
	"users:\n"
	"- {name: me, user: {tokenFile: token}}\n"
	"- name: you\n"
	"  user:\n"
	"    client-certificate: /keys/dns.crt\n"
	"    client-key-data: |\n"
	"      S0VZ\n"
	"      MQ==\n";

static void the_current_context_counts(void **state)
{
	struct fixture *fixture = *state;
	char expected[128];
	assert_int_equal(read_config(fixture, whole, NULL), ERR_NONE);
	const struct fetch_server *server = &fixture->access.server;
	assert_string_equal(server->url, "https://192.0.2.1:6443");
	assert_string_equal(server->server_name, "kubernetes");
	assert_string_equal(server->proxy, "http://192.0.2.9:3128");
	assert_false(server->is_insecure);
	/* Relative to the kubeconfig. */
	snprintf(expected, sizeof(expected), "%s/keys/ca.crt", fixture->folder);
	assert_string_equal(server->ca.path, expected);
	assert_null(server->certificate.path);
}

static void the_context_that_is_asked_for_counts(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(read_config(fixture, whole, "second"), ERR_NONE);
	const struct fetch_server *server = &fixture->access.server;
	assert_string_equal(server->url, "http://192.0.2.2");
	assert_int_equal(server->ca.length, 3);
	assert_memory_equal(server->ca.data, "CA\n", 3);
	assert_string_equal(server->certificate.path, "/keys/dns.crt");
	assert_int_equal(server->key.length, 4);
	assert_memory_equal(server->key.data, "KEY1", 4);
	assert_null(access_authorization(&fixture->access));
}

static void a_token_is_read_again_when_its_file_changes(void **state)
{
	struct fixture *fixture = *state;
	struct kube_access *access = &fixture->access;
	char path[96], renewed[96];
	snprintf(path, sizeof(path), "%s/token", fixture->folder);
	snprintf(renewed, sizeof(renewed), "%s/renewed", fixture->folder);
	assert_int_equal(read_config(fixture, whole, NULL), ERR_NONE);
	assert_null(access_authorization(access));
	write_file(path, "one\n");
	assert_string_equal(access_authorization(access), "Bearer one");
	write_file(renewed, "two");
	assert_int_equal(rename(renewed, path), 0);
	assert_string_equal(access_authorization(access), "Bearer two");
	/* While it is exchanged the last one counts. */
	write_file(path, "");
	assert_string_equal(access_authorization(access), "Bearer two");
	unlink(path);
	access_forget(access);
	assert_string_equal(access_authorization(access), "Bearer two");
}

static void a_token_may_stand_in_the_file(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(
		read_config(fixture,
			"{\"current-context\":\"a\",\"contexts\":[{\"name\":\"a\","
			"\"context\":{\"cluster\":\"c\",\"user\":\"u\"}}],"
			"\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":"
			"\"https://192.0.2.1\",\"insecure-skip-tls-verify\":true}}],"
			"\"users\":[{\"name\":\"u\",\"user\":{\"token\":\"abc\"}}]}",
			NULL),
		ERR_NONE);
	assert_true(fixture->access.server.is_insecure);
	assert_string_equal(access_authorization(&fixture->access), "Bearer abc");
}

static void a_program_is_found_beside_the_file(void **state)
{
	struct fixture *fixture = *state;
	char expected[128];
	assert_int_equal(
		read_config(fixture,
			CONTEXTS
			"clusters: [{name: one, cluster: {server: https://192.0.2.1}}]\n"
			"users:\n"
			"- name: me\n"
			"  user:\n"
			"    exec:\n"
			"      apiVersion: client.authentication.k8s.io/v1\n"
			"      command: bin/login\n"
			"      args: [--for, dns]\n"
			"      env: [{name: A, value: b=c}]\n"
			"      provideClusterInfo: true\n",
			NULL),
		ERR_NONE);
	const struct exec_program *program = &fixture->access.program;
	snprintf(expected, sizeof(expected), "%s/bin/login", fixture->folder);
	assert_string_equal(program->command, expected);
	assert_string_equal(program->arguments[0], "--for");
	assert_string_equal(program->arguments[1], "dns");
	assert_null(program->arguments[2]);
	assert_string_equal(program->environment[0], "A=b=c");
	assert_null(program->environment[1]);
	assert_true(program->wants_cluster);
	assert_false(access_is_ready(&fixture->access));
}

static void mistakes_are_told_with_their_place(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{"", "config: error: is no kubeconfig"},
		{"kind: Config\n", "config: error: there is no current-context, and "
				   "kubeconfig names none"},
		{"current-context: x\n",
			"config:1:18: error: there is no context called \"x\""},
		{CONTEXTS "clusters: []\n",
			"config:3:36: error: there is no cluster called \"one\""},
		{CONTEXTS "clusters:\n- {name: one, cluster: {server: 192.0.2.1}}\n"
			  "users:\n- {name: me, user: {}}\n",
			"config:6:33: error: server is \"192.0.2.1\", expected a URL "
			"such "
			"as https://192.0.2.1:6443"},
		{CONTEXTS "clusters:\n- {name: one, cluster: {server: 'https://a', "
			  "certificate-authority-data: '%'}}\n"
			  "users:\n- {name: me, user: {}}\n",
			"config:6:74: error: certificate-authority-data is not base64"},
		{CONTEXTS "clusters:\n- {name: one, cluster: {server: 'https://a'}}\n"
			  "users:\n- {name: me, user: {client-key: k}}\n",
			"config:8:20: error: the user has a client-key without a "
			"certificate"},
		{CONTEXTS "clusters:\n- {name: one, cluster: {server: 'https://a'}}\n"
			  "users:\n- {name: me, user: {username: k}}\n",
			"config:8:31: error: username is not supported: expected a "
			"certificate, a token or exec"},
		{CONTEXTS "clusters:\n- {name: one, cluster: {server: [a]}}\n"
			  "users:\n- {name: me, user: {}}\n",
			"config:6:33: error: server is not a string"},
		{"a: [\n", "config:2:1: error: "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_config(fixture, cases[i].text, NULL), ERR_INVALID);
		char text[512];
		assert_true(fixture->problems.count > 0);
		diag_format(&fixture->problems.items[0], text, sizeof(text));
		const char *tail = strstr(text, "config:");
		assert_non_null(tail);
		if (strncmp(tail, cases[i].problem, strlen(cases[i].problem)) != 0)
			fail_msg("\"%s\" instead of \"%s\"", tail, cases[i].problem);
		diag_list_deinit(&fixture->problems);
		diag_list_init(&fixture->problems);
	}
}

static void a_file_that_is_not_there_is_told(void **state)
{
	struct fixture *fixture = *state;
	const struct kube_options options = {.kubeconfig = fixture->path};
	assert_int_equal(
		access_read(&fixture->access, &options, &fixture->problems), ERR_INVALID);
	assert_int_equal(fixture->problems.errors, 1);
}

static void outside_of_a_cluster_an_option_is_asked_for(void **state)
{
	struct fixture *fixture = *state;
	const struct kube_options options = {.endpoint = NULL};
	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_true(access_lacks_pod(&options));
	assert_int_equal(
		access_read(&fixture->access, &options, &fixture->problems), ERR_INVALID);
	assert_non_null(strstr(fixture->problems.items[0].text, "endpoint, kubeconfig"));
}

static void an_endpoint_without_a_scheme_has_one(void **state)
{
	struct fixture *fixture = *state;
	const struct kube_options options = {.endpoint = "127.0.0.1:8080"};
	assert_false(access_lacks_pod(&options));
	assert_int_equal(
		access_read(&fixture->access, &options, &fixture->problems), ERR_NONE);
	assert_string_equal(fixture->access.server.url, "http://127.0.0.1:8080");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_current_context_counts, begin, end),
		cmocka_unit_test_setup_teardown(
			the_context_that_is_asked_for_counts, begin, end),
		cmocka_unit_test_setup_teardown(
			a_token_is_read_again_when_its_file_changes, begin, end),
		cmocka_unit_test_setup_teardown(
			a_token_may_stand_in_the_file, begin, end),
		cmocka_unit_test_setup_teardown(
			a_program_is_found_beside_the_file, begin, end),
		cmocka_unit_test_setup_teardown(
			mistakes_are_told_with_their_place, begin, end),
		cmocka_unit_test_setup_teardown(
			a_file_that_is_not_there_is_told, begin, end),
		cmocka_unit_test_setup_teardown(
			outside_of_a_cluster_an_option_is_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(
			an_endpoint_without_a_scheme_has_one, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
