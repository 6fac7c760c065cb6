/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/loadbalance/loadbalance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/file.h"
#include "server/base/log.h"
#include "server/plugin/loadbalance/weight_file.h"
#include "zones/store/reader.h"

enum { FILE_MAX = 16 << 20 };

struct loadbalance {
	const struct loadbalance_options *options;
	/* The control thread exchanges them, and frees the old ones after a grace period.
	 */
	_Atomic(const struct weights *) weights;
	/* The control thread's. */
	struct file_identity identity; /* of what was tried last */
	bool is_missing;               /* as was told */
	int64_t due_ms;
	uint64_t failures;
};

/* --- the weight file --- */

static enum err parse(const struct loadbalance *loadbalance, const char *text,
	size_t length, struct weights **out, struct diag_list *problems)
{
	const struct loadbalance_options *options = loadbalance->options;
	const struct weight_file file = {
		options->weight_file, text, length, options->key};
	return weight_file_read(&file, out, problems);
}

/* ERR_IO with errno, ERR_NOMEM; ERR_INVALID with `problems`. */
static enum err load(
	struct loadbalance *loadbalance, struct weights **out, struct diag_list *problems)
{
	char *text;
	size_t length;
	enum err err = file_load(loadbalance->options->weight_file, FILE_MAX, &text,
		&length, &loadbalance->identity);
	if (err)
		return err;
	loadbalance->is_missing = false;
	err = parse(loadbalance, text, length, out, problems);
	free(text);
	return err;
}

/* Told once for as long as it stays so. */
static void tell_missing(struct loadbalance *loadbalance, enum severity severity,
	struct diag_list *problems)
{
	loadbalance->is_missing = true;
	diag_add(problems, severity, loadbalance->options->weight_file, 0, 0,
		"cannot be read: %s", strerror(errno));
}

static void renew(struct loadbalance *loadbalance, struct diag_list *problems)
{
	struct weights *weights = NULL;
	enum err err = load(loadbalance, &weights, problems);
	const char *path = loadbalance->options->weight_file;
	if (!err) {
		const struct weights *old = atomic_exchange_explicit(
			&loadbalance->weights, weights, memory_order_acq_rel);
		store_reader_wait();
		weights_free((struct weights *)old);
		log_info("the weights of \"%s\" are in force", path);
		return;
	}
	loadbalance->failures++;
	if (err == ERR_IO)
		tell_missing(loadbalance, SEVERITY_ERROR, problems);
	diag_list_log(problems);
	log_error("\"%s\" was not taken over%s, the weights stay as they are", path,
		err == ERR_NOMEM ? ": out of memory" : "");
}

static void loadbalance_plugin_housekeep(void *instance, int64_t now_ms)
{
	struct loadbalance *loadbalance = instance;
	const struct loadbalance_options *options = loadbalance->options;
	if (!options->weight_file || !options->reload_ms || now_ms < loadbalance->due_ms)
		return;
	bool is_first = !loadbalance->due_ms;
	loadbalance->due_ms = now_ms + options->reload_ms;
	if (is_first)
		return;
	struct file_identity identity = {0};
	enum err err = file_identify(options->weight_file, &identity);
	if (err ? loadbalance->is_missing
		: file_identity_equal(&identity, &loadbalance->identity))
		return;
	struct diag_list problems;
	diag_list_init(&problems);
	renew(loadbalance, &problems);
	diag_list_deinit(&problems);
}

/* --- queries --- */

/* Even, not unguessable: SplitMix64, seeded by each worker with the keyed hash of the
 * first name that it is asked for. */
static uint32_t next_random(const struct query *query)
{
	static _Thread_local uint64_t state;
	if (!state)
		state = query->request.hash;
	uint64_t z = state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)(z >> 32);
}

static enum verdict loadbalance_plugin_query(void *instance, struct query *query)
{
	struct loadbalance *loadbalance = instance;
	query->reply.preference = loadbalance->options->preference;
	query->reply.weights =
		atomic_load_explicit(&loadbalance->weights, memory_order_acquire);
	if (query->reply.weights)
		query->reply.draw = next_random(query);
	else
		query->reply.rotation = next_random(query);
	return VERDICT_NEXT;
}

/* --- the instance --- */

static void loadbalance_plugin_measure(
	const void *instance, struct plugin_figures *figures)
{
	const struct loadbalance *loadbalance = instance;
	figures->weight_files += loadbalance->options->weight_file != NULL;
	figures->weight_failures += loadbalance->failures;
}

static void loadbalance_plugin_free(void *instance)
{
	struct loadbalance *loadbalance = instance;
	weights_free((struct weights *)atomic_load_explicit(
		&loadbalance->weights, memory_order_relaxed));
	free(loadbalance);
}

static const struct plugin_ops loadbalance_plugin_ops = {
	.name = "loadbalance",
	.query = loadbalance_plugin_query,
	.housekeep = loadbalance_plugin_housekeep,
	.measure = loadbalance_plugin_measure,
	.free = loadbalance_plugin_free,
};

/* Until the file is there every address weighs the same. */
static enum err load_first(
	struct loadbalance *loadbalance, struct weights **out, struct diag_list *problems)
{
	enum err err = load(loadbalance, out, problems);
	if (err != ERR_IO)
		return err;
	bool is_retried = loadbalance->options->reload_ms > 0;
	tell_missing(
		loadbalance, is_retried ? SEVERITY_WARNING : SEVERITY_ERROR, problems);
	return is_retried ? parse(loadbalance, "", 0, out, problems) : ERR_INVALID;
}

enum err loadbalance_plugin_new(const struct loadbalance_options *options,
	struct plugin_instance *out, struct diag_list *problems)
{
	struct loadbalance *loadbalance = calloc(1, sizeof(*loadbalance));
	if (!loadbalance)
		return ERR_NOMEM;
	loadbalance->options = options;
	struct weights *weights = NULL;
	enum err err = ERR_NONE;
	if (options->weight_file)
		err = load_first(loadbalance, &weights, problems);
	if (err) {
		free(loadbalance);
		return err;
	}
	atomic_init(&loadbalance->weights, weights);
	*out = (struct plugin_instance){&loadbalance_plugin_ops, loadbalance};
	return ERR_NONE;
}
