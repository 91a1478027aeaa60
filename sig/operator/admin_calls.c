// SPDX-License-Identifier: MIT
/* The calls of this moment. */
#include <stdlib.h>
#include <strings.h>

#include "config/clock.h"
#include "routing/mos.h"
#include "sig/operator/admin.h"
#include "sig/operator/admin_board.h"
#include "sig/operator/admin_json.h"
#include "sig/bridge/bridge_dtmf.h"
#include "sig/offer/crypto.h"

#define LIST_MAX 1000 /* calls in one answer, if no smaller limit is asked for */

static json_t *mos_json(const struct kedge_stats *stats, unsigned side, const char *codec)
{
	const struct kedge_flow *f = &stats->flow[side];
	const struct mos_stream s = { .codec = codec,
		.packets = ADMIN_LOAD(f->packets),
		.lost = ADMIN_LOAD(f->lost_late) >> 32,
		.jitter_us = ADMIN_LOAD(stats->jitter_mean_us[side]),
		.rtt_us = { ADMIN_LOAD(stats->rtt_us[0]), ADMIN_LOAD(stats->rtt_us[1]) } };
	double mos = mos_of(&s);

	return mos > 0 ? json_real(mos) : json_null();
}

static json_t *flow_json(const struct kedge_stats *stats, unsigned side, const char *codec, uint64_t now_ns)
{
	const struct kedge_flow *f = &stats->flow[side];
	uint32_t rtt = ADMIN_LOAD(stats->rtt_us[side]), told = ADMIN_LOAD(stats->told[side]);
	uint64_t lost_late = ADMIN_LOAD(f->lost_late), last = ADMIN_LOAD(f->last_rx_ns);
	json_t *o = json_object();

	admin_put_int(o, "packets", ADMIN_LOAD(f->packets));
	admin_put_int(o, "bytes", ADMIN_LOAD(f->bytes));
	admin_put_int(o, "lost", lost_late >> 32);
	admin_put_int(o, "late", lost_late & 0xffffffff);
	admin_put(o, "jitter_ms", json_real((double)ADMIN_LOAD(f->jitter_us) / 1000.0));
	admin_put_int(o, "far_lost", ADMIN_LOAD(stats->far_lost[side]));
	admin_put(o, "jitter_mean_ms", json_real((double)ADMIN_LOAD(stats->jitter_mean_us[side]) / 1000.0));
	admin_put(o, "rtt_ms", rtt ? json_real((double)rtt / 1000.0) : json_null());
	admin_put(o, "mos", mos_json(stats, side, codec));
	admin_put(o, "silent", json_boolean(told & KEDGE_TOLD_SILENT));
	admin_put(o, "one_way", json_boolean(told & KEDGE_TOLD_ONE_WAY));
	admin_put(o, "max_gap_ms", json_real((double)ADMIN_LOAD(f->max_gap_ns) / 1e6));
	admin_put_int(o, "relayed", ADMIN_LOAD(f->relayed));
	admin_put(o, "last_ms_ago", last ? json_integer((json_int_t)(now_ns > last ? (now_ns - last) / CLOCK_NS_PER_MS : 0)) : json_null());
	return o;
}

static json_t *video_json(const struct admin_request *r, const struct admin_now *now)
{
	const struct kedge_stats *s;
	uint64_t lost[2];

	if (!now->video[0] || now->video_slot >= r->seg->pub->slots)
		return json_null();
	s = segment_stats(r->seg, now->video_slot);
	for (unsigned i = 0; i < 2; i++)
		lost[i] = ADMIN_LOAD(s->flow[i].lost_late) >> 32;
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "codec", now->video, "slot", (json_int_t)now->video_slot, "packets_in",
	    (json_int_t)ADMIN_LOAD(s->flow[0].packets), "packets_out", (json_int_t)ADMIN_LOAD(s->flow[1].packets), "lost_in",
	    (json_int_t)lost[0], "lost_out", (json_int_t)lost[1], "switches", (json_int_t)ADMIN_LOAD(s->switches));
}

