// SPDX-License-Identifier: MIT
/* mos: how a stream sounds, estimated from what was measured of it: the E-model (ITU-T G.107 06/2015) with its default values for
 * all that a packet relay cannot know, Ie and Bpl of the codec from G.113 appendix I. Pure.
 *
 *   R = 93.2 - Idd - Ie,eff        Ie,eff = Ie + (95 - Ie) x Ppl / (Ppl + Bpl), loss taken as random (BurstR 1)
 *   Idd: what one-way delay costs, nothing up to 100 ms (7.4 there); echo is taken as cancelled
 *   MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6, from 1 to 4.5 (annex B)
 * G.711 is taken with loss concealment, as every phone has it. */
#ifndef KEDGE_ROUTING_MOS_H
#define KEDGE_ROUTING_MOS_H

#include <stdint.h>

#define MOS_PACKETS 50 /* one second: fewer are no measure */

struct mos_stream { /* one direction of a call */
	const char *codec;      /* as in SDP; NULL or unknown: something between G.711 and G.729 */
	uint64_t packets, lost; /* received; missing among them */
	uint64_t jitter_us;     /* mean */
	uint64_t rtt_us[2];     /* kedge to either end and back; 0: not known */
};

/* 1.0 to 4.5; 0: too few packets to say. */
double mos_of(const struct mos_stream *s);

/* Its parts. loss: percent. delay_ms: mouth to ear, one way. */
double mos_rating(const char *codec, double loss, double delay_ms);
double mos_from_rating(double r);

/* Mouth to ear: the ways as far as they are known, else 25 ms each; a frame; a jitter buffer. */
double mos_delay_ms(const struct mos_stream *s);

#endif
