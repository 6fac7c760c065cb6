/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster FOLDER SERVICES ENDPOINTS [PODS]: a made-up cluster of one size.
 *
 *   FOLDER/manifests/ns-K.json        Kubernetes objects, a List for each namespace
 *   FOLDER/cluster.zone               the same records as a zone file, for other servers
 *   FOLDER/q.{a,mix,srv,headless,nx}  questions, "name TYPE" lines
 *   FOLDER/api/RESOURCE.json          what an API server says of it, where PODS is given
 *
 * 100 services a namespace. One in ten is headless with ENDPOINTS endpoints, the others
 * have a cluster address and two endpoints; each has two named ports.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/bench/cluster.h"
#include "tests/bench/number.h"

enum {
	PER_NAMESPACE = 100,
	HEADLESS_EACH = 10,
	QUESTIONS = 20000,
	SERVICES_MAX = 1000000,
	ENDPOINTS_MAX = 10000,
	PODS_MAX = 1000000,
};

/* xorshift64 (Marsaglia, 2003), the same sequence in each run. */
static unsigned random_below(struct cluster *cluster, unsigned limit)
{
	uint64_t x = cluster->random;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	cluster->random = x;
	return (unsigned)((x >> 32) % limit);
}

bool cluster_is_headless(unsigned service)
{
	return service % HEADLESS_EACH == HEADLESS_EACH - 1;
}

unsigned cluster_endpoints(const struct cluster *cluster, unsigned service)
{
	return cluster_is_headless(service) ? cluster->endpoints : 2;
}

void cluster_address(unsigned number, unsigned base, char separator, char *out)
{
	snprintf(out, 32, "10%c%u%c%u%c%u", separator, base + (number >> 16), separator,
		number >> 8 & 255, separator, number & 255);
}

FILE *cluster_open(const struct cluster *cluster, const char *name)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", cluster->folder, name);
	FILE *file = fopen(path, "we");
	if (!file) {
		fprintf(stderr, "cannot write \"%s\": %s\n", path, strerror(errno));
		exit(1);
	}
	return file;
}

void cluster_close(FILE *file)
{
	if (fclose(file) != 0) {
		perror("cannot write");
		exit(1);
	}
}

static void service_name(
	const struct cluster *cluster, unsigned service, char *out, size_t size)
{
	snprintf(out, size, "svc-%u.ns-%u.svc", service, service % cluster->namespaces);
}

static void service_write(struct cluster *cluster, unsigned service, FILE *file)
{
	char address[32] = "None", name[64];
	service_name(cluster, service, name, sizeof(name));
	if (!cluster_is_headless(service)) {
		cluster_address(service, 96, '.', address);
		fprintf(cluster->zone,
			"%s A %s\n_http._tcp.%s SRV 0 100 80 %s\n_metrics._tcp.%s SRV 0 "
			"100 9090 %s\n",
			name, address, name, name, name, name);
	}
	fprintf(file,
		",{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":"
		"\"svc-%u\","
		"\"namespace\":\"ns-%u\",\"uid\":\"00000000-0000-4000-8000-%012u\","
		"\"resourceVersion\":\"%u\"},\"spec\":{\"type\":\"ClusterIP\","
		"\"clusterIP\":\"%s\","
		"\"clusterIPs\":[\"%s\"],\"selector\":{\"app\":\"svc-%u\"},\"ports\":["
		"{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":80,\"targetPort\":8080}"
		","
		"{\"name\":\"metrics\",\"protocol\":\"TCP\",\"port\":9090,\"targetPort\":"
		"9090}]}}\n",
		service, service % cluster->namespaces, service, service + 1, address,
		address, service);
}

static void endpoint_write(struct cluster *cluster, unsigned service, unsigned index,
	unsigned count, FILE *file)
{
	char address[32], host[32], name[64];
	unsigned number = cluster->next_endpoint++;
	service_name(cluster, service, name, sizeof(name));
	cluster_address(number, 128, '.', address);
	cluster_address(number, 128, '-', host);
	if (cluster_is_headless(service))
		snprintf(host, sizeof(host), "pod-%u", index);
	fprintf(file,
		"%s{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":true,\"serving\":"
		"true,"
		"\"terminating\":false},\"nodeName\":\"node-%u\",\"zone\":\"%c\"",
		index ? "," : "", address, number % 50, "abc"[number % 3]);
	fprintf(cluster->zone, "%s.%s A %s\n", host, name, address);
	if (cluster_is_headless(service)) {
		unsigned weight = count < 100 ? 100 / count : 1;
		fprintf(file, ",\"hostname\":\"%s\"", host);
		fprintf(cluster->zone,
			"%s A %s\n_http._tcp.%s SRV 0 %u 8080 %s.%s\n"
			"_metrics._tcp.%s SRV 0 %u 9090 %s.%s\n",
			name, address, name, weight, host, name, name, weight, host,
			name);
	}
	fputs("}", file);
}

