// SPDX-License-Identifier: MIT
#include "sig/books/tally.h"

#include <jansson.h>

#include "config/clock.h"
#include "config/event.h"
#include "sig/call.h"
#include "sig/books/delays.h"
#include "sig/bridge/hearing.h"
#include "sig/operator/history.h"
#include "sig/operator/reload.h"
#include "sig/books/timed_out.h"

static struct timed_outs timed_outs;

static const char *trunk_name(const struct call *c, const struct attempt *a)
{
	return c->conf->trunks.v[a->trunk].name;
}

static uint64_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (to_ns - from_ns) / CLOCK_NS_PER_MS : 0;
}

static void count_delays(const struct call *c)
{
	const struct attempt *first = NULL;

	for (const struct attempt *a = c->attempts; a; a = a->next) {
		if (!a->ringing_ns)
			continue;
		delays_add(DELAYS_REQUEST, trunk_name(c, a), ms_between(a->begun_ns, a->ringing_ns));
		if (!first || a->ringing_ns < first->ringing_ns)
			first = a;
	}
	if (first && c->ringing_ns)
		delays_add(DELAYS_RINGBACK, trunk_name(c, first), ms_between(c->begun_ns, c->ringing_ns));
	if (c->winner && c->answered_ns)
		delays_add(DELAYS_ANSWER, trunk_name(c, c->winner), ms_between(c->begun_ns, c->answered_ns));
}

/* How the callee's side sounded. */
static void count_audio(const struct call *c)
{
	struct anchor_quality q[2];
	double mos;

	if (!c->winner || !c->answered_ns || !c->bridge.anchor.generation)
		return;
	anchor_quality(&c->bridge.anchor, q);
	mos = hearing_mos(c->bridge.codec, q, 1);
	if (mos <= 0)
		return;
	delays_add(DELAYS_JITTER, trunk_name(c, c->winner), q[1].jitter_mean_us);
	delays_add(DELAYS_MOS, trunk_name(c, c->winner), (uint64_t)(mos * 1000));
}

static void count_timer(enum timed_out timer)
{
	struct kedge_sig_counters *n = call_counters();

	switch (timer) {
#define T(id, word)                                                                                \
	case TIMED_OUT_##id:                                                                       \
		segment_add(&n->timed_out_##word, 1);                                              \
		break;
		TIMED_OUTS(T)
#undef T
	case TIMED_OUT_COUNT:
		break;
	}
}

static void tell(const struct timed_out_alarm *a, unsigned share)
{
	uint64_t percent = a->calls ? 100ULL * a->ended / a->calls : 0;
	const char *state = a->raised ? "raised" : "cleared";

	event_log(calls_timed_out, .timer = timed_out_word(a->timer), .state = state, .percent = percent, .ended = a->ended, .calls = a->calls);
	history_write("alarm", json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "alarm", "calls_timed_out", "timer", timed_out_word(a->timer), "state", state, "percent",
	                           (json_int_t)percent, "ended", (json_int_t)a->ended, "calls", (json_int_t)a->calls, "share", (json_int_t)share));
}

void tally_tick(const struct conf *conf, uint64_t now_ns)
{
	struct timed_out_alarm alarm;

	while (timed_out_alarm(&timed_outs, conf->alarm.timer_share, conf->alarm.window_ms * CLOCK_NS_PER_MS, now_ns, &alarm))
		tell(&alarm, conf->alarm.timer_share);
}

/* One configuration for all calls, or those from before a reload would raise what those after it clear. */
void tally_call(const struct call *c)
{
	const struct conf *conf = reload_conf() ? reload_conf() : c->conf;
	bool hunted = !c->answered_ns && c->by != CALL_BY_CALLER && c->decide.count;
	enum timed_out timer = hunted ? timed_out_of(&c->decide, &c->final) : TIMED_OUT_COUNT;
	uint64_t now = clock_mono_ns();

	count_delays(c);
	count_audio(c);
	count_timer(timer);
	timed_out_add(&timed_outs, timer, conf->alarm.window_ms * CLOCK_NS_PER_MS, now);
	tally_tick(conf, now);
}
