// SPDX-License-Identifier: MIT
/* The hash of a running HMAC is kept as five words, not as a context of 96 bytes: that takes the functions OpenSSL 3 calls old,
 * and a third of the time of its new ones (190 ns a packet against 550). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "media/cipher.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#define TAG_MAX 16
#define KEY_MAX 32

enum mode { ICM_128, ICM_192, ICM_256, GCM_128, GCM_256, MODES };

static const struct mode_row {
	const char *name; /* OpenSSL's */
	uint8_t key, salt;
	int id;
} modes[MODES] = {
	[ICM_128] = { "AES-128-CTR", 16, 14, SRTP_AES_ICM_128 },
	[ICM_192] = { "AES-192-CTR", 24, 14, SRTP_AES_ICM_192 },
	[ICM_256] = { "AES-256-CTR", 32, 14, SRTP_AES_ICM_256 },
	[GCM_128] = { "AES-128-GCM", 16, 12, SRTP_AES_GCM_128 },
	[GCM_256] = { "AES-256-GCM", 32, 12, SRTP_AES_GCM_256 },
};

struct state {
	srtp_cipher_t cipher; /* what libsrtp holds */
	EVP_CIPHER_CTX *own;  /* NULL: the thread's */
	uint8_t mode, tag_len;
	uint8_t key[KEY_MAX];
	uint8_t salt[16]; /* ICM: its last two bytes are the block counter's */
};

static EVP_CIPHER *fetched[MODES]; /* until the process ends */
static pthread_key_t shared_key;
static _Thread_local bool hot;

void cipher_hot(void)
{
	hot = true;
}

/* ---- contexts -------------------------------------------------------------------------------- */

struct shared { /* of a thread */
	EVP_CIPHER_CTX *ctx[MODES];
	const struct state *user[MODES]; /* whose key is in it */
};

static void shared_free(void *p)
{
	struct shared *s = p;

	for (int i = 0; i < MODES; i++)
		EVP_CIPHER_CTX_free(s->ctx[i]);
	free(s);
}

static EVP_CIPHER_CTX *context_new(enum mode mode)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx != NULL && EVP_CipherInit_ex(ctx, fetched[mode], NULL, NULL, NULL, 1) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static struct shared *shared_of_thread(void)
{
	struct shared *s = pthread_getspecific(shared_key);

	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		if (s == NULL || pthread_setspecific(shared_key, s) != 0) {
			free(s);
			return NULL;
		}
	}
	return s;
}

/* Borrowed until the next call for the mode. *key: what it is to be keyed with, NULL: it is. */
static EVP_CIPHER_CTX *context_of(struct state *c, const uint8_t **key)
{
	struct shared *s;

	*key = NULL;
	if (c->own != NULL)
		return c->own;
	s = pthread_getspecific(shared_key);
	if (s->user[c->mode] != c)
		*key = c->key;
	s->user[c->mode] = c;
	return s->ctx[c->mode];
}

/* A key that was borrowed for stays no longer than its owner. */
static void shared_forget(struct state *c)
{
	static const uint8_t nothing[KEY_MAX];
	struct shared *s = pthread_getspecific(shared_key);

	if (s == NULL || s->user[c->mode] != c)
		return;
	s->user[c->mode] = NULL;
	EVP_CipherInit_ex(s->ctx[c->mode], NULL, NULL, nothing, NULL, 1);
}

/* ---- both modes ------------------------------------------------------------------------------ */

static const srtp_cipher_type_t types[MODES];

/* The thread's context is made here too, where allocating is allowed. */
static bool context_ready(struct state *c)
{
	struct shared *s;

	if (hot) {
		hot = false;
		c->own = context_new(c->mode);
		return c->own != NULL;
	}
	s = shared_of_thread();
	if (s == NULL)
		return false;
	if (s->ctx[c->mode] == NULL)
		s->ctx[c->mode] = context_new(c->mode);
	return s->ctx[c->mode] != NULL;
}

