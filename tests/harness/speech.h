// SPDX-License-Identifier: MIT
/* speech: what the ends of a call say, and how each packet of it is known again wherever it is heard.
 * Speech-like sound made by this code (a glottal source through moving formants, syllables, breaths), the same on every machine;
 * every (call, end) has a voice and a place in it of its own. G.711, 20 ms: 160 bytes.
 *
 * The lowest bit of each byte carries a stamp, once in each 10 ms half of the packet:
 *     24 bit call | 8 bit end | 24 bit index | 24 bit check       80 bits, most significant first
 * so a packet tells from which call, which end and which place in its speech it comes, also where somebody pasted half of it.
 * The sound itself suffers by half a quantization step.
 *
 * Thread: after speech_init() all is constant: any. */
#ifndef KEDGE_TESTS_HARNESS_SPEECH_H
#define KEDGE_TESTS_HARNESS_SPEECH_H

#include <stdbool.h>
#include <stdint.h>

enum { SPEECH_FRAME = 160, SPEECH_RATE = 8000, SPEECH_PCMU = 0, SPEECH_PCMA = 8 };

struct speech_stamp {
	uint32_t call;  /* 24 bits */
	uint32_t index; /* packet of this end's speech, from 0; 24 bits */
	uint8_t end;
};

/* Makes the voices (about 20 ms of work). To be called once before anything else. */
void speech_init(void);

/* Linear sample at a place of what (call, end) says. */
int16_t speech_sample(uint32_t call, uint8_t end, uint64_t place);

/* The payload of one packet. pt: SPEECH_PCMU or SPEECH_PCMA. */
void speech_packet(const struct speech_stamp *s, uint8_t pt, uint8_t out[SPEECH_FRAME]);

/* Reads the stamp of a payload: false if neither half has a good one, or if the halves name different packets. */
bool speech_read(const uint8_t payload[SPEECH_FRAME], struct speech_stamp *s);

/* Was it said in the other law than pt, and turned on the way by the tables of G.711 (media/g711.h, proved against another hand's)? Of
 * this call, by any end from 1 to 15, at one of `count` places from `first` on. The stamp does not outlive the tables: each byte of what
 * may have been said is compared. */
bool speech_turned(const uint8_t payload[SPEECH_FRAME], uint8_t pt, uint32_t call, uint32_t first, uint32_t count, struct speech_stamp *s);

/* One G.711 byte as a linear sample. */
int16_t speech_decode(uint8_t pt, uint8_t byte);

#endif
