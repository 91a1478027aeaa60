// SPDX-License-Identifier: MIT
/* diff: what is different between two configurations, setting by setting, as an operator would say it:
 *
 *   trunk "alpha".probe.interval: "30s" -> "10s"
 *   profile "out".targets: alpha, beta -> beta, alpha
 *   trunk "gamma": added
 *   limits.max_calls: 2000 -> 4000 (needs a restart)
 *
 * Interfaces, trunks, profiles and routes are the same by name, targets by their trunk; in which order trunks, interfaces,
 * profiles and routes are written says nothing. Pure; one thread. */
#ifndef KEDGE_CONFIG_DIFF_H
#define KEDGE_CONFIG_DIFF_H

#include "config/conf.h"

enum diff_kind { DIFF_CHANGED, DIFF_ADDED, DIFF_REMOVED };

struct diff {
	enum diff_kind kind;
	bool restart;          /* a reload cannot do it */
	const char *what;      /* the setting, or the object that was added or removed */
	const char *from, *to; /* as they would be written; CHANGED alone */
};

struct diff_list { /* {0} is an empty list */
	struct diff *v;
	size_t count, room, restarts;
	struct conf_mem *mem;
};

/* Adds what makes `to` of `from`. Both were read with CONF_UNSCALED; places may differ. */
void diff_find(struct diff_list *l, const struct conf *from, const struct conf *to);

/* One as a line, as above; without its end. */
void diff_print(const struct diff *d, FILE *out);

void diff_fini(struct diff_list *l);

#endif
