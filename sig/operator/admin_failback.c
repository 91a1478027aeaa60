// SPDX-License-Identifier: MIT
/* POST /v1/trunks/NAME/failback: hops that are good again and only wait for breaker.failback or failback_window get calls again, by their
 * ramp. Answers with the trunk, and how many hops went: "back". */
#include "config/clock.h"
#include "sig/operator/admin_part.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/history.h"
#include "sig/trunk/trunk.h"

struct failback {
	const char *trunk, *who;
	bool found;
	unsigned back;
};

static void carry_out(void *arg)
{
	struct failback *f = arg;
	struct health *h = trunk_health();
	uint16_t trunk = conf_trunk_find(h->conf, f->trunk);

	f->found = trunk < HEALTH_TRUNKS;
	if (!f->found)
		return;
	f->back = health_failback(h, trunk, clock_mono_ns());
	history_write("failback", json_pack("{s:s, s:s, s:i}", "trunk", f->trunk, "by", f->who, "hops", (int)f->back));
}

struct admin_answer admin_trunk_failback(const struct admin_request *r)
{
	struct failback f = { .trunk = r->name, .who = r->who };
	struct admin_answer a;

	if (admin_order(carry_out, &f) < 0)
		return admin_refuse(503, "the SIP loop does not answer: nothing was ordered");
	if (!f.found)
		return admin_refuse(404, "there is no such trunk");
	a = admin_trunk(r);
	admin_put_int(a.json, "back", f.back);
	return a;
}
