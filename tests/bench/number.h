/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/* A whole decimal number from `least` to `most`, nothing around it. */
bool number_parse(const char *text, unsigned least, unsigned most, unsigned *out);
