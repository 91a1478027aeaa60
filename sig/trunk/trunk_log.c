// SPDX-License-Identifier: MIT
#include "sig/trunk/trunk_log.h"

#include <stdio.h>
#include <jansson.h>

#include "config/event.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/history.h"
#include "sig/edge/listen.h"

static const char *trunk_name(const struct health *h, uint16_t trunk)
{
	return trunk < h->conf->trunks.count ? h->conf->trunks.v[trunk].name : "";
}

static json_t *figures(const struct health *h, uint16_t slot)
{
	const struct health_hop *p = &h->hop[slot];
	json_t *o = json_object();

	admin_put_int(o, "consecutive", p->consecutive);
	admin_put_int(o, "probes_missed", p->misses);
	admin_put_int(o, "good_probes", p->good_probes);
	admin_put_int(o, "probe_rtt_us", p->probe_rtt_us);
	admin_put_int(o, "first_reply_us", p->reply.ewma_us);
	admin_put_int(o, "pdd_ms", p->pdd_ewma_ms);
	admin_put_int(o, "calls", p->calls);
	if (h->table) {
		admin_put_int(o, "attempts", ADMIN_LOAD(h->table[slot].count.attempts));
		admin_put_int(o, "answered", ADMIN_LOAD(h->table[slot].count.answered));
	}
	return o;
}

static void put_hop(json_t *o, const struct health *h, uint16_t slot, uint16_t trunk)
{
	char hop[64];

	listen_print(&h->hop[slot].addr, hop, sizeof(hop));
	admin_put(o, "trunk", json_string(trunk_name(h, trunk)));
	admin_put(o, "hop", json_string(hop));
	admin_put(o, "transport", json_string(h->hop[slot].transport == CONF_TCP ? "tcp" : "udp"));
}

static void keep(const struct health *h, const struct health_change *c)
{
	json_t *o = json_object();

	put_hop(o, h, c->slot, c->trunk);
	admin_put(o, "from", json_string(health_state_word(c->from)));
	admin_put(o, "to", json_string(health_state_word(c->to)));
	admin_put(o, "reason", json_string(health_reason_word(c->reason)));
	admin_put_int(o, "code", c->code);
	admin_put(o, "why", json_string(c->why));
	admin_put(o, "evidence", json_string(c->evidence));
	admin_put(o, "clears", json_string(c->clears));
	admin_put_int(o, "hold_ms", c->hold_ms);
	if (c->trunk < h->conf->trunks.count)
		admin_put(o, "trunk_state", json_string(health_state_word(health_trunk_state(h, c->trunk))));
	admin_put(o, "figures", figures(h, c->slot));
	history_write("state", o);
}

static void tell(const struct health *h, const struct health_change *c)
{
	char hop[64];

	listen_print(&h->hop[c->slot].addr, hop, sizeof(hop));
	event_log(trunk_state, .level = c->to == KEDGE_HOP_UP ? EVENT_LEVEL_INFO : EVENT_LEVEL_ROW,
	    .trunk = trunk_name(h, c->trunk), .hop = hop,
	    .from = health_state_word(c->from), .to = health_state_word(c->to), .why = c->why,
	    .evidence = c->evidence, .code = c->code, .hold_ms = c->hold_ms,
	    .clears = c->clears[0] ? c->clears : NULL);
}

void trunk_log_change(const struct health *h, const struct health_change *c)
{
	keep(h, c);
	tell(h, c);
}

void trunk_log_start(const struct health *h, uint32_t starts)
{
	history_write("start", json_pack("{s:I, s:s}", "starts", (json_int_t)starts, "version", KEDGE_VERSION));
	for (uint16_t slot = 0; slot < h->hop_count; slot++) {
		json_t *o;

		if (!h->hop[slot].used || h->hop[slot].state == KEDGE_HOP_UNKNOWN)
			continue;
		o = json_object();
		put_hop(o, h, slot, h->hop[slot].trunk);
		admin_put(o, "to", json_string(health_state_word(h->hop[slot].state)));
		admin_put(o, "reason", json_string(health_reason_word(h->hop[slot].reason)));
		admin_put_int(o, "code", h->hop[slot].code);
		history_write("restored", o);
	}
}
