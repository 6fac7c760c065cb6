/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/cpu.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t schedstat_ns(const char *folder, const char *tid)
{
	char path[512], text[128];
	uint64_t ns = 0;
	snprintf(path, sizeof(path), "%s/%s/schedstat", folder, tid);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(text, sizeof(text), file))
		ns = strtoull(text, NULL, 10);
	fclose(file);
	return ns;
}

static uint64_t process_cpu_ns(const char *pid)
{
	char path[64];
	uint64_t total = 0;
	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	DIR *folder = opendir(path);
	if (!folder)
		return 0;
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		if (entry->d_name[0] != '.')
			total += schedstat_ns(path, entry->d_name);
	}
	closedir(folder);
	return total;
}

static uint64_t thread_cpu_ns(const char *tid)
{
	return schedstat_ns("/proc", tid);
}

static uint64_t sum_each(const char *numbers, uint64_t (*read)(const char *number))
{
	uint64_t total = 0;
	while (numbers && *numbers) {
		char *end, text[32];
		snprintf(text, sizeof(text), "%ld", strtol(numbers, &end, 10));
		total += read(text);
		numbers = *end == ',' ? end + 1 : "";
	}
	return total;
}

uint64_t processes_cpu_ns(const char *pids)
{
	return sum_each(pids, process_cpu_ns);
}

uint64_t threads_cpu_ns(const char *tids)
{
	return sum_each(tids, thread_cpu_ns);
}
