/* SPDX-License-Identifier: Apache-2.0 */
/* What the server says of itself: chaos and nsid. */
#include "server/control/stanza_plugins.h"

#include <string.h>
#include <unistd.h>

#include "config.h"
#include "server/control/build.h"
#include "server/control/stanza.h"
#include "server/plugin/chaos.h"

enum { HOSTNAME_SIZE = 256 };

static const char *own_hostname(struct arena *arena)
{
	char name[HOSTNAME_SIZE];
	if (gethostname(name, sizeof(name)))
		strcpy(name, "localhost");
	name[sizeof(name) - 1] = '\0';
	return arena_strndup(arena, name, strlen(name));
}

static const char *text_cut(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strnlen(text, CHAOS_TEXT_MAX));
}

enum err build_chaos(struct build *build, const struct corefile_directive *directive)
{
	size_t count = directive->argument_count;
	struct chaos_options *options = arena_calloc(build->arena, 1, sizeof(*options));
	const char **authors = arena_calloc(build->arena, count + 1, sizeof(*authors));
	if (!options || !authors)
		return ERR_NOMEM;
	options->hostname = own_hostname(build->arena);
	options->version = count ? text_cut(build->arena, directive->arguments[0].text)
				 : "Waymark-" PACKAGE_VERSION;
	if (!options->hostname || !options->version)
		return ERR_NOMEM;
	for (size_t i = 1; i < count; i++) {
		const char *author = text_cut(build->arena, directive->arguments[i].text);
		if (!author)
			return ERR_NOMEM;
		authors[options->author_count++] = author;
	}
	options->authors = authors;
	build->block->chaos = chaos_plugin_instance(options);
	return ERR_NONE;
}

void nsid_check(const struct corefile_directive *directive, struct diag_list *problems)
{
	size_t length = 0;
	for (size_t i = 0; i < directive->argument_count; i++)
		length += strlen(directive->arguments[i].text) + (i > 0);
	if (length > EDNS_NSID_MAX)
		stanza_error(problems, &directive->arguments[0],
			"the identifier has %zu octets, expected at most %d", length,
			EDNS_NSID_MAX);
}

enum err build_nsid(struct build *build, const struct corefile_directive *directive)
{
	const char *text = directive->argument_count
				   ? stanza_join_words(directive->arguments,
					     directive->argument_count, build->arena)
				   : own_hostname(build->arena);
	if (!text)
		return ERR_NOMEM;
	build->block->nsid = (struct edns_nsid){
		.data = (const uint8_t *)text,
		.length = (uint8_t)strnlen(text, EDNS_NSID_MAX),
	};
	return ERR_NONE;
}
