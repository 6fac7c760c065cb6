/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/http.h"

/* The pages /health and /ready. Their context is the struct status. */

void page_health(void *context, struct http_reply *reply);

/* Once all plugins were ready, they are (monitor until-ready). */
void page_ready(void *context, struct http_reply *reply);
/* They are asked each time (monitor continuously). */
void page_ready_continuously(void *context, struct http_reply *reply);
