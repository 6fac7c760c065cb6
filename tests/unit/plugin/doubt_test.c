/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/plugin/kubernetes/kubernetes.h"
#include "tests/support/fixture.h"

/* What is answered while the server may not read all kinds of objects. */

#define SVC "shop.svc.cluster.local"
#define POD "shop.pod.cluster.local"

struct expectation {
	const char *name;
	uint16_t type;
	const char *rcode; /* the first line */
};

#define FOUND     "NOERROR aa"
#define ABSENT    "NXDOMAIN aa"
#define UNKNOWN   "SERVFAIL aa"
#define PASSED_ON "REFUSED"

static void absent(struct fixture *fixture, const char *text)
{
	struct dname name = fixture_name(text);
	int zone = store_zone_find(fixture->store, &name);
	assert_int_equal(store_put_absence(fixture->store, &name, (unsigned)zone,
				 ABSENCE_NOT_READY),
		ERR_NONE);
}

/* A service with a cluster IP, one without, a pod, an ExternalName that points at each of
 * the services. */
static void begin(
	struct fixture *fixture, unsigned missing, struct kubernetes_options options)
{
	static const char *const zones[] = {"cluster.local", "10.in-addr.arpa"};
	struct plugin_instance plugin;
	fixture_init(fixture, zones, 2);
	options.store = fixture->store;
	options.pods = KUBERNETES_PODS_VERIFIED;
	assert_int_equal(kubernetes_new(&options, &plugin), ERR_NONE);
	fixture_add_plugin(fixture, plugin);
	fixture_add_next(fixture);
	fixture_put(fixture, "svc.cluster.local", "");
	fixture_put(fixture, "pod.cluster.local", "");
	fixture_put(fixture, SVC, "");
	fixture_put(fixture, POD, "");
	fixture_put(fixture, "cart." SVC, "A 10.0.0.1");
	fixture_put(fixture, "1.0.0.10.in-addr.arpa", "PTR cart." SVC ".");
	fixture_put(fixture, "to-cart." SVC, "CNAME cart." SVC ".");
	fixture_put(fixture, "to-db." SVC, "CNAME db." SVC ".");
	absent(fixture, "db." SVC);
	store_set_missing(fixture->store, missing);
}

static void expect(struct fixture *fixture, const struct expectation *expectations)
{
	for (; expectations->name; expectations++) {
		const char *text = fixture_ask(fixture, TRANSPORT_UDP, expectations->name,
			expectations->type, 1232);
		size_t length = strlen(expectations->rcode);
		if (strncmp(text, expectations->rcode, length) != 0 ||
			text[length] != '\n')
			fail_msg("%s %u:\n%s\nexpected:\n%s", expectations->name,
				expectations->type, text, expectations->rcode);
	}
	fixture_deinit(fixture);
}

static void without_endpoints_services_with_an_address_are_answered(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture, STORE_MISSING_ENDPOINTS, (struct kubernetes_options){0});
	expect(&fixture, (const struct expectation[]){
				 {"cart." SVC, TYPE_A, FOUND},
				 {"cart." SVC, TYPE_AAAA, FOUND},
				 {"_http._tcp.cart." SVC, TYPE_SRV, ABSENT},
				 {"10-1-0-1.cart." SVC, TYPE_A, UNKNOWN},
				 {"db." SVC, TYPE_A, UNKNOWN},
				 {"db-0.db." SVC, TYPE_A, UNKNOWN},
				 {"_http._tcp.db." SVC, TYPE_SRV, UNKNOWN},
				 {"1.0.0.10.in-addr.arpa", TYPE_PTR, FOUND},
				 {"1.0.1.10.in-addr.arpa", TYPE_PTR, UNKNOWN},
				 {"to-cart." SVC, TYPE_A, FOUND},
				 {"to-db." SVC, TYPE_A, "SERVFAIL"},
				 {"10-1-0-9." POD, TYPE_A, ABSENT},
				 {NULL, 0, NULL},
			 });
}

