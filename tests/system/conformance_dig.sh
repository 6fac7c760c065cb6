#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A good part of the conformance cases, asked and read by dig.
exec "${builddir:-.}/tests/system/conformance" --client dig own_names handler reverse spec part1
