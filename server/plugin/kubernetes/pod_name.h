/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/ipaddr.h"
#include "server/wire/dname.h"

/* The address that the first label of a pod's name stands for: three dashes and no two in
 * a row are an IPv4 address, anything else an IPv6 one in any spelling. ERR_SYNTAX. */
enum err pod_name_parse(const struct dname *name, struct ipaddr *out) MUST_CHECK;
