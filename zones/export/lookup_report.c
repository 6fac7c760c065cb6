/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/lookup_report.h"

#include <string.h>

#include "server/wire/message.h"
#include "zones/export/zone_text.h"

enum colour { COLOUR_NONE, COLOUR_HEAD, COLOUR_LEFT_OUT, COLOUR_NEAR };

struct printer {
	FILE *out;
	bool has_colours;
};

static void paint(const struct printer *printer, enum colour colour)
{
	static const char *const codes[] = {
		[COLOUR_NONE] = "\033[0m",
		[COLOUR_HEAD] = "\033[1m",
		[COLOUR_LEFT_OUT] = "\033[33m",
		[COLOUR_NEAR] = "\033[36m",
	};
	if (printer->has_colours)
		fputs(codes[colour], printer->out);
}

static void print_head(const struct printer *printer, const char *text)
{
	paint(printer, COLOUR_HEAD);
	fprintf(printer->out, ";; %s:", text);
	paint(printer, COLOUR_NONE);
	fputc('\n', printer->out);
}

static void print_object(FILE *out, const struct finding *finding)
{
	fprintf(out, "%s %s%s%s", finding->object_kind, finding->ns,
		*finding->ns ? "/" : "", finding->object_name);
	if (finding->origin.file)
		fprintf(out, " (%s:%u)", finding->origin.file, finding->origin.line);
}

/* "subject: object, text" with what there is of it. */
static void print_finding(const struct printer *printer, const struct finding *finding)
{
	static const enum colour colours[FINDING_KINDS] = {
		[FINDING_LEFT_OUT] = COLOUR_LEFT_OUT,
		[FINDING_NEAR] = COLOUR_NEAR,
	};
	FILE *out = printer->out;
	const char *gap = "";
	fputs("; ", out);
	paint(printer, colours[finding->kind]);
	if (finding->kind == FINDING_LEFT_OUT)
		fputs("left out: ", out);
	if (finding->subject) {
		fputs(finding->subject, out);
		gap = ": ";
	}
	if (finding->name) {
		fputs(finding->name, out);
		gap = ": ";
	}
	if (finding->text) {
		fprintf(out, "%s%s", gap, finding->text);
		gap = ", ";
	}
	if (finding->object_kind) {
		fputs(gap, out);
		print_object(out, finding);
	}
	if (colours[finding->kind] != COLOUR_NONE)
		paint(printer, COLOUR_NONE);
	fputc('\n', out);
}

static void print_findings(const struct printer *printer, const char *head,
	const struct finding_list *findings, bool is_near)
{
	bool has_head = false;
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		if ((finding->kind == FINDING_NEAR) != is_near)
			continue;
		if (!has_head)
			print_head(printer, head);
		has_head = true;
		print_finding(printer, finding);
	}
	if (has_head)
		fputc('\n', printer->out);
}

static void print_steps(const struct printer *printer, const struct lookup_report *report)
{
	paint(printer, COLOUR_HEAD);
	fprintf(printer->out, ";; SEARCH LIST of a pod in %s:", report->ns);
	paint(printer, COLOUR_NONE);
	fputc('\n', printer->out);
	for (size_t i = 0; i < report->step_count; i++) {
		const struct lookup_step *step = &report->steps[i];
		char name[DNAME_TEXT_SIZE], rcode[16];
		dname_to_text(step->name.bytes, name);
		if (step->problem)
			fprintf(printer->out, "; %s: %s\n", name, step->problem);
		else
			fprintf(printer->out, "; %s: %s, %u answer%s\n", name,
				dns_rcode_text(step->rcode, rcode), step->answers,
				step->answers == 1 ? "" : "s");
	}
	fputc('\n', printer->out);
}

enum err lookup_report_write_text(
	const struct lookup_report *report, bool has_colours, FILE *out)
{
	const struct printer printer = {out, has_colours};
	enum err err = ERR_NONE;
	if (report->length)
		err = zone_text_write_message(report->message, report->length, out);
	else
		fprintf(out, ";; no reply: %s\n\n", report->problem);
	if (err)
		return err;
	if (report->server)
		fprintf(out, ";; SERVER: %s\n\n", report->server);
	print_findings(&printer, "WHY", report->findings, false);
	print_findings(&printer, "NEAR", report->findings, true);
	if (report->ns)
		print_steps(&printer, report);
	return fflush(out) || ferror(out) ? ERR_IO : ERR_NONE;
}
