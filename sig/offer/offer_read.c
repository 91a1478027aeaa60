// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "sig/offer/offer.h"
#include "sig/offer/offer_format.h"
#include "sig/offer/offer_text.h"

static struct offer_span span_of(const struct offer *o, struct text t)
{
	return (struct offer_span){ (uint16_t)(t.p - o->body), (uint16_t)t.n };
}

struct reader { /* what one pass over a body knows */
	struct offer *o;
	struct offer_error *e;
	int number;                /* of the line, from 1 */
	struct offer_line *line;   /* NULL: still the session's */
	struct offer_line session; /* its c=, direction, ptime: what lines without their own take */
	bool has_c, session_c;     /* the line, the session had a c= */
	bool hold, session_hold;   /* it was 0.0.0.0 */
	bool foreign, session_foreign;
	int only;               /* the line that is to be the anchored one, -1: the first audio one */
	const char *begin;      /* of the session's or the line's block */
	struct kedge_addr rtcp; /* a=rtcp of the line; port 0: none */
};

static int fail(struct reader *r, int err, const char *text)
{
	if (r->e)
		*r->e = (struct offer_error){ r->number, text };
	return err;
}

static bool addr_any(const struct kedge_addr *a)
{
	static const uint8_t zero[16];
	return !memcmp(a->ip, zero, a->family == AF_INET ? 4 : 16);
}

static bool addr_many(const struct kedge_addr *a)
{
	if (a->family == AF_INET)
		return a->ip[0] >= 224; /* multicast, reserved, broadcast */
	return a->ip[0] == 0xff;
}

/* Reads "IN IP4 192.0.2.1". 0; 1: nowhere (0.0.0.0, ::, a name under .invalid); -EADDRNOTAVAIL: a
 * name, a group, another net. */
static int addr_read(struct text t, struct kedge_addr *addr)
{
	struct text net = text_word(&t), type = text_word(&t), rest = text_word(&t);
	struct text host = text_upto(&rest, '/');
	char name[INET6_ADDRSTRLEN];
	struct kedge_addr a = { .family = text_is(type, "IP6") ? AF_INET6 : AF_INET };

	if (!text_is(net, "IN") || (!text_is(type, "IP4") && !text_is(type, "IP6")))
		return -EADDRNOTAVAIL;
	if (host.n >= 8 && !strncasecmp(host.p + host.n - 8, ".invalid", 8))
		return 1;
	if (!text_copy(name, sizeof name, host) || inet_pton(a.family, name, a.ip) != 1)
		return -EADDRNOTAVAIL;
	if (a.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)a.ip)) {
		/* an IPv4 host that writes as IPv6 does (RFC 5118 4.9) */
		struct kedge_addr v4 = { .family = AF_INET };

		memcpy(v4.ip, a.ip + 12, 4);
		a = v4;
	}
	if (addr_any(&a))
		return 1;
	if (addr_many(&a))
		return -EADDRNOTAVAIL;
	*addr = a;
	return 0;
}

static void read_c(struct reader *r, struct text value)
{
	struct offer_line *l = r->line ? r->line : &r->session;
	bool *has = r->line ? &r->has_c : &r->session_c;
	if (*has)
		/* more than one: layers of a group (RFC 4566 5.7), which is refused by its first */
		return;
	*has = true;
	int rc = addr_read(value, &l->rtp);
	*(r->line ? &r->hold : &r->session_hold) = rc == 1;
	*(r->line ? &r->foreign : &r->session_foreign) = rc < 0;
}

/* a=rtcp:53020 IN IP4 126.16.64.4 (RFC 3605); without an address it is that of c=. */
static void read_rtcp(struct reader *r, struct text value)
{
	long port = text_number(text_word(&value), UINT16_MAX);
	struct kedge_addr addr = { 0 };
	if (!r->line || port <= 0)
		return;
	value = text_trim(value);
	if (value.n && addr_read(value, &addr))
		return;
	addr.port = (uint16_t)port;
	r->rtcp = addr;
}

