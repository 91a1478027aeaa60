// SPDX-License-Identifier: MIT
/* offer_line: one m-line of what offer_write writes, and the lines below it. For the files of offer alone. Pure, any thread. */
#ifndef KEDGE_SIG_OFFER_OFFER_LINE_H
#define KEDGE_SIG_OFFER_OFFER_LINE_H

#include "sig/offer/offer.h"
#include "sig/offer/offer_plan.h"
#include "sig/offer/offer_text.h"

struct line_writer {
	char *buf;
	size_t size, n;
	bool full; /* it did not fit: what stands there is of no use */
};

/* One byte stays for the NUL. */
void line_put(struct line_writer *w, struct text t);

/* At most 159 bytes. */
void line_putf(struct line_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* b=AS:64, of the session or a line, if the plan lets it through. */
void line_bandwidth(struct line_writer *w, const struct offer_plan *p, struct text value);

/* The line that p is the plan of. */
void line_anchored(struct line_writer *w, const struct offer_plan *p);

/* Line i of o, which keeps its place with port 0 (RFC 3264 6, 8.2): media, profile, one format, no attribute. */
void line_rejected(struct line_writer *w, const struct offer *o, unsigned i);

#endif
