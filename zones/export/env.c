/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/export/env.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/hash.h"
#include "zones/registry/object.h"

enum { ARENA_BLOCK = 65536, NAME_SIZE = 256, ADDRESS_SIZE = 64 };

/* The names that are taken: indices of variables, hashed; 0 is free, i + 1 variable i. */
struct name_table {
	struct hash_key key;
	uint32_t *slots;
	size_t mask;
};

/* One service on its way into variables. */
struct env_writer {
	struct env *env;
	struct name_table *names;
	const struct env_service *service;
	uint32_t index;
	const char *prefix; /* N */
	size_t prefix_length;
	const char *host; /* the address, in brackets where it needs them */
	enum err err;     /* the first one sticks */
};

/* --- which services --- */

static bool is_wanted(const struct env_service *service, const struct env_choice *choice)
{
	if (choice->without_links && !service->is_master)
		return false;
	for (size_t i = 0; i < choice->pattern_count; i++)
		if (fnmatch(choice->patterns[i], service->name, 0) == 0)
			return true;
	return !choice->pattern_count;
}

static int service_compare(const void *a, const void *b)
{
	const struct env_service *const *x = a, *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);
	return order ? order : (*x)->is_master - (*y)->is_master;
}

/* A service of the namespace's own comes before the master service of the same name,
 * which it hides. */
static enum err choose_services(
	struct env *env, const struct env_view *view, const struct env_choice *choice)
{
	size_t count, chosen = 0;
	const struct env_service *services = env_view_services(view, &count);
	env->services = calloc(count + 1, sizeof(struct env_service *));
	if (!env->services)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		if (is_wanted(&services[i], choice))
			env->services[chosen++] = &services[i];
	qsort(env->services, chosen, sizeof(struct env_service *), service_compare);
	for (size_t i = 0; i < chosen; i++) {
		const struct env_service *service = env->services[i];
		size_t kept = env->service_count;
		if (!kept || strcmp(env->services[kept - 1]->name, service->name) != 0)
			env->services[env->service_count++] = service;
	}
	return ERR_NONE;
}

/* At most so many: HOST, PORT and the link, a name and four more for each port. */
static size_t count_variables(const struct env *env)
{
	size_t count = 0;
	for (size_t i = 0; i < env->service_count; i++)
		count += 3 + 5 * env->services[i]->port_count;
	return count;
}

/* --- names that are taken --- */

static enum err names_init(struct name_table *names, size_t most)
{
	size_t capacity = 16;
	while (capacity < most * 2)
		capacity *= 2;
	hash_key_init(&names->key);
	names->mask = capacity - 1;
	names->slots = calloc(capacity, sizeof(*names->slots));
	return names->slots ? ERR_NONE : ERR_NOMEM;
}

/* The slot of the name: 0, or with the variable that has it. */
static uint32_t *names_slot(const struct name_table *names, const struct env *env,
	const char *name, size_t length)
{
	size_t i = hash_bytes(&names->key, name, length) & names->mask;
	while (names->slots[i] &&
		strcmp(env->variables[names->slots[i] - 1].name, name) != 0)
		i = (i + 1) & names->mask;
	return &names->slots[i];
}

static enum err add_collision(
	struct env *env, const struct env_variable *kept, const char *lost)
{
	if (env->collision_count == env->collision_capacity) {
		size_t capacity = env->collision_capacity * 2 + 8;
		void *grown =
			realloc(env->collisions, capacity * sizeof(*env->collisions));
		if (!grown)
			return ERR_NOMEM;
		env->collisions = grown;
		env->collision_capacity = capacity;
	}
	env->collisions[env->collision_count++] = (struct env_collision){
		kept->name, env->services[kept->service]->name, lost};
	return ERR_NONE;
}

/* --- the variables of a service --- */

/* Upper case, "-" becomes "_". Returns `out`, of NAME_SIZE octets. */
static const char *mangle(const char *name, char *out)
{
	size_t i = 0;
	for (; i < NAME_SIZE - 1 && name[i]; i++) {
		char c = name[i];
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		out[i] = c == '-' ? '_' : c;
	}
	out[i] = '\0';
	return out;
}

static const char *protocol_text(uint8_t protocol, bool is_upper)
{
	static const char *const texts[][2] = {
		[PROTOCOL_TCP] = {"tcp", "TCP"},
		[PROTOCOL_UDP] = {"udp", "UDP"},
		[PROTOCOL_SCTP] = {"sctp", "SCTP"},
	};
	assert(protocol < sizeof(texts) / sizeof(texts[0]));
	return texts[protocol][is_upper];
}

