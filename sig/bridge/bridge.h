// SPDX-License-Identifier: MIT
/* bridge: what each side of a call was told about media, and the anchor that makes it true. Joins
 * offer and anchor. It knows offers and answers, not the messages they came in: INVITE, reliable
 * 1xx, PRACK, UPDATE, 2xx, ACK are told apart by who calls (call, rel100, reinvite, refresh).
 *
 * Setup:
 *   bridge_open      the caller's INVITE, with an offer or without: a slot, the inside end
 *   bridge_outside   an outside end and the offer for one attempt; after the first answer cut to it
 *   bridge_answer    what an attempt's 1xx or 2xx says. The first answer binds what the caller sees
 *                    (RFC 3264 8): o= id and version, port, types; later ones move media and
 *                    repeat it
 *                    (one with a codec of another kind, where nothing else was to be had: it repeats it too, and
 *                    bridge.differs asks the caller after the 2xx)
 *   bridge_late      the caller's answer, in its ACK or PRACK, to an offer that kedge gave it
 *   bridge_settled   the caller has its answer for good: what follows repeats no body
 * Inside a dialog, early or confirmed; one exchange at a time over the whole call, and nothing that
 * holds changes before its answer:
 *   bridge_reoffer   an offer from one side (re-INVITE, UPDATE, PRACK), for the other one
 *   bridge_reanswer  the other one's answer to it, for the first
 *   bridge_reject    there is none: what held before still holds
 *   bridge_same      does an offer repeat what its side said last? (RFC 4028: a refresh)
 *   bridge_unchanged does it say nothing that the other side need hear?
 *   bridge_alone     answers an offer without asking the other side: from what it said last
 *   bridge_propose   an offer of our own, of what holds on the other side: for an INVITE without
 *                    one inside the dialog, a correction, a refresh
 *   bridge_proposed  the answer to it
 *
 * Without an offer in the caller's INVITE (b->late), by the trunk's late_offer:
 *   insert  the attempt gets an offer of ours (side->inserted), made from the codecs of its trunk,
 *           else of the caller's, else PCMA, PCMU. Its answer becomes our offer to the caller, in
 *           a 1xx that both sides PRACK or the 2xx, never in an unreliable 1xx. Once given it binds:
 *           later attempts are offered what the caller was offered, or what it answered
 *           since. The 2xx of the attempt is ACKed at once, without a body. Where the caller's
 *           answer leaves something out that the attempt answered, bridge.callee_differs: the
 *           attempt needs bridge_propose().
 *   pass    the attempt gets no offer; the one in its 2xx (or in a 1xx that both sides PRACK) is
 *           passed on, and bridge_late() gives the body of our ACK (or PRACK).
 *
 *   bridge.c         setup, and an INVITE without an offer
 *   bridge_inside.c  exchanges inside a dialog
 *   bridge_body.c    bodies kept, read and written; what a side does by them
 *   bridge_media.c   what media is told
 *   bridge_dtmf.c    how digits travel
 *   bridge_own.c     an answer of kedge's own, and what it plays to the caller
 *   bridge_keys.c    SRTP keys of each side
 *   bridge_test.c    calls of kedge's own, that nobody makes and nobody hears
 *   bridge_video.c   the video line beside the audio: an anchor of its own
 *
 * Bodies come back in memory of the call's home, valid until the next call of that function.
 * Thread: su_root's. Owner: the call. Errors: negative errno; bridge_status() makes them answers. */
#ifndef KEDGE_SIG_BRIDGE_BRIDGE_H
#define KEDGE_SIG_BRIDGE_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sofia-sip/su_alloc.h>

#include "config/conf.h"
#include "sig/bridge/anchor.h"
#include "sig/edge/listen.h"
#include "sig/offer/offer.h"

struct bridge_body {      /* of a SIP message, borrowed */
	const char *type; /* Content-Type, or NULL */
	const char *data;
	size_t length; /* 0: none */
};

struct bridge_side {    /* one leg */
	uint16_t trunk; /* in the configuration */
	uint8_t end; /* of the anchor: KEDGE_END_INSIDE or an outside end; KEDGE_LIVE_NONE: none */
	struct kedge_addr peer;     /* where its SIP comes from */
	struct offer_origin origin; /* our o= toward it */
	char *ours, *theirs;        /* the last bodies that hold; NULL: none yet */
	bool theirs_offered;        /* theirs was an offer */
	bool inserted;              /* an attempt: what it was offered first was kedge's own */
	uint8_t srtp;               /* enum kedge_suite that media was told for it */
	uint8_t net;                /* an attempt: the local media address of its ends */
	uint8_t video_end;          /* of bridge.video, as it was opened for the video_of-th time */
	uint32_t video_of;
};

