/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/err.h"

/*
 * Network namespaces, so that a test decides which addresses the machine has. Only for
 * a process with one thread.
 */

/* Moves the process into a fresh namespace whose only address is 127.0.0.1. Without the
 * privilege a user namespace is made first. ERR_NOTFOUND: neither is allowed here. */
enum err netns_enter(void) MUST_CHECK;

/* Gives the loopback interface one more address; `number` from 1, other each time. */
enum err netns_address_add(unsigned number, const char *text) MUST_CHECK;
