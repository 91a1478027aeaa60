// SPDX-License-Identifier: MIT
/* follow: one configuration after another, while calls live on.
 *
 * Trunks and interfaces are known by their place (index) to calls, to the trunk table and to the listeners. Whoever keeps
 * his name keeps his place from one configuration to the next; who is new takes a free one. The place of a trunk that is
 * no longer there stays behind as a `gone` one: its settings as they were, no hop, no probe, found by no name and no new
 * request. It may be given to another trunk as soon as no configuration still in use has the old one there.
 *
 *   before:  0 pbx   1 alpha   2 beta              after:  0 pbx   1 alpha (gone)   2 beta   3 gamma
 *
 * Pure. One thread. */
#ifndef KEDGE_CONFIG_FOLLOW_H
#define KEDGE_CONFIG_FOLLOW_H

#include "config/conf.h"

#define CONF_TRUNKS_MAX 512 /* places, as HEALTH_TRUNKS */

/* Gives next, which nobody has seen yet, the places of before. in_use: older ones with calls still. 0; -ENOSPC: more
 * than CONF_TRUNKS_MAX places; -EXDEV: not the same interfaces. Then next is as it was. */
int conf_follow(struct conf *next, const struct conf *before, const struct conf *const *in_use, size_t count);

#endif
