// SPDX-License-Identifier: MIT
/* draw: one of several by weight, as RFC 2782 has it. Pure: the random number is an argument.
 * Thread: any. */
#ifndef KEDGE_ROUTING_DRAW_H
#define KEDGE_ROUTING_DRAW_H

#include <stdint.h>

/* A random number of its own for draw n of a call: the same call and n give the same again. */
uint32_t draw_random(uint32_t call, uint32_t n);

/* The index drawn: i with weight[i] out of the sum of all. count at least 1; where all weights are 0 each is as likely. */
unsigned draw_weighted(const uint32_t *weight, unsigned count, uint32_t random);

#endif
