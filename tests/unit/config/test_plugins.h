/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"

/* A table with a row of each kind, for the tests of server/config. */

extern const struct directive_row test_plugins[];
