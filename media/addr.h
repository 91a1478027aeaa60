// SPDX-License-Identifier: MIT
/* addr: socket addresses as the kernel and as the session table write them. Pure, no state, any thread. */
#ifndef KEDGE_MEDIA_ADDR_H
#define KEDGE_MEDIA_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "routing/shm/layout.h"

union addr_sock { /* room for what the kernel takes and gives; len 0: no address */
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static inline size_t addr_ip_len(uint16_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

/* True where both name the same address and port; family 0 is no address and equals nothing. */
static inline bool addr_same(const struct kedge_addr *a, const struct kedge_addr *b)
{
	return a->family != 0 && a->family == b->family && a->port == b->port &&
	       memcmp(a->ip, b->ip, addr_ip_len(a->family)) == 0;
}

/* True for an address something can be sent to: a known family, a port, not the wildcard address of an old hold. */
static inline bool addr_usable(const struct kedge_addr *a)
{
	static const uint8_t zero[16];
	size_t n = addr_ip_len(a->family);

	return n != 0 && a->port != 0 && memcmp(a->ip, zero, n) != 0;
}

/* What the kernel says, in the table's form; of another family: none. */
static inline struct kedge_addr addr_from(const struct sockaddr *sa)
{
	struct kedge_addr a = { 0 };

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		a.family = AF_INET;
		a.port = ntohs(in->sin_port);
		memcpy(a.ip, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		a.family = AF_INET6;
		a.port = ntohs(in6->sin6_port);
		memcpy(a.ip, &in6->sin6_addr, 16);
	}
	return a;
}

/* The table's form for the kernel, whatever it names. Returns its length; 0 for no family. */
static inline socklen_t addr_put(const struct kedge_addr *a, union addr_sock *out)
{
	memset(out, 0, sizeof(*out));
	if (a->family == AF_INET) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(a->port);
		memcpy(&out->in.sin_addr, a->ip, 4);
		return sizeof(out->in);
	}
	if (a->family != AF_INET6)
		return 0;
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(a->port);
	memcpy(&out->in6.sin6_addr, a->ip, 16);
	return sizeof(out->in6);
}

/* The same for somewhere to send to; 0 where nothing can be. */
static inline socklen_t addr_to(const struct kedge_addr *a, union addr_sock *out)
{
	static const struct kedge_addr none;

	return addr_put(addr_usable(a) ? a : &none, out);
}

/* True if the network holds the address, whatever its port. */
static inline bool addr_within(const struct kedge_addr *a, const struct kedge_prefix *net)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->family == 0 || net->family != a->family || net->bits > addr_ip_len(a->family) * 8)
		return false;
	if (memcmp(a->ip, net->ip, whole) != 0)
		return false;
	return rest == 0 || ((a->ip[whole] ^ net->ip[whole]) >> (8 - rest)) == 0;
}

#endif
