/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/err.h"
#include "zones/registry/object.h"

/* The resources of the API server that are listed and watched: a row each. */

struct kube_options;

struct kube_resource {
	const char *name;  /* plural, as the URL and a role have it */
	const char *group; /* "": the core group */
	const char *path;
	const char *other_path; /* of another version of the same; NULL: it has one */
	enum object_kind kind;
	/* A server may know no such resource, and then there is none of it. */
	bool may_be_absent;
	const char *fields; /* a field selector; NULL: all */
	/* A field in it that older servers do not know, and the selector without it;
	 * NULL: none. */
	const char *newer_field;
	const char *older_fields;
	bool (*is_needed)(const struct kube_options *options);
	/* The label selector that the options give; NULL: all. */
	const char *(*labels)(const struct kube_options *options);
};

enum { KUBE_RESOURCES = 5 };
extern const struct kube_resource kube_resources[KUBE_RESOURCES];

/* What is asked of a resource. */
struct kube_query {
	bool is_watch,
		is_streaming;  /* streaming: a watch that begins with what is there */
	unsigned timeout_s;    /* of a watch */
	unsigned limit;        /* 0: no pages */
	const char *version;   /* to go on from, NULL: none */
	bool is_not_older;     /* a list that is at least as new as `version` */
	const char *next_page; /* the token `continue`; NULL: the first page */
	bool takes_other_path;
	bool takes_older_fields;
};

/* A reply of 400 says that the server does not know the newer field. */
bool kube_resource_is_too_new(
	const struct kube_resource *resource, const char *reply, size_t length);

/* The path with its query, malloc'ed. NULL: no memory. */
char *kube_resource_path(const struct kube_resource *resource,
	const struct kube_options *options, const struct kube_query *query);
