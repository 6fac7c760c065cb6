/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/number.h"

bool number_parse(const char *text, unsigned least, unsigned most, unsigned *out)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (end == text || *end || errno || value < least || value > most)
		return false;
	*out = (unsigned)value;
	return true;
}
