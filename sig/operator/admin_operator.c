// SPDX-License-Identifier: MIT
/* PATCH /v1/trunks/NAME: the operator's orders. {"order": "up"|"down"|"drain"|"auto", "reason": TEXT, "until": TIME}, or {"enabled": false} for
 * drain, true for auto. TIME: milliseconds since 1970, or "2026-11-21T18:00:00+00:00". Answered when it holds and is kept. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/clock.h"
#include "sig/operator/admin_part.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/operator.h"
#include "sig/trunk/trunk.h"

struct patch {
	const char *trunk;
	struct health_operator o;
	int rc;
	char *text; /* of the file that keeps it */
	size_t size;
};

static void carry_out(void *arg)
{
	struct patch *p = arg;

	p->rc = operator_order(trunk_health(), p->trunk, &p->o, clock_mono_ns());
	p->text = p->rc ? NULL : operator_text(&p->size);
}

/* Wall ms, 0: no time. */
static uint64_t read_time(const json_t *v)
{
	const char *text = json_string_value(v), *rest;
	struct tm tm = { 0 };

	if (json_is_integer(v) && json_integer_value(v) > 0)
		return (uint64_t)json_integer_value(v);
	rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	rest = rest ? strptime(rest, "%z", &tm) : NULL;
	return rest && !*rest ? (uint64_t)(timegm(&tm) - tm.tm_gmtoff) * 1000 : 0;
}

/* What is wrong with the body, NULL: nothing. */
static const char *read_patch(const struct admin_request *r, struct health_operator *o)
{
	const json_t *order = json_object_get(r->body, "order"), *enabled = json_object_get(r->body, "enabled"), *reason = json_object_get(r->body, "reason"),
	             *until = json_object_get(r->body, "until");
	int mode = json_is_string(order) ? operator_mode(json_string_value(order)) : -1;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)r->body, key, value)
		if (strcmp(key, "order") != 0 && strcmp(key, "enabled") != 0 && strcmp(key, "reason") != 0 && strcmp(key, "until") != 0)
			return "a trunk takes order, reason, until, or enabled";
	if (json_is_boolean(enabled) && !order)
		mode = json_is_true(enabled) ? HEALTH_AUTO : HEALTH_DRAIN;
	if (mode < 0 || (order && enabled))
		return "order is up, down, drain or auto; failback is asked for by itself";
	*o = (struct health_operator){ .mode = (uint8_t)mode, .since_wall_ms = r->wall_ms };
	if (reason && (!json_is_string(reason) || json_string_length(reason) >= sizeof(o->why)))
		return "the reason is a text of 95 bytes at most";
	if (until && !json_is_null(until) && (o->until_wall_ms = read_time(until)) <= r->wall_ms)
		return "until is a time to come: \"2026-11-21T18:00:00+00:00\", or milliseconds since 1970";
	if (o->until_wall_ms && mode == HEALTH_AUTO)
		return "auto has no end";
	snprintf(o->why, sizeof(o->why), "%s", reason ? json_string_value(reason) : "");
	snprintf(o->name, sizeof(o->name), "%s", r->who);
	return NULL;
}

struct admin_answer admin_trunk_order(const struct admin_request *r)
{
	struct patch p = { .trunk = r->name };
	struct admin_answer a;
	const char *wrong;
	int rc;

	if (conf_trunk_find(r->conf, r->name) == CONF_NONE)
		return admin_refuse(404, "there is no such trunk");
	wrong = read_patch(r, &p.o);
	if (wrong)
		return admin_refuse(400, "%s", wrong);
	if (admin_order(carry_out, &p) < 0)
		return admin_refuse(503, "the SIP loop does not answer: nothing was ordered");
	if (p.rc)
		return admin_refuse(p.rc == -ENOENT ? 404 : 503, "%s", p.rc == -ENOENT ? "there is no such trunk" : "too many orders stand");
	rc = p.text ? operator_keep(p.text, p.size) : -ENOMEM;
	free(p.text);
	a = admin_trunk(r);
	admin_put(a.json, "kept", json_boolean(rc == 0));
	if (rc < 0)
		admin_put(a.json, "warning", json_sprintf("it holds, but a restart would forget it: run.state_dir: %s", strerror(-rc)));
	return a;
}
