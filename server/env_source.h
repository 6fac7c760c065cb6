/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/export/env_render.h"

/*
 * Where `waymark env` has its services from: the cluster of a Corefile, a folder of
 * manifests, or a running server. What is wrong with them is logged. Main thread only.
 */

struct env_source;

/* NULL: that was logged. */
struct env_source *env_source_of_corefile(const char *path);
struct env_source *env_source_of_manifests(const char *const *folders, size_t count);
/* Nobody is asked yet; the text is borrowed. */
struct env_source *env_source_of_server(const char *url);
void env_source_free(struct env_source *source);

/* The namespaces in order of their names; ended by NULL, valid as long as the source.
 * NULL: that was logged. */
const char *const *env_source_namespaces(struct env_source *source);

/* ERR_NOTFOUND: there is no such namespace; ERR_NOMEM, ERR_IO: that was logged. */
enum err env_source_render(struct env_source *source, const char *ns,
	const struct env_options *options, struct env_rendering *out) MUST_CHECK;
