/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fixture.h"

#include <assert.h>
#include <ldns/ldns.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/router.h"
#include "server/wire/octets.h"
#include "zones/store/reader.h"

static const struct sockaddr_in client = {.sin_family = AF_INET};

struct dname fixture_name(const char *text)
{
	struct dname name;
	enum err err = dname_from_text(text, &name);
	assert(!err);
	return name;
}

void fixture_init(struct fixture *fixture, const char *const *zones, unsigned count)
{
	memset(fixture, 0, sizeof(*fixture));
	hash_key_init(&fixture->key);
	struct store_zone store_zones[STORE_ZONES_MAX];
	fixture->router = router_new(&fixture->key);
	assert(fixture->router && count <= STORE_ZONES_MAX);
	for (unsigned i = 0; i < count; i++) {
		store_zones[i] = (struct store_zone){
			.name = fixture_name(zones[i]), .ttl_s = FIXTURE_TTL_S};
		enum err err = router_add(
			fixture->router, &store_zones[i].name, &fixture->block);
		assert(!err);
	}
	enum err sealed = router_seal(fixture->router);
	assert(!sealed);
	fixture->store = store_new(&fixture->key, store_zones, count);
	fixture->builder = answer_builder_new(fixture->store);
	fixture->targets = targets_builder_new();
	fixture->buffer = malloc(FIXTURE_BUFFER);
	fixture->text = malloc(FIXTURE_TEXT);
	assert(fixture->store && fixture->builder && fixture->targets &&
		fixture->buffer && fixture->text);
	fixture->block.udp_size = 1232;
	store_set_synced(fixture->store, true);
	for (unsigned i = 0; i < count; i++)
		fixture_put(fixture, zones[i], "");
	/* Once a program: a test that fails leaves its fixture behind. */
	static bool is_registered;
	if (!is_registered)
		store_reader_register();
	is_registered = true;
}

void fixture_deinit(struct fixture *fixture)
{
	for (unsigned i = 0; i < fixture->block.chain_length; i++) {
		const struct plugin_instance *plugin = &fixture->block.chain[i];
		if (plugin->ops->free)
			plugin->ops->free(plugin->instance);
	}
	router_free(fixture->router);
	store_free(fixture->store);
	answer_builder_free(fixture->builder);
	targets_builder_free(fixture->targets);
	free(fixture->buffer);
	free(fixture->text);
}

static void add_record(struct answer_builder *builder, const char *line)
{
	char text[1024];
	ldns_rr *rr = NULL;
	snprintf(text, sizeof(text), ". %d IN %s", FIXTURE_TTL_S, line);
	ldns_status status = ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL);
	assert(status == LDNS_STATUS_OK);
	uint8_t rdata[1024];
	size_t length = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
		memcpy(rdata + length, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		length += ldns_rdf_size(rdf);
	}
	answer_add(builder, (uint16_t)ldns_rr_get_type(rr), FIXTURE_TTL_S, rdata, length);
	ldns_rr_free(rr);
}

void fixture_put(struct fixture *fixture, const char *owner, const char *records)
{
	struct dname name = fixture_name(owner);
	int zone = store_zone_find(fixture->store, &name);
	assert(zone >= 0);
	answer_begin(fixture->builder, &name, (unsigned)zone);
	char *copy = strdup(records), *rest = copy, *line;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			add_record(fixture->builder, line);
	free(copy);
	enum err err = store_put(fixture->store, fixture->builder);
	assert(!err);
	store_commit(fixture->store);
	store_reclaim(fixture->store);
}

void fixture_add_plugin(struct fixture *fixture, struct plugin_instance plugin)
{
	assert(fixture->block.chain_length < CHAIN_MAX);
	fixture->block.chain[fixture->block.chain_length++] = plugin;
}

static enum verdict next_query(void *instance, struct query *query)
{
	(void)instance;
	query->reply.rcode = RCODE_REFUSED;
	return VERDICT_REPLY;
}

static const struct plugin_ops next_ops = {.name = "next", .query = next_query};

void fixture_add_next(struct fixture *fixture)
{
	fixture_add_plugin(fixture, (struct plugin_instance){&next_ops, NULL});
}

/* --- what holds for every reply --- */

static void judge_header(const struct fixture *fixture)
{
	const uint8_t *request = fixture->packet.bytes, *reply = fixture->buffer;
	assert(memcmp(reply, request, 2) == 0);
	uint16_t flags = octets_get_u16(reply + 2);
	assert(flags & DNS_FLAG_QR && !(flags & (DNS_FLAG_RA | DNS_FLAG_AD | 0x0040)));
	uint16_t copied = DNS_FLAG_OPCODE | DNS_FLAG_RD | DNS_FLAG_CD;
	assert((flags & copied) == (octets_get_u16(request + 2) & copied));
	uint16_t question = fixture->query.request.question_length;
	assert(octets_get_u16(reply + 4) == (question ? 1 : 0));
	assert(memcmp(reply + DNS_HEADER_SIZE, request + DNS_HEADER_SIZE, question) == 0);
}

