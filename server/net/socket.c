/* SPDX-License-Identifier: Apache-2.0 */
#include "server/net/socket.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/ipaddr.h"

enum {
	LISTEN_BACKLOG = 511,
	PORT_ATTEMPTS = 16,           /* the TCP port of a chosen UDP port may be taken */
	TCP_BUFFER_BYTES = 128 << 10, /* what a connection may hold in the kernel */
};

static const int enable = 1;

static int option_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

bool socket_is_wildcard(const struct sockaddr_storage *address)
{
	struct ipaddr ip = ipaddr_from_sockaddr((const struct sockaddr *)address);
	return ipaddr_is_unspecified(&ip);
}

in_port_t socket_port(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static void socket_set_port(struct sockaddr_storage *address, in_port_t port)
{
	if (address->ss_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)address)->sin_port = htons(port);
}

socklen_t socket_address_length(const struct sockaddr *address)
{
	return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

const char *socket_format(const struct sockaddr_storage *address, char *out)
{
	char text[IPADDR_TEXT_SIZE];
	struct ipaddr ip = ipaddr_from_sockaddr((const struct sockaddr *)address);
	bool is_v6 = ip.length == 16;
	snprintf(out, SOCKET_TEXT_SIZE, "%s%s%s:%u", is_v6 ? "[" : "",
		ipaddr_format(&ip, text), is_v6 ? "]" : "", socket_port(address));
	return out;
}

/*
 * A forged "fragmentation needed" must not make us send fragments, which an attacker can
 * exchange on the way (draft-ietf-dnsop-avoid-fragmentation, now RFC 9715): the kernel is
 * to leave path MTU out of account.
 */
static void udp_ignore_path_mtu(int fd, int family)
{
	if (family == AF_INET6)
		option_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	else
		option_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
}

static int udp_configure(
	int fd, const struct sockaddr_storage *address, unsigned receive_bytes)
{
	udp_ignore_path_mtu(fd, address->ss_family);
	/* Past net.core.rmem_max with CAP_NET_ADMIN, else as far as that. */
	if (option_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, (int)receive_bytes))
		option_set(fd, SOL_SOCKET, SO_RCVBUF, (int)receive_bytes);

	if (!socket_is_wildcard(address))
		return 0;
	if (address->ss_family == AF_INET6)
		return option_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, enable);
	return option_set(fd, IPPROTO_IP, IP_PKTINFO, enable);
}

/* Connections inherit these from their listener. */
static int tcp_configure(int fd)
{
	/* Else a slow reader makes the kernel's buffers grow to megabytes on our account.
	 */
	option_set(fd, SOL_SOCKET, SO_SNDBUF, TCP_BUFFER_BYTES);
	option_set(fd, SOL_SOCKET, SO_RCVBUF, TCP_BUFFER_BYTES);
	return option_set(fd, IPPROTO_TCP, TCP_NODELAY, enable);
}

static int socket_bind(int fd, const struct sockaddr_storage *address, bool is_first)
{
	const struct sockaddr *name = (const struct sockaddr *)address;
	/*
	 * Two processes of one user can share a port with SO_REUSEPORT without noticing.
	 * So the first socket binds without it, and only then lets the others in.
	 */
	if (!is_first && option_set(fd, SOL_SOCKET, SO_REUSEPORT, enable))
		return -1;
	if (bind(fd, name, socket_address_length(name)))
		return -1;
	return is_first ? option_set(fd, SOL_SOCKET, SO_REUSEPORT, enable) : 0;
}

static int socket_prepare(int fd, int type, const struct sockaddr_storage *address,
	unsigned udp_receive_bytes)
{
	if (address->ss_family == AF_INET6 &&
		option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, enable))
		return -1;
	if (type == SOCK_DGRAM)
		return udp_configure(fd, address, udp_receive_bytes);
	/* Old connections in TIME_WAIT do not count; a listener does. */
	if (option_set(fd, SOL_SOCKET, SO_REUSEADDR, enable))
		return -1;
	return tcp_configure(fd);
}

static int socket_open(int type, const struct sockaddr_storage *address, bool is_first,
	unsigned udp_receive_bytes)
{
	int fd = socket(address->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (socket_prepare(fd, type, address, udp_receive_bytes) ||
		socket_bind(fd, address, is_first) ||
		(type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG))) {
		int cause = errno;
		close(fd);
		errno = cause;
		return -1;
	}
	return fd;
}

static enum err socket_pair_try(struct sockaddr_storage *address, bool is_first,
	unsigned udp_receive_bytes, struct socket_pair *out, const char **failed)
{
	struct sockaddr_storage bound = *address;
	socklen_t length = sizeof(bound);
	*failed = "udp";
	int udp = socket_open(SOCK_DGRAM, address, is_first, udp_receive_bytes);
	if (udp < 0)
		return ERR_IO;

	int tcp = -1;
	if (!getsockname(udp, (struct sockaddr *)&bound, &length)) {
		*failed = "tcp";
		tcp = socket_open(SOCK_STREAM, &bound, is_first, 0);
	}
	if (tcp < 0) {
		int cause = errno;
		close(udp);
		errno = cause;
		return ERR_IO;
	}
	socket_set_port(address, socket_port(&bound));
	*out = (struct socket_pair){udp, tcp};
	return ERR_NONE;
}

enum err socket_pair_open(struct sockaddr_storage *address, bool is_first,
	unsigned udp_receive_bytes, struct socket_pair *out, const char **failed)
{
	unsigned attempts = socket_port(address) ? 1 : PORT_ATTEMPTS;
	enum err err = ERR_IO;
	do {
		err = socket_pair_try(address, is_first, udp_receive_bytes, out, failed);
	} while (err && errno == EADDRINUSE && --attempts);
	return err;
}

const char *socket_reason(int error, char *out)
{
	switch (error) {
	case EACCES:
		return "permission denied; ports below 1024 need root or "
		       "CAP_NET_BIND_SERVICE";
	case EADDRNOTAVAIL:
		return "this machine does not have the address";
	case EAFNOSUPPORT:
		return "this machine has no network of that kind";
	case EMFILE:
		return "too many open files; raise the limit (ulimit -n)";
	default:
		snprintf(out, SOCKET_REASON_SIZE, "%s", strerror(error));
		out[0] = (char)tolower((unsigned char)out[0]);
		return out;
	}
}
