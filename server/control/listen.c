/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/listen.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static enum err listen_add(struct listen_list *list, const struct ipaddr *address,
	const struct corefile_word *word)
{
	if (ipaddr_is_among(address, list->addresses, list->count))
		return ERR_NONE;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity * 2 + 8;
		struct ipaddr *addresses =
			arena_calloc(list->arena, capacity, sizeof(*addresses));
		const struct corefile_word **words =
			arena_calloc(list->arena, capacity, sizeof(*words));
		if (!addresses || !words)
			return ERR_NOMEM;
		if (list->count) {
			memcpy(addresses, list->addresses,
				list->count * sizeof(*addresses));
			memcpy(words, list->words, list->count * sizeof(*words));
		}
		list->addresses = addresses;
		list->words = words;
		list->capacity = capacity;
	}
	list->addresses[list->count] = *address;
	list->words[list->count++] = word;
	return ERR_NONE;
}

static bool is_link_local(const struct ipaddr *address)
{
	return address->length == 16 && address->bytes[0] == 0xfe &&
	       (address->bytes[1] & 0xc0) == 0x80;
}

/* Adds the addresses of the interface `name`, of all that are up if it is NULL. */
static enum err listen_add_interface(
	struct listen_list *list, const char *name, const struct corefile_word *word)
{
	struct ifaddrs *first;
	if (getifaddrs(&first))
		return ERR_IO;
	enum err err = ERR_NONE;
	for (struct ifaddrs *item = first; item && !err; item = item->ifa_next) {
		if (!item->ifa_addr || !(item->ifa_flags & IFF_UP) ||
			(name && strcmp(item->ifa_name, name) != 0))
			continue;
		struct ipaddr address = ipaddr_from_sockaddr(item->ifa_addr);
		if (address.length && !is_link_local(&address))
			err = listen_add(list, &address, word);
	}
	freeifaddrs(first);
	return err;
}

/* One word of `bind` or `except`: an address or an interface. */
static enum err listen_add_word(struct listen_list *list,
	const struct corefile_word *word, struct diag_list *problems)
{
	struct ipaddr address;
	if (!ipaddr_parse(word->text, &address))
		return listen_add(list, &address, word);
	size_t before = list->count;
	enum err err = listen_add_interface(list, word->text, word);
	if (err || list->count > before)
		return err;
	diag_add(problems, SEVERITY_ERROR, word->place.file, word->place.line,
		word->place.column,
		"\"%s\" is neither an IP address nor an interface of this machine that "
		"is up and has one",
		word->text);
	return ERR_INVALID;
}

static void listen_remove(struct listen_list *list, const struct ipaddr *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (ipaddr_equal(&list->addresses[i], address)) {
			list->count--;
			list->addresses[i] = list->addresses[list->count];
			list->words[i] = list->words[list->count];
			return;
		}
}

/* Takes the addresses of the stanza's `except` options out. */
static enum err listen_except(const struct corefile_directive *bind,
	struct listen_list *list, struct diag_list *problems)
{
	struct listen_list except = {.arena = list->arena};
	for (size_t i = 0; i < bind->body_count; i++)
		for (size_t j = 0; j < bind->body[i].argument_count; j++) {
			enum err err = listen_add_word(
				&except, &bind->body[i].arguments[j], problems);
			if (err)
				return err;
		}
	for (size_t i = 0; i < except.count; i++)
		listen_remove(list, &except.addresses[i]);
	return ERR_NONE;
}

static bool machine_has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6};
	bool has = bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0;
	close(fd);
	return has;
}

static enum err listen_wildcards(struct listen_list *list)
{
	const struct ipaddr ipv4 = {.length = 4}, ipv6 = {.length = 16};
	enum err err = listen_add(list, &ipv4, NULL);
	if (!err && machine_has_ipv6())
		err = listen_add(list, &ipv6, NULL);
	return err;
}

enum err listen_addresses(const struct corefile_block *block, struct listen_list *out,
	struct diag_list *problems)
{
	bool has_bind = false;
	for (size_t i = 0; i < block->directive_count; i++) {
		const struct corefile_directive *bind = &block->directives[i];
		if (strcmp(bind->name.text, "bind") != 0)
			continue;
		has_bind = true;
		enum err err = ERR_NONE;
		for (size_t j = 0; !err && j < bind->argument_count; j++)
			err = listen_add_word(out, &bind->arguments[j], problems);
		if (!err)
			err = listen_except(bind, out, problems);
		if (err)
			return err;
	}
	if (has_bind && !out->count) {
		diag_add(problems, SEVERITY_ERROR, block->place.file, block->place.line,
			block->place.column,
			"the block's bind directives leave no address to listen on");
		return ERR_INVALID;
	}
	return has_bind ? ERR_NONE : listen_wildcards(out);
}

enum err listen_own_addresses(const struct listen_list *listened, struct listen_list *out)
{
	struct listen_list all = {.arena = out->arena};
	for (size_t i = 0; i < listened->count; i++) {
		const struct ipaddr *address = &listened->addresses[i];
		enum err err = ipaddr_is_unspecified(address)
				       ? listen_add_interface(&all, NULL, NULL)
				       : listen_add(&all, address, NULL);
		if (err)
			return err;
	}
	bool has_other = false;
	for (size_t i = 0; i < all.count; i++)
		has_other |= !ipaddr_is_loopback(&all.addresses[i]);
	for (size_t i = 0; i < all.count; i++) {
		bool is_loopback = ipaddr_is_loopback(&all.addresses[i]);
		if (is_loopback && has_other)
			continue;
		enum err err = listen_add(out, &all.addresses[i], NULL);
		if (err)
			return err;
	}
	return ERR_NONE;
}
