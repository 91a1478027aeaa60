// SPDX-License-Identifier: MIT
/* offer: SDP between the legs (RFC 4566, 3264). Reads a body, writes the one for the other side.
 *
 *   body of one side -> offer_body -> offer_parse -+-> offer_write: body for the other side
 *                                                  |-> offer_fits: does an answer fit its offer
 *                                                  |-> offer_end:  what media must know of that side
 *                                                  |-> offer_map:  payload types of a later answer
 *                                                  `-> offer_agreed: SRTP keys of both directions
 *
 * A rewriter that keeps lines: what is not ours to say passes, in its order. Written anew: v= o= s=
 * t= c=, ports, a=rtcp, direction, payload lists. Never written: i= u= e= p= k= z= r=, ICE, keys,
 * groups, ssrc, capabilities (RFC 5939), and any other attribute that holds an address. So no
 * address, user or name of one side reaches the other. One line is anchored: the first
 * RTP audio one (AVP, AVPF, SAVP, SAVPF) with a port, else the first T.38 one (image udptl t38, RFC 3362)
 * with a port, as in the re-INVITE of a fax. Beside an audio line the first RTP video one is carried too, where the caller of
 * offer_write() gives it a place: offer_video() reads the body once more with that line as the anchored one, and whatever is
 * asked of that (offer_end, offer_map, keys) is said of the video. Its types pass as they are, but for those that need a second
 * SSRC (rtx, flexfec): kedge has one line toward each end. All other lines stay in their place with port 0: a
 * second audio or video line, T.38 beside audio; such a line may be the anchored one of a later body. Hold in
 * every form (a=sendonly, recvonly, inactive, c=0.0.0.0) is told as a direction, port and address
 * kept. SRTP (SDES, RFC 4568) is between kedge and each side: profile and a=crypto are written anew from what
 * offer_write is given, and never cross. rtcp-mux (RFC 5761) is between kedge and each side, by the trunk's rtcp_mux. A body whose
 * lines are all rejected passes as one inside a dialog: its media stops until a later body.
 *
 *   offer_body.c   the SDP among the parts of a message
 *   offer_read.c   bytes to struct offer
 *   offer_plan.c   which types, numbers and direction the body for the other side has
 *   offer_write.c  its bytes: the session, which lines
 *   offer_line.c   one m-line
 *   offer_own.c    an offer of kedge's own
 *   offer_fit.c    two bodies compared; what media must know
 *   offer_crypto.c a=crypto of a body; what an offer and its answer agreed on
 *   offer_law.c    PCMU beside PCMA: what media turns into each other
 *   offer_text.c, offer_format.c  words and codecs, for the four above
 *
 * Pure: bytes in, bytes out, no allocation, no clock, any thread. struct offer is some 6 KB (for
 * the stack) and borrows the body. Errors: negative errno, and where it was in struct offer_error. */
#ifndef KEDGE_SIG_OFFER_OFFER_H
#define KEDGE_SIG_OFFER_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/conf.h"
#include "routing/shm/layout.h"
#include "sig/offer/crypto.h"

#define OFFER_MAX     16384 /* bytes of a body */
#define OFFER_LINES   32    /* m-lines */
#define OFFER_FORMATS 128   /* payload types there are */

enum offer_direction { /* bits: what the writer of the body does */
	OFFER_INACTIVE,
	OFFER_SENDONLY,
	OFFER_RECVONLY,
	OFFER_SENDRECV
};

struct offer_span { /* bytes of the body */
	uint16_t at, length;
};

struct offer_format { /* one payload type of an RTP line */
	uint8_t pt;
	uint8_t channels; /* 1 unless said */
	uint32_t rate;    /* Hz; 0: a dynamic type without rtpmap */
	char name[20];    /* encoding name as written, or of RFC 3551; "" unknown */
};

