/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/autopath.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/subquery.h"
#include "server/wire/records.h"
#include "server/wire/reply_names.h"
#include "zones/store/client.h"

enum { CLUSTER_ELEMENTS = 3 };

/* One question on its way along the list. On the stack until it has to wait. */
struct walk {
	const struct autopath_options *options;
	struct query *query;
	unsigned next;          /* the element to be tried */
	unsigned count;         /* of elements, the bare name included */
	uint8_t base;           /* octets of the question in front of the first element */
	bool is_moved;          /* to memory of its own, and so is the query */
	bool has_failure;       /* SERVFAIL somewhere: NXDOMAIN may be a lie */
	unsigned zone;          /* of the cluster */
	struct subquery *first; /* NXDOMAIN of the first element */
	uint8_t ns[DNAME_LABEL_MAX + 1]; /* the client's namespace, length octet first */
};

/* --- the list --- */

/* Element `index` of the list. ERR_RANGE: too long a name. */
static enum err element(const struct walk *walk, unsigned index, struct dname *out)
{
	const struct autopath_options *options = walk->options;
	unsigned ahead = options->cluster ? CLUSTER_ELEMENTS : 0;
	if (index >= ahead) {
		index -= ahead;
		*out = index < options->search_count ? options->search[index]
						     : (struct dname){.length = 1};
		return ERR_NONE;
	}
	*out = store_zone(options->cluster, walk->zone)->name;
	enum err err = index < 2 ? dname_prepend(out, "svc", 3) : ERR_NONE;
	if (!err && index == 0)
		err = dname_prepend(out, walk->ns + 1, walk->ns[0]);
	return err;
}

static bool client_address(const struct sockaddr *client, struct ipaddr *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (client->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)client;
		out->length = 4;
		memcpy(out->bytes, &in->sin_addr, 4);
		return true;
	}
	if (client->sa_family != AF_INET6)
		return false;
	const struct sockaddr_in6 *in6 = (const void *)client;
	const uint8_t *octets = in6->sin6_addr.s6_addr;
	bool is_mapped = memcmp(octets, mapped, sizeof(mapped)) == 0;
	out->length = is_mapped ? 4 : 16;
	memcpy(out->bytes, is_mapped ? octets + 12 : octets, out->length);
	return true;
}

/* Is the client a pod of the cluster, and the question in its zones? */
static bool read_client(struct walk *walk)
{
	const struct autopath_options *options = walk->options;
	struct ipaddr address;
	int zone = store_zone_find(options->cluster, &walk->query->request.name);
	if (zone < 0 || !options->clients ||
		!client_address(walk->query->client, &address))
		return false;
	const uint8_t *ns = client_find(options->clients, &address);
	if (!ns)
		return false;
	memcpy(walk->ns, ns, ns[0] + 1u);
	walk->zone = (unsigned)zone;
	return true;
}

static bool is_in_zones(const struct autopath_options *options, const struct dname *name)
{
	for (size_t i = 0; i < options->zone_count; i++)
		if (dname_is_within(name, &options->zones[i]))
			return true;
	return false;
}

/* Only below the first element: a question that somebody else's list was put behind, or
 * none, is what it says. */
static bool walk_begin(
	struct walk *walk, const struct autopath_options *options, struct query *query)
{
	const struct dname *name = &query->request.name;
	*walk = (struct walk){.options = options, .query = query};
	if (!is_in_zones(options, name) || (options->cluster && !read_client(walk)))
		return false;
	struct dname first;
	if (element(walk, 0, &first) || name->length <= first.length ||
		!dname_is_within(name, &first))
		return false;
	walk->base = (uint8_t)(name->length - first.length);
	walk->count = (unsigned)options->search_count + 1;
	if (options->cluster)
		walk->count += CLUSTER_ELEMENTS;
	return true;
}

/* --- the reply --- */

static bool is_same(const struct dname *a, const struct dname *lower)
{
	struct dname copy = {.length = a->length};
	dname_lower(copy.bytes, a->bytes, a->length);
	return dname_equal(&copy, lower);
}

/* Where the answer begins with another name than the question's, that is an alias of it.
 * False: no room. */
static bool put_alias(struct reply_names *names, const struct query *query,
	const struct dname *owner, uint32_t ttl_s)
{
	struct dname question = {.length = query->request.name.length};
	memcpy(question.bytes, names->reply->buffer + DNS_HEADER_SIZE, question.length);
	const struct named_record cname = {
		.owner = &question,
		.type = TYPE_CNAME,
		.class = CLASS_IN,
		.ttl_s = ttl_s,
		.rdata = owner->bytes,
		.length = owner->length,
	};
	return is_same(owner, &query->request.name) ||
	       reply_add_record(names, SECTION_ANSWER, &cname);
}

static void put_records(struct query *query, const struct reply *from)
{
	struct reply_names names;
	struct records records;
	struct record record;
	struct dname owner;
	reply_names_init(&names, &query->reply);
	records_init_reply(&records, from);
	while (records_next(&records, &record)) {
		bool is_first =
			record.section == SECTION_ANSWER && !query->reply.answer_count;
		if (is_first && (records_read_name(&records, record.at, &owner) ||
					!put_alias(&names, query, &owner, record.ttl_s)))
			return;
		if (!reply_copy_record(&names, record.section, &records, &record) &&
			query->reply.is_truncated)
			return;
	}
}

