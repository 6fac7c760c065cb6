/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "zones/store/store_internal.h"
#include "zones/store/store_write.h"

/* What the builders keep; for builder.c and store_write.c. */

struct buffer {
	uint8_t *bytes;
	size_t length, capacity;
	bool has_failed;
};

struct answer_builder {
	const struct store *store;
	struct buffer image; /* the answer set as it will be stored */
	struct dname owner;
	struct targets *targets; /* of its SRV rrset, borrowed */
	size_t rrset_at;         /* where the last rrset begins; 0: none yet */
};

/* Pads the image, which is then complete. */
void answer_end(struct answer_builder *builder);

struct targets *targets_ref(struct targets *targets);
