// SPDX-License-Identifier: MIT
/* report: what a call leaves behind, once: its decision record, its end as an event, its CDR. */
#include <stdio.h>
#include <string.h>
#include <sofia-sip/sip_header.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health_signs.h"
#include "sig/operator/admin_board.h"
#include "sig/bridge/bridge_dtmf.h"
#include "sig/call.h"
#include "sig/books/cdr.h"
#include "sig/offer/crypto.h"
#include "sig/bridge/hearing.h"
#include "sig/books/recall.h"
#include "sig/books/tally.h"

static int32_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns && to_ns >= from_ns ? (int32_t)((to_ns - from_ns) / CLOCK_NS_PER_MS) : -1;
}

static uint64_t wall_of(const struct call *c, uint64_t at_ns)
{
	return at_ns ? c->begun_wall_ms + (at_ns - c->begun_ns) / CLOCK_NS_PER_MS : 0;
}

static const char *attempt_reason(const struct attempt *a)
{
	return a->cause == CAUSE_NONE ? "open" : cause_word(a->cause);
}

static void add_attempt(struct cdr *r, const struct call *c, const struct attempt *a)
{
	const struct decide_attempt *d = &c->decide.attempt[a->index];
	struct cdr_attempt *e = cdr_attempt(r);
	char hop[64], row[CAUSE_ROW_TEXT];

	if (!e)
		return;
	if (d->cause != CAUSE_NONE && d->cause != CAUSE_ANSWERED)
		cdr_text(&e->rule, cause_row_text(d->row, row));
	cdr_text(&e->timer, decide_timer_word(d->timer));
	e->media = a == c->winner && r->media_known;
	cdr_text(&e->trunk, c->conf->trunks.v[a->trunk].name);
	cdr_text(&e->hop, listen_print(&a->side.peer, hop, sizeof(hop)));
	cdr_text(&e->reason, attempt_reason(a));
	e->start_ms = wall_of(c, a->begun_ns);
	e->code = a->internal ? 0 : a->status >= 200 ? a->status : 0;
	e->q850 = a->outcome.q850 ? (int16_t)a->outcome.q850 : -1;
	e->ring_ms = ms_between(a->begun_ns, a->ringing_ns);
	e->answer_ms = a == c->winner ? ms_between(a->begun_ns, c->answered_ns) : -1;
	e->abandoned = a->given_up && a != c->winner;
	e->skipped = a->begun_ns == 0;
}

/* Targets of the plan that got no INVITE, and why. */
static void add_skipped(struct cdr *r, const struct call *c)
{
	char why[64];

	for (unsigned i = 0; i < c->plan.count; i++) {
		const struct decide_skip *s = &c->decide.skip[i];
		struct cdr_attempt *e = s->why != DECIDE_SKIP_NO ? cdr_attempt(r) : NULL;

		if (!e)
			continue;
		cdr_text(&e->trunk, c->conf->trunks.v[c->plan.target[i].trunk].name);
		snprintf(why, sizeof(why), "%s%s%s", decide_skip_word(s->why),
		    s->reason != HEALTH_NONE ? ":" : "",
		    s->reason != HEALTH_NONE ? health_reason_word(s->reason) : "");
		cdr_text(&e->reason, why);
		e->skipped = true;
	}
}

static void add_media(struct cdr *r, const struct call *c)
{
	struct anchor_quality q[2];

	r->media_known = c->bridge.anchor.generation != 0;
	r->generation = c->conf->generation;
	if (!r->media_known)
		return;
	if (bridge_video(&c->bridge, q)) {
		cdr_text(&r->video, c->bridge.video_codec);
		for (unsigned i = 0; i < 2; i++) {
			r->video_packets[i] = q[i].packets;
			r->video_bytes[i] = q[i].bytes;
		}
	}
	r->video_refused = !r->video && c->bridge.video_refused;
	anchor_quality(&c->bridge.anchor, q);
	r->switches = (uint32_t)anchor_switches(&c->bridge.anchor);
	for (unsigned i = 0; i < 2; i++)
		r->media[i] = (struct cdr_media){ .packets = q[i].packets,
			.bytes = q[i].bytes,
			.lost = q[i].lost,
			.late = q[i].late,
			.jitter_ms = (double)q[i].jitter_mean_us / 1000,
			.max_gap_ms = (double)q[i].max_gap_ns / 1e6,
			.rtt_ms = (double)q[i].rtt_us / 1000,
			.far_lost = q[i].far_lost,
			.one_way = q[i].one_way,
			.mos = hearing_mos(c->bridge.codec, q, i) };
}

