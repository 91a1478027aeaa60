// SPDX-License-Identifier: MIT
#include "routing/cause.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

/* A row holds only under its condition; the first row that fits is taken, so the narrow ones stand above. */
enum when {
	ALWAYS,
	RANG,       /* 18x was seen from this target */
	LATER,      /* Retry-After, any */
	SOON,       /* Retry-After of at most 10 s: two requests overlapped (RFC 3261 14.2) */
	BUSY,       /* Reason: Q.850;cause=17 */
	CONGESTION, /* a Q.850 cause of the network, not of the callee */
	FAULTY,     /* the trunk is DEGRADED(config_fault) */
	TO_PBX      /* the target is a PBX: the hunt goes on after ringing */
};

/* What SAME is where the request cannot be repaired, or was already. */
enum { NEXT = CAUSE_NEXT, STOP = CAUSE_STOP, SAME = CAUSE_SAME, WAIT = CAUSE_WAIT_SAME };
enum { F = CAUSE_F, L = CAUSE_L, A = CAUSE_A, O = CAUSE_O, NO = 0 };
enum { PATH = CAUSE_PATH, SELF = 0 }; /* to the caller: SELF is the code itself */

struct row {
	uint16_t first, last; /* codes; for kedge's own verdicts both are 0 */
	uint8_t cause;
	uint8_t when;
	uint8_t action;
	uint8_t health;
	uint16_t caller;
	uint16_t q850;
};

#define CODES(from, to) .first = (from), .last = (to), .cause = CAUSE_STATUS
#define CODE(code)      CODES(code, code)
#define OWN(id)         .cause = CAUSE_##id

