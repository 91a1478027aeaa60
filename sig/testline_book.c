// SPDX-License-Identifier: MIT
#include <string.h>
#include <sofia-sip/sip_header.h>

#include "config/clock.h"
#include "routing/plan.h"
#include "sig/books/recall.h"
#include "sig/bridge/bridge_dtmf.h"
#include "sig/bridge/hearing.h"
#include "sig/call.h"
#include "sig/offer/crypto.h"
#include "sig/operator/admin_board.h"
#include "sig/profile.h"
#include "sig/testline_part.h"

void testline_begun(struct line *t, const sip_t *sip)
{
	char number[PROFILE_NUMBER], display[PROFILE_DISPLAY];

	profile_caller(number, display, sip);
	t->id = call_new_id();
	t->begun_ns = clock_mono_ns();
	t->begun_wall_ms = clock_wall_ms();
	t->from = su_strdup(t->home, number);
	t->from_name = su_strdup(t->home, display);
	t->call_id = su_strdup(t->home, sip->sip_call_id->i_id);
	recall_test(t->id, sip->sip_call_id->i_id, plan_test_word(t->number));
}

static uint64_t wall_of(const struct line *t, uint64_t at_ns)
{
	return at_ns ? t->begun_wall_ms + (at_ns - t->begun_ns) / CLOCK_NS_PER_MS : 0;
}

/* ---- the operator's board ------------------------------------------------------------------- */

static void copy_text(char *out, size_t size, const char *in)
{
	size_t n = in ? strnlen(in, size - 1) : 0;

	memcpy(out, in ? in : "", n);
	out[n] = 0;
}

static void test_text(const struct line *t, char *out, size_t size)
{
	char text[KEDGE_NAME_MAX] = "test ";

	copy_text(text + 5, sizeof(text) - 5, plan_test_word(t->number));
	copy_text(out, size, text);
}

void testline_shown(const struct line *t)
{
	struct admin_who who = { .call_id = t->id };

	if (!t->bridge.anchor.open)
		return;
	copy_text(who.in, sizeof(who.in), t->conf->trunks.v[t->bridge.caller.trunk].name);
	copy_text(who.from, sizeof(who.from), t->from);
	copy_text(who.to, sizeof(who.to), t->number->number);
	copy_text(who.sip_call_id, sizeof(who.sip_call_id), t->call_id);
	admin_call_who(t->bridge.anchor.slot, &who);
	testline_changed(t);
}

void testline_changed(const struct line *t)
{
	struct admin_now now = { .call_id = t->id, .begun_wall_ms = t->begun_wall_ms, .answered_wall_ms = wall_of(t, t->answered_ns) };

	if (!t->bridge.anchor.open)
		return;
	now.state = !t->answered_ns ? t->rings ? ADMIN_RINGING : ADMIN_SETUP : t->bridge.held ? ADMIN_HELD : ADMIN_UP;
	test_text(t, now.trunk, sizeof(now.trunk));
	copy_text(now.codec, sizeof(now.codec), t->bridge.codec);
	now.srtp[0] = t->bridge.caller.srtp;
	now.dtmf[0] = t->bridge.dtmf[0];
	admin_call_now(t->bridge.anchor.slot, &now);
}

/* ---- the CDR -------------------------------------------------------------------------------- */

static void add_texts(struct cdr *r, const struct line *t, enum cdr_ended_by by)
{
	bool cancelled = t->code == 487;

	r->call_id = t->id;
	r->test = plan_test_word(t->number);
	cdr_text(&r->src, t->from);
	cdr_text(&r->src_name, t->from_name);
	cdr_text(&r->dst, t->number->number);
	cdr_text(&r->in, t->conf->trunks.v[t->bridge.caller.trunk].name);
	cdr_text(&r->hangup_cause, cdr_cause(t->code, -1, cancelled));
	cdr_text(&r->sip_call_id[0], t->call_id);
	cdr_text(&r->codec, t->bridge.codec);
	r->srtp[0] = crypto_name(t->bridge.caller.srtp);
	r->srtp[1] = crypto_name(KEDGE_SUITE_NONE);
	r->dtmf[0] = dtmf_name(t->bridge.dtmf[0]);
	r->dtmf[1] = dtmf_name(KEDGE_DTMF_NONE);
	r->code = t->code;
	r->disposition = t->answered_ns ? CDR_ANSWERED : cdr_disposition(t->code, cancelled);
	r->ended_by = by;
	r->generation = t->conf->generation;
}

static void add_times(struct cdr *r, const struct line *t)
{
	uint64_t now = clock_mono_ns();

	r->start_ms = t->begun_wall_ms;
	r->answer_ms = wall_of(t, t->answered_ns);
	r->end_ms = wall_of(t, now);
	r->duration_ms = (now - t->begun_ns) / CLOCK_NS_PER_MS;
	if (!t->answered_ns)
		return;
	r->billed_ms = (now - t->answered_ns) / CLOCK_NS_PER_MS;
	r->tta_ms = (int32_t)((t->answered_ns - t->begun_ns) / CLOCK_NS_PER_MS);
}

/* Of the caller alone: there is nobody behind. As media counted until now. */
static void add_media(struct cdr *r, const struct line *t)
{
	struct anchor_quality q[2];

	r->media_known = t->bridge.anchor.open;
	if (!r->media_known)
		return;
	anchor_quality(&t->bridge.anchor, q);
	r->media[0] = (struct cdr_media){ .packets = q[0].packets,
		.bytes = q[0].bytes,
		.lost = q[0].lost,
		.late = q[0].late,
		.jitter_ms = (double)q[0].jitter_mean_us / 1000,
		.max_gap_ms = (double)q[0].max_gap_ns / 1e6,
		.rtt_ms = (double)q[0].rtt_us / 1000,
		.far_lost = q[0].far_lost,
		.mos = hearing_mos(t->bridge.codec, q, 0) };
}

void testline_booked(struct line *t, enum cdr_ended_by by)
{
	struct cdr *r;

	if (t->booked)
		return;
	t->booked = true;
	r = cdr_new();
	if (r) {
		add_texts(r, t, by);
		add_times(r, t);
		add_media(r, t);
		cdr_submit(r);
	}
	if (t->bridge.anchor.open)
		admin_call_clear(t->bridge.anchor.slot);
	bridge_close(&t->bridge);
}