struct bridge {
	struct anchor anchor;
	struct anchor video;     /* of the video line; open as long as somebody may send any */
	struct anchor_quality video_heard[2]; /* of a video line that is gone: packets and bytes alone */
	uint32_t video_times;    /* it was opened */
	char video_codec[20];    /* the last that was agreed on with the callee; "": none ever was */
	bool video_refused;      /* limits.max_video calls had some when it was asked for last */
	uint64_t call_id;
	uint8_t net;             /* the local media address of the inside ends */
	su_home_t *home;         /* borrowed: the call's */
	const struct conf *conf; /* borrowed */
	struct bridge_side caller;
	bool late;    /* the caller owes an answer: its INVITE had no offer */
	bool bound;   /* the caller has an answer: caller.ours */
	bool forks;   /* the caller takes a second dialog: its trunk's setting */
	bool forked;  /* the answer needs one; whoever makes it clears this */
	bool settled; /* it has it by a message it acknowledged: no 1xx or 2xx repeats it */
	/* what the caller was told is not what holds: it needs bridge_propose(); and the callee */
	bool differs, callee_differs;
	bool test;       /* kedge itself is the caller: bridge_test() */
	bool held;       /* one side does not send, or does not want to hear */
	const char *why; /* the last answer that did not do: a word for the log */
	char *pending_theirs, *pending_ours; /* of an exchange without an answer yet */
	uint8_t dtmf[2]; /* enum kedge_dtmf: with the caller, with the callee that has its media */
	char codec[20], codec_out[20]; /* spoken with the caller, with the callee: the same but for the two laws of G.711 */
	/* what else stood in the body of the caller's INVITE; NULL: nothing */
	char *parts;
	size_t parts_length;
	bool required; /* one of them must be understood, or the message refused: it goes nowhere without them */
	char boundary[LISTEN_TOKEN];
};

enum bridge_way { /* how an attempt said it, and so how it may go on to the caller */
	BRIDGE_PREVIEW,  /* a 1xx that nobody acknowledges */
	BRIDGE_RELIABLE, /* a 1xx that we PRACK, and the caller ours */
	BRIDGE_FINAL     /* a 2xx */
};

/* Begins: side.trunk and side.peer of b->caller are set by the caller. owner: for anchor events.
 * -ENOSPC, -ENOBUFS, -EADDRNOTAVAIL: no anchor; -EMEDIUMTYPE, -EINVAL, -EMSGSIZE, -ENODATA: the
 * body. */
int bridge_open(struct bridge *b, unsigned iface, uint64_t call_id, const struct bridge_body *body,
    void *owner);

/* Makes an outside end toward side->peer and the offer for it (*body NULL: late offer). Errors as
 * above, -EMFILE. */
int bridge_outside(
    struct bridge *b, struct bridge_side *side, unsigned iface, unsigned hop, const char **body);

/* The body of the INVITE to side: its offer (NULL: none), and with it, where its trunk says
 * bodies = pass, the other parts of the caller's. In memory of the call's home, or sdp itself. */
struct bridge_body bridge_envelope(
    const struct bridge *b, const struct bridge_side *side, const char *sdp);

/* Takes the SDP of an attempt's 1xx or 2xx. *out: the body for the caller, NULL: none. 0, or
 * -EPROTO: it cannot stand beside what was offered or what the caller was told. A 2xx must have
 * brought an answer (late_offer pass: an offer) by now. */
int bridge_answer(struct bridge *b, struct bridge_side *side, const struct bridge_body *body,
    enum bridge_way way, const char **out);

/* Answers the caller's offer before anybody else did, with a codec that kedge can play: the caller is bound to it, later
 * attempts are offered no other. 0, also where it is bound already; -EPROTO: it offered none, or nothing. */
int bridge_own(struct bridge *b);

/* Does the caller speak a codec that kedge can play? Another carrier's answer may have bound it to one that it cannot. */
bool bridge_plays(const struct bridge *b);

/* Has media play to the caller what sound_id() names; 0: nothing. how: enum kedge_play. */
void bridge_play(struct bridge *b, uint32_t sound, uint8_t how);

/* The same to a later offer, which takes the place of the first: there is nobody else in the call. Errors as bridge_open(). */
int bridge_own_again(struct bridge *b, const struct bridge_body *body);

/* What the caller says goes back to it: there is nobody else in the call. */
void bridge_echo(struct bridge *b);

