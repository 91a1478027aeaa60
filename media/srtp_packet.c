// SPDX-License-Identifier: MIT
#include "media/srtp.h"

#include <string.h>

#include "media/rtp.h"
#include "media/srtp_context.h"

static enum secure_result result_of(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return SECURE_OK;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return SECURE_REPLAY;
	case srtp_err_status_auth_fail:
	case srtp_err_status_cant_check: /* SRTCP that is not encrypted */
	case srtp_err_status_no_ctx:
		return SECURE_AUTH;
	case srtp_err_status_key_expired:
	case srtp_err_status_alloc_fail:
		return SECURE_NO_KEY;
	default:
		return SECURE_MALFORMED;
	}
}

/* ---- what is sent ---------------------------------------------------------------------------- */

bool secure_sends(const struct secure *s)
{
	return s != NULL && s->tx != NULL;
}

/* The line has another SSRC than the context was made for: numbers begin anew. */
static bool tx_stream(struct secure *s, uint32_t ssrc)
{
	if (ssrc == s->tx_ssrc)
		return true;
	if (!secure_stream_add(s, true, ssrc))
		return false;
	secure_stream_remove(s->tx, s->tx_ssrc);
	s->tx_ssrc = ssrc;
	s->tx_base = SECURE_UNUSED;
	s->tx_least = 0;
	s->tx_recovered = s->tx_rtcp_over = false;
	SET(s->run->tx_base, SECURE_UNUSED);
	SET(s->run->tx_rtcp_index, 0);
	return true;
}

/* The first packet under the key, or the first one since a restart. */
static void tx_begin(struct secure *s, uint64_t index)
{
	if (s->tx_base == SECURE_UNUSED) {
		s->tx_base = index >> 16;
		s->tx_least = s->tx_base << 16; /* what comes late from before a rollover has no number */
		SET(s->run->tx_base, s->tx_base);
	} else if (s->tx_recovered) {
		s->tx_recovered = false;
		srtp_set_stream_roc(s->tx, s->tx_ssrc, (uint32_t)((index >> 16) - s->tx_base));
	}
}

enum secure_result secure_protect(struct secure *s, uint8_t *data, size_t *len, uint64_t index)
{
	srtp_err_status_t status;
	int n = (int)*len;

	if (s == NULL || s->tx == NULL)
		return SECURE_NO_KEY;
	if (!tx_stream(s, rtp_get32(data + 8)))
		return SECURE_NO_KEY;
	if (index < s->tx_least || index > INDEX_RTP) /* before its first packet a line has no numbers */
		return SECURE_REPLAY;
	if (s->tx_base == SECURE_UNUSED || s->tx_recovered)
		tx_begin(s, index);
	status = srtp_protect(s->tx, data, &n);
	*len = (size_t)n;
	return result_of(status);
}

enum secure_result secure_protect_rtcp(struct secure *s, uint8_t *data, size_t *len)
{
	srtp_err_status_t status;
	int n = (int)*len;

	if (s == NULL || s->tx == NULL)
		return SECURE_NO_KEY;
	if (*len < RTCP_LEAST)
		return SECURE_MALFORMED;
	if (s->tx_rtcp_over || rtp_get32(data + 4) != s->tx_ssrc) /* of an SSRC that is gone: its numbers would begin anew, and repeat */
		return SECURE_NO_KEY;
	status = srtp_protect_rtcp(s->tx, data, &n);
	if (status != srtp_err_status_ok)
		return result_of(status);
	*len = (size_t)n;
	SET(s->run->tx_rtcp_index, rtp_get32(data + n - s->rtcp_tail - 4) & INDEX_RTCP);
	return SECURE_OK;
}

/* ---- what is heard --------------------------------------------------------------------------- */

/* Which packet a sequence number means, near the highest one (RFC 3711 A). */
static uint64_t index_near(uint64_t highest, uint16_t sequence)
{
	int64_t step = (int16_t)(sequence - (uint16_t)highest);

	return step < 0 && (uint64_t)-step > highest ? sequence : highest + (uint64_t)step;
}

