/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* A reply as somebody read it, set beside what a case expects. */

struct ldns_struct_rr_list;
struct suite_case;

struct compare_reply {
	char rcode[24];
	bool has_aa, has_tc, has_ra, has_ad;
	struct ldns_struct_rr_list
		*sections[3]; /* answer, authority, additional; no OPT */
};

/* Without memory: false. */
bool compare_reply_init(struct compare_reply *reply);
void compare_reply_deinit(struct compare_reply *reply);

/* True when they agree; else each difference is a line on `out`. */
bool compare_with_case(
	const struct compare_reply *reply, const struct suite_case *expected, FILE *out);
