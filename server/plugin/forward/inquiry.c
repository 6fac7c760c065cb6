/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/inquiry.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/counter.h"
#include "server/plugin/forward/forward_series.h"
#include "server/plugin/forward/guest.h"
#include "server/plugin/forward/question.h"
#include "server/plugin/forward/reply_check.h"
#include "server/plugin/forward/respond.h"
#include "server/wire/octets.h"

enum {
	FLAGS_ASKED = DNS_FLAG_RD | DNS_FLAG_CD | DNS_FLAG_AD,
	ROUNDS_MAX = 3,
	/* Before the same upstream is asked again. */
	REPEAT_MS = 400,
	CONNECT_MS = 200, /* there may have to be a connection first */
	NS_PER_MS = 1000000,
};

enum way { BY_UDP, BY_STREAM, BY_NEW_STREAM };

/* Clients wait for 5 seconds. */
static const int64_t budget_ns = INT64_C(4500) * NS_PER_MS;

/* --- beginning and end --- */

static struct inquiry_list *bucket_of(struct forward_guest *guest, uint64_t hash)
{
	return &guest->inquiries[hash % INQUIRY_BUCKETS];
}

static struct inquiry *find_same(struct forward_guest *guest, const struct query *query)
{
	const struct request *request = &query->request;
	struct inquiry *inquiry;
	LIST_FOREACH(inquiry, bucket_of(guest, request->hash), link)
	{
		/* cppcheck-suppress uninitvar */
		const uint8_t *type = inquiry->question + inquiry->name.length;
		if (inquiry->hash == request->hash &&
			dname_equal(&inquiry->name, &request->name) &&
			octets_get_u16(type) == request->qtype &&
			octets_get_u16(type + 2) == request->qclass &&
			inquiry->flags == (request->flags & FLAGS_ASKED) &&
			inquiry->has_do == request->edns.has_do)
			return inquiry;
	}
	return NULL;
}

static struct inquiry *inquiry_make(
	struct forward_guest *guest, struct inquiry_list *list)
{
	if (guest->inquiry_count >= INQUIRIES_MAX)
		return NULL;
	struct inquiry *inquiry = calloc(1, sizeof(*inquiry));
	if (!inquiry)
		return NULL;
	inquiry->guest = guest;
	inquiry->started_ns = guest->now_ns;
	LIST_INSERT_HEAD(list, inquiry, link);
	/* The wheel has stood still while there was nothing on it. */
	if (!guest->inquiry_count++)
		guest->turned_ns = guest->now_ns / WHEEL_STEP_NS * WHEEL_STEP_NS;
	return inquiry;
}

static struct inquiry *inquiry_new(struct forward_guest *guest, const struct query *query)
{
	const struct request *request = &query->request;
	const struct forward_options *options = &guest->forward->options;
	struct inquiry *inquiry = inquiry_make(guest, bucket_of(guest, request->hash));
	if (!inquiry)
		return NULL;
	inquiry->hash = request->hash;
	inquiry->name = request->name;
	inquiry->flags = request->flags & FLAGS_ASKED;
	inquiry->has_do = request->edns.has_do;
	inquiry->turn = guest->turn++;
	inquiry->failure = "no upstream is fit to be asked";
	inquiry->ede = EDE_NO_REACHABLE_AUTHORITY;
	inquiry->wants_stream =
		options->force_tcp ||
		(query->transport == TRANSPORT_TCP && !options->prefer_udp);
	inquiry->question_length = request->question_length;
	memcpy(inquiry->question, request->message + DNS_HEADER_SIZE,
		request->question_length);
	if (options->random_case)
		question_spell(inquiry->question, &guest->random);
	return inquiry;
}

static void close_attempts(struct inquiry *inquiry)
{
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++)
		exchange_remove(&inquiry->attempts[i]);
}

/* From here on it is nobody's but the caller's. */
static void detach(struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	close_attempts(inquiry);
	guest_unschedule(guest, inquiry);
	LIST_REMOVE(inquiry, link);
	guest->inquiry_count--;
}

static void inquiry_free(struct inquiry *inquiry)
{
	free(inquiry->kept);
	free(inquiry);
}

/* The next of those who wait. NULL: there is none. */
static struct query *take_waiter(struct inquiry *inquiry)
{
	struct waiter *waiter = inquiry->waiters;
	if (!waiter)
		return NULL;
	struct query *query = waiter->query;
	inquiry->waiters = waiter->next;
	free(waiter);
	atomic_fetch_sub_explicit(
		&inquiry->guest->forward->waiting, 1, memory_order_relaxed);
	return query;
}