/* A stream that libsrtp keeps from now on; the oldest goes for it. */
static void note_stream(struct secure *s, uint32_t ssrc)
{
	uint8_t place;

	for (int i = 0; i < SECURE_STREAMS; i++)
		if (s->ssrc[i] == ssrc)
			return;
	place = s->next_ssrc++ % SECURE_STREAMS;
	if (s->ssrc[place] == s->rx_ssrc)
		place = s->next_ssrc++ % SECURE_STREAMS;
	if (s->ssrc[place] != 0)
		secure_stream_remove(s->rx, s->ssrc[place]);
	s->ssrc[place] = ssrc;
}

static void first_heard(struct secure *s, uint64_t now_ns)
{
	if (s->heard)
		return;
	s->heard = true;
	if (s->old != NULL && s->old_until_ns > now_ns + SECURE_OLD_NS)
		s->old_until_ns = now_ns + SECURE_OLD_NS;
}

static void store_heard(struct secure *s, uint32_t ssrc, uint64_t index)
{
	struct kedge_end_run *run = s->run;

	if (ssrc != s->rx_ssrc || s->rx_index == SECURE_UNUSED) {
		s->rx_ssrc = ssrc;
		SET(run->rx_srtp, SECURE_UNUSED);
		atomic_store_explicit(&run->rx_ssrc, (uint64_t)ssrc << 32 | s->rtcp_ssrc, memory_order_release);
	}
	s->rx_index = index;
	atomic_store_explicit(&run->rx_srtp, index, memory_order_release);
}

static void heard_rtp(struct secure *s, uint32_t ssrc, uint16_t sequence, uint64_t now_ns)
{
	uint32_t roc = 0;
	uint64_t index;

	first_heard(s, now_ns);
	if (ssrc == s->rx_ssrc && s->rx_index != SECURE_UNUSED) {
		index = index_near(s->rx_index, sequence);
		if (index > s->rx_index)
			store_heard(s, ssrc, index);
		return;
	}
	note_stream(s, ssrc);
	srtp_get_stream_roc(s->rx, ssrc, &roc);
	store_heard(s, ssrc, (uint64_t)roc << 16 | sequence);
}

struct packet { /* as it came: opening it in vain may have changed it */
	uint8_t *data;
	size_t *len, kept_len;
};

static _Thread_local uint8_t kept[SECURE_MAX];

static void keep(struct packet *p)
{
	memcpy(kept, p->data, *p->len);
	p->kept_len = *p->len;
}

static void again(struct packet *p)
{
	memcpy(p->data, kept, p->kept_len);
	*p->len = p->kept_len;
}

static enum secure_result open_rtp(srtp_t rx, struct packet *p)
{
	int n = (int)*p->len;
	enum secure_result r = result_of(srtp_unprotect(rx, p->data, &n));

	*p->len = (size_t)n;
	return r;
}

/* With this rollover counter? Its stream stays only if so. */
static enum secure_result open_at(struct secure *s, struct packet *p, uint32_t ssrc, uint32_t roc)
{
	enum secure_result r;
	bool added = false;

	again(p);
	if (srtp_set_stream_roc(s->rx, ssrc, roc) != srtp_err_status_ok) {
		if (!secure_stream_add(s, false, ssrc))
			return SECURE_NO_KEY;
		added = true;
		srtp_set_stream_roc(s->rx, ssrc, roc);
	}
	r = open_rtp(s->rx, p);
	if (r != SECURE_OK && added)
		secure_stream_remove(s->rx, ssrc);
	else if (r != SECURE_OK)
		srtp_set_stream_roc(s->rx, ssrc, 0);
	return r;
}

static enum secure_result open_guessing(struct secure *s, struct packet *p, uint32_t ssrc, uint16_t sequence)
{
	uint64_t hint = s->hint == SECURE_UNUSED ? 0 : s->hint;
	uint32_t roc = (uint32_t)(hint >> 16), near = (uint32_t)(index_near(hint, sequence) >> 16);
	const uint32_t guess[3] = { near, roc, roc + 1 };
	enum secure_result r = SECURE_AUTH;

