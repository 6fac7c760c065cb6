/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/wire/reply.h"
#include "zones/store/store.h"

/* Why the name, which does not exist, does not, as an Extended DNS Error where something
 * is known (RFC 8914). `name` is lower-case and in the store's zone `zone`. Worker
 * threads, inside a read section. */
void hint_write(const struct store *store, unsigned zone, const uint8_t *name,
	size_t length, struct reply *reply);
