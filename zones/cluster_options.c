/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "zones/cluster.h"

static bool text_equal(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool texts_equal(const char *const *a, const char *const *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool zones_equal(const struct dname *a, const struct dname *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!dname_equal(&a[i], &b[i]))
			return false;
	return true;
}

static bool external_equal(
	const struct cluster_external *a, const struct cluster_external *b)
{
	return a->zone_count == b->zone_count &&
	       zones_equal(a->zones, b->zones, a->zone_count) && a->ttl_s == b->ttl_s &&
	       text_equal(a->synth.apex, b->synth.apex) &&
	       a->synth.serves_headless == b->synth.serves_headless;
}

static bool cidrs_equal(const struct cluster_options *a, const struct cluster_options *b)
{
	if (a->service_cidr_count != b->service_cidr_count)
		return false;
	for (size_t i = 0; i < a->service_cidr_count; i++) {
		const struct ipprefix *x = &a->service_cidrs[i];
		const struct ipprefix *y = &b->service_cidrs[i];
		if (x->bits != y->bits || !ipaddr_equal(&x->address, &y->address))
			return false;
	}
	return true;
}

static bool own_addresses_equal(
	const struct cluster_options *a, const struct cluster_options *b)
{
	if (a->own_address_count != b->own_address_count)
		return false;
	for (size_t i = 0; i < a->own_address_count; i++)
		if (!ipaddr_equal(&a->own_addresses[i], &b->own_addresses[i]))
			return false;
	return true;
}

static bool kube_options_equal(const struct kube_options *a, const struct kube_options *b)
{
	return text_equal(a->endpoint, b->endpoint) &&
	       text_equal(a->certificate, b->certificate) && text_equal(a->key, b->key) &&
	       text_equal(a->ca, b->ca) && text_equal(a->kubeconfig, b->kubeconfig) &&
	       text_equal(a->context, b->context) && a->needs_pods == b->needs_pods &&
	       a->needs_imports == b->needs_imports && !(a->qps < b->qps) &&
	       !(a->qps > b->qps) && a->burst == b->burst && a->inflight == b->inflight &&
	       a->compare_ms == b->compare_ms && a->silence_ms == b->silence_ms;
}

bool cluster_options_equal(
	const struct cluster_options *a, const struct cluster_options *b)
{
	return a->zone_count == b->zone_count &&
	       zones_equal(a->zones, b->zones, a->zone_count) &&
	       a->multicluster_count == b->multicluster_count &&
	       zones_equal(a->multicluster, b->multicluster, a->multicluster_count) &&
	       external_equal(&a->external, &b->external) &&
	       a->maps_clients == b->maps_clients && a->ttl_s == b->ttl_s &&
	       a->pods == b->pods && a->uses_pod_names == b->uses_pod_names &&
	       a->ignores_empty == b->ignores_empty &&
	       a->ignores_endpoints == b->ignores_endpoints &&
	       a->serves_zones == b->serves_zones &&
	       a->namespace_count == b->namespace_count &&
	       texts_equal(a->namespaces, b->namespaces, a->namespace_count) &&
	       text_equal(a->labels, b->labels) &&
	       text_equal(a->namespace_labels, b->namespace_labels) &&
	       cidrs_equal(a, b) && a->manifest_count == b->manifest_count &&
	       texts_equal(a->manifests, b->manifests, a->manifest_count) &&
	       own_addresses_equal(a, b) && kube_options_equal(&a->kube, &b->kube) &&
	       a->startup_timeout_ms == b->startup_timeout_ms &&
	       text_equal(a->state, b->state);
}
