/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/kubernetes/kubernetes.h"

#include <stdlib.h>
#include <string.h>

#include "server/plugin/kubernetes/doubt.h"
#include "server/plugin/kubernetes/hint.h"
#include "server/plugin/kubernetes/pod_name.h"
#include "server/query/answer.h"
#include "server/query/target.h"

enum { CHAIN_LENGTH_MAX = 8 }; /* CNAMEs in one answer */

struct kubernetes {
	const struct store *store;
	enum kubernetes_pods pods;
	bool is_external, explains_errors, falls_through, serves_zones;
	size_t fallthrough_count;
	struct dname fallthrough_zones[];
};

/* What a name is. A set, or a pod's address that was read off the name. */
struct found {
	bool exists;
	unsigned zone;
	const struct answer_set *set; /* NULL: a computed pod name, or no records */
	int16_t surplus; /* octets of the name in front that the set's name has not */
	struct ipaddr address;
};

/* --- pod names --- */

static const struct answer_set *find_parent(
	const struct store *store, const struct dname *name)
{
	struct dname parent;
	size_t skip = name->bytes[0] + 1u;
	parent.length = (uint8_t)(name->length - skip);
	memcpy(parent.bytes, name->bytes + skip, parent.length);
	return store_find_name(store, &parent);
}

/* "ADDRESS.NS.pod.zone", nothing else below pod: is `name` of that form, and NS there?
 * Names of namespaces stand in the store. */
static bool is_pod_name(
	const struct kubernetes *kubernetes, const struct dname *name, unsigned zone)
{
	const struct dname *apex = &store_zone(kubernetes->store, zone)->name;
	uint8_t offsets[DNAME_LABELS_MAX];
	unsigned labels = dname_labels(name->bytes, offsets);
	if (labels != dname_labels(apex->bytes, NULL) + 3)
		return false;
	static const uint8_t pod[] = {3, 'p', 'o', 'd'};
	return memcmp(name->bytes + offsets[2], pod, sizeof(pod)) == 0 &&
	       find_parent(kubernetes->store, name) != NULL;
}

/* Is there a pod of this name, in its canonical spelling? */
static bool has_canonical(const struct kubernetes *kubernetes, const struct dname *name,
	const struct ipaddr *address)
{
	char text[IPADDR_TEXT_SIZE];
	unsigned length = ipaddr_format_dashed(address, text);
	size_t skip = name->bytes[0] + 1u;
	if (length == name->bytes[0] && memcmp(name->bytes + 1, text, length) == 0)
		return false; /* as it was asked for already */
	struct dname canonical = {.length = (uint8_t)(name->length - skip)};
	memcpy(canonical.bytes, name->bytes + skip, canonical.length);
	return !dname_prepend(&canonical, text, length) &&
	       store_has_pod(kubernetes->store,
		       store_hash(kubernetes->store, canonical.bytes, canonical.length));
}

static void find_pod(const struct kubernetes *kubernetes, const struct dname *name,
	uint64_t hash, struct found *found)
{
	bool is_verified = kubernetes->pods == KUBERNETES_PODS_VERIFIED;
	bool is_known = is_verified && store_has_pod(kubernetes->store, hash);
	if (kubernetes->pods == KUBERNETES_PODS_DISABLED ||
		(!is_known && !is_pod_name(kubernetes, name, found->zone)) ||
		pod_name_parse(name, &found->address))
		return;
	found->exists = is_known || !is_verified ||
			has_canonical(kubernetes, name, &found->address);
}

/* --- names for availability zones --- */

static bool label_is(const uint8_t *label, const char *text)
{
	return *label == strlen(text) && memcmp(label + 1, text, *label) == 0;
}

/*
 * "ZONE.pin._zone.SVC.NS.svc" and "ZONE.prefer._zone." of a zone that has no endpoint:
 * the one exists without records, the other has those of all, which stand in the store
 * under a label that no zone is called by.
 */
static void find_zonal(const struct kubernetes *kubernetes, const struct dname *name,
	struct found *found)
{
	uint8_t offsets[DNAME_LABELS_MAX];
	unsigned labels = dname_labels(name->bytes, offsets);
	for (unsigned i = 1; i + 1 < labels; i++) {
		const uint8_t *label = name->bytes + offsets[i];
		bool is_pin = label_is(label, "pin");
		if (!label_is(name->bytes + offsets[i + 1], "_zone") ||
			(!is_pin && !label_is(label, "prefer")))
			continue;
		struct dname all = {.length = (uint8_t)(name->length - offsets[i + 1])};
		memcpy(all.bytes, name->bytes + offsets[i + 1], all.length);
		if (dname_prepend(&all, "prefer", 6) || dname_prepend(&all, "_", 1))
			return;
		const struct answer_set *set = store_find_name(kubernetes->store, &all);
		found->exists = set != NULL;
		if (is_pin)
			return;
		found->set = set;
		found->surplus = (int16_t)(name->length - all.length);
		return;
	}
}

/* --- answers --- */

