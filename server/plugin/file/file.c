/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/file/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/file.h"
#include "server/base/log.h"
#include "server/plugin/file/respond.h"
#include "server/plugin/file/zone_read.h"
#include "zones/store/reader.h"

enum { FILE_MAX = 1 << 30 };

struct served_zone {
	const struct dname *name;
	const struct file_source *source;
	/* The control thread exchanges it, and frees the old one after a grace period. */
	_Atomic(const struct zone *) zone;
};

/* What is known of the file of a source. The control thread's. */
struct watched_file {
	struct file_identity identity; /* of what was read or tried last */
	bool is_missing;               /* as was told */
	int64_t due_ms;
};

struct file {
	const struct file_options *options;
	struct served_zone *zones; /* of all sources in their order */
	size_t zone_count;
	struct watched_file *files; /* of each source */
};

/* --- reading --- */

static enum err load_text(const struct file_source *source, char **text, size_t *length,
	struct file_identity *identity, struct diag_list *problems)
{
	enum err err = file_load(source->path, FILE_MAX, text, length, identity);
	if (err != ERR_IO)
		return err;
	diag_add(problems, SEVERITY_ERROR, source->path, 0, 0, "cannot be read: %s",
		strerror(errno));
	return ERR_INVALID;
}

/* The zones of one source from its file, into `out`; all or none. */
static enum err load_zones(const struct file *file, const struct file_source *source,
	struct file_identity *identity, struct zone **out, struct diag_list *problems)
{
	char *text;
	size_t length;
	enum err err = load_text(source, &text, &length, identity, problems);
	if (err)
		return err;
	size_t count = 0;
	while (!err && count < source->zone_count) {
		err = zone_read(file->options->key, &source->zones[count], source->path,
			text, length, &out[count], problems);
		count += !err;
	}
	while (err && count)
		zone_free(out[--count]);
	free(text);
	return err;
}

static struct served_zone *zones_of(
	const struct file *file, const struct file_source *source)
{
	struct served_zone *zone = file->zones;
	while (zone->source != source)
		zone++;
	return zone;
}

static void publish(const struct file *file, const struct file_source *source,
	struct zone *const *zones)
{
	struct served_zone *served = zones_of(file, source);
	for (size_t i = 0; i < source->zone_count; i++) {
		const struct zone *old = atomic_exchange_explicit(
			&served[i].zone, zones[i], memory_order_acq_rel);
		store_reader_wait();
		if (zone_serial(old) == zone_serial(zones[i]))
			log_warn("\"%s\" has changed and its serial has not",
				source->path);
		zone_free((struct zone *)old);
	}
}

static void renew(struct file *file, const struct file_source *source,
	struct file_identity *identity)
{
	struct diag_list problems;
	diag_list_init(&problems);
	struct zone **zones = calloc(source->zone_count + 1, sizeof(*zones));
	enum err err =
		zones ? load_zones(file, source, identity, zones, &problems) : ERR_NOMEM;
	if (!err) {
		publish(file, source, zones);
		log_info("\"%s\" is taken over", source->path);
	}
	diag_list_log(&problems);
	if (err)
		log_error("\"%s\" cannot be taken over; its zones stay as they are",
			source->path);
	diag_list_deinit(&problems);
	free(zones);
}

/* A file that is away for a moment, as while it is replaced, is not told of as changed.
 */
static void look_at(struct file *file, size_t index)
{
	const struct file_source *source = &file->options->sources[index];
	struct watched_file *watched = &file->files[index];
	struct file_identity identity;
	if (file_identify(source->path, &identity)) {
		if (!watched->is_missing)
			log_warn("\"%s\" is away; its zones stay as they are",
				source->path);
		watched->is_missing = true;
		return;
	}
	watched->is_missing = false;
	if (file_identity_equal(&identity, &watched->identity))
		return;
	watched->identity = identity;
	renew(file, source, &watched->identity);
}

