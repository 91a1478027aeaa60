// SPDX-License-Identifier: MIT
/* srtp: what does a packet cost to protect and to open again, by the sessions alive? bench/README.md has how to read it. Each kind runs in
 * a process of its own: libsrtp's types are exchanged once and for all. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <srtp2/srtp.h>

#include "config/clock.h"
#include "media/cipher.h"
#include "media/rtp.h"
#include "media/srtp.h"
#include "routing/shm/seq.h"

#define SIZE     172
#define RUNS_MAX 9

enum kind { STOCK, REPLACED, KEDGE, KINDS };
static const char *const NAME[KINDS] = { "libsrtp as it comes", "with OpenSSL's ciphers", "kedge-media (srtp.c)" };

static const struct suite {
	const char *name;
	void (*set)(srtp_crypto_policy_t *);
	uint8_t suite, key_len;
} suites[] = { { "AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, 30 },
	{ "AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, KEDGE_SUITE_AES_256_CM_HMAC_SHA1_80, 46 },
	{ "AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth, KEDGE_SUITE_AEAD_AES_128_GCM, 28 },
	{ "AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth, KEDGE_SUITE_AEAD_AES_256_GCM, 44 } };

static const unsigned alive[] = { 1, 500, 1000, 2000 };
#define ALIVE (sizeof(alive) / sizeof(*alive))

struct pair {
	srtp_t tx, rx;
	struct kedge_end_slot *slot; /* KEDGE: one end that speaks to itself */
	struct secure *secure;
};

static void key_of(uint8_t key[48], unsigned n)
{
	for (unsigned i = 0; i < 48; i++)
		key[i] = (uint8_t)(n * 31 + n / 256 * 7 + i * 13);
}

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "srtp: %s\n", what);
	exit(1);
}

static srtp_t context(enum kind kind, const struct suite *s, uint8_t *key, srtp_ssrc_type_t type)
{
	srtp_policy_t p = { .ssrc = { type, 0 }, .key = key };
	srtp_t out = NULL;

	s->set(&p.rtp);
	s->set(&p.rtcp);
	if (kind != STOCK)
		cipher_hot();
	need(srtp_create(&out, &p) == srtp_err_status_ok, "no session");
	return out;
}

static void open_pair(struct pair *x, enum kind kind, const struct suite *s, unsigned n)
{
	struct kedge_keys k = { .suite = s->suite, .tx_len = s->key_len, .rx_len = s->key_len };

	key_of(k.tx, n);
	key_of(k.rx, n);
	if (kind != KEDGE) {
		x->tx = context(kind, s, k.tx, ssrc_any_outbound);
		x->rx = context(kind, s, k.rx, ssrc_any_inbound);
		return;
	}
	x->slot = aligned_alloc(KEDGE_LINE, sizeof(*x->slot));
	need(x->slot != NULL, "no memory");
	memset(x->slot, 0, sizeof(*x->slot));
	seq_write(&x->slot->keys, &k);
	need(secure_follow(&x->secure, x->slot, s->suite, n, 0) == 0, "no contexts");
}

static void close_pair(struct pair *x)
{
	if (x->tx != NULL) {
		srtp_dealloc(x->tx);
		srtp_dealloc(x->rx);
	}
	secure_close(&x->secure);
	free(x->slot);
}

static bool through(struct pair *x, enum kind kind, uint8_t *data, uint64_t index)
{
	size_t len = SIZE;
	int n = SIZE;

	if (kind == KEDGE)
		return secure_protect(x->secure, data, &len, index) == SECURE_OK &&
		       secure_unprotect(x->secure, data, &len, 0) == SECURE_OK && len == SIZE;
	return srtp_protect(x->tx, data, &n) == srtp_err_status_ok && srtp_unprotect(x->rx, data, &n) == srtp_err_status_ok && n == SIZE;
}

static double resident(void)
{
	unsigned long pages = 0, in = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL) {
		if (fscanf(f, "%lu %lu", &pages, &in) != 2)
			in = 0;
		fclose(f);
	}
	return (double)in * (double)sysconf(_SC_PAGESIZE);
}

