// SPDX-License-Identifier: MIT
#include "sig/books/recall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sofia-sip/sip.h>

#include "config/clock.h"
#include "routing/decide.h"
#include "sig/call.h"
#include "sig/books/flight_tap.h"
#include "sig/profile.h"

int recall_open(uint32_t records, uint32_t flight_mb)
{
	int err = flight_open((size_t)flight_mb << 20);

	if (err)
		return err;
	flight_tap_open();
	journal_open(records);
	return 0;
}

void recall_close(void)
{
	flight_tap_close();
	flight_close();
	journal_close();
}

/* ---- entries -------------------------------------------------------------------------------- */

static void copy_text(char *out, size_t size, const char *in)
{
	size_t n = in ? strnlen(in, size - 1) : 0;

	memcpy(out, in ? in : "", n);
	out[n] = 0;
}
#define COPY(array, in) copy_text(array, sizeof(array), in)

static int32_t ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns && to_ns >= from_ns ? (int32_t)((to_ns - from_ns) / CLOCK_NS_PER_MS) : -1;
}

static uint64_t wall_of(const struct call *c, uint64_t at_ns)
{
	return at_ns ? c->begun_wall_ms + (at_ns - c->begun_ns) / CLOCK_NS_PER_MS : 0;
}

static bool was_moved(const struct call *c)
{
	return c->decide.count > 1;
}

static enum journal_kind kind_of(const struct call *c)
{
	if (was_moved(c) || (c->answered_ns && c->by == CALL_BY_KEDGE))
		return JOURNAL_FAILED;
	if (c->answered_ns)
		return JOURNAL_GOOD;
	return c->by == CALL_BY_CALLER ? JOURNAL_MINOR : JOURNAL_FAILED;
}

static const char *state_of(const struct call *c)
{
	switch (c->state) {
	case CALL_SETUP:
		return c->ringing_ns ? "ringing" : "setup";
	case CALL_ANSWERED:
	case CALL_UP:
		return "up";
	case CALL_ENDING:
		return "ending";
	case CALL_GONE:
	case CALL_STATE_COUNT:
		break;
	}
	return "ended";
}

static void make_entry(const struct call *c, struct journal_entry *e)
{
	static const char *const by[] = { "nobody", "caller", "callee", "kedge" };

	*e = (struct journal_entry){ .call = c->id,
		.begun_wall_ms = c->begun_wall_ms,
		.answered_wall_ms = wall_of(c, c->answered_ns),
		.ended_wall_ms = wall_of(c, c->ended_ns),
		.ttrb_ms = ms_between(c->begun_ns, c->ringing_ns),
		.tta_ms = ms_between(c->begun_ns, c->answered_ns),
		.code = c->answered_ns ? 200 : c->code,
		.kind = (uint8_t)kind_of(c) };
	COPY(e->in, c->conf->trunks.v[c->caller.trunk].name);
	COPY(e->by, by[c->by]);
	COPY(e->why, c->why);
	COPY(e->state, state_of(c));
	COPY(e->from, c->from);
	COPY(e->to, c->number);
	COPY(e->call_id, c->caller.call_id);
}

void recall_end(const struct call *c, const char *decision)
{
	struct journal_entry e;

	make_entry(c, &e);
	e.decision = decision;
	journal_add(&e);
	if (e.kind == JOURNAL_MINOR)
		flight_refused(c->id);
	else
		flight_end(c->id, e.kind == JOURNAL_FAILED);
}

void recall_refused(const struct call_request *r, const struct sip_s *sip, int status, const char *why)
{
	struct journal_entry e = { .call = call_new_id(), .begun_wall_ms = clock_wall_ms(), .ttrb_ms = -1, .tta_ms = -1, .code = (uint16_t)status,
		.kind = JOURNAL_MINOR, .refused = true };
	char number[PROFILE_NUMBER], display[PROFILE_DISPLAY];

	e.ended_wall_ms = e.begun_wall_ms;
	COPY(e.in, r->conf->trunks.v[r->trunk].name);
	COPY(e.by, "kedge");
	COPY(e.why, why);
	COPY(e.state, "ended");
	listen_print(&r->source, e.source, sizeof(e.source));
	COPY(e.call_id, sip->sip_call_id->i_id);
	COPY(e.to, profile_called(number, sip));
	profile_caller(number, display, sip);
	COPY(e.from, number);
	journal_add(&e);
	flight_begin(e.call, sip->sip_call_id->i_id, clock_mono_ns());
	flight_refused(e.call);
}

/* ---- test numbers --------------------------------------------------------------------------- */

