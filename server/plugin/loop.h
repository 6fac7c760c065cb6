/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The loop plugin: an upstream of `forward` in the same block that leads back to this
 * server is not asked any more. It sees questions of forward's own come back, whose
 * names nobody else can guess. */

struct plugin_instance loop_plugin_instance(void);
