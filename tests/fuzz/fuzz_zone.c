/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/plugin/file/zone_read.h"
#include "server/wire/message.h"

/* A zone file of "example.org". What is read has a sound apex; what is refused is told.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key key = {1, 2};
	struct dname origin;
	struct diag_list problems;
	struct zone *zone = NULL;
	diag_list_init(&problems);
	if (dname_from_text("example.org", &origin))
		abort();
	enum err err = zone_read(
		&key, &origin, "zone", (const char *)data, size, &zone, &problems);
	if (err == ERR_INVALID && !problems.count)
		abort();
	if (!err && (!zone_node_find(zone_apex(zone), TYPE_SOA) ||
			    zone_find_name(zone, &origin) != zone_apex(zone)))
		abort();
	zone_free(zone);
	diag_list_deinit(&problems);
	return 0;
}
