/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The OPT pseudo record (RFC 6891). */

enum {
	EDNS_OPT_SIZE = 11, /* an OPT without options on the wire */
	EDNS_EDE_SIZE = 6,  /* an Extended DNS Error without text */
};

enum { EDNS_OPTION_EDE = 15 };

/* Info codes of Extended DNS Errors (RFC 8914 4). */
enum edns_ede {
	EDE_NONE = -1,
	EDE_NOT_READY = 14,
};

struct edns {
	bool is_present;
	bool has_do; /* DNSSEC OK (RFC 3225) */
	uint8_t version;
	uint16_t udp_size; /* as sent; below 512 counts as 512 (RFC 6891 6.2.3) */
};
