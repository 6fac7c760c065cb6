/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/base/ipaddr.h"
#include "server/config/config_check.h"
#include "server/config/report.h"

/*
 * Which blocks collide: those with the same zone and port, unless both are bound and to
 * different addresses (CoreDNS's rule: a block without `bind` has every address).
 */

enum { LISTENERS_MAX = 1 << 18 };

/* A key on one of its block's addresses. */
struct listener {
	const struct corefile_key *key;
	const char *bind; /* "": no `bind` */
	size_t order;     /* in the file */
};

struct listeners {
	struct arena arena; /* the texts of `bind` */
	struct listener *items;
	size_t count;
};

static int compare_size(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

static int key_compare(const struct corefile_key *a, const struct corefile_key *b)
{
	if (a->port != b->port)
		return compare_size(a->port, b->port);
	if (a->zone.length != b->zone.length)
		return compare_size(a->zone.length, b->zone.length);
	return memcmp(a->zone.bytes, b->zone.bytes, a->zone.length);
}

static int listener_compare(const void *left, const void *right)
{
	const struct listener *a = left, *b = right;
	int order = key_compare(a->key, b->key);
	if (!order)
		order = strcmp(a->bind, b->bind);
	return order ? order : compare_size(a->order, b->order);
}

/* How often a block's keys are listened on, 1 without `bind`. */
static size_t block_bind_count(const struct corefile_block *block)
{
	size_t count = 0;
	for (size_t i = 0; i < block->directive_count; i++)
		if (strcmp(block->directives[i].name.text, "bind") == 0)
			count += block->directives[i].argument_count;
	return count ? count : 1;
}

/* An address in its canonical spelling. NULL: no memory. */
static const char *bind_text(struct arena *arena, const char *text)
{
	struct ipaddr address;
	char canonical[IPADDR_TEXT_SIZE];
	if (ipaddr_parse(text, &address))
		return text;
	ipaddr_format(&address, canonical);
	return arena_strndup(arena, canonical, strlen(canonical));
}

static void listeners_add(
	struct listeners *listeners, const struct corefile_block *block, const char *bind)
{
	for (size_t i = 0; i < block->key_count; i++) {
		struct listener *item = &listeners->items[listeners->count];
		*item = (struct listener){&block->keys[i], bind, listeners->count};
		listeners->count++;
	}
}

static enum err listeners_add_block(
	struct listeners *listeners, const struct corefile_block *block)
{
	bool is_bound = false;
	for (size_t i = 0; i < block->directive_count; i++) {
		const struct corefile_directive *directive = &block->directives[i];
		if (strcmp(directive->name.text, "bind") != 0)
			continue;
		for (size_t k = 0; k < directive->argument_count; k++) {
			const char *bind = bind_text(
				&listeners->arena, directive->arguments[k].text);
			if (!bind)
				return ERR_NOMEM;
			listeners_add(listeners, block, bind);
			is_bound = true;
		}
	}
	if (!is_bound)
		listeners_add(listeners, block, "");
	return ERR_NONE;
}

static bool place_equal(const struct corefile_place *a, const struct corefile_place *b)
{
	return a->line == b->line && a->column == b->column &&
	       strcmp(a->file, b->file) == 0;
}

/* The words of two keys that collide, the later one second. */
struct collision {
	const struct corefile_word *words[2];
};

struct collisions {
	struct collision items[CONFIG_PROBLEMS_MAX];
	size_t count;
};

/* False: reported before, as prefixes and several addresses bring a pair of words many
 * times, or there are enough. */
static bool collisions_add(
	struct collisions *collisions, const struct collision *collision)
{
	if (collisions->count == CONFIG_PROBLEMS_MAX)
		return false;
	for (size_t i = 0; i < collisions->count; i++)
		if (place_equal(&collisions->items[i].words[0]->place,
			    &collision->words[0]->place) &&
			place_equal(&collisions->items[i].words[1]->place,
				&collision->words[1]->place))
			return false;
	collisions->items[collisions->count++] = *collision;
	return true;
}

static void collisions_report(struct collisions *collisions, const struct listener *a,
	const struct listener *b, struct diag_list *problems)
{
	const struct listener *first = a->order < b->order ? a : b;
	const struct listener *second = first == a ? b : a;
	struct collision collision = {{&first->key->word, &second->key->word}};
	if (first->key == second->key || !collisions_add(collisions, &collision))
		return;
	const struct corefile_place *other = &first->key->word.place;
	char zone[DNAME_TEXT_SIZE];
	report_error(problems, &second->key->word.place,
		"zone \"%s\" on port %u is served at %s:%u:%u already, expected another "
		"zone, port or, in both blocks, address to \"bind\"",
		dname_to_text(second->key->zone.bytes, zone), second->key->port,
		other->file, other->line, other->column);
}

static void listeners_check(const struct listeners *listeners, struct diag_list *problems)
{
	const struct listener *items = listeners->items;
	struct collisions collisions = {.count = 0};
	size_t first = 0;
	for (size_t i = 1; i < listeners->count; i++) {
		if (key_compare(items[first].key, items[i].key) != 0)
			first = i;
		else if (strcmp(items[i - 1].bind, items[i].bind) == 0)
			collisions_report(
				&collisions, &items[i - 1], &items[i], problems);
		else if (!*items[first].bind)
			collisions_report(
				&collisions, &items[first], &items[i], problems);
	}
}

enum err corefile_check_collisions(
	const struct corefile *corefile, struct diag_list *problems)
{
	size_t count = 0;
	for (size_t i = 0; i < corefile->block_count; i++) {
		const struct corefile_block *block = &corefile->blocks[i];
		count += block->key_count * block_bind_count(block);
		if (count <= LISTENERS_MAX)
			continue;
		report_error(problems, &block->place,
			"more than %d zones and addresses to listen on", LISTENERS_MAX);
		return ERR_NONE;
	}
	if (!count)
		return ERR_NONE;
	struct listeners listeners = {0};
	arena_init(&listeners.arena, 1024);
	listeners.items = calloc(count, sizeof(*listeners.items));
	enum err err = listeners.items ? ERR_NONE : ERR_NOMEM;
	for (size_t i = 0; i < corefile->block_count && !err; i++)
		err = listeners_add_block(&listeners, &corefile->blocks[i]);
	if (!err) {
		qsort(listeners.items, listeners.count, sizeof(*listeners.items),
			listener_compare);
		listeners_check(&listeners, problems);
	}
	free(listeners.items);
	arena_deinit(&listeners.arena);
	return err;
}
