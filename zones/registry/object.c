/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/registry/object.h"

const char *object_kind_name(enum object_kind kind)
{
	switch (kind) {
	case OBJECT_NAMESPACE:
		return "Namespace";
	case OBJECT_SERVICE:
		return "Service";
	case OBJECT_SLICE:
		return "EndpointSlice";
	case OBJECT_ENDPOINTS:
		return "Endpoints";
	case OBJECT_POD:
		return "Pod";
	case OBJECT_IMPORT:
		return "ServiceImport";
	case OBJECT_KINDS:
		break;
	}
	return "unknown kind";
}
