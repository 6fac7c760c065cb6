/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/plugin/cache_rig.h"

#include <assert.h>
#include <ldns/ldns.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/query/plugin.h"
#include "server/query/router.h"
#include "server/wire/octets.h"
#include "server/wire/reply_names.h"

enum { BUDGET = 8 << 20 };

static const struct sockaddr_in client = {.sin_family = AF_INET};

/* --- the backend --- */

static void write_record(
	struct reply_names *names, enum reply_section section, const char *line)
{
	ldns_rr *rr = NULL;
	ldns_status status = ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL);
	assert(status == LDNS_STATUS_OK);
	struct dname owner = {.length = (uint8_t)ldns_rdf_size(ldns_rr_owner(rr))};
	memcpy(owner.bytes, ldns_rdf_data(ldns_rr_owner(rr)), owner.length);
	uint8_t rdata[4096];
	size_t length = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
		memcpy(rdata + length, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		length += ldns_rdf_size(rdf);
	}
	const struct named_record record = {
		.owner = &owner,
		.type = (uint16_t)ldns_rr_get_type(rr),
		.class = CLASS_IN,
		.ttl_s = ldns_rr_ttl(rr),
		.rdata = rdata,
		.length = (uint16_t)length,
	};
	reply_add_record(names, section, &record);
	ldns_rr_free(rr);
}

static void write_section(
	struct reply_names *names, enum reply_section section, const char *records)
{
	/* Allocations of ours are the cache's in a test of what happens without. */
	static char copy[1 << 16];
	char *rest = copy, *line;
	snprintf(copy, sizeof(copy), "%s", records ? records : "");
	while ((line = strsep(&rest, "\n")))
		if (*line)
			write_record(names, section, line);
}

static void backend_reply(const struct backend *backend, struct reply *reply)
{
	struct reply_names names;
	reply_clear(reply);
	reply_names_init(&names, reply);
	write_section(&names, SECTION_ANSWER, backend->answer);
	write_section(&names, SECTION_AUTHORITY, backend->authority);
	write_section(&names, SECTION_ADDITIONAL, backend->additional);
	reply->rcode = backend->rcode;
	reply->is_authoritative = backend->is_authoritative;
	reply->is_truncated |= backend->is_truncated;
	reply->has_left_out |= backend->has_left_out;
	if (backend->is_authentic)
		reply->flags_set |= DNS_FLAG_AD;
}

static enum verdict backend_query(void *instance, struct query *query)
{
	struct backend *backend = instance;
	backend->asked++;
	if (!backend->suspends) {
		backend_reply(backend, &query->reply);
		return VERDICT_REPLY;
	}
	assert(!backend->suspended);
	backend->suspended = query_move(query);
	assert(backend->suspended);
	return VERDICT_SUSPEND;
}

/* --- replies as text --- */

static size_t put_records(
	struct rig *rig, size_t at, const char *prefix, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *line = ldns_rr2str(ldns_rr_list_rr(list, i));
		at += (size_t)snprintf(
			rig->text + at, sizeof(rig->text) - at, "%s%s", prefix, line);
		free(line);
	}
	return at;
}

static void put_text(struct rig *rig)
{
	ldns_pkt *pkt = NULL;
	ldns_status status = ldns_wire2pkt(&pkt, rig->buffer, rig->length);
	assert(status == LDNS_STATUS_OK);
	const struct reply *reply = &rig->query.reply;
	char rcode[16], ede[16] = "";
	if (reply->ede != EDE_NONE)
		snprintf(ede, sizeof(ede), " ede %d", (int)reply->ede);
	size_t at = (size_t)snprintf(rig->text, sizeof(rig->text), "%s%s%s%s%s%s\n",
		dns_rcode_text(reply->rcode, rcode), ldns_pkt_aa(pkt) ? " aa" : "",
		ldns_pkt_ra(pkt) ? " ra" : "", ldns_pkt_ad(pkt) ? " ad" : "",
		ldns_pkt_tc(pkt) ? " tc" : "", ede);
	at = put_records(rig, at, "", ldns_pkt_answer(pkt));
	at = put_records(rig, at, "authority: ", ldns_pkt_authority(pkt));
	put_records(rig, at, "additional: ", ldns_pkt_additional(pkt));
	for (char *p = rig->text; *p; p++)
		if (*p == '\t')
			*p = ' ';
	ldns_pkt_free(pkt);
}

/* --- queries --- */

static void rig_finish(struct rig *rig, struct query *query)
{
	rig->length = query_finish(query);
	memmove(rig->buffer, query->reply.buffer, rig->length);
	rig->query.reply = query->reply;
	put_text(rig);
}

static void rig_on_resume(struct query *moved, enum verdict verdict)
{
	assert(verdict == VERDICT_REPLY);
	rig_finish(moved->owner, moved);
	query_release(moved);
}

