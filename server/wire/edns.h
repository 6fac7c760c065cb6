/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The OPT pseudo record (RFC 6891). */

enum {
	EDNS_OPT_SIZE = 11,      /* an OPT without options on the wire */
	EDNS_EDE_SIZE = 6,       /* an Extended DNS Error without text */
	EDNS_EDE_TEXT_MAX = 128, /* octets of the text that we send with one */
	/* With header, OPT and the longest question it fits in 512 octets. */
	EDNS_NSID_MAX = 200,
};

enum { EDNS_OPTION_NSID = 3, EDNS_OPTION_EDE = 15 };

/* Info codes of Extended DNS Errors (RFC 8914 4). */
enum edns_ede {
	EDE_NONE = -1,
	EDE_OTHER = 0, /* no other code fits; the text says it */
	EDE_STALE_ANSWER = 3,
	EDE_CACHED_ERROR = 13,
	EDE_NOT_READY = 14,
	EDE_BLOCKED = 15,
	EDE_FILTERED = 17,
	EDE_STALE_NXDOMAIN = 19,
	EDE_NO_REACHABLE_AUTHORITY = 22,
	EDE_NETWORK_ERROR = 23,
};

struct edns {
	bool is_present;
	bool has_do;   /* DNSSEC OK (RFC 3225) */
	bool has_nsid; /* the name server identifier is asked for (RFC 5001 2.1) */
	uint8_t version;
	uint16_t udp_size; /* as sent; below 512 counts as 512 (RFC 6891 6.2.3) */
};

/* What a name server is called (RFC 5001): any octets, at most EDNS_NSID_MAX. */
struct edns_nsid {
	const uint8_t *data;
	uint8_t length;
};
