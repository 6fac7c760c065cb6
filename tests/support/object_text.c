/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/object_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct arena *arena;
	size_t list_max; /* more than the text has of anything */
	struct object *object;
	struct object_label *labels, *selector;
	struct ipaddr *addresses, *external;
	const char **hosts;
	size_t address_count, external_count, host_count;
	struct object_port *ports;
	size_t port_count, selector_count;
	struct object_subset *subsets;
	size_t subset_count;
	struct object_endpoint *endpoints;
	size_t endpoint_count;
};

static void *reading_array(struct reading *reading, size_t size)
{
	void *array = arena_calloc(reading->arena, reading->list_max, size);
	assert_non_null(array);
	return array;
}

static struct object_label read_label(char *text)
{
	char *colon = strchr(text, ':');
	assert_non_null(colon);
	*colon = '\0';
	return (struct object_label){text, colon + 1};
}

static struct object_port read_port(char *text)
{
	struct object_port port = {.name = text, .target_name = ""};
	char *target = strchr(text, '>');
	if (target)
		*target++ = '\0';
	char *number = strrchr(text, ':');
	assert_non_null(number);
	*number++ = '\0';
	port.port = (int32_t)strtol(number, NULL, 10);
	char *protocol = strchr(text, '/');
	if (protocol) {
		*protocol++ = '\0';
		port.protocol =
			strcmp(protocol, "udp") == 0 ? PROTOCOL_UDP : PROTOCOL_SCTP;
	}
	if (target && *target >= '0' && *target <= '9')
		port.target_port = (int32_t)strtol(target, NULL, 10);
	else if (target)
		port.target_name = target;
	return port;
}

/* Behind the text of addresses and ports stand octets that are no part of them. */
static bool read_address(const char *text, struct ipaddr *out)
{
	memset(out, 0x5a, sizeof(*out));
	return ipaddr_parse(text, out) == ERR_NONE;
}

static void read_endpoint(struct reading *reading, char *text)
{
	struct object_endpoint *endpoint = &reading->endpoints[reading->endpoint_count++];
	struct ipaddr *addresses = reading_array(reading, sizeof(*addresses));
	*endpoint = (struct object_endpoint){
		.addresses = addresses, .hostname = "", .pod_name = "", .is_ready = true};
	if (*text == '!') {
		endpoint->is_ready = false;
		text++;
	}
	char *pod = strchr(text, '#');
	if (pod) {
		*pod = '\0';
		endpoint->pod_name = pod + 1;
	}
	char *hostname = strchr(text, '@');
	if (hostname) {
		*hostname = '\0';
		endpoint->hostname = hostname + 1;
	}
	for (char *rest = NULL, *one = strtok_r(text, ",", &rest); one;
		one = strtok_r(NULL, ",", &rest))
		if (!read_address(one, &addresses[endpoint->address_count++]))
			fail_msg("no address: %s", one);
}

static void begin_subset(struct reading *reading)
{
	reading->ports = reading_array(reading, sizeof(*reading->ports));
	reading->endpoints = reading_array(reading, sizeof(*reading->endpoints));
	reading->port_count = reading->endpoint_count = 0;
}

static void end_subset(struct reading *reading)
{
	if (reading->port_count || reading->endpoint_count)
		reading->subsets[reading->subset_count++] =
			(struct object_subset){reading->ports, reading->port_count,
				reading->endpoints, reading->endpoint_count};
}

static bool read_service_flag(struct object_service *service, const char *word)
{
	if (strcmp(word, "headless") == 0)
		service->is_headless = true;
	else if (strcmp(word, "publish") == 0)
		service->publishes_not_ready = true;
	else if (strcmp(word, "prefer") == 0)
		service->ip_family_policy = IP_PREFER_DUAL_STACK;
	else if (strcmp(word, "require") == 0)
		service->ip_family_policy = IP_REQUIRE_DUAL_STACK;
	else if (strcmp(word, "v4") == 0 || strcmp(word, "v6") == 0)
		service->ip_families[service->ip_families[0] ? 1 : 0] =
			(uint8_t)(word[1] - '0');
	else
		return false;
	return true;
}

static bool read_pod_flag(struct object_pod *pod, const char *word)
{
	if (strcmp(word, "ready") == 0)
		pod->is_ready = true;
	else if (strcmp(word, "finished") == 0)
		pod->is_finished = true;
	else if (strcmp(word, "node") == 0)
		pod->is_host_network = true;
	else if (strcmp(word, "terminating") == 0)
		pod->is_terminating = true;
	else if (strncmp(word, "host=", 5) == 0)
		pod->hostname = word + 5;
	else if (strncmp(word, "sub=", 4) == 0)
		pod->subdomain = word + 4;
	else
		return false;
	return true;
}

/* A word that more than one kind has. */
static bool read_common(struct reading *reading, char *word)
{
	struct object *object = reading->object;
	if (strncmp(word, "l=", 2) == 0)
		reading->labels[object->label_count++] = read_label(word + 2);
	else if (strncmp(word, "p=", 2) == 0)
		reading->ports[reading->port_count++] = read_port(word + 2);
	else if (strncmp(word, "s=", 2) == 0)
		reading->selector[reading->selector_count++] = read_label(word + 2);
	else
		return false;
	return true;
}

