// SPDX-License-Identifier: MIT
/* resize: the stage of WORK_PTIME: G.711 toward an end in packets of the size it wants (kedge_end.send_ptime_ms, repack.h). Its
 * state lies in worker.repack, by port. Thread: the worker's. */
#ifndef KEDGE_MEDIA_RESIZE_H
#define KEDGE_MEDIA_RESIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "media/rtp.h"
#include "media/stitch.h"

struct end;
struct worker;

/* The end wants another size from now on, or is new. */
void resize_begin(struct worker *w, const struct end *to);

/* One packet of `source` on its way to the end, types mapped; data: the whole of it. Returns how many were made and sent. passes:
 * set where the packet itself is to be sent, with the number h has then (it is no G.711). */
unsigned resize_packet(struct worker *w, struct end *to, uint8_t source, const struct stitch_pace *pace, struct rtp *h,
    const uint8_t *data, bool *passes);

/* A few times a second: what was left of a sender that stopped. */
void resize_tick(struct worker *w, struct end *to);

/* Sizes in samples, for what is said of our packets in reports: of those that came, of those made. False: nothing was made yet. */
bool resize_ratio(const struct worker *w, const struct end *to, uint16_t *came, uint16_t *made);

#endif
