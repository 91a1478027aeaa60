// SPDX-License-Identifier: MIT
/* The moment another configuration comes into force: in the SIP loop, between two messages. Nothing here waits or fails. */
#include "sig/operator/reload.h"

#include <string.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/operator/admin.h"
#include "sig/attempt.h"
#include "sig/books/cdr.h"
#include "sig/edge/ingress.h"
#include "sig/edge/listen.h"
#include "sig/operator/operator.h"
#include "sig/trunk/trunk.h"

static void follow_log(const struct conf_log *before, const struct conf_log *next)
{
	const struct event_options o = {
		.file = next->file,
		.json = next->format == CONF_FORMAT_JSON,
		.least = (enum event_level)(next->level + EVENT_LEVEL_DEBUG),
	};

	if (strcmp(before->file, next->file) != 0 || before->format != next->format || before->level != next->level)
		event_change(&o);
}

void reload_apply(const struct conf *before, const struct conf *next)
{
	follow_log(&before->log, &next->log);
	if (strcmp(before->cdr.file, next->cdr.file) != 0)
		cdr_change(next->cdr.file);
	listen_follow(&next->sip);
	attempt_init(next->sip.t1_ms);
	trunk_follow(next);
	operator_apply(trunk_health(), clock_mono_ns());
	ingress_follow(next);
	admin_conf(next);
}