/* The variable N_BASE_TAIL, or N_BASE where the tail is "". The value is borrowed. */
static void put(
	struct env_writer *writer, const char *base, const char *tail, const char *value)
{
	struct env *env = writer->env;
	if (!value)
		writer->err = ERR_NOMEM;
	if (writer->err)
		return;
	size_t base_length = strlen(base), tail_length = strlen(tail);
	char *name = arena_alloc(
		&env->arena, writer->prefix_length + base_length + tail_length + 3);
	if (!name) {
		writer->err = ERR_NOMEM;
		return;
	}
	char *at = mempcpy(name, writer->prefix, writer->prefix_length);
	*at++ = '_';
	at = mempcpy(at, base, base_length);
	if (tail_length)
		*at++ = '_';
	at = mempcpy(at, tail, tail_length);
	*at = '\0';
	uint32_t *slot = names_slot(writer->names, env, name, (size_t)(at - name));
	if (*slot) {
		writer->err = add_collision(
			env, &env->variables[*slot - 1], writer->service->name);
		return;
	}
	assert(env->count < env->capacity);
	env->variables[env->count++] = (struct env_variable){name, value, writer->index};
	*slot = (uint32_t)env->count;
}

/* A copy in the arena; NULL: no memory, as `put` finds. */
static const char *keep(struct env_writer *writer, const char *text)
{
	return arena_strndup(&writer->env->arena, text, strlen(text));
}

/* What several variables of a port share. */
struct port_texts {
	const char *number, *link;
};

static struct port_texts port_texts_of(
	struct env_writer *writer, const struct env_port *port)
{
	char number[16], link[2 * ADDRESS_SIZE];
	snprintf(number, sizeof(number), "%u", port->number);
	snprintf(link, sizeof(link), "%s://%s:%s", protocol_text(port->protocol, false),
		writer->host, number);
	return (struct port_texts){keep(writer, number), keep(writer, link)};
}

static void put_port(struct env_writer *writer, const struct env_port *port,
	const struct port_texts *texts)
{
	char base[32];
	if (!texts->number || !texts->link) {
		writer->err = ERR_NOMEM;
		return;
	}
	snprintf(base, sizeof(base), "PORT_%s_%s", texts->number,
		protocol_text(port->protocol, true));
	put(writer, base, "", texts->link);
	put(writer, base, "PROTO", protocol_text(port->protocol, false));
	put(writer, base, "PORT", texts->number);
	put(writer, base, "ADDR", writer->service->address);
}

static void put_names(struct env_writer *writer, const struct port_texts *texts)
{
	const struct env_service *service = writer->service;
	for (size_t i = 0; i < service->port_count; i++) {
		char name[NAME_SIZE];
		if (*service->ports[i].name)
			put(writer, "SERVICE_PORT", mangle(service->ports[i].name, name),
				texts[i].number);
	}
}

static enum err put_service(struct env *env, struct name_table *names, uint32_t index)
{
	const struct env_service *service = env->services[index];
	char prefix[NAME_SIZE], host[ADDRESS_SIZE];
	snprintf(host, sizeof(host), strchr(service->address, ':') ? "[%s]" : "%s",
		service->address);
	struct env_writer writer = {
		.env = env,
		.names = names,
		.service = service,
		.index = index,
		.prefix = mangle(service->name, prefix),
		.host = host,
	};
	writer.prefix_length = strlen(prefix);
	struct port_texts *texts =
		arena_alloc(&env->arena, service->port_count * sizeof(*texts));
	if (!texts)
		return ERR_NOMEM;
	for (size_t i = 0; i < service->port_count; i++)
		texts[i] = port_texts_of(&writer, &service->ports[i]);
	put(&writer, "SERVICE_HOST", "", service->address);
	put(&writer, "SERVICE_PORT", "", texts[0].number);
	put_names(&writer, texts);
	put(&writer, "PORT", "", texts[0].link);
	for (size_t i = 0; i < service->port_count; i++)
		put_port(&writer, &service->ports[i], &texts[i]);
	return writer.err;
}

enum err env_make(
	const struct env_view *view, const struct env_choice *choice, struct env *out)
{
	struct env env = {0};
	struct name_table names = {.slots = NULL};
	arena_init(&env.arena, ARENA_BLOCK);
	enum err err = choose_services(&env, view, choice);
	if (!err) {
		env.capacity = count_variables(&env);
		env.variables = calloc(env.capacity + 1, sizeof(*env.variables));
		err = env.variables ? names_init(&names, env.capacity) : ERR_NOMEM;
	}
	for (uint32_t i = 0; !err && i < env.service_count; i++)
		err = put_service(&env, &names, i);
	free(names.slots);
	if (err)
		env_deinit(&env);
	else
		*out = env;
	return err;
}

void env_deinit(struct env *env)
{
	free(env->services);
	free(env->variables);
	free(env->collisions);
	arena_deinit(&env->arena);
}
