/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/base/hash.h"
#include "zones/registry/object.h"

/*
 * Which file defines which objects: a packed list of names for each reading of a file,
 * and one index over all of them. An object costs its names, three bytes and about 16
 * bytes of index.
 */

struct folder_file;

struct ledger_list {
	struct ledger_list *next; /* for the owner of a list that is not in the index */
	struct folder_file *file;
	uint64_t sequence; /* of its making, then of its leaving the index */
	char *data;        /* per object: the kind, namespace, NUL, name, NUL */
	uint32_t size, capacity;
	uint32_t id;
};

struct ledger_slot {
	uint32_t hash;
	uint32_t list; /* id; 0: the slot is free */
	uint32_t offset;
};

struct ledger {
	struct hash_key key;
	struct ledger_slot *slots;
	size_t slot_count; /* a power of two */
	size_t used;
	struct ledger_list **lists; /* by id */
	size_t list_count, list_capacity;
	size_t free_id; /* no lower one is free */
	uint64_t sequence;
};

struct ledger_entry {
	enum object_kind kind;
	const char *ns, *name;
};

void ledger_init(struct ledger *ledger);
/* Frees the lists too that are still in the index. */
void ledger_deinit(struct ledger *ledger);

/* An empty list for one reading of the file. NULL: no memory. */
struct ledger_list *ledger_list_new(struct ledger *ledger, struct folder_file *file);

/* Takes the list out of the index where it is in it. */
void ledger_list_free(struct ledger *ledger, struct ledger_list *list);

/*
 * Adds an object to the list and to the index. *other is the list of another file, the
 * first by path, that has the object too, or NULL. ERR_EXISTS: the list has it already.
 * ERR_NOMEM.
 */
enum err ledger_add(struct ledger *ledger, struct ledger_list *list,
	const struct object *object, struct ledger_list **other) MUST_CHECK;

/* Gives back what the list has allocated beyond its needs. */
void ledger_list_trim(struct ledger_list *list);

/* Out of the index, but still readable. */
void ledger_retire(struct ledger *ledger, struct ledger_list *list);

/* Back into the index. Cannot fail while nothing was added since ledger_retire but
 * lists that are retired again. */
void ledger_restore(struct ledger *ledger, struct ledger_list *list);

/* The first list by path that has the object, or NULL. */
struct ledger_list *ledger_find(
	const struct ledger *ledger, const struct ledger_entry *entry);

/* The entry at *offset, which starts at 0 and moves on. False: at the end. */
bool ledger_list_next(
	const struct ledger_list *list, uint32_t *offset, struct ledger_entry *entry);
