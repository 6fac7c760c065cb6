/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/err.h"

const char *err_text(enum err err)
{
	switch (err) {
	case ERR_NONE:
		return "no error";
	case ERR_NOMEM:
		return "out of memory";
	case ERR_SYNTAX:
		return "malformed";
	case ERR_RANGE:
		return "out of range";
	case ERR_IO:
		return "input/output error";
	case ERR_NOTFOUND:
		return "not found";
	case ERR_EXISTS:
		return "exists already";
	case ERR_INVALID:
		return "invalid";
	}
	return "unknown error";
}
