/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same cluster as the events of streaming lists, one a line, and pods: with the
 * fields that a real server's objects have besides those that matter (managedFields and
 * the like). Versions have ten digits, so that another one takes as much room.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/bench/cluster.h"

enum {
	SLICE_MAX =
		100, /* endpoints of a slice, as the controller of slices fills them */
	NODES = 50,
	FIRST_VERSION = 1000000000,
	BASE_ENDPOINTS = 128,
	BASE_PODS = 192,
	BASE_SERVICES = 96,
};

static const char managed_fields[] =
	"\"managedFields\":[{\"manager\":\"kube-controller-manager\",\"operation\":"
	"\"Update\",\"apiVersion\":\"v1\",\"time\":\"2026-11-23T17:44:23Z\","
	"\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{\".\":{}"
	",\"f:app\":{}}},\"f:spec\":{\"f:ports\":{}},\"f:status\":{}}}]";

/* What is written, and where to. */
struct stream {
	FILE *file;
	const char *kind, *version;
	unsigned number;
};

static struct stream stream_open(const struct cluster *cluster, const char *resource,
	const char *kind, const char *version)
{
	char name[64];
	snprintf(name, sizeof(name), "api/%s.json", resource);
	return (struct stream){cluster_open(cluster, name), kind, version, 0};
}

/* Up to the labels; the namespace may be NULL. */
static void object_begin(struct stream *stream, const char *ns, const char *name)
{
	unsigned number = stream->number++;
	fprintf(stream->file,
		"{\"type\":\"ADDED\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\","
		"\"metadata\":{\"name\":\"%s\",",
		stream->kind, stream->version, name);
	if (ns)
		fprintf(stream->file, "\"namespace\":\"%s\",", ns);
	fprintf(stream->file,
		"\"uid\":\"%08zx-0000-4000-8000-%012u\",\"resourceVersion\":\"%u\","
		"\"creationTimestamp\":\"2026-11-23T17:44:21Z\",%s,\"labels\":{",
		strlen(stream->kind), number, FIRST_VERSION + number, managed_fields);
}

static void namespaces_write(const struct cluster *cluster)
{
	struct stream stream = stream_open(cluster, "namespaces", "Namespace", "v1");
	char name[32];
	for (unsigned i = 0; i < cluster->namespaces; i++) {
		snprintf(name, sizeof(name), "ns-%u", i);
		object_begin(&stream, NULL, name);
		fprintf(stream.file,
			"\"kubernetes.io/metadata.name\":\"%s\"}},\"spec\":{"
			"\"finalizers\":[\"kubernetes\"]},\"status\":{\"phase\":"
			"\"Active\"}}}\n",
			name);
	}
	cluster_close(stream.file);
}

static void service_write(
	const struct cluster *cluster, struct stream *stream, unsigned service)
{
	char address[32] = "None", name[32], ns[32];
	snprintf(name, sizeof(name), "svc-%u", service);
	snprintf(ns, sizeof(ns), "ns-%u", service % cluster->namespaces);
	if (!cluster_is_headless(service))
		cluster_address(service, BASE_SERVICES, '.', address);
	object_begin(stream, ns, name);
	fprintf(stream->file,
		"\"app\":\"%s\"}},\"spec\":{\"ports\":[{\"name\":\"http\",\"protocol\":"
		"\"TCP\",\"port\":80,\"targetPort\":8080},{\"name\":\"metrics\","
		"\"protocol\":\"TCP\",\"port\":9090,\"targetPort\":9090}],\"selector\":{"
		"\"app\":\"%s\"},\"clusterIP\":\"%s\",\"clusterIPs\":[\"%s\"],\"type\":"
		"\"ClusterIP\",\"sessionAffinity\":\"None\",\"ipFamilies\":[\"IPv4\"],"
		"\"ipFamilyPolicy\":\"SingleStack\",\"internalTrafficPolicy\":"
		"\"Cluster\"},\"status\":{\"loadBalancer\":{}}}}\n",
		name, name, address, address);
}

static void services_write(const struct cluster *cluster)
{
	struct stream stream = stream_open(cluster, "services", "Service", "v1");
	for (unsigned i = 0; i < cluster->services; i++)
		service_write(cluster, &stream, i);
	cluster_close(stream.file);
}

struct slice {
	unsigned service, from, to;
	unsigned number; /* of its first endpoint in the cluster */
	char ns[32];
};

