/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/source/document.h"

/*
 * What a plain scalar of YAML means: null, a boolean, a number or a string, by the rules
 * of YAML 1.1 as kubectl applies them. `text` must live as long as the node. Sets the
 * type and the value.
 */
void scalar_resolve(const char *text, size_t length, struct node *node);
