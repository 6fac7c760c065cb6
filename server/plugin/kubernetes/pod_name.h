/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/ipaddr.h"

/* The address that the label of a pod name stands for: three dashes and no two in a row
 * are an IPv4 address, anything else an IPv6 one in any spelling. ERR_SYNTAX. */
enum err pod_name_parse(
	const uint8_t *label, size_t length, struct ipaddr *out) MUST_CHECK;
