/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/source/decode.h"

/*
 * A field of the object that is being decoded: its value and the way to it. On the stack
 * of the decoder, so that a path costs nothing until a problem has to name it.
 */
struct field {
	const struct field *up;
	const char *key; /* NULL: item `index` of a list */
	size_t index;
	const struct node *node; /* NULL: absent or null */
};

struct field field_get(const struct field *up, const char *key);
struct field field_item(const struct field *up, size_t index, const struct node *node);

/* An error at the field: "Service "ns/name": spec.ports[0].port 0 " and the reason. */
void field_fail(struct decode *decode, const struct field *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same where the field ought to be. */
void field_fail_missing(struct decode *decode, const struct field *field);

/* Values, or what stands for an absent one. Another type is reported, and reads as
 * absent. */
const char *field_text(struct decode *decode, const struct field *field);
bool field_flag(struct decode *decode, const struct field *field, bool absent);
int64_t field_integer(struct decode *decode, const struct field *field, int64_t absent);

/* False, and a report, for what is there and no map. */
bool field_is_map(struct decode *decode, const struct field *field);

/* How many items the list has; its first one, with the next in node->next, in *first. */
size_t field_list(
	struct decode *decode, const struct field *field, const struct node **first);

/* Room for `count` things of the object, cleared. NULL: none wanted, or no memory, which
 * is remembered. */
void *field_alloc(struct decode *decode, size_t count, size_t size);

/* A map of strings. */
size_t field_labels(struct decode *decode, const struct field *field,
	const struct object_label **labels);

/* A lower-case copy of a text. */
const char *field_lower(struct decode *decode, const char *text);

/* One address; false when it is none, or an IPv4 address written as IPv6. */
bool field_address(
	struct decode *decode, const struct field *field, struct ipaddr *address);

/* A number from 1 to 65535; an absent one is reported. 0: reported. */
int32_t field_port_number(struct decode *decode, const struct field *field);
enum object_protocol field_protocol(struct decode *decode, const struct field *field);

/* An RFC 1123 label, or "" when it is absent. */
const char *field_label(struct decode *decode, const struct field *field);

/* The kinds: each fills decode->object. `object` is the whole object. */
void decode_service(struct decode *decode, const struct field *object);
void decode_import(struct decode *decode, const struct field *object);
void decode_pod(struct decode *decode, const struct field *object);
void decode_endpoints(struct decode *decode, const struct field *object);
/* False: of no service and no import, or of names instead of addresses: to be passed
 * over. */
bool decode_slice(struct decode *decode, const struct field *object);
