/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/recording_sink.h"

#include <stdlib.h>
#include <string.h>

static const char *const protocols[] = {"TCP", "UDP", "SCTP"};

static void record_addresses(FILE *out, const struct ipaddr *list, size_t count)
{
	char text[IPADDR_TEXT_SIZE];
	for (size_t i = 0; i < count; i++)
		fprintf(out, " %s", ipaddr_format(&list[i], text));
}

static void record_labels(
	FILE *out, const char *what, const struct object_label *labels, size_t count)
{
	if (!count)
		return;
	fprintf(out, "  %s", what);
	for (size_t i = 0; i < count; i++)
		fprintf(out, " %s=%s", labels[i].key, labels[i].value);
	fputc('\n', out);
}

static void record_ports(
	FILE *out, const char *indent, const struct object_port *ports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%sport \"%s\" %s %d", indent, ports[i].name,
			protocols[ports[i].protocol], ports[i].port);
		if (ports[i].target_port)
			fprintf(out, " to %d", ports[i].target_port);
		if (*ports[i].target_name)
			fprintf(out, " to \"%s\"", ports[i].target_name);
		fputc('\n', out);
	}
}

static void record_service(FILE *out, const struct object_service *service)
{
	static const char *const types[] = {
		"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"};
	static const char *const policies[] = {
		"", " prefer-dual-stack", " require-dual-stack"};
	fprintf(out, "  %s%s", types[service->type], policies[service->ip_family_policy]);
	for (size_t i = 0; i < 2; i++)
		if (service->ip_families[i])
			fprintf(out, " IPv%d", service->ip_families[i]);
	fprintf(out, "%s%s", service->is_headless ? " headless" : "",
		service->publishes_not_ready ? " publishes-not-ready" : "");
	record_addresses(out, service->cluster_ips, service->cluster_ip_count);
	fprintf(out, "%s%s\n", *service->external_name ? " " : "",
		service->external_name);
	if (service->external_ip_count || service->external_host_count)
		fprintf(out, "  external");
	record_addresses(out, service->external_ips, service->external_ip_count);
	for (size_t i = 0; i < service->external_host_count; i++)
		fprintf(out, " %s", service->external_hosts[i]);
	if (service->external_ip_count || service->external_host_count)
		fputc('\n', out);
	record_ports(out, "  ", service->ports, service->port_count);
	record_labels(out, "selector", service->selector, service->selector_count);
}

static void record_slice(FILE *out, const struct object_slice *slice)
{
	fprintf(out, "  of %s", slice->service ? slice->service : "unknown");
	if (slice->import && *slice->import)
		fprintf(out, " import %s of cluster \"%s\"", slice->import,
			slice->cluster);
	fputc('\n', out);
	for (size_t i = 0; i < slice->subset_count; i++) {
		const struct object_subset *subset = &slice->subsets[i];
		fprintf(out, "  subset\n");
		record_ports(out, "    ", subset->ports, subset->port_count);
		for (size_t j = 0; j < subset->endpoint_count; j++) {
			const struct object_endpoint *endpoint = &subset->endpoints[j];
			fprintf(out, "    endpoint%s",
				endpoint->is_ready ? "" : " not-ready");
			record_addresses(
				out, endpoint->addresses, endpoint->address_count);
			if (*endpoint->hostname)
				fprintf(out, " hostname %s", endpoint->hostname);
			if (*endpoint->pod_name)
				fprintf(out, " pod %s", endpoint->pod_name);
			fputc('\n', out);
		}
	}
}

static void record_pod(FILE *out, const struct object_pod *pod)
{
	fprintf(out, "  pod%s%s%s%s", pod->is_ready ? " ready" : "",
		pod->is_finished ? " finished" : "",
		pod->is_terminating ? " terminating" : "",
		pod->is_host_network ? " host-network" : "");
	record_addresses(out, pod->ips, pod->ip_count);
	if (*pod->hostname)
		fprintf(out, " hostname %s", pod->hostname);
	if (*pod->subdomain)
		fprintf(out, " subdomain %s", pod->subdomain);
	fputc('\n', out);
	for (size_t i = 0; i < pod->port_count; i++)
		fprintf(out, "  port \"%s\" %s %d\n", pod->ports[i].name,
			protocols[pod->ports[i].protocol], pod->ports[i].port);
}

static enum err record_upsert(void *context, const struct object *object)
{
	struct recording_sink *recording = context;
	FILE *out = recording->stream;
	recording->upserts++;
	fprintf(out, "upsert %s %s%s%s at %s:%u\n", object_kind_name(object->kind),
		object->ns, *object->ns ? "/" : "", object->name,
		object->origin.file ? object->origin.file : "-", object->origin.line);
	record_labels(out, "labels", object->labels, object->label_count);
	switch (object->kind) {
	case OBJECT_SERVICE:
	case OBJECT_IMPORT:
		record_service(out, &object->service);
		break;
	case OBJECT_SLICE:
	case OBJECT_ENDPOINTS:
		record_slice(out, &object->slice);
		break;
	case OBJECT_POD:
		record_pod(out, &object->pod);
		break;
	case OBJECT_NAMESPACE:
	case OBJECT_KINDS:
		break;
	}
	return ERR_NONE;
}

static enum err record_remove(
	void *context, enum object_kind kind, const char *ns, const char *name)
{
	struct recording_sink *recording = context;
	recording->removes++;
	fprintf(recording->stream, "remove %s %s%s%s\n", object_kind_name(kind), ns,
		*ns ? "/" : "", name);
	return ERR_NONE;
}

static void record_commit(void *context)
{
	struct recording_sink *recording = context;
	recording->commits++;
	fprintf(recording->stream, "commit\n");
}

static void record_synced(void *context, bool is_synced)
{
	struct recording_sink *recording = context;
	recording->is_synced = is_synced;
	fprintf(recording->stream, "%s\n", is_synced ? "synced" : "not synced");
}

static void record_report(void *context, const struct diag_list *problems)
{
	struct recording_sink *recording = context;
	char line[1024];
	recording->reports++;
	for (size_t i = 0; i < problems->count; i++) {
		diag_format(&problems->items[i], line, sizeof(line));
		fprintf(recording->stream, "report %s\n", line);
	}
}

static void recording_sink_open(struct recording_sink *recording)
{
	recording->stream = open_memstream(&recording->text, &recording->size);
	if (!recording->stream)
		abort();
}

void recording_sink_init(struct recording_sink *recording)
{
	*recording = (struct recording_sink){0};
	recording_sink_open(recording);
}

void recording_sink_deinit(struct recording_sink *recording)
{
	fclose(recording->stream);
	free(recording->text);
}

struct source_sink recording_sink_get(struct recording_sink *recording)
{
	return (struct source_sink){
		.context = recording,
		.upsert = record_upsert,
		.remove = record_remove,
		.commit = record_commit,
		.synced = record_synced,
		.report = record_report,
	};
}

const char *recording_sink_text(struct recording_sink *recording)
{
	fflush(recording->stream);
	return recording->text;
}

void recording_sink_clear(struct recording_sink *recording)
{
	fclose(recording->stream);
	free(recording->text);
	recording_sink_open(recording);
}
