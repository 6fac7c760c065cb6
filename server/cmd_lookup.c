/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ask.h"
#include "server/base/log.h"
#include "server/command.h"
#include "server/plugin/forward/forward.h"
#include "server/wire/octets.h"
#include "server/wire/reverse.h"
#include "zones/export/explain.h"
#include "zones/export/lookup_report.h"

enum { STEPS_MAX = 4, NDOTS = 5 };

/* What was asked for, and what comes of it. */
struct lookup {
	const char *corefile; /* NULL: none */
	const char *ns;       /* of the pod that would ask; NULL: nobody, NAME as it is */
	const char *server_text;
	struct sockaddr_storage server_address;
	bool is_json;
	bool is_absolute; /* NAME ends with a dot: no search list */
	struct dname name;
	uint16_t type;

	struct server *server; /* of the Corefile; NULL: none */
	struct arena arena;
	struct finding_list findings;
	struct lookup_step steps[STEPS_MAX];
	size_t step_count;
	uint8_t reply[ASK_REPLY_SIZE];
};

static void ask(struct lookup *lookup, const struct dname *name, struct ask_result *out)
{
	*out = (struct ask_result){.reply = lookup->reply};
	if (lookup->server_text)
		ask_server(&lookup->server_address, name, lookup->type, out);
	else
		ask_chain(lookup->server, name, lookup->type, out);
}

/* --- the search list --- */

/* The zone that pods search: the first one that is not a reverse zone. */
static struct dname search_zone(const struct lookup *lookup)
{
	struct dname zone;
	const struct cluster *cluster =
		lookup->server ? server_cluster(lookup->server, 0) : NULL;
	if (cluster)
		return *cluster_primary(cluster);
	if (dname_from_text("cluster.local.", &zone))
		zone = (struct dname){.length = 1};
	return zone;
}

static bool append(struct dname *name, const struct dname *suffix)
{
	if (name->length - 1u + suffix->length > DNAME_MAX)
		return false;
	memcpy(name->bytes + name->length - 1, suffix->bytes, suffix->length);
	name->length = (uint8_t)(name->length - 1 + suffix->length);
	return true;
}

/* "name" + "ns.svc.zone", "svc.zone", "zone" as resolv.conf of a pod has them; the name
 * itself last, or first where it has the dots. */
static void list_steps(struct lookup *lookup)
{
	struct dname domains[3];
	domains[2] = search_zone(lookup);
	domains[1] = domains[2];
	bool fits = !dname_prepend(&domains[1], "svc", 3);
	domains[0] = domains[1];
	fits &= !dname_prepend(&domains[0], lookup->ns, strlen(lookup->ns));
	bool is_first = dname_labels(lookup->name.bytes, NULL) > NDOTS;
	lookup->step_count = 0;
	if (is_first || lookup->is_absolute)
		lookup->steps[lookup->step_count++].name = lookup->name;
	for (unsigned i = 0; fits && !lookup->is_absolute && i < 3; i++) {
		struct dname *name = &lookup->steps[lookup->step_count].name;
		*name = lookup->name;
		lookup->step_count += append(name, &domains[i]);
	}
	if (!is_first && !lookup->is_absolute)
		lookup->steps[lookup->step_count++].name = lookup->name;
}

/* Asks one name after the other until one has an answer, as the C library does; `name`
 * takes that one, or the first where none has. */
static void walk(struct lookup *lookup, struct dname *name)
{
	list_steps(lookup);
	*name = lookup->steps[0].name;
	for (size_t i = 0; i < lookup->step_count; i++) {
		struct lookup_step *step = &lookup->steps[i];
		struct ask_result result;
		ask(lookup, &step->name, &result);
		step->problem = result.problem;
		if (result.problem)
			continue;
		step->rcode = octets_get_u16(result.reply + 2) & DNS_FLAG_RCODE;
		step->answers = octets_get_u16(result.reply + 6);
		if (!step->answers)
			continue;
		*name = step->name;
		lookup->step_count = i + 1;
	}
}

/* --- the whole --- */

