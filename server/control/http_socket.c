/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/control/http_internal.h"
#include "server/net/socket.h"

enum { LISTEN_BACKLOG = 128 };

/* `takes_both`: IPv4 too, on an IPv6 wildcard address. */
static int socket_listen(
	const struct sockaddr_storage *address, bool takes_both, bool may_overlap)
{
	const struct sockaddr *name = (const struct sockaddr *)address;
	const int is_on = 1, is_v6_only = !takes_both;
	int fd =
		socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/*
	 * Whoever binds with SO_REUSEPORT shares the port with any other socket of ours
	 * that has it, so it is set beforehand only where one is known to be in the way,
	 * and afterwards for the one that may come.
	 */
	bool is_open = !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &is_on, sizeof(is_on)) &&
		       (!may_overlap || !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &is_on,
						sizeof(is_on))) &&
		       (address->ss_family != AF_INET6 ||
			       !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6_only,
				       sizeof(is_v6_only))) &&
		       !bind(fd, name, socket_address_length(name)) &&
		       !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &is_on, sizeof(is_on)) &&
		       !listen(fd, LISTEN_BACKLOG);
	if (is_open)
		return fd;
	int cause = errno;
	close(fd);
	errno = cause;
	return -1;
}

static int socket_listen_any(const struct sockaddr_storage *port, bool may_overlap)
{
	struct sockaddr_storage any = {0};
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&any;
	*ipv6 = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_port = htons(socket_port(port))};
	int fd = socket_listen(&any, true, may_overlap);
	/* Else the machine has no IPv6. */
	if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
		return fd;
	return socket_listen(port, false, may_overlap);
}

enum err http_socket_open(const struct http_page *page, bool may_overlap, int *out,
	struct diag_list *problems)
{
	int fd = page->is_any ? socket_listen_any(&page->address, may_overlap)
			      : socket_listen(&page->address, false, may_overlap);
	if (fd >= 0) {
		*out = fd;
		return ERR_NONE;
	}
	char address[SOCKET_TEXT_SIZE], reason[SOCKET_REASON_SIZE];
	int cause = errno;
	diag_add(problems, SEVERITY_ERROR, page->file, page->line, page->column,
		"cannot listen on %s (http %s): %s",
		socket_format(&page->address, address), page->path,
		socket_reason(cause, reason));
	errno = cause;
	return ERR_IO;
}
