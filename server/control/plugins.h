/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"

/* The directive tables of all plugins, in the fixed order of the chain (CoreDNS's),
 * ended by a row without a name. */
extern const struct directive_row plugin_rows[];

/* A plugin's number, from 1 in the order of the rows; 0: there is no such plugin. And the
 * name of a number. */
uint8_t plugin_number(const char *name);
const char *plugin_name_of(uint8_t number);
