/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The OPT pseudo record (RFC 6891). */

enum { EDNS_OPT_SIZE = 11 }; /* an OPT without options on the wire */

struct edns {
	bool is_present;
	bool has_do; /* DNSSEC OK (RFC 3225) */
	uint8_t version;
	uint16_t udp_size; /* as sent; below 512 counts as 512 (RFC 6891 6.2.3) */
};
