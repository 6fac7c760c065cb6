/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/env_render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	KERNEL_LEAST = 128 << 10,
	KERNEL_MOST = 6 << 20,
	LARGEST_TOLD = 5,
	COLLISIONS_TOLD = 20,
};

/*
 * What stands around names and values. A value holds nothing that any of the formats
 * would take for something else (see env.h), so that quotes are needed only where the
 * format demands them: EnvFile, and sh, where an IPv6 address is a glob pattern.
 */
struct format_row {
	const char *name, *suffix;
	const char *open, *close;     /* of the whole */
	const char *separator;        /* between two variables */
	const char *before, *between; /* of the name, name and value */
	const char *behind;           /* of the value */
	bool ends_in_nul;             /* each variable, instead */
	bool needs_letter;            /* no name may begin with a digit */
};

static const struct format_row format_rows[ENV_FORMATS] = {
	[ENV_DOCKER] = {"docker", ".env", "", "", "", "", "=", "\n", false, false},
	[ENV_PODMAN] = {"podman", ".env", "", "", "", "", "=", "\n", false, false},
	[ENV_SYSTEMD] = {"systemd", ".env", "", "", "", "", "=", "\n", false, true},
	[ENV_SH] = {"sh", ".sh", "", "", "", "export ", "='", "'\n", false, true},
	[ENV_COMPOSE] = {"compose", ".env", "", "", "", "", "=", "\n", false, true},
	[ENV_K8S] = {"k8s", ".env", "", "", "", "", "='", "'\n", false, false},
	[ENV_JSON] = {"json", ".json", "{", "\n}\n", ",", "\n  \"", "\": \"", "\"", false,
		false},
	[ENV_NUL] = {"nul", ".env", "", "", "", "", "=", "", true, false},
};

bool env_format_parse(const char *text, enum env_format *out)
{
	for (unsigned i = 0; i < ENV_FORMATS; i++) {
		if (strcmp(format_rows[i].name, text) != 0)
			continue;
		*out = (enum env_format)i;
		return true;
	}
	return false;
}

const char *env_format_name(enum env_format format)
{
	return format_rows[format].name;
}

const char *env_format_suffix(enum env_format format)
{
	return format_rows[format].suffix;
}

size_t env_standard_max_bytes(void)
{
	struct rlimit stack = {.rlim_cur = RLIM_INFINITY};
	getrlimit(RLIMIT_STACK, &stack);
	rlim_t bytes = stack.rlim_cur / 4;
	if (stack.rlim_cur == RLIM_INFINITY || bytes > KERNEL_MOST)
		bytes = KERNEL_MOST;
	if (bytes < KERNEL_LEAST)
		bytes = KERNEL_LEAST;
	return (size_t)bytes - ENV_RESERVE_BYTES;
}

/* --- sizes --- */

struct service_size {
	uint32_t service;
	size_t bytes;
};

struct rendering {
	const struct env *env;
	const struct env_options *options;
	const struct format_row *row;
	const char *ns;
	struct service_size *sizes; /* of each service; 0: the format cannot carry it */
	size_t kept;                /* services from here on are left out */
	size_t bytes, max_bytes;
	FILE *notes;
};

/* A name begins as its service's does. */
static bool is_carried(const struct rendering *rendering, uint32_t service)
{
	char first = rendering->env->services[service]->name[0];
	return !rendering->row->needs_letter || first < '0' || first > '9';
}

/* As the kernel counts: the string, its NUL, and a pointer to it. */
static size_t variable_bytes(const struct env_variable *variable)
{
	return strlen(variable->name) + 1 + strlen(variable->value) + 1 + sizeof(char *);
}

static void measure(struct rendering *rendering)
{
	const struct env *env = rendering->env;
	for (uint32_t i = 0; i < env->service_count; i++)
		rendering->sizes[i] = (struct service_size){i, 0};
	for (size_t i = 0; i < env->count; i++) {
		const struct env_variable *variable = &env->variables[i];
		if (is_carried(rendering, variable->service))
			rendering->sizes[variable->service].bytes +=
				variable_bytes(variable);
	}
	for (uint32_t i = 0; i < env->service_count; i++)
		rendering->bytes += rendering->sizes[i].bytes;
}

/* How many services fit, in their order. */
static size_t count_fitting(const struct rendering *rendering)
{
	size_t bytes = 0, i = 0;
	for (; i < rendering->env->service_count; i++) {
		bytes += rendering->sizes[i].bytes;
		if (bytes > rendering->max_bytes)
			break;
	}
	return i;
}

/* --- notes --- */

static void note_collisions(const struct rendering *rendering)
{
	const struct env *env = rendering->env;
	for (size_t i = 0; i < env->collision_count && i < COLLISIONS_TOLD; i++) {
		const struct env_collision *collision = &env->collisions[i];
		fprintf(rendering->notes,
			"the services \"%s\" and \"%s\" of namespace \"%s\" both make "
			"%s: "
			"that of \"%s\" counts\n",
			collision->kept, collision->lost, rendering->ns, collision->name,
			collision->kept);
	}
	if (env->collision_count > COLLISIONS_TOLD)
		fprintf(rendering->notes, "%zu more variables are made by two services\n",
			env->collision_count - COLLISIONS_TOLD);
}

/* The names of services from `first` on, those the format carries or those it does not,
 * in one line behind `text`. */