static void add_times(struct cdr *r, const struct call *c)
{
	r->start_ms = c->begun_wall_ms;
	r->answer_ms = wall_of(c, c->answered_ns);
	r->end_ms = wall_of(c, c->ended_ns);
	r->duration_ms = (c->ended_ns - c->begun_ns) / CLOCK_NS_PER_MS;
	if (c->answered_ns)
		r->billed_ms = (c->ended_ns - c->answered_ns) / CLOCK_NS_PER_MS;
	r->ttrb_ms = ms_between(c->begun_ns, c->ringing_ns);
	r->tta_ms = ms_between(c->begun_ns, c->answered_ns);
}

static void add_texts(struct cdr *r, const struct call *c, const char *decision)
{
	bool cancelled = c->by == CALL_BY_CALLER && !c->answered_ns;

	r->call_id = c->id;
	cdr_text(&r->src, c->from);
	cdr_text(&r->src_name, c->from_name);
	cdr_text(&r->dst, c->number);
	cdr_text(&r->in, c->conf->trunks.v[c->caller.trunk].name);
	cdr_text(&r->trunk, c->winner ? c->conf->trunks.v[c->winner->trunk].name : NULL);
	cdr_text(&r->route, c->plan.route->name);
	cdr_text(&r->profile, c->plan.profile->name);
	cdr_text(&r->hangup_cause,
	    cancelled || (c->answered_ns && strcmp(c->why, "bye") != 0)
	        ? c->why
	        : cdr_cause(c->code, c->final.q850 ? c->final.q850 : -1, cancelled));
	cdr_text(&r->sip_call_id[0], c->caller.call_id);
	cdr_text(&r->sip_call_id[1], c->winner ? c->winner->leg.call_id : NULL);
	cdr_text(&r->codec, c->bridge.codec);
	r->srtp[0] = crypto_name(c->bridge.caller.srtp);
	r->srtp[1] = crypto_name(c->winner ? c->winner->side.srtp : KEDGE_SUITE_NONE);
	cdr_text(&r->codec_out, c->bridge.codec_out);
	for (int i = 0; i < 2; i++) {
		r->dtmf[i] = dtmf_name(c->bridge.dtmf[i]);
		r->digits += c->digits.heard[i] + c->digits.asked[i];
	}
	r->digits_lost = c->digits.failed;
	cdr_text(&r->decision, decision);
	r->code = c->code;
	r->q850 = c->final.q850 ? (int16_t)c->final.q850 : -1;
	r->disposition = c->answered_ns ? CDR_ANSWERED : cdr_disposition(c->code, cancelled);
	r->ended_by = c->by;
	r->unconfirmed = farewell_unconfirmed(c);
}

static void write_cdr(const struct call *c, const char *decision)
{
	struct cdr *r = cdr_new();

	if (!r)
		return;
	add_texts(r, c, decision);
	add_times(r, c);
	add_media(r, c);
	for (const struct attempt *a = c->attempts; a; a = a->next)
		add_attempt(r, c, a);
	add_skipped(r, c);
	cdr_submit(r);
}

static void tried_text(const struct call *c, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (const struct attempt *a = c->attempts; a && n < size; a = a->next)
		n += (size_t)snprintf(out + n, size - n, "%s%s:%s", n ? "," : "",
		    c->conf->trunks.v[a->trunk].name, attempt_reason(a));
}

/* What its talk says about the callee's trunk: how long, who ended it, what was heard. */
static void tell_health(const struct call *c)
{
	struct anchor_quality q[2];
	uint16_t slot;
	struct health_talk t = {
		.talk_ms = (uint32_t)((c->ended_ns - c->answered_ns) / CLOCK_NS_PER_MS),
		.ended_there = c->by == CALL_BY_CALLEE,
		.silent = c->silent_told,
		.media = c->bridge.anchor.generation != 0,
		.number_hash = c->plan.number_hash,
	};

	if (!call_hop(c, &slot))
		return;
	if (t.media) {
		anchor_quality(&c->bridge.anchor, q);
		t.packets = (uint32_t)q[1].packets;
		t.lost = (uint32_t)q[1].lost;
		t.jitter_us = (uint32_t)q[1].jitter_mean_us;
		t.unheard = !c->silent_told && q[1].unheard && t.talk_ms >= c->conf->media.media_dead_ms / 2;
		t.reports = q[1].reports;
		t.sent = (uint32_t)q[0].relayed;
		t.far_lost = (uint32_t)q[1].far_lost;
		t.mos = (uint32_t)(100 * hearing_mos(c->bridge.codec, q, 1));
	}
	health_signs_talk(call_deps()->health, slot, &t, clock_mono_ns());
}

