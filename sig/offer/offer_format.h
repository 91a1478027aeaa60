// SPDX-License-Identifier: MIT
/* offer_format: payload types and the codecs behind them (RFC 3551), for the files of offer alone.
 * Pure, any thread. */
#ifndef KEDGE_SIG_OFFER_OFFER_FORMAT_H
#define KEDGE_SIG_OFFER_OFFER_FORMAT_H

#include "sig/offer/offer.h"

/* What a type means where no a=rtpmap says it. */
struct offer_format format_static(uint8_t pt);

/* telephone-event (RFC 4733). */
bool format_event(const struct offer_format *f);

/* Goes with a codec, is none itself: telephone-event, CN. */
bool format_aux(const struct offer_format *f);

/* Has packets of an SSRC of its own beside that of the codec (RFC 4588, 8627). */
bool format_apart(const struct offer_format *f);

/* Do both mean the same codec? */
bool format_equal(const struct offer_format *a, const struct offer_format *b);

/* The format of o that means the same as f; the same number wins. NULL: none. */
const struct offer_format *format_find(const struct offer *o, const struct offer_format *f);

/* Has a format of o this number? */
bool format_numbered(const struct offer *o, uint8_t pt);

/* Another format means PCMA where this one is PCMU, and the other way round: *twin is that one, with its number of RFC 3551.
 * False: it is neither. */
bool format_twin(const struct offer_format *f, struct offer_format *twin);

/* Is it called "PCMU", or with its rate "L16/16000"? */
bool format_named(const struct offer_format *f, const char *name);

/* Is it one of these; an empty list or NULL: all. */
bool format_listed(const struct offer_format *f, const struct conf_strings *names);

#endif