static void slice_write(struct cluster *cluster, unsigned service, FILE *file)
{
	unsigned count = cluster_endpoints(cluster, service);
	fprintf(file,
		",{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
		"\"addressType\":\"IPv4\",\"metadata\":{\"name\":\"svc-%u-x\","
		"\"namespace\":\"ns-%u\",\"labels\":{\"kubernetes.io/"
		"service-name\":\"svc-%u\"}},"
		"\"ports\":[{\"name\":\"http\",\"protocol\":\"TCP\",\"port\":8080},"
		"{\"name\":\"metrics\",\"protocol\":\"TCP\",\"port\":9090}],"
		"\"endpoints\":[",
		service, service % cluster->namespaces, service);
	for (unsigned i = 0; i < count; i++)
		endpoint_write(cluster, service, i, count, file);
	fputs("]}\n", file);
}

static void namespace_write(struct cluster *cluster, unsigned number)
{
	char name[64];
	snprintf(name, sizeof(name), "manifests/ns-%u.json", number);
	FILE *file = cluster_open(cluster, name);
	fprintf(file,
		"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":"
		"\"v1\","
		"\"kind\":\"Namespace\",\"metadata\":{\"name\":\"ns-%u\"}}\n",
		number);
	for (unsigned i = number; i < cluster->services; i += cluster->namespaces) {
		service_write(cluster, i, file);
		slice_write(cluster, i, file);
	}
	fputs("]}\n", file);
	cluster_close(file);
}

static void records_write(struct cluster *cluster)
{
	cluster->zone = cluster_open(cluster, "cluster.zone");
	fputs("$ORIGIN cluster.local.\n$TTL 30\n"
	      "@ SOA ns.dns hostmaster 1 7200 1800 86400 5\n@ NS ns.dns\n"
	      "ns.dns A 10.96.0.10\ndns-version TXT \"1.1.0\"\n",
		cluster->zone);
	for (unsigned i = 0; i < cluster->namespaces; i++)
		namespace_write(cluster, i);
	cluster_close(cluster->zone);
}

static void pick(struct cluster *cluster, bool want_headless, char *out, size_t size)
{
	unsigned service;
	do {
		service = random_below(cluster, cluster->services);
	} while (cluster_is_headless(service) != want_headless);
	service_name(cluster, service, out, size);
}

static void question_print(struct cluster *cluster, const char *kind, FILE *file)
{
	char name[64];
	pick(cluster, strcmp(kind, "headless") == 0, name, sizeof(name));
	if (strcmp(kind, "srv") == 0)
		fprintf(file, "_http._tcp.%s.cluster.local SRV\n", name);
	else if (strcmp(kind, "nx") == 0)
		/* What a pod's resolver asks first: the name below its own namespace. */
		fprintf(file, "%s.cluster.local.ns-%u.svc.cluster.local A\n", name,
			random_below(cluster, cluster->namespaces));
	else
		fprintf(file, "%s.cluster.local %s\n", name,
			strcmp(kind, "aaaa") == 0 ? "AAAA" : "A");
}

static const char *mix_kind(struct cluster *cluster)
{
	unsigned percent = random_below(cluster, 100);
	if (percent < 40)
		return "a";
	if (percent < 60)
		return "aaaa";
	if (percent < 85)
		return "nx";
	return percent < 95 ? "srv" : "headless";
}

static void questions_write(struct cluster *cluster, const char *kind)
{
	char name[32];
	snprintf(name, sizeof(name), "q.%s", kind);
	FILE *file = cluster_open(cluster, name);
	bool is_mix = strcmp(kind, "mix") == 0;
	for (int i = 0; i < QUESTIONS; i++)
		question_print(cluster, is_mix ? mix_kind(cluster) : kind, file);
	cluster_close(file);
}

static bool arguments_parse(struct cluster *cluster, int argc, char **argv)
{
	if (argc != 4 && argc != 5)
		return false;
	cluster->folder = argv[1];
	return number_parse(argv[2], HEADLESS_EACH, SERVICES_MAX, &cluster->services) &&
	       number_parse(argv[3], 1, ENDPOINTS_MAX, &cluster->endpoints) &&
	       (argc == 4 || number_parse(argv[4], 0, PODS_MAX, &cluster->pods));
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"a", "mix", "srv", "headless", "nx"};
	char path[PATH_MAX];
	struct cluster cluster = {.random = 7};
	if (!arguments_parse(&cluster, argc, argv)) {
		fprintf(stderr,
			"usage: cluster FOLDER SERVICES ENDPOINTS [PODS], at least %d "
			"services\n",
			HEADLESS_EACH);
		return 2;
	}
	cluster.namespaces =
		cluster.services < PER_NAMESPACE ? 1 : cluster.services / PER_NAMESPACE;
	snprintf(path, sizeof(path), "%s/manifests", cluster.folder);
	mkdir(cluster.folder, 0755);
	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		perror(path);
		return 1;
	}
	records_write(&cluster);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		questions_write(&cluster, kinds[i]);
	if (argc == 5)
		cluster_write_api(&cluster);
	printf("services %u endpoints %u namespaces %u\n", cluster.services,
		cluster.next_endpoint, cluster.namespaces);
	return 0;
}
