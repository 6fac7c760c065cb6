/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Returns when every read section (reader.h) that was open at the call has ended. Not to
 * be called from inside one. */
void grace_wait(void);
