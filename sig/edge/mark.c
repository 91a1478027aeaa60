// SPDX-License-Identifier: MIT
#include "sig/edge/mark.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "sig/edge/listen.h"
#include "sig/edge/stream.h"

static struct {
	const struct kedge_listener *list;
	uint32_t count;
	int octet[KEDGE_LISTEN_MAX]; /* as last seen */
} marks;

static int octet_of(int fd, uint16_t family)
{
	int octet = 0;
	socklen_t size = sizeof(octet);

	getsockopt(fd, family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, family == AF_INET6 ? IPV6_TCLASS : IP_TOS, &octet, &size);
	return octet;
}

static void mark(int fd, uint16_t family, int octet)
{
	setsockopt(fd, family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP, family == AF_INET6 ? IPV6_TCLASS : IP_TOS, &octet, sizeof(octet));
}

void mark_made(int fd, const struct kedge_listener *list, uint32_t count)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	struct kedge_addr local;
	int best = -1;

	if (getsockname(fd, (struct sockaddr *)&ss, &size) < 0)
		return;
	listen_addr_of((struct sockaddr *)&ss, &local);
	for (uint32_t i = 0; i < count; i++) {
		if (list[i].addr.family != local.family || memcmp(list[i].addr.ip, local.ip, sizeof(local.ip)) != 0)
			continue;
		best = best < 0 || list[i].addr.port == local.port ? (int)i : best;
	}
	if (best >= 0)
		mark(fd, local.family, octet_of(list[best].fd, local.family));
}

static void again(int fd)
{
	mark_made(fd, marks.list, marks.count);
}

void mark_tick(const struct kedge_listener *list, uint32_t count)
{
	bool changed = false;

	marks.list = list;
	marks.count = count;
	for (uint32_t i = 0; i < count && i < KEDGE_LISTEN_MAX; i++) {
		int octet = octet_of(list[i].fd, list[i].addr.family);

		changed = changed || octet != marks.octet[i];
		marks.octet[i] = octet;
	}
	if (changed)
		stream_each(again);
}
