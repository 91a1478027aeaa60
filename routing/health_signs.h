// SPDX-License-Identifier: MIT
/* health_signs: small evidence of hops and trunks on its way to the table: what signs and baseline collect becomes a mark, or
 * takes a hop DOWN.
 *
 *   probes     `down` bad ones in a row -> DOWN options_timeout, options_CODE; DEGRADED probe_disagrees while calls are answered
 *   replies    rtt:MS                     audio   one_way, loss:PERCENT, mos:SCORE
 *   INVITEs    invite_silent              calls   short_calls; asr_drop, ner_drop, acd_drop of the whole trunk
 *
 * A hop that never answered a probe though its calls are answered ignores probes, as some carriers do: its silence to them
 * says nothing. Functions are called beside those of health.h, after them. Pure, as health is. */
#ifndef KEDGE_ROUTING_HEALTH_SIGNS_H
#define KEDGE_ROUTING_HEALTH_SIGNS_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/health.h"

/* The probe that health_signs_probe() is about to be told of was refused by the transport. */
void health_signs_refused(struct health *h, uint16_t slot);

/* A probe ended, as in health_probe(). */
void health_signs_probe(struct health *h, uint16_t slot, uint16_t code, uint32_t rtt_us, uint64_t now_ns);

/* Is a bad probe to be confirmed at once? */
bool health_confirms(const struct health *h, uint16_t slot);

/* The first reply to an INVITE, after us. */
void health_signs_reply(struct health *h, uint16_t slot, uint32_t us, uint64_t now_ns);

/* Was no call sent there for trunk.canary_idle? */
bool health_idle(const struct health *h, uint16_t slot, uint64_t now_ns);

/* A canary went there: it counts as used. */
void health_signs_used(struct health *h, uint16_t slot, uint64_t now_ns);

/* An attempt ended, as in health_outcome(); one that was answered: health_signs_answered(). rang: there was an 18x. */
void health_signs_outcome(struct health *h, uint16_t slot, const struct health_outcome *o, bool rang, uint64_t now_ns);
void health_signs_answered(struct health *h, uint16_t slot, uint64_t now_ns);

/* Its end of an answered call was heard: its first packet. */
void health_signs_audio(struct health *h, uint16_t slot, uint64_t number_hash, uint64_t now_ns);

/* And it was heard to the end of a call. */
void health_signs_heard_whole(struct health *h, uint16_t slot, uint64_t number_hash, uint64_t now_ns);

/* It ought to speak and was silent for media_dead, while the other end was heard: the first time of this call. ever: it had
 * spoken. */
void health_signs_silent(struct health *h, uint16_t slot, bool ever, uint64_t number_hash, uint64_t now_ns);

struct health_talk { /* an answered call, at its end */
	uint32_t talk_ms;
	bool ended_there; /* by the hop's side */
	bool silent;      /* health_signs_silent() was told of it */
	bool unheard;     /* it ended before media_dead, and so far not a packet had come from there though the other end spoke */
	bool media;       /* packets and lost are known */
	bool reports;     /* sent and far_lost are known */
	uint32_t packets, lost; /* received from there, missing among them */
	uint32_t sent, far_lost; /* sent there, missing among them by the reports of its end */
	uint32_t jitter_us;     /* mean, of what was received */
	uint32_t mos;           /* of it, in hundredths; 0: not known */
	uint64_t number_hash;
};
void health_signs_talk(struct health *h, uint16_t slot, const struct health_talk *t, uint64_t now_ns);

#endif
