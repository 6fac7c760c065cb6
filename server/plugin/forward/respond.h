/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/plugin/forward/reply_check.h"
#include "server/query/query.h"

/* Inside forward: what a client is told. */

/* The records of an upstream's message, as many as fit. */
void respond_answer(struct query *query, const struct reply_facts *facts);

/* SERVFAIL; `failure`, for the errors plugin, must live as long as the query. */
void respond_failure(struct query *query, enum edns_ede ede, const char *failure);
