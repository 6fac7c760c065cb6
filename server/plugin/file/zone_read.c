/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/file/zone_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "server/wire/message.h"

enum { DEFAULT_TTL_S = 3600, WARNINGS_MAX = 20 };

/* What one record leaves for the next. */
struct reader {
	const char *path;
	FILE *in;
	struct dname origin;
	ldns_rdf *current, *previous; /* $ORIGIN, and the last owner */
	uint32_t ttl_s;
	int line;       /* behind what was read */
	unsigned begin; /* the line where that began */
	struct zone_builder *builder;
	struct diag_list *problems;
	unsigned warnings;
};

static void problem(const struct reader *reader, enum severity severity, const char *text)
{
	diag_add(reader->problems, severity, reader->path, reader->begin, 0, "%s", text);
}

static enum err name_of(const ldns_rdf *rdf, struct dname *out)
{
	size_t length = ldns_rdf_size(rdf);
	if (!length || length > DNAME_MAX)
		return ERR_RANGE;
	out->length = (uint8_t)length;
	dname_lower(out->bytes, ldns_rdf_data(rdf), length);
	return ERR_NONE;
}

static enum err add_rdata(
	struct reader *reader, const ldns_rr *rr, const struct dname *owner)
{
	uint8_t *wire = NULL;
	size_t size = 0;
	ldns_buffer *buffer = ldns_buffer_new(1024);
	if (!buffer)
		return ERR_NOMEM;
	enum err err = ERR_NOMEM;
	if (ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK) {
		wire = ldns_buffer_begin(buffer);
		size = ldns_buffer_position(buffer);
		const struct zone_record record = {
			.owner = owner,
			.type = (uint16_t)ldns_rr_get_type(rr),
			.ttl_s = ldns_rr_ttl(rr),
			.rdata = wire,
			.length = (uint16_t)size,
			.line = reader->begin,
		};
		err = size <= UINT16_MAX ? zone_builder_add(reader->builder, &record)
					 : ERR_RANGE;
	}
	ldns_buffer_free(buffer);
	return err;
}

/* What does not belong into the zone is told and left out. */
static enum err add_record(struct reader *reader, const ldns_rr *rr)
{
	struct dname owner;
	enum err err = name_of(ldns_rr_owner(rr), &owner);
	bool is_ours = !err && ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
		       dname_is_within(&owner, &reader->origin);
	if (is_ours)
		return add_rdata(reader, rr, &owner);
	if (reader->warnings++ < WARNINGS_MAX)
		problem(reader, SEVERITY_WARNING,
			"a record that is not in the zone is left out");
	return ERR_NONE;
}

static bool is_directive(ldns_status status)
{
	return status == LDNS_STATUS_SYNTAX_TTL || status == LDNS_STATUS_SYNTAX_ORIGIN ||
	       status == LDNS_STATUS_SYNTAX_EMPTY;
}

static enum err read_records(struct reader *reader)
{
	while (!feof(reader->in)) {
		ldns_rr *rr = NULL;
		reader->begin = (unsigned)reader->line;
		ldns_status status = ldns_rr_new_frm_fp_l(&rr, reader->in, &reader->ttl_s,
			&reader->current, &reader->previous, &reader->line);
		enum err err = ERR_NONE;
		if (status == LDNS_STATUS_OK) {
			err = add_record(reader, rr);
			ldns_rr_free(rr);
		} else if (status == LDNS_STATUS_SYNTAX_INCLUDE_ERR_NOTIMPL ||
			   status == LDNS_STATUS_SYNTAX_INCLUDE) {
			problem(reader, SEVERITY_ERROR,
				"$INCLUDE is not supported in zone files");
			err = ERR_INVALID;
		} else if (status == LDNS_STATUS_MEM_ERR) {
			err = ERR_NOMEM;
		} else if (!is_directive(status)) {
			problem(reader, SEVERITY_ERROR, ldns_get_errorstr_by_id(status));
			err = ERR_INVALID;
		}
		if (err)
			return err;
	}
	return ERR_NONE;
}

static enum err reader_init(struct reader *reader, const char *text, size_t length)
{
	/* fmemopen takes no empty buffer. */
	static char blank[] = "\n";
	reader->in =
		length ? fmemopen((void *)text, length, "r") : fmemopen(blank, 1, "r");
	reader->current =
		ldns_dname_new_frm_data(reader->origin.length, reader->origin.bytes);
	return reader->in && reader->current && reader->builder ? ERR_NONE : ERR_NOMEM;
}

static void reader_deinit(struct reader *reader)
{
	if (reader->in)
		fclose(reader->in);
	ldns_rdf_deep_free(reader->current);
	ldns_rdf_deep_free(reader->previous);
	zone_builder_free(reader->builder);
}

enum err zone_read(const struct hash_key *key, const struct dname *origin,
	const char *path, const char *text, size_t length, struct zone **out,
	struct diag_list *problems)
{
	struct reader reader = {
		.path = path,
		.origin = *origin,
		.ttl_s = DEFAULT_TTL_S,
		.line = 1,
		.builder = zone_builder_new(key, origin),
		.problems = problems,
	};
	enum err err = reader_init(&reader, text, length);
	if (!err)
		err = read_records(&reader);
	if (!err)
		err = zone_builder_finish(reader.builder, path, out, problems);
	reader_deinit(&reader);
	return err;
}
