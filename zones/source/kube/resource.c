/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/source/kube/kube.h"

/* Pods that have ended have no address, those in their node's network none of their own.
 */
#define PODS_UNFINISHED                                                                  \
	"status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"
#define PODS_NEWER_FIELD "spec.hostNetwork"

static bool always(const struct kube_options *options)
{
	(void)options;
	return true;
}

static bool wants_endpoints(const struct kube_options *options)
{
	return !options->ignores_endpoints;
}

static bool wants_pods(const struct kube_options *options)
{
	return options->needs_pods;
}

static bool wants_imports(const struct kube_options *options)
{
	return options->needs_imports;
}

static const char *object_labels(const struct kube_options *options)
{
	return options->labels;
}

static const char *namespace_labels(const struct kube_options *options)
{
	return options->namespace_labels;
}

/* Who imports a service does not choose its labels. */
static const char *no_labels(const struct kube_options *options)
{
	(void)options;
	return NULL;
}

const struct kube_resource kube_resources[KUBE_RESOURCES] = {
	{
		.name = "namespaces",
		.group = "",
		.path = "/api/v1/namespaces",
		.kind = OBJECT_NAMESPACE,
		.is_needed = always,
		.labels = namespace_labels,
	},
	{
		.name = "services",
		.group = "",
		.path = "/api/v1/services",
		.kind = OBJECT_SERVICE,
		.is_needed = always,
		.labels = object_labels,
	},
	{
		.name = "endpointslices",
		.group = "discovery.k8s.io",
		.path = "/apis/discovery.k8s.io/v1/endpointslices",
		.kind = OBJECT_SLICE,
		.is_needed = wants_endpoints,
		.labels = object_labels,
	},
	{
		.name = "pods",
		.group = "",
		.path = "/api/v1/pods",
		.kind = OBJECT_POD,
		.fields = PODS_UNFINISHED "," PODS_NEWER_FIELD "=false",
		.newer_field = PODS_NEWER_FIELD,
		.older_fields = PODS_UNFINISHED,
		.is_needed = wants_pods,
		.labels = object_labels,
	},
	{
		.name = "serviceimports",
		.group = "multicluster.x-k8s.io",
		.path = "/apis/multicluster.x-k8s.io/v1alpha1/serviceimports",
		.other_path = "/apis/multicluster.x-k8s.io/v1beta1/serviceimports",
		.kind = OBJECT_IMPORT,
		.may_be_absent = true,
		.is_needed = wants_imports,
		.labels = no_labels,
	},
};

bool kube_resource_is_too_new(
	const struct kube_resource *resource, const char *reply, size_t length)
{
	const char *field = resource->newer_field;
	return field && reply && memmem(reply, length, field, strlen(field));
}

/* RFC 3986 2.3: everything else is escaped. */
static void write_escaped(FILE *out, const char *key, const char *value)
{
	fprintf(out, "&%s=", key);
	for (; *value; value++) {
		char c = *value;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || strchr("-._~", c))
			fputc(c, out);
		else
			fprintf(out, "%%%02X", (unsigned char)c);
	}
}

char *kube_resource_path(const struct kube_resource *resource,
	const struct kube_options *options, const struct kube_query *query)
{
	char *path = NULL;
	size_t size;
	FILE *out = open_memstream(&path, &size);
	if (!out)
		return NULL;
	const char *labels = resource->labels(options);
	const char *fields =
		query->takes_older_fields ? resource->older_fields : resource->fields;
	fprintf(out, "%s?",
		query->takes_other_path ? resource->other_path : resource->path);
	if (query->is_watch)
		fprintf(out, "watch=true&allowWatchBookmarks=true&timeoutSeconds=%u",
			query->timeout_s);
	else
		fprintf(out, "limit=%u", query->limit);
	if (query->is_streaming)
		fputs("&sendInitialEvents=true", out);
	if (query->version)
		write_escaped(out, "resourceVersion", query->version);
	if (query->is_streaming || query->is_not_older)
		fputs("&resourceVersionMatch=NotOlderThan", out);
	if (query->next_page)
		write_escaped(out, "continue", query->next_page);
	if (labels)
		write_escaped(out, "labelSelector", labels);
	if (fields)
		write_escaped(out, "fieldSelector", fields);
	bool has_failed = ferror(out);
	if (fclose(out) || has_failed) {
		free(path);
		return NULL;
	}
	return path;
}
