/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* The DNS message header and the assigned numbers that Waymark speaks of (RFC 1035 4.1.1,
 * the IANA registry "Domain Name System (DNS) Parameters"). */

enum {
	DNS_HEADER_SIZE = 12,
	DNS_UDP_SIZE = 512, /* without EDNS (RFC 1035 4.2.1) */
	DNS_MESSAGE_MAX = 65535,
};

/* Octets 2 and 3 of the header. */
enum {
	DNS_FLAG_QR = 0x8000,
	DNS_FLAG_OPCODE = 0x7800,
	DNS_FLAG_AA = 0x0400,
	DNS_FLAG_TC = 0x0200,
	DNS_FLAG_RD = 0x0100,
	DNS_FLAG_RA = 0x0080,
	DNS_FLAG_AD = 0x0020,
	DNS_FLAG_CD = 0x0010,
	DNS_FLAG_RCODE = 0x000f,
	DNS_OPCODE_SHIFT = 11,
};

enum dns_opcode { OPCODE_QUERY = 0 };

enum dns_rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16, /* needs an OPT: the upper bits are there */
};

enum dns_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_HS = 4, CLASS_ANY = 255 };

enum dns_type {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_HINFO = 13,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_RP = 17,
	TYPE_AFSDB = 18,
	TYPE_RT = 21,
	TYPE_PX = 26,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_NAPTR = 35,
	TYPE_KX = 36,
	TYPE_DNAME = 39,
	TYPE_OPT = 41,
	TYPE_DS = 43,
	TYPE_SSHFP = 44,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_DNSKEY = 48,
	TYPE_NSEC3 = 50,
	TYPE_TLSA = 52,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_SPF = 99,
	TYPE_TKEY = 249, /* the first that only questions and transactions have */
	TYPE_TSIG = 250,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_ANY = 255,
	TYPE_URI = 256,
	TYPE_CAA = 257,
};

/* "A", "SRV", ... or "TYPE65280" (RFC 3597 5) into `out`, of 16 bytes; returns it. */
const char *dns_type_text(uint16_t type, char *out);

/* The type of "a", "SRV" or "TYPE65280" in either case; -1 when unknown. */
int dns_type_parse(const char *text);

/* The class of "in", "CH", "HS", "ANY" or "CLASS4096" in either case; -1 when unknown. */
int dns_class_parse(const char *text);

/* The rcode of "nxdomain", "SERVFAIL" and the other names that IANA's registry has, in
 * either case; -1 when unknown. */
int dns_rcode_parse(const char *text);

/* "IN", "CH", "ANY" or "CLASS4096" into `out`, of 16 bytes; returns it. */
const char *dns_class_text(uint16_t class, char *out);

/* "NOERROR", ... or the number into `out`, of 16 bytes; returns it. */
const char *dns_rcode_text(unsigned rcode, char *out);
