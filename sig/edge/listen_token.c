// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sofia-sip/msg_addr.h>

#include "sig/edge/listen.h"

/* ---- tokens --------------------------------------------------------------------------------- */

static void random_fetch(uint8_t *pool, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = getrandom(pool + have, size - have, 0);

		if (n > 0)
			have += (size_t)n;
		else
			assert(errno == EINTR);
	}
}

void listen_random(void *out, size_t size)
{
	static uint8_t pool[4096];
	static size_t left;
	uint8_t *to = out;

	while (size--) {
		if (left == 0) {
			random_fetch(pool, sizeof(pool));
			left = sizeof(pool);
		}
		*to++ = pool[--left];
		pool[left] = 0;
	}
}

void listen_token(char *out)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t raw[LISTEN_TOKEN - 1];

	listen_random(raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		out[i] = alphabet[raw[i] & 31];
	out[LISTEN_TOKEN - 1] = 0;
}

void listen_branch(char *out)
{
	memcpy(out, "z9hG4bK", 7);
	listen_token(out + 7);
}

/* ---- addresses ------------------------------------------------------------------------------ */

void listen_addr_of(const struct sockaddr *sa, struct kedge_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		out->family = AF_INET;
		out->port = ntohs(in->sin_port);
		memcpy(out->ip, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		out->port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			out->family = AF_INET;
			memcpy(out->ip, in6->sin6_addr.s6_addr + 12, 4);
		} else {
			out->family = AF_INET6;
			memcpy(out->ip, &in6->sin6_addr, 16);
		}
	}
}

int listen_source(msg_t *msg, struct kedge_addr *out)
{
	const su_sockaddr_t *su = msg_addr(msg);

	if (!su || (su->su_family != AF_INET && su->su_family != AF_INET6))
		return -EINVAL;
	listen_addr_of(&su->su_sa, out);
	return 0;
}

static char *put_number(char *out, unsigned n)
{
	char digits[5];
	int k = 0;

	do
		digits[k++] = (char)('0' + n % 10);
	while (n /= 10);
	while (k)
		*out++ = digits[--k];
	return out;
}

/* A dozen times a call, so without printf. */
static void print_ip4(char *out, const uint8_t ip[4], uint16_t port)
{
	for (int i = 0; i < 4; i++) {
		out = put_number(out, ip[i]);
		*out++ = i < 3 ? '.' : ':';
	}
	*put_number(out, port) = 0;
}

char *listen_print(const struct kedge_addr *a, char *out, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "-";

	if (!a->family) {
		snprintf(out, size, "%s", ip);
		return out;
	}
	if (a->family == AF_INET && size >= sizeof("255.255.255.255:65535")) {
		print_ip4(out, a->ip, a->port);
		return out;
	}
	inet_ntop(a->family, a->ip, ip, sizeof(ip));
	snprintf(out, size, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip, a->port);
	return out;
}
