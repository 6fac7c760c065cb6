/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "zones/source/content.h"
#include "zones/source/decode.h"
#include "zones/source/folder.h"
#include "zones/source/ledger.h"
#include "zones/source/watch.h"

/*
 * A batch: the folders say which files changed; each is read, and what it defines is
 * delivered; what it defined before, the list of its last reading, is kept until all are
 * read. Only then is it known what is gone for good and what another file defines too.
 */
struct manifest_source {
	struct source_sink sink;
	struct folders folders;
	struct ledger ledger;
	struct watch *watch;
	struct manifest_counters counters;
	struct diag_list problems;
	struct ledger_list *retired; /* last readings of this batch's files */
	struct folder_file *gone;    /* files to be freed after the batch */
	struct folder_file *kept;    /* gone too, but objects may name them still */
	bool has_delivered;
	bool is_loaded;
	bool is_synced;
};

/* One reading of one file. */
struct manifest_reading {
	struct manifest_source *source;
	struct folder_file *file;
	struct ledger_list *list;
	struct decode decode;
};

struct manifest_source *manifest_source_new(
	const char *const *folders, size_t count, const struct source_sink *sink)
{
	struct manifest_source *source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	if (folders_init(&source->folders, folders, count)) {
		free(source);
		return NULL;
	}
	source->sink = *sink;
	ledger_init(&source->ledger);
	diag_list_init(&source->problems);
	source->folders.problems = &source->problems;
	return source;
}

static void manifest_free_retired(struct manifest_source *source)
{
	while (source->retired) {
		struct ledger_list *list = source->retired;
		source->retired = list->next;
		ledger_list_free(&source->ledger, list);
	}
	while (source->gone) {
		struct folder_file *file = source->gone;
		source->gone = file->next;
		if (file->is_kept) {
			file->next = source->kept;
			source->kept = file;
		} else {
			folder_file_free(file);
		}
	}
}

void manifest_source_free(struct manifest_source *source)
{
	if (!source)
		return;
	watch_close(source->watch);
	manifest_free_retired(source);
	while (source->kept) {
		struct folder_file *file = source->kept;
		source->kept = file->next;
		folder_file_free(file);
	}
	ledger_deinit(&source->ledger);
	folders_deinit(&source->folders);
	diag_list_deinit(&source->problems);
	free(source);
}

static void manifest_warn_twice(struct manifest_reading *reading,
	const struct object *object, const struct folder_file *other)
{
	const char *counts = strcmp(other->path, object->origin.file) < 0
				     ? "which counts"
				     : "which does not count";
	/* A file whose turn comes in this batch may have it no more, or says so itself.
	 */
	if (other->is_queued || !decode_may_tell(&reading->decode))
		return;
	diag_add(&reading->source->problems, SEVERITY_WARNING, object->origin.file,
		object->origin.line, 0, "%s \"%s%s%s\" is also defined in \"%s\", %s",
		object_kind_name(object->kind), object->ns, *object->ns ? "/" : "",
		object->name, other->path, counts);
}

static enum err manifest_deliver(void *context, const struct object *object)
{
	struct manifest_reading *reading = context;
	struct manifest_source *source = reading->source;
	struct ledger_list *other = NULL;
	enum err err = ledger_add(&source->ledger, reading->list, object, &other);
	if (err == ERR_EXISTS) {
		if (decode_may_tell(&reading->decode))
			diag_add(&source->problems, SEVERITY_WARNING, object->origin.file,
				object->origin.line, 0,
				"%s \"%s%s%s\" is in this file already; the first counts",
				object_kind_name(object->kind), object->ns,
				*object->ns ? "/" : "", object->name);
		return ERR_NONE;
	}
	if (err)
		return err;
	if (other)
		manifest_warn_twice(reading, object, other->file);
	if (other && strcmp(other->file->path, reading->file->path) < 0)
		return ERR_NONE;
	err = source->sink.upsert(source->sink.context, object);
	source->has_delivered = true;
	return err;
}

/* The file's last reading leaves the index, and waits for the end of the batch. */
static void manifest_retire(struct manifest_source *source, struct folder_file *file)
{
	struct ledger_list *list = file->list;
	if (!list)
		return;
	file->list = NULL;
	ledger_retire(&source->ledger, list);
	list->next = source->retired;
	source->retired = list;
}

/* Delivers a content that was parsed. On failure the file is as it was. */
static enum err manifest_deliver_content(struct manifest_source *source,
	struct folder_file *file, const struct content *content)
{
	struct manifest_reading reading = {.source = source, .file = file};
	struct ledger_list *before = file->list;
	reading.list = ledger_list_new(&source->ledger, file);
	if (!reading.list)
		return ERR_NOMEM;
	if (before)
		ledger_retire(&source->ledger, before);
	decode_init(&reading.decode, file->path, &source->problems);
	reading.decode.deliver = manifest_deliver;
	reading.decode.context = &reading;
	enum err err = decode_documents(&reading.decode, content->documents);
	source->counters.objects_failed += reading.decode.objects_failed;
	decode_deinit(&reading.decode);
	if (err) {
		ledger_list_free(&source->ledger, reading.list);
		if (before)
			ledger_restore(&source->ledger, before);
		return err;
	}
	ledger_list_trim(reading.list);
	file->list = reading.list;
	if (before) {
		before->next = source->retired;
		source->retired = before;
	}
	return ERR_NONE;
}

