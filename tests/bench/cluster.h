/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The made-up cluster, of which cluster.c writes manifests, zone and questions and
 * cluster_api.c what an API server says of it. Both end the process when they cannot. */
struct cluster {
	const char *folder;
	unsigned services, endpoints, pods, namespaces;
	unsigned next_endpoint;
	FILE *zone;
	uint64_t random;
};

bool cluster_is_headless(unsigned service);

/* The endpoints of a service. */
unsigned cluster_endpoints(const struct cluster *cluster, unsigned service);

/* "10.BASE.x.y", counted up, with this separator; `out` has 32 bytes. */
void cluster_address(unsigned number, unsigned base, char separator, char *out);

FILE *cluster_open(const struct cluster *cluster, const char *name);
void cluster_close(FILE *file);

/* FOLDER/api/RESOURCE.json: the events of a streaming list. */
void cluster_write_api(const struct cluster *cluster);
