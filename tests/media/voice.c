// SPDX-License-Identifier: MIT
#include "tests/media/voice.h"

#include <string.h>

#include "routing/shm/seq.h"

const struct suite suites[KEDGE_SUITE_COUNT] = {
	[KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80] = { srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default, 30, 10 },
	[KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32] = { srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtp_default, 30, 10 },
	[KEDGE_SUITE_AES_256_CM_HMAC_SHA1_80] = { srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
	    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46, 10 },
	[KEDGE_SUITE_AES_256_CM_HMAC_SHA1_32] = { srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
	    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46, 10 },
	[KEDGE_SUITE_AEAD_AES_128_GCM] = { srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth, 28, 0 },
	[KEDGE_SUITE_AEAD_AES_256_GCM] = { srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth, 44, 0 },
};

/* ---- a far end with keys ----------------------------------------------------------------------- */

static void key_of(uint8_t *key, unsigned seed)
{
	for (unsigned i = 0; i < 48; i++)
		key[i] = (uint8_t)(seed * 71 + i * 29 + 3);
}

static srtp_t context(uint8_t suite, unsigned seed, srtp_ssrc_type_t type)
{
	uint8_t key[48];
	srtp_policy_t policy = { .ssrc = { type, 0 }, .key = key };
	srtp_t s;

	key_of(key, seed);
	suites[suite].rtp(&policy.rtp);
	suites[suite].rtcp(&policy.rtcp);
	assert_int_equal(srtp_create(&s, &policy), srtp_err_status_ok);
	return s;
}

void silence(struct voice *v)
{
	if (v->tx != NULL)
		srtp_dealloc(v->tx);
	if (v->rx != NULL)
		srtp_dealloc(v->rx);
	v->tx = v->rx = NULL;
}

/* Keys of the end in the table, kedge's tx and rx from these seeds; suite 0: it is plain. Not committed yet. */
void give_keys(struct call *c, uint8_t place, uint8_t suite, unsigned tx, unsigned rx)
{
	struct kedge_keys k = { .suite = suite, .tx_len = suites[suite].key_len, .rx_len = suites[suite].key_len };

	key_of(k.tx, tx);
	key_of(k.rx, rx);
	seq_write(&segment_end(&plane.seg, c->a.slot, place)->keys, &k);
	plane_end_of(&c->a, place)->srtp = suite;
	plane_write(&plane, &c->a, place);
}

/* The far end of these keys. */
void speak(struct voice *v, struct peer *p, uint8_t suite, unsigned tx, unsigned rx)
{
	silence(v);
	v->p = p;
	v->suite = suite;
	v->heard = false;
	if (suite == 0)
		return;
	v->tx = context(suite, rx, ssrc_any_outbound);
	v->rx = context(suite, tx, ssrc_any_inbound);
}

void secure(struct call *c, struct voice *v, uint8_t place, struct peer *p, uint8_t suite, unsigned tx, unsigned rx)
{
	give_keys(c, place, suite, tx, rx);
	speak(v, p, suite, tx, rx);
}

/* Seeds of the keys: inside tx 1, rx 2; outside tx 3, rx 4. */
void secure_call(struct call *c, struct voice *in, struct voice *out, uint32_t slot, uint8_t in_suite, uint8_t out_suite)
{
	memset(in, 0, sizeof(*in));
	memset(out, 0, sizeof(*out));
	peer_open(&c->in, "127.0.1.1", 2 * slot + 1);
	peer_open(&c->out, "127.0.2.1", 2 * slot + 2);
	plane_anchor(&plane, &c->a, slot, (uint8_t)(slot % workers));
	assert_int_equal(plane_end(&plane, &c->a, KEDGE_END_INSIDE, 0, (struct sockaddr *)&c->in.local), 0);
	assert_int_equal(plane_end(&plane, &c->a, 0, 1, (struct sockaddr *)&c->out.local), 0);
	aim(&plane, &c->a, KEDGE_END_INSIDE, &c->in);
	aim(&plane, &c->a, 0, &c->out);
	secure(c, in, KEDGE_END_INSIDE, &c->in, in_suite, 1, 2);
	secure(c, out, 0, &c->out, out_suite, 3, 4);
	c->a.want.live = 0;
	plane_commit(&plane, &c->a);
	assert_int_equal(plane_wait_done(&plane, &c->a, KEDGE_DONE_OPEN, 2000), 0);
}

void hang_up(struct call *c, struct voice *in, struct voice *out)
{
	call_close(c);
	silence(in);
	silence(out);
}

void put(struct peer *p, int fd, const struct sockaddr_storage *to, const void *data, size_t len)
{
	assert_int_equal(sendto(fd, data, len, 0, (const struct sockaddr *)to, length(to)), (ssize_t)len);
}