static srtp_err_status_t make(srtp_cipher_t **out, enum mode first, enum mode last, int key_len, int tag_len)
{
	struct state *c;
	enum mode mode = first;

	while (mode <= last && key_len != modes[mode].key + modes[mode].salt)
		mode++;
	if (mode > last)
		return srtp_err_status_bad_param;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return srtp_err_status_alloc_fail;
	c->mode = (uint8_t)mode;
	c->tag_len = (uint8_t)tag_len;
	c->cipher = (srtp_cipher_t){ &types[mode], c, key_len, modes[mode].id };
	if (!context_ready(c)) {
		free(c);
		return srtp_err_status_alloc_fail;
	}
	*out = &c->cipher;
	return srtp_err_status_ok;
}

static srtp_err_status_t drop(srtp_cipher_t *cipher)
{
	struct state *c = cipher->state;

	shared_forget(c);
	EVP_CIPHER_CTX_free(c->own); /* wipes it */
	OPENSSL_cleanse(c, sizeof(*c));
	free(c);
	return srtp_err_status_ok;
}

static srtp_err_status_t init(void *state, const uint8_t *key)
{
	struct state *c = state;
	const struct mode_row *m = &modes[c->mode];

	shared_forget(c);
	memset(c->salt, 0, sizeof(c->salt));
	memcpy(c->salt, key + m->key, m->salt);
	if (c->own == NULL) {
		memcpy(c->key, key, m->key);
		return srtp_err_status_ok;
	}
	return EVP_CipherInit_ex(c->own, NULL, NULL, key, NULL, 1) == 1 ? srtp_err_status_ok : srtp_err_status_init_fail;
}

/* ---- AES-ICM --------------------------------------------------------------------------------- */

static srtp_err_status_t icm_alloc(srtp_cipher_t **out, int key_len, int tag_len)
{
	(void)tag_len; /* counter mode has none */
	return make(out, ICM_128, ICM_256, key_len, 0);
}

static srtp_err_status_t icm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
	struct state *c = state;
	const uint8_t *key;
	EVP_CIPHER_CTX *ctx = context_of(c, &key);
	uint8_t counter[16];

	(void)direction; /* both are the same */
	for (int i = 0; i < 16; i++)
		counter[i] = c->salt[i] ^ iv[i];
	return EVP_CipherInit_ex(ctx, NULL, NULL, key, counter, 1) == 1 ? srtp_err_status_ok : srtp_err_status_fail;
}

static srtp_err_status_t icm_crypt(void *state, uint8_t *data, unsigned *len)
{
	const uint8_t *key;
	EVP_CIPHER_CTX *ctx = context_of(state, &key);
	int n;

	if (*len == 0)
		return srtp_err_status_ok;
	/* A key still missing: set_iv did not come before. */
	if (key != NULL || EVP_CipherUpdate(ctx, data, &n, data, (int)*len) != 1 || n != (int)*len)
		return srtp_err_status_cipher_fail;
	return srtp_err_status_ok;
}

/* ---- AES-GCM --------------------------------------------------------------------------------- */

static srtp_err_status_t gcm_alloc(srtp_cipher_t **out, int key_len, int tag_len)
{
	if (tag_len != 8 && tag_len != TAG_MAX)
		return srtp_err_status_bad_param;
	return make(out, GCM_128, GCM_256, key_len, tag_len);
}

static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
	const uint8_t *key;
	EVP_CIPHER_CTX *ctx = context_of(state, &key);

	if (direction != srtp_direction_encrypt && direction != srtp_direction_decrypt)
		return srtp_err_status_bad_param;
	if (EVP_CipherInit_ex(ctx, NULL, NULL, key, iv, direction == srtp_direction_encrypt) != 1)
		return srtp_err_status_init_fail;
	return srtp_err_status_ok;
}

