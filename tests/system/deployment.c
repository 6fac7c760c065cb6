/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of conf/kubernetes can be parsed and agree with each other: names, labels,
 * ports, what the pod may. What an API server would say to them is not known here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "zones/source/content.h"
#include "zones/source/kube/resource.h"

static const char *const files[] = {"serviceaccount.yaml", "rbac.yaml", "configmap.yaml",
	"deployment.yaml", "service.yaml", "poddisruptionbudget.yaml",
	"kustomization.yaml",
	/* Not for everybody, and so the last: what it holds stands behind the others. */
	"multicluster.yaml"};
enum { FILES = sizeof(files) / sizeof(files[0]), OPTIONAL = FILES - 1 };

static struct content contents[FILES];

static void path_of(const char *name, char *out)
{
	const char *srcdir = getenv("srcdir");
	snprintf(out, PATH_MAX, "%s/conf/kubernetes/%s", srcdir ? srcdir : ".", name);
}

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < FILES; i++) {
		char path[PATH_MAX];
		struct diag_list problems;
		diag_list_init(&problems);
		content_init(&contents[i]);
		path_of(files[i], path);
		enum err err = content_load(&contents[i], path, &problems);
		diag_list_log(&problems);
		diag_list_deinit(&problems);
		if (err)
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < FILES; i++)
		content_deinit(&contents[i]);
	return 0;
}

/* --- looking into them --- */

static const struct node *element(const struct node *list, size_t index)
{
	assert_int_equal(list->type, NODE_LIST);
	const struct node *node = list->first;
	while (index-- && node)
		node = node->next;
	return node;
}

/* "spec ports 0 name": the value there; fails the test if there is none. */
static const struct node *at(const struct node *node, const char *path)
{
	char text[256];
	char *rest = text;
	snprintf(text, sizeof(text), "%s", path);
	for (const char *word; node && (word = strsep(&rest, " "));)
		node = node->type == NODE_LIST ? element(node, strtoul(word, NULL, 10))
					       : node_get(node, word);
	if (!node)
		fail_msg("there is no \"%s\"", path);
	return node;
}

static const char *text_at(const struct node *node, const char *path)
{
	const struct node *found = at(node, path);
	assert_int_equal(found->type, NODE_STRING);
	return found->text;
}

static int64_t number_at(const struct node *node, const char *path)
{
	const struct node *found = at(node, path);
	assert_int_equal(found->type, NODE_INT);
	return found->integer;
}

static bool flag_at(const struct node *node, const char *path)
{
	const struct node *found = at(node, path);
	assert_int_equal(found->type, NODE_BOOL);
	return found->boolean;
}

static const struct node *object_in(size_t first, size_t end, const char *kind)
{
	for (size_t i = first; i < end; i++)
		for (const struct node *node = contents[i].documents->first; node;
			node = node->next)
			if (strcmp(text_at(node, "kind"), kind) == 0)
				return node;
	fail_msg("there is no %s", kind);
	return NULL;
}

static const struct node *object(const char *kind)
{
	return object_in(0, OPTIONAL, kind);
}

static const struct node *optional_object(const char *kind)
{
	return object_in(OPTIONAL, FILES, kind);
}

static bool list_has(const struct node *list, const char *text)
{
	assert_int_equal(list->type, NODE_LIST);
	for (const struct node *item = list->first; item; item = item->next)
		if (item->type == NODE_STRING && strcmp(item->text, text) == 0)
			return true;
	return false;
}

/* The element of a list of maps whose member `key` is `value`. */
static const struct node *find(
	const struct node *list, const char *key, const char *value)
{
	assert_int_equal(list->type, NODE_LIST);
	for (const struct node *item = list->first; item; item = item->next)
		if (strcmp(text_at(item, key), value) == 0)
			return item;
	fail_msg("nothing has %s \"%s\"", key, value);
	return NULL;
}

/* Each of `wanted` is among `labels`, and there is one. */
static void assert_selects(const struct node *wanted, const struct node *labels)
{
	assert_int_equal(wanted->type, NODE_MAP);
	assert_true(wanted->length > 0);
	for (const struct node *label = wanted->first; label; label = label->next)
		assert_string_equal(text_at(labels, label->key), label->text);
}