static void write_question(struct rig *rig, const struct rig_question *question)
{
	uint16_t flags = question->no_rd ? 0 : DNS_FLAG_RD;
	flags |= question->has_cd ? DNS_FLAG_CD : 0;
	flags |= question->has_ad ? DNS_FLAG_AD : 0;
	packet_init(&rig->packet, 1, flags);
	packet_put_question(&rig->packet, question->name, question->type);
	packet_set_count(&rig->packet, PACKET_QUESTIONS, 1);
	if (!question->udp_size)
		return;
	packet_put_opt(
		&rig->packet, question->udp_size, 0, question->has_do ? 0x8000 : 0);
	packet_set_count(&rig->packet, PACKET_ADDITIONALS, 1);
}

const char *rig_ask_question(struct rig *rig, const struct rig_question *question)
{
	struct query *query = &rig->query;
	write_question(rig, question);
	*query = (struct query){
		.transport = question->by_tcp ? TRANSPORT_TCP : TRANSPORT_UDP,
		.client = (const struct sockaddr *)&client,
		.counters = &rig->counters,
		.worker = &rig->worker,
		.received_ns = rig->now_ns,
		.resume = rig_on_resume,
		.owner = rig,
	};
	rig->length = 0;
	rig->text[0] = '\0';
	store_read_lock();
	bool is_due = query_begin(query, rig->router, rig->packet.bytes,
		rig->packet.length, rig->buffer, sizeof(rig->buffer));
	assert(is_due);
	query_prefetch(query);
	enum verdict verdict = query_run(query);
	assert(verdict == VERDICT_REPLY || verdict == VERDICT_SUSPEND);
	if (verdict == VERDICT_REPLY)
		rig_finish(rig, query);
	store_read_unlock();
	return rig->text;
}

const char *rig_ask(struct rig *rig, const char *name, uint16_t type)
{
	const struct rig_question question = {
		.name = name, .type = type, .udp_size = 1232};
	return rig_ask_question(rig, &question);
}

/* --- timers --- */

static enum err timer_start(
	struct query_worker *worker, struct query_timer *timer, int64_t wait_ms)
{
	struct rig *rig =
		(struct rig *)(void *)((char *)worker - offsetof(struct rig, worker));
	assert(wait_ms > 0 && !rig->timer);
	rig->timer = timer;
	timer->private = &rig->timer;
	return ERR_NONE;
}

static void timer_stop(struct query_timer *timer)
{
	if (timer->private)
		*(struct query_timer **)timer->private = NULL;
	timer->private = NULL;
}

void rig_fire(struct rig *rig)
{
	struct query_timer *timer = rig->timer;
	assert(timer);
	timer_stop(timer);
	store_read_lock();
	timer->due(timer);
	store_read_unlock();
}

void rig_resume(struct rig *rig)
{
	struct query *query = rig->backend.suspended;
	assert(query);
	rig->backend.suspended = NULL;
	store_read_lock();
	backend_reply(&rig->backend, &query->reply);
	query_resume(query, VERDICT_REPLY);
	store_read_unlock();
	free(query);
}

void rig_wait_s(struct rig *rig, unsigned seconds)
{
	rig->now_ns += (int64_t)seconds * 1000000000;
}

/* --- life --- */

struct rig *rig_new(const struct cache_options *options, size_t budget)
{
	static const struct plugin_ops ops = {.name = "backend", .query = backend_query};
	static const struct hash_key key = {3, 7};
	static const struct dname root = {.length = 1};
	/* Once a program: a test that fails leaves its rig behind. */
	static bool is_registered;
	if (!is_registered)
		store_reader_register();
	is_registered = true;
	struct rig *rig = calloc(1, sizeof(*rig));
	assert(rig);
	LIST_INIT(&rig->worker.guests);
	rig->worker.timer_start = timer_start;
	rig->worker.timer_stop = timer_stop;
	rig->now_ns = clock_now_ns() + INT64_C(1000000000) * 1000;
	rig->router = router_new(&key);
	rig->pool = cache_pool_new(budget ? budget : BUDGET);
	assert(rig->router && rig->pool);
	enum err err = router_add(rig->router, &root, &rig->block);
	assert(!err);
	err = router_seal(rig->router);
	assert(!err);
	err = cache_new(options, rig->pool, &rig->block.chain[0]);
	assert(!err);
	rig->block.chain[1] = (struct plugin_instance){&ops, &rig->backend};
	rig->block.chain_length = 2;
	rig->block.udp_size = 1232;
	return rig;
}

void rig_free(struct rig *rig)
{
	rig->block.chain[0].ops->free(rig->block.chain[0].instance);
	cache_pool_unref(rig->pool);
	router_free(rig->router);
	free(rig);
}
