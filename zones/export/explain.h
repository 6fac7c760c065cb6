/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/wire/dname.h"
#include "zones/export/finding.h"
#include "zones/registry/registry.h"
#include "zones/store/store.h"
#include "zones/synth/synth.h"

/*
 * Why a name is answered as it is: the objects that its records come from, the endpoints
 * that were left out, and for a name that does not exist what is near.
 */

/* A cluster as it was configured and read. */
struct explain_cluster {
	const struct registry *registry;
	const struct registry *imports; /* of multicluster zones; NULL: there are none */
	const struct store *store;
	enum pod_mode pods;
	bool uses_pod_names, ignores_empty, ignores_endpoints;
};

/* Findings about a question for `name`, which is lower-case; none for a name outside of
 * the store's zones. Control thread only. ERR_NOMEM. */
enum err explain_name(const struct explain_cluster *cluster, const struct dname *name,
	uint16_t type, struct finding_list *out) MUST_CHECK;