static enum err manifest_read(
	struct manifest_source *source, struct content *content, struct folder_file *file)
{
	enum err err = content_load(content, file->path, &source->problems);
	if (err == ERR_NOMEM)
		return err;
	source->counters.files_read++;
	/* Deleted since it was seen: the folder tells, or the next look at it. */
	if (err == ERR_NOTFOUND)
		return ERR_NONE;
	if (err) {
		source->counters.files_failed++;
		return ERR_NONE;
	}
	return manifest_deliver_content(source, file, content);
}

/* Reads what changed. What could not be read for want of memory is queued again. */
static enum err manifest_read_changed(struct manifest_source *source)
{
	struct content content;
	enum err err = ERR_NONE;
	content_init(&content);
	struct folder_file *next = folders_take_changed(&source->folders);
	while (next) {
		struct folder_file *file = next;
		next = file->next;
		file->is_queued = false;
		if (err) {
			folders_queue(&source->folders, file);
			continue;
		}
		if (file->is_gone) {
			manifest_retire(source, file);
			file->next = source->gone;
			source->gone = file;
			continue;
		}
		err = manifest_read(source, &content, file);
		if (err)
			folders_queue(&source->folders, file);
	}
	content_deinit(&content);
	return err;
}

/* What a last reading had: gone, in the new reading, or another file's turn. */
static enum err manifest_settle_list(
	struct manifest_source *source, struct ledger_list *list)
{
	struct ledger_entry entry;
	enum err err = ERR_NONE;
	for (uint32_t offset = 0; !err && ledger_list_next(list, &offset, &entry);) {
		struct ledger_list *first = ledger_find(&source->ledger, &entry);
		if (!first) {
			err = source->sink.remove(
				source->sink.context, entry.kind, entry.ns, entry.name);
			source->has_delivered = true;
			continue;
		}
		bool was_in_force = strcmp(list->file->path, first->file->path) < 0;
		bool is_read_since = first->sequence > list->sequence;
		if (!was_in_force || is_read_since)
			continue;
		/* Should that file be broken by now, the object stays as it is. */
		list->file->is_kept = true;
		folders_queue(&source->folders, first->file);
	}
	return err;
}

/* Without memory for all of it, all is looked at again the next time. */
static enum err manifest_settle(struct manifest_source *source)
{
	enum err err = ERR_NONE;
	for (struct ledger_list *list = source->retired; list && !err; list = list->next)
		err = manifest_settle_list(source, list);
	if (!err)
		manifest_free_retired(source);
	return err;
}

static void manifest_tell(struct manifest_source *source)
{
	if (source->problems.count || source->problems.unstored)
		source->sink.report(source->sink.context, &source->problems);
	diag_list_deinit(&source->problems);
	diag_list_init(&source->problems);
}

static enum err manifest_run(struct manifest_source *source)
{
	enum err err = folders_scan(&source->folders);
	while (!err && (source->folders.changed || source->retired)) {
		err = manifest_read_changed(source);
		if (!err)
			err = manifest_settle(source);
	}
	manifest_tell(source);
	if (err)
		return err;
	if (source->has_delivered || !source->is_loaded)
		source->sink.commit(source->sink.context);
	source->has_delivered = false;
	bool is_synced = folders_were_present(&source->folders);
	if (!source->is_loaded || is_synced != source->is_synced)
		source->sink.synced(source->sink.context, is_synced);
	source->is_synced = is_synced;
	source->is_loaded = true;
	return ERR_NONE;
}

enum err manifest_source_load(struct manifest_source *source)
{
	return manifest_run(source);
}

static void manifest_changed(
	void *context, const struct watch_change *changes, size_t count, bool is_overflow)
{
	struct manifest_source *source = context;
	enum err err = ERR_NONE;
	for (size_t i = 0; i < count && !err; i++)
		err = folders_note(&source->folders, &changes[i]);
	if (err || is_overflow)
		folders_expect_anything(&source->folders);
	if (!err)
		err = manifest_run(source);
	/* The old data stays in force until there is memory for the new. */
	if (err) {
		log_error("manifests are not read: %s", err_text(err));
		watch_wake(source->watch);
	}
}

enum err manifest_source_watch(struct manifest_source *source, struct event_base *base)
{
	const struct watch_events events = {source, manifest_changed};
	enum err err = watch_open(base, &events, &source->watch);
	if (err)
		return err;
	source->folders.watch = source->watch;
	return ERR_NONE;
}

const struct manifest_counters *manifest_source_counters(
	const struct manifest_source *source)
{
	return &source->counters;
}
