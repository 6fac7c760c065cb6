/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/log.h"
#include "zones/source/decode.h"
#include "zones/source/kube/backoff.h"
#include "zones/source/kube/compare.h"
#include "zones/source/kube/fetch.h"
#include "zones/source/kube/known.h"
#include "zones/source/kube/kube.h"
#include "zones/source/kube/resource.h"
#include "zones/source/kube/split.h"

/*
 * One resource, followed: loaded by a streaming list or, where the server has none, page
 * by page, then watched from the version of that list on. Inside zones/source/kube.
 */

struct event;
struct kube_source;

enum reflect_phase {
	REFLECT_WAITING,   /* for its timer */
	REFLECT_STREAMING, /* a streaming list, until the bookmark at its end */
	REFLECT_PAGING,    /* a list in pages */
	REFLECT_WATCHING,
};

enum {
	REFLECT_VERSION_SIZE = 64,
	REFLECT_PROBLEM_SIZE = 256,
	REFLECT_REFUSAL_MAX = 4096
};

struct reflector {
	struct kube_source *source;
	const struct kube_resource *resource;
	enum reflect_phase phase;
	struct fetch *fetch;
	struct event *timer;
	struct backoff backoff;
	struct known known;
	struct split split;
	struct split_buffer refusal;        /* the body of a reply that is not 200 */
	char version[REFLECT_VERSION_SIZE]; /* to go on from; "": load */
	char *next_page;
	bool is_loaded;                     /* once, at least */
	bool is_denied;                     /* it is not, for want of a right */
	bool has_no_streaming;              /* the server refused it */
	bool pages_next;                    /* a streaming list came to nothing */
	bool wants_whole;                   /* a page's token had expired */
	bool is_doubted;                    /* the connection */
	bool owes_sweep;                    /* something is gone that the sink may have */
	bool takes_other_path;              /* the resource's; the first one had none */
	bool takes_older_fields;            /* the server does not know the newer one */
	unsigned absences;                  /* how often the server knew neither path */
	bool has_progressed;                /* in this request */
	bool has_list;                      /* the page came to its end */
	int64_t started_ms;                 /* this request */
	int status;                         /* of the reply, or of an ERROR event */
	int64_t retry_after_ms;             /* an ERROR event said */
	int64_t heard_ms;                   /* when it was last known to be complete */
	char problem[REFLECT_PROBLEM_SIZE]; /* "": none */
	struct log_limit log_limit;
	unsigned loads; /* begun */
	struct compare compare;
};

void reflector_init(struct reflector *reflector, struct kube_source *source,
	const struct kube_resource *resource);
void reflector_deinit(struct reflector *reflector);

/* With another base, or the first; from now on it works. ERR_NOMEM. */
enum err reflector_attach(
	struct reflector *reflector, struct event_base *base) MUST_CHECK;

/* The names and version of an item of a list, borrowed until the next one; *name NULL: it
 * has none, which is said. ERR_NOMEM, ERR_SYNTAX. */
enum err reflector_read_item(struct reflector *reflector, char *text, size_t length,
	const char **ns, const char **name, const char **version) MUST_CHECK;

/* Keeps the beginning of what a reply other than 200 says. ERR_NOMEM. */
enum err reflector_keep_refusal(
	struct split_buffer *refusal, const char *bytes, size_t length) MUST_CHECK;

/* The server refused a request as it does not know the newer field: from now on none has
 * it, and all must be loaded anew, as what is known was selected by it. */
bool reflector_drop_field(
	struct reflector *reflector, int status, const struct split_buffer *refusal);

/* Loads everything anew. Not from a callback of its request. */
void reflector_reload(struct reflector *reflector);

/* What it waited for has come, or goes on being waited for: NULL, or why. */
void reflector_kick(struct reflector *reflector, int64_t wait_ms, const char *problem);

/* Its next request, now. */
void reflector_go(struct reflector *reflector);
