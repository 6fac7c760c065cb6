/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

struct status_figures;

/* The families of API servers, where there is one. */
void scrape_kube(FILE *out, const struct status_figures *figures);
