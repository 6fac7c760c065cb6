/* SPDX-License-Identifier: Apache-2.0 */
/* A message from anywhere, asked of a small store over UDP and over TCP. What every
 * reply has to be is asserted by the fixture: it reads in ldns, keeps its limit and
 * carries the question. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/plugin/kubernetes/kubernetes.h"
#include "tests/support/fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SVC "d.svc.cluster.local"
#define POD "d.pod.cluster.local"

static struct fixture fixture;

static void put(void)
{
	enum err err = store_put(fixture.store, fixture.builder);
	assert(!err);
}

/* A headless service whose answers outgrow UDP, and a port of it. */
static void put_headless(void)
{
	static const char *const owners[] = {"h." SVC, "_p._tcp.h." SVC};
	static const uint16_t ports[] = {80, 443};
	uint8_t octets[16] = {0xfd};
	for (unsigned i = 0; i < 30; i++) {
		char label[8];
		snprintf(label, sizeof(label), "e%u", i % 100);
		octets[15] = (uint8_t)i;
		targets_add(fixture.targets, label, strlen(label),
			&(struct target_addresses){octets + 12, 1, octets, 1});
	}
	struct targets *targets = targets_finish(fixture.targets, NULL);
	assert(targets);
	for (unsigned i = 0; i < 2; i++) {
		struct dname name = fixture_name(owners[i]);
		int zone = store_zone_find(fixture.store, &name);
		answer_begin(fixture.builder, &name, (unsigned)zone);
		for (uint8_t k = 0; !i && k < 80; k++) {
			octets[15] = k;
			answer_add(fixture.builder, TYPE_A, 5, octets + 12, 4);
		}
		answer_begin_srv(fixture.builder, targets, 1, 5, i ? 8 : 0);
		answer_add_srv_group(fixture.builder, 0, 20, true, ports, 2);
		answer_add_srv_group(fixture.builder, 15, 5, false, ports, 1);
		answer_add_srv_group(fixture.builder, 20, 10, true, ports, 1);
		put();
	}
	targets_unref(targets);
}

/* An endpoint of it, which is its own target, a port that points above itself, and who
 * points at the endpoint. */
static void put_endpoint(void)
{
	static const uint16_t ports[] = {80, 443};
	static const uint8_t address[16] = {0xfd};
	struct dname name = fixture_name("e0.h." SVC),
		     port = fixture_name("_q._tcp.h." SVC),
		     reverse = fixture_name("7.0.0.10.in-addr.arpa");
	int zone = store_zone_find(fixture.store, &name);
	answer_begin(fixture.builder, &name, (unsigned)zone);
	answer_add(fixture.builder, TYPE_A, 5, "\12\0\0\7", 4);
	answer_add_one_srv(fixture.builder, 50, 0, ports, 2, NULL);
	put();
	answer_begin(fixture.builder, &port, (unsigned)zone);
	answer_add_one_srv(fixture.builder, 50, 8, ports, 2,
		&(struct target_addresses){address, 1, address, 1});
	put();
	answer_begin(fixture.builder, &reverse,
		(unsigned)store_zone_find(fixture.store, &reverse));
	answer_add_name(fixture.builder, TYPE_PTR, (unsigned)zone, &name);
	put();
}

static void put_apex(void)
{
	struct dname apex = fixture_name("cluster.local");
	int zone = store_zone_find(fixture.store, &apex);
	answer_begin(fixture.builder, &apex, (unsigned)zone);
	answer_add(fixture.builder, TYPE_NS, 5, "\2ns\3dns\xc0\x0c", 9);
	put();
	fixture_put(&fixture, "ns.dns.cluster.local", "A 10.0.0.10\nAAAA fd00::10");
	fixture_put(&fixture, "10.in-addr.arpa", "NS ns.dns.cluster.local.");
	fixture_put(&fixture, "dns-version.cluster.local", "TXT \"1.1.0\"");
}

/* The store's table hides its pointers from a leak checker. */
static void fixture_end(void)
{
	fixture_deinit(&fixture);
}

static void fixture_begin(void)
{
	static const char *const zones[] = {"cluster.local", "10.in-addr.arpa"};
	struct plugin_instance plugin;
	fixture_init(&fixture, zones, 2);
	struct kubernetes_options options = {
		.store = fixture.store, .pods = KUBERNETES_PODS_INSECURE};
	enum err err = kubernetes_new(&options, &plugin);
	assert(!err);
	fixture_add_plugin(&fixture, plugin);
	put_apex();
	put_headless();
	put_endpoint();
	fixture_put(&fixture, "w." SVC, "A 10.0.0.1\nAAAA fd00::1");
	fixture_put(&fixture, "x." SVC, "CNAME h." SVC ".");
	fixture_put(&fixture, "y." SVC, "CNAME cluster.local.");
	fixture_put(&fixture, "z." SVC, "CNAME z." SVC ".");
	fixture_put(&fixture, "o." SVC, "CNAME www.example.");
	fixture_put(&fixture, POD, "");
	fixture_put(&fixture, "1.0.0.10.in-addr.arpa", "PTR w." SVC ".");
	atexit(fixture_end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_begun;
	if (!has_begun)
		fixture_begin();
	has_begun = true;
	if (size > PACKET_SIZE)
		return 0;
	memcpy(fixture.packet.bytes, data, size);
	fixture.packet.length = size;
	enum verdict udp_verdict = fixture_send(&fixture, TRANSPORT_UDP);
	struct reply udp = fixture.query.reply;
	enum verdict verdict = fixture_send(&fixture, TRANSPORT_TCP);
	assert(udp_verdict == verdict);
	if (verdict != VERDICT_REPLY)
		return 0;
	/* Everything of this store fits TCP; over UDP it is there whole, or TC says so.
	 */
	const struct reply *tcp = &fixture.query.reply;
	assert(!tcp->is_truncated);
	assert(udp.is_truncated || udp.rcode == tcp->rcode);
	assert(udp.is_truncated == (udp.answer_count != tcp->answer_count) ||
		tcp->rcode == RCODE_SERVFAIL);
	assert(udp.additional_count <= tcp->additional_count);
	return 0;
}
