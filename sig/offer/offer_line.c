// SPDX-License-Identifier: MIT
#include "sig/offer/offer_line.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static struct text text_of(const struct offer *o, struct offer_span s)
{
	return (struct text){ o->body + s.at, s.length };
}

void line_put(struct line_writer *w, struct text t)
{
	if (w->full || t.n >= w->size - w->n) {
		w->full = true;
		return;
	}
	memcpy(w->buf + w->n, t.p, t.n);
	w->n += t.n;
}

void line_putf(struct line_writer *w, const char *format, ...)
{
	char line[160];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	assert(n >= 0 && n < (int)sizeof line);
	line_put(w, (struct text){ line, (size_t)n });
}

/* Attributes that never cross: addresses, keys, names, or promises that kedge does not keep (RFC
 * 5939, 3312, 5888). */
static const char *const private_attribute[] = {
	"acap",
	"alt",
	"altc",
	"bundle-only",
	"candidate",
	"ccap",
	"cdsc",
	"cfg",
	"conf",
	"connection",
	"cpar",
	"crypto",
	"csup",
	"curr",
	"des",
	"direction",
	"end-of-candidates",
	"fingerprint",
	"group",
	"identity",
	"key-mgmt",
	"lcfg",
	"maxprate",
	"mid",
	"msi",
	"msid",
	"msid-semantic",
	"nortpproxy",
	"omcap",
	"pcfg",
	"remote-candidates",
	"rid",
	"rtcp",
	"rtcp-mux",
	"rtcp-mux-only",
	"rtcp-unicast",
	"sctp-port",
	"setup",
	"simulcast",
	"source-filter",
	"sqn",
	"ssrc",
	"ssrc-group",
	"tcap",
	"tls-id",
	"tool",
	"zrtp-hash",
};

static bool attribute_private(struct text name)
{
	if (name.n >= 4 && !strncasecmp(name.p, "ice-", 4))
		return true;
	for (size_t i = 0; i < sizeof private_attribute / sizeof *private_attribute; i++)
		if (text_is(name, private_attribute[i]))
			return true;
	return false;
}

void line_bandwidth(struct line_writer *w, const struct offer_plan *p, struct text value)
{
	if (p->in->no_bandwidth)
		return;
	struct text rest = value, type = text_upto(&rest, ':');
	if (text_tokens(type) && text_number(rest, 999999999) >= 0) {
		line_put(w, (struct text){ "b=", 2 });
		line_put(w, value);
		line_put(w, (struct text){ "\r\n", 2 });
	}
}

static void put_attribute(struct line_writer *w, const struct offer_plan *p, struct text value)
{
	struct text rest = value, name = text_upto(&rest, ':');
	if (!text_tokens(name) || text_direction(name) >= 0 || attribute_private(name))
		return;
	if (p->in->ptime && (text_is(name, "ptime") || text_is(name, "maxptime")))
		return;
	if (text_is(name, "rtcp-fb") && p->in->no_feedback && !p->in->answer)
		return;
	long pt = -1;
	bool by_type = text_is(name, "rtpmap") || text_is(name, "fmtp") || text_is(name, "rtcp-fb") || text_is(name, "imageattr");
	if (by_type) {
		struct text word = text_word(&rest);
		pt = text_number(word, 127);
		if (!text_is(word, "*") && (pt < 0 || !p->kept[pt] || (p->twin.name[0] && pt == p->twin.pt)))
			return;
	}
	if (text_leaks(name) || text_leaks(rest))
		return;
	line_put(w, (struct text){ "a=", 2 });
	if (pt >= 0 && p->as[pt] != pt) {
		line_put(w, name);
		line_putf(w, ":%u ", p->as[pt]);
		value = text_trim(rest);
	}
	line_put(w, value);
	line_put(w, (struct text){ "\r\n", 2 });
}

static bool block_has(const struct offer *o, struct offer_span block, const char *attribute)
{
	struct text rest = text_of(o, block);
	while (rest.n) {
		struct text line = text_line(&rest);
		if (line.n < 2 || line.p[0] != 'a')
			continue;
		struct text value = { line.p + 2, line.n - 2 };
		if (text_is(text_upto(&value, ':'), attribute))
			return true;
	}
	return false;
}

