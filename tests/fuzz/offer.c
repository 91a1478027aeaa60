// SPDX-License-Identifier: MIT
/* fuzz/offer: bodies of two strangers, parted by a zero byte: an offer and its answer. Whatever they are, what is written reads
 * back, keeps the lines, says our address alone, and is the same when written again. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sig/offer/offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *names[] = { "PCMA", "opus", "G729" };
static const struct conf_strings codecs = { names, 3 };

static char *copy_of(const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1); /* exact: one byte too far is seen */

	assert(copy);
	memcpy(copy, p, n);
	return copy;
}

static struct kedge_addr ours(int six)
{
	struct kedge_addr a = { .family = six ? AF_INET6 : AF_INET, .port = 20000 };

	assert(inet_pton(a.family, six ? "2001:db8::5" : "192.0.2.5", a.ip) == 1);
	return a;
}

static void only_our_bytes(const char *body, int n)
{
	for (int i = 0; i < n; i++) {
		unsigned char c = (unsigned char)body[i];

		assert(c >= 0x20 || c == '\t' || (c == '\r' && body[i + 1] == '\n') ||
		       (c == '\n' && body[i - 1] == '\r'));
	}
	assert(body[n] == 0);
}

/* Writes twice, reads back, writes what was read. */
static void write_and_check(struct offer_write *w, struct offer *back, char *body)
{
	static char again[OFFER_MAX * 2];
	struct offer_origin origin = { .id = 5 }, second = { .id = 5 };
	int n = offer_write(body, OFFER_MAX * 2, w, &origin);

	back->lines = 0;
	if (n < 0) {
		assert(origin.version == 0 && origin.digest == 0);
		return;
	}
	assert(origin.version == 1);
	only_our_bytes(body, n);
	assert(offer_write(again, sizeof again, w, &origin) == n && origin.version == 1 &&
	       !memcmp(body, again, (size_t)n));
	assert(offer_parse(back, body, (size_t)n, NULL) == 0);
	assert(back->lines == (w->shape && w->shape->lines > w->from->lines ? w->shape->lines
	                          : w->answer                               ? w->shape->lines
	                                                                    : w->from->lines));
	assert(back->anchored >= 0 ? back->t38 == w->from->t38 && (back->t38 || back->formats > 0)
	                           : offer_rejects(back) && w->shape);
	for (int i = 0; i < back->lines; i++)
		assert((back->line[i].port != 0) == (i == back->anchored));
	if (back->anchored < 0)
		return;
	assert(!memcmp(&back->line[back->anchored].rtp, &w->local, sizeof w->local));
	struct offer_write same = { .from = back,
		.shape = w->shape ? back : NULL,
		.local = w->local,
		.rtcp_port = w->rtcp_port,
		.mux = w->mux,
		.direction = -1 };
	if (!w->answer) {
		assert(offer_write(again, sizeof again, &same, &second) == n);
		assert(!memcmp(body, again, (size_t)n));
	}
}

static void answer_to(const struct offer *offered, const struct offer *answer, bool laws)
{
	static char body[OFFER_MAX * 2];
	static struct offer back;
	struct offer_write w = {
		.from = answer, .shape = offered, .answer = true, .local = ours(1), .direction = -1, .laws = laws
	};
	struct offer_exchange inside = { offered, answer }, outside = { answer, offered };
	uint8_t turned[2];
	struct kedge_pt pt[8];
	enum offer_fit fit = offer_fits(offered, answer);

	assert(offer_fit_name(fit)[0]);
	assert(offer_map(offered, answer, pt) <= 8);
	assert(offer_map_laws(inside, outside, pt, offer_map(offered, answer, pt), turned) <= 8);
	assert(!offer_same(offered, answer, false) || offer_same(offered, answer, true));
	write_and_check(&w, &back, body);
	if (fit == OFFER_FITS || fit == OFFER_LINES_DIFFER)
		assert(back.lines > 0);
	if (back.lines && back.anchored >= 0) {
		unsigned said = back.line[back.anchored].direction,
		         allowed = offered->line[offered->anchored].direction;

		assert((said & ~((allowed & 1) << 1 | allowed >> 1)) == 0);
		assert(offer_same(offered, &back, false));
	}
}

/* A later offer of the same side, behind the one it made first. */
static void later(const struct offer *first, const struct offer *now)
{
	static char body[OFFER_MAX * 2];
	static struct offer back;
	struct offer_write w = {
		.from = now, .shape = first, .local = ours(0), .direction = -1, .mux = OFFER_MUX_OFFER
	};

	write_and_check(&w, &back, body);
	w.laws = true;
	write_and_check(&w, &back, body);
	w.only = first;
	w.no_bandwidth = true;
	write_and_check(&w, &back, body);
	assert(offer_repeats(first, first) && offer_repeats(now, now));
	assert(offer_repeats(first, now) == offer_repeats(now, first));
	assert(offer_covers(now, now, now, false) && offer_covers(first, first, now, true));
}

