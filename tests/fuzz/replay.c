/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main of a fuzz target without libFuzzer: runs the target over each file of the
 * folders given, in TAP. Without arguments the program fuzz_NAME takes its corpus,
 * $srcdir/tests/fuzz/corpus/NAME.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLAY_PATH_SIZE = 4096 };

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The file's bytes in memory of just their size, so that a sanitizer sees each read
 * beyond them. NULL: it cannot be read. */
static uint8_t *replay_read(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return NULL;
	uint8_t *data = NULL;
	long length = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
	if (length >= 0 && !fseek(file, 0, SEEK_SET))
		data = malloc(length ? (size_t)length : 1);
	if (data && fread(data, 1, (size_t)length, file) != (size_t)length) {
		free(data);
		data = NULL;
	}
	fclose(file);
	*size = (size_t)length;
	return data;
}

static int replay_file(const char *folder, const char *name, unsigned number)
{
	char path[REPLAY_PATH_SIZE];
	size_t size;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	uint8_t *data = replay_read(path, &size);
	if (!data) {
		printf("not ok %u - %s: %s\n", number, name, strerror(errno));
		return 1;
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	printf("ok %u - %s\n", number, name);
	return 0;
}

static int replay_folder(const char *folder, unsigned *number)
{
	struct dirent **names;
	int failures = 0, count = scandir(folder, &names, is_input, alphasort);
	if (count < 0) {
		printf("not ok %u - %s: %s\n", ++*number, folder, strerror(errno));
		return 1;
	}
	for (int i = 0; i < count; i++) {
		failures += replay_file(folder, names[i]->d_name, ++*number);
		free(names[i]);
	}
	free(names);
	return failures;
}

static const char *replay_own_corpus(const char *program, char *out)
{
	const char *srcdir = getenv("srcdir");
	const char *name = strstr(program, "fuzz_");
	for (const char *next = name; next; next = strstr(next + 1, "fuzz_"))
		name = next;
	if (!name)
		return NULL;
	snprintf(out, REPLAY_PATH_SIZE, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
		name + strlen("fuzz_"));
	return out;
}

int main(int argc, char **argv)
{
	char own[REPLAY_PATH_SIZE];
	unsigned number = 0;
	int failures = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		failures += replay_folder(argv[i], &number);
	if (argc == 1 && replay_own_corpus(argv[0], own))
		failures += replay_folder(own, &number);
	printf("1..%u\n", number);
	return failures || !number;
}