	for (int i = 0; i < 3 && r != SECURE_OK; i++) {
		if (guess[i] == 0 || (i > 0 && guess[i] == guess[0]) || s->tries == 0)
			continue;
		s->tries--;
		r = open_at(s, p, ssrc, guess[i]);
	}
	return r == SECURE_OK ? SECURE_OK : SECURE_AUTH;
}

static bool old_lives(const struct secure *s, uint64_t now_ns)
{
	return s->old != NULL && now_ns < s->old_until_ns;
}

enum secure_result secure_unprotect(struct secure *s, uint8_t *data, size_t *len, uint64_t now_ns)
{
	struct packet p = { .data = data, .len = len };
	enum secure_result r = SECURE_NO_KEY;
	uint16_t sequence;
	uint32_t ssrc;

	if (s == NULL || (s->rx == NULL && s->old == NULL))
		return SECURE_NO_KEY;
	if (*len < RTP_HEADER || *len > SECURE_MAX)
		return SECURE_MALFORMED;
	sequence = rtp_get16(data + 2);
	ssrc = rtp_get32(data + 8);
	if (s->least != 0 && ssrc == s->least_ssrc &&
	    index_near(s->rx_index != SECURE_UNUSED ? s->rx_index : s->least, sequence) < s->least)
		return SECURE_REPLAY;
	if (!s->heard || s->old != NULL)
		keep(&p);
	if (s->rx != NULL)
		r = open_rtp(s->rx, &p);
	if (r == SECURE_AUTH && !s->heard)
		r = open_guessing(s, &p, ssrc, sequence);
	if (r == SECURE_OK) {
		heard_rtp(s, ssrc, sequence, now_ns);
		return r;
	}
	if (old_lives(s, now_ns)) {
		again(&p);
		if (open_rtp(s->old, &p) == SECURE_OK)
			return SECURE_OK;
	}
	return r;
}

static void heard_rtcp(struct secure *s, uint32_t ssrc, uint32_t index)
{
	struct kedge_end_run *run = s->run;

	note_stream(s, ssrc);
	if (ssrc != s->rtcp_ssrc) {
		s->rtcp_ssrc = ssrc;
		SET(run->rx_srtcp, 0);
		atomic_store_explicit(&run->rx_ssrc, (GET(run->rx_ssrc) & ~0xffffffffULL) | ssrc, memory_order_release);
	}
	if (index > GET(run->rx_srtcp))
		SET(run->rx_srtcp, index);
}

enum secure_result secure_unprotect_rtcp(struct secure *s, uint8_t *data, size_t *len, uint64_t now_ns)
{
	enum secure_result r = SECURE_NO_KEY;
	struct packet p = { .data = data, .len = len };
	uint32_t ssrc, index;
	int n = (int)*len;

	if (s == NULL || (s->rx == NULL && s->old == NULL))
		return SECURE_NO_KEY;
	if (*len < RTCP_LEAST + 4u + 10u || *len > SECURE_MAX)
		return SECURE_MALFORMED;
	ssrc = rtp_get32(data + 4);
	index = rtp_get32(data + *len - s->rtcp_tail - 4) & INDEX_RTCP;
	if (s->least_rtcp > 1 && ssrc == s->least_rtcp_ssrc && index < s->least_rtcp)
		return SECURE_REPLAY;
	if (s->old != NULL)
		keep(&p);
	if (s->rx != NULL)
		r = result_of(srtp_unprotect_rtcp(s->rx, data, &n));
	if (r == SECURE_OK) {
		*len = (size_t)n;
		heard_rtcp(s, ssrc, index);
		return r;
	}
	if (old_lives(s, now_ns)) {
		again(&p);
		n = (int)*len;
		if (result_of(srtp_unprotect_rtcp(s->old, data, &n)) == SECURE_OK) {
			*len = (size_t)n;
			return SECURE_OK;
		}
	}
	return r;
}
