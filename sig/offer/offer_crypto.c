// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "sig/offer/offer.h"
#include "sig/offer/offer_text.h"

#define CRYPTO_LINES 32 /* looked at; who writes more means no good */

/* The same of any line of the body. */
static int line_crypto(const struct offer *o, int line, unsigned n, struct crypto *c)
{
	struct text rest = { o->body + o->line[line].block.at, o->line[line].block.length };
	unsigned looked = 0;

	while (rest.n && o->line[line].crypto && looked < CRYPTO_LINES) {
		struct text t = text_line(&rest);

		if (t.n < 3 || t.p[0] != 'a')
			continue;
		t = (struct text){ t.p + 2, t.n - 2 };
		if (!text_is(text_trim(text_upto(&t, ':')), "crypto"))
			continue;
		looked++;
		if (crypto_read(c, t) == 0 && n-- == 0)
			return 0;
	}
	return -ENOENT;
}

int offer_crypto(const struct offer *o, unsigned n, struct crypto *c)
{
	return o->anchored < 0 || o->t38 ? -ENOENT : line_crypto(o, o->anchored, n, c);
}

/* ---- what a trunk takes --------------------------------------------------------------------- */

static bool suite_taken(const struct offer_policy *p, unsigned suite)
{
	return memchr(p->suite, (int)suite, p->suites) != NULL;
}

static int pick(const struct offer *o, int line, const struct offer_policy *p, struct crypto *c)
{
	for (unsigned i = 0; p->srtp != CONF_SRTP_OFF; i++) {
		if (line_crypto(o, line, i, c) < 0)
			break;
		if (suite_taken(p, c->suite))
			return 0;
	}
	crypto_wipe(c, sizeof *c);
	return -ENOENT;
}

int offer_pick(const struct offer *o, const struct offer_policy *p, struct crypto *c)
{
	return o->anchored < 0 || o->t38 ? -ENOENT : pick(o, o->anchored, p, c);
}

static bool line_allowed(const struct offer *o, int line, const struct offer_policy *p)
{
	struct crypto c;
	bool secure = pick(o, line, p, &c) == 0;

	crypto_wipe(&c, sizeof c);
	return secure || (!o->line[line].savp && p->srtp != CONF_SRTP_REQUIRED);
}

bool offer_allowed(const struct offer *o, const struct offer_policy *p)
{
	if (o->anchored < 0)
		return true;
	return o->t38 ? p->srtp != CONF_SRTP_REQUIRED : line_allowed(o, o->anchored, p);
}

/* Its port, in the text. */
static void line_reject(const struct offer *o, int line, char *body)
{
	const struct offer_line *l = &o->line[line];

	for (unsigned i = l->media.at + l->media.length; i < l->proto.at && body[i] != '/'; i++)
		if (body[i] >= '0' && body[i] <= '9')
			body[i] = '0';
}

bool offer_prefer(const struct offer *o, const struct offer_policy *p, char *body)
{
	int better = o->anchored;

	if (offer_allowed(o, p) || o->t38)
		return false;
	while (better < o->lines && (!o->line[better].rtp_avp || !o->line[better].port || !line_allowed(o, better, p)))
		better++;
	if (better == o->lines)
		return false;
	for (int i = o->anchored; i < better; i++)
		if (o->line[i].rtp_avp)
			line_reject(o, i, body);
	return true;
}

/* ---- agreed --------------------------------------------------------------------------------- */

/* The line of the offer that this one answers. */
static bool answers(const struct offer *offered, const struct crypto *a, struct crypto *o)
{
	for (unsigned i = 0; offer_crypto(offered, i, o) == 0; i++)
		if (o->tag == a->tag && o->suite == a->suite)
			return true;
	return false;
}

int offer_agreed(const struct offer *ours, const struct offer *theirs, bool theirs_offered, struct offer_keys *k)
{
	const struct offer *offered = theirs_offered ? theirs : ours, *answer = theirs_offered ? ours : theirs;
	struct crypto *of_offer = theirs_offered ? &k->rx : &k->tx, *of_answer = theirs_offered ? &k->tx : &k->rx;

	*k = (struct offer_keys){ 0 };
	if (offered->anchored < 0 || answer->anchored < 0 || offered->t38 || answer->t38)
		return 0;
	const struct offer_line *o = &offered->line[offered->anchored], *a = &answer->line[answer->anchored];
	if (!a->savp && !(o->crypto && a->crypto))
		return o->savp ? -EPROTO : 0;
	for (unsigned i = 0; offer_crypto(answer, i, of_answer) == 0; i++)
		if (answers(offered, of_answer, of_offer) && memcmp(k->tx.key, k->rx.key, sizeof k->tx.key) != 0)
			return 0;
	crypto_wipe(k, sizeof *k);
	return -EPROTO;
}