struct offer_line { /* one m-line and all up to the next */
	struct offer_span media, proto, formats;
	struct offer_span block;   /* the lines behind the m-line */
	struct kedge_addr rtp;     /* far address; family 0: none (port 0, c=0.0.0.0, a name) */
	struct kedge_addr rtcp;    /* a=rtcp, else rtp + 1 */
	uint16_t port;             /* 0: rejected */
	uint16_t ptime, maxptime;  /* ms, 0: not said */
	uint8_t direction;         /* enum offer_direction, c=0.0.0.0 taken in */
	bool told;                 /* the direction was written, not taken for granted */
	bool rtp_avp;              /* audio over RTP/AVP, AVPF, SAVP, SAVPF: can be anchored */
	bool rtp_video;            /* video over one of these */
	bool savp, avpf;           /* a profile with SRTP, with early feedback */
	bool crypto;               /* a=crypto lines, whatever they say */
	bool t38;                  /* image udptl t38: can be anchored where no audio can */
	bool mux;                  /* a=rtcp-mux */
	bool foreign;              /* an address kedge cannot send to */
	bool nowhere;              /* no c= at all */
	uint16_t number;           /* of the m-line, from 1 */
};

struct offer {
	const char *body; /* borrowed */
	size_t length;
	struct offer_span session;     /* the lines before the first m-line */
	uint16_t lines, formats;
	int16_t anchored;              /* a line, -1: none can be */
	int16_t video;                 /* the first video line with a port that can be reached, -1: none; of offer_video() the anchored one */
	bool t38;                      /* and it is T.38 */
	bool foreign;                  /* it has a port but an address kedge cannot send to */
	struct offer_line line[OFFER_LINES];
	struct offer_format format[OFFER_FORMATS]; /* of the anchored line, each type once */
};

struct offer_error {
	int line;         /* of the body, from 1; 0: the whole */
	const char *text; /* static */
};

/* Finds the SDP in a message body. type: value of Content-Type, NULL is application/sdp. A
 * multipart is searched (RFC 2046). 0; -ENOMSG: no body; -EMEDIUMTYPE: no SDP in it (415); -EINVAL:
 * a broken multipart. */
int offer_body(
    const char *type, const char *body, size_t length, const char **sdp, size_t *sdp_length);

/* What else stands in a multipart: each part as it came, headers and all, behind a line of `boundary`,
 * written to buf. Not any part of SDP, nor one with parts of its own. Returns the length, 0: none;
 * -EMSGSIZE: it does not fit. Nothing is NUL-terminated: a part may be of any bytes. */
int offer_parts(char *buf, size_t size, const char *type, const char *body, size_t length,
    const char *boundary);

/* Does another part of a multipart say that who does not understand it must refuse the message (RFC 3204 handling=required, RFC 5621 8)?
 * What says nothing of handling is taken for optional: so it is meant by who sends it. */
bool offer_requires(const char *type, const char *body, size_t length);

/* Reads a body. 0; -EMSGSIZE: larger than OFFER_MAX or OFFER_LINES; -EINVAL: not SDP, and *e says
 * why. A body without a line that could be anchored is no error: o->anchored is -1. */
int offer_parse(struct offer *o, const char *body, size_t length, struct offer_error *e);

/* The body of o once more, its video line as the anchored one. False: it has none. */
bool offer_video(struct offer *v, const struct offer *o);

/* Is it one read by offer_video()? */
bool offer_is_video(const struct offer *o);

/* Does the video line of both say the same, or is there none in both? Addresses are looked at where they stand in the line. */
bool offer_video_same(const struct offer *a, const struct offer *b);

/* Our o= line toward one side: {0} until offer_write uses it first. 24 bytes, kept with the leg. */
struct offer_origin {
	/* of the session; set by the caller before: random, below 2^31 for old peers */
	uint64_t id;
	uint64_t version; /* +1 whenever the body differs from the last one */
	uint64_t digest;  /* of the last body without its o= */
};

enum offer_mux {           /* RTCP in the port of RTP, toward one side (RFC 5761) */
	OFFER_MUX_ACCEPT, /* where it was offered; offered again as long as it holds */
	OFFER_MUX_OFFER,
	OFFER_MUX_NO
};

enum offer_events {         /* telephone-event (RFC 4733), toward one side */
	OFFER_EVENTS_PASS, /* as the other side has it */
	OFFER_EVENTS_ADD,  /* also where that has none: offers name it, answers where it was offered */
	OFFER_EVENTS_NO
};