static void judge_length(const struct fixture *fixture)
{
	const struct edns *edns = &fixture->query.request.edns;
	size_t limit = FIXTURE_BUFFER, ours = 1232;
	if (fixture->query.block)
		ours = fixture->query.block->udp_size;
	if (fixture->query.transport == TRANSPORT_UDP)
		limit = edns->is_present && edns->udp_size > 512 ? edns->udp_size : 512;
	if (fixture->query.transport == TRANSPORT_UDP && limit > ours)
		limit = ours;
	assert(fixture->length >= DNS_HEADER_SIZE && fixture->length <= limit);
}

/* Each record reads, and they end where the message does. */
static void judge_records(const struct fixture *fixture)
{
	static const ldns_pkt_section sections[] = {LDNS_SECTION_QUESTION,
		LDNS_SECTION_ANSWER, LDNS_SECTION_AUTHORITY, LDNS_SECTION_ADDITIONAL};
	size_t at = DNS_HEADER_SIZE, opts = 0;
	for (unsigned i = 0; i < 4; i++) {
		unsigned count = octets_get_u16(fixture->buffer + 4 + 2 * i);
		for (; count; count--) {
			ldns_rr *rr = NULL;
			ldns_status status = ldns_wire2rr(
				&rr, fixture->buffer, fixture->length, &at, sections[i]);
			assert(status == LDNS_STATUS_OK);
			opts += i && ldns_rr_get_type(rr) == LDNS_RR_TYPE_OPT;
			ldns_rr_free(rr);
		}
	}
	assert(at == fixture->length);
	assert(opts == fixture->query.request.edns.is_present);
}

enum verdict fixture_send(struct fixture *fixture, enum transport transport)
{
	struct query *query = &fixture->query;
	/* In memory of just its size, so that a sanitizer sees each read beyond it. */
	size_t size = fixture->packet.length;
	uint8_t *message = malloc(size ? size : 1);
	assert(message);
	memcpy(message, fixture->packet.bytes, size);
	*query = (struct query){.transport = transport,
		.client = (const struct sockaddr *)&client,
		.counters = &fixture->counters};
	store_read_lock();
	enum verdict verdict = VERDICT_DROP;
	if (query_begin(query, fixture->router, message, size, fixture->buffer,
		    FIXTURE_BUFFER))
		verdict = query_run(query);
	if (verdict == VERDICT_REPLY) {
		fixture->length = query_finish(query);
		judge_header(fixture);
		judge_length(fixture);
		judge_records(fixture);
	}
	store_read_unlock();
	free(message);
	return verdict;
}

/* --- replies as text --- */

/* The serial is the store's and no part of what a test expects. */
static size_t put_soa(const struct fixture *fixture, size_t at, ldns_rr *rr, char *line)
{
	struct dname zone = {.length = (uint8_t)ldns_rdf_size(ldns_rr_owner(rr))};
	dname_lower(zone.bytes, ldns_rdf_data(ldns_rr_owner(rr)), zone.length);
	int index = store_zone_find(fixture->store, &zone);
	assert(index >= 0);
	uint32_t number = store_zone_serial(fixture->store, (unsigned)index);
	assert(ldns_rdf2native_int32(ldns_rr_rdf(rr, 2)) == number);
	char serial[24];
	int length = snprintf(serial, sizeof(serial), " %u ", number);
	char *found = strstr(line, serial);
	assert(found);
	return (size_t)snprintf(fixture->text + at, FIXTURE_TEXT - at, "%.*s SERIAL %s",
		(int)(found - line), line, found + length);
}

static size_t put_records(
	const struct fixture *fixture, size_t at, const char *prefix, ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		ldns_rr *rr = ldns_rr_list_rr(list, i);
		char *line = ldns_rr2str(rr);
		at += (size_t)snprintf(
			fixture->text + at, FIXTURE_TEXT - at, "%s", prefix);
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA)
			at += put_soa(fixture, at, rr, line);
		else
			at += (size_t)snprintf(
				fixture->text + at, FIXTURE_TEXT - at, "%s", line);
		free(line);
	}
	return at;
}

static void put_text(struct fixture *fixture)
{
	ldns_pkt *pkt = NULL;
	ldns_status status = ldns_wire2pkt(&pkt, fixture->buffer, fixture->length);
	assert(status == LDNS_STATUS_OK);
	char rcode[16], *text = fixture->text;
	size_t at = (size_t)snprintf(text, FIXTURE_TEXT, "%s%s%s\n",
		dns_rcode_text(fixture->query.reply.rcode, rcode),
		ldns_pkt_aa(pkt) ? " aa" : "", ldns_pkt_tc(pkt) ? " tc" : "");
	at = put_records(fixture, at, "", ldns_pkt_answer(pkt));
	at = put_records(fixture, at, "authority: ", ldns_pkt_authority(pkt));
	put_records(fixture, at, "additional: ", ldns_pkt_additional(pkt));
	for (char *p = text; *p; p++)
		if (*p == '\t')
			*p = ' ';
	ldns_pkt_free(pkt);
}

const char *fixture_ask(struct fixture *fixture, enum transport transport,
	const char *name, uint16_t type, uint16_t udp_size)
{
	packet_query(&fixture->packet, name, type, udp_size);
	enum verdict verdict = fixture_send(fixture, transport);
	assert(verdict == VERDICT_REPLY);
	put_text(fixture);
	return fixture->text;
}
