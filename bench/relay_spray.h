// SPDX-License-Identifier: MIT
/* relay_spray: strangers on a machine of their own, as far as one can have that here: a process of low priority that sends good RTP and RTCP from
 * four addresses of nobody to every port of a plane in turn, so many packets a second, and counts what comes back. */
#ifndef KEDGE_BENCH_RELAY_SPRAY_H
#define KEDGE_BENCH_RELAY_SPRAY_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/harness/plane.h"

struct spray {
	pid_t pid;
	struct {
		_Atomic uint64_t sent, back;
	} *count; /* shared with it */
};

/* 0 or a negative errno. */
int spray_begin(struct spray *s, const struct plane *p, unsigned per_second);

/* Ends it; what it sent, what came back to it. */
void spray_end(struct spray *s, uint64_t *sent, uint64_t *back);

#endif