static void file_plugin_housekeep(void *instance, int64_t now_ms)
{
	struct file *file = instance;
	for (size_t i = 0; i < file->options->count; i++) {
		int64_t reload_ms = file->options->sources[i].reload_ms;
		struct watched_file *watched = &file->files[i];
		if (!reload_ms || now_ms < watched->due_ms)
			continue;
		bool is_first = !watched->due_ms;
		watched->due_ms = now_ms + reload_ms;
		if (!is_first)
			look_at(file, i);
	}
}

/* --- answering --- */

/* The longest zone that the name is in; NULL: none. */
static struct served_zone *find_zone(const struct file *file, const struct dname *name)
{
	struct served_zone *found = NULL;
	for (size_t i = 0; i < file->zone_count; i++) {
		struct served_zone *zone = &file->zones[i];
		if (dname_is_within(name, zone->name) &&
			(!found || zone->name->length > found->name->length))
			found = zone;
	}
	return found;
}

static const struct zone *zone_of(const struct served_zone *served)
{
	return atomic_load_explicit(&served->zone, memory_order_acquire);
}

static const struct zone *find_target(void *context, const struct dname *name)
{
	const struct served_zone *served = find_zone(context, name);
	return served ? zone_of(served) : NULL;
}

static bool may_pass(const struct file_source *source, const struct dname *name)
{
	bool is_within = !source->fallthrough_count;
	for (size_t i = 0; i < source->fallthrough_count; i++)
		is_within |= dname_is_within(name, &source->fallthrough_zones[i]);
	return source->falls_through && is_within;
}

static enum verdict file_plugin_query(void *instance, struct query *query)
{
	struct file *file = instance;
	const struct request *request = &query->request;
	const struct served_zone *served = find_zone(file, &request->name);
	if (!served)
		return VERDICT_NEXT;
	if (request->qtype == TYPE_AXFR || request->qtype == TYPE_IXFR) {
		query->reply.rcode = RCODE_REFUSED;
		return VERDICT_REPLY;
	}
	const struct zone_finder finder = {file, find_target};
	return zone_respond(query, zone_of(served),
		may_pass(served->source, &request->name), &finder);
}

/* --- the instance --- */

static void file_plugin_free(void *instance)
{
	struct file *file = instance;
	for (size_t i = 0; file->zones && i < file->zone_count; i++)
		zone_free((struct zone *)zone_of(&file->zones[i]));
	free(file->zones);
	free(file->files);
	free(file);
}

static const struct plugin_ops file_plugin_ops = {
	.name = "file",
	.query = file_plugin_query,
	.housekeep = file_plugin_housekeep,
	.free = file_plugin_free,
};

static enum err load_source(struct file *file, size_t index, struct served_zone *served,
	struct diag_list *problems)
{
	const struct file_source *source = &file->options->sources[index];
	struct zone **zones = calloc(source->zone_count + 1, sizeof(*zones));
	if (!zones)
		return ERR_NOMEM;
	enum err err =
		load_zones(file, source, &file->files[index].identity, zones, problems);
	for (size_t i = 0; i < source->zone_count; i++) {
		served[i].name = &source->zones[i];
		served[i].source = source;
		atomic_init(&served[i].zone, zones[i]);
	}
	free(zones);
	return err;
}

enum err file_plugin_new(const struct file_options *options, struct plugin_instance *out,
	struct diag_list *problems)
{
	struct file *file = calloc(1, sizeof(*file));
	if (!file)
		return ERR_NOMEM;
	file->options = options;
	for (size_t i = 0; i < options->count; i++)
		file->zone_count += options->sources[i].zone_count;
	file->zones = calloc(file->zone_count + 1, sizeof(*file->zones));
	file->files = calloc(options->count + 1, sizeof(*file->files));
	enum err result = file->zones && file->files ? ERR_NONE : ERR_NOMEM;
	/* Who has several files to mend shall see them all. */
	struct served_zone *served = file->zones;
	for (size_t i = 0; result != ERR_NOMEM && i < options->count; i++) {
		enum err err = load_source(file, i, served, problems);
		served += options->sources[i].zone_count;
		result = err ? err : result;
	}
	if (result) {
		file_plugin_free(file);
		return result;
	}
	*out = (struct plugin_instance){&file_plugin_ops, file};
	return ERR_NONE;
}
