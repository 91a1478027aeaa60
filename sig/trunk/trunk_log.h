// SPDX-License-Identifier: MIT
/* trunk_log: what is told of a hop's change of state: one line in the history (sig/operator/history.h), one event trunk.state in the log. */
#ifndef KEDGE_SIG_TRUNK_TRUNK_LOG_H
#define KEDGE_SIG_TRUNK_TRUNK_LOG_H

#include "routing/health.h"

/* A change that health reports, before anything acts on it. */
void trunk_log_change(const struct health *h, const struct health_change *c);

/* The plane begins: a line that says so (starts: how often it did), and one for each hop whose state the plane before left. */
void trunk_log_start(const struct health *h, uint32_t starts);

#endif