/* Comes twice for SRTCP: the header, then the index. */
static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad, uint32_t len)
{
	const uint8_t *key;
	EVP_CIPHER_CTX *ctx = context_of(state, &key);
	int n;

	if (len == 0)
		return srtp_err_status_ok;
	if (key != NULL || EVP_CipherUpdate(ctx, NULL, &n, aad, (int)len) != 1)
		return srtp_err_status_algo_fail;
	return srtp_err_status_ok;
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *data, unsigned *len)
{
	return icm_crypt(state, data, len);
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *tag, uint32_t *len)
{
	struct state *c = state;
	const uint8_t *key;
	EVP_CIPHER_CTX *ctx = context_of(c, &key);
	uint8_t rest[16];
	int n;

	if (key != NULL || EVP_CipherFinal_ex(ctx, rest, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, c->tag_len, tag) != 1)
		return srtp_err_status_algo_fail;
	*len = c->tag_len;
	return srtp_err_status_ok;
}

/* Data and tag behind it; no data with the tag alone (an SRTCP packet that is not encrypted). */
static srtp_err_status_t gcm_decrypt(void *state, uint8_t *data, unsigned *len)
{
	struct state *c = state;
	const uint8_t *key;
	EVP_CIPHER_CTX *ctx = context_of(c, &key);
	uint8_t rest[16];
	unsigned text;
	int n;

	if (*len < c->tag_len)
		return srtp_err_status_bad_param;
	text = *len - c->tag_len;
	if (key != NULL || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, c->tag_len, data + text) != 1)
		return srtp_err_status_auth_fail;
	if (text != 0 && EVP_CipherUpdate(ctx, data, &n, data, (int)text) != 1)
		return srtp_err_status_cipher_fail;
	if (EVP_CipherFinal_ex(ctx, rest, &n) != 1)
		return srtp_err_status_auth_fail;
	*len = text;
	return srtp_err_status_ok;
}