struct offer_write {
	const struct offer *from;     /* what the other side said */
	/* Answers: the offer of this side that is answered; its lines, formats and direction bound
	 * what is written. Later offers: the last body this side had, so that no line goes away.
	 * First offers: NULL. */
	const struct offer *shape;
	bool answer;
	struct kedge_addr local;      /* our RTP address toward this side */
	uint16_t rtcp_port;           /* 0: local.port + 1 */
	/* offers: no payload types but those of this answer, which binds; NULL: all */
	const struct offer *only;
	/* of this side's trunk: names let through, in that order; NULL or empty: all */
	const struct conf_strings *codecs;
	/* of the other side's trunk: names let through; NULL or empty: all */
	const struct conf_strings *filter;
	enum offer_mux mux;
	/* The same for the video line, by the bodies of offer_video(); NULL, or what cannot be written: it has port 0 */
	const struct offer_write *video;
	bool no_feedback;  /* an offer in place of RTP/AVPF: RTP/AVP, without a=rtcp-fb */
	bool no_bandwidth; /* b= lines stay on their side */
	/* SRTP: a=crypto lines of the audio line, borrowed; answers: one at most. Profile of an offer; an answer has that of the offer */
	const struct crypto *crypto;
	unsigned cryptos;
	bool savp;
	/* media turns PCMU into PCMA and back: an offer names both where one is there, behind what needs no turning; an
	 * answer names the one that was offered. */
	bool laws;
	uint8_t ptime; /* ms: said to this side in place of the other one's ptime and maxptime; 0: theirs pass */
	enum offer_events events;
	/* enum offer_direction to write whatever `from` says, -1: as it says */
	int direction;
};

/* Writes the body for one side into buf, with a NUL behind it. Returns its length and moves *origin
 * on, or -ENODATA: no payload type is left, no line to anchor, or T.38 where audio
 * is asked for and the other way round (488); -EADDRNOTAVAIL: the line
 * names an address kedge cannot send to; -ENOBUFS: size is too small; -EMSGSIZE: it
 * would be longer than OFFER_MAX. On an error *origin is as it was. A body without a line to anchor is
 * written where offer_rejects() and there is a shape: all lines rejected. A re-offer that kedge answers
 * alone: from = the last answer this side had, shape = its offer, direction = what the other side
 * does now; it is turned to fit the offer. */
int offer_write(char *buf, size_t size, const struct offer_write *w, struct offer_origin *origin);

#define OFFER_OWN 2048

/* A body to write an offer of kedge's own from: one audio line with these codecs, in their order,
 * as far as kedge knows them, and telephone-event at each of their rates; NULL, empty or none
 * known: PCMA and PCMU. Ends with a NUL. */
void offer_own(char buf[static OFFER_OWN], const struct conf_strings *codecs);

/* A body to write an answer of kedge's own from: of the offer's codecs the first that kedge can play (PCMU, PCMA, G.722) and
 * codecs lets through, by its number there, with the telephone-event and CN types that go with it. False: there is none. */
bool offer_own_answer(char buf[static OFFER_OWN], const struct offer *offered, const struct conf_strings *codecs);

enum offer_fit {
	OFFER_FITS,
	OFFER_LINES_DIFFER, /* fits, but lines are missing or too many: offer_write mends it */
	OFFER_REFUSED,      /* the line has port 0, or there is none */
	OFFER_NO_CODEC,     /* no payload type of the offer besides telephone-event and CN */
	OFFER_PROTO,        /* another media or profile than offered */
	OFFER_UNREACHABLE,  /* an address kedge cannot send to */
	OFFER_CRYPTO        /* SRTP: in clear where keys were asked for, or a key that answers none of ours; by offer_agreed() */
};

/* Does the answer fit what was offered to that side? */
enum offer_fit offer_fits(const struct offer *offered, const struct offer *answer);

/* Has it lines, and none of them a port? */
bool offer_rejects(const struct offer *o);

/* The word of a fit, for logs and CDRs. */
const char *offer_fit_name(enum offer_fit f);

/* True if every payload type of the answer's audio line means the same codec as one of bound's: the
 * answer may stand behind the one the caller already has. Telephone-event is between kedge and each side and does not
 * count. laws: either law of G.711 does for the other. */
bool offer_same(const struct offer *bound, const struct offer *answer, bool laws);

/* Do both halves of an exchange name telephone-event? Some peers have but one rate for all codecs, and answer with it whatever
 * was offered: they hear it, and their rate is theirs (media/rescale.h). */
bool offer_has_events(const struct offer *ours, const struct offer *theirs);

