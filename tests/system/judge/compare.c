/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <ldns/ldns.h>

#include "tests/system/judge/compare.h"
#include "tests/system/judge/suite.h"

enum { RECORDS_MAX = 4096 };

/* What of a record is not compared. */
struct blind {
	bool ttl, serial, priority, weight;
};

struct lines {
	char *text[RECORDS_MAX];
	size_t count;
};

bool compare_reply_init(struct compare_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	for (size_t i = 0; i < 3; i++) {
		reply->sections[i] = ldns_rr_list_new();
		if (!reply->sections[i])
			return false;
	}
	return true;
}

void compare_reply_deinit(struct compare_reply *reply)
{
	for (size_t i = 0; i < 3; i++) {
		ldns_rr_list_deep_free(reply->sections[i]);
		reply->sections[i] = NULL;
	}
}

static bool is_ignored(const struct suite_case *expected, const char *what)
{
	size_t i;
	json_t *item;
	json_array_foreach(expected->ignore, i, item)
	{
		const char *text = json_string_value(item);
		if (text && strcmp(text, what) == 0)
			return true;
	}
	return false;
}

static void rdata_blank(ldns_rr *rr, size_t field)
{
	ldns_rdf *rdf = ldns_rr_rdf(rr, field);
	if (rdf)
		memset(ldns_rdf_data(rdf), 0, ldns_rdf_size(rdf));
}

/* "owner TTL IN TYPE rdata", one space between fields, the caller frees it. */
static char *record_text(const ldns_rr *record, const struct blind *blind)
{
	ldns_rr *rr = ldns_rr_clone(record);
	if (!rr)
		return NULL;
	if (blind->ttl)
		ldns_rr_set_ttl(rr, 0);
	if (blind->serial && ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA)
		rdata_blank(rr, 2);
	if (blind->priority && ldns_rr_get_type(rr) == LDNS_RR_TYPE_SRV)
		rdata_blank(rr, 0);
	if (blind->weight && ldns_rr_get_type(rr) == LDNS_RR_TYPE_SRV)
		rdata_blank(rr, 1);
	char *text = ldns_rr2str(rr);
	ldns_rr_free(rr);
	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	for (char *tab = strchr(text, '\t'); tab; tab = strchr(tab, '\t'))
		*tab = ' ';
	return text;
}

static void lines_deinit(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->text[i]);
	lines->count = 0;
}

static bool lines_add(struct lines *lines, const ldns_rr *rr, const struct blind *blind)
{
	if (lines->count == RECORDS_MAX)
		return false;
	char *text = record_text(rr, blind);
	if (text)
		lines->text[lines->count++] = text;
	return text != NULL;
}

static bool lines_from_reply(
	struct lines *lines, const ldns_rr_list *list, const struct blind *blind)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		if (!lines_add(lines, ldns_rr_list_rr(list, i), blind))
			return false;
	}
	return true;
}

static bool lines_from_case(
	struct lines *lines, json_t *section, const struct blind *blind, FILE *out)
{
	size_t i;
	json_t *item;
	json_array_foreach(section, i, item)
	{
		const char *text = json_string_value(item);
		ldns_rr *rr = NULL;
		bool is_added =
			text &&
			ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) == LDNS_STATUS_OK &&
			lines_add(lines, rr, blind);
		ldns_rr_free(rr);
		if (!is_added) {
			fprintf(out, "the case's record \"%s\" cannot be read\n",
				text ? text : "");
			return false;
		}
	}
	return true;
}

static int line_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A CNAME stands before the records of its target: a stub resolver reads in order. */
static bool has_cname_order(const ldns_rr_list *list, FILE *out)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *cname = ldns_rr_list_rr(list, i);
		if (ldns_rr_get_type(cname) != LDNS_RR_TYPE_CNAME)
			continue;
		for (size_t j = 0; j < i; j++) {
			const ldns_rr *earlier = ldns_rr_list_rr(list, j);
			if (ldns_dname_compare(
				    ldns_rr_owner(earlier), ldns_rr_rdf(cname, 0)) == 0) {
				fprintf(out, "a record stands before the CNAME that "
					     "leads to it\n");
				return false;
			}
		}
	}
	return true;
}

static void lines_print(const struct lines *lines, const char *what, FILE *out)
{
	if (!lines->count)
		fprintf(out, "  %s nothing\n", what);
	for (size_t i = 0; i < lines->count; i++)
		fprintf(out, "  %s %s\n", what, lines->text[i]);
}

static bool lines_equal(struct lines *want, struct lines *got, bool is_sequence)
{
	if (want->count != got->count)
		return false;
	if (!is_sequence) {
		qsort(want->text, want->count, sizeof(want->text[0]), line_compare);
		qsort(got->text, got->count, sizeof(got->text[0]), line_compare);
	}
	for (size_t i = 0; i < want->count; i++) {
		if (strcmp(want->text[i], got->text[i]) != 0)
			return false;
	}
	return true;
}

static bool section_compare(const struct compare_reply *reply,
	const struct suite_case *expected, int i, FILE *out)
{
	static const char *const names[3] = {"answer", "authority", "additional"};
	if (is_ignored(expected, names[i]))
		return true;
	const struct blind blind = {
		.ttl = is_ignored(expected, "ttl"),
		.serial = is_ignored(expected, "soa.serial"),
		.priority = is_ignored(expected, "srv.priority"),
		.weight = is_ignored(expected, "srv.weight"),
	};
	static struct lines want, got;
	bool is_read = lines_from_case(&want, expected->sections[i], &blind, out) &&
		       lines_from_reply(&got, reply->sections[i], &blind);
	bool is_equal = is_read && lines_equal(&want, &got, expected->is_sequence);
	if (!is_equal) {
		fprintf(out, "%s section differs\n", names[i]);
		lines_print(&want, "expected", out);
		lines_print(&got, "got     ", out);
	}
	lines_deinit(&want);
	lines_deinit(&got);
	return is_equal;
}

static bool flag_compare(const char *name, bool want, bool got, FILE *out)
{
	if (want != got)
		fprintf(out, "%s is %d, expected %d\n", name, got, want);
	return want == got;
}

bool compare_with_case(
	const struct compare_reply *reply, const struct suite_case *expected, FILE *out)
{
	bool is_equal = true;
	if (strcmp(reply->rcode, expected->rcode) != 0) {
		fprintf(out, "rcode is %s, expected %s\n", reply->rcode, expected->rcode);
		is_equal = false;
	}
	if (!is_ignored(expected, "aa"))
		is_equal &= flag_compare("aa", expected->has_aa, reply->has_aa, out);
	is_equal &= flag_compare("tc", expected->has_tc, reply->has_tc, out);
	is_equal &= flag_compare("ra", false, reply->has_ra, out);
	is_equal &= flag_compare("ad", false, reply->has_ad, out);
	for (int i = 0; i < 3; i++)
		is_equal &= section_compare(reply, expected, i, out);
	return is_equal && has_cname_order(reply->sections[0], out);
}
