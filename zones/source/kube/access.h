/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/stat.h>

#include "server/base/arena.h"
#include "server/base/diag.h"
#include "zones/source/kube/fetch.h"

/*
 * How the API server is reached and who we are to it: as options say, a kubeconfig, or
 * the service account of the pod that this runs in. A token in a file is read again when
 * the file changes. Control thread only.
 */

struct kube_options;

/* A program that prints credentials (client.authentication.k8s.io). */
struct access_exec {
	const char *command;            /* NULL: none */
	const char *const *arguments;   /* ended by NULL; without the command */
	const char *const *environment; /* NAME=VALUE, ended by NULL */
	const char *version;            /* apiVersion */
	bool wants_cluster;             /* provideClusterInfo */
};

struct kube_access {
	struct arena arena;
	struct fetch_server server;
	const char *token;      /* NULL: none */
	const char *token_path; /* NULL: none */
	struct access_exec exec;
	struct stat token_stamp; /* of what was read */
	char *authorization;
};

void access_init(struct kube_access *access);
void access_deinit(struct kube_access *access);

/* ERR_INVALID: reported; ERR_NOMEM. */
enum err access_read(struct kube_access *access, const struct kube_options *options,
	struct diag_list *problems) MUST_CHECK;

/* The value of the header Authorization as of now, valid until the next call; NULL: none.
 */
const char *access_authorization(struct kube_access *access);

/* The server did not take it: it is looked up anew. */
void access_forget(struct kube_access *access);

/* A bearer token from now on. ERR_NOMEM. */
enum err access_set_token(struct kube_access *access, const char *token) MUST_CHECK;

/* A kubeconfig; context NULL: its current one. ERR_INVALID: reported; ERR_NOMEM. */
enum err kubeconfig_read(struct kube_access *access, const char *path,
	const char *context, struct diag_list *problems) MUST_CHECK;