static enum err explain_in(
	struct lookup *lookup, const struct cluster *cluster, const struct dname *name)
{
	const struct cluster_options *options = cluster_get_options(cluster);
	const struct explain_cluster explained = {
		.imports = cluster_imports(cluster),
		.registry = cluster_registry(cluster),
		.store = cluster_store(cluster),
		.pods = options->pods,
		.uses_pod_names = options->uses_pod_names,
		.ignores_empty = options->ignores_empty,
		.ignores_endpoints = options->ignores_endpoints,
	};
	return explain_name(&explained, name, lookup->type, &lookup->findings);
}

static enum err explain(struct lookup *lookup, const struct dname *name)
{
	struct dname lower = {.length = name->length};
	dname_lower(lower.bytes, name->bytes, name->length);
	const struct cluster *cluster = NULL;
	enum err err = ERR_NONE;
	bool is_ours = !lookup->server;
	for (size_t i = 0;
		!err && lookup->server && (cluster = server_cluster(lookup->server, i));
		i++) {
		const struct store *external = cluster_external_store(cluster);
		is_ours |= store_zone_find(cluster_store(cluster), &lower) >= 0 ||
			   (external && store_zone_find(external, &lower) >= 0);
		err = explain_in(lookup, cluster, &lower);
	}
	if (!err && !is_ours)
		finding_add(&lookup->findings,
			&(struct finding){
				.kind = FINDING_REASON,
				.text = "the name is in no zone of a cluster",
			});
	return err;
}

/* --- other servers --- */

static const char *upstream_text(
	struct lookup *lookup, const struct forward_upstream *upstream)
{
	struct finding_list *list = &lookup->findings;
	if (upstream->is_tls && upstream->server_name)
		return finding_format(
			list, "tls://%s (as %s)", upstream->text, upstream->server_name);
	return finding_format(
		list, "%s%s", upstream->is_tls ? "tls://" : "", upstream->text);
}

/* Whom the plugin would ask, if that is what it does itself. */
static void explain_asker(struct lookup *lookup, const struct plugin_instance *asker)
{
	static const char *const orders[] = {
		[POLICY_RANDOM] = ", in random order",
		[POLICY_ROUND_ROBIN] = ", in turn",
		[POLICY_SEQUENTIAL] = ", in this order",
	};
	const struct forward_options *options = forward_options_of(asker);
	const char *text = "", *gap = "";
	for (size_t i = 0; options && i < options->upstream_count; i++) {
		text = finding_format(&lookup->findings, "%s%s%s", text, gap,
			upstream_text(lookup, &options->upstreams[i]));
		gap = ", ";
	}
	if (options && options->upstream_count > 1)
		text = finding_format(
			&lookup->findings, "%s%s", text, orders[options->policy]);
	text = options ? finding_format(&lookup->findings, "forward asks %s", text)
		       : finding_format(&lookup->findings,
				 "the plugin \"%s\" asks on for another name",
				 asker->ops->name);
	finding_add(&lookup->findings,
		&(struct finding){.kind = FINDING_REASON, .text = text});
}

static bool wants_colours(void)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(STDOUT_FILENO) && (!no_colour || !*no_colour) &&
	       (!term || strcmp(term, "dumb") != 0);
}

static enum err answer(struct lookup *lookup)
{
	struct dname name = lookup->name;
	if (lookup->ns)
		walk(lookup, &name);
	struct ask_result result;
	ask(lookup, &name, &result);
	enum err err = explain(lookup, &name);
	if (err)
		return err;
	if (result.asker)
		explain_asker(lookup, result.asker);
	const struct lookup_report report = {
		.name = &name,
		.type = lookup->type,
		.message = result.reply,
		.length = result.length,
		.problem = result.problem,
		.server = lookup->server_text,
		.findings = &lookup->findings,
		.ns = lookup->ns,
		.steps = lookup->steps,
		.step_count = lookup->step_count,
	};
	return lookup->is_json
		       ? lookup_report_write_json(&report, stdout)
		       : lookup_report_write_text(&report, wants_colours(), stdout);
}

