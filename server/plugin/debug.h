/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The debug plugin: each query that failed, in the log at level debug. Whoever makes it
 * sets that level. */
struct plugin_instance debug_plugin_instance(void);