static void endpoint_write(struct stream *stream, const struct slice *slice, unsigned i)
{
	unsigned number = slice->number + i - slice->from;
	char address[32];
	cluster_address(number, BASE_ENDPOINTS, '.', address);
	fprintf(stream->file,
		"%s{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":true,\"serving\":"
		"true,\"terminating\":false}",
		i > slice->from ? "," : "", address);
	if (cluster_is_headless(slice->service))
		fprintf(stream->file, ",\"hostname\":\"pod-%u\"", i);
	fprintf(stream->file,
		",\"targetRef\":{\"kind\":\"Pod\",\"namespace\":\"%s\",\"name\":"
		"\"svc-%u-%u\",\"uid\":\"00000003-0000-4000-8000-%012u\"},\"nodeName\":"
		"\"node-%u\",\"zone\":\"%c\"}",
		slice->ns, slice->service, i, number, number % NODES, "abc"[number % 3]);
}

static void slice_write(struct stream *stream, const struct slice *slice)
{
	char name[64];
	snprintf(name, sizeof(name), "svc-%u-x%u", slice->service,
		slice->from / SLICE_MAX);
	object_begin(stream, slice->ns, name);
	fprintf(stream->file,
		"\"endpointslice.kubernetes.io/managed-by\":"
		"\"endpointslice-controller.k8s.io\",\"kubernetes.io/service-name\":"
		"\"svc-%u\"}},\"addressType\":\"IPv4\",\"endpoints\":[",
		slice->service);
	for (unsigned i = slice->from; i < slice->to; i++)
		endpoint_write(stream, slice, i);
	fputs("],\"ports\":[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":8080},{"
	      "\"name\":\"metrics\",\"protocol\":\"TCP\",\"port\":9090}]}}\n",
		stream->file);
}

static void slices_write(const struct cluster *cluster)
{
	struct stream stream = stream_open(
		cluster, "endpointslices", "EndpointSlice", "discovery.k8s.io/v1");
	struct slice slice = {.number = 0};
	for (unsigned i = 0; i < cluster->services; i++) {
		unsigned count = cluster_endpoints(cluster, i);
		slice.service = i;
		snprintf(slice.ns, sizeof(slice.ns), "ns-%u", i % cluster->namespaces);
		for (slice.from = 0; slice.from < count; slice.from = slice.to) {
			slice.to = slice.from + SLICE_MAX < count ? slice.from + SLICE_MAX
								  : count;
			slice_write(&stream, &slice);
			slice.number += slice.to - slice.from;
		}
	}
	cluster_close(stream.file);
}

static void pod_write(const struct cluster *cluster, struct stream *stream, unsigned pod)
{
	char address[32], name[32], ns[32];
	snprintf(name, sizeof(name), "pod-%u", pod);
	snprintf(ns, sizeof(ns), "ns-%u", pod % cluster->namespaces);
	cluster_address(pod, BASE_PODS, '.', address);
	object_begin(stream, ns, name);
	fprintf(stream->file,
		"\"app\":\"app-%u\",\"pod-template-hash\":\"6d4cf56db6\"}},\"spec\":{"
		"\"containers\":[{\"name\":\"c\",\"image\":\"registry.invalid/app:1\","
		"\"ports\":[{\"containerPort\":8080,\"protocol\":\"TCP\"}],\"resources\":"
		"{},\"imagePullPolicy\":\"IfNotPresent\"}],\"restartPolicy\":\"Always\","
		"\"dnsPolicy\":\"ClusterFirst\",\"nodeName\":\"node-%u\","
		"\"schedulerName\":\"default-scheduler\"},\"status\":{\"phase\":"
		"\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
		"\"lastProbeTime\":null,\"lastTransitionTime\":"
		"\"2026-11-23T17:44:21Z\"}],\"hostIP\":\"192.0.2.%u\",\"podIP\":\"%s\","
		"\"podIPs\":[{\"ip\":\"%s\"}],\"qosClass\":\"BestEffort\"}}}\n",
		pod % 500, pod % NODES, pod % NODES, address, address);
}

static void pods_write(const struct cluster *cluster)
{
	struct stream stream = stream_open(cluster, "pods", "Pod", "v1");
	for (unsigned i = 0; i < cluster->pods; i++)
		pod_write(cluster, &stream, i);
	cluster_close(stream.file);
}

void cluster_write_api(const struct cluster *cluster)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/api", cluster->folder);
	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		perror(path);
		exit(1);
	}
	namespaces_write(cluster);
	services_write(cluster);
	slices_write(cluster);
	pods_write(cluster);
}
