/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/advice.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/plugins.h"
#include "server/control/upstream_list.h"
#include "zones/synth/synth.h"

enum { ADVICE_MAX = 100 };

#define ADVISE(problems, word, ...)                                                      \
	diag_add(problems, SEVERITY_WARNING, (word)->place.file, (word)->place.line,     \
		(word)->place.column, __VA_ARGS__)

/* --- a zone in two blocks --- */

struct served {
	const struct corefile_key *key;
	size_t block;
};

static int served_compare(const void *left, const void *right)
{
	const struct served *a = left, *b = right;
	const struct dname *x = &a->key->zone, *y = &b->key->zone;
	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	int order = memcmp(x->bytes, y->bytes, x->length);
	if (!order)
		order = (a->block > b->block) - (a->block < b->block);
	return order;
}

/* Blocks that collide, for one, were reported at the same place. */
static bool has_problem_at(
	const struct diag_list *problems, const struct corefile_place *place)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct diag *diag = &problems->items[i];
		if (diag->file && diag->line == place->line &&
			diag->column == place->column &&
			strcmp(diag->file, place->file) == 0)
			return true;
	}
	return false;
}

/* A prefix stands for many zones: its word is spoken of once, as it has a problem at
 * its place from then on. */
static void advise_served(
	const struct served *items, size_t count, struct diag_list *problems)
{
	size_t before = problems->count;
	for (size_t i = 1; i < count && problems->count - before < ADVICE_MAX; i++) {
		const struct corefile_word *first = &items[i - 1].key->word;
		const struct corefile_word *word = &items[i].key->word;
		if (items[i].block == items[i - 1].block ||
			!dname_equal(&items[i].key->zone, &items[i - 1].key->zone) ||
			has_problem_at(problems, &word->place))
			continue;
		ADVISE(problems, word,
			"\"%s\" is also served by the block at %s:%u, on another port or "
			"address: its plugins are not shared with this one",
			word->text, first->place.file, first->place.line);
	}
}

static enum err advise_twice_served(
	const struct corefile *corefile, struct diag_list *problems)
{
	size_t count = 0;
	for (size_t i = 0; i < corefile->block_count; i++)
		count += corefile->blocks[i].key_count;
	struct served *items = calloc(count + 1, sizeof(*items));
	if (!items)
		return ERR_NOMEM;
	count = 0;
	for (size_t i = 0; i < corefile->block_count; i++)
		for (size_t j = 0; j < corefile->blocks[i].key_count; j++)
			items[count++] = (struct served){&corefile->blocks[i].keys[j], i};
	qsort(items, count, sizeof(*items), served_compare);
	advise_served(items, count, problems);
	free(items);
	return ERR_NONE;
}

/* --- zones that do not meet --- */

struct overlap {
	const struct dname *zone;
	bool found;
};

static void overlap_look(void *context, const struct dname *zone)
{
	struct overlap *overlap = context;
	overlap->found |= dname_is_within(zone, overlap->zone) ||
			  dname_is_within(overlap->zone, zone);
}

/* Do names exist in `zone` and in one of the zones of these arguments? */
static bool meets_words(
	const struct dname *zone, const struct corefile_word *words, size_t count)
{
	struct overlap overlap = {.zone = zone};
	for (size_t i = 0; i < count && !overlap.found; i++)
		if (argument_zones(words[i].text, overlap_look, &overlap))
			return true;
	return overlap.found;
}

static bool word_meets_block(
	const struct corefile_word *word, const struct corefile_block *block)
{
	for (size_t i = 0; i < block->key_count; i++)
		if (meets_words(&block->keys[i].zone, word, 1))
			return true;
	return false;
}

struct words_meet {
	const struct corefile_word *words;
	size_t count;
	bool found;
};

static void words_look(void *context, const struct dname *zone)
{
	struct words_meet *meet = context;
	meet->found |= meets_words(zone, meet->words, meet->count);
}

/* Options with zones, `fallthrough` for one, speak of the plugin's own; of `multicluster`
 * it is an error. */
static void advise_option_zones(const struct corefile_directive *directive,
	const struct corefile_directive *option, struct diag_list *problems)
{
	if (strcmp(option->name.text, "multicluster") == 0)
		return;
	for (size_t i = 0; i < option->argument_count; i++) {
		struct words_meet meet = {
			directive->arguments, directive->argument_count, false};
		if (argument_zones(option->arguments[i].text, words_look, &meet) ||
			meet.found)
			continue;
		ADVISE(problems, &option->arguments[i],
			"\"%s\" is in no zone of \"%s\": this never applies",
			option->arguments[i].text, directive->name.text);
	}
}

