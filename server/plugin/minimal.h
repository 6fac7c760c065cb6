/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The minimal plugin: positive answers without additional records. There never is an
 * authority section in one; that of an ExternalName whose target does not exist stays,
 * as it says how long that may be believed (RFC 2308 5). */
struct plugin_instance minimal_plugin_instance(void);
