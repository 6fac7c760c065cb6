/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/config/directive.h"

/* What the directive table takes from the files of single plugins: the rows of their
 * options, and rules that the types of arguments do not state. */

enum { ANY_NUMBER = 255 };

extern const struct directive_row acl_options[];
extern const struct directive_row cache_options[];
extern const struct directive_row dns64_options[];
extern const struct directive_row errors_options[];
extern const struct directive_row external_options[];
extern const struct directive_row file_options[];
extern const struct directive_row forward_options[];
extern const struct directive_row header_options[];
extern const struct directive_row hosts_options[];
extern const struct directive_row loadbalance_options[];
extern const struct directive_row log_options[];
extern const struct directive_row rewrite_options[];
extern const struct directive_row template_options[];

/* Is the search list that of a pod? */
bool autopath_is_of_cluster(const struct corefile_directive *directive);
void autopath_check(
	const struct corefile_directive *directive, struct diag_list *problems);
void acl_check_rule(const struct corefile_directive *option, struct diag_list *problems);
void cache_check(const struct corefile_directive *directive, struct diag_list *problems);
void cache_check_disable(
	const struct corefile_directive *option, struct diag_list *problems);
void cache_check_kind(
	const struct corefile_directive *option, struct diag_list *problems);
void cache_check_prefetch(
	const struct corefile_directive *option, struct diag_list *problems);
void cache_check_stale(
	const struct corefile_directive *option, struct diag_list *problems);
void dns64_check(const struct corefile_directive *directive, struct diag_list *problems);
void errors_check_consolidate(
	const struct corefile_directive *option, struct diag_list *problems);
void external_check_apex(
	const struct corefile_directive *option, struct diag_list *problems);
void forward_check(
	const struct corefile_directive *directive, struct diag_list *problems);
void forward_check_failover(
	const struct corefile_directive *option, struct diag_list *problems);
void forward_check_resolver(
	const struct corefile_directive *option, struct diag_list *problems);
void forward_check_health(
	const struct corefile_directive *option, struct diag_list *problems);
void forward_check_next(
	const struct corefile_directive *option, struct diag_list *problems);
void file_check(const struct corefile_directive *directive, struct diag_list *problems);
void header_check(const struct corefile_directive *directive, struct diag_list *problems);
void header_check_flags(
	const struct corefile_directive *option, struct diag_list *problems);
void header_check_rule(
	const struct corefile_directive *option, struct diag_list *problems);
void hosts_check(const struct corefile_directive *directive, struct diag_list *problems);
void hosts_check_entry(
	const struct corefile_directive *option, struct diag_list *problems);
void loadbalance_check(
	const struct corefile_directive *directive, struct diag_list *problems);
void loadbalance_check_prefer(
	const struct corefile_directive *option, struct diag_list *problems);
void log_check(const struct corefile_directive *directive, struct diag_list *problems);
void nsid_check(const struct corefile_directive *directive, struct diag_list *problems);
void rewrite_check(
	const struct corefile_directive *directive, struct diag_list *problems);
void template_check(
	const struct corefile_directive *directive, struct diag_list *problems);
void template_check_ederror(
	const struct corefile_directive *option, struct diag_list *problems);
void template_check_rcode(
	const struct corefile_directive *option, struct diag_list *problems);