/* The next forward of the block goes on with it. */
static bool hand_over(struct query *query)
{
	struct forward *next = forward_next(query);
	struct forward_guest *guest = next ? guest_get(next, query) : NULL;
	if (!guest)
		return false;
	query->step++;
	if (inquiry_adopt(guest, query))
		return true;
	query->step--;
	return false;
}

static bool goes_on(const struct inquiry *inquiry, const struct reply_facts *facts)
{
	const struct forward_options *options = &inquiry->guest->forward->options;
	if (facts->rcode < 32 && options->next >> facts->rcode & 1)
		return true;
	return options->next_on_nodata && facts->rcode == RCODE_NOERROR &&
	       !facts->answer_count;
}

static void note_failure(
	struct inquiry *inquiry, const struct upstream *upstream, enum failure failure)
{
	inquiry->failure = inquiry->guest->forward->texts[upstream->index][failure];
	inquiry->ede = failure == FAILURE_TIMEOUT ? EDE_NO_REACHABLE_AUTHORITY
						  : EDE_NETWORK_ERROR;
}

static enum err examine(const struct inquiry *inquiry, const uint8_t *message,
	size_t length, struct reply_facts *out)
{
	struct forward_guest *guest = inquiry->guest;
	unsigned how = (inquiry->has_do ? EXAMINE_DNSSEC : 0) |
		       (guest->forward->options.random_case ? EXAMINE_COPY : 0);
	return reply_examine(message, length, &inquiry->name, how, guest->cleaned, out);
}

static void deliver(struct inquiry *inquiry, const struct reply_facts *facts)
{
	struct query *query;
	bool is_next = goes_on(inquiry, facts);
	detach(inquiry);
	while ((query = take_waiter(inquiry))) {
		if (is_next && hand_over(query))
			continue;
		respond_answer(query, facts);
		query_resume(query, VERDICT_REPLY);
		free(query);
	}
	inquiry_free(inquiry);
}

static void fail(struct inquiry *inquiry)
{
	struct query *query;
	struct reply_facts facts;
	if (inquiry->kept &&
		!examine(inquiry, inquiry->kept, inquiry->kept_length, &facts)) {
		deliver(inquiry, &facts);
		return;
	}
	detach(inquiry);
	while ((query = take_waiter(inquiry))) {
		respond_failure(query, inquiry->ede, inquiry->failure);
		query_resume(query, VERDICT_REPLY);
		free(query);
	}
	inquiry_free(inquiry);
}

void inquiry_drop(struct inquiry *inquiry)
{
	struct query *query;
	detach(inquiry);
	while ((query = take_waiter(inquiry))) {
		query_resume(query, VERDICT_DROP);
		free(query);
	}
	inquiry_free(inquiry);
}

/* --- asking --- */

static unsigned count_attempts(const struct inquiry *inquiry)
{
	unsigned count = 0;
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++)
		count += inquiry->attempts[i].exchange != NULL;
	return count;
}

/* One that is not under way, or the oldest. */
static struct attempt *free_attempt(struct inquiry *inquiry)
{
	struct attempt *found = &inquiry->attempts[0];
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		struct attempt *attempt = &inquiry->attempts[i];
		if (!attempt->exchange)
			return attempt;
		if (attempt->sent_ns < found->sent_ns)
			found = attempt;
	}
	exchange_remove(found);
	return found;
}

static unsigned order_begin(const struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	const struct forward_options *options = &guest->forward->options;
	unsigned count = (unsigned)options->upstream_count;
	if (options->policy == POLICY_RANDOM)
		return count > 1 ? random_below(&guest->random, count) : 0;
	return options->policy == POLICY_ROUND_ROBIN ? inquiry->turn % count : 0;
}

static bool is_suspect(const struct upstream *upstream)
{
	struct forward_guest *guest = upstream->guest;
	struct upstream_state *state = &guest->forward->states[upstream->index];
	if (!upstream->suspect_ns || atomic_load_explicit(&state->well_ns,
					     memory_order_relaxed) > upstream->suspect_ns)
		return false;
	return upstream_is_suspect(upstream, guest->now_ns) ||
	       atomic_load_explicit(&state->is_checked, memory_order_relaxed);
}

