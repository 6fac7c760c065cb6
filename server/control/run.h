/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/server.h"

/* Takes the server over and runs it until SIGTERM or SIGINT: manifests, workers, then the
 * control thread's event loop. Returns the exit code; everything that went wrong was
 * logged. `is_quiet`: the lines about the start are not. */
int control_run(struct server *server, bool is_quiet);
