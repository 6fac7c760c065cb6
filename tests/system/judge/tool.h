/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/base/err.h"

/* The command line clients that people use: run for real, their text read back. */

struct compare_reply;
struct suite_case;
struct tool;

/* By name: dig, drill or kdig. NULL: not one of them. */
const struct tool *tool_find(const char *name);

bool tool_is_installed(const struct tool *tool);

/* Zone transfers have other forms of output, which are not read, and a case that depends
 * on the transport is not for a client that falls back to TCP by itself. */
bool tool_can_ask(const struct suite_case *question);

/* As exchange_ask, by running the program, at 127.0.0.1: over UDP without, over TCP with
 * EDNS. */
enum err tool_ask(const struct tool *tool, const struct suite_case *question, bool is_tcp,
	uint16_t port, struct compare_reply *reply, FILE *out) MUST_CHECK;
