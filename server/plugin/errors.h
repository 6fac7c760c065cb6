/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The errors plugin: why a query was answered SERVFAIL, in the log, at most a line a
 * second for each worker. */
struct plugin_instance errors_plugin_instance(void);