/* One that would not be passed on says nothing here either. */
static void read_rtpmap(struct reader *r, struct text value)
{
	struct offer *o = r->o;
	bool leaks = text_leaks(value), anchored = r->line && o->anchored == r->line - o->line;
	long pt = text_number(text_word(&value), 127);
	struct text map = text_word(&value);
	struct text name = text_upto(&map, '/'), rate = text_upto(&map, '/');
	long hz = text_number(rate, 999999999), channels = text_number(map, 255);

	if (!anchored || leaks || hz <= 0 || !text_tokens(name))
		return;
	for (unsigned i = 0; i < o->formats; i++) {
		struct offer_format *f = &o->format[i];

		if (f->pt != pt)
			continue;
		f->rate = (uint32_t)hz;
		f->channels = channels > 0 ? (uint8_t)channels : 1;
		if (!text_copy(f->name, sizeof f->name, name))
			f->name[0] = 0;
	}
}

static void read_attribute(struct reader *r, struct text value)
{
	struct text name = text_trim(text_upto(&value, ':'));
	struct offer_line *l = r->line ? r->line : &r->session;
	int direction = text_direction(name);

	if (direction >= 0) {
		l->direction = (uint8_t)direction;
		l->told = true;
	} else if (text_is(name, "rtpmap")) {
		read_rtpmap(r, value);
	} else if (text_is(name, "rtcp")) {
		read_rtcp(r, value);
	} else if (text_is(name, "rtcp-mux")) {
		l->mux = true;
	} else if (text_is(name, "crypto")) {
		l->crypto = true;
	} else if (text_is(name, "ptime") || text_is(name, "maxptime")) {
		long ms = text_number(text_word(&value), 1000);
		if (ms > 0)
			*(text_is(name, "ptime") ? &l->ptime : &l->maxptime) = (uint16_t)ms;
	}
}

/* The payload types behind an audio m-line; what is no number or came before is left out. */
static void read_formats(struct offer *o, struct text list)
{
	bool seen[128] = { false };
	for (struct text word = text_word(&list); word.n; word = text_word(&list)) {
		long pt = text_number(word, 127);
		if (pt < 0 || seen[pt])
			continue;
		seen[pt] = true;
		o->format[o->formats++] = format_static((uint8_t)pt);
	}
}

/* What the session said holds for a line that did not say it. */
static void line_inherit(struct reader *r, struct offer_line *l)
{
	const struct offer_line *s = &r->session;
	if (!r->has_c) {
		l->rtp = s->rtp;
		r->hold = r->session_hold;
		r->foreign = r->session_foreign;
	}
	if (!l->told) {
		l->direction = s->direction;
		l->told = s->told;
	}
	if (!l->ptime)
		l->ptime = s->ptime;
	if (!l->maxptime)
		l->maxptime = s->maxptime;
}

static void line_addresses(struct reader *r, struct offer_line *l)
{
	if (r->hold)
		l->direction &= (uint8_t)~OFFER_RECVONLY;
	if (l->rtp.family == 0)
		return;
	l->rtp.port = l->port;
	l->rtcp = l->rtp;
	l->rtcp.port = (uint16_t)(l->port + 1);
	if (r->rtcp.port && r->rtcp.family)
		l->rtcp = r->rtcp;
	else if (r->rtcp.port)
		l->rtcp.port = r->rtcp.port;
	if (l->rtcp.port == 0)
		l->rtcp.family = 0;
}

/* Ends the block that ran up to `end`. */
static void block_end(struct reader *r, const char *end)
{
	struct text block = { r->begin, (size_t)(end - r->begin) };
	struct offer_line *l = r->line;
	if (!l) {
		r->o->session = span_of(r->o, block);
		return;
	}
	l->block = span_of(r->o, block);
	line_inherit(r, l);
	line_addresses(r, l);
	l->foreign = r->foreign;
	l->nowhere = l->rtp.family == 0 && !r->hold && !r->foreign;
}

static bool video_usable(const struct offer_line *l)
{
	return l->rtp_video && l->port && !l->foreign && !l->nowhere;
}

/* The line that media shall carry: audio, else T.38; and what it may carry beside it. */
static int anchor_line(struct reader *r)
{
	struct offer *o = r->o;

	for (int i = 0; i < o->lines && o->video < 0; i++)
		if (video_usable(&o->line[i]))
			o->video = (int16_t)i;
	if (r->only >= 0)
		return 0;
	for (int i = 0; i < o->lines && o->anchored < 0; i++)
		if (o->line[i].t38 && o->line[i].port)
			o->anchored = (int16_t)i;
	if (o->anchored < 0)
		return 0;
	o->t38 = o->line[o->anchored].t38;
	o->foreign = o->line[o->anchored].foreign;
	r->number = o->line[o->anchored].number;
	return o->line[o->anchored].nowhere ? fail(r, -EINVAL, "no c= for this m-line") : 0;
}

