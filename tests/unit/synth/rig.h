/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "zones/registry/registry.h"
#include "zones/store/store_write.h"
#include "zones/synth/synth.h"

/*
 * Registry, synth and store as a cluster has them, fed with lines of object_text.h and
 * read back as text. What cannot happen in a test fails it.
 */

enum { RIG_ZONES_MAX = 8 };

struct rig_options {
	const char *zones[RIG_ZONES_MAX]; /* as text; the first is the primary one */
	const char *multicluster;         /* one of them; NULL: none */
	const char *own_addresses[4];
	const char *service_cidrs[2];
	const char *namespaces[4];
	struct synth_options synth;
	bool ignores_endpoints;
};

struct rig {
	struct hash_key key;
	struct arena arena; /* of options and objects */
	struct dname primary;
	struct registry *registry;
	struct store *store;
	struct synth *synth;
	struct diag_list problems;
	size_t recomputed; /* services touched in the last batch */
	size_t fail_at;    /* this allocation of the next feed or settle fails; 0: none */
};

void rig_init(struct rig *rig, const struct rig_options *options);
void rig_deinit(struct rig *rig);

/* "service a/web ..." puts, "-service a/web" removes. */
enum err rig_feed(struct rig *rig, const char *line) MUST_CHECK;

/* Ends a batch: settle, synth_apply, registry_end_batch. ERR_NOMEM: not ended. */
enum err rig_settle(struct rig *rig) MUST_CHECK;

/* Feeds lines up to a NULL, ends the batch and commits; returns whether it published. */
bool rig_put(struct rig *rig, const char *const *lines);

/*
 * Every set of the store, by owner: "owner TYPE data" for each record in its order, with
 * the TTL where it is not 5; "owner" alone for one without records. SRV lines end with
 * the addresses of their target, which are there where the additional section brings
 * them. The caller frees.
 */
char *rig_text(const struct rig *rig);

/* The same with what only the writer knows: implied names and numbers of children. */
char *rig_text_inner(const struct rig *rig);

/* Compares rig_text, without what every zone has (ns.dns, dns-version, svc, pod and
 * empty names), with lines up to a NULL. */
void rig_expect(const struct rig *rig, const char *const *expected);