/* Own verdicts first, then by code. */
static const struct row rows[] = {
	/*                 when        action  health  to the caller */
	{ OWN(SILENT),      ALWAYS,     NEXT,   F,      PATH },
	{ OWN(NO_REPLY),    ALWAYS,     NEXT,   F,      PATH },
	{ OWN(NO_PROGRESS), ALWAYS,     NEXT,   F,      PATH },
	{ OWN(RING),        TO_PBX,     NEXT,   NO,     480, .q850 = 19 },
	{ OWN(RING),        ALWAYS,     STOP,   NO,     480, .q850 = 19 },
	{ OWN(UNREACHABLE), ALWAYS,     NEXT,   F,      PATH },
	{ OWN(CONNECT),     ALWAYS,     NEXT,   F,      PATH },
	{ OWN(LOST),        ALWAYS,     NEXT,   F,      PATH },
	{ OWN(LIMIT),       ALWAYS,     NEXT,   NO,     PATH },
	{ OWN(BAD_ANSWER),  ALWAYS,     NEXT,   NO,     488 },
	{ OWN(CANCELLED),   ALWAYS,     STOP,   NO,     487 },
	{ CODE(380),        ALWAYS,     STOP,   O,      500 },
	{ CODES(300, 399),  ALWAYS,     SAME,   O,      500 },
	{ CODE(400),        ALWAYS,     NEXT,   A,      500 },
	{ CODE(401),        ALWAYS,     SAME,   A,      500 },
	{ CODE(407),        ALWAYS,     SAME,   A,      500 },
	{ CODE(402),        ALWAYS,     NEXT,   A,      500 },
	{ CODE(405),        ALWAYS,     NEXT,   A,      500 },
	{ CODE(403),        FAULTY,     NEXT,   A,      SELF },
	{ CODE(403),        ALWAYS,     STOP,   A,      SELF },
	{ CODE(404),        FAULTY,     NEXT,   A,      SELF },
	{ CODE(404),        ALWAYS,     STOP,   A,      SELF },
	{ CODE(406),        ALWAYS,     NEXT,   A,      488 },
	{ CODE(408),        RANG,       STOP,   NO,     SELF },
	{ CODE(408),        ALWAYS,     NEXT,   F,      PATH },
	{ CODE(410),        ALWAYS,     STOP,   O,      SELF },
	{ CODE(414),        ALWAYS,     STOP,   O,      SELF },
	{ CODES(484, 485),  ALWAYS,     STOP,   O,      SELF },
	{ CODE(412),        ALWAYS,     STOP,   NO,     500 },
	{ CODE(423),        ALWAYS,     STOP,   NO,     500 },
	{ CODE(413),        ALWAYS,     NEXT,   A,      513 },
	{ CODE(415),        ALWAYS,     NEXT,   A,      488 },
	{ CODE(416),        ALWAYS,     SAME,   A,      SELF },
	{ CODE(417),        ALWAYS,     STOP,   NO,     SELF },
	{ CODES(424, 425),  ALWAYS,     STOP,   NO,     SELF },
	{ CODE(420),        ALWAYS,     SAME,   A,      SELF },
	{ CODE(421),        ALWAYS,     NEXT,   A,      SELF },
	{ CODE(422),        ALWAYS,     SAME,   NO,     SELF },
	{ CODE(428),        ALWAYS,     NEXT,   A,      500 },
	{ CODES(436, 438),  ALWAYS,     NEXT,   A,      500 },
	{ CODE(429),        ALWAYS,     NEXT,   L,      503 },
	{ CODE(430),        ALWAYS,     NEXT,   F,      500 },
	{ CODE(433),        ALWAYS,     STOP,   O,      SELF },
	{ CODES(439, 440),  ALWAYS,     STOP,   NO,     500 },
	{ CODES(469, 470),  ALWAYS,     STOP,   NO,     500 },
	{ CODE(489),        ALWAYS,     STOP,   NO,     500 },
	{ CODE(494),        ALWAYS,     STOP,   NO,     500 },
	{ CODE(480),        CONGESTION, NEXT,   F,      SELF },
	{ CODE(480),        ALWAYS,     STOP,   O,      SELF },
	{ CODE(481),        ALWAYS,     NEXT,   NO,     500 },
	{ CODES(482, 483),  ALWAYS,     STOP,   NO,     SELF },
	{ CODES(486, 487),  ALWAYS,     STOP,   O,      SELF },
	{ CODE(488),        ALWAYS,     NEXT,   A,      SELF },
	{ CODE(491),        ALWAYS,     WAIT,   NO,     500 },
	{ CODE(493),        ALWAYS,     NEXT,   A,      SELF },
	{ CODES(400, 499),  ALWAYS,     STOP,   O,      SELF },
	{ CODE(500),        SOON,       NEXT,   NO,     SELF },
	{ CODE(501),        ALWAYS,     NEXT,   A,      500 },
	{ CODE(505),        ALWAYS,     NEXT,   A,      500 },
	{ CODE(513),        ALWAYS,     SAME,   A,      500 },
	{ CODE(555),        ALWAYS,     NEXT,   A,      500 },
	{ CODE(502),        ALWAYS,     NEXT,   F,      SELF },
	{ CODE(503),        BUSY,       STOP,   O,      486 },
	{ CODE(503),        LATER,      NEXT,   L,      PATH },
	{ CODE(503),        ALWAYS,     NEXT,   F | L,  PATH },
	{ CODE(504),        ALWAYS,     NEXT,   F,      SELF },
	{ CODE(580),        ALWAYS,     NEXT,   NO,     SELF },
	{ CODES(500, 599),  ALWAYS,     NEXT,   F,      500 },
	{ CODES(600, 699),  ALWAYS,     STOP,   O,      SELF },
};

static const char *const words[] = {
#define C(id, word) [CAUSE_##id] = word,
	CAUSES(C)
#undef C
};

const char *cause_word(enum cause cause)
{
	assert(cause < CAUSE_COUNT);
	return words[cause];
}

static bool is_congestion(uint16_t q850)
{
	switch (q850) {
	case 27: /* destination out of order */
	case 34: /* no circuit */
	case 38: /* network out of order */
	case 41: /* temporary failure */
	case 42: /* switching equipment congestion */
	case 44: /* requested circuit not available */
	case 47: /* resource unavailable */
		return true;
	default:
		return false;
	}
}

static bool holds(enum when when, const struct cause_event *e, const struct conf_trunk *t)
{
	switch (when) {
	case ALWAYS:
		return true;
	case RANG:
		return e->best_1xx != 0;
	case LATER:
		return e->retry_after_s > 0;
	case SOON:
		return e->retry_after_s > 0 && e->retry_after_s <= 10;
	case BUSY:
		return e->q850 == 17;
	case CONGESTION:
		return is_congestion(e->q850);
	case FAULTY:
		return e->fault;
	case TO_PBX:
		return t->side == CONF_SIDE_PBX;
	}
	return false;
}