static void read_profile(struct offer_line *l, struct text media, struct text proto)
{
	l->savp = text_is(proto, "RTP/SAVP") || text_is(proto, "RTP/SAVPF");
	l->avpf = text_is(proto, "RTP/AVPF") || text_is(proto, "RTP/SAVPF");
	l->rtp_avp = text_is(media, "audio") && (l->savp || l->avpf || text_is(proto, "RTP/AVP"));
	l->rtp_video = text_is(media, "video") && (l->savp || l->avpf || text_is(proto, "RTP/AVP"));
}

/* m=audio 49170[/2] RTP/AVP 0 8 */
static int read_m(struct reader *r, struct text value)
{
	struct offer *o = r->o;
	struct text media = text_word(&value), where = text_word(&value), proto = text_word(&value);
	struct text formats = text_trim(value), count = where;
	long port = text_number(text_upto(&count, '/'), UINT16_MAX);

	if (o->lines == OFFER_LINES)
		return fail(r, -EMSGSIZE, "too many m-lines");
	if (!text_tokens(media) || !text_tokens(proto) || text_leaks(media) || text_leaks(proto) || port < 0 ||
	    (count.n && text_number(count, UINT16_MAX) < 1) || (port && !formats.n))
		return fail(r, -EINVAL, "not an m-line");
	struct offer_line *l = r->line = &o->line[o->lines++];
	*l = (struct offer_line){
		.media = span_of(o, media),
		.proto = span_of(o, proto),
		.formats = span_of(o, formats),
		.port = (uint16_t)port,
		.number = (uint16_t)r->number,
		.direction = OFFER_SENDRECV,
		.t38 =
		    text_is(media, "image") && text_is(proto, "udptl") && text_is(formats, "t38"),
	};
	read_profile(l, media, proto);
	r->has_c = r->hold = r->foreign = false;
	r->rtcp = (struct kedge_addr){ 0 };
	if (o->anchored < 0 && port && (r->only < 0 ? l->rtp_avp : l - o->line == r->only)) {
		o->anchored = (int16_t)(l - o->line);
		read_formats(o, formats);
	}
	return 0;
}

static int read_line(struct reader *r, struct text line, const char *next)
{
	if (line.n == 0)
		return 0; /* blank lines stand at the end of many bodies */
	if (line.n < 2 || line.p[1] != '=')
		return fail(r, -EINVAL, "not of the form x=");
	struct text value = { line.p + 2, line.n - 2 };
	int rc = 0;
	switch (line.p[0]) {
	case 'm':
		block_end(r, line.p);
		rc = read_m(r, value);
		r->begin = next;
		break;
	case 'c':
		read_c(r, value);
		break;
	case 'a':
		read_attribute(r, value);
		break;
	}
	return rc;
}

static int parse(struct offer *o, const char *body, size_t length, int only, struct offer_error *e)
{
	struct reader r = { .o = o, .e = e, .session.direction = OFFER_SENDRECV, .begin = body, .only = only };
	struct text rest = { body, length };

	o->body = body;
	o->length = length;
	o->lines = o->formats = 0;
	o->anchored = o->video = -1;
	o->foreign = o->t38 = false;
	if (length > OFFER_MAX)
		return fail(&r, -EMSGSIZE, "too long");
	if (length && memchr(body, 0, length))
		return fail(&r, -EINVAL, "a zero byte");
	r.number = 1;
	if (!text_is(text_trim(text_line(&rest)), "v=0"))
		return fail(&r, -EINVAL, "does not begin with v=0");
	while (rest.n) {
		r.number++;
		struct text line = text_line(&rest);
		int rc = read_line(&r, line, rest.p);
		if (rc)
			return rc;
	}
	block_end(&r, rest.p);
	return anchor_line(&r);
}

int offer_parse(struct offer *o, const char *body, size_t length, struct offer_error *e)
{
	return parse(o, body, length, -1, e);
}

bool offer_video(struct offer *v, const struct offer *o)
{
	return o->video >= 0 && parse(v, o->body, o->length, o->video, NULL) == 0 && v->anchored >= 0;
}

bool offer_is_video(const struct offer *o)
{
	return o->anchored >= 0 && o->anchored == o->video;
}
