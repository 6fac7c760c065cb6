/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/http.h"

/* The pages /health and /ready. Their context is the struct status. */

void page_health(void *context, struct http_reply *reply);

/* Names the plugins that are not ready; one that was ready once is (until-ready). */
void page_ready(void *context, struct http_reply *reply);
/* They are asked each time (monitor continuously). */
void page_ready_continuously(void *context, struct http_reply *reply);
