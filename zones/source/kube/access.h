/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/stat.h>

#include "server/base/arena.h"
#include "server/base/diag.h"
#include "zones/source/kube/exec.h"
#include "zones/source/kube/fetch.h"

/*
 * How the API server is reached and who we are to it: as options say, a kubeconfig, or
 * the service account of the pod that this runs in. A token in a file is read again when
 * the file changes. Control thread only.
 */

struct kube_options;

struct kube_access {
	struct arena arena;
	struct fetch_server server;
	const char *token;      /* NULL: none */
	const char *token_path; /* NULL: none */
	struct exec_program program;
	struct exec *exec;       /* it runs */
	char *certificate, *key; /* that it gave; NULL: none */
	int64_t expires_ms;      /* of what it gave, Unix time; 0: never */
	bool has_run;
	exec_done done;
	void *done_context;
	struct stat token_stamp; /* of what was read */
	char *authorization;
};

void access_init(struct kube_access *access);
void access_deinit(struct kube_access *access);

/* The server is that of the pod that this runs in, and this is none. */
bool access_lacks_pod(const struct kube_options *options);

/* ERR_INVALID: reported; ERR_NOMEM. */
enum err access_read(struct kube_access *access, const struct kube_options *options,
	struct diag_list *problems) MUST_CHECK;

/* The value of the header Authorization as of now, valid until the next call; NULL: none.
 */
const char *access_authorization(struct kube_access *access);

/* False: a program has to say first who we are, or say it anew. */
bool access_is_ready(const struct kube_access *access);

/* Lets that program run; `done` as exec.h says, with the credentials taken over already.
 * Nothing happens while it runs. ERR_NOMEM, ERR_IO. */
enum err access_run(struct kube_access *access, struct event_base *base, exec_done done,
	void *context) MUST_CHECK;
/* Without `done`. */
void access_stop(struct kube_access *access);

/* The server did not take it: it is looked up anew. */
void access_forget(struct kube_access *access);

/* A kubeconfig; context NULL: its current one. ERR_INVALID: reported; ERR_NOMEM. */
enum err kubeconfig_read(struct kube_access *access, const char *path,
	const char *context, struct diag_list *problems) MUST_CHECK;