/* False: the name is in none of our zones. */
static bool find_name(const struct kubernetes *kubernetes, const struct dname *name,
	uint64_t hash, const struct answer_set *set, struct found *found)
{
	*found = (struct found){.set = set};
	if (set) {
		found->exists = true;
		found->zone = set->zone;
		return true;
	}
	int zone = store_zone_find(kubernetes->store, name);
	if (zone < 0)
		return false;
	found->zone = (unsigned)zone;
	find_pod(kubernetes, name, hash, found);
	if (kubernetes->serves_zones && !found->exists)
		find_zonal(kubernetes, name, found);
	return true;
}

static bool is_apex(const struct found *found)
{
	return found->set && found->set->label_length == 0;
}

/* The rrset that answers the type; ANY gets one of the name's (RFC 8482 4.1). */
static const struct rrset *choose_rrset(const struct answer_set *set, uint16_t type)
{
	if (type == TYPE_ANY)
		return answer_set_next(set, NULL);
	return answer_set_find(set, type);
}

static void answer_negative(const struct kubernetes *kubernetes, struct query *query,
	const struct found *found, const struct answer_owner *owner)
{
	if (!found->exists)
		query->reply.rcode = RCODE_NXDOMAIN;
	if (!found->exists && kubernetes->explains_errors && query->reply.has_opt)
		hint_write(kubernetes->store, found->zone, owner->name, owner->length,
			&query->reply);
	answer_authority_soa(&query->reply, kubernetes->store, found->zone, owner);
}

static bool answers_computed(uint16_t type, const struct ipaddr *address)
{
	return type == TYPE_ANY || type == (address->length == 4 ? TYPE_A : TYPE_AAAA);
}

/* What the name has of the type asked, or that it has nothing. */
static void answer_found(const struct kubernetes *kubernetes, struct query *query,
	const struct found *found, const struct answer_owner *owner)
{
	struct reply *reply = &query->reply;
	uint16_t type = query->request.qtype;
	const struct store *store = kubernetes->store;
	const struct rrset *rrset = found->set ? choose_rrset(found->set, type) : NULL;
	if (is_apex(found) && (type == TYPE_SOA || type == TYPE_ANY))
		answer_soa(reply, store, found->zone, owner);
	else if (rrset)
		answer_rrset(reply, store, owner, found->set, rrset);
	else if (found->exists && found->address.length &&
		 answers_computed(type, &found->address))
		answer_address(reply, owner, found->address.bytes, found->address.length,
			store_zone(store, found->zone)->ttl_s);
	else
		answer_negative(kubernetes, query, found, owner);
}

/* Writes the CNAME of `set` and takes the owner on to its target. */
static void answer_cname(const struct kubernetes *kubernetes, struct query *query,
	const struct answer_set *set, const struct rrset *cname,
	struct answer_owner *owner, struct dname *target)
{
	size_t at = query->reply.length;
	answer_rrset(&query->reply, kubernetes->store, owner, set, cname);
	const uint8_t *rdata = cname->data + 12;
	target->length = (uint8_t)dname_length(rdata);
	dname_lower(target->bytes, rdata, target->length);
	*owner = (struct answer_owner){
		.offset = (uint16_t)(at + 12),
		.length = target->length,
		.name = target->bytes,
		.spelled = rdata,
	};
}

/* SRV records of a load balancer that has only a name point at that themselves. */
static const struct rrset *find_cname(const struct answer_set *set, uint16_t type)
{
	if (!set || (type == TYPE_SRV && answer_set_find(set, TYPE_SRV)))
		return NULL;
	return answer_set_find(set, TYPE_CNAME);
}

static const char denied_text[] = "the server may not read what the name depends on";

static enum verdict answer_failure(struct query *query, const char *why)
{
	reply_clear(&query->reply);
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = why;
	return VERDICT_REPLY;
}

/* The name is not there, but may be for all that we know. */
static bool is_doubtful(const struct kubernetes *kubernetes, unsigned missing,
	const struct dname *name, const struct found *found)
{
	if (!missing || missing & STORE_MISSING_ALL)
		return missing != 0;
	const struct doubt doubt = {
		.store = kubernetes->store,
		.missing = missing,
		.zone = found->zone,
		.is_external = kubernetes->is_external,
	};
	return !found->exists && doubt_absence(&doubt, name);
}

/*
 * Follows a chain of CNAMEs. The rcode is that of its last name (RFC 6604 3); outside our
 * zones the server is asked for it. A chain that is too long or a circle is SERVFAIL.
 */
