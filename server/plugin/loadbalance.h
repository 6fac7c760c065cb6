/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The loadbalance plugin: sets of addresses begin at another one in each reply; those in
 * preferred networks come first. */

/* `preference` must outlive the instance; NULL: none. */
struct plugin_instance loadbalance_plugin_instance(
	const struct reply_preference *preference);
