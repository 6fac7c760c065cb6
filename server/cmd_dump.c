/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/command.h"
#include "server/query/answer.h"
#include "zones/export/zone_text.h"
#include "zones/store/store_write.h"
#include "zones/synth/synth.h"

/*
 * Each record set is asked for as a query over TCP would, so that what is printed is
 * what is answered. A set larger than one message holds (4,000 addresses) is printed as
 * far as it is answered.
 */

struct listing {
	const struct store *store;
	const struct answer_set **sets;
	size_t count;
};

static bool collect(void *context, const struct answer_set *set)
{
	struct listing *listing = context;
	listing->sets[listing->count++] = set;
	return true;
}

/* Where each label in front of the zone's name begins; returns how many. */
static unsigned list_labels(const struct answer_set *set, uint8_t *offsets)
{
	unsigned count = 0;
	for (unsigned at = 0; at < set->label_length; at += set->labels[at] + 1u)
		offsets[count++] = (uint8_t)at;
	return count;
}

/* Canonical order in one zone (RFC 4034 6.1): label by label from the right. */
static int name_compare(const struct answer_set *left, const struct answer_set *right)
{
	uint8_t a[DNAME_LABELS_MAX], b[DNAME_LABELS_MAX];
	unsigned i = list_labels(left, a), j = list_labels(right, b);
	while (i && j) {
		const uint8_t *x = left->labels + a[--i], *y = right->labels + b[--j];
		int order = memcmp(x + 1, y + 1, x[0] < y[0] ? x[0] : y[0]);
		if (!order)
			order = x[0] - y[0];
		if (order)
			return order;
	}
	return (i > j) - (i < j);
}

static int set_compare(const void *left, const void *right)
{
	const struct answer_set *const *a = left, *const *b = right;
	if ((*a)->zone != (*b)->zone)
		return (*a)->zone - (*b)->zone;
	return name_compare(*a, *b);
}

/* Prints the answer section that `write` makes; additional records belong elsewhere. */
static enum err print_answer(const struct listing *listing, const struct answer_set *set,
	const struct rrset *rrset)
{
	static uint8_t message[DNS_MESSAGE_MAX],
		question[DNS_HEADER_SIZE + DNAME_MAX + 4];
	struct request request = {
		.message = question,
	};
	answer_set_owner(listing->store, set, &request.name);
	request.question_length = (uint16_t)(request.name.length + 4);
	memcpy(question + DNS_HEADER_SIZE, request.name.bytes, request.name.length);
	struct reply reply;
	reply_init(&reply, &request, message, DNS_MESSAGE_MAX);
	struct answer_owner owner =
		answer_owner_question(&reply, &request, listing->store, set->zone);
	if (rrset)
		answer_rrset(&reply, listing->store, &owner, set, rrset);
	else
		answer_soa(&reply, listing->store, set->zone, &owner);
	reply.additional_count = 0;
	const uint8_t *at = reply.owner_end;
	for (unsigned i = 0; i < reply.answer_count; i++)
		at += canned_size(at);
	size_t answered = (size_t)(at - message);
	reply_finish(&reply, &request, 0);
	return zone_text_write_records(message, answered, stdout);
}

static enum err print_set(const struct listing *listing, const struct answer_set *set)
{
	enum err err = ERR_NONE;
	if (!set->label_length)
		err = print_answer(listing, set, NULL);
	const struct rrset *rrset = NULL;
	while (!err && (rrset = answer_set_next(set, rrset)))
		err = print_answer(listing, set, rrset);
	return err;
}

/* `pods` has names of the same zones. */
static enum err print_stores(const struct store *store, const struct store *pods)
{
	struct listing listing = {.store = store};
	size_t names = store_size(store).names + store_size(pods).names;
	listing.sets = calloc(names + 1, sizeof(*listing.sets));
	if (!listing.sets)
		return ERR_NOMEM;
	store_each(store, collect, &listing);
	store_each(pods, collect, &listing);
	qsort(listing.sets, listing.count, sizeof(*listing.sets), set_compare);
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && i < listing.count; i++)
		err = print_set(&listing, listing.sets[i]);
	free(listing.sets);
	return err;
}

/* Names of verified pods have no records in the store. */
static enum err print_store(const struct store *store, const struct registry *registry)
{
	struct store *pods = store_new_alike(store);
	enum err err = pods ? ERR_NONE : ERR_NOMEM;
	if (!err && store_size(store).pods)
		err = synth_list_pods(registry, store, pods);
	if (!err)
		err = print_stores(store, pods);
	store_free(pods);
	return err;
}

static int run(int argc, char **argv)
{
	const char *corefile;
	int code = command_options(&command_dump, argc, argv, &corefile);
	if (code == COMMAND_GO_ON)
		code = command_no_arguments(&command_dump, argc, argv);
	if (code != COMMAND_GO_ON)
		return code;
	log_init(LOG_LEVEL_WARN);
	struct server *server = command_server(corefile, NULL);
	if (!server)
		return 1;
	enum err err = server_load(server, NULL, true);
	const struct cluster *cluster;
	for (size_t i = 0; !err && (cluster = server_cluster(server, i)); i++) {
		const struct registry *registry = cluster_registry(cluster);
		err = print_store(cluster_store(cluster), registry);
		if (!err && cluster_external_store(cluster))
			err = print_store(cluster_external_store(cluster), registry);
	}
	if (!err && fflush(stdout))
		err = ERR_IO;
	if (err)
		log_error("cannot print the zones: %s", err_text(err));
	server_free(server);
	return err ? 1 : 0;
}

const struct command command_dump = {
	.name = "dump",
	.arguments = "",
	.help = "prints every record in presentation format",
	.run = run,
	.options = command_config_only,
};
