/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/control/http.h"

/* Inside server/control: the listening socket of a page. ERR_IO with `problems`. */
enum err http_socket_open(
	const struct http_page *page, int *out, struct diag_list *problems) MUST_CHECK;
