/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/hosts/hosts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/file.h"
#include "server/base/log.h"
#include "server/plugin/hosts/text.h"
#include "server/query/answer.h"
#include "zones/store/reader.h"

enum { FILE_MAX = 256 << 20 };

struct hosts {
	const struct hosts_options *options;
	/* The control thread exchanges it, and frees the old one after a grace period. */
	_Atomic(const struct hosts_table *) table;
	/* The control thread's. */
	struct file_identity identity; /* of what was read last */
	bool is_missing;               /* as was told */
	int64_t due_ms;
	int64_t changed_ms; /* mtime of what is in force; 0: none */
};

/* --- reading the file --- */

static enum err add_entries(
	const struct hosts_options *options, struct hosts_builder *builder)
{
	enum err err = ERR_NONE;
	for (size_t i = 0; i < options->entry_count; i++) {
		const struct hosts_entry *entry = &options->entries[i];
		for (size_t j = 0; j < entry->name_count && !err; j++)
			if (hosts_is_within(&entry->names[j], options->zones,
				    options->zone_count))
				err = hosts_builder_add(
					builder, &entry->address, &entry->names[j]);
	}
	return err;
}

/* The table of `text` (NULL: no file) and the Corefile. ERR_NOMEM. */
static enum err make_table(const struct hosts_options *options, const char *text,
	size_t length, struct hosts_table **out, struct diag_list *problems)
{
	struct hosts_builder *builder = hosts_builder_new(&options->build);
	if (!builder)
		return ERR_NOMEM;
	const struct hosts_text content = {
		options->path, text, length, options->zones, options->zone_count};
	enum err err = ERR_NONE;
	if (text)
		err = hosts_text_read(&content, builder, problems);
	if (!err)
		err = add_entries(options, builder);
	if (!err)
		err = hosts_builder_finish(builder, out);
	hosts_builder_free(builder);
	return err;
}

/* Told once for as long as it stays so. */
static void tell_missing(struct hosts *hosts, int failure, struct diag_list *problems)
{
	bool is_told =
		hosts->is_missing || (failure == ENOENT && !hosts->options->is_asked_for);
	hosts->is_missing = true;
	if (!is_told)
		diag_add(problems, SEVERITY_WARNING, hosts->options->path, 0, 0,
			"cannot be read: %s%s", strerror(failure),
			hosts->changed_ms ? ", what it said before stays" : "");
}

/* A table of what the file says now. *out is NULL: it cannot be read. ERR_NOMEM. */
static enum err load(
	struct hosts *hosts, struct hosts_table **out, struct diag_list *problems)
{
	char *text;
	size_t length;
	struct file_identity identity;
	*out = NULL;
	enum err err =
		file_load(hosts->options->path, FILE_MAX, &text, &length, &identity);
	if (err == ERR_IO) {
		tell_missing(hosts, errno, problems);
		return ERR_NONE;
	}
	if (err)
		return err;
	err = make_table(hosts->options, text, length, out, problems);
	free(text);
	if (err)
		return err;
	hosts->identity = identity;
	hosts->is_missing = false;
	hosts->changed_ms = identity.changed_ns / 1000000;
	return ERR_NONE;
}

static void publish(struct hosts *hosts, const struct hosts_table *table)
{
	const struct hosts_table *old =
		atomic_exchange_explicit(&hosts->table, table, memory_order_acq_rel);
	store_reader_wait();
	hosts_table_free((struct hosts_table *)old);
}

static void renew(struct hosts *hosts)
{
	struct hosts_table *table;
	struct diag_list problems;
	diag_list_init(&problems);
	if (load(hosts, &table, &problems))
		log_error("\"%s\": %s", hosts->options->path, err_text(ERR_NOMEM));
	else if (table)
		publish(hosts, table);
	diag_list_log(&problems);
	diag_list_deinit(&problems);
}

static void hosts_plugin_housekeep(void *instance, int64_t now_ms)
{
	struct hosts *hosts = instance;
	if (!hosts->options->reload_ms || now_ms < hosts->due_ms)
		return;
	hosts->due_ms = now_ms + hosts->options->reload_ms;
	struct file_identity identity = {0};
	enum err err = file_identify(hosts->options->path, &identity);
	if (err ? !hosts->is_missing : !file_identity_equal(&identity, &hosts->identity))
		renew(hosts);
}

