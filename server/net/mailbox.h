/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Jobs for the thread of an event loop: what only it may do with its event_base. Another
 * thread posts a job, which the loop's thread runs between two events, and may wait for
 * it. The loop takes the mailbox's lock only when something was posted.
 */

struct event_base;
struct mailbox;

/* The poster's memory, left alone until mailbox_wait has returned. */
struct mailbox_job {
	void (*run)(struct mailbox_job *job);
	struct mailbox_job *next; /* the mailbox's */
	bool is_done;             /* the mailbox's */
	bool was_run;             /* false: the mailbox was closed */
};

/* NULL: no memory, or no descriptor left; errno says which. */
struct mailbox *mailbox_new(struct event_base *base);
/* Nobody may post or wait any more. */
void mailbox_free(struct mailbox *mailbox);

/* Any thread. Jobs run in the order they were posted. */
void mailbox_post(struct mailbox *mailbox, struct mailbox_job *job);

/* Returns when the job has run or never will; not on the loop's thread. True: it ran. */
bool mailbox_wait(struct mailbox *mailbox, struct mailbox_job *job);

/* The loop's thread, when it runs no more: jobs that wait and those to come are not run.
 */
void mailbox_close(struct mailbox *mailbox);
