/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>

#include "server/base/ipaddr.h"
#include "server/wire/message.h"
#include "zones/store/store.h"

/*
 * A store that tells whose an address is: its one zone is the root, an owner name is one
 * label of the address's octets, and its TXT record is the namespace's label.
 */

static inline void client_name(const struct ipaddr *address, struct dname *out)
{
	out->length = (uint8_t)(address->length + 2);
	out->bytes[0] = address->length;
	memcpy(out->bytes + 1, address->bytes, address->length);
	out->bytes[address->length + 1] = 0;
}

/* The namespace's label, length octet first, valid until the read section ends. NULL: the
 * address is no pod's that is known. */
static inline const uint8_t *client_find(
	const struct store *store, const struct ipaddr *address)
{
	struct dname name;
	client_name(address, &name);
	const struct answer_set *set = store_find_name(store, &name);
	const struct rrset *rrset = set ? answer_set_find(set, TYPE_TXT) : NULL;
	return rrset ? rrset->data + 12 : NULL;
}