/* --- answering --- */

static bool may_fall_through(
	const struct hosts_options *options, const struct dname *name)
{
	if (!options->falls_through)
		return false;
	return !options->fallthrough_count ||
	       hosts_is_within(
		       name, options->fallthrough_zones, options->fallthrough_count);
}

static const struct rrset *find_rrset(const struct hosts_records *records, uint16_t type)
{
	switch (type) {
	case TYPE_A:
		return records->ipv4;
	case TYPE_AAAA:
		return records->ipv6;
	case TYPE_PTR:
		return records->ptr;
	case TYPE_ANY: /* one of its record sets (RFC 8482 4.1) */
		return records->ipv4 ? records->ipv4 : records->ipv6;
	default:
		return NULL;
	}
}

static bool is_served(uint16_t type)
{
	return type == TYPE_A || type == TYPE_AAAA || type == TYPE_ANY;
}

static enum verdict answer(struct query *query, const struct rrset *rrset)
{
	const struct answer_owner owner = {.offset = DNS_HEADER_SIZE};
	query->reply.is_authoritative = true;
	if (rrset)
		answer_rrset(&query->reply, NULL, &owner, NULL, rrset);
	return VERDICT_REPLY;
}

/* Neither a zone nor an SOA is there for an NXDOMAIN, so that CoreDNS says SERVFAIL. */
static enum verdict answer_unknown(struct query *query)
{
	query->reply.rcode = RCODE_SERVFAIL;
	query->failure = "hosts does not have this name";
	return VERDICT_REPLY;
}

static enum verdict hosts_plugin_query(void *instance, struct query *query)
{
	struct hosts *hosts = instance;
	const struct hosts_options *options = hosts->options;
	const struct request *request = &query->request;
	bool is_ptr = request->qtype == TYPE_PTR;
	if (!is_ptr &&
		!hosts_is_within(&request->name, options->zones, options->zone_count))
		return VERDICT_NEXT;
	const struct hosts_records *records = hosts_table_find(
		atomic_load_explicit(&hosts->table, memory_order_acquire), &request->name,
		request->hash);
	const struct rrset *rrset = records ? find_rrset(records, request->qtype) : NULL;
	if (rrset)
		return answer(query, rrset);
	if (is_ptr)
		return VERDICT_NEXT;
	bool exists = records && (records->ipv4 || records->ipv6);
	bool may_pass = !exists || (options->passes_types && !is_served(request->qtype));
	if (may_pass && may_fall_through(options, &request->name))
		return VERDICT_NEXT;
	return exists ? answer(query, NULL) : answer_unknown(query);
}

/* --- the instance --- */

static void hosts_plugin_measure(const void *instance, struct plugin_figures *figures)
{
	const struct hosts *hosts = instance;
	const struct hosts_table *table =
		atomic_load_explicit(&hosts->table, memory_order_relaxed);
	figures->hosts_count++;
	figures->hosts_entries += hosts_table_count(table);
	if (hosts->changed_ms > figures->hosts_changed_ms)
		figures->hosts_changed_ms = hosts->changed_ms;
}

static void hosts_plugin_free(void *instance)
{
	struct hosts *hosts = instance;
	hosts_table_free((struct hosts_table *)atomic_load_explicit(
		&hosts->table, memory_order_relaxed));
	free(hosts);
}

static const struct plugin_ops hosts_plugin_ops = {
	.name = "hosts",
	.query = hosts_plugin_query,
	.housekeep = hosts_plugin_housekeep,
	.measure = hosts_plugin_measure,
	.free = hosts_plugin_free,
};

enum err hosts_plugin_new(const struct hosts_options *options,
	struct plugin_instance *out, struct diag_list *problems)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));
	if (!hosts)
		return ERR_NOMEM;
	hosts->options = options;
	struct hosts_table *table;
	enum err err = load(hosts, &table, problems);
	if (!err && !table)
		err = make_table(options, NULL, 0, &table, problems);
	if (err) {
		free(hosts);
		return err;
	}
	atomic_init(&hosts->table, table);
	*out = (struct plugin_instance){&hosts_plugin_ops, hosts};
	return ERR_NONE;
}