void report_call(struct call *c)
{
	static char decision[DECIDE_RECORD_MAX + 1];
	static const char *const by[] = { "nobody", "caller", "callee", "kedge" };
	char tried[512];
	size_t n;

	if (c->reported)
		return;
	c->reported = true;
	n = decide_record(&c->decide, call_deps()->health, c->answered_ns ? NULL : &c->final,
	    decision, sizeof(decision));
	if (n >= sizeof(decision))
		decision[0] = 0;
	tried_text(c, tried, sizeof(tried));
	event_log(call_decision, .call = c->id, .record = decision[0] ? decision : "{}");
	event_log(call_end, .call = c->id, .in = c->conf->trunks.v[c->caller.trunk].name,
	    .from = c->from, .to = c->number,
	    .result = c->answered_ns ? "answered"
	              : c->why       ? c->why
	                             : "failed",
	    .code = c->code, .tried = tried,
	    .pdd = c->ringing_ns ? (double)(c->ringing_ns - c->begun_ns) / 1e9 : 0,
	    .dur = c->answered_ns ? (double)(c->ended_ns - c->answered_ns) / 1e9 : 0,
	    .by = by[c->by]);
	write_cdr(c, decision);
	if (c->answered_ns)
		tell_health(c);
	recall_end(c, decision[0] ? decision : NULL);
	tally_call(c);
}

/* ---- the operator's board ------------------------------------------------------------------- */

static void copy_text(char *out, size_t size, const char *in)
{
	size_t n = in ? strnlen(in, size - 1) : 0;

	memcpy(out, in ? in : "", n);
	out[n] = 0;
}

void report_begin(struct call *c)
{
	struct admin_who who = { .call_id = c->id };

	copy_text(who.in, sizeof(who.in), c->conf->trunks.v[c->caller.trunk].name);
	copy_text(who.route, sizeof(who.route), c->plan.route->name);
	copy_text(who.profile, sizeof(who.profile), c->plan.profile->name);
	copy_text(who.from, sizeof(who.from), c->from);
	copy_text(who.to, sizeof(who.to), c->number);
	copy_text(who.sip_call_id, sizeof(who.sip_call_id), c->caller.call_id);
	admin_call_who(c->bridge.anchor.slot, &who);
}

static enum admin_state state_shown(const struct call *c)
{
	switch (c->state) {
	case CALL_SETUP:
		return c->ringing_ns ? ADMIN_RINGING : ADMIN_SETUP;
	case CALL_ANSWERED:
	case CALL_UP:
		return c->bridge.held ? ADMIN_HELD : ADMIN_UP;
	case CALL_ENDING:
	case CALL_GONE:
	case CALL_STATE_COUNT:
		break;
	}
	return ADMIN_ENDING;
}

void report_change(struct call *c)
{
	const struct attempt *live = c->winner;
	struct admin_now now = { .call_id = c->id,
		.begun_wall_ms = c->begun_wall_ms,
		.answered_wall_ms = c->answered_wall_ms,
		.state = state_shown(c) };

	if (!c->bridge.anchor.open)
		return;
	for (const struct attempt *a = c->attempts; a; a = a->next) {
		now.attempts++;
		if (!c->winner && a->index == c->decide.live)
			live = a;
	}
	if (live) {
		copy_text(now.trunk, sizeof(now.trunk), c->conf->trunks.v[live->trunk].name);
		listen_print(&live->side.peer, now.hop, sizeof(now.hop));
		copy_text(now.sip_call_id, sizeof(now.sip_call_id), live->leg.call_id);
	}
	copy_text(now.codec, sizeof(now.codec), c->bridge.codec);
	now.srtp[0] = c->bridge.caller.srtp;
	now.srtp[1] = live ? live->side.srtp : KEDGE_SUITE_NONE;
	copy_text(now.codec_out, sizeof(now.codec_out), c->bridge.codec_out);
	if (c->bridge.video.open)
		copy_text(now.video, sizeof(now.video), c->bridge.video_codec);
	now.video_slot = c->bridge.video.slot;
	memcpy(now.dtmf, c->bridge.dtmf, sizeof(now.dtmf));
	admin_call_now(c->bridge.anchor.slot, &now);
}
