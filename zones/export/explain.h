/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "zones/registry/registry.h"
#include "zones/store/store.h"

/*
 * Which objects an answer comes from: a line for each, with kind, namespace/name, file
 * and line. Nothing for names outside the store's zones and names that come from none.
 * `name` is lower-case. Control thread only. ERR_IO.
 */
enum err explain_write(const struct registry *registry, const struct store *store,
	const struct dname *name, FILE *out) MUST_CHECK;