/* A call of kedge's own to side (its trunk and peer are set): a slot, an end toward hop, and the offer for it: G.711 as far as its
 * trunk lets it through, and digits. What the other side says is heard by media alone. -ENOTSUP: the trunk takes no G.711; else as
 * bridge_open(). */
int bridge_test(struct bridge *b, struct bridge_side *side, unsigned iface, unsigned hop, const char **body);

/* The answer to it: sounds and digits may go, b->dtmf[1] says how digits do (enum kedge_dtmf). -EPROTO: it does not do, b->why. */
int bridge_test_answered(struct bridge *b, struct bridge_side *side, const struct bridge_body *body);

/* b->late: the caller's answer to our offer. side: the attempt the offer came from, or that has the
 * call by now. *out: the body of our ACK or PRACK to it; NULL: it had its answer (inserted), and
 * b->callee_differs says whether it needs another. -EPROTO: there is none or it does not fit. */
int bridge_late(
    struct bridge *b, struct bridge_side *side, const struct bridge_body *body, const char **out);

/* A PRACK came for the 1xx that carried the caller's answer. */
void bridge_settled(struct bridge *b);

/* A new offer from one side. *out: the offer for the other side; NULL if body is empty (an offer
 * is asked for). Forgets an exchange that was pending. -ENODATA: no line or codec is left for the
 * other side (488); -EMEDIUMTYPE, -EINVAL, -EMSGSIZE: the body. */
int bridge_reoffer(struct bridge *b, struct bridge_side *from, struct bridge_side *to,
    const struct bridge_body *body, const char **out);

/* The answer of `to` to it. *out: the answer for `from`; a line that was refused (port 0) is refused
 * there too, since the other side has dropped it. On an error nothing has changed. */
int bridge_reanswer(struct bridge *b, struct bridge_side *from, struct bridge_side *to,
    const struct bridge_body *body, const char **out);

/* It was refused: what held before still holds. */
void bridge_reject(struct bridge *b);

/* Does the offer say what its side said last: the same lines, address, codecs, direction? Its o=
 * is not looked at. false for an empty body. */
bool bridge_same(
    const struct bridge *b, const struct bridge_side *side, const struct bridge_body *body);

/* Does the offer say nothing that is new for the other side: lines, direction and codecs of what its side said last,
 * first the codec that is spoken? Its address may have changed: that is between it and kedge. */
bool bridge_unchanged(const struct bridge *b, const struct bridge_side *side, const struct bridge_side *other,
    const struct bridge_body *body);

/* Was side told another direction than the other side would take now? */
bool bridge_behind(const struct bridge_side *side, const struct bridge_side *other);

/* Answers an offer of side from what the other side said last. *out: the answer. *differs: the
 * other side should be told, since it said more than side now takes, or speaks where nobody hears;
 * media already holds its packets back. -EPROTO: they have nothing in common (488), nothing has
 * changed; errors of the body as above. */
int bridge_alone(struct bridge *b, struct bridge_side *side, struct bridge_side *other,
    const struct bridge_body *body, const char **out, bool *differs);

/* Our offer to side: what the other one said last, cut to side's trunk. -ENOMEM: it said nothing
 * yet. The answer is pending until bridge_proposed() or bridge_reject(). */
int bridge_propose(struct bridge *b, struct bridge_side *side, const struct bridge_side *other,
    const char **out);

/* The answer of side to it. *differs: as of bridge_alone(). -EPROTO: none, or it does not fit;
 * nothing has changed. */
int bridge_proposed(struct bridge *b, struct bridge_side *side, struct bridge_side *other,
    const struct bridge_body *body, bool *differs);

/* A body that side was told before, to be told once more: the offer that is pending, or what holds. Where another one was said
 * in between its o= version is raised: it never goes back (RFC 3264 8). NULL: there is none. */
const char *bridge_repeat(struct bridge *b, struct bridge_side *side, bool pending);

/* May the caller get every codec the callee said it sends? (not its directions) */
bool bridge_usable(const struct bridge *b, const struct bridge_side *callee);

/* Gives an attempt's outside end back. */
void bridge_drop(struct bridge *b, struct bridge_side *side);

/* The call's media is over: closes its anchors. */
void bridge_close(struct bridge *b);

/* Video from inside (0) and outside (1), as of now: packets and bytes alone. False: there never was any. */
bool bridge_video(const struct bridge *b, struct anchor_quality q[2]);

/* The call is over: what a side said and was told may hold keys, and is wiped. */
void bridge_forget(struct bridge *b, struct bridge_side *side);

/* Status for the caller: 488, 415, 400, 413, 503; 500 for anything else. */
int bridge_status(int err);

#endif