/* The next packet, as it goes over the wire. */
int sealed(struct voice *v, uint8_t *data)
{
	int len = PACKET;

	fill(data, v->p->seed, &v->p->next);
	if (v->tx != NULL)
		assert_int_equal(srtp_protect(v->tx, data, &len), srtp_err_status_ok);
	v->p->next.sequence++;
	v->p->next.timestamp += PAYLOAD;
	return len;
}

void tell(struct voice *v)
{
	_Alignas(4) uint8_t data[ROOM];
	int len = sealed(v, data);

	put(v->p, v->p->rtp, &v->p->to, data, (size_t)len);
}

/* One packet off the wire; its length, -1: nothing within the time. */
int take(int fd, uint8_t *data, int timeout_ms)
{
	return wait_readable(fd, timeout_ms) > 0 ? (int)recv(fd, data, ROOM, 0) : -1;
}

/* Opens what came and compares it with what its sender said. */
struct heard understood(struct voice *v, uint8_t *data, int len)
{
	uint8_t want[PACKET];
	struct heard out;
	struct rtp said;

	if (v->rx != NULL) {
		assert_int_not_equal(len, PACKET);
		assert_int_equal(srtp_unprotect(v->rx, data, &len), srtp_err_status_ok);
	}
	assert_int_equal(len, PACKET);
	assert_int_equal(rtp_parse(data, (size_t)len, &out.h), 0);
	out.seed = rtp_get32(data + RTP_HEADER);
	out.number = rtp_get16(data + RTP_HEADER + 4);
	said = out.h;
	said.sequence = out.number;
	fill(want, out.seed, &said);
	assert_memory_equal(data + RTP_HEADER, want + RTP_HEADER, PAYLOAD);
	return out;
}

struct heard listen_to(struct voice *v)
{
	_Alignas(4) uint8_t data[ROOM];
	int len = take(v->p->rtp, data, 2000);

	if (len < 0)
		fail_msg("nothing heard within 2 s");
	return understood(v, data, len);
}

void both_hear(struct voice *a, struct voice *b)
{
	struct voice *way[2][2] = { { a, b }, { b, a } };

	for (int i = 0; i < 2; i++) {
		struct heard h;

		tell(way[i][0]);
		h = listen_to(way[i][1]);
		assert_int_equal(h.seed, way[i][0]->p->seed);
		assert_int_equal(h.number, (uint16_t)(way[i][0]->p->next.sequence - 1));
	}
}

void nothing_comes(struct peer *p, int ms)
{
	uint8_t data[ROOM];

	assert_int_equal(take(p->rtp, data, ms), -1);
	assert_int_equal(take(p->rtcp, data, 0), -1);
}

/* ---- RTCP -------------------------------------------------------------------------------------- */

void report(struct voice *v)
{
	_Alignas(4) uint8_t data[ROOM] = { 0x80, RTCP_RR, 0, 1 };
	int len = 8;

	rtp_set32(data + 4, v->p->next.ssrc);
	if (v->tx != NULL)
		assert_int_equal(srtp_protect_rtcp(v->tx, data, &len), srtp_err_status_ok);
	put(v->p, v->p->rtcp, &v->p->rtcp_to, data, (size_t)len);
}

void hears_report(struct voice *v)
{
	_Alignas(4) uint8_t data[ROOM];
	int len = take(v->p->rtcp, data, 2000);

	assert_true(len >= 8);
	if (v->rx != NULL)
		assert_int_equal(srtp_unprotect_rtcp(v->rx, data, &len), srtp_err_status_ok);
	assert_int_equal(data[1], RTCP_RR);
	assert_int_equal(4 * (rtp_get16(data + 2) + 1), len);
}

/* The RTCP ports are those of the sockets, not RTP's and one more. */
void with_rtcp(struct call *c)
{
	struct sockaddr_storage in = name_of(c->in.rtcp), out = name_of(c->out.rtcp);

	c->a.in.rtcp = plane_addr((struct sockaddr *)&in);
	c->a.out[0].rtcp = plane_addr((struct sockaddr *)&out);
	plane_write(&plane, &c->a, KEDGE_END_INSIDE);
	plane_write(&plane, &c->a, 0);
	plane_commit(&plane, &c->a);
	followed();
}

/* ---- what passes ------------------------------------------------------------------------------- */

/* Over the roll-over of both lines, RTCP between. */
void talk_for(struct voice *a, struct voice *b, int packets)
{
	for (int n = 0; n < packets; n++) {
		both_hear(a, b);
		if (n % 20 == 10) {
			report(a);
			hears_report(b);
			report(b);
			hears_report(a);
		}
	}
}
