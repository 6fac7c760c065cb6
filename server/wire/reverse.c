/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/reverse.h"

#include <string.h>

static const struct dname in_addr_arpa = {14, "\7in-addr\4arpa"};
static const struct dname ip6_arpa = {10, "\3ip6\4arpa"};

void reverse_name(const struct ipaddr *address, struct dname *out)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *at = out->bytes;
	for (int i = address->length - 1; i >= 0; i--) {
		uint8_t octet = address->bytes[i];
		if (address->length == 4) {
			unsigned length = ipaddr_put_octet(octet, (char *)at + 1);
			*at = (uint8_t)length;
			at += 1 + length;
			continue;
		}
		*at++ = 1;
		*at++ = (uint8_t)digits[octet & 15];
		*at++ = 1;
		*at++ = (uint8_t)digits[octet >> 4];
	}
	const struct dname *end = address->length == 4 ? &in_addr_arpa : &ip6_arpa;
	memcpy(at, end->bytes, end->length);
	out->length = (uint8_t)(at - out->bytes + end->length);
}

bool reverse_is_below(const struct dname *name)
{
	return dname_is_within(name, &in_addr_arpa) || dname_is_within(name, &ip6_arpa);
}