static enum verdict answer_chain(const struct kubernetes *kubernetes, struct query *query,
	struct found *found, struct answer_owner *owner)
{
	uint16_t type = query->request.qtype;
	unsigned missing = store_missing(kubernetes->store);
	struct dname target;
	for (unsigned length = 0;; length++) {
		const struct rrset *cname = find_cname(found->set, type);
		if (!cname) {
			answer_found(kubernetes, query, found, owner);
			return VERDICT_REPLY;
		}
		if (length == CHAIN_LENGTH_MAX)
			return answer_failure(query,
				"the chain of ExternalNames is too long or a circle");
		answer_cname(kubernetes, query, found->set, cname, owner, &target);
		if (type == TYPE_CNAME || type == TYPE_ANY || query->reply.is_truncated)
			return VERDICT_REPLY;
		uint64_t hash =
			store_hash(kubernetes->store, target.bytes, target.length);
		const struct answer_set *set =
			store_find(kubernetes->store, target.bytes, target.length, hash);
		if (!find_name(kubernetes, &target, hash, set, found))
			return target_follow(query, owner->offset);
		if (is_doubtful(kubernetes, missing, &target, found))
			return answer_failure(query, denied_text);
		owner->zone_length =
			store_zone(kubernetes->store, found->zone)->name.length;
	}
}

static bool falls_through(const struct kubernetes *kubernetes, const struct dname *name)
{
	if (!kubernetes->falls_through)
		return false;
	for (size_t i = 0; i < kubernetes->fallthrough_count; i++)
		if (dname_is_within(name, &kubernetes->fallthrough_zones[i]))
			return true;
	return kubernetes->fallthrough_count == 0;
}

/* Nothing was ever known: an absent name may be there, and so may the missing half of a
 * present one. Or what is known is not enough to say. */
static enum verdict answer_not_synced(const struct kubernetes *kubernetes,
	struct query *query, const struct found *found, const struct answer_owner *owner)
{
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = store_is_synced(kubernetes->store)
				 ? denied_text
				 : "the registry is not complete yet";
	if (kubernetes->explains_errors)
		reply_set_ede(&query->reply, EDE_NOT_READY, query->failure, NULL);
	query->reply.is_authoritative = true;
	answer_authority_soa(&query->reply, kubernetes->store, found->zone, owner);
	return VERDICT_REPLY;
}

static enum verdict kubernetes_query(void *instance, struct query *query)
{
	const struct kubernetes *kubernetes = instance;
	const struct request *request = &query->request;
	struct found found;
	unsigned missing = store_missing(kubernetes->store);
	const struct answer_set *set = store_find(kubernetes->store, request->name.bytes,
		request->name.length, request->hash);
	if (!find_name(kubernetes, &request->name, request->hash, set, &found))
		return VERDICT_NEXT;
	if (request->qtype == TYPE_AXFR || request->qtype == TYPE_IXFR) {
		query->reply.rcode = RCODE_REFUSED;
		return VERDICT_REPLY;
	}
	struct answer_owner owner = answer_owner_question(
		&query->reply, request, kubernetes->store, found.zone);
	owner.surplus = found.surplus;
	if (is_doubtful(kubernetes, missing, &request->name, &found))
		return answer_not_synced(kubernetes, query, &found, &owner);
	if (!found.exists && falls_through(kubernetes, &request->name))
		return VERDICT_NEXT;
	query->reply.is_authoritative = true;
	return answer_chain(kubernetes, query, &found, &owner);
}

static void kubernetes_prefetch(void *instance, const struct query *query)
{
	const struct kubernetes *kubernetes = instance;
	store_prefetch(kubernetes->store, query->request.hash);
}

static void kubernetes_prefetch_answer(void *instance, const struct query *query)
{
	const struct kubernetes *kubernetes = instance;
	store_prefetch_set(kubernetes->store, query->request.hash);
}

static bool kubernetes_is_ready(const void *instance)
{
	const struct kubernetes *kubernetes = instance;
	return !store_missing(kubernetes->store);
}

static void kubernetes_free(void *instance)
{
	free(instance);
}

static const struct plugin_ops kubernetes_ops = {
	.name = "kubernetes",
	.query = kubernetes_query,
	.prefetch = kubernetes_prefetch,
	.prefetch_answer = kubernetes_prefetch_answer,
	.is_ready = kubernetes_is_ready,
	.free = kubernetes_free,
};

static const struct plugin_ops external_ops = {
	.name = "k8s_external",
	.query = kubernetes_query,
	.prefetch = kubernetes_prefetch,
	.prefetch_answer = kubernetes_prefetch_answer,
	.free = kubernetes_free,
};

enum err kubernetes_new(
	const struct kubernetes_options *options, struct plugin_instance *out)
{
	size_t zones = options->fallthrough_count * sizeof(struct dname);
	struct kubernetes *kubernetes = malloc(sizeof(*kubernetes) + zones);
	if (!kubernetes)
		return ERR_NOMEM;
	kubernetes->store = options->store;
	kubernetes->pods = options->pods;
	kubernetes->is_external = options->is_external;
	kubernetes->explains_errors = options->explains_errors;
	kubernetes->falls_through = options->falls_through;
	kubernetes->serves_zones = options->serves_zones;
	kubernetes->fallthrough_count = options->fallthrough_count;
	if (zones)
		memcpy(kubernetes->fallthrough_zones, options->fallthrough_zones, zones);
	out->ops = options->is_external ? &external_ops : &kubernetes_ops;
	out->instance = kubernetes;
	return ERR_NONE;
}
