/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "server/base/err.h"
#include "zones/registry/object.h"

/*
 * Kubernetes label selectors in their text form, as `kubectl get -l` and the options
 * `labels` and `namespace_labels` take them:
 *
 *     a=b  a==b  a!=b  a in (x,y)  a notin (x,y)  a  !a  a>5  a<5
 *
 * joined by commas, all of which must hold. The grammar is that of Kubernetes' own
 * parser with its corners: `in` and `notin` are keys and values where no operator can
 * stand, a missing value is the empty one (`a=`, `a in ()`, `a in (x,)`), an empty text
 * selects everything, a trailing comma is an error. Keys are qualified names
 * (`[dns-subdomain/]name`), values have at most 63 characters of [-_.A-Za-z0-9] and
 * begin and end with one of [A-Za-z0-9].
 *
 * A selector never changes once it is parsed, so any thread may match against it.
 */

struct selector;

/* ERR_SYNTAX with the byte offset of what is wrong and a text such as "a value has more
 * than 63 characters", both written on this error alone; ERR_NOMEM. */
enum err selector_parse(const char *text, struct selector **out, unsigned *error_offset,
	const char **reason) MUST_CHECK;
void selector_free(struct selector *selector);

/* `!=` and `notin` hold where the key is absent. `>` and `<` hold only where the label's
 * value is a decimal number of 64 bits. */
bool selector_matches(
	const struct selector *selector, const struct object_label *labels, size_t count);

/* A map of labels as a selector (a service's spec.selector): true if `have` has each
 * label of `wanted`, so always if there is none in `wanted`. */
bool selector_matches_all(const struct object_label *wanted, size_t wanted_count,
	const struct object_label *have, size_t have_count);
