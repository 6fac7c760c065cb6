/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A server on 127.0.0.1 that is asked, and the clock that says how long it took. */

/* Of CLOCK_MONOTONIC. */
int64_t clock_ns(void);

/* A UDP socket that is connected with the server; -1 with errno. */
int server_connect(unsigned port);

/* Whether this address is the first record of a reply to a question that has
 * `question_length` octets, header included. */
bool reply_has_address(const uint8_t *reply, size_t length, size_t question_length,
	struct in_addr address);
