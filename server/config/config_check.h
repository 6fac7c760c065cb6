/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"

/* Inside server/config: the parts of config_check. */

enum { CONFIG_PROBLEMS_MAX = 100 }; /* of each kind, then it is enough */

void block_check_plugins(const struct corefile_block *block,
	const struct directive_row *plugins, struct diag_list *problems);

/* ERR_NOMEM; a collision is a problem, not an error. */
enum err corefile_check_collisions(
	const struct corefile *corefile, struct diag_list *problems) MUST_CHECK;