static int run_lookup(struct lookup *lookup)
{
	enum err err = ERR_NONE;
	if (lookup->corefile) {
		lookup->server = command_server(lookup->corefile, NULL);
		if (!lookup->server)
			return 1;
		err = server_load(lookup->server, NULL, true);
	}
	if (!err)
		err = answer(lookup);
	if (err)
		log_error("cannot look the name up: %s", err_text(err));
	server_free(lookup->server);
	return err ? 1 : 0;
}

/* --- arguments --- */

enum { OPTION_CONFIG, OPTION_NAMESPACE, OPTION_SERVER, OPTION_JSON, OPTIONS };

/* Without a fallback: whether a Corefile was given decides what --server says. */
static const struct command_option options[] = {
	[OPTION_CONFIG] = {.letter = 'c',
		.name = "config",
		.value = "COREFILE",
		.help = "the configuration, \"Corefile\" in the current folder unless "
			"given",
		.is_file = true},
	[OPTION_NAMESPACE] = {.name = "namespace",
		.value = "NAMESPACE",
		.help = "asks as a pod of it would, along its search list"},
	[OPTION_SERVER] = {.name = "server",
		.value = "ADDRESS[:PORT]",
		.help = "asks a running server"},
	[OPTION_JSON] = {.name = "json", .help = "prints one JSON object"},
	[OPTIONS] = {.name = NULL},
};

/* NULL, or what is wrong. */
static const char *read_options(struct lookup *lookup, const char *const *values)
{
	lookup->corefile = values[OPTION_CONFIG];
	lookup->ns = values[OPTION_NAMESPACE];
	lookup->server_text = values[OPTION_SERVER];
	lookup->is_json = values[OPTION_JSON];
	if (!lookup->corefile && !lookup->server_text)
		lookup->corefile = "Corefile";
	if (lookup->ns && strlen(lookup->ns) - 1 >= DNAME_LABEL_MAX)
		return "that is no namespace";
	if (lookup->server_text &&
		dns_client_parse_server(lookup->server_text, &lookup->server_address))
		return "--server takes an address, with :PORT behind it or not";
	return NULL;
}

/* An address stands for its reverse name, as dig -x has it. */
static bool read_name(struct lookup *lookup, const char *text)
{
	struct ipaddr address;
	lookup->type = TYPE_A;
	lookup->is_absolute = *text && text[strlen(text) - 1] == '.';
	if (ipaddr_parse(text, &address))
		return dname_from_text(text, &lookup->name) == ERR_NONE;
	reverse_name(&address, &lookup->name);
	lookup->is_absolute = true;
	lookup->type = TYPE_PTR;
	return true;
}

static const char *read_operands(struct lookup *lookup, int argc, char **argv)
{
	int given = argc - optind;
	if (given < 1 || given > 2)
		return given < 1 ? "no name given" : "too many arguments";
	if (!read_name(lookup, argv[optind]))
		return "that is no domain name";
	int type = given == 2 ? dns_type_parse(argv[optind + 1]) : lookup->type;
	lookup->type = (uint16_t)type;
	return type < 0 ? "there is no such record type" : NULL;
}

static int run(int argc, char **argv)
{
	static struct lookup lookup;
	const char *values[OPTIONS];
	int code = command_options(&command_lookup, argc, argv, values);
	if (code != COMMAND_GO_ON)
		return code;
	const char *problem = read_options(&lookup, values);
	if (!problem)
		problem = read_operands(&lookup, argc, argv);
	if (problem)
		return command_usage(&command_lookup, "%s", problem);
	log_init(LOG_LEVEL_WARN);
	arena_init(&lookup.arena, 16384);
	finding_list_init(&lookup.findings, &lookup.arena);
	code = run_lookup(&lookup);
	arena_deinit(&lookup.arena);
	return code;
}

const struct command command_lookup = {
	.name = "lookup",
	.arguments = "NAME [TYPE]",
	.help = "prints the answer that serve would give, where it comes from and what "
		"is near",
	.run = run,
	.options = options,
};
