/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/synth/clients.h"

#include <stdlib.h>
#include <string.h>

#include "server/wire/message.h"
#include "zones/store/client.h"

struct clients {
	const struct registry *registry;
	struct store *store;
	struct answer_builder *builder;
};

struct clients *clients_new(const struct registry *registry, struct store *store)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	if (!clients)
		return NULL;
	*clients = (struct clients){registry, store, answer_builder_new(store)};
	if (!clients->builder) {
		free(clients);
		return NULL;
	}
	return clients;
}

void clients_free(struct clients *clients)
{
	if (clients)
		answer_builder_free(clients->builder);
	free(clients);
}

static enum err apply_address(struct clients *clients, const struct ipaddr *address)
{
	const struct registry_namespace *ns =
		registry_client_namespace(clients->registry, address);
	struct dname name;
	client_name(address, &name);
	if (!ns)
		return store_remove(clients->store, &name);
	uint8_t label[DNAME_LABEL_MAX + 1] = {(uint8_t)strlen(ns->name)};
	memcpy(label + 1, ns->name, label[0]);
	answer_begin(clients->builder, &name, 0);
	answer_add(clients->builder, TYPE_TXT, 0, label, label[0] + 1u);
	return store_put(clients->store, clients->builder);
}

enum err clients_apply(struct clients *clients)
{
	size_t count;
	const struct registry_pod_address *addresses =
		registry_touched_addresses(clients->registry, &count);
	enum err err = ERR_NONE;
	for (size_t i = 0; !err && i < count; i++)
		err = apply_address(clients, &addresses[i].address);
	return err;
}
