/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <sys/queue.h>

#include "server/wire/reply.h"
#include "zones/store/reader.h"

/*
 * One reply that is kept, as a message that goes out again: its records need not be read
 * for that, only their TTLs are set, where it is known that they stand. A question of the
 * same name is as long, whatever its spelling, so compression pointers hold.
 *
 * Immutable but for the few atomics that readers set. Memory: pool.h.
 */

struct cache_owner;
struct cache_queue;

enum cache_kind {
	CACHE_SUCCESS, /* what was asked for is there */
	CACHE_DENIAL,  /* the name or the type does not exist, or SERVFAIL */
};

enum { CACHE_KINDS = 2, CACHE_USES_MAX = 3 };

/* What an entry is found by; both must be the same. */
struct cache_key {
	uint64_t hash;
	uint64_t question;   /* type, class, DO, CD, length of the name */
	const uint8_t *name; /* lower case */
	const struct cache_owner *owner;
};

struct cache_entry {
	/* The pool's, under the lock of its shard. */
	struct store_deferred deferred;
	TAILQ_ENTRY(cache_entry) link;
	struct cache_queue *queue; /* of its owner and kind */
	size_t size;               /* octets of memory, with malloc's own */
	uint64_t hash;
	bool is_in_main; /* of the two lists of the queue */

	/* What readers look at. */
	struct cache_entry *_Atomic next; /* in the bucket */
	uint64_t question;
	const struct cache_owner *owner;
	int64_t expires_ns;
	int64_t dead_ns;     /* from then on it is of no use, stale or not */
	uint32_t lifetime_s; /* its TTL when it was stored */
	uint16_t length;     /* of the message */
	uint16_t ttl_count;  /* offsets of TTLs, behind the message */
	uint16_t run_at, run_size, run_count; /* addresses that may be rotated */
	uint8_t kind, rcode;
	bool is_authentic; /* AD (RFC 4035 3.2.3) */
	_Atomic uint8_t uses;
	/* Refreshing: not before this second, and how often it was asked for without a
	 * pause until when. */
	_Atomic uint32_t retry_s, hits, seen_s;

	_Alignas(8) uint8_t message[];
};

enum cache_grade {
	CACHE_GOOD,
	CACHE_UNFIT,   /* nothing is wrong with it, but it is not to be kept */
	CACHE_FOREIGN, /* it is malformed, or speaks of another name */
};

/* What is to be kept of a reply. */
struct cache_finding {
	enum cache_kind kind;
	uint32_t ttl_s; /* the lowest; of a denial that of RFC 2308 5. Not of SERVFAIL */
	uint16_t ttl_count;
};

struct cache_key cache_key_of(
	const struct request *request, const struct cache_owner *owner, uint64_t salt);

/*
 * Whether the reply to `request` may be kept: it is whole and one of NOERROR with the
 * records asked for, at the end of a chain of CNAMEs, too; NXDOMAIN or NOERROR without
 * them and with a SOA (RFC 2308 5); SERVFAIL.
 */
enum cache_grade cache_examine(const struct request *request, const struct reply *reply,
	struct cache_finding *out);

/*
 * The reply written anew into `buffer`, of DNS_MESSAGE_MAX octets: there names lead to
 * names alone. What others have written may have one lead into a TTL or an address, and
 * it would become another name when those change. False: rdata is malformed, or there is
 * no room.
 */
bool cache_clean(const struct reply *reply, uint8_t *buffer, struct reply *out);

/* A clean reply as an entry that is in no pool. NULL: no memory. */
struct cache_entry *cache_entry_new(const struct cache_key *key,
	const struct reply *reply, const struct cache_finding *finding);
/* Only while it is in no pool. */
void cache_entry_free(struct cache_entry *entry);

/* Makes the entry the reply, which has only its question; what does not fit is cut off at
 * a record (TC). `reads_ad`: who asked understands AD (RFC 6840 5.7). */
void cache_entry_write(const struct cache_entry *entry, struct reply *reply,
	uint32_t ttl_s, bool reads_ad);

/* Sets the TTL of every record of a clean reply. */
void cache_cap_ttls(struct reply *reply, uint32_t ttl_s);
