/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/* The whoami plugin: answers every question with no record of the type asked, and in the
 * additional section with the client's address, port and transport. */
struct plugin_instance whoami_plugin_instance(void);
