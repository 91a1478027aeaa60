// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "sig/offer/offer.h"
#include "sig/offer/offer_line.h"
#include "sig/offer/offer_plan.h"
#include "sig/offer/offer_text.h"

/* v: plan of the video line, NULL: it has port 0. */
static void put_session(struct line_writer *w, const struct offer_plan *p, const struct offer_plan *v)
{
	struct text rest = { p->from->body + p->from->session.at, p->from->session.length };
	while (rest.n) {
		struct text line = text_line(&rest);
		if (line.n > 2 && line.p[0] == 'b')
			line_bandwidth(w, p, (struct text){ line.p + 2, line.n - 2 });
	}
	line_putf(w, "t=0 0\r\n");
	for (unsigned i = 0; i < p->lines; i++) {
		const struct offer *frame =
		    p->in->answer || i >= p->from->lines ? p->in->shape : p->from;
		if ((int)i == p->anchored)
			line_anchored(w, p);
		else if (v && (int)i == v->anchored)
			line_anchored(w, v);
		else
			line_rejected(w, frame, i);
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

static void put_origin(struct line_writer *w, const struct offer_origin *origin, const char *addr)
{
	line_putf(w, "v=0\r\no=- %llu %llu %s\r\n", (unsigned long long)origin->id,
	    (unsigned long long)origin->version, addr);
}

int offer_write(char *buf, size_t size, const struct offer_write *in, struct offer_origin *origin)
{
	struct line_writer head, tail = { .buf = buf, .size = size, .full = size == 0 };
	struct offer_origin next = *origin;
	struct offer_plan p, video, *v = NULL;
	char addr[64];
	int rc = offer_plan_make(&p, in);
	if (rc)
		return rc;
	if (in->video && p.anchored >= 0 && !in->from->t38 && offer_plan_make(&video, in->video) == 0)
		v = &video;
	addr_text(addr, &in->local);
	/* What stands behind o= is written twice: to see whether it changed, then for good. */
	line_putf(&tail, "s=-\r\nc=%s\r\n", addr);
	put_session(&tail, &p, v);
	if (tail.full)
		return -ENOBUFS;
	next.digest = digest(buf, tail.n);
	if (next.digest != origin->digest || origin->version == 0)
		next.version++;
	head = (struct line_writer){ .buf = buf, .size = size };
	put_origin(&head, &next, addr);
	line_putf(&head, "s=-\r\nc=%s\r\n", addr);
	put_session(&head, &p, v);
	if (head.full)
		return -ENOBUFS;
	if (head.n > OFFER_MAX)
		return -EMSGSIZE;
	buf[head.n] = 0;
	*origin = next;
	return (int)head.n;
}
