/* SPDX-License-Identifier: Apache-2.0 */
#include "server/wire/rdata.h"

#include <stddef.h>

#include "server/wire/message.h"

/* RFC 3597 4: the types whose names a sender may have compressed. */
static const struct rdata_layout layouts[] = {
	{TYPE_NS, 0, 0, 1, true},
	{TYPE_CNAME, 0, 0, 1, true},
	{TYPE_SOA, 0, 0, 2, true},
	{TYPE_PTR, 0, 0, 1, true},
	{TYPE_MX, 2, 0, 1, true},
	{TYPE_RP, 0, 0, 2, false},
	{TYPE_AFSDB, 2, 0, 1, false},
	{TYPE_RT, 2, 0, 1, false},
	{TYPE_PX, 2, 0, 2, false},
	{TYPE_SRV, 6, 0, 1, false},
	{TYPE_NAPTR, 4, 3, 1, false},
	{TYPE_KX, 2, 0, 1, false},
	{TYPE_DNAME, 0, 0, 1, false},
};

const struct rdata_layout *rdata_layout(uint16_t type)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].type == type)
			return &layouts[i];
	return NULL;
}