static void note_services(const struct rendering *rendering, const char *text,
	size_t first, bool wants_carried)
{
	bool has_begun = false;
	for (size_t i = first; i < rendering->env->service_count; i++) {
		if (is_carried(rendering, (uint32_t)i) != wants_carried)
			continue;
		if (has_begun)
			fputs(", ", rendering->notes);
		else
			fprintf(rendering->notes, "%s", text);
		fprintf(rendering->notes, "\"%s\"", rendering->env->services[i]->name);
		has_begun = true;
	}
	if (has_begun)
		fputc('\n', rendering->notes);
}

static int size_compare(const void *a, const void *b)
{
	const struct service_size *x = a, *y = b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return (x->service > y->service) - (x->service < y->service);
}

/* Changes the order of the sizes. */
static void note_size(const struct rendering *rendering)
{
	const struct env *env = rendering->env;
	fprintf(rendering->notes,
		"the environment of namespace \"%s\" takes %zu bytes, %zu are allowed; "
		"its "
		"%zu services, the largest first: ",
		rendering->ns, rendering->bytes, rendering->max_bytes,
		env->service_count);
	qsort(rendering->sizes, env->service_count, sizeof(*rendering->sizes),
		size_compare);
	for (size_t i = 0; i < env->service_count && i < LARGEST_TOLD; i++)
		fprintf(rendering->notes, "%s\"%s\" (%zu)", i ? ", " : "",
			env->services[rendering->sizes[i].service]->name,
			rendering->sizes[i].bytes);
	fputs(env->service_count > LARGEST_TOLD ? ", ...\n" : "\n", rendering->notes);
}

/* --- the text --- */

static char *put_text(char *at, const char *text)
{
	size_t length = strlen(text);
	memcpy(at, text, length);
	return at + length;
}

static size_t text_bound(const struct rendering *rendering)
{
	const struct format_row *row = rendering->row;
	size_t around = strlen(row->separator) + strlen(row->before) +
			strlen(row->between) + strlen(row->behind) + 1;
	size_t bound = strlen(row->open) + strlen(row->close) + 1;
	for (size_t i = 0; i < rendering->env->count; i++)
		bound += variable_bytes(&rendering->env->variables[i]) + around;
	return bound;
}

static enum err write_text(const struct rendering *rendering, struct env_rendering *out)
{
	const struct env *env = rendering->env;
	const struct format_row *row = rendering->row;
	out->text = malloc(text_bound(rendering));
	if (!out->text)
		return ERR_NOMEM;
	char *at = put_text(out->text, row->open);
	for (size_t i = 0; i < env->count; i++) {
		const struct env_variable *variable = &env->variables[i];
		if (variable->service >= rendering->kept)
			break;
		if (!is_carried(rendering, variable->service))
			continue;
		at = put_text(at, out->count++ ? row->separator : "");
		at = put_text(at, row->before);
		at = put_text(at, variable->name);
		at = put_text(at, row->between);
		at = put_text(at, variable->value);
		at = put_text(at, row->behind);
		if (row->ends_in_nul)
			*at++ = '\0';
	}
	at = put_text(at, row->close);
	out->length = (size_t)(at - out->text);
	*at = '\0';
	return ERR_NONE;
}

static enum err render_env(struct rendering *rendering, struct env_rendering *out)
{
	const struct env *env = rendering->env;
	rendering->sizes = calloc(env->service_count + 1, sizeof(*rendering->sizes));
	if (!rendering->sizes)
		return ERR_NOMEM;
	measure(rendering);
	rendering->kept = env->service_count;
	out->is_too_large = rendering->bytes > rendering->max_bytes &&
			    !rendering->options->may_truncate;
	if (rendering->bytes > rendering->max_bytes)
		rendering->kept = count_fitting(rendering);
	note_collisions(rendering);
	note_services(rendering,
		"left out, as no name of this format may begin with a digit: services ",
		0, false);
	enum err err = ERR_NONE;
	if (!out->is_too_large)
		err = write_text(rendering, out);
	if (rendering->bytes > rendering->max_bytes)
		note_size(rendering);
	if (!out->is_too_large)
		note_services(rendering, "left out for want of room: services ",
			rendering->kept, true);
	free(rendering->sizes);
	return err;
}

enum err env_render(const struct env_view *view, const struct env_options *options,
	struct env_rendering *out)
{
	struct env env;
	struct env_rendering result = {.text = NULL};
	enum err err = env_make(view, &options->choice, &env);
	if (err)
		return err;
	size_t notes_length;
	struct rendering rendering = {
		.env = &env,
		.options = options,
		.row = &format_rows[options->format],
		.ns = env_view_namespace(view),
		.max_bytes = options->max_bytes ? options->max_bytes
						: env_standard_max_bytes(),
		.notes = open_memstream(&result.notes, &notes_length),
	};
	if (rendering.notes) {
		err = render_env(&rendering, &result);
		bool has_failed = ferror(rendering.notes);
		if (fclose(rendering.notes) || has_failed)
			err = ERR_NOMEM;
	} else {
		err = ERR_NOMEM;
	}
	env_deinit(&env);
	if (err)
		env_rendering_deinit(&result);
	else
		*out = result;
	return err;
}

void env_rendering_deinit(struct env_rendering *rendering)
{
	free(rendering->text);
	free(rendering->notes);
}
