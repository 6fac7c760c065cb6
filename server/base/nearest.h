/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * "Did you mean": the candidate that a misspelt word was most likely meant to be, by the
 * number of letters added, left out, replaced or swapped with their neighbour.
 */

struct nearest {
	const char *word;
	const char *found; /* the nearest yet, NULL: none is near enough */
	size_t distance;   /* of `found` */
};

void nearest_init(struct nearest *nearest, const char *word);
void nearest_offer(struct nearest *nearest, const char *candidate);
