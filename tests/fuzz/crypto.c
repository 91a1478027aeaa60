// SPDX-License-Identifier: MIT
/* fuzz/crypto: any bytes as a line of a=crypto, and as a text that is masked. What is read is written and read back the same; no key is left. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sig/offer/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back(const struct crypto *c)
{
	struct crypto again = { 0 };
	char text[CRYPTO_TEXT];
	int n;

	assert(c->tag <= 999999999 && c->length == crypto_length(c->suite) && c->length >= 28);
	n = crypto_write(text, c);
	assert(n < CRYPTO_TEXT && strlen(text) == (size_t)n);
	assert(crypto_read(&again, (struct text){ text, (size_t)n }) == 0);
	assert(again.tag == c->tag && again.suite == c->suite && memcmp(again.key, c->key, c->length) == 0);
	crypto_mask(text, (size_t)n);
	assert(crypto_read(&again, (struct text){ text, (size_t)n }) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crypto c = { 0 };
	char *copy = malloc(size ? size : 1); /* exact: one byte too far is seen */

	assert(copy);
	memcpy(copy, data, size);
	if (crypto_read(&c, (struct text){ copy, size }) == 0)
		read_back(&c);
	else
		assert(c.suite == KEDGE_SUITE_NONE);
	crypto_mask(copy, size);
	for (size_t i = 0; i + 7 < size; i++)
		assert(strncasecmp(copy + i, "inline:", 7) != 0 || copy[i + 7] == '*' || (unsigned char)copy[i + 7] <= ' ' || copy[i + 7] == ':');
	free(copy);
	return 0;
}
