/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct reply;

/* Sets of addresses in a reply whose records others wrote: rotated, sorted and chosen
 * from as the reply asks for, like those of the store (canned.h). Only addresses change
 * places, so that names compressed across records stay what they are. Worker threads. */
void order_addresses(struct reply *reply);
