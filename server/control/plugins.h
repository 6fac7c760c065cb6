/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"

/* The directive tables of all plugins, in the fixed order of the chain (CoreDNS's),
 * ended by a row without a name. */
extern const struct directive_row plugin_rows[];
