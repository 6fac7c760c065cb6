/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"
#include "server/query/plugin.h"

/* Warnings of what is legal in a Corefile but hardly meant. Control thread only. */

/* Of a Corefile that config_check has seen, be it with errors. ERR_NOMEM. */
enum err advice_on_corefile(
	const struct corefile *corefile, struct diag_list *problems) MUST_CHECK;

/* Of a block and the plugins that were made of it. */
void advice_on_block(const struct corefile_block *block, const struct server_block *built,
	struct diag_list *problems);