static struct {
	uint64_t call;
	const char *does;
	char call_id[sizeof((struct journal_entry){ 0 }.call_id)];
} tests[RECALL_TESTS];
static unsigned next_test;

void recall_test(uint64_t call, const char *sip_call_id, const char *does)
{
	unsigned i = next_test++ % RECALL_TESTS;

	tests[i].call = call;
	tests[i].does = does;
	COPY(tests[i].call_id, sip_call_id);
}

/* The latest that `what` names. */
static void find_test(struct recall *r)
{
	for (unsigned i = 1; i <= RECALL_TESTS && !r->test; i++) {
		unsigned at = (next_test - i) % RECALL_TESTS;

		r->e.call = tests[at].call;
		COPY(r->e.call_id, tests[at].call_id);
		if (tests[at].does && journal_match(&r->e, r->what) != JOURNAL_NOT)
			r->test = tests[at].does;
	}
}

/* ---- notes ---------------------------------------------------------------------------------- */

void recall_outcome(const struct call *c, const struct attempt *a)
{
	const struct decide_attempt *d = &c->decide.attempt[a->index];
	char text[256], row[CAUSE_ROW_TEXT], counts[CAUSE_HEALTH_TEXT];
	const char *timer = decide_timer_word(d->timer), *by = cause_by_word(d->by);
	char code[8];

	snprintf(code, sizeof(code), "%u", d->code);
	snprintf(text, sizeof(text), "%s: cause %s%s%s -> %s, counts %s (row \"%s\"%s%s)", c->conf->trunks.v[a->trunk].name,
	    d->code ? code : cause_word(d->cause), *timer ? ", timer " : "", timer, cause_action_word(d->action), cause_health_text(d->count, counts),
	    cause_row_text(d->row, row), *by ? ", " : "", by);
	flight_note(c->id, text, clock_mono_ns());
}

/* ---- finding -------------------------------------------------------------------------------- */

struct search {
	struct recall *r;
	enum journal_match best;
	const struct journal_entry *found;
	const struct call *call; /* of found, while it lives */
	struct journal_entry living;
};

/* True while a better one may come. */
static bool consider(struct search *s, const struct journal_entry *e, const struct call *call)
{
	enum journal_match m = journal_match(e, s->r->what);
	struct recall *r = s->r;

	if (m == JOURNAL_PREFIX && s->best <= JOURNAL_PREFIX) {
		if (r->count < RECALL_OTHERS) {
			r->other[r->count].call = e->call;
			r->other[r->count].begun_wall_ms = e->begun_wall_ms;
			COPY(r->other[r->count].to, e->to);
		}
		r->count++;
	}
	/* Of several with one number the latest, whether it lives or not. */
	if (m < s->best || m == JOURNAL_NOT || (m == s->best && e->begun_wall_ms <= s->found->begun_wall_ms))
		return true;
	s->best = m;
	s->found = e;
	s->call = call;
	if (m > JOURNAL_PREFIX)
		r->count = 1;
	if (call) {
		s->living = *e;
		s->found = &s->living;
	}
	return m != JOURNAL_ID;
}

static bool on_entry(void *ctx, const struct journal_entry *e)
{
	return consider(ctx, e, NULL);
}

static char *copy_decision(const struct search *s)
{
	static char text[DECIDE_RECORD_MAX + 1];
	const char *decision = s->found->decision;

	if (s->call) {
		bool over = s->call->state == CALL_GONE && !s->call->answered_ns;

		decision = decide_record(&s->call->decide, call_deps()->health, over ? &s->call->final : NULL, text, sizeof(text)) < sizeof(text) ? text : NULL;
	}
	return decision ? strdup(decision) : NULL;
}

void recall_find(void *arg)
{
	struct search s = { .r = arg };
	struct journal_entry e;
	bool more = true;

	for (const struct call *c = call_first(); c && more; c = c->next)
		if (!c->reported) {
			make_entry(c, &e);
			more = consider(&s, &e, c);
		}
	if (more)
		journal_each(on_entry, &s);
	s.r->now_ns = clock_mono_ns();
	s.r->now_wall_ms = clock_wall_ms();
	if (!s.found) {
		find_test(s.r);
		return;
	}
	s.r->e = *s.found;
	s.r->decision = copy_decision(&s);
	s.r->e.decision = s.r->decision;
	if (s.r->tape)
		s.r->copy = flight_read(s.found->call);
}

void recall_free(struct recall *r)
{
	free(r->decision);
	free(r->copy);
	r->decision = NULL;
	r->copy = NULL;
}