/* Whatever an offer and its answer say of keys: what was agreed on stands in both, under one tag, and is the other way round at the other end. */
static void agree(const struct offer *offered, const struct offer *answer)
{
	struct offer_keys us, them;
	struct crypto c;
	bool found = false;
	int err = offer_agreed(offered, answer, false, &us);

	assert(offer_agreed(answer, offered, true, &them) == err);
	if (err)
		return;
	assert(memcmp(&us.tx, &them.rx, sizeof us.tx) == 0 && memcmp(&us.rx, &them.tx, sizeof us.rx) == 0);
	assert(us.tx.suite == us.rx.suite && us.tx.tag == us.rx.tag && us.tx.length == crypto_length(us.tx.suite));
	for (unsigned i = 0; us.tx.suite && offer_crypto(offered, i, &c) == 0; i++)
		found = found || memcmp(&c, &us.tx, sizeof c) == 0;
	assert(found == (us.tx.suite != KEDGE_SUITE_NONE));
}

/* By each srtp of a trunk: what is preferred is allowed, and all that is changed is a port. */
static void policies(const struct offer *o, const char *text, size_t size)
{
	static struct offer chosen;

	for (uint8_t srtp = CONF_SRTP_OFF; srtp <= CONF_SRTP_REQUIRED; srtp++) {
		struct offer_policy p = { .srtp = srtp, .suites = 2, .suite = { KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80, KEDGE_SUITE_AEAD_AES_128_GCM } };
		char *copy = copy_of(text, size);
		struct crypto c;

		if (offer_prefer(o, &p, copy) && offer_parse(&chosen, copy, size, NULL) == 0)
			assert(chosen.anchored > o->anchored && offer_allowed(&chosen, &p));
		assert(offer_pick(o, &p, &c) < 0 || (srtp != CONF_SRTP_OFF && offer_allowed(o, &p)));
		free(copy);
	}
}

static void one_body(const struct offer *o)
{
	static char body[OFFER_MAX * 2];
	static struct offer back;
	struct offer_write w = { .from = o, .local = ours(0), .direction = -1 };
	struct offer_end end;

	if (offer_end(o, &end))
		assert(end.ptime_ms && end.clock_rate && end.direction <= OFFER_SENDRECV);
	write_and_check(&w, &back, body);
	w.codecs = &codecs;
	w.rtcp_port = 21001;
	write_and_check(&w, &back, body);
}

/* Whatever stands beside the SDP: what is written is a multipart of our own, without SDP in it. */
static void other_parts(const char *body, size_t n)
{
	static char out[OFFER_MAX];
	const char *sdp;
	size_t length;
	int put = offer_parts(out, sizeof out - 16, "multipart/x;boundary=b", body, n, "k");

	assert(put <= (int)sizeof out - 16);
	if (put <= 0)
		return;
	memcpy(out + put, "--k--\r\n", 7);
	assert(offer_body("multipart/x;boundary=k", out, (size_t)put + 7, &sdp, &length) == -EMEDIUMTYPE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct offer offered, answer;
	const char *text = (const char *)data, *zero = memchr(data, 0, size), *sdp;
	size_t first = zero ? (size_t)(zero - text) : size, second = zero ? size - first - 1 : 0, n;
	char *a = copy_of(text, first), *b = copy_of(zero ? zero + 1 : text, second);
	struct offer_error e = { 0 };
	int rc = offer_parse(&offered, a, first, &e);

	if (rc)
		assert(e.text && e.line >= 0);
	else
		one_body(&offered), policies(&offered, a, first);
	if (offer_parse(&answer, b, second, NULL) == 0 && rc == 0)
		answer_to(&offered, &answer, false), answer_to(&offered, &answer, true), later(&offered, &answer), agree(&offered, &answer);
	if (offer_body("multipart/mixed;boundary=b", a, first, &sdp, &n) == 0)
		assert(sdp >= a && sdp + n <= a + first);
	if (zero) /* the first as a type, the second as its body */
		if (offer_body(
		        a[0] ? "multipart/x; boundary=\"b c\"" : NULL, b, second, &sdp, &n) == 0)
			assert(sdp >= b && sdp + n <= b + second);
	other_parts(a, first);
	other_parts(b, second);
	free(a);
	free(b);
	return 0;
}