static bool is_service(const struct object *object)
{
	return object->kind == OBJECT_SERVICE || object->kind == OBJECT_IMPORT;
}

static bool read_owner(struct object_slice *slice, const char *word)
{
	if (strncmp(word, "of=", 3) == 0)
		slice->service = word + 3;
	else if (strncmp(word, "import=", 7) == 0)
		slice->import = word + 7;
	else if (strncmp(word, "cluster=", 8) == 0)
		slice->cluster = word + 8;
	else
		return false;
	return true;
}

static void read_word(struct reading *reading, char *word)
{
	struct object *object = reading->object;
	bool is_slice = object->kind == OBJECT_SLICE || object->kind == OBJECT_ENDPOINTS;
	if (read_common(reading, word))
		return;
	if (object->kind == OBJECT_SERVICE && strncmp(word, "e=", 2) == 0) {
		object->service.type = SERVICE_EXTERNAL_NAME;
		object->service.external_name = word + 2;
	} else if (object->kind == OBJECT_SERVICE && strncmp(word, "x=", 2) == 0) {
		if (read_address(word + 2, &reading->external[reading->external_count]))
			reading->external_count++;
		else
			reading->hosts[reading->host_count++] = word + 2;
	} else if (is_slice && strcmp(word, "--") == 0) {
		end_subset(reading);
		begin_subset(reading);
	} else if (is_slice) {
		if (!read_owner(&object->slice, word))
			read_endpoint(reading, word);
	} else if ((!is_service(object) || !read_service_flag(&object->service, word)) &&
		   (object->kind != OBJECT_POD || !read_pod_flag(&object->pod, word)) &&
		   !read_address(word, &reading->addresses[reading->address_count++])) {
		fail_msg("what is %s?", word);
	}
}

static enum object_kind read_kind(const char *word)
{
	static const char *const kinds[OBJECT_KINDS] = {
		"namespace", "service", "slice", "endpoints", "pod", "import"};
	for (unsigned i = 0; i < OBJECT_KINDS; i++)
		if (strcmp(word, kinds[i]) == 0)
			return (enum object_kind)i;
	fail_msg("what is %s?", word);
	return OBJECT_KINDS;
}

static void reading_end(struct reading *reading)
{
	struct object *object = reading->object;
	object->labels = reading->labels;
	if (is_service(object)) {
		struct object_service *service = &object->service;
		service->cluster_ips = reading->addresses;
		service->cluster_ip_count = reading->address_count;
		service->ports = reading->ports;
		service->port_count = reading->port_count;
		service->selector = reading->selector;
		service->selector_count = reading->selector_count;
		service->external_ips = reading->external;
		service->external_ip_count = reading->external_count;
		service->external_hosts = reading->hosts;
		service->external_host_count = reading->host_count;
	} else if (object->kind == OBJECT_POD) {
		struct object_container_port *ports =
			reading_array(reading, sizeof(*ports));
		for (size_t i = 0; i < reading->port_count; i++)
			ports[i] = (struct object_container_port){reading->ports[i].name,
				reading->ports[i].protocol, reading->ports[i].port};
		object->pod.ips = reading->addresses;
		object->pod.ip_count = reading->address_count;
		object->pod.ports = ports;
		object->pod.port_count = reading->port_count;
	} else if (object->kind != OBJECT_NAMESPACE) {
		end_subset(reading);
		object->slice.subsets = reading->subsets;
		object->slice.subset_count = reading->subset_count;
	}
}

void object_from_text(const char *text, struct arena *arena, struct object *out)
{
	char *copy = arena_strndup(arena, text, strlen(text));
	assert_non_null(copy);
	char *rest = NULL, *word = strtok_r(copy, " ", &rest);
	*out = (struct object){.kind = read_kind(word), .ns = ""};
	char *name = strtok_r(NULL, " ", &rest);
	char *slash = strchr(name, '/');
	if (slash) {
		*slash = '\0';
		out->ns = name;
		name = slash + 1;
	}
	out->name = name;
	struct reading reading = {.arena = arena, .object = out, .list_max = 2};
	for (const char *at = text; *at; at++)
		reading.list_max += *at == ' ' || *at == ',';
	reading.labels = reading_array(&reading, sizeof(*reading.labels));
	reading.selector = reading_array(&reading, sizeof(*reading.selector));
	reading.addresses = reading_array(&reading, sizeof(*reading.addresses));
	reading.external = reading_array(&reading, sizeof(*reading.external));
	reading.hosts = reading_array(&reading, sizeof(*reading.hosts));
	reading.subsets = reading_array(&reading, sizeof(*reading.subsets));
	begin_subset(&reading);
	if (is_service(out))
		out->service.external_name = out->service.cluster_ip_text = "";
	if (out->kind == OBJECT_POD)
		out->pod.hostname = out->pod.subdomain = "";
	if (out->kind == OBJECT_SLICE)
		out->slice.service = out->slice.import = out->slice.cluster = "";
	if (out->kind == OBJECT_ENDPOINTS)
		out->slice.service = name;
	while ((word = strtok_r(NULL, " ", &rest)))
		read_word(&reading, word);
	reading_end(&reading);
}
