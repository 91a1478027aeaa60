// SPDX-License-Identifier: MIT
/* What a number would meet, and who was not heard. */
#include <string.h>
#include <sys/socket.h>

#include "config/clock.h"
#include "sig/operator/admin.h"
#include "sig/operator/admin_json.h"
#include "sig/edge/admit.h"
#include "sig/operator/explain.h"

struct admin_answer admin_explain(const struct admin_request *r)
{
	const char *number = admin_argument(r, "number");

	if (!number)
		return admin_refuse(400, "which number?");
	return admin_json(explain_call(r->conf, admin_health(r), true, admin_argument(r, "from"), number, r->now_ns));
}

struct admin_answer admin_refused(const struct admin_request *r)
{
	static struct admit_record all[ADMIT_RECORDS];
	json_t *list = json_array();
	size_t n = admit_list(all);

	for (size_t i = 0; i < n; i++) {
		struct conf_addr addr = { .family = all[i].addr.family };
		char text[CONF_ADDR_TEXT];
		json_t *o = json_object();

		memcpy(addr.ip, all[i].addr.ip, sizeof(addr.ip));
		conf_addr_text(&addr, text);
		admin_put(o, "source", json_sprintf("%s%s", text, addr.family == AF_INET6 ? "/64" : ""));
		admin_put(o, "why", json_string(admit_word((enum admit_why)all[i].why)));
		admin_put_int(o, "count", all[i].count);
		admin_put_int(o, "first_ms_ago", r->now_ns > all[i].first_ns ? (r->now_ns - all[i].first_ns) / CLOCK_NS_PER_MS : 0);
		admin_put_int(o, "last_ms_ago", r->now_ns > all[i].last_ns ? (r->now_ns - all[i].last_ns) / CLOCK_NS_PER_MS : 0);
		json_array_append_new(list, o);
	}
	return admin_json(json_pack("{s:o}", "refused", list));
}