/* Where all are down, it is the checks that are not believed. */
static void judge_upstreams(struct inquiry *inquiry, struct pick *pick)
{
	struct forward_guest *guest = inquiry->guest;
	struct forward *forward = guest->forward;
	const struct forward_options *options = &forward->options;
	uint32_t all = (1u << pick->count) - 1;
	for (unsigned i = 0; i < pick->count; i++) {
		struct upstream_state *state = &forward->states[i];
		uint32_t bit = 1u << i;
		if (is_suspect(&guest->upstreams[i]))
			pick->suspect |= bit;
		if (options->max_fails &&
			atomic_load_explicit(&state->fails, memory_order_relaxed) >=
				options->max_fails)
			pick->down |= bit;
		if (atomic_load_explicit(&state->is_looping, memory_order_relaxed))
			pick->tried |= bit;
	}
	if (pick->down != all)
		return;
	pick->down = pick->suspect = 0;
	pick->first = random_below(&guest->random, pick->count);
	if (options->fails_fast)
		pick->tried = all;
	else if (!inquiry->attempt_count && guest->upstreams[0].counts)
		counter_add(&guest->upstreams[0].counts->broken, 1);
}

/* NULL: all of this round have been asked, or enough. */
static struct upstream *choose(struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	const struct forward_options *options = &guest->forward->options;
	struct pick pick = {
		.count = (unsigned)options->upstream_count,
		.tried = inquiry->tried,
		.first = order_begin(inquiry),
	};
	if (options->max_attempts && inquiry->attempt_count >= options->max_attempts)
		return NULL;
	judge_upstreams(inquiry, &pick);
	int index = pick_next(&pick);
	return index < 0 ? NULL : &guest->upstreams[index];
}

static void miss(struct upstream *upstream, int64_t sent_ns)
{
	if (upstream_miss(upstream, sent_ns, upstream->guest->now_ns))
		probe_health(upstream);
}

static enum way usual_way(const struct inquiry *inquiry, const struct upstream *upstream)
{
	return inquiry->wants_stream || upstream->options->is_tls ? BY_STREAM : BY_UDP;
}

static int64_t patience_ns(const struct inquiry *inquiry, const struct upstream *upstream)
{
	int64_t patience = rtt_patience_ns(&upstream->rtt);
	size_t count = inquiry->guest->forward->options.upstream_count;
	bool is_last = inquiry->tried + 1 == 1u << count;
	if (usual_way(inquiry, upstream) == BY_STREAM &&
		patience < CONNECT_MS * (int64_t)NS_PER_MS)
		patience = CONNECT_MS * (int64_t)NS_PER_MS;
	/* Of one that has never answered nothing is known but that others may be quicker.
	 */
	if (!is_last && !upstream->rtt.smoothed && usual_way(inquiry, upstream) == BY_UDP)
		patience = RTT_FLOOR_MS * (int64_t)NS_PER_MS;
	if (is_last && patience < REPEAT_MS * (int64_t)NS_PER_MS)
		patience = REPEAT_MS * (int64_t)NS_PER_MS;
	return patience << inquiry->round;
}

static bool send_by(struct inquiry *inquiry, struct upstream *upstream, enum way way)
{
	uint8_t message[QUESTION_MESSAGE_MAX];
	struct attempt *attempt = free_attempt(inquiry);
	bool is_plain = inquiry->plain >> upstream->index & 1 ||
			upstream_is_plain(upstream, inquiry->guest->now_ns);
	size_t length = question_write(inquiry, !is_plain, message);
	attempt->has_edns = !is_plain;
	attempt->inquiry = inquiry;
	attempt->upstream = upstream;
	if (way == BY_UDP)
		return udp_pool_send(
			&upstream->udp, attempt, message, length, inquiry->guest->now_ns);
	return stream_pool_send(
		&upstream->streams, attempt, message, length, way == BY_NEW_STREAM);
}

/* Asks the next upstream of this round that can be. False: there is none. */
static bool ask_next(struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	struct upstream *upstream;
	while ((upstream = choose(inquiry))) {
		inquiry->tried |= 1u << upstream->index;
		inquiry->attempt_count++;
		if (send_by(inquiry, upstream, usual_way(inquiry, upstream))) {
			guest_schedule(guest, inquiry,
				guest->now_ns + patience_ns(inquiry, upstream));
			return true;
		}
		note_failure(inquiry, upstream, FAILURE_UNREACHABLE);
		miss(upstream, guest->now_ns);
	}
	return false;
}

