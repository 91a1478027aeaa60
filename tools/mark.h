// SPDX-License-Identifier: MIT
/* mark: the DSCP of what leaves the held sockets (interfaces.dscp_sip, dscp_rtp). The planes send through the same sockets, so what is
 * set here holds for them at once, at the start and after each reload. What an accepted connection sends has the listener's. */
#ifndef KEDGE_TOOLS_MARK_H
#define KEDGE_TOOLS_MARK_H

#include "tools/hold.h"

/* 0, or the negative errno of the first refusal: the others are set all the same. */
int mark_all(const struct hold *h, const struct conf *c);

#endif
