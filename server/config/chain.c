/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include "server/config/parser.h"

struct chain_link {
	struct chain_link *next;
	max_align_t item[];
};

void *parser_alloc(struct parser *parser, size_t count, size_t size)
{
	void *memory = arena_calloc(parser->arena, count, size);
	if (!memory)
		parser_stop(parser, ERR_NOMEM);
	return memory;
}

void *chain_add(struct parser *parser, struct chain *chain, size_t size)
{
	struct chain_link *link = arena_calloc(&parser->scratch, 1, sizeof(*link) + size);
	if (!link) {
		parser_stop(parser, ERR_NOMEM);
		return NULL;
	}
	if (chain->last)
		chain->last->next = link;
	else
		chain->first = link;
	chain->last = link;
	chain->count++;
	return link->item;
}

void *chain_array(struct parser *parser, const struct chain *chain, size_t size)
{
	/* Readers pass over the first elements of lists that may have none. */
	char *array = parser_alloc(parser, chain->count ? chain->count : 1, size);
	char *slot = array;
	for (struct chain_link *link = chain->first; array && link; link = link->next) {
		memcpy(slot, link->item, size);
		slot += size;
	}
	return array;
}
