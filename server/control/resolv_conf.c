/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/resolv_conf.h"

#include <string.h>

#include "server/base/ipaddr.h"

enum { LINE_SIZE = 512, HOST_SIZE = 256 };

bool resolv_conf_next(FILE *file, struct ipaddr *out)
{
	char line[LINE_SIZE], text[HOST_SIZE];
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " nameserver %255s", text) != 1)
			continue;
		text[strcspn(text, "%")] = '\0';
		if (!ipaddr_parse(text, out))
			return true;
	}
	return false;
}