static const struct node *pod(void)
{
	return at(object("Deployment"), "spec template");
}

static const struct node *container(void)
{
	return at(pod(), "spec containers 0");
}

/* --- tests --- */

static void every_file_is_in_the_kustomization(void **state)
{
	(void)state;
	const struct node *resources = at(object("Kustomization"), "resources");
	/* But for itself, the last of those that everybody needs. */
	assert_int_equal(resources->length, OPTIONAL - 1);
	for (size_t i = 0; i < OPTIONAL - 1; i++)
		if (!list_has(resources, files[i]))
			fail_msg("%s is not in it", files[i]);
}

static void all_is_in_the_namespace_of_the_system(void **state)
{
	(void)state;
	static const char *const kinds[] = {"ServiceAccount", "ConfigMap", "Deployment",
		"Service", "PodDisruptionBudget"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		assert_string_equal(
			text_at(object(kinds[i]), "metadata namespace"), "kube-system");
}

static void selectors_select_the_pods(void **state)
{
	(void)state;
	const struct node *labels = at(pod(), "metadata labels");
	const struct node *deployment = object("Deployment");
	assert_selects(at(deployment, "spec selector matchLabels"), labels);
	assert_selects(
		at(object("PodDisruptionBudget"), "spec selector matchLabels"), labels);
	assert_selects(at(object("Service"), "spec selector"), labels);
	assert_selects(at(pod(), "spec affinity podAntiAffinity "
				 "preferredDuringSchedulingIgnoredDuringExecution 0 "
				 "podAffinityTerm labelSelector matchLabels"),
		labels);
	assert_int_equal(number_at(deployment, "spec replicas"), 2);
}

/* A budget of no disruption would hold up the drain of a node for ever. */
static void one_of_the_replicas_may_go(void **state)
{
	(void)state;
	assert_int_equal(
		number_at(object("PodDisruptionBudget"), "spec maxUnavailable"), 1);
}

static void the_service_has_the_name_and_ports_of_every_cluster(void **state)
{
	(void)state;
	const struct node *service = object("Service");
	const struct node *ports = at(service, "spec ports");
	assert_string_equal(text_at(service, "metadata name"), "kube-dns");
	assert_string_equal(text_at(service, "metadata labels k8s-app"), "kube-dns");
	/* That of a Service which exists must not be changed. */
	assert_null(node_get(at(service, "spec"), "clusterIP"));
	assert_int_equal(ports->length, 3);
	for (const struct node *port = ports->first; port; port = port->next) {
		const struct node *own =
			find(at(container(), "ports"), "name", text_at(port, "name"));
		assert_int_equal(
			number_at(port, "targetPort"), number_at(own, "containerPort"));
		assert_string_equal(text_at(port, "protocol"), text_at(own, "protocol"));
	}
	assert_int_equal(number_at(find(ports, "name", "dns"), "port"), 53);
	assert_int_equal(number_at(find(ports, "name", "dns-tcp"), "port"), 53);
	const struct node *metrics = find(ports, "name", "metrics");
	assert_int_equal(number_at(metrics, "port"),
		strtol(text_at(service, "metadata annotations prometheus.io/port"), NULL,
			10));
}

static void probe_has(const char *probe, const char *path, int64_t port)
{
	char place[128];
	snprintf(place, sizeof(place), "%s httpGet path", probe);
	assert_string_equal(text_at(container(), place), path);
	snprintf(place, sizeof(place), "%s httpGet port", probe);
	const struct node *own =
		find(at(container(), "ports"), "name", text_at(container(), place));
	assert_int_equal(number_at(own, "containerPort"), port);
}

static void the_probes_ask_what_is_served(void **state)
{
	(void)state;
	const char *corefile = text_at(object("ConfigMap"), "data Corefile");
	assert_non_null(strstr(corefile, "health {"));
	assert_non_null(strstr(corefile, "ready\n"));
	assert_non_null(strstr(corefile, "prometheus :9153"));
	probe_has("livenessProbe", "/health", 8080);
	probe_has("readinessProbe", "/ready", 8181);
}

static void the_end_is_longer_than_the_lameduck(void **state)
{
	(void)state;
	const char *lameduck =
		strstr(text_at(object("ConfigMap"), "data Corefile"), "lameduck ");
	assert_non_null(lameduck);
	assert_true(number_at(pod(), "spec terminationGracePeriodSeconds") >
		    strtol(lameduck + strlen("lameduck "), NULL, 10));
}

static void assert_binds(const struct node *binding, const struct node *role)
{
	assert_string_equal(text_at(binding, "subjects 0 name"),
		text_at(object("ServiceAccount"), "metadata name"));
	assert_string_equal(text_at(binding, "subjects 0 namespace"), "kube-system");
	assert_string_equal(
		text_at(binding, "roleRef name"), text_at(role, "metadata name"));
}

static void the_account_has_the_role(void **state)
{
	(void)state;
	const char *account = text_at(object("ServiceAccount"), "metadata name");
	assert_string_equal(text_at(pod(), "spec serviceAccountName"), account);
	assert_binds(object("ClusterRoleBinding"), object("ClusterRole"));
	assert_binds(
		optional_object("ClusterRoleBinding"), optional_object("ClusterRole"));
	assert_string_not_equal(text_at(object("ClusterRole"), "metadata name"),
		text_at(optional_object("ClusterRole"), "metadata name"));
	/* The account hands out no token by itself: the pod must ask for it. */
	assert_true(flag_at(pod(), "spec automountServiceAccountToken"));
}

/* What this program asks for of what is there in every cluster, or of what is not. */
static void assert_role(const struct node *role, bool may_be_absent)
{
	size_t count = 0, needed = 0;
	for (unsigned i = 0; i < KUBE_RESOURCES; i++)
		needed += kube_resources[i].may_be_absent == may_be_absent;
	for (const struct node *rule = at(role, "rules")->first; rule;
		rule = rule->next) {
		const struct node *verbs = at(rule, "verbs");
		assert_int_equal(verbs->length, 2);
		assert_true(list_has(verbs, "list") && list_has(verbs, "watch"));
		assert_int_equal(at(rule, "apiGroups")->length, 1);
		count += at(rule, "resources")->length;
		for (unsigned i = 0; i < KUBE_RESOURCES; i++) {
			const struct kube_resource *resource = &kube_resources[i];
			if (!list_has(at(rule, "resources"), resource->name))
				continue;
			assert_int_equal(resource->may_be_absent, may_be_absent);
			assert_string_equal(
				text_at(rule, "apiGroups 0"), resource->group);
			needed--;
		}
	}
	assert_int_equal(needed, 0);
	assert_int_equal(count, may_be_absent ? 1 : KUBE_RESOURCES - 1);
}

static void the_role_may_list_and_watch_and_nothing_else(void **state)
{
	(void)state;
	assert_role(object("ClusterRole"), false);
	assert_role(optional_object("ClusterRole"), true);
}

static void the_configuration_is_mounted_where_it_is_read(void **state)
{
	(void)state;
	const struct node *volumes = at(pod(), "spec volumes");
	const struct node *mounts = at(container(), "volumeMounts");
	const struct node *volume = find(volumes, "name", "config");
	const struct node *args = at(container(), "args");
	char path[256];
	assert_string_equal(text_at(volume, "configMap name"),
		text_at(object("ConfigMap"), "metadata name"));
	text_at(at(object("ConfigMap"), "data"),
		text_at(volume, "configMap items 0 key"));
	snprintf(path, sizeof(path), "%s/%s",
		text_at(find(mounts, "name", "config"), "mountPath"),
		text_at(volume, "configMap items 0 path"));
	assert_string_equal(text_at(args, "0"), "-conf");
	assert_string_equal(text_at(args, "1"), path);
	for (const struct node *mount = mounts->first; mount; mount = mount->next)
		find(volumes, "name", text_at(mount, "name"));
}

static void the_pod_may_no_more_than_listen(void **state)
{
	(void)state;
	const struct node *security = at(container(), "securityContext");
	assert_true(flag_at(pod(), "spec securityContext runAsNonRoot"));
	assert_true(number_at(pod(), "spec securityContext runAsUser") > 0);
	assert_true(flag_at(security, "readOnlyRootFilesystem"));
	assert_false(flag_at(security, "allowPrivilegeEscalation"));
	assert_string_equal(text_at(security, "capabilities drop 0"), "ALL");
	assert_int_equal(at(security, "capabilities add")->length, 1);
	assert_string_equal(text_at(security, "capabilities add 0"), "NET_BIND_SERVICE");
	/* It must not ask itself. */
	assert_string_equal(text_at(pod(), "spec dnsPolicy"), "Default");
}

static void the_image_is_the_one_that_kustomize_renames(void **state)
{
	(void)state;
	const struct node *image = at(object("Kustomization"), "images 0");
	char name[256];
	snprintf(name, sizeof(name), "%s:%s", text_at(image, "name"),
		text_at(image, "newTag"));
	assert_string_equal(text_at(container(), "image"), name);
}

static char *file_read(const char *name)
{
	enum { SIZE = 16384 };
	char path[PATH_MAX];
	path_of(name, path);
	FILE *file = fopen(path, "r");
	char *text = calloc(1, SIZE);
	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, SIZE - 1, file) > 0);
	fclose(file);
	return text;
}

