/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/wire/dname.h"

/*
 * An answer set is one block of memory:
 *
 *     struct answer_set | labels, padded to 8 | rrset | data, padded to 8 | rrset ...
 *
 * The labels are those of the owner name in front of its zone's name, which is kept once.
 *
 * Most rrsets are canned: whole records, ready to follow the question, whose owner is the
 * compression pointer c00c to the question name. Records of one rrset can be stepped over
 * by their RDLENGTH (canned_size).
 *
 * SRV answers are not canned: with their additional addresses they would be nine tenths
 * of the memory of a cluster full of headless services, for the bare name repeats what
 * every port name says. Those of a headless service share one table of targets and are
 * written from it (RFC 2782 allows no compression in a target, so it is a copy either
 * way). Where the target is the owner itself, as of an endpoint, or what the owner's port
 * belongs to, it takes no table, and no change of another endpoint touches it. Nor are
 * PTR records canned, for nearly all end in the same zone's name.
 *
 * Names between a zone's apex and an existing name exist (RFC 8020): they have a set
 * without rrsets.
 */

struct store;

/* How an rrset's data are kept. */
enum rrset_form {
	RRSET_CANNED,
	RRSET_TARGETS, /* SRV: struct srv_data */
	RRSET_ONE,     /* SRV whose one target is the owner or above it: struct srv_one */
	RRSET_NAMES,   /* of a type whose rdata is a name: struct names_data */
};

struct rrset {
	uint16_t type;
	uint16_t count;     /* records; RRSET_TARGETS: groups. Saturates at 65535 */
	uint32_t size : 30; /* octets of data */
	uint32_t form : 2;
	uint8_t data[] __attribute__((aligned(8)));
};

struct answer_set {
	uint32_t size; /* octets of the whole block */
	union {
		uint32_t children; /* names right below; the control thread's */
		uint32_t absence;  /* enum absence, where the name does not exist */
	};
	uint32_t hash; /* low half of the name's hash, for growing the table */
	uint8_t zone;  /* index in the store's zones */
	uint8_t rrset_count;
	/* The control thread's: exists only because names below it do; stands for all
	 * services with its first label. */
	bool is_implied : 1, is_namesake : 1;
	uint8_t label_length; /* octets of the labels; 0: the zone's apex */
	uint8_t labels[] __attribute__((aligned(8)));
};

/* A name that SRV records point at, and its addresses: the octets of `count` targets,
 * each { label length, label, IPv4 count, IPv6 count (16 bits), addresses }. The label
 * comes in front of the service's name; length 0 is the service itself. A length above
 * that of any label: a whole name stands there, which has nothing to do with the service
 * (target_name). */
struct targets {
	uint32_t references; /* answer sets; the control thread's */
	uint32_t size;       /* octets of the whole table */
	uint32_t count;
	uint32_t offsets[]; /* of each target from the start of the struct */
};

struct target {
	const uint8_t *label; /* its length octet first */
	uint16_t ipv4_count, ipv6_count;
	const uint8_t *ipv4, *ipv6;
};

/* NULL: the target's name is the label and the service's. */
static inline const uint8_t *target_name(const struct target *target)
{
	return target->label[0] > DNAME_LABEL_MAX ? target->label + 1 : NULL;
}

/* Data of RRSET_TARGETS: this, then `rrset.count` groups. */
struct srv_data {
	const struct targets *targets;
	uint32_t ttl_s;
	uint16_t weight;
	uint8_t skip; /* octets of the owner in front of the service's name */
	uint8_t unused;
};

/* Each target from `first` on, `target_count` of them, with each of the ports. */
struct srv_group {
	uint32_t first, target_count;
	uint16_t port_count;
	bool has_additional; /* false: an earlier group has written these addresses */
	uint8_t unused;
	uint16_t ports[]; /* padded to 4 octets */
};

/* Data of RRSET_ONE: a port a record, with the TTL of the owner's zone. The target's
 * addresses stand behind the ports, the IPv4 ones first; those of the owner itself are in
 * its set anyway. */
struct srv_one {
	uint16_t weight;
	uint8_t skip; /* octets of the owner in front of the target's name */
	uint8_t ipv4_count, ipv6_count;
	uint8_t unused;
	uint16_t ports[];
};

/* Data of RRSET_NAMES: names in one zone of the store, each { octets of its labels in
 * front of the zone's name, these labels }. The TTL is that of the owner's zone. */
struct names_data {
	uint8_t zone; /* index in the store's zones */
	uint8_t names[];
};

/* --- readers, inside a read section --- */

/* Both valid as long as the set. NULL: no such type; NULL: `rrset` was the last. */
const struct rrset *answer_set_find(const struct answer_set *set, uint16_t type);
const struct rrset *answer_set_next(
	const struct answer_set *set, const struct rrset *rrset);

/* Octets of the canned record at `record`. */
static inline size_t canned_size(const uint8_t *record)
{
	return 12u + (size_t)(record[10] << 8 | record[11]);
}

/* The next name of an RRSET_NAMES rrset; *offset begins at 0. False: there is none. */
bool names_next(const struct store *store, const struct rrset *rrset, uint32_t *offset,
	struct dname *out);

const struct srv_group *srv_group_next(const struct srv_group *group);
struct target targets_get(const struct targets *targets, uint32_t index);
