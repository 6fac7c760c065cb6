/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Inside forward: questions of our own, that find out whether an upstream is there again
 * and whether it leads back to this server. One worker does it for all.
 */

struct dname;
struct forward;
struct forward_guest;
struct inquiry;
struct upstream;

/* What workers share of an upstream. */
struct upstream_state {
	atomic_uint fails;       /* checks in a row */
	atomic_bool is_checked;  /* a worker is at it */
	_Atomic int64_t well_ns; /* when a check last found it well */
	atomic_bool is_looping;
	atomic_bool is_seen;        /* the probe under way has come back */
	_Atomic int64_t probe_ns;   /* when it is to be probed for a loop again */
	_Atomic uint64_t tokens[2]; /* of the probe's name */
};

enum probe_purpose { PROBE_NONE, PROBE_HEALTH, PROBE_LOOP };

/* It does not answer: it is checked until it does. */
void probe_health(struct upstream *upstream);

/* Looks for loops where it is time to. */
void probe_loops(struct forward_guest *guest);

/* The upstream has answered the probe, or it was in vain. */
void probe_on_answer(struct inquiry *inquiry);
void probe_on_failure(struct inquiry *inquiry);

/* A question has come in: is it a probe of ours? Then the upstream is marked. */
bool probe_recognise(struct forward *forward, const struct dname *name);
