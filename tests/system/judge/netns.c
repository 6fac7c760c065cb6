/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/ipaddr.h"
#include "tests/system/judge/netns.h"

/* What the kernel's <linux/ipv6.h> calls in6_ifreq; that header and the C library's
 * cannot be included together everywhere. */
struct address_request {
	struct in6_addr address;
	uint32_t prefix_length;
	int interface;
};

static void file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = write(fd, text, strlen(text));
	(void)n;
	close(fd);
}

/* Root inside, ourselves outside: files keep their owner. */
static bool user_namespace_enter(void)
{
	char uids[64], gids[64];
	snprintf(uids, sizeof(uids), "0 %u 1\n", (unsigned)geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1\n", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	file_put("/proc/self/setgroups", "deny");
	file_put("/proc/self/uid_map", uids);
	file_put("/proc/self/gid_map", gids);
	return true;
}

static bool loopback_up(int fd)
{
	struct ifreq request = {.ifr_name = "lo"};
	if (ioctl(fd, SIOCGIFFLAGS, &request) != 0)
		return false;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

/* Bringing the interface up gave it ::1, which would be an address of the server's. */
static void loopback_v6_remove(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	struct address_request request = {
		.address = IN6ADDR_LOOPBACK_INIT,
		.prefix_length = 128,
		.interface = (int)if_nametoindex("lo"),
	};
	ioctl(fd, SIOCDIFADDR, &request);
	close(fd);
}

enum err netns_enter(void)
{
	if (unshare(CLONE_NEWNET) != 0 && !user_namespace_enter())
		return ERR_NOTFOUND;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	bool is_up = loopback_up(fd);
	close(fd);
	loopback_v6_remove();
	return is_up ? ERR_NONE : ERR_IO;
}

static enum err address_v4_add(int fd, unsigned number, const struct ipaddr *address)
{
	struct ifreq request = {0};
	struct sockaddr_in *value = (struct sockaddr_in *)&request.ifr_addr;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "lo:%u", number);
	value->sin_family = AF_INET;
	memcpy(&value->sin_addr, address->bytes, 4);
	if (ioctl(fd, SIOCSIFADDR, &request) != 0)
		return ERR_IO;
	value->sin_addr.s_addr = INADDR_BROADCAST;
	return ioctl(fd, SIOCSIFNETMASK, &request) == 0 ? ERR_NONE : ERR_IO;
}

static enum err address_v6_add(int fd, const struct ipaddr *address)
{
	struct address_request request = {
		.prefix_length = 128,
		.interface = (int)if_nametoindex("lo"),
	};
	memcpy(&request.address, address->bytes, 16);
	return ioctl(fd, SIOCSIFADDR, &request) == 0 ? ERR_NONE : ERR_IO;
}

enum err netns_address_add(unsigned number, const char *text)
{
	struct ipaddr address;
	enum err err = text ? ipaddr_parse(text, &address) : ERR_SYNTAX;
	/* 127.0.0.1 is there already. */
	if (err || ipaddr_is_loopback(&address))
		return err;
	int fd = socket(
		address.length == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	err = address.length == 4 ? address_v4_add(fd, number, &address)
				  : address_v6_add(fd, &address);
	close(fd);
	return err;
}