static const struct row *find_row(
    const struct cause_event *e, uint16_t code, const struct conf_trunk *t)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (r->cause == e->cause && code >= r->first && code <= r->last &&
		    holds(r->when, e, t))
			return r;
	}
	assert(!"every cause and code has a row");
	return NULL;
}

/* The first rule of one of two kinds that fits the code; they stand the most specific first. */
static const struct conf_rule *find_rule(
    const struct conf_trunk *t, enum conf_rule_kind a, enum conf_rule_kind b, uint16_t code,
    uint16_t q850)
{
	for (uint16_t i = 0; i < t->codes.rules.count; i++) {
		const struct conf_rule *r = &t->codes.rules.v[i];

		if (r->kind != a && r->kind != b)
			continue;
		if (r->class ? r->class != code / 100 : r->code != code)
			continue;
		if (r->q850 < 0 || (uint16_t)r->q850 == q850)
			return r;
	}
	return NULL;
}

static const struct conf_rule *find_either(const struct conf_trunk *t, enum conf_rule_kind a,
    enum conf_rule_kind b, const struct cause_event *e, uint16_t mapped)
{
	const struct conf_rule *r = find_rule(t, a, b, e->code, e->q850);

	return r ? r : find_rule(t, a, b, mapped, e->q850);
}

/* "strict": timeouts, 408 and 5xx go on, every other 4xx and 6xx ends the hunt. */
static enum cause_action strict(enum cause_action action, uint16_t code)
{
	if (code == 408 || code / 100 == 5)
		return action == CAUSE_STOP ? CAUSE_NEXT : action;
	return action == CAUSE_NEXT && code >= 400 ? CAUSE_STOP : action;
}

/* After 18x the callee's phone may have rung: only a carrier that gave up by itself is left. */
static bool may_advance(
    const struct cause_event *e, uint16_t code, const struct conf_trunk *t)
{
	if (e->best_1xx == 0)
		return true;
	if (code != 500 && code != 502 && code != 503 && code != 504)
		return false;
	if (e->best_1xx == 183)
		return t->advance_after != CONF_ADVANCE_NONE;
	return t->advance_after == CONF_ADVANCE_180;
}

static void judge_status(const struct row *row, const struct cause_event *e, const struct conf_trunk *t, struct cause_verdict *v)
{
	const struct conf_rule *rule =
	    find_either(t, CONF_RULE_NEXT, CONF_RULE_STOP, e, v->code);
	enum cause_action action = row->action, relaxed;

	if (rule) {
		action = rule->kind == CONF_RULE_NEXT ? CAUSE_NEXT : CAUSE_STOP;
		v->by = rule->kind == CONF_RULE_NEXT ? CAUSE_BY_NEXT_RULE : CAUSE_BY_STOP_RULE;
	} else if ((action == CAUSE_SAME || action == CAUSE_WAIT_SAME) &&
	           (!e->repairable || e->repaired)) {
		action = CAUSE_NEXT;
		v->by = e->repaired ? CAUSE_BY_MENDED : CAUSE_BY_UNMENDED;
	}
	relaxed = action;
	if (!rule && t->codes_preset == CONF_PRESET_STRICT && row->when != RANG)
		action = strict(action, v->code);
	if (action != relaxed)
		v->by = CAUSE_BY_STRICT;
	/* A repair, too, would ring the phone again. */
	if (action != CAUSE_STOP && !may_advance(e, v->code, t)) {
		action = CAUSE_STOP;
		v->by = CAUSE_BY_ADVANCE;
	}
	v->action = action;
}

static bool may_change_hop(enum cause cause, uint16_t code)
{
	switch (cause) {
	case CAUSE_SILENT:
	case CAUSE_NO_REPLY:
	case CAUSE_UNREACHABLE:
	case CAUSE_CONNECT:
	case CAUSE_LOST:
		return true;
	default:
		return code == 503;
	}
}

struct cause_verdict cause_judge(const struct cause_event *e, const struct conf_trunk *trunk)
{
	struct cause_verdict v = { 0 };
	const struct conf_rule *map = NULL;
	const struct row *row;

