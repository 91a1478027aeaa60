// SPDX-License-Identifier: MIT
/* g711: the two laws of ITU-T G.711 turned into each other, byte by byte, by its tables 3 (mu-law to A-law) and 4 (A-law to
 * mu-law): nothing is decoded, and what the tables say is all that is lost. A byte keeps its sign; there and back again changes
 * only steps that the other law does not tell apart.
 * Pure, any thread. Payloads keep their length, so timestamps and padding do too. */
#ifndef KEDGE_MEDIA_G711_H
#define KEDGE_MEDIA_G711_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t g711_to_pcma[256]; /* index: a byte of PCMU */
extern const uint8_t g711_to_pcmu[256]; /* index: a byte of PCMA */

/* Each byte of a payload through one of the two, in place. */
void g711_turn(const uint8_t table[256], uint8_t *payload, size_t n);

#endif
