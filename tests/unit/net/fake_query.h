/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A query layer for tests of the network: every message comes back with QR set and, where
 * a listener has a router, with the octet that this points to as its last flags. The
 * first label of the question asks for more:
 *
 *   slow  suspended until a "wake" or "fail" reaches the same worker
 *   wake  resumes what is suspended, last come first, before it is answered itself
 *   fail  the same, but the suspended ones are dropped
 *   drop  no reply
 *   big   a reply as large as fits
 *   hold  the worker waits for fake_release before it answers
 */

/* Waits until a worker is held. */
void fake_wait_held(void);

/* Lets the worker that is held, or the next one to be, go on. */
void fake_release(void);

/* How many queries are suspended and not yet released. Any thread. */
unsigned fake_suspended(void);