/* The reply of an element becomes the client's. */
static void put_reply(struct query *query, const struct subquery *subquery)
{
	const struct reply *from = subquery_reply(subquery);
	struct reply *reply = &query->reply;
	reply_clear(reply);
	reply->rcode = from->rcode;
	reply->is_authoritative = from->is_authoritative;
	put_records(query, from);
	reply->is_truncated |= from->is_truncated;
	query->failure = subquery_failure(subquery);
}

static void put_failure(struct query *query, const char *failure)
{
	reply_clear(&query->reply);
	query->reply.is_authoritative = false;
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = failure;
}

/* All elements were tried in vain. */
static void put_last(struct walk *walk)
{
	if (walk->has_failure || !walk->first)
		put_failure(walk->query, "no name of the search list could be had");
	else
		put_reply(walk->query, walk->first);
}

/* --- the walk --- */

/* Takes the subquery over. True: the client's reply is there. An upstream that failed
 * will not do better with the next name; a plugin that fails at once may only not be
 * there for this one. */
static bool consider(struct walk *walk, struct subquery *subquery, bool has_waited)
{
	const struct reply *reply = subquery_reply(subquery);
	bool is_failure = !reply || reply->rcode == RCODE_SERVFAIL;
	bool is_done = is_failure ? has_waited : reply->rcode != RCODE_NXDOMAIN;
	walk->has_failure |= is_failure;
	if (is_done && is_failure) {
		put_failure(walk->query, subquery_failure(subquery));
	} else if (is_done) {
		put_reply(walk->query, subquery);
		walk->query->is_autopath = true;
	} else if (!is_failure && walk->next == 1) {
		walk->first = subquery;
		return false;
	}
	subquery_free(subquery);
	return is_done;
}

static enum verdict walk_on(struct walk *walk);

static void on_reply(void *context, struct subquery *subquery)
{
	struct walk *walk = context;
	struct query *query = walk->query;
	enum verdict verdict = VERDICT_REPLY;
	if (!consider(walk, subquery, true))
		verdict = walk_on(walk);
	if (verdict == VERDICT_SUSPEND)
		return;
	subquery_free(walk->first);
	free(walk);
	query_resume(query, verdict);
	free(query);
}

/* There is no memory to wait with; but whoever replies holds on to the subquery. */
static void on_reply_in_vain(void *context, struct subquery *subquery)
{
	(void)context;
	subquery_free(subquery);
}

/* The walk goes on from memory of its own when the reply is there. */
static enum verdict walk_wait(struct walk *walk, struct subquery *subquery)
{
	if (walk->is_moved) {
		subquery_wait(subquery, on_reply, walk);
		return VERDICT_SUSPEND;
	}
	struct walk *own = malloc(sizeof(*own));
	struct query *moved = own ? query_move(walk->query) : NULL;
	if (!moved) {
		free(own);
		subquery_wait(subquery, on_reply_in_vain, NULL);
		put_failure(walk->query, "no memory");
		return VERDICT_REPLY;
	}
	*own = *walk;
	own->query = moved;
	own->is_moved = true;
	walk->first = NULL;
	subquery_wait(subquery, on_reply, own);
	return VERDICT_SUSPEND;
}

/* The question's own labels, as they are spelled, in front of the element. False: too
 * long a name. */
static bool make_name(const struct walk *walk, unsigned index, struct dname *out)
{
	struct dname rest;
	const uint8_t *question = walk->query->reply.buffer + DNS_HEADER_SIZE;
	if (element(walk, index, &rest) || walk->base + rest.length > DNAME_MAX)
		return false;
	memcpy(out->bytes, question, walk->base);
	memcpy(out->bytes + walk->base, rest.bytes, rest.length);
	out->length = (uint8_t)(walk->base + rest.length);
	return true;
}

/* REPLY: the client's reply is there. DROP: there shall be none. */
static enum verdict walk_on(struct walk *walk)
{
	struct query *query = walk->query;
	while (walk->next < walk->count) {
		struct dname name;
		struct subquery *subquery;
		if (!make_name(walk, walk->next++, &name))
			continue;
		enum verdict verdict = subquery_ask(
			query, &name, query->request.qtype, SUBQUERY_BEHIND, &subquery);
		if (verdict == VERDICT_SUSPEND)
			return walk_wait(walk, subquery);
		if (verdict != VERDICT_REPLY)
			return verdict; /* acl lets it have no answer, for one */
		if (consider(walk, subquery, false))
			return VERDICT_REPLY;
	}
	put_last(walk);
	return VERDICT_REPLY;
}

static enum verdict autopath_query(void *instance, struct query *query)
{
	struct walk walk;
	if (!walk_begin(&walk, instance, query))
		return VERDICT_NEXT;
	enum verdict verdict = walk_on(&walk);
	subquery_free(walk.first);
	return verdict;
}

static const struct plugin_ops autopath_ops = {
	.name = "autopath",
	.query = autopath_query,
};

struct plugin_instance autopath_plugin_instance(const struct autopath_options *options)
{
	return (struct plugin_instance){&autopath_ops, (void *)options};
}