bool inquiry_adopt(struct forward_guest *guest, struct query *moved)
{
	guest->now_ns = clock_now_ns();
	struct waiter *waiter = malloc(sizeof(*waiter));
	struct inquiry *inquiry = find_same(guest, moved);
	bool is_new = !inquiry;
	if (is_new && waiter)
		inquiry = inquiry_new(guest, moved);
	if (!waiter || !inquiry || inquiry->waiter_count >= WAITERS_MAX) {
		free(waiter);
		return false;
	}
	*waiter = (struct waiter){.next = inquiry->waiters, .query = moved};
	inquiry->waiters = waiter;
	inquiry->waiter_count++;
	atomic_fetch_add_explicit(&guest->forward->waiting, 1, memory_order_relaxed);
	probe_loops(guest);
	/* Whoever asked may not be resumed before it knows that it waits. */
	if (is_new && !ask_next(inquiry))
		guest_schedule(guest, inquiry, guest->now_ns);
	return true;
}

enum verdict inquiry_ask(struct forward_guest *guest, struct query *query)
{
	struct query *moved = query_move(query);
	if (moved && inquiry_adopt(guest, moved))
		return VERDICT_SUSPEND;
	free(moved);
	respond_failure(query, EDE_OTHER, "too many questions wait for upstreams");
	return VERDICT_REPLY;
}

/* --- what comes of it --- */

/* Those that have waited long enough are given up. */
static void expire_attempts(struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	int64_t limit_ns = guest->forward->options.read_timeout_ms * NS_PER_MS;
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		struct attempt *attempt = &inquiry->attempts[i];
		if (!attempt->exchange)
			continue;
		struct upstream *upstream = attempt->upstream;
		note_failure(inquiry, upstream, FAILURE_TIMEOUT);
		miss(upstream, attempt->sent_ns);
		if (guest->now_ns - attempt->sent_ns >= limit_ns)
			exchange_remove(attempt);
	}
}

static void wait_on(struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	int64_t limit_ns = guest->forward->options.read_timeout_ms * NS_PER_MS;
	int64_t due_ns = inquiry->started_ns + budget_ns;
	for (unsigned i = 0; i < ATTEMPTS_MAX; i++) {
		const struct attempt *attempt = &inquiry->attempts[i];
		if (attempt->exchange && attempt->sent_ns + limit_ns < due_ns)
			due_ns = attempt->sent_ns + limit_ns;
	}
	guest_schedule(guest, inquiry, due_ns);
}

void inquiry_on_time(struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	if (inquiry->purpose != PROBE_NONE) {
		close_attempts(inquiry);
		probe_on_failure(inquiry);
		return;
	}
	bool is_over = guest->now_ns - inquiry->started_ns >= budget_ns;
	expire_attempts(inquiry);
	if (!is_over && ask_next(inquiry))
		return;
	/* Nobody answers: from the first again, as a datagram may have been lost. */
	if (!is_over && count_attempts(inquiry) && inquiry->round + 1 < ROUNDS_MAX) {
		inquiry->round++;
		inquiry->tried = 0;
		if (ask_next(inquiry))
			return;
	}
	if (is_over || !count_attempts(inquiry))
		fail(inquiry);
	else
		wait_on(inquiry);
}

/* One attempt has come to nothing: the next one now. */
static void go_on(struct inquiry *inquiry)
{
	if (ask_next(inquiry))
		return;
	if (count_attempts(inquiry))
		return; /* the wheel knows when */
	fail(inquiry);
}

void inquiry_on_unreachable(struct attempt *attempt)
{
	struct inquiry *inquiry = attempt->inquiry;
	struct upstream *upstream = attempt->upstream;
	exchange_remove(attempt);
	if (inquiry->purpose != PROBE_NONE) {
		probe_on_failure(inquiry);
		return;
	}
	note_failure(inquiry, upstream, FAILURE_UNREACHABLE);
	miss(upstream, attempt->sent_ns);
	go_on(inquiry);
}

/* Resent once: a connection that has answered nothing ends otherwise. */
void inquiry_on_closed(struct attempt *attempt)
{
	struct inquiry *inquiry = attempt->inquiry;
	struct upstream *upstream = attempt->upstream;
	exchange_remove(attempt);
	if (inquiry->purpose != PROBE_NONE)
		probe_on_failure(inquiry);
	else if (!send_by(inquiry, upstream, BY_NEW_STREAM))
		go_on(inquiry);
}

static void ask_same(struct inquiry *inquiry, struct upstream *upstream, enum way way)
{
	struct forward_guest *guest = inquiry->guest;
	if (send_by(inquiry, upstream, way))
		guest_schedule(
			guest, inquiry, guest->now_ns + patience_ns(inquiry, upstream));
	else
		go_on(inquiry);
}