#define ICM(bits)                                                                                                          \
	[ICM_##bits] = { icm_alloc, drop, init, NULL, icm_crypt, icm_crypt, icm_set_iv, NULL, "AES-ICM-" #bits ", OpenSSL", \
		&cipher_vector_icm_##bits, SRTP_AES_ICM_##bits }
#define GCM(bits)                                                                                                          \
	[GCM_##bits] = { gcm_alloc, drop, init, gcm_set_aad, gcm_encrypt, gcm_decrypt, gcm_set_iv, gcm_get_tag,            \
		"AES-GCM-" #bits ", OpenSSL", &cipher_vector_gcm_##bits, SRTP_AES_GCM_##bits }
static const srtp_cipher_type_t types[MODES] = { ICM(128), ICM(192), ICM(256), GCM(128), GCM(256) };

/* ---- HMAC-SHA1 ------------------------------------------------------------------------------- */

struct hash { /* SHA-1 behind its first block */
	SHA_LONG h[5];
};

struct hmac {
	srtp_auth_t auth; /* what libsrtp holds */
	struct hash inner, outer;
};

static _Thread_local SHA_CTX running; /* between start and compute */

static const srtp_auth_type_t hmac_type;

static srtp_err_status_t hmac_alloc(srtp_auth_t **out, int key_len, int tag_len)
{
	struct hmac *m;

	if (key_len < 0 || key_len > SHA_CBLOCK || tag_len < 0 || tag_len > SHA_DIGEST_LENGTH)
		return srtp_err_status_bad_param;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return srtp_err_status_alloc_fail;
	m->auth = (srtp_auth_t){ .type = &hmac_type, .state = m, .out_len = tag_len, .key_len = key_len };
	*out = &m->auth;
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_drop(srtp_auth_t *a)
{
	void *state = a->state;

	OPENSSL_cleanse(state, sizeof(struct hmac));
	free(state);
	return srtp_err_status_ok;
}

static void go_on(const struct hash *from)
{
	SHA1_Init(&running);
	running.h0 = from->h[0];
	running.h1 = from->h[1];
	running.h2 = from->h[2];
	running.h3 = from->h[3];
	running.h4 = from->h[4];
	running.Nl = SHA_CBLOCK * 8;
}

static struct hash first_block(const uint8_t *key, int len, uint8_t pad)
{
	uint8_t block[SHA_CBLOCK];
	SHA_CTX s;
	struct hash out;

	memset(block, pad, sizeof(block));
	for (int i = 0; i < len; i++)
		block[i] ^= key[i];
	SHA1_Init(&s);
	SHA1_Update(&s, block, sizeof(block));
	out = (struct hash){ { s.h0, s.h1, s.h2, s.h3, s.h4 } };
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(&s, sizeof(s));
	return out;
}

static srtp_err_status_t hmac_start(void *state)
{
	go_on(&((struct hmac *)state)->inner);
	return srtp_err_status_ok;
}

static srtp_err_status_t hmac_init(void *state, const uint8_t *key, int key_len)
{
	struct hmac *m = state;

	if (key_len < 0 || key_len > SHA_CBLOCK)
		return srtp_err_status_bad_param;
	m->inner = first_block(key, key_len, 0x36);
	m->outer = first_block(key, key_len, 0x5c);
	return hmac_start(m);
}

static srtp_err_status_t hmac_update(void *state, const uint8_t *data, int len)
{
	(void)state; /* `running` has it */
	return SHA1_Update(&running, data, (size_t)len) == 1 ? srtp_err_status_ok : srtp_err_status_auth_fail;
}

static srtp_err_status_t hmac_compute(void *state, const uint8_t *data, int len, int tag_len, uint8_t *tag)
{
	const struct hmac *m = state;
	uint8_t digest[SHA_DIGEST_LENGTH];

	if (tag_len < 0 || tag_len > SHA_DIGEST_LENGTH)
		return srtp_err_status_bad_param;
	if (SHA1_Update(&running, data, (size_t)len) != 1 || SHA1_Final(digest, &running) != 1)
		return srtp_err_status_auth_fail;
	go_on(&m->outer);
	if (SHA1_Update(&running, digest, sizeof(digest)) != 1 || SHA1_Final(digest, &running) != 1)
		return srtp_err_status_auth_fail;
	memcpy(tag, digest, (size_t)tag_len);
	return srtp_err_status_ok;
}

static const srtp_auth_type_t hmac_type = { hmac_alloc, hmac_drop, hmac_init, hmac_compute, hmac_update, hmac_start,
	"HMAC-SHA1, OpenSSL", &cipher_vector_hmac, SRTP_HMAC_SHA1 };

/* ---- into libsrtp ---------------------------------------------------------------------------- */

static const char *refused;

static void start_once(void)
{
	if (srtp_init() != srtp_err_status_ok || pthread_key_create(&shared_key, shared_free) != 0)
		refused = "libsrtp does not start";
	srtp_install_event_handler(NULL); /* it would write on stderr */
}

void cipher_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_once); /* libsrtp starts once only */
}

static bool install(void)
{
	cipher_start();
	if (refused != NULL)
		return false;
	for (int i = 0; i < MODES; i++) {
		refused = modes[i].name;
		fetched[i] = EVP_CIPHER_fetch(NULL, modes[i].name, NULL);
		if (fetched[i] == NULL || srtp_replace_cipher_type(&types[i], (srtp_cipher_type_id_t)types[i].id) != srtp_err_status_ok)
			return false;
	}
	refused = "HMAC-SHA1";
	if (srtp_replace_auth_type(&hmac_type, SRTP_HMAC_SHA1) != srtp_err_status_ok)
		return false;
	refused = NULL;
	return true;
}

static void install_once(void)
{
	install();
}

int cipher_install(const char **why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install_once);
	*why = refused;
	return refused == NULL ? 0 : -EPROTO;
}