/* ptime and maxptime that stood in the session go to the line; or what the trunk has instead. */
static void put_inherited(struct line_writer *w, const struct offer_plan *p)
{
	const struct offer_line *l = p->source;
	if (p->from->t38)
		return;
	if (p->in->ptime) {
		line_putf(w, "a=ptime:%u\r\n", p->in->ptime);
		return;
	}
	if (l->ptime && !block_has(p->from, l->block, "ptime"))
		line_putf(w, "a=ptime:%u\r\n", l->ptime);
	if (l->maxptime && !block_has(p->from, l->block, "maxptime"))
		line_putf(w, "a=maxptime:%u\r\n", l->maxptime);
}

static void put_direction(struct line_writer *w, const struct offer_plan *p)
{
	static const char *const word[] = { "inactive", "sendonly", "recvonly", "sendrecv" };
	if (p->direction != OFFER_SENDRECV || p->source->told)
		line_putf(w, "a=%s\r\n", word[p->direction]);
}

static void put_m(struct line_writer *w, const struct offer_plan *p)
{
	line_putf(w, "m=%s %u ", p->from->t38 ? "image" : offer_is_video(p->from) ? "video" : "audio", p->in->local.port);
	if (p->in->answer)
		line_put(w, text_of(p->in->shape, p->in->shape->line[p->anchored].proto));
	else if (p->from->t38)
		line_put(w, text_of(p->from, p->source->proto));
	else
		line_putf(w, "RTP/%s%s", p->in->savp ? "SAVP" : "AVP", p->feedback ? "F" : "");
	if (p->from->t38)
		line_putf(w, " t38");
	for (unsigned i = 0; i < p->pts; i++)
		line_putf(w, " %u", p->pt[i]);
	for (unsigned i = 0; i < p->events; i++)
		line_putf(w, " %u", p->event[i].pt);
	line_putf(w, "\r\n");
}

/* Where RTCP goes, if there is any. */
static void put_rtcp(struct line_writer *w, const struct offer_plan *p)
{
	uint16_t port = p->in->rtcp_port ? p->in->rtcp_port : (uint16_t)(p->in->local.port + 1);

	if (p->from->t38)
		return;
	if (port != p->in->local.port + 1 && !(p->mux && p->in->answer))
		line_putf(w, "a=rtcp:%u\r\n", port);
	if (p->mux)
		line_putf(w, "a=rtcp-mux\r\n");
}

static void put_crypto(struct line_writer *w, const struct offer_plan *p)
{
	char line[CRYPTO_TEXT];

	for (unsigned i = 0; i < p->in->cryptos && !p->from->t38; i++) {
		int n = crypto_write(line, &p->in->crypto[i]);

		line_put(w, (struct text){ "a=crypto:", 9 });
		line_put(w, (struct text){ line, (size_t)n });
		line_put(w, (struct text){ "\r\n", 2 });
	}
	crypto_wipe(line, sizeof line);
}

void line_anchored(struct line_writer *w, const struct offer_plan *p)
{
	struct text rest = text_of(p->from, p->source->block);

	put_m(w, p);
	for (struct text all = rest; all.n;) { /* b= stands before a= (RFC 4566 5.14) */
		struct text line = text_line(&all);
		if (line.n > 2 && line.p[0] == 'b')
			line_bandwidth(w, p, (struct text){ line.p + 2, line.n - 2 });
	}
	while (rest.n) {
		struct text line = text_line(&rest);
		if (line.n > 2 && line.p[0] == 'a')
			put_attribute(w, p, (struct text){ line.p + 2, line.n - 2 });
	}
	if (p->twin.name[0] && p->kept[p->twin.pt])
		line_putf(w, "a=rtpmap:%u %s/%u\r\n", p->as[p->twin.pt], p->twin.name, p->twin.rate);
	for (unsigned i = 0; i < p->events; i++) /* digits and flash */
		line_putf(w, "a=rtpmap:%u %s/%u\r\na=fmtp:%u 0-16\r\n", p->event[i].pt, p->event[i].name, p->event[i].rate, p->event[i].pt);
	put_inherited(w, p);
	put_direction(w, p);
	put_rtcp(w, p);
	put_crypto(w, p);
}

void line_rejected(struct line_writer *w, const struct offer *o, unsigned i)
{
	const struct offer_line *l = &o->line[i];
	struct text formats = text_of(o, l->formats), first = text_word(&formats);
	line_putf(w, "m=");
	line_put(w, text_of(o, l->media));
	line_putf(w, " 0 ");
	line_put(w, text_of(o, l->proto));
	line_putf(w, " ");
	line_put(w, text_tokens(first) && !text_leaks(first) ? first : (struct text){ "0", 1 });
	line_putf(w, "\r\n");
}
