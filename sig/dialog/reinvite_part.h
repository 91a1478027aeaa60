// SPDX-License-Identifier: MIT
/* reinvite_part: between the files of reinvite (sig/dialog/reinvite.c says which has what). l is the leg of the side that is meant, the other one is
 * reinvite_other(). Thread: su_root's; all of it within a call that is held. */
#ifndef KEDGE_SIG_DIALOG_REINVITE_PART_H
#define KEDGE_SIG_DIALOG_REINVITE_PART_H

#include "config/clock.h"
#include "sig/call.h"

#define REINVITE_PATIENCE_NS  (2 * CLOCK_NS_PER_S) /* a PBX waits no longer for its hold; also before a carrier is asked again */
#define REINVITE_TRIES        3
#define REINVITE_INCOMPATIBLE "Q.850;cause=88;text=\"Incompatible SDP\""
#define REINVITE_OUT_OF_ORDER "Q.850;cause=38;text=\"Network out of order\""

static inline struct leg *reinvite_other(struct call *c, const struct leg *l)
{
	return l == &c->caller ? &c->winner->leg : &c->caller;
}

static inline bool reinvite_of_carrier(const struct leg *l)
{
	return leg_trunk(l)->side == CONF_SIDE_CARRIER;
}

static inline uint64_t reinvite_later(uint64_t ns)
{
	return clock_mono_ns() + ns / call_scale();
}

static inline bool reinvite_is_up(const struct call *c)
{
	return c->state == CALL_ANSWERED || c->state == CALL_UP;
}

/* It asked and has no final answer yet. */
static inline bool reinvite_waits(const struct leg *l)
{
	return l->irq && nta_incoming_status(l->irq) < 200;
}

/* Answers what l asked; body: SDP, or NULL. */
void reinvite_answer(struct call *c, struct leg *l, int status, const char *phrase, const char *body);

/* Answers what the asker offered without the other side. 0, or -errno: it cannot be. body: NULL: of the exchange
 * that is pending. */
int reinvite_alone(struct call *c, struct leg *l, const struct bridge_body *body);

/* Sends an INVITE, or an UPDATE where l takes it, inside l's dialog. 0 or -errno. */
int reinvite_ask(struct leg *l, enum leg_asks why, bool update, const char *body);
void reinvite_drop(struct leg *l); /* what it was asked, without an answer */

/* Sends what is pending once more: after a glare, with another Min-SE, as INVITE. */
void reinvite_resend(struct call *c, struct leg *other);

/* Tells l what the other side does now, if that is not what it was told last. */
void reinvite_push(struct call *c, struct leg *l);

/* l answered an offer of ours that nobody waits for. Either it has yet to hear what was said since, or the other side
 * has to hear what l made of it. 0 or -EPROTO. */
int reinvite_settle(struct call *c, struct leg *l, const struct bridge_body *said);

/* A final answer other than 2xx. */
void reinvite_refused(struct call *c, struct leg *l, nta_outgoing_t *orq, const sip_t *sip);

/* It will not hear what the other side does: the call goes on without, unless it speaks what the caller cannot take. */
void reinvite_untold(struct call *c, struct leg *l);

/* Its signaling is gone. While its audio flows the call lives on without it; a call on hold may be silent. */
void reinvite_bury(struct call *c, struct leg *l, const char *why);
bool reinvite_flows(const struct call *c, const struct leg *l);

#endif
