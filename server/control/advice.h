/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"
#include "server/control/listen.h"
#include "server/query/plugin.h"

/* Warnings of what is legal in a Corefile but hardly meant. Control thread only. */

/* Of a Corefile that config_check has seen, be it with errors. ERR_NOMEM. */
enum err advice_on_corefile(
	const struct corefile *corefile, struct diag_list *problems) MUST_CHECK;

/* A block, the plugins that were made of it, where it listens, and the addresses of its
 * own that it is reached at. */
struct advice_block {
	const struct corefile_block *source;
	const struct server_block *built;
	const struct listen_list *listened, *own;
};

void advice_on_block(const struct advice_block *block, struct diag_list *problems);
