/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/message.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_SIZE = 16 };

struct number_name {
	uint16_t number;
	const char *name;
};

static const struct number_name types[] = {
	{TYPE_A, "A"},
	{TYPE_NS, "NS"},
	{TYPE_CNAME, "CNAME"},
	{TYPE_SOA, "SOA"},
	{TYPE_PTR, "PTR"},
	{TYPE_HINFO, "HINFO"},
	{TYPE_MX, "MX"},
	{TYPE_TXT, "TXT"},
	{TYPE_RP, "RP"},
	{TYPE_AFSDB, "AFSDB"},
	{TYPE_RT, "RT"},
	{TYPE_PX, "PX"},
	{TYPE_AAAA, "AAAA"},
	{TYPE_SRV, "SRV"},
	{TYPE_NAPTR, "NAPTR"},
	{TYPE_KX, "KX"},
	{TYPE_DNAME, "DNAME"},
	{TYPE_OPT, "OPT"},
	{TYPE_DS, "DS"},
	{TYPE_SSHFP, "SSHFP"},
	{TYPE_RRSIG, "RRSIG"},
	{TYPE_NSEC, "NSEC"},
	{TYPE_DNSKEY, "DNSKEY"},
	{TYPE_NSEC3, "NSEC3"},
	{TYPE_TLSA, "TLSA"},
	{TYPE_SVCB, "SVCB"},
	{TYPE_HTTPS, "HTTPS"},
	{TYPE_SPF, "SPF"},
	{TYPE_IXFR, "IXFR"},
	{TYPE_AXFR, "AXFR"},
	{TYPE_ANY, "ANY"},
	{TYPE_URI, "URI"},
	{TYPE_CAA, "CAA"},
};

static const struct number_name rcodes[] = {
	{RCODE_NOERROR, "NOERROR"},
	{RCODE_FORMERR, "FORMERR"},
	{RCODE_SERVFAIL, "SERVFAIL"},
	{RCODE_NXDOMAIN, "NXDOMAIN"},
	{RCODE_NOTIMP, "NOTIMP"},
	{RCODE_REFUSED, "REFUSED"},
	{6, "YXDOMAIN"},
	{7, "YXRRSET"},
	{8, "NXRRSET"},
	{9, "NOTAUTH"},
	{10, "NOTZONE"},
	{RCODE_BADVERS, "BADVERS"},
	{17, "BADKEY"},
	{18, "BADTIME"},
	{19, "BADMODE"},
	{20, "BADNAME"},
	{21, "BADALG"},
	{22, "BADTRUNC"},
	{23, "BADCOOKIE"},
	{RCODE_BADVERS, "BADSIG"},
};

static const struct number_name classes[] = {
	{CLASS_IN, "IN"},
	{CLASS_CH, "CH"},
	{CLASS_HS, "HS"},
	{CLASS_ANY, "ANY"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *number_text(const struct number_name *names, size_t count,
	const char *prefix, unsigned number, char *out)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].number == number)
			return strcpy(out, names[i].name);
	snprintf(out, TEXT_SIZE, "%s%u", prefix, number);
	return out;
}

const char *dns_type_text(uint16_t type, char *out)
{
	return number_text(types, COUNT(types), "TYPE", type, out);
}

const char *dns_class_text(uint16_t class, char *out)
{
	return number_text(classes, COUNT(classes), "CLASS", class, out);
}

const char *dns_rcode_text(unsigned rcode, char *out)
{
	return number_text(rcodes, COUNT(rcodes), "RCODE", rcode, out);
}

/* "TYPE65280" where `prefix` is "TYPE"; -1: none of that kind. */
static int number_parse(const struct number_name *names, size_t count, const char *prefix,
	const char *text)
{
	size_t length = strlen(prefix);
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(names[i].name, text) == 0)
			return names[i].number;
	if (!length || strncasecmp(text, prefix, length) != 0 ||
		!isdigit((unsigned char)text[length]))
		return -1;
	char *end;
	unsigned long number = strtoul(text + length, &end, 10);
	return *end || number > UINT16_MAX ? -1 : (int)number;
}

int dns_type_parse(const char *text)
{
	return number_parse(types, COUNT(types), "TYPE", text);
}

int dns_class_parse(const char *text)
{
	return number_parse(classes, COUNT(classes), "CLASS", text);
}

int dns_rcode_parse(const char *text)
{
	return number_parse(rcodes, COUNT(rcodes), "", text);
}