struct result {
	double ns, open_us, bytes; /* of protect and unprotect; of a pair */
};

/* Packet after packet of all sessions in turn, as they come in a relay. */
static struct result measure(enum kind kind, const struct suite *s, unsigned pairs, unsigned packets)
{
	struct pair *x = calloc(pairs, sizeof(*x));
	uint64_t began, rounds = packets / pairs + 1;
	double before = resident();
	struct result r;

	need(x != NULL, "no memory");
	began = clock_mono_ns();
	for (unsigned i = 0; i < pairs; i++)
		open_pair(&x[i], kind, s, i);
	r.open_us = (double)(clock_mono_ns() - began) / 1000 / pairs;
	began = 0;
	for (uint64_t n = 0; n < rounds + 2; n++) {
		if (n == 2) /* first the streams are made and the caches warm */
			began = clock_mono_ns();
		for (unsigned i = 0; i < pairs; i++) {
			_Alignas(8) uint8_t data[SIZE + SECURE_ROOM] = { 0x80 };
			struct rtp h = { .sequence = (uint16_t)n, .timestamp = (uint32_t)n * 160, .ssrc = i };

			rtp_write(data, &h);
			need(through(&x[i], kind, data, n), "a packet did not come through");
		}
	}
	r.ns = (double)(clock_mono_ns() - began) / (double)(rounds * pairs);
	r.bytes = (resident() - before) / pairs;
	for (unsigned i = 0; i < pairs; i++)
		close_pair(&x[i]);
	free(x);
	return r;
}

/* A fresh process for each figure: what was let go before would be taken for free memory. */
static struct result in_a_child(enum kind kind, const struct suite *s, unsigned pairs, unsigned packets)
{
	struct result r = { 0 };
	int fd[2], status;
	pid_t pid;

	need(pipe(fd) == 0, "no pipe");
	pid = fork();
	if (pid == 0) {
		const char *why;

		if (kind == STOCK)
			cipher_start();
		else
			need(cipher_install(&why) == 0, "the ciphers are refused");
		r = measure(kind, s, pairs, packets);
		_exit(write(fd[1], &r, sizeof(r)) != sizeof(r));
	}
	close(fd[1]);
	need(read(fd[0], &r, sizeof(r)) == sizeof(r) && waitpid(pid, &status, 0) == pid && status == 0, "a run failed");
	close(fd[0]);
	return r;
}

static int by_ns(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	return (x->ns > y->ns) - (x->ns < y->ns);
}

static void row(enum kind kind, const struct suite *s, unsigned runs, unsigned packets)
{
	struct result r[RUNS_MAX];
	double open_us = 0, bytes = 0;

	printf("%-24s %-23s", s->name, NAME[kind]);
	for (unsigned i = 0; i < ALIVE; i++) {
		for (unsigned n = 0; n < runs; n++)
			r[n] = in_a_child(kind, s, alive[i], packets);
		qsort(r, runs, sizeof(*r), by_ns);
		printf(" %8.0f", r[runs / 2].ns);
		open_us = r[runs / 2].open_us;
		bytes = r[runs / 2].bytes;
	}
	printf(" | %7.1f %7.0f\n", open_us, bytes);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "runs", 1, NULL, 'r' }, { "packets", 1, NULL, 'p' }, { 0 } };
	unsigned runs = 5, packets = 100000;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'r')
			runs = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'p')
			packets = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (runs < 1 || runs > RUNS_MAX)
		return 2;
	printf("ns to protect and to open one packet of 172 bytes, by pairs alive; median of %u\n", runs);
	printf("%-48s", "");
	for (unsigned i = 0; i < ALIVE; i++)
		printf(" %8u", alive[i]);
	printf(" | us/pair B/pair\n");
	for (unsigned i = 0; i < sizeof(suites) / sizeof(*suites); i++)
		for (enum kind k = STOCK; k < KINDS; k++)
			row(k, &suites[i], runs, packets);
	return 0;
}
