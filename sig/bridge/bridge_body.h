// SPDX-License-Identifier: MIT
/* bridge_body: the bodies a call keeps, read and written, and what the sides do by them; for the
 * files of bridge alone. Thread: su_root's. Memory: the call's home. */
#ifndef KEDGE_SIG_BRIDGE_BRIDGE_BODY_H
#define KEDGE_SIG_BRIDGE_BRIDGE_BODY_H

#include "sig/bridge/bridge.h"

/* Reads the SDP of a message from that side; o borrows it, or a copy that lives until the next one is read: of several audio lines
 * the first that its trunk's srtp allows is the one with a port. -ENOMSG: there is no body; else as offer_body() and
 * offer_parse(). */
int body_read(const struct bridge *b, const struct bridge_side *side, struct offer *o, const struct bridge_body *body);

/* The same, of an offer: -ENODATA where its trunk's srtp does not allow it. */
int body_read_offer(const struct bridge *b, const struct bridge_side *side, struct offer *o, const struct bridge_body *body);

/* Reads a body we keep. NULL: there is none. */
const struct offer *body_kept(struct offer *o, const char *kept);

/* The same, its video line as the anchored one (offer_video). NULL: there is none. */
const struct offer *body_video(struct offer *v, const char *kept);

/* Keeps a copy in place of what was there; body NULL: none. */
void body_keep(struct bridge *b, char **place, const char *body, size_t length);

/* The names let through on a side's trunk. */
const struct conf_strings *body_codecs(const struct bridge *b, const struct bridge_side *side);

/* Does media turn one law of G.711 into the other between the two? */
bool body_laws(const struct bridge *b, const struct bridge_side *side, const struct bridge_side *other);

/* ms in each packet of G.711 that its trunk wants, 0: any. */
uint8_t body_ptime(const struct bridge *b, const struct bridge_side *side);

/* Writes for side what the other one said, by both trunks' settings; how: from, answer, shape, only
 * are set by the caller, and of body_write_as the direction. Returns its length or as offer_write();
 * body_keep_written() keeps it, before anything else is written. */
int body_write(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    struct offer_write *how);
int body_write_as(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    struct offer_write *how);
void body_keep_written(struct bridge *b, char **place, size_t length);

/* A direction seen from the other end. */
uint8_t side_turned(uint8_t direction);

/* The anchored line; one that does nothing where all are rejected; NULL for NULL. */
const struct offer_line *side_line(const struct offer *o);

/* What a side does, between what it said and what it was told. */
uint8_t side_does(const struct bridge_side *side);

/* The same between two lines of bodies; NULL: there is no such body. */
uint8_t side_line_does(const struct offer_line *theirs, const struct offer_line *ours);

/* What it would do if nothing held it back. */
int side_would_do(const struct bridge_side *side);
int side_line_would_do(const struct bridge_side *side, const struct offer_line *theirs, const struct offer_line *ours);

/* Has `takes` every codec that `said` sends? */
bool side_takes(const struct bridge *b, const struct bridge_side *takes, const struct bridge_side *said);

/* Does `said` have codecs that `takes` has not, or speak where that does not hear, or wait for what
 * that does not say? */
bool side_too_much(const struct bridge *b, const struct bridge_side *takes, const struct bridge_side *said);

#endif
