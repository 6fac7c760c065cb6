/* SPDX-License-Identifier: Apache-2.0 */
#include "server/config/directive.h"

#include <stdio.h>
#include <string.h>

#include "server/base/nearest.h"
#include "server/config/argument.h"
#include "server/config/config_check.h"
#include "server/config/report.h"

enum {
	ARGUMENTS_ANY = 255,
	NAMES_SIZE = 1024,
};

const struct directive_row *directive_find(
	const struct directive_row *table, const char *name)
{
	for (; table->name; table++)
		if (table->matches ? table->matches(name)
				   : strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

const struct corefile_directive *directive_in_block(
	const struct corefile_block *block, const char *name)
{
	for (size_t i = 0; i < block->directive_count; i++)
		if (strcmp(block->directives[i].name.text, name) == 0)
			return &block->directives[i];
	return NULL;
}

const struct corefile_directive *directive_option(
	const struct corefile_directive *directive, const char *name)
{
	for (size_t i = directive->body_count; i > 0; i--)
		if (strcmp(directive->body[i - 1].name.text, name) == 0)
			return &directive->body[i - 1];
	return NULL;
}

/* "a, b, c", cut where `out` ends. */
static const char *table_names(const struct directive_row *table, char *out)
{
	size_t used = 0;
	out[0] = '\0';
	for (const struct directive_row *row = table; row->name && used < NAMES_SIZE;
		row++)
		if (!row->is_ignored)
			used += (size_t)snprintf(out + used, NAMES_SIZE - used, "%s%s",
				used ? ", " : "", row->name);
	return out;
}

static const char *table_nearest(const struct directive_row *table, const char *name)
{
	struct nearest nearest;
	nearest_init(&nearest, name);
	for (; table->name; table++)
		if (!table->is_ignored && !table->matches)
			nearest_offer(&nearest, table->name);
	return nearest.found;
}

/* --- arguments --- */

static void expected_count(const struct directive_row *row, char *out, size_t size)
{
	if (!row->max_arguments)
		snprintf(out, size, "none");
	else if (row->min_arguments == row->max_arguments)
		snprintf(out, size, "%u", row->min_arguments);
	else if (row->max_arguments == ARGUMENTS_ANY)
		snprintf(out, size, "at least %u", row->min_arguments);
	else
		snprintf(out, size, "%u to %u", row->min_arguments, row->max_arguments);
}

static void directive_check_count(const struct directive_row *row,
	const struct corefile_directive *directive, struct diag_list *problems)
{
	size_t count = directive->argument_count;
	bool is_few = count < row->min_arguments;
	bool is_many = row->max_arguments != ARGUMENTS_ANY && count > row->max_arguments;
	if (!is_few && !is_many)
		return;
	char expected[32];
	expected_count(row, expected, sizeof(expected));
	const struct corefile_place *place = &directive->name.place;
	if (is_many)
		place = &directive->arguments[row->max_arguments].place;
	report_error(problems, place, "\"%.100s\" has %zu argument%s, expected %s",
		directive->name.text, count, count == 1 ? "" : "s", expected);
}

static void directive_check_arguments(const struct directive_row *row,
	const struct corefile_directive *directive, struct diag_list *problems)
{
	directive_check_count(row, directive, problems);
	size_t before = problems->errors;
	for (size_t i = 0; i < directive->argument_count; i++) {
		if (i >= row->max_arguments && row->max_arguments != ARGUMENTS_ANY)
			return;
		if (problems->errors - before >= CONFIG_PROBLEMS_MAX)
			return;
		argument_check(
			row, directive->name.text, &directive->arguments[i], problems);
	}
}

/* --- options --- */

/* The first of a body called like the one at `index`, which comes behind it. NULL:
 * none. */
static const struct corefile_directive *body_first(
	const struct corefile_directive *body, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(body[i].name.text, body[index].name.text) == 0)
			return &body[i];
	return NULL;
}

static void body_check_repeated(const struct directive_row *row,
	const struct corefile_directive *body, size_t index, struct diag_list *problems)
{
	const struct corefile_directive *first =
		row->may_repeat ? NULL : body_first(body, index);
	if (first)
		report_error(problems, &body[index].name.place,
			"\"%.100s\" is given a second time, expected once; first at "
			"%s:%u",
			row->name, first->name.place.file, first->name.place.line);
}

static void option_report_unknown(const struct directive_row *row,
	const struct corefile_directive *option, struct diag_list *problems)
{
	char names[NAMES_SIZE];
	const char *near = table_nearest(row->options, option->name.text);
	if (near)
		report_error(problems, &option->name.place,
			"unknown option \"%.100s\" of \"%.100s\", did you mean "
			"\"%.100s\"?",
			option->name.text, row->name, near);
	else
		report_error(problems, &option->name.place,
			"unknown option \"%.100s\" of \"%.100s\", expected one of: %s",
			option->name.text, row->name, table_names(row->options, names));
}

static void directive_check_options(const struct directive_row *row,
	const struct corefile_directive *directive, struct diag_list *problems)
{
	if (!row->options || !row->options->name) {
		if (directive->body_count)
			report_error(problems, &directive->body[0].name.place,
				"\"%.100s\" has no options, expected \"}\"", row->name);
		return;
	}
	size_t before = problems->errors;
	for (size_t i = 0; i < directive->body_count; i++) {
		if (problems->errors - before >= CONFIG_PROBLEMS_MAX)
			return;
		const struct corefile_directive *option = &directive->body[i];
		const struct directive_row *found =
			directive_find(row->options, option->name.text);
		if (!found) {
			option_report_unknown(row, option, problems);
			continue;
		}
		body_check_repeated(found, directive->body, i, problems);
		directive_check(found, option, problems);
	}
}

void directive_check(const struct directive_row *row,
	const struct corefile_directive *directive, struct diag_list *problems)
{
	size_t before = problems->errors;
	if (row->is_ignored) {
		report_warning(problems, &directive->name.place,
			"\"%.100s\" has no effect any more and is ignored", row->name);
		return;
	}
	directive_check_arguments(row, directive, problems);
	directive_check_options(row, directive, problems);
	if (row->check && problems->errors == before)
		row->check(directive, problems);
}

/* --- plugins --- */

/* The plugin above in the block whose option this is, where its line has no brace. */
static const struct corefile_directive *plugin_without_brace(
	const struct corefile_block *block, size_t index,
	const struct directive_row *plugins)
{
	for (size_t i = index; i > 0; i--) {
		const struct corefile_directive *above = &block->directives[i - 1];
		const struct directive_row *row =
			directive_find(plugins, above->name.text);
		if (!row)
			continue;
		bool is_option =
			row->options && !above->has_body &&
			directive_find(row->options, block->directives[index].name.text);
		return is_option ? above : NULL;
	}
	return NULL;
}

/* What CoreDNS is built with, up to 1.14: whoever writes one of these has not misspelt
 * it. */
static const char *const coredns_plugins[] = {"acl", "any", "auto", "autopath", "azure",
	"bind", "bufsize", "cache", "cancel", "chaos", "clouddns", "debug", "dns64",
	"dnssec", "dnstap", "erratic", "errors", "etcd", "file", "forward", "geoip",
	"grpc", "grpc_server", "header", "health", "hosts", "https", "https3",
	"k8s_external", "kubernetes", "loadbalance", "local", "log", "loop", "metadata",
	"minimal", "multisocket", "nomad", "nsid", "on", "pprof", "prometheus",
	"proxyproto", "quic", "ready", "reload", "rewrite", "root", "route53",
	"secondary", "sign", "template", "timeouts", "tls", "trace", "transfer", "tsig",
	"view", "whoami"};

static bool is_of_coredns(const char *name)
{
	for (size_t i = 0; i < sizeof(coredns_plugins) / sizeof(coredns_plugins[0]); i++)
		if (strcmp(coredns_plugins[i], name) == 0)
			return true;
	return false;
}

static void plugin_report_unknown(const struct corefile_block *block, size_t index,
	const struct directive_row *plugins, struct diag_list *problems)
{
	char names[NAMES_SIZE];
	const struct corefile_word *name = &block->directives[index].name;
	const struct corefile_directive *above =
		plugin_without_brace(block, index, plugins);
	if (above) {
		report_error(problems, &name->place,
			"\"%.100s\" is an option of \"%.100s\", expected a \"{\" at the "
			"end of "
			"line %u",
			name->text, above->name.text, above->name.place.line);
		return;
	}
	if (block->directives[index].has_body && strpbrk(name->text, ".:")) {
		report_error(problems, &name->place,
			"unknown plugin \"%.100s\"; if it is a zone, expected the block "
			"in "
			"front of it, of line %u, in braces",
			name->text, block->place.line);
		return;
	}
	const char *near = table_nearest(plugins, name->text);
	table_names(plugins, names);
	if (is_of_coredns(name->text))
		report_error(problems, &name->place,
			"CoreDNS's plugin \"%.100s\" is not in Waymark, expected one of: "
			"%s",
			name->text, names);
	else if (near)
		report_error(problems, &name->place,
			"unknown plugin \"%.100s\", did you mean \"%.100s\"? there are: "
			"%s",
			name->text, near, names);
	else
		report_error(problems, &name->place,
			"unknown plugin \"%.100s\", expected one of: %s", name->text,
			names);
}

void block_check_plugins(const struct corefile_block *block,
	const struct directive_row *plugins, struct diag_list *problems)
{
	size_t before = problems->errors;
	for (size_t i = 0; i < block->directive_count; i++) {
		if (problems->errors - before >= CONFIG_PROBLEMS_MAX)
			return;
		const struct corefile_directive *directive = &block->directives[i];
		const struct directive_row *row =
			directive_find(plugins, directive->name.text);
		if (!row) {
			plugin_report_unknown(block, i, plugins, problems);
			continue;
		}
		body_check_repeated(row, block->directives, i, problems);
		directive_check(row, directive, problems);
	}
}

enum err config_check(const struct corefile *corefile,
	const struct directive_row *plugins, struct diag_list *problems)
{
	size_t before = problems->errors;
	for (size_t i = 0; i < corefile->block_count; i++) {
		if (problems->errors - before >= CONFIG_PROBLEMS_MAX)
			break;
		block_check_plugins(&corefile->blocks[i], plugins, problems);
	}
	enum err err = corefile_check_collisions(corefile, problems);
	if (!err && problems->errors > before)
		err = ERR_INVALID;
	return err;
}
