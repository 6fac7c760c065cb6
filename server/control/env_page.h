/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/http.h"

#define ENV_PAGE_PATH "/env/"

/*
 * The pages /env/NAMESPACE, where envfiles asks for them: the file of the namespace, in
 * the format that the query names (format), of the services that match (service, may be
 * repeated), with service_links, max_bytes and truncate as the options of `waymark env`.
 * /env/ lists the namespaces. The context is the struct env_writer. HTTP thread.
 */
void page_env(void *context, struct http_reply *reply);