	if (e->cause == CAUSE_STATUS) {
		v.code = e->code >= 300 && e->code <= 699 ? e->code : 500;
		map = find_rule(trunk, CONF_RULE_MAP, CONF_RULE_MAP, v.code, e->q850);
		if (map)
			v.code = map->to;
	}
	row = find_row(e, v.code, trunk);
	v.action = row->action;
	v.health = row->health;
	v.row = (uint8_t)(row - rows);
	if (e->cause == CAUSE_STATUS) {
		judge_status(row, e, trunk, &v);
		v.no_count = find_either(trunk, CONF_RULE_NO_COUNT, CONF_RULE_NO_COUNT, e, v.code);
		if (v.no_count)
			v.health = 0;
	}
	v.hop = may_change_hop(e->cause, v.code);
	v.again = v.action == CAUSE_NEXT && (row->health & (F | L) || row->when == SOON);
	v.caller = row->caller && !(row->caller == PATH && v.by == CAUSE_BY_STOP_RULE) ? row->caller : v.code;
	v.q850 = row->q850;
	return v;
}

/* ---- words ---- */

const char *cause_action_word(enum cause_action action)
{
	switch (action) {
	case CAUSE_NEXT:
		return "next";
	case CAUSE_STOP:
		return "stop";
	case CAUSE_SAME:
		return "same";
	case CAUSE_WAIT_SAME:
		return "wait, then same";
	}
	return "?";
}

const char *cause_by_word(enum cause_by by)
{
	static const char *const by_words[] = {
#define B(id, word) [CAUSE_BY_##id] = word,
		CAUSE_BYS(B)
#undef B
	};

	return by < CAUSE_BY_COUNT ? by_words[by] : "?";
}

const char *cause_health_text(uint8_t health, char out[static CAUSE_HEALTH_TEXT])
{
	static const char letters[] = { 'F', 'L', 'A', 'O' };
	size_t n = 0;

	for (unsigned i = 0; i < sizeof(letters); i++) {
		if (!(health & 1u << i))
			continue;
		if (n)
			out[n++] = '+';
		out[n++] = letters[i];
	}
	if (!n)
		out[n++] = '-';
	out[n] = 0;
	return out;
}

static const char *const when_words[] = {
	[ALWAYS] = "",
	[RANG] = "after 18x",
	[LATER] = "with Retry-After",
	[SOON] = "Retry-After of 10 s at most",
	[BUSY] = "Q.850 17 (busy)",
	[CONGESTION] = "Q.850 of congestion",
	[FAULTY] = "trunk DEGRADED(config_fault)",
	[TO_PBX] = "to a PBX",
};

/* What the row is, once the narrow ones above it did not hold. */
static const char *const unless_words[] = {
	[ALWAYS] = "",
	[RANG] = "before 18x",
	[LATER] = "no Retry-After",
	[SOON] = "no short Retry-After",
	[BUSY] = "",
	[CONGESTION] = "no Q.850 of congestion",
	[FAULTY] = "trunk without config_fault",
	[TO_PBX] = "to a carrier",
};

unsigned cause_rows(void)
{
	return sizeof(rows) / sizeof(rows[0]);
}

static const char *condition_of(unsigned row)
{
	const struct row *r = &rows[row];

	if (r->when != ALWAYS)
		return when_words[r->when];
	for (unsigned i = row; i-- > 0;)
		if (rows[i].cause == r->cause && rows[i].first == r->first && rows[i].last == r->last && unless_words[rows[i].when][0])
			return unless_words[rows[i].when];
	return "";
}

const char *cause_row_text(unsigned row, char out[static CAUSE_ROW_TEXT])
{
	const char *condition;
	const struct row *r = &rows[row];
	int n;

	assert(row < cause_rows());
	condition = condition_of(row);
	if (r->cause != CAUSE_STATUS)
		n = snprintf(out, CAUSE_ROW_TEXT, "%s", cause_word(r->cause));
	else if (r->first == r->last)
		n = snprintf(out, CAUSE_ROW_TEXT, "%u", r->first);
	else
		n = snprintf(out, CAUSE_ROW_TEXT, r->first % 100 == 0 && r->last % 100 == 99 ? "other %u-%u" : "%u-%u", r->first, r->last);
	if (*condition)
		snprintf(out + n, CAUSE_ROW_TEXT - (size_t)n, " %s", condition);
	return out;
}
