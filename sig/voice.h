// SPDX-License-Identifier: MIT
/* voice: what kedge itself says to a caller before the answer, and when. Media plays it (media/local.h); here it is told the
 * caller in a 183 where it has to be, and ended.
 *
 *   voice_wait      inform = 183: nobody has answered yet, and the caller should not wait in silence (A23)
 *   voice_ringback  a carrier rings without audio behind another one's: the caller's phone plays no tone any more
 *   voice_failed    announce_failed: before the final answer, then that
 *   voice_over      somebody answered: its audio alone
 *
 * A tone ends by itself when a carrier's first packet comes. Before any carrier answered kedge answers the caller's offer itself,
 * in a codec it can play; that binds (SEMANTICS of a first answer: sig/bridge/bridge.h). Where the caller offered none of these, or
 * nothing, or was bound by a carrier's audio to another codec, a 180 has to do, and the final answer comes without an announcement.
 * Thread: su_root's. Owner: the call. */
#ifndef KEDGE_SIG_VOICE_H
#define KEDGE_SIG_VOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "routing/decide.h"

struct attempt;
struct call;

/* True: the caller hears what its profile plays, and was told 183. */
bool voice_wait(struct call *c);

/* An attempt rings, or begins after others, and has said nothing of audio. What plays already goes on. */
void voice_ringback(struct call *c, const struct attempt *a);

/* True: the caller hears why; setup_fail(f) follows by itself, c->announce_ns. */
bool voice_failed(struct call *c, const struct decide_final *f);

/* Media has said all of it. */
void voice_played(struct call *c);

/* What is played ends. */
void voice_over(struct call *c);

#endif
