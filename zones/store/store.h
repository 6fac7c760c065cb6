/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/hash.h"
#include "server/wire/dname.h"
#include "zones/store/answer_set.h"

/*
 * The store: lower-case wire-format owner name -> immutable answer set. Workers read it
 * under RCU (reader.h) and never wait; the control thread alone writes (store_write.h),
 * one name at a time, each replaced atomically.
 */

struct store;

enum { STORE_ZONES_MAX = 255 };

/* A zone's fixed facts. `name` is lower-case. */
struct store_zone {
	struct dname name;
	uint32_t ttl_s;
	/* The SOA names ns1 and hostmaster below this label of the zone, length octet
	 * first. Length 0: ns.dns and hostmaster of the zone itself. */
	uint8_t apex_label[DNAME_LABEL_MAX + 1];
	bool is_multicluster; /* its names are those of ServiceImports */
};

/* --- readers, inside a read section --- */

/* Asks for the table slot of a name that will be looked up. */
void store_prefetch(const struct store *store, uint64_t hash);

/* Asks for the answer set that the slot, fetched by now, leads to. */
void store_prefetch_set(const struct store *store, uint64_t hash);

/* The set of a lower-case name, NULL: the name does not exist. `hash` is hash_bytes of
 * the name with the store's key. Valid until the read section ends. */
const struct answer_set *store_find(
	const struct store *store, const uint8_t *name, size_t length, uint64_t hash);

/* The hash of a lower-case name that did not come with a question. */
uint64_t store_hash(const struct store *store, const uint8_t *name, size_t length);

/* The same as store_find, hashing here. */
const struct answer_set *store_find_name(
	const struct store *store, const struct dname *name);

/* The owner name, put together again. */
void answer_set_owner(
	const struct store *store, const struct answer_set *set, struct dname *out);

/*
 * Names of verified pods, "10-0-0-1.NS.pod" and the zone, say themselves what they hold:
 * they have no set, and only whether there is such a pod is known, by the hash of the
 * canonical name. A name of none would be taken for one as often as 64 bits of a keyed
 * hash are guessed: with a million pods once in 10^13 questions for different names.
 */
bool store_has_pod(const struct store *store, uint64_t hash);

/* Why a name that objects describe does not exist. */
enum absence {
	ABSENCE_NONE,
	ABSENCE_NOT_READY,    /* none of its endpoints is */
	ABSENCE_NO_ENDPOINTS, /* endpoints are left out altogether */
	ABSENCE_NO_ADDRESS,   /* a service without cluster IP */
};

/* For names that store_find does not find: why; and the service that stands for all of a
 * label (length octet first) in a zone, NULL: none. */
enum absence store_find_absence(
	const struct store *store, const uint8_t *name, size_t length, uint64_t hash);
const struct answer_set *store_find_service(
	const struct store *store, unsigned zone, const uint8_t *label);

/* The longest zone that a lower-case name is in; -1: none. */
int store_zone_find(const struct store *store, const struct dname *name);

/* Fixed for the life of the store. */
const struct store_zone *store_zone(const struct store *store, unsigned index);
unsigned store_zone_count(const struct store *store);

/* The zone's serial now (RFC 1982); any thread. */
uint32_t store_zone_serial(const struct store *store, unsigned index);

/* What could not be read yet, so that names that are not there may exist. */
enum store_missing {
	STORE_MISSING_ALL = 1, /* nothing in the store may be trusted */
	/* The server's role does not permit to read these; all others are there. */
	STORE_MISSING_SERVICES = 2,
	STORE_MISSING_ENDPOINTS = 4,
	STORE_MISSING_PODS = 8,
	STORE_MISSING_IMPORTS = 16, /* of multicluster zones */
};

/* 0: nothing. To be asked before names are looked for: what they lead to is at least as
 * new. Any thread, as the next. */
unsigned store_missing(const struct store *store);

/* Not STORE_MISSING_ALL. */
bool store_is_synced(const struct store *store);
