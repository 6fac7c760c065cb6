/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/stanza_plugins.h"

#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/dns64.h"

const struct directive_row dns64_options[] = {
	{
		.name = "prefix",
		.type = ARGUMENT_CIDR,
		.min_arguments = 1,
		.max_arguments = 1,
		.value = "64:ff9b::/96",
		.help = "the IPv6 prefix of the NAT64",
		.check = dns64_check,
	},
	{
		.name = "translate_all",
		.help = "also for names that have IPv6 addresses, in their place",
	},
	{
		.name = "allow_ipv4",
		.help = "also for clients that ask over IPv4",
	},
	{.name = NULL},
};

/* Of the prefix, wherever it stands. */
void dns64_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	struct ipprefix prefix;
	if (!directive->argument_count ||
		ipprefix_parse(directive->arguments[0].text, &prefix))
		return;
	bool is_right = prefix.address.length == 16 && prefix.bits >= 32 &&
			prefix.bits <= 96 && prefix.bits % 8 == 0;
	/* RFC 6052 2.2; bits 64 to 71 are 0. */
	if (is_right && prefix.bits > 64)
		is_right = prefix.bits == 96 && prefix.address.bytes[8] == 0;
	if (!is_right)
		stanza_error(problems, &directive->arguments[0],
			"\"%.100s\" for \"%.100s\", expected an IPv6 prefix of 32, 40, "
			"48, "
			"56, 64 or 96 bits, of which bits 64 to 71 are 0",
			directive->arguments[0].text, directive->name.text);
}

enum err build_dns64(struct build *build, const struct corefile_directive *directive)
{
	struct dns64_options *options = arena_calloc(build->arena, 1, sizeof(*options));
	if (!options)
		return ERR_NOMEM;
	const struct corefile_directive *option = directive_option(directive, "prefix");
	const char *prefix = "64:ff9b::/96";
	if (directive->argument_count)
		prefix = directive->arguments[0].text;
	if (option)
		prefix = option->arguments[0].text;
	options->translates_all = directive_option(directive, "translate_all");
	options->allows_ipv4 = directive_option(directive, "allow_ipv4");
	enum err err = ipprefix_parse(prefix, &options->prefix);
	if (err)
		return err;
	struct plugin_instance instance = dns64_plugin_instance(options);
	build_add(build, &instance);
	return ERR_NONE;
}
