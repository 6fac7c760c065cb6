/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "server/query/answer.h"

/* Answers what the store has for exactly this name and type. */
static enum verdict exact_query(void *instance, struct query *query)
{
	const struct store *store = instance;
	const struct request *request = &query->request;
	int zone = store_zone_find(store, &request->name);
	assert_true(zone >= 0);
	struct answer_owner owner =
		answer_owner_question(&query->reply, request, store, (unsigned)zone);
	const struct answer_set *set = store_find(
		store, request->name.bytes, request->name.length, request->hash);
	const struct rrset *rrset = set ? answer_set_find(set, request->qtype) : NULL;
	query->reply.is_authoritative = true;
	if (rrset)
		answer_rrset(&query->reply, store, &owner, set, rrset);
	else if (request->qtype == TYPE_SOA)
		answer_soa(&query->reply, store, (unsigned)zone, &owner);
	else
		answer_authority_soa(&query->reply, store, (unsigned)zone, &owner);
	return VERDICT_REPLY;
}

static const struct plugin_ops exact_ops = {.name = "exact", .query = exact_query};

void exact_begin(struct fixture *fixture)
{
	static const char *const zones[] = {"cluster.local", "local", "."};
	fixture_init(fixture, zones, sizeof(zones) / sizeof(zones[0]));
	fixture_add_plugin(fixture, (struct plugin_instance){&exact_ops, fixture->store});
}

unsigned text_count(const char *text, const char *part)
{
	unsigned count = 0;
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		count++;
	return count;
}

bool text_starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}
