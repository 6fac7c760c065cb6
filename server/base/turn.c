/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/turn.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc has neither of the two calls before 2.41. False: errno says why. */
static bool attributes_get(struct sched_attr *out)
{
	*out = (struct sched_attr){.size = sizeof(*out)};
	return syscall(SYS_sched_getattr, 0, out, sizeof(*out), 0) == 0;
}

enum err turn_set_length(int64_t ns)
{
	struct sched_attr attributes;
	if (!attributes_get(&attributes))
		return ERR_IO;
	if (attributes.sched_policy != SCHED_NORMAL)
		return ERR_NONE;
	attributes.sched_flags |= SCHED_FLAG_RESET_ON_FORK;
	attributes.sched_runtime = (uint64_t)ns;
	return syscall(SYS_sched_setattr, 0, &attributes, 0) ? ERR_IO : ERR_NONE;
}

int64_t turn_length(void)
{
	struct sched_attr attributes;
	return attributes_get(&attributes) ? (int64_t)attributes.sched_runtime : 0;
}
