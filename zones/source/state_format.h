/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"
#include "zones/registry/registry.h"

/*
 * The octets of a state file, for state_write.c and state_read.c alone.
 *
 *     magic[16]  u32 version  i64 written  text scope  u64 sum
 *     block...                u32 length  u64 sum  octets
 *     end                     u32 0       u64 sum  u64 objects
 *
 * Numbers are little-endian, a text ends in a NUL. Each sum covers the one before it as
 * well, so that a block that is missing, doubled or from another file is seen. A block
 * holds whole records: a kind, then the fields of struct object in their order. A count
 * stands before what it counts. A slice is written once for the Service it belongs to and
 * once for the ServiceImport, with STATE_IMPORT_SLICE for its kind.
 */

#define STATE_MAGIC "waymark state\r\n\x1a"

enum {
	STATE_MAGIC_SIZE = 16,
	STATE_VERSION = 1,
	/* Flags of an endpoint. */
	STATE_IS_READY = 1,
	STATE_HAS_ZONE = 2,
	STATE_IMPORT_SLICE = 128,
	STATE_SCOPE_MAX = 16384,
	STATE_BLOCK = 64 << 10,     /* a block is ended when it is so long */
	STATE_BLOCK_MAX = 16 << 20, /* and is never longer */
};

uint64_t state_sum(uint64_t before, const void *octets, size_t length);

/* --- writing --- */

struct state_buffer {
	char *octets;
	size_t length, capacity;
	bool is_exhausted; /* an allocation failed; what is put from then on is lost */
};

void state_put_u8(struct state_buffer *buffer, uint8_t value);
void state_put_u32(struct state_buffer *buffer, uint32_t value);
void state_put_u64(struct state_buffer *buffer, uint64_t value);
void state_put_text(struct state_buffer *buffer, const char *text);

void state_put_namespace(
	struct state_buffer *buffer, const struct registry_namespace *ns);
/* The arena is for a while. `kind`: a Service's or a ServiceImport's. */
void state_put_service(struct state_buffer *buffer, struct arena *arena,
	enum object_kind kind, const struct registry_service *service);
/* `kind`: an object's, or STATE_IMPORT_SLICE. */
void state_put_slice(struct state_buffer *buffer, unsigned kind, const char *ns,
	const struct pack_slice *slice);
void state_put_pod(struct state_buffer *buffer, struct arena *arena, const char *ns,
	const struct pack_pod *pod);

/* --- reading --- */

struct state_reader {
	const char *at, *end;
	bool has_failed;    /* the octets are not what was written */
	bool is_exhausted;  /* an allocation failed */
	struct arena arena; /* of the object at hand */
};

/* The next record, borrowed until the next call. False: see the reader's flags; neither:
 * the block has ended. */
bool state_get_object(struct state_reader *reader, struct object *out);
