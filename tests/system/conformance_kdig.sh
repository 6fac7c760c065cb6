#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A good part of the conformance cases, asked and read by kdig.
exec "${builddir:-.}/tests/system/conformance" --client kdig own_names handler reverse spec part1
