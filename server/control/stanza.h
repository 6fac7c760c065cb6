/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"
#include "server/plugin/kubernetes/kubernetes.h"
#include "zones/cluster.h"

/* From a checked stanza of the Corefile to the options of what it configures. Control
 * thread only; everything handed out lives in the arena. */

/* Zones in lower case, collected one by one. */
struct zone_list {
	struct arena *arena;
	struct dname *zones;
	size_t count, capacity;
	bool has_failed; /* no memory, or too many */
};

/* Adds the zones of each argument. ERR_NOMEM. */
enum err zone_list_read(struct zone_list *list, const struct corefile_word *arguments,
	size_t count) MUST_CHECK;
void zone_list_add(void *context, const struct dname *zone);

/* The zones of the words; without any those of the block. ERR_NOMEM. */
enum err stanza_read_zones(struct zone_list *list, const struct corefile_word *words,
	size_t count, const struct corefile_block *block) MUST_CHECK;

/* What does not exist in these zones is the next plugin's; none: in all. */
struct stanza_fallthrough {
	bool is_given;
	const struct dname *zones;
	size_t count;
};

/* Of the option of that name. ERR_NOMEM. */
enum err stanza_read_fallthrough(const struct corefile_directive *directive,
	struct arena *arena, struct stanza_fallthrough *out) MUST_CHECK;

/* An error for each word that is no zone. */
void stanza_check_zones(const char *name, const struct corefile_word *words, size_t count,
	struct diag_list *problems);

/* What `kubernetes` configures, for zones/ and for the query path; own addresses and the
 * store are left for the caller. Zones are the stanza's, else the block's. ERR_NOMEM;
 * ERR_INVALID with `problems`. */
enum err stanza_read_kubernetes(const struct corefile_directive *directive,
	const struct corefile_block *block, struct arena *arena,
	struct cluster_options *cluster, struct kubernetes_options *kubernetes,
	struct diag_list *problems) MUST_CHECK;

/* The option multicluster, once the zones are known. The same errors. */
enum err stanza_read_multicluster(const struct corefile_directive *directive,
	struct arena *arena, struct cluster_options *cluster,
	struct diag_list *problems) MUST_CHECK;

/* What `k8s_external` configures of the cluster of its block; the store is left for the
 * caller. The same errors. */
enum err stanza_read_external(const struct corefile_directive *directive,
	const struct corefile_block *block, struct arena *arena,
	struct cluster_external *external, struct kubernetes_options *kubernetes,
	struct diag_list *problems) MUST_CHECK;

/* The zones of both: the directive's, else the block's, one of them not a reverse zone.
 */
enum err stanza_read_cluster_zones(const struct corefile_directive *directive,
	const struct corefile_block *block, struct zone_list *list,
	struct diag_list *problems) MUST_CHECK;

/* An error at the place of a word. Words are printed with %.100s. */
void stanza_error(struct diag_list *problems, const struct corefile_word *word,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What may be written as one quoted word or as several, with blanks between them. NULL:
 * no memory. */
char *stanza_join_words(
	const struct corefile_word *words, size_t count, struct arena *arena);

/* Rules that the types of arguments do not state; for the directive tables. */
void stanza_check_cidrs(
	const struct corefile_directive *directive, struct diag_list *problems);
void stanza_check_ignore(
	const struct corefile_directive *directive, struct diag_list *problems);
void stanza_check_selector(
	const struct corefile_directive *directive, struct diag_list *problems);
void stanza_check_qps(
	const struct corefile_directive *directive, struct diag_list *problems);
void stanza_check_endpoint(
	const struct corefile_directive *directive, struct diag_list *problems);
void stanza_check_multicluster(
	const struct corefile_directive *directive, struct diag_list *problems);
void stanza_check_kubernetes(
	const struct corefile_directive *directive, struct diag_list *problems);
