/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "server/wire/octets.h"
#include "zones/export/lookup_report.h"
#include "zones/export/zone_text.h"

/* One JSON object (RFC 8259), written as it goes: nothing is read back, so there is no
 * tree to be built. */

struct json {
	FILE *out;
	bool is_first; /* in the object or array at hand */
};

/* Octets of the character at `text` if it is UTF-8 beyond ASCII, else 0. File names may
 * be anything. */
static size_t utf8_length(const char *text)
{
	static const struct {
		unsigned char mask, lead;
		unsigned least;
	} forms[] = {{0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	const unsigned char *c = (const unsigned char *)text;
	for (size_t i = 0; i < 3; i++) {
		if ((c[0] & forms[i].mask) != forms[i].lead)
			continue;
		unsigned point = c[0] & (unsigned char)~forms[i].mask;
		for (size_t j = 1; j <= i + 1; j++) {
			if ((c[j] & 0xc0) != 0x80)
				return 0;
			point = point << 6 | (c[j] & 0x3fu);
		}
		bool is_surrogate = point >= 0xd800 && point < 0xe000;
		return point < forms[i].least || is_surrogate || point > 0x10ffff ? 0
										  : i + 2;
	}
	return 0;
}

static void json_string(struct json *json, const char *text)
{
	fputc('"', json->out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		size_t beyond = utf8_length(text);
		if (beyond) {
			fwrite(text, 1, beyond, json->out);
			text += beyond - 1;
		} else if (c == '"' || c == '\\') {
			fprintf(json->out, "\\%c", c);
		} else if (c < 0x20 || c == 0x7f) {
			fprintf(json->out, "\\u%04x", c);
		} else if (c > 0x7f) {
			fputs("\\ufffd", json->out);
		} else {
			fputc(c, json->out);
		}
	}
	fputc('"', json->out);
}

/* What follows is the next element, with `key` in an object, NULL in an array. */
static void json_next(struct json *json, const char *key)
{
	if (!json->is_first)
		fputc(',', json->out);
	json->is_first = false;
	if (!key)
		return;
	json_string(json, key);
	fputc(':', json->out);
}

static void json_open(struct json *json, const char *key, char bracket)
{
	json_next(json, key);
	fputc(bracket, json->out);
	json->is_first = true;
}

static void json_close(struct json *json, char bracket)
{
	fputc(bracket, json->out);
	json->is_first = false;
}

/* Nothing for NULL. */
static void json_text(struct json *json, const char *key, const char *text)
{
	if (!text)
		return;
	json_next(json, key);
	json_string(json, text);
}

static void json_number(struct json *json, const char *key, unsigned number)
{
	json_next(json, key);
	fprintf(json->out, "%u", number);
}

static void json_bool(struct json *json, const char *key, bool value)
{
	json_next(json, key);
	fputs(value ? "true" : "false", json->out);
}

/* --- the reply --- */

/* "owner TTL class type data" by tabs, which are cut. */
static void write_record(struct json *json, char *line)
{
	static const char *const keys[] = {"name", "ttl", NULL, "type", "data"};
	json_open(json, NULL, '{');
	for (unsigned i = 0; i < 5 && line; i++) {
		char *field = i < 4 ? strsep(&line, "\t") : line;
		if (i == 1)
			json_number(json, keys[i], (unsigned)strtoul(field, NULL, 10));
		else if (keys[i])
			json_text(json, keys[i], field);
	}
	json_close(json, '}');
}

static void write_sections(struct json *json, const uint8_t *message, char *lines)
{
	static const char *const keys[] = {"answer", "authority", "additional"};
	for (unsigned i = 0; i < 3; i++) {
		/* The OPT, which has no line, is in the last section. */
		unsigned left = i < 2 ? octets_get_u16(message + 6 + 2 * i) : UINT16_MAX;
		json_open(json, keys[i], '[');
		while (left-- && lines && *lines)
			write_record(json, strsep(&lines, "\n"));
		json_close(json, ']');
	}
}

static enum err write_reply(struct json *json, const struct lookup_report *report)
{
	char *lines = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&lines, &size);
	if (!text)
		return ERR_NOMEM;
	enum err err = zone_text_write_records(report->message, report->length, text);
	if (fclose(text) && !err)
		err = ERR_NOMEM;
	struct zone_text_error error = {.is_present = false};
	if (!err)
		err = zone_text_read_error(report->message, report->length, &error);
	if (!err) {
		uint16_t flags = octets_get_u16(report->message + 2);
		char rcode[16];
		json_text(json, "status", dns_rcode_text(flags & DNS_FLAG_RCODE, rcode));
		json_bool(json, "authoritative", flags & DNS_FLAG_AA);
		json_bool(json, "truncated", flags & DNS_FLAG_TC);
		if (error.is_present) {
			json_open(json, "extended_error", '{');
			json_number(json, "code", error.code);
			json_text(json, "text", error.text);
			json_close(json, '}');
		}
		write_sections(json, report->message, lines);
	}
	free(lines);
	return err;
}

/* --- what there is to say --- */

static void write_finding(struct json *json, const struct finding *finding)
{
	json_open(json, NULL, '{');
	json_text(json, "subject", finding->subject);
	json_text(json, "text", finding->text);
	json_text(json, "name", finding->name);
	if (finding->object_kind) {
		json_text(json, "kind", finding->object_kind);
		if (*finding->ns)
			json_text(json, "namespace", finding->ns);
		json_text(json, "object", finding->object_name);
	}
	if (finding->origin.file) {
		json_text(json, "file", finding->origin.file);
		json_number(json, "line", finding->origin.line);
	}
	json_close(json, '}');
}

static void write_findings(struct json *json, const struct finding_list *findings)
{
	static const char *const keys[FINDING_KINDS] = {
		[FINDING_SOURCE] = "sources",
		[FINDING_LEFT_OUT] = "left_out",
		[FINDING_REASON] = "reasons",
		[FINDING_NEAR] = "near",
	};
	for (unsigned kind = 0; kind < FINDING_KINDS; kind++) {
		json_open(json, keys[kind], '[');
		for (size_t i = 0; i < findings->count; i++)
			if (findings->items[i].kind == kind)
				write_finding(json, &findings->items[i]);
		json_close(json, ']');
	}
}

static void write_steps(struct json *json, const struct lookup_report *report)
{
	json_open(json, "search", '[');
	for (size_t i = 0; i < report->step_count; i++) {
		const struct lookup_step *step = &report->steps[i];
		char name[DNAME_TEXT_SIZE], rcode[16];
		json_open(json, NULL, '{');
		json_text(json, "name", dname_to_text(step->name.bytes, name));
		json_text(json, "problem", step->problem);
		if (!step->problem) {
			json_text(json, "status", dns_rcode_text(step->rcode, rcode));
			json_number(json, "answers", step->answers);
		}
		json_close(json, '}');
	}
	json_close(json, ']');
}

enum err lookup_report_write_json(const struct lookup_report *report, FILE *out)
{
	struct json json = {out, true};
	char name[DNAME_TEXT_SIZE], type[16];
	json_open(&json, NULL, '{');
	json_text(&json, "name", dname_to_text(report->name->bytes, name));
	json_text(&json, "type", dns_type_text(report->type, type));
	json_text(&json, "server", report->server);
	json_text(&json, "problem", report->length ? NULL : report->problem);
	enum err err = report->length ? write_reply(&json, report) : ERR_NONE;
	if (err)
		return err;
	write_findings(&json, report->findings);
	json_text(&json, "namespace", report->ns);
	if (report->ns)
		write_steps(&json, report);
	json_close(&json, '}');
	fputc('\n', out);
	return fflush(out) || ferror(out) ? ERR_IO : ERR_NONE;
}
