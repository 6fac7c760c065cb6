/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "server/config/directive.h"

/* What there is to say of plugins and options, from their rows. */

/* Lines of plain text on the plugin and its options. */
void manual_print_text(const struct directive_row *plugin, FILE *out);

/* A section of a manual page for each plugin, in troff's man macros. */
void manual_print_man(const struct directive_row *plugins, FILE *out);
