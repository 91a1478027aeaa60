// SPDX-License-Identifier: MIT
#include "sig/bridge/bridge_keys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sig/bridge/bridge_body.h"

/* Where srtp_suites is [ ]: the two that everybody has first. An offer with all of them would no longer fit a datagram. */
static const uint8_t usual[] = { KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, KEDGE_SUITE_AES_CM_128_HMAC_SHA1_32, KEDGE_SUITE_AEAD_AES_128_GCM,
	KEDGE_SUITE_AEAD_AES_256_GCM };

struct offer_policy keys_policy(const struct bridge *b, const struct bridge_side *side)
{
	const struct conf_trunk *t = &b->conf->trunks.v[side->trunk];
	struct offer_policy p = { .srtp = t->srtp };

	for (unsigned i = 0; i < t->srtp_suites.count && p.suites < CRYPTO_MAX; i++) {
		const char *name = t->srtp_suites.v[i];
		unsigned suite = crypto_suite((struct text){ name, strlen(name) });

		if (suite != KEDGE_SUITE_NONE)
			p.suite[p.suites++] = (uint8_t)suite;
	}
	if (t->srtp_suites.count == 0) {
		memcpy(p.suite, usual, sizeof(usual));
		p.suites = sizeof(usual);
	}
	return p;
}

enum offer_fit keys_fit(const struct offer *ours, const struct offer *answer)
{
	enum offer_fit fit = offer_fits(ours, answer);
	struct offer_keys k;

	if ((fit == OFFER_FITS || fit == OFFER_LINES_DIFFER) && offer_agreed(ours, answer, false, &k) < 0)
		fit = OFFER_CRYPTO;
	crypto_wipe(&k, sizeof(k));
	return fit;
}

/* ---- writing -------------------------------------------------------------------------------- */

enum held { HELD_NOTHING, HELD_CLEAR, HELD_KEYS };

/* What both sides of an exchange hold for the audio or the video; *savp: the profile they gave it. */
static enum held held_of(const struct bridge_side *side, bool video, struct crypto *tx, bool *savp)
{
	static struct offer o, t;
	const struct offer *ours = video ? body_video(&o, side->ours) : body_kept(&o, side->ours);
	const struct offer *theirs = video ? body_video(&t, side->theirs) : body_kept(&t, side->theirs);
	struct offer_keys k = { 0 };
	enum held held = HELD_NOTHING;

	if (ours && theirs && ours->anchored >= 0 && theirs->anchored >= 0 && !ours->t38 && !theirs->t38 &&
	    offer_agreed(ours, theirs, side->theirs_offered, &k) == 0)
		held = k.tx.suite ? HELD_KEYS : HELD_CLEAR;
	if (held == HELD_KEYS)
		*tx = k.tx;
	*savp = held != HELD_NOTHING && ours->line[ours->anchored].savp;
	crypto_wipe(&k, sizeof(k));
	return held;
}

/* An answer: the same key to the same suite and tag, else a new one. */
static int plan_answer(const struct bridge_side *side, const struct offer_policy *p, const struct offer *offer, struct crypto *one)
{
	struct crypto asked, tx;
	bool savp;
	int err = 0;

	if (offer_pick(offer, p, &asked) < 0)
		return 0;
	if (held_of(side, offer_is_video(offer), &tx, &savp) == HELD_KEYS && tx.suite == asked.suite && tx.tag == asked.tag)
		*one = tx;
	else
		err = crypto_make(one, asked.tag, asked.suite);
	crypto_wipe(&asked, sizeof(asked));
	crypto_wipe(&tx, sizeof(tx));
	return err ? err : 1;
}

/* An offer: what holds, else a new key for each suite. */
static int plan_offer(
    const struct bridge_side *side, const struct offer_policy *p, bool video, struct crypto set[static CRYPTO_MAX], bool *savp)
{
	unsigned n = 0;

	switch (held_of(side, video, &set[0], savp)) {
	case HELD_KEYS:
		return 1;
	case HELD_CLEAR:
		return 0;
	case HELD_NOTHING:
		break;
	}
	*savp = p->srtp == CONF_SRTP_REQUIRED;
	for (; p->srtp != CONF_SRTP_OFF && n < p->suites; n++)
		if (crypto_make(&set[n], n + 1, p->suite[n]) < 0)
			return -EIO;
	return (int)n;
}

int keys_plan(const struct bridge *b, const struct bridge_side *side, struct offer_write *how, struct crypto set[static CRYPTO_MAX])
{
	struct offer_policy p = keys_policy(b, side);
	int n;

	how->crypto = set;
	how->cryptos = 0;
	if (how->from->anchored < 0)
		return 0;
	if (how->from->t38)
		return p.srtp == CONF_SRTP_REQUIRED ? -ENODATA : 0;
	if (how->answer && !offer_allowed(how->shape, &p))
		return -ENODATA;
	n = how->answer ? plan_answer(side, &p, how->shape, set) : plan_offer(side, &p, offer_is_video(how->from), set, &how->savp);
	if (n < 0)
		return n;
	how->cryptos = (unsigned)n;
	return 0;
}

/* ---- media ---------------------------------------------------------------------------------- */

/* An end whose keys are not there lets nothing pass: its suite is not that of its keys. */
static void nothing_passes(struct anchor_far *far)
{
	far->srtp = KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80;
}

void keys_tell_early(const struct bridge *b, const struct bridge_side *side, struct anchor_far *far)
{
	if (keys_policy(b, side).srtp != CONF_SRTP_OFF)
		nothing_passes(far);
}

uint8_t keys_tell_line(const struct bridge *b, const struct bridge_side *side, const struct offer *ours, const struct offer *said,
    struct anchor_far *far)
{
	struct offer_policy p = keys_policy(b, side);
	struct offer_keys k = { 0 };
	uint8_t suite = KEDGE_SUITE_NONE;

	if (ours && offer_agreed(ours, said, side->theirs_offered, &k) == 0) {
		far->srtp = far->keys.suite = suite = k.tx.suite;
		far->keys.tx_len = k.tx.length;
		far->keys.rx_len = k.rx.length;
		memcpy(far->keys.tx, k.tx.key, k.tx.length);
		memcpy(far->keys.rx, k.rx.key, k.rx.length);
	} else if (ours || p.srtp != CONF_SRTP_OFF) {
		nothing_passes(far);
	}
	if (far->srtp == KEDGE_SUITE_NONE && p.srtp == CONF_SRTP_REQUIRED)
		nothing_passes(far);
	crypto_wipe(&k, sizeof(k));
	return suite;
}

void keys_tell(const struct bridge *b, struct bridge_side *side, const struct offer *said, struct anchor_far *far)
{
	static struct offer o;

	side->srtp = keys_tell_line(b, side, body_kept(&o, side->ours), said, far);
}
