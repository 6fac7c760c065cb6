/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/export/env.h"

/*
 * Variables as the text of a file, and what a person should be told of it: of two
 * services that make the same variable, of names that the format cannot carry, of what
 * is too large. Pure, any thread.
 */

/* For whom the file is. */
enum env_format {
	ENV_DOCKER,  /* docker --env-file: N=v */
	ENV_PODMAN,  /* podman --env-file, Quadlet: N=v */
	ENV_SYSTEMD, /* EnvironmentFile=: N=v */
	ENV_SH,      /* export N='v' */
	ENV_COMPOSE, /* .env and env_file: N=v */
	ENV_K8S,     /* fileKeyRef of a pod: N='v' */
	ENV_JSON,    /* one object of strings */
	ENV_NUL,     /* N=v and a NUL, as in /proc/PID/environ */
	ENV_FORMATS,
};

#define ENV_FORMAT_CHOICES "docker|podman|systemd|sh|compose|k8s|json|nul"

/* False: there is no such format. */
bool env_format_parse(const char *text, enum env_format *out);
const char *env_format_name(enum env_format format);
/* What files of this format end in: ".env", ".sh", ".json". */
const char *env_format_suffix(enum env_format format);

struct env_options {
	enum env_format format;
	struct env_choice choice;
	size_t max_bytes; /* as the kernel counts; 0: env_standard_max_bytes() */
	bool may_truncate;
};

enum {
	ENV_MAX_BYTES_LEAST = 128,
	/* Arguments and the variables of others share the kernel's limit. */
	ENV_RESERVE_BYTES = 16384,
};

/*
 * What Linux accepts of a process that has our stack limit: a quarter of that, from 128
 * KiB to 6 MiB (execve(2)), less ENV_RESERVE_BYTES. The limit for a single string,
 * 128 KiB, is beyond what names of services and ports can reach.
 */
size_t env_standard_max_bytes(void);

struct env_rendering {
	bool is_too_large; /* there is no text: the notes say how large and what of */
	char *text;
	size_t length;
	size_t count; /* of variables in the text */
	char *notes;  /* lines in plain English, each with its newline; may be "" */
};

/* ERR_NOMEM, then nothing is to be freed. */
enum err env_render(const struct env_view *view, const struct env_options *options,
	struct env_rendering *out) MUST_CHECK;
void env_rendering_deinit(struct env_rendering *rendering);