/* Behind the zones of log there may be a format, which has a brace in it. */
static bool is_zone(const struct directive_row *row, const struct corefile_word *word)
{
	return row->type == ARGUMENT_ZONE ||
	       (strcmp(row->name, "log") == 0 && !strchr(word->text, '{'));
}

static void advise_zones(const struct corefile_block *block, struct diag_list *problems)
{
	for (size_t i = 0; i < block->directive_count; i++) {
		const struct corefile_directive *directive = &block->directives[i];
		const struct directive_row *row =
			directive_find(plugin_rows, directive->name.text);
		if (!row)
			continue;
		for (size_t j = 0; j < directive->argument_count; j++)
			if (is_zone(row, &directive->arguments[j]) &&
				!word_meets_block(&directive->arguments[j], block))
				ADVISE(problems, &directive->arguments[j],
					"\"%s\" is in no zone of this server block: no "
					"query for it gets here",
					directive->arguments[j].text);
		for (size_t j = 0; row->type == ARGUMENT_ZONE &&
				   directive->argument_count && j < directive->body_count;
			j++) {
			const struct directive_row *option = directive_find(
				row->options, directive->body[j].name.text);
			if (option && option->type == ARGUMENT_ZONE)
				advise_option_zones(
					directive, &directive->body[j], problems);
		}
	}
}

/* --- kubernetes --- */

static void zone_is_reverse(void *context, const struct dname *zone)
{
	bool *is_reverse = context;
	*is_reverse |= synth_is_reverse(zone);
}

static bool has_reverse(const struct corefile_word *words, size_t count)
{
	bool is_reverse = false;
	for (size_t i = 0; i < count; i++)
		if (argument_zones(words[i].text, zone_is_reverse, &is_reverse))
			return true;
	return is_reverse;
}

/* Does another block take the reverse names away from the root's? */
static bool serves_reverse(const struct corefile *corefile)
{
	for (size_t i = 0; i < corefile->block_count; i++)
		for (size_t j = 0; j < corefile->blocks[i].key_count; j++)
			if (synth_is_reverse(&corefile->blocks[i].keys[j].zone))
				return true;
	return false;
}

static bool serves_root(const struct corefile_block *block)
{
	for (size_t i = 0; i < block->key_count; i++)
		if (block->keys[i].zone.length == 1)
			return true;
	return false;
}

static void advise_kubernetes(const struct corefile *corefile,
	const struct corefile_block *block, struct diag_list *problems)
{
	const struct corefile_directive *kubernetes =
		directive_in_block(block, "kubernetes");
	if (!kubernetes)
		return;
	if (kubernetes->argument_count && serves_root(block) &&
		!serves_reverse(corefile) &&
		!has_reverse(kubernetes->arguments, kubernetes->argument_count))
		ADVISE(problems, &kubernetes->name,
			"\"kubernetes\" has no reverse zone: addresses of the cluster "
			"have no names; add in-addr.arpa and ip6.arpa");
	const struct corefile_directive *ttl = directive_option(kubernetes, "ttl");
	int64_t seconds;
	if (ttl && ttl->argument_count == 1 &&
		!argument_number(&ttl->arguments[0], &seconds) && !seconds)
		ADVISE(problems, &ttl->arguments[0],
			"with a ttl of 0 nobody keeps an answer, each lookup comes here");
}

enum err advice_on_corefile(const struct corefile *corefile, struct diag_list *problems)
{
	for (size_t i = 0; i < corefile->block_count; i++) {
		advise_zones(&corefile->blocks[i], problems);
		advise_kubernetes(corefile, &corefile->blocks[i], problems);
	}
	return advise_twice_served(corefile, problems);
}

/* --- chains --- */

/* Zones of the block that its only plugin is not there for. */
static void advise_unanswered(const struct corefile_block *block,
	const struct corefile_directive *only, struct diag_list *problems)
{
	/* It was said at the plugin already. */
	if (has_problem_at(problems, &only->arguments[0].place))
		return;
	for (size_t i = 0; i < block->key_count; i++) {
		const struct corefile_word *word = &block->keys[i].word;
		if (meets_words(&block->keys[i].zone, only->arguments,
			    only->argument_count) ||
			has_problem_at(problems, &word->place))
			continue;
		ADVISE(problems, word,
			"nothing in the block answers for \"%s\": its only plugin, "
			"\"%s\", is for other zones",
			word->text, only->name.text);
	}
}

