/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/query/plugin.h"

/*
 * The local plugin: names that mean the asking machine itself never leave it. localhost,
 * every name below it (RFC 6761 6.3) and every name whose first label it is are
 * 127.0.0.1 and ::1; the zones 0, 127 and 255.in-addr.arpa (RFC 6303 4.2) hold the
 * reverse name of 127.0.0.1 and nothing else.
 */
struct plugin_instance local_plugin_instance(void);