static json_t *call_json(const struct admin_request *r, uint32_t slot, const struct admin_now *now, const struct admin_who *who)
{
#define S(x) #x,
	static const char *const states[] = { ADMIN_STATES(S) };
#undef S
	const struct kedge_stats *stats = segment_stats(r->seg, slot);
	json_t *o = json_object();

	admin_put(o, "call", json_sprintf("%llx", (unsigned long long)now->call_id));
	admin_put(o, "state", json_string(now->state < ADMIN_STATE_COUNT ? states[now->state] : "?"));
	admin_put_since(o, "begun", "begun_ms_ago", now->begun_wall_ms, r->wall_ms);
	admin_put_since(o, "answered", "answered_ms_ago", now->answered_wall_ms, r->wall_ms);
	ADMIN_PUT_TEXT(o, "in", who->in);
	ADMIN_PUT_TEXT(o, "from", who->from);
	ADMIN_PUT_TEXT(o, "to", who->to);
	ADMIN_PUT_TEXT(o, "route", who->route);
	ADMIN_PUT_TEXT(o, "profile", who->profile);
	ADMIN_PUT_TEXT(o, "trunk", now->trunk);
	ADMIN_PUT_TEXT(o, "hop", now->hop);
	admin_put_int(o, "attempts", now->attempts);
	ADMIN_PUT_TEXT(o, "codec", now->codec);
	admin_put(o, "srtp_in", now->srtp[0] ? json_string(crypto_name(now->srtp[0])) : json_null());
	admin_put(o, "srtp_out", now->srtp[1] ? json_string(crypto_name(now->srtp[1])) : json_null());
	ADMIN_PUT_TEXT(o, "codec_out", now->codec_out);
	admin_put(o, "dtmf_in", now->dtmf[0] ? json_string(dtmf_name(now->dtmf[0])) : json_null());
	admin_put(o, "dtmf_out", now->dtmf[1] ? json_string(dtmf_name(now->dtmf[1])) : json_null());
	admin_put(o, "transcoded", json_boolean(now->codec[0] && now->codec_out[0] && strcasecmp(now->codec, now->codec_out)));
	admin_put(o, "video", video_json(r, now));
	ADMIN_PUT_TEXT(o, "call_id_in", who->sip_call_id);
	ADMIN_PUT_TEXT(o, "call_id_out", now->sip_call_id);
	admin_put_int(o, "slot", slot);
	admin_put_int(o, "switches", ADMIN_LOAD(stats->switches));
	admin_put(o, "rtp_in", flow_json(stats, 0, now->codec, r->now_ns));
	admin_put(o, "rtp_out", flow_json(stats, 1, now->codec, r->now_ns));
	return o;
}

/* All that stand on the board, those to test numbers too. */
static uint64_t total(const struct admin_request *r)
{
	struct admin_now now;
	struct admin_who who;
	uint64_t n = 0;

	for (uint32_t slot = 0; slot < r->seg->pub->slots; slot++)
		n += admin_board_read(slot, &now, &who);
	return n;
}

/* Up to limit calls of the slots behind `after` (-1: from the first); "next" is what to ask for then, or null. */
static json_t *calls_json(const struct admin_request *r, uint64_t limit, int64_t after)
{
	json_t *list = json_array(), *next = json_null();
	struct admin_now now;
	struct admin_who who;

	for (int64_t slot = after + 1; slot < (int64_t)r->seg->pub->slots; slot++) {
		if (!admin_board_read((uint32_t)slot, &now, &who))
			continue;
		if (json_array_size(list) == limit) {
			next = json_integer(slot - 1);
			break;
		}
		json_array_append_new(list, call_json(r, (uint32_t)slot, &now, &who));
	}
	return json_pack("{s:o, s:o, s:I}", "calls", list, "next", next, "total", (json_int_t)total(r));
}

struct admin_answer admin_calls(const struct admin_request *r)
{
	uint64_t limit = admin_number(r, "limit", LIST_MAX), after = admin_number(r, "after", UINT64_MAX);

	if (limit > LIST_MAX)
		limit = LIST_MAX;
	return admin_json(calls_json(r, limit, after < KEDGE_SLOTS_MAX ? (int64_t)after : -1));
}

struct admin_answer admin_call(const struct admin_request *r)
{
	char *end;
	uint64_t call = strtoull(r->name, &end, 16);
	struct admin_now now;
	struct admin_who who;

	for (uint32_t slot = 0; call && !*end && slot < r->seg->pub->slots; slot++)
		if (admin_board_read(slot, &now, &who) && now.call_id == call)
			return admin_json(call_json(r, slot, &now, &who));
	return admin_refuse(404, "there is no such call");
}
