// SPDX-License-Identifier: MIT
#include "sig/edge/branch.h"

#include <stdint.h>
#include <string.h>

#define PREFIX "z9hG4bKu" /* tokens have no u: a branch without seals is never taken for one with */
#define RANDOM (sizeof(PREFIX) - 1)
#define SEAL   3
#define OF_ADDR  (LISTEN_BRANCH - 1 - 2 * SEAL)
#define OF_TRUNK (LISTEN_BRANCH - 1 - SEAL)

static uint64_t rotate(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
		v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
	}
}

/* SipHash-2-4 (Aumasson, Bernstein), its key drawn at the first use. */
static uint64_t keyed(const char *data, size_t size)
{
	static uint64_t key[2];
	uint64_t v[4], word, last = (uint64_t)size << 56;

	if (!key[0] && !key[1])
		listen_random(key, sizeof(key));
	v[0] = key[0] ^ 0x736f6d6570736575ULL;
	v[1] = key[1] ^ 0x646f72616e646f6dULL;
	v[2] = key[0] ^ 0x6c7967656e657261ULL;
	v[3] = key[1] ^ 0x7465646279746573ULL;
	for (; size >= 8; data += 8, size -= 8) {
		memcpy(&word, data, 8);
		v[3] ^= word;
		rounds(v, 2);
		v[0] ^= word;
	}
	for (size_t i = 0; i < size; i++)
		last |= (uint64_t)(uint8_t)data[i] << (8 * i);
	v[3] ^= last;
	rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* kind: an address and a trunk of the same bytes are not the same. */
static void seal(char out[static SEAL], const char *branch, char kind, const void *data, size_t size)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	char text[128];
	uint64_t h;

	size = size < sizeof(text) - OF_ADDR - 1 ? size : sizeof(text) - OF_ADDR - 1;
	memcpy(text, branch, OF_ADDR);
	text[OF_ADDR] = kind;
	memcpy(text + OF_ADDR + 1, data, size);
	h = keyed(text, OF_ADDR + 1 + size);
	for (int i = 0; i < SEAL; i++, h >>= 5)
		out[i] = alphabet[h & 31];
}

static void seal_addr(char out[static SEAL], const char *branch, const struct kedge_addr *addr)
{
	seal(out, branch, 'a', addr->ip, sizeof(addr->ip));
}

void branch_make(char out[static LISTEN_BRANCH], const struct kedge_addr *to, const char *trunk)
{
	char token[LISTEN_TOKEN];

	listen_token(token);
	memcpy(out, PREFIX, RANDOM);
	memcpy(out + RANDOM, token, OF_ADDR - RANDOM);
	seal_addr(out + OF_ADDR, out, to);
	if (trunk)
		seal(out + OF_TRUNK, out, 't', trunk, strlen(trunk));
	else
		memcpy(out + OF_TRUNK, token + OF_ADDR - RANDOM, SEAL);
	out[LISTEN_BRANCH - 1] = 0;
}

bool branch_is_sealed(const char *branch)
{
	return strncmp(branch, PREFIX, RANDOM) == 0;
}

bool branch_went_to(const char *branch, const struct kedge_addr *addr)
{
	char want[SEAL];

	seal_addr(want, branch, addr);
	return memcmp(want, branch + OF_ADDR, SEAL) == 0;
}

bool branch_of_trunk(const char *branch, const char *trunk)
{
	char want[SEAL];

	seal(want, branch, 't', trunk, strlen(trunk));
	return memcmp(want, branch + OF_TRUNK, SEAL) == 0;
}
