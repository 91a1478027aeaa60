// SPDX-License-Identifier: MIT
/* relay_rtpengine: rtpengine of the distribution as one more relay under the load of relay_load: userspace forwarding (table -1), started for
 * the run on loopback addresses of its own, driven by its ng control protocol (bencoded dictionaries in UDP datagrams behind a cookie).
 * The service of the system, where there is one, is neither used nor touched. */
#ifndef KEDGE_BENCH_RELAY_RTPENGINE_H
#define KEDGE_BENCH_RELAY_RTPENGINE_H

#include <stdbool.h>

#include "bench/relay_run.h"

/* Is the program installed? Its path is found along PATH. */
bool rtpengine_there(void);

/* As run_kedge; o->workers are its --num-threads. */
void run_rtpengine(const struct run_options *o, unsigned calls, struct run_result *r);

#endif
