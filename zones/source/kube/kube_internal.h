/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/source/kube/access.h"
#include "zones/source/kube/reflect.h"

/* What the files of the source share. */

struct kube_source {
	const struct kube_options *options;
	struct source_sink sink;
	struct hash_key key;
	struct event_base *base;
	struct backoff exec_backoff;
	struct event_base *own_base; /* while it is loaded without one */
	struct kube_access access;
	struct fetch_client *client;
	char host[128];
	struct reflector reflectors[KUBE_RESOURCES];
	unsigned reflector_count;
	bool is_dirty;      /* something was delivered since the last commit */
	bool is_complete;   /* every resource was loaded once */
	bool is_synced;     /* and the owner knows */
	unsigned denied;    /* kinds that the owner knows to be forbidden */
	uint64_t repairs;   /* loads for what a watch had missed */
	double tokens;      /* requests that may be made at once */
	int64_t tokens_ms;  /* as of when */
	int64_t tell_ms;    /* when problems are told anew */
	struct arena arena; /* of the object at hand */
	struct diag_list problems;
	struct decode decode;
	bool was_delivered; /* the object at hand was one for the registry */
};

/* Takes in an object of the kind that the API server has. ERR_NOMEM. */
enum err kube_deliver(struct kube_source *source, const struct node *object,
	const struct kube_resource *resource) MUST_CHECK;

/* Starts a request; *wait_ms: not now, but so much later. */
enum err kube_request(struct kube_source *source, const struct fetch_request *request,
	const struct fetch_events *events, struct fetch **out,
	int64_t *wait_ms) MUST_CHECK;

/* The server did not take our credentials. */
void kube_unauthorized(struct kube_source *source);

/* A resource is complete. */
void kube_loaded(struct kube_source *source);
