/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Where domain names stand in the rdata of the types that have some. Pure, any thread.
 */

struct rdata_layout {
	uint16_t type;
	uint8_t fixed;          /* octets in front of the names */
	uint8_t strings;        /* character-strings behind those (RFC 1035 3.3) */
	uint8_t names;          /* one after the other */
	bool may_be_compressed; /* by us: only types of RFC 1035 (RFC 3597 4) */
};

/* What is behind the names has no names in it. NULL: a type without names. */
const struct rdata_layout *rdata_layout(uint16_t type);