/* --- a forward to oneself --- */

/* Is a query that is sent to the address received by this block's listener? */
static bool listens_at(const struct advice_block *block, const struct ipaddr *address)
{
	const struct listen_list *listened = block->listened;
	bool is_own = ipaddr_is_loopback(address) || ipaddr_is_unspecified(address) ||
		      ipaddr_is_among(address, block->own->addresses, block->own->count);
	for (size_t i = 0; i < listened->count; i++) {
		const struct ipaddr *at = &listened->addresses[i];
		if (ipaddr_equal(at, address) ||
			(ipaddr_is_unspecified(at) && at->length == address->length &&
				is_own))
			return true;
	}
	return false;
}

static uint16_t upstream_port(const struct sockaddr_storage *address)
{
	return ntohs(address->ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)address)->sin6_port
			     : ((const struct sockaddr_in *)address)->sin_port);
}

/* What is forwarded there comes back to the block, for one of the same zones. */
static bool comes_back(const struct advice_block *block, const struct corefile_word *from,
	const struct sockaddr_storage *upstream)
{
	const struct corefile_block *source = block->source;
	struct ipaddr address = ipaddr_from_sockaddr((const struct sockaddr *)upstream);
	if (!address.length || !listens_at(block, &address))
		return false;
	for (size_t i = 0; i < source->key_count; i++)
		if (source->keys[i].port == upstream_port(upstream) &&
			meets_words(&source->keys[i].zone, from, 1))
			return true;
	return false;
}

static void advise_forward(const struct advice_block *block,
	const struct corefile_directive *forward, struct diag_list *problems)
{
	/* What is wrong with them has been said. */
	struct diag_list said;
	struct arena arena;
	struct upstream_list list = {.arena = &arena};
	diag_list_init(&said);
	arena_init(&arena, 1024);
	for (size_t i = 1; i < forward->argument_count; i++) {
		size_t next = list.count;
		if (!upstream_list_add(&list, &forward->arguments[i], &said))
			break;
		bool is_found = false;
		for (; next < list.count && !is_found; next++)
			is_found = comes_back(
				block, &forward->arguments[0], &list.items[next].address);
		if (is_found)
			ADVISE(problems, &forward->arguments[i],
				"\"%.100s\" is this server block itself: what is "
				"forwarded there comes back",
				forward->arguments[i].text);
	}
	arena_deinit(&arena);
	diag_list_deinit(&said);
}

/* --- the chain's end --- */

/* The plugin that has the last word: behind the cache there is nothing. */
static const char *last_name(const struct advice_block *block, struct diag_list *problems)
{
	const struct server_block *built = block->built;
	unsigned count = built->chain_length;
	if (!count || strcmp(built->chain[count - 1].ops->name, "cache") != 0)
		return count ? built->chain[count - 1].ops->name : NULL;
	const struct corefile_directive *cache =
		directive_in_block(block->source, "cache");
	if (cache)
		ADVISE(problems, &cache->name,
			"there is no plugin behind \"cache\" whose replies it could "
			"keep, "
			"such as \"forward\"");
	return count > 1 ? built->chain[count - 2].ops->name : NULL;
}

void advice_on_block(const struct advice_block *block, struct diag_list *problems)
{
	const struct corefile_block *source = block->source;
	for (size_t i = 0; i < source->directive_count; i++)
		if (strcmp(source->directives[i].name.text, "forward") == 0)
			advise_forward(block, &source->directives[i], problems);
	const char *name = last_name(block, problems);
	/* chaos answers class CH, beside the chain. */
	if (!name && block->built->chaos.ops)
		return;
	if (!name) {
		diag_add(problems, SEVERITY_WARNING, source->place.file,
			source->place.line, source->place.column,
			"no plugin of this block answers: each query gets SERVFAIL");
		return;
	}
	const struct corefile_directive *last = directive_in_block(source, name);
	const struct directive_row *row = directive_find(plugin_rows, name);
	if (!last || !row)
		return;
	const struct corefile_directive *passes = directive_option(last, "fallthrough");
	if (passes)
		ADVISE(problems, &passes->name,
			"there is no plugin behind \"%s\" to answer what falls through: "
			"it gets SERVFAIL",
			name);
	if (block->built->chain_length == 1 && row->type == ARGUMENT_ZONE &&
		last->argument_count)
		advise_unanswered(source, last, problems);
}