/* Names of the search list go on to the next one. */
static void without_endpoints_what_no_service_has_does_not_exist(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture, STORE_MISSING_ENDPOINTS, (struct kubernetes_options){0});
	expect(&fixture, (const struct expectation[]){
				 {"none." SVC, TYPE_A, ABSENT},
				 {"www.example.com." SVC, TYPE_A, ABSENT},
				 {"db.other.svc.cluster.local", TYPE_A, ABSENT},
				 {"www.example.com.svc.cluster.local", TYPE_A, ABSENT},
				 {"www.example.com.cluster.local", TYPE_A, ABSENT},
				 {SVC, TYPE_A, FOUND},
				 {"cluster.local", TYPE_SOA, FOUND},
				 {NULL, 0, NULL},
			 });
}

static void what_is_doubtful_does_not_fall_through(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture, STORE_MISSING_ENDPOINTS,
		(struct kubernetes_options){.falls_through = true});
	expect(&fixture, (const struct expectation[]){
				 {"none." SVC, TYPE_A, PASSED_ON},
				 {"db." SVC, TYPE_A, UNKNOWN},
				 {"1.0.1.10.in-addr.arpa", TYPE_PTR, UNKNOWN},
				 {NULL, 0, NULL},
			 });
}

static void without_pods_their_names_alone_are_unknown(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture, STORE_MISSING_PODS, (struct kubernetes_options){0});
	expect(&fixture, (const struct expectation[]){
				 {"cart." SVC, TYPE_A, FOUND},
				 {"db." SVC, TYPE_A, ABSENT},
				 {"1.0.1.10.in-addr.arpa", TYPE_PTR, ABSENT},
				 {"10-1-0-9." POD, TYPE_A, UNKNOWN},
				 {"no-address." POD, TYPE_A, ABSENT},
				 {"x.10-1-0-9." POD, TYPE_A, ABSENT},
				 {"10-1-0-9.other.pod.cluster.local", TYPE_A, ABSENT},
				 {POD, TYPE_A, FOUND},
				 {NULL, 0, NULL},
			 });
}

static void without_services_all_below_a_namespace_is_unknown(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture, STORE_MISSING_SERVICES, (struct kubernetes_options){0});
	expect(&fixture, (const struct expectation[]){
				 {"none." SVC, TYPE_A, UNKNOWN},
				 {"none.other.svc.cluster.local", TYPE_A, ABSENT},
				 {"9.0.0.10.in-addr.arpa", TYPE_PTR, UNKNOWN},
				 {"10-1-0-9." POD, TYPE_A, ABSENT},
				 {NULL, 0, NULL},
			 });
}

static void outside_of_the_cluster_it_is_the_same(void **state)
{
	(void)state;
	struct fixture fixture;
	begin(&fixture, STORE_MISSING_ENDPOINTS,
		(struct kubernetes_options){.is_external = true});
	fixture_put(&fixture, "shop.cluster.local", "");
	fixture_put(&fixture, "cart.shop.cluster.local", "A 192.0.2.1");
	expect(&fixture, (const struct expectation[]){
				 {"cart.shop.cluster.local", TYPE_A, FOUND},
				 {"db.shop.cluster.local", TYPE_A, UNKNOWN},
				 {"db.other.cluster.local", TYPE_A, ABSENT},
				 {NULL, 0, NULL},
			 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_endpoints_services_with_an_address_are_answered),
		cmocka_unit_test(without_endpoints_what_no_service_has_does_not_exist),
		cmocka_unit_test(what_is_doubtful_does_not_fall_through),
		cmocka_unit_test(without_pods_their_names_alone_are_unknown),
		cmocka_unit_test(without_services_all_below_a_namespace_is_unknown),
		cmocka_unit_test(outside_of_the_cluster_it_is_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
