// SPDX-License-Identifier: MIT
/* signs: small evidence of one hop, collected until it says something: probes, replies, calls, their audio. Pure: no clock (time
 * is an argument, monotonic ns), no allocation. What follows from a sign is routing/health_signs' and the table's.
 *
 *   round trips   the last ten of OPTIONS and INVITE to its first reply: the second slowest over the limit (their p95: a
 *                 single late answer says nothing) -> SLOW; ten in a row below 80 % of it -> over
 *   loss          packets of the last ten calls: over the limit (degraded_loss) lost -> LOSS; ten more, below 80 % of it
 *                 together -> over
 *   far loss      the same of what was sent there, by the reports of its own end
 *   jitter        the mean of the last ten calls over the limit (degraded_jitter) -> JITTER; ten more, below 80 % of it -> over
 *   MOS           the mean of the last ten calls below the limit (degraded_mos) -> MOS; ten more, 0.2 above it -> over
 *   one way       answered and never a packet from there: two calls to distinct numbers, of the last ten whose audio is known; one
 *                 where no call was heard from there lately, and that did not end too soon. Or three calls in a row that fell silent. Three in a row with audio
 *                 to their end -> over
 *   short calls   five in a row to distinct numbers; one longer call -> over
 *   INVITEs       two in a row to distinct numbers without a reply, while something else was answered -> unheard
 *   probes        bad ones in a row
 * Owner: struct health_hop has one per hop. {0}: nothing known. */
#ifndef KEDGE_ROUTING_SIGNS_H
#define KEDGE_ROUTING_SIGNS_H

#include <stdbool.h>
#include <stdint.h>

#define SIGNS_RTTS         10
#define SIGNS_TALKS        10
#define SIGNS_MOS_BETTER   20 /* hundredths */
#define SIGNS_SILENT_CALLS 3
#define SIGNS_MUTE_CALLS   10
#define SIGNS_SHORT_CALLS  5

enum signs_verdict {
	SIGNS_STAY,  /* nothing new */
	SIGNS_RAISE, /* it stands from now on, or has a new figure */
	SIGNS_CLEAR  /* what stood is over */
};

struct signs_share { /* a part of the packets of the last calls */
	struct {
		uint32_t packets, lost;
	} call[SIGNS_TALKS];
	uint8_t known, next, since; /* since: calls since it was raised, SIGNS_TALKS at most */
	bool raised;
};

struct signs_mean { /* of one figure of the last calls */
	uint32_t call[SIGNS_TALKS];
	uint8_t known, next, since; /* as above */
	bool raised;
};

struct signs {
	uint16_t rtt_ms[SIGNS_RTTS];
	uint8_t rtts, rtt_at; /* known; next */
	uint8_t rtt_good;     /* below 80 % of the limit in a row */
	bool slow;

	struct signs_share loss, far_loss;
	struct signs_mean jitter, mos; /* us; hundredths */

	uint8_t silent_calls, sound_calls; /* in a row */
	bool one_way;
	bool mute;          /* one of the last ten calls had never a packet: this number's, then; so many were heard since */
	uint8_t mute_since;
	uint64_t mute_number, mute_ns;
	uint64_t audio_ns;  /* a call was heard, last; 0: never */

	uint8_t shorts;
	uint64_t short_number[SIGNS_SHORT_CALLS];

	uint8_t unheard; /* INVITEs in a row without a reply, to distinct numbers */
	uint64_t unheard_number;

	uint8_t bad_probes; /* in a row, 255 at most */
	bool refused;       /* the probe that ends now was: ICMP, RST, no connection */
	uint64_t answered_ns; /* the last call it answered, 0: none */
	uint64_t used_ns;     /* the last call that was sent there; until then since it is known */
};

/* One round trip. limit_ms: degraded_rtt. *p95_ms: what stands behind RAISE. */
enum signs_verdict signs_rtt(struct signs *s, uint32_t ms, uint32_t limit_ms, uint32_t *p95_ms);

/* One call's audio, from there (loss) or to there (far_loss): packets sent, packets of these that never came. Calls of under a second say nothing. limit:
 * percent. *percent: what stands behind RAISE. */
enum signs_verdict signs_loss(struct signs_share *s, uint32_t packets, uint32_t lost, uint32_t limit, uint32_t *percent);

/* The mean jitter of so many packets of one call's, and the most that is good, in us. Calls of under a second say nothing. *mean:
 * what stands behind RAISE. */
enum signs_verdict signs_jitter(struct signs_mean *s, uint32_t packets, uint32_t us, uint32_t limit_us, uint32_t *mean);

/* How one call's audio from there sounded, and the least that is good, in hundredths. *mean: what stands behind RAISE. */
enum signs_verdict signs_mos(struct signs_mean *s, uint32_t mos, uint32_t limit, uint32_t *mean);

/* One answered call's audio from there: never a packet, though the other end was heard; never a packet as long as it lasted, which was not
 * long enough to say so of one call alone; its first packet; it fell silent, though the other end was heard; it had audio to its end. */
enum signs_audio { SIGNS_AUDIO_NONE, SIGNS_AUDIO_BRIEF, SIGNS_AUDIO_HEARD, SIGNS_AUDIO_SILENT, SIGNS_AUDIO_SOUND };

/* What stands behind RAISE. */
enum signs_mute { SIGNS_MUTE_ALONE, SIGNS_MUTE_TWO, SIGNS_MUTE_FELL };

struct signs_call {
	enum signs_audio audio;
	uint64_t number, now_ns;
	uint64_t lately_ns; /* what is older says nothing any more */
};
enum signs_verdict signs_audio(struct signs *s, const struct signs_call *c, enum signs_mute *why);

/* One answered call that was short (is_short), or was not. */
enum signs_verdict signs_short(struct signs *s, bool is_short, uint64_t number);

/* One INVITE without a reply though the hop was heard meanwhile. RAISE: two distinct numbers in a row. */
enum signs_verdict signs_unheard(struct signs *s, uint64_t number);

/* Any reply to an INVITE. */
void signs_heard(struct signs *s);

/* Its mark ended with its time (ten minutes): the count begins anew. */
enum signs_kind { SIGNS_OF_LOSS, SIGNS_OF_FAR_LOSS, SIGNS_OF_JITTER, SIGNS_OF_MOS, SIGNS_OF_AUDIO, SIGNS_OF_RTT, SIGNS_OF_LENGTH };
void signs_expired(struct signs *s, enum signs_kind kind);

#endif