struct offer_event {
	uint32_t rate;
	uint8_t said, told; /* its number on each side; told 0xff: not told */
};

/* The telephone-event that a side said and was told (NULL: it was told nothing), at the codec's rate where there is one, else
 * at the side's own. False: there is none. */
bool offer_event(const struct offer *said, const struct offer *told, uint32_t clock_rate, struct offer_event *e);

/* Is every codec that both `said` and `told`, the other half of that exchange, name on their audio
 * lines one of those of may? Telephone-event and CN do not count. laws: as above. */
bool offer_covers(const struct offer *may, const struct offer *said, const struct offer *told, bool laws);

/* Does `now` say of media what `last` said: the same lines in use, and on the anchored one the same
 * address, codecs, direction? */
bool offer_repeats(const struct offer *last, const struct offer *now);

struct offer_end { /* what media is told about one side */
	struct kedge_addr rtp, rtcp; /* family 0: not known, or it wants none (hold by c=0.0.0.0) */
	uint32_t clock_rate;         /* of the first real codec; 8000 if not known */
	uint16_t ptime_ms;           /* 20 if not said */
	uint8_t direction;           /* enum offer_direction: what that side does */
	uint8_t telephone_event;     /* payload type, 0xff: none */
	uint8_t pt;                  /* of the first real codec, 0xff: none */
	uint8_t cn;                  /* payload type of comfort noise (RFC 3389), 0xff: none */
	bool mux;                    /* a=rtcp-mux was there: counts if our body has it too */
	bool t38;                    /* datagrams of no RTP: rtcp family 0, pt 0xff, codec "T38" */
	char codec[20];              /* name of the first real codec */
};

/* What o, received from one side, says about it. false: no line in use. */
bool offer_end(const struct offer *o, struct offer_end *end);

/* The n-th a=crypto line of the anchored line that kedge could keep, from 0. 0, or -ENOENT: no more. The caller wipes *c. */
int offer_crypto(const struct offer *o, unsigned n, struct crypto *c);

struct offer_policy { /* of a trunk */
	uint8_t srtp;        /* enum conf_srtp */
	uint8_t suites;      /* how many of suite[], in the order of our own offers */
	uint8_t suite[CRYPTO_MAX];
};

/* May the audio this body asks for be answered on such a trunk: with SRTP where it must be, in clear where it may be? T.38,
 * which is always in clear, may not be where SRTP is required. True where nothing is anchored. */
bool offer_allowed(const struct offer *o, const struct offer_policy *p);

/* The crypto line of an offer to answer: its first one in a suite of the trunk. 0; -ENOENT: none. The caller wipes *c. */
int offer_pick(const struct offer *o, const struct offer_policy *p, struct crypto *c);

/* Where a body has several audio lines (one with SRTP and one without: the best effort of some) and the first is not allowed, but
 * another is: gives those before it port 0. body: the text of *o, changed in place; it is to be parsed again. False: nothing to do. */
bool offer_prefer(const struct offer *o, const struct offer_policy *p, char *body);

struct offer_keys { /* what an offer and its answer agreed on; wiped by who asked */
	struct crypto tx, rx; /* suite KEDGE_SUITE_NONE: in clear */
};

/* theirs_offered: theirs was the offer, ours the answer. 0; -EPROTO: the answer does not fit: in clear to SAVP, no key, or none
 * for a tag and suite of the offer, or a key that is our own. */
int offer_agreed(const struct offer *ours, const struct offer *theirs, bool theirs_offered, struct offer_keys *k);

/* Pairs of payload types that differ between what the caller was answered (inside) and what a later
 * callee answered (outside) for the same codec. Returns how many of pt[] were filled (at most 8). */
int offer_map(const struct offer *inside, const struct offer *outside, struct kedge_pt pt[8]);

struct offer_exchange { /* the two halves of what was agreed with one side */
	const struct offer *ours, *theirs;
};

/* Adds to the n pairs of offer_map() those of a law of G.711 that one side has and the other has not, and what keeps the
 * law they share apart from it. Returns how many there are then; laws: as kedge_end.laws. Fewer where eight are full. */
int offer_map_laws(
    struct offer_exchange inside, struct offer_exchange outside, struct kedge_pt pt[8], int n, uint8_t laws[2]);

#endif