static void the_image_has_the_user_and_place_of_the_pod(void **state)
{
	(void)state;
	char *dockerfile = file_read("Dockerfile");
	char user[64];
	snprintf(user, sizeof(user), "USER %d:%d\n",
		(int)number_at(pod(), "spec securityContext runAsUser"),
		(int)number_at(pod(), "spec securityContext runAsGroup"));
	assert_non_null(strstr(dockerfile, user));
	assert_non_null(strstr(dockerfile, text_at(container(), "args 1")));
	assert_non_null(strstr(dockerfile, "cap_net_bind_service"));
	free(dockerfile);
}

static void corefile_write(const char *path)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text_at(object("ConfigMap"), "data Corefile"), file);
	fclose(file);
}

/* Where there is no cluster around, what is wrong is that and nothing else. */
static void the_corefile_is_accepted(void **state)
{
	(void)state;
	const char *program = getenv("WAYMARK");
	char folder[] = "/tmp/waymark-test.XXXXXX";
	char path[128];
	char command[PATH_MAX + 256];
	assert_non_null(program);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/Corefile", folder);
	corefile_write(path);
	snprintf(command, sizeof(command),
		"env -u KUBERNETES_SERVICE_HOST '%s' check -c '%s' 2>&1 | "
		"grep -v -e KUBERNETES_SERVICE_HOST -e 'cannot be read' | grep -F error:",
		program, path);
	int result = system(command); /* NOLINT(cert-env33-c) */
	unlink(path);
	rmdir(folder);
	/* grep has found nothing. */
	assert_int_equal(result, 1 << 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_is_in_the_kustomization),
		cmocka_unit_test(all_is_in_the_namespace_of_the_system),
		cmocka_unit_test(selectors_select_the_pods),
		cmocka_unit_test(one_of_the_replicas_may_go),
		cmocka_unit_test(the_service_has_the_name_and_ports_of_every_cluster),
		cmocka_unit_test(the_probes_ask_what_is_served),
		cmocka_unit_test(the_end_is_longer_than_the_lameduck),
		cmocka_unit_test(the_account_has_the_role),
		cmocka_unit_test(the_role_may_list_and_watch_and_nothing_else),
		cmocka_unit_test(the_configuration_is_mounted_where_it_is_read),
		cmocka_unit_test(the_pod_may_no_more_than_listen),
		cmocka_unit_test(the_image_is_the_one_that_kustomize_renames),
		cmocka_unit_test(the_image_has_the_user_and_place_of_the_pod),
		cmocka_unit_test(the_corefile_is_accepted),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
