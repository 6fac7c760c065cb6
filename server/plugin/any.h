/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The any plugin: a question for type ANY gets one HINFO record (RFC 8482 4.2). */
struct plugin_instance any_plugin_instance(void);
