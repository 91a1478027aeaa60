// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "sig/offer/offer.h"
#include "sig/offer/offer_format.h"
#include "sig/offer/offer_plan.h"
#include "sig/offer/offer_text.h"

static struct text text_of(const struct offer *o, struct offer_span s)
{
	return (struct text){ o->body + s.at, s.length };
}

struct writer {
	char *buf;
	size_t size, n;
	bool full;
};

static void put(struct writer *w, struct text t)
{
	if (w->full || t.n >= w->size - w->n) { /* one byte stays for the NUL */
		w->full = true;
		return;
	}
	memcpy(w->buf + w->n, t.p, t.n);
	w->n += t.n;
}

static void putf(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void putf(struct writer *w, const char *format, ...)
{
	char line[160];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	assert(n >= 0 && n < (int)sizeof line);
	put(w, (struct text){ line, (size_t)n });
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

/* b=AS:64, of the session or a line. */
static void put_bandwidth(struct writer *w, const struct offer_plan *p, struct text value)
{
	if (p->in->no_bandwidth)
		return;
	struct text rest = value, type = text_upto(&rest, ':');
	if (text_tokens(type) && text_number(rest, 999999999) >= 0) {
		put(w, (struct text){ "b=", 2 });
		put(w, value);
		put(w, (struct text){ "\r\n", 2 });
	}
}

static void put_attribute(struct writer *w, const struct offer_plan *p, struct text value)
{
	struct text rest = value, name = text_upto(&rest, ':');
	if (!text_tokens(name) || text_direction(name) >= 0 || attribute_private(name))
		return;
	if (p->in->ptime && (text_is(name, "ptime") || text_is(name, "maxptime")))
		return;
	long pt = -1;
	bool by_type = text_is(name, "rtpmap") || text_is(name, "fmtp") || text_is(name, "rtcp-fb");
	if (by_type) {
		struct text word = text_word(&rest);
		pt = text_number(word, 127);
		if (!text_is(word, "*") && (pt < 0 || !p->kept[pt] || (p->twin.name[0] && pt == p->twin.pt)))
			return;
	}
	if (text_leaks(name) || text_leaks(rest))
		return;
	put(w, (struct text){ "a=", 2 });
	if (pt >= 0 && p->as[pt] != pt) {
		put(w, name);
		putf(w, ":%u ", p->as[pt]);
		value = text_trim(rest);
	}
	put(w, value);
	put(w, (struct text){ "\r\n", 2 });
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
static void put_inherited(struct writer *w, const struct offer_plan *p)
{
	const struct offer_line *l = p->source;
	if (p->from->t38)
		return;
	if (p->in->ptime) {
		putf(w, "a=ptime:%u\r\n", p->in->ptime);
		return;
	}
	if (l->ptime && !block_has(p->from, l->block, "ptime"))
		putf(w, "a=ptime:%u\r\n", l->ptime);
	if (l->maxptime && !block_has(p->from, l->block, "maxptime"))
		putf(w, "a=maxptime:%u\r\n", l->maxptime);
}

static void put_direction(struct writer *w, const struct offer_plan *p)
{
	static const char *const word[] = { "inactive", "sendonly", "recvonly", "sendrecv" };
	if (p->direction != OFFER_SENDRECV || p->source->told)
		putf(w, "a=%s\r\n", word[p->direction]);
}

static void put_m(struct writer *w, const struct offer_plan *p)
{
	putf(w, p->from->t38 ? "m=image %u " : "m=audio %u ", p->in->local.port);
	if (p->in->answer)
		put(w, text_of(p->in->shape, p->in->shape->line[p->anchored].proto));
	else if (p->from->t38)
		put(w, text_of(p->from, p->source->proto));
	else
		putf(w, "RTP/%s%s", p->in->savp ? "SAVP" : "AVP", p->source->avpf ? "F" : "");
	if (p->from->t38)
		putf(w, " t38");
	for (unsigned i = 0; i < p->pts; i++)
		putf(w, " %u", p->pt[i]);
	for (unsigned i = 0; i < p->events; i++)
		putf(w, " %u", p->event[i].pt);
	putf(w, "\r\n");
}

/* Where RTCP goes, if there is any. */
static void put_rtcp(struct writer *w, const struct offer_plan *p)
{
	uint16_t port = p->in->rtcp_port ? p->in->rtcp_port : (uint16_t)(p->in->local.port + 1);

	if (p->from->t38)
		return;
	if (port != p->in->local.port + 1 && !(p->mux && p->in->answer))
		putf(w, "a=rtcp:%u\r\n", port);
	if (p->mux)
		putf(w, "a=rtcp-mux\r\n");
}

static void put_crypto(struct writer *w, const struct offer_plan *p)
{
	char line[CRYPTO_TEXT];

	for (unsigned i = 0; i < p->in->cryptos && !p->from->t38; i++) {
		int n = crypto_write(line, &p->in->crypto[i]);

		put(w, (struct text){ "a=crypto:", 9 });
		put(w, (struct text){ line, (size_t)n });
		put(w, (struct text){ "\r\n", 2 });
	}
	crypto_wipe(line, sizeof line);
}

static void put_anchored(struct writer *w, const struct offer_plan *p)
{
	struct text rest = text_of(p->from, p->source->block);

	put_m(w, p);
	for (struct text all = rest; all.n;) { /* b= stands before a= (RFC 4566 5.14) */
		struct text line = text_line(&all);
		if (line.n > 2 && line.p[0] == 'b')
			put_bandwidth(w, p, (struct text){ line.p + 2, line.n - 2 });
	}
	while (rest.n) {
		struct text line = text_line(&rest);
		if (line.n > 2 && line.p[0] == 'a')
			put_attribute(w, p, (struct text){ line.p + 2, line.n - 2 });
	}
	if (p->twin.name[0] && p->kept[p->twin.pt])
		putf(w, "a=rtpmap:%u %s/%u\r\n", p->as[p->twin.pt], p->twin.name, p->twin.rate);
	for (unsigned i = 0; i < p->events; i++) /* digits and flash */
		putf(w, "a=rtpmap:%u %s/%u\r\na=fmtp:%u 0-16\r\n", p->event[i].pt, p->event[i].name, p->event[i].rate, p->event[i].pt);
	put_inherited(w, p);
	put_direction(w, p);
	put_rtcp(w, p);
	put_crypto(w, p);
}

/* A line that keeps its place with port 0 (RFC 3264 6, 8.2): media, profile, one format, no
 * attribute. */
static void put_rejected(struct writer *w, const struct offer *o, unsigned i)
{
	const struct offer_line *l = &o->line[i];
	struct text formats = text_of(o, l->formats), first = text_word(&formats);
	putf(w, "m=");
	put(w, text_of(o, l->media));
	putf(w, " 0 ");
	put(w, text_of(o, l->proto));
	putf(w, " ");
	put(w, text_tokens(first) && !text_leaks(first) ? first : (struct text){ "0", 1 });
	putf(w, "\r\n");
}

static void put_session(struct writer *w, const struct offer_plan *p)
{
	struct text rest = text_of(p->from, p->from->session);
	while (rest.n) {
		struct text line = text_line(&rest);
		if (line.n > 2 && line.p[0] == 'b')
			put_bandwidth(w, p, (struct text){ line.p + 2, line.n - 2 });
	}
	putf(w, "t=0 0\r\n");
	for (unsigned i = 0; i < p->lines; i++) {
		const struct offer *frame =
		    p->in->answer || i >= p->from->lines ? p->in->shape : p->from;
		if ((int)i == p->anchored)
			put_anchored(w, p);
		else
			put_rejected(w, frame, i);
	}
}

/* FNV-1a, 64 bits: only to see whether a body changed. */
static uint64_t digest(const char *p, size_t n)
{
	uint64_t h = 14695981039346656037ULL;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 1099511628211ULL;
	return h;
}

/* "IN IP4 192.0.2.1" */
static void addr_text(char buf[static 64], const struct kedge_addr *a)
{
	char ip[INET6_ADDRSTRLEN];
	assert(a->family == AF_INET || a->family == AF_INET6);
	inet_ntop(a->family, a->ip, ip, sizeof ip);
	snprintf(buf, 64, "IN IP%c %s", a->family == AF_INET ? '4' : '6', ip);
}

static void put_origin(struct writer *w, const struct offer_origin *origin, const char *addr)
{
	putf(w, "v=0\r\no=- %llu %llu %s\r\n", (unsigned long long)origin->id,
	    (unsigned long long)origin->version, addr);
}

int offer_write(char *buf, size_t size, const struct offer_write *in, struct offer_origin *origin)
{
	struct writer head, tail = { .buf = buf, .size = size, .full = size == 0 };
	struct offer_origin next = *origin;
	struct offer_plan p;
	char addr[64];
	int rc = offer_plan_make(&p, in);
	if (rc)
		return rc;
	addr_text(addr, &in->local);
	/* What stands behind o= is written twice: to see whether it changed, then for good. */
	putf(&tail, "s=-\r\nc=%s\r\n", addr);
	put_session(&tail, &p);
	if (tail.full)
		return -ENOBUFS;
	next.digest = digest(buf, tail.n);
	if (next.digest != origin->digest || origin->version == 0)
		next.version++;
	head = (struct writer){ .buf = buf, .size = size };
	put_origin(&head, &next, addr);
	putf(&head, "s=-\r\nc=%s\r\n", addr);
	put_session(&head, &p);
	if (head.full)
		return -ENOBUFS;
	if (head.n > OFFER_MAX)
		return -EMSGSIZE;
	buf[head.n] = 0;
	*origin = next;
	return (int)head.n;
}
