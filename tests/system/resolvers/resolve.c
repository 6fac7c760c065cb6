/* SPDX-License-Identifier: Apache-2.0 */
/* resolve NAME...: what getaddrinfo of the C library says, one sorted address a line;
 * "-" and the error's name where there is none. For glibc and musl alike. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESSES_MAX = 1024 };

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static const char *error_name(int error)
{
	switch (error) {
	case EAI_NONAME:
		return "NONAME";
#ifdef EAI_NODATA
	case EAI_NODATA: /* glibc's own: the name exists, without an address */
		return "NONAME";
#endif
	case EAI_AGAIN:
		return "AGAIN";
	default:
		return "ERROR";
	}
}

static void resolve(const char *name)
{
	static char texts[ADDRESSES_MAX][INET6_ADDRSTRLEN];
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int error = getaddrinfo(name, NULL, &hints, &list);
	if (error) {
		printf("- %s\n", error_name(error));
		return;
	}
	size_t count = 0;
	for (const struct addrinfo *info = list; info && count < ADDRESSES_MAX;
		info = info->ai_next) {
		const void *address =
			info->ai_family == AF_INET6
				? (const void *)&((struct sockaddr_in6 *)info->ai_addr)
					  ->sin6_addr
				: (const void *)&((struct sockaddr_in *)info->ai_addr)
					  ->sin_addr;
		inet_ntop(info->ai_family, address, texts[count++], INET6_ADDRSTRLEN);
	}
	freeaddrinfo(list);
	qsort(texts, count, INET6_ADDRSTRLEN, compare);
	for (size_t i = 0; i < count; i++)
		puts(texts[i]);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		resolve(argv[i]);
	return 0;
}