/* By UDP the answer was cut: all of it by TCP. */
static void ask_whole(struct inquiry *inquiry, struct upstream *upstream)
{
	inquiry->wants_stream = true;
	ask_same(inquiry, upstream, BY_STREAM);
}

/* It may not know EDNS: the same without. If it finds the same error again that is its
 * answer. */
static void ask_plainly(
	struct inquiry *inquiry, struct upstream *upstream, bool is_stream)
{
	inquiry->plain |= 1u << upstream->index;
	ask_same(inquiry, upstream, is_stream ? BY_STREAM : usual_way(inquiry, upstream));
}

/* Was it EDNS that it did not know? Then it is not asked with it for a while. */
static void learn_plainness(const struct inquiry *inquiry, struct upstream *upstream,
	const struct reply_facts *facts)
{
	if ((inquiry->plain >> upstream->index & 1) && facts->rcode != RCODE_FORMERR &&
		facts->rcode != RCODE_NOTIMP)
		upstream->plain_ns = upstream->guest->now_ns;
}

/* Is another upstream asked, as this one's answer is none (option failover)? It is kept
 * for when no other says more. */
static bool is_bettered(struct inquiry *inquiry, const struct reply_facts *facts,
	const uint8_t *message, size_t length)
{
	uint32_t failover = inquiry->guest->forward->options.failover;
	if (facts->rcode >= 32 || !(failover >> facts->rcode & 1))
		return false;
	uint8_t *kept = malloc(length);
	if (!kept)
		return false;
	memcpy(kept, message, length);
	free(inquiry->kept);
	inquiry->kept = kept;
	inquiry->kept_length = length;
	return ask_next(inquiry) || count_attempts(inquiry);
}

void inquiry_on_message(
	struct attempt *attempt, const uint8_t *message, size_t length, bool is_stream)
{
	struct inquiry *inquiry = attempt->inquiry;
	struct forward_guest *guest = inquiry->guest;
	struct upstream *upstream = attempt->upstream;
	struct reply_facts facts;
	bool refuses_edns =
		attempt->has_edns && reply_refuses_edns(message, length,
					     inquiry->question, inquiry->question_length);
	if (!refuses_edns && !reply_answers(message, length, inquiry->question,
				     inquiry->question_length)) {
		guest_count_wrong(upstream);
		return;
	}
	upstream_hear(upstream, attempt->sent_ns, guest->now_ns);
	exchange_remove(attempt);
	if (inquiry->purpose != PROBE_NONE) {
		probe_on_answer(inquiry);
		return;
	}
	forward_series_count(upstream->counts,
		octets_get_u16(message + 2) & DNS_FLAG_RCODE,
		guest->now_ns - attempt->sent_ns);
	if (refuses_edns) {
		ask_plainly(inquiry, upstream, is_stream);
		return;
	}
	if (!is_stream && (octets_get_u16(message + 2) & DNS_FLAG_TC)) {
		ask_whole(inquiry, upstream);
		return;
	}
	if (examine(inquiry, message, length, &facts)) {
		guest_count_wrong(upstream);
		note_failure(inquiry, upstream, FAILURE_MALFORMED);
		go_on(inquiry);
		return;
	}
	learn_plainness(inquiry, upstream, &facts);
	if (!is_bettered(inquiry, &facts, message, length))
		deliver(inquiry, &facts);
}
/* --- questions of our own --- */

struct inquiry *inquiry_new_probe(struct upstream *upstream, enum probe_purpose purpose,
	const struct dname *name, uint16_t type, uint16_t flags)
{
	struct forward_guest *guest = upstream->guest;
	struct inquiry *inquiry = inquiry_make(guest, &guest->probes);
	if (!inquiry)
		return NULL;
	inquiry->purpose = purpose;
	inquiry->probed = upstream;
	inquiry->flags = flags;
	inquiry->name = *name;
	inquiry->wants_stream = guest->forward->options.force_tcp;
	inquiry->question_length = (uint16_t)(name->length + 4);
	memcpy(inquiry->question, name->bytes, name->length);
	octets_put_u16(inquiry->question + name->length, type);
	octets_put_u16(inquiry->question + name->length + 2, CLASS_IN);
	return inquiry;
}

bool inquiry_send_probe(struct inquiry *inquiry)
{
	return send_by(inquiry, inquiry->probed, usual_way(inquiry, inquiry->probed));
}

void inquiry_end_probe(struct inquiry *inquiry)
{
	detach(inquiry);
	inquiry_free(inquiry);
}
