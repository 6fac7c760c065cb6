/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/mailbox.h"

#include <event2/event.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t done;
	struct mailbox_job *first, **end;
	bool is_closed;
	int wake_fd; /* an eventfd: readable when a job waits */
	struct event *wake;
};

static void job_done(struct mailbox *mailbox, struct mailbox_job *job, bool was_run)
{
	job->was_run = was_run;
	job->is_done = true;
	pthread_cond_broadcast(&mailbox->done);
}

/* With the lock held. */
static struct mailbox_job *job_take(struct mailbox *mailbox)
{
	struct mailbox_job *job = mailbox->first;
	if (!job)
		return NULL;
	mailbox->first = job->next;
	if (!mailbox->first)
		mailbox->end = &mailbox->first;
	return job;
}

static void mailbox_on_wake(evutil_socket_t fd, short events, void *data)
{
	struct mailbox *mailbox = data;
	struct mailbox_job *job;
	eventfd_t count;
	(void)events;
	eventfd_read(fd, &count);
	pthread_mutex_lock(&mailbox->lock);
	while ((job = job_take(mailbox))) {
		pthread_mutex_unlock(&mailbox->lock);
		job->run(job);
		pthread_mutex_lock(&mailbox->lock);
		job_done(mailbox, job, true);
	}
	pthread_mutex_unlock(&mailbox->lock);
}

struct mailbox *mailbox_new(struct event_base *base)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
	if (!mailbox)
		return NULL;
	pthread_mutex_init(&mailbox->lock, NULL);
	pthread_cond_init(&mailbox->done, NULL);
	mailbox->end = &mailbox->first;
	mailbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mailbox->wake_fd >= 0)
		mailbox->wake = event_new(base, mailbox->wake_fd, EV_READ | EV_PERSIST,
			mailbox_on_wake, mailbox);
	if (!mailbox->wake || event_add(mailbox->wake, NULL)) {
		mailbox_free(mailbox);
		return NULL;
	}
	return mailbox;
}

void mailbox_free(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	if (mailbox->wake)
		event_free(mailbox->wake);
	if (mailbox->wake_fd >= 0)
		close(mailbox->wake_fd);
	pthread_cond_destroy(&mailbox->done);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

void mailbox_post(struct mailbox *mailbox, struct mailbox_job *job)
{
	job->next = NULL;
	job->is_done = job->was_run = false;
	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->is_closed) {
		job_done(mailbox, job, false);
	} else {
		*mailbox->end = job;
		mailbox->end = &job->next;
		/* Cannot fail: an eventfd is full only after 2^64 - 2 posts. */
		eventfd_write(mailbox->wake_fd, 1);
	}
	pthread_mutex_unlock(&mailbox->lock);
}

bool mailbox_wait(struct mailbox *mailbox, struct mailbox_job *job)
{
	pthread_mutex_lock(&mailbox->lock);
	while (!job->is_done)
		pthread_cond_wait(&mailbox->done, &mailbox->lock);
	bool was_run = job->was_run;
	pthread_mutex_unlock(&mailbox->lock);
	return was_run;
}

void mailbox_close(struct mailbox *mailbox)
{
	struct mailbox_job *job;
	pthread_mutex_lock(&mailbox->lock);
	mailbox->is_closed = true;
	while ((job = job_take(mailbox)))
		job_done(mailbox, job, false);
	pthread_mutex_unlock(&mailbox->lock);
}
