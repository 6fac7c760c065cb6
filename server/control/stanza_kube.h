/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/stanza.h"

/* The options of `kubernetes` that say how an API server is reached and asked, of a
 * directive that was checked, into `out`; everything lives in the arena. ERR_NOMEM. */
enum err stanza_read_kube(const struct corefile_directive *directive, struct arena *arena,
	struct cluster_options *out) MUST_CHECK;
