/* SPDX-License-Identifier: Apache-2.0 */
#include "server/query/canned.h"

#include <string.h>

#include "server/query/weights.h"
#include "server/wire/octets.h"

enum { RECORD_HEAD = 12 }; /* a pointer, type, class, TTL, RDLENGTH */

static size_t room(const struct reply *reply)
{
	return (size_t)(reply->capacity - reply->length);
}

static void append(struct reply *reply, const uint8_t *data, size_t size)
{
	memcpy(reply->buffer + reply->length, data, size);
	reply->length = (uint16_t)(reply->length + size);
}

/* How many octets of `data` fit, in whole records; *count of them. */
static size_t canned_fit(const uint8_t *data, size_t size, size_t space, unsigned *count)
{
	size_t fit = 0;
	*count = 0;
	while (fit < size) {
		size_t record = canned_size(data + fit);
		if (fit + record > space)
			break;
		fit += record;
		(*count)++;
	}
	return fit;
}

static unsigned write_in_order(struct reply *reply, const struct rrset *rrset)
{
	/* Nearly always everything fits and nothing has to be looked at. */
	if (rrset->size <= room(reply)) {
		append(reply, rrset->data, rrset->size);
		return rrset->count;
	}
	unsigned count;
	append(reply, rrset->data,
		canned_fit(rrset->data, rrset->size, room(reply), &count));
	return count;
}

/* --- addresses: records of one size --- */

static unsigned write_rotated(
	struct reply *reply, const struct rrset *rrset, size_t record, uint32_t total)
{
	size_t count = room(reply) / record;
	count = count < total ? count : total;
	uint32_t first = canned_first(reply, total);
	size_t ahead = total - first;
	ahead = ahead < count ? ahead : count;
	append(reply, rrset->data + first * record, ahead * record);
	append(reply, rrset->data, (count - ahead) * record);
	return (unsigned)count;
}

/* The first prefix that the record's address is in; `count` of them: none. */
static size_t preference_of(
	const struct reply_preference *preference, const uint8_t *record, size_t length)
{
	struct ipaddr address = {.length = (uint8_t)length};
	memcpy(address.bytes, record + RECORD_HEAD, length);
	size_t i = 0;
	while (i < preference->count &&
		!ipprefix_contains(&preference->prefixes[i], &address))
		i++;
	return i;
}

/* --- weights --- */

/* The name at `offset`, in lower case. False: it ends in a pointer, as only names of
 * additional records do, which are not weighed. */
static bool read_owner(const struct reply *reply, uint16_t offset, struct dname *out)
{
	const uint8_t *name = reply->buffer + offset;
	size_t length = 0;
	while (name[length]) {
		if (name[length] > DNAME_LABEL_MAX)
			return false;
		length += name[length] + 1u;
	}
	out->length = (uint8_t)(length + 1);
	dname_lower(out->bytes, name, out->length);
	return true;
}

/* Which record is to be first: each with the probability of its weight. */
static uint32_t choose_first(const struct reply *reply, uint16_t offset,
	const struct rrset *rrset, size_t record, uint32_t total)
{
	struct dname owner;
	const struct weights_name *name = NULL;
	if (read_owner(reply, offset, &owner))
		name = weights_find(reply->weights, owner.bytes, owner.length);
	if (!name)
		return (uint32_t)((uint64_t)reply->draw * total >> 32);
	uint64_t sum = 0, below = 0;
	for (uint32_t i = 0; i < total; i++)
		sum += weights_get(reply->weights, name,
			rrset->data + i * record + RECORD_HEAD, record - RECORD_HEAD);
	uint64_t drawn = (reply->draw * sum) >> 32;
	for (uint32_t i = 0; i < total; i++) {
		below += weights_get(reply->weights, name,
			rrset->data + i * record + RECORD_HEAD, record - RECORD_HEAD);
		if (drawn < below)
			return i;
	}
	return 0;
}

/* --- any order --- */

/* Rotated, or with the chosen one and the first one in each other's place. */
struct canned_order {
	uint32_t first, total;
	bool is_exchange;
};

static uint32_t order_get(const struct canned_order *order, uint32_t position)
{
	if (order->is_exchange) {
		if (position == 0)
			return order->first;
		return position == order->first ? 0 : position;
	}
	uint32_t at = order->first + position;
	return at < order->total ? at : at - order->total;
}

/* A round for each prefix and one for the rest: without memory to sort in. */
static unsigned write_ordered(struct reply *reply, const struct rrset *rrset,
	size_t record, const struct canned_order *order)
{
	static const struct reply_preference none;
	const struct reply_preference *preference =
		reply->preference ? reply->preference : &none;
	uint32_t total = order->total;
	unsigned written = 0;
	for (size_t rank = 0; rank <= preference->count && written < total; rank++) {
		for (uint32_t i = 0; i < total; i++) {
			const uint8_t *data = rrset->data + order_get(order, i) * record;
			if (preference_of(preference, data, record - RECORD_HEAD) != rank)
				continue;
			if (room(reply) < record)
				return written;
			append(reply, data, record);
			written++;
		}
	}
	return written;
}

static bool is_addresses(const struct rrset *rrset)
{
	return rrset->type == TYPE_A || rrset->type == TYPE_AAAA;
}

static unsigned write_addresses(
	struct reply *reply, uint16_t offset, const struct rrset *rrset)
{
	size_t record = RECORD_HEAD + (rrset->type == TYPE_A ? 4u : 16u);
	uint32_t total = (uint32_t)(rrset->size / record);
	struct canned_order order = {.total = total, .is_exchange = reply->weights};
	if (reply->weights)
		order.first = choose_first(reply, offset, rrset, record, total);
	else if (reply->preference)
		order.first = canned_first(reply, total);
	else
		return write_rotated(reply, rrset, record, total);
	return write_ordered(reply, rrset, record, &order);
}

unsigned canned_write(struct reply *reply, uint16_t offset, const struct rrset *rrset)
{
	size_t start = reply->length;
	unsigned count;
	if (rrset->count > 1 &&
		(reply->rotation || reply->preference || reply->weights) &&
		is_addresses(rrset))
		count = write_addresses(reply, offset, rrset);
	else
		count = write_in_order(reply, rrset);
	if (offset != DNS_HEADER_SIZE)
		for (size_t at = start; at < reply->length;
			at += canned_size(reply->buffer + at))
			octets_put_u16(reply->buffer + at, (uint16_t)(0xc000 | offset));
	return count;
}
