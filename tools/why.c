// SPDX-License-Identifier: MIT
/* kedge why: what was decided about a call, and what was known then. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/live.h"
#include "tools/recall.h"
#include "tools/verb.h"
#include "tools/why_words.h"

#define INDENT "      "

/* ---- words ---------------------------------------------------------------------------------- */

static void print_counts(const char *counts)
{
	bool more = false;

	if (!strcmp(counts, "-")) {
		fputs("counts nothing", stdout);
		return;
	}
	printf("counts %s (", counts);
	for (const char *p = counts; *p; p++) {
		char one[2] = { *p, 0 };

		if (*p == '+')
			continue;
		printf("%s%s", more ? ", " : "", why_text(WHY_COUNTS, one));
		more = true;
	}
	putchar(')');
}

/* 1.234 s, 320 ms, 5 min, 3 h */
static const char *span(long long ms, char out[static 24])
{
	if (ms < 1000)
		snprintf(out, 24, "%lld ms", ms);
	else if (ms < 60000)
		snprintf(out, 24, "%.1f s", (double)ms / 1000);
	else if (ms < 600000)
		snprintf(out, 24, "%lld s", ms / 1000);
	else if (ms < 7200000)
		snprintf(out, 24, "%lld min", ms / 60000);
	else
		snprintf(out, 24, "%lld h", ms / 3600000);
	return out;
}

/* ---- what was known ------------------------------------------------------------------------- */

static void print_look(const json_t *l)
{
	long long failures = recall_int(l, "failures"), failed = recall_int(l, "failed_ms"), heard = recall_int(l, "heard_ms"), retry = recall_int(l, "retry_ms"),
		  rtt = recall_int(l, "rtt_us"), reply = recall_int(l, "reply_ms"), pdd = recall_int(l, "pdd_ms"), code = recall_int(l, "code");
	const char *reason = recall_text(l, "reason"), *probes = recall_text(l, "probes");
	char a[24], figure[LIVE_FIGURE];

	printf(INDENT "known then  %s", recall_text(l, "state"));
	if (*reason && code)
		printf(" (%s %s)", reason, live_figure(reason, code, figure));
	else if (*reason)
		printf(" (%s)", reason);
	printf(" for %s", span(recall_int(l, "since_ms"), a));
	if (failures)
		printf(", %lld failure%s in a row", failures, failures == 1 ? "" : "s");
	if (failed >= 0)
		printf(", last failed %s before", span(failed, a));
	printf(heard >= 0 ? ", heard %s before" : ", never heard", heard >= 0 ? span(heard, a) : "");
	if (!strcmp(probes, "answered"))
		printf(", OPTIONS answered in %.1f ms", (double)rtt / 1000);
	else if (!strcmp(probes, "failing"))
		printf(", %lld OPTIONS unanswered or bad", recall_int(l, "misses"));
	else
		fputs(", no OPTIONS yet", stdout);
	if (reply)
		printf(", usual first reply %lld ms", reply);
	if (pdd)
		printf(", usual 18x after %s", span(pdd, a));
	if (retry)
		printf(", may be back in %s", span(retry, a));
	printf(", %lld call%s on it\n", recall_int(l, "calls"), recall_int(l, "calls") == 1 ? "" : "s");
}

/* What the attempt or skip was decided by; else the first look at its target. NULL: none was kept. */
static const json_t *look_of(const json_t *d, const json_t *o, size_t target)
{
	const json_t *index = json_object_get(o, "look"), *hops = json_object_get(d, "hops"), *l;
	size_t i;

	if (json_is_integer(index))
		return json_array_get(hops, (size_t)json_integer_value(index));
	json_array_foreach(hops, i, l)
		if (recall_int(l, "target") == (long long)target)
			return l;
	return NULL;
}

/* ---- attempts ------------------------------------------------------------------------------- */

static double ms_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static bool has(const json_t *o, const char *key)
{
	return json_object_get(o, key) != NULL;
}

/* Without a reply: was the hop heard otherwise? Then the checks did not end the wait. */
static const char *silence_text(const json_t *a)
{
	if (!strcmp(recall_text(a, "timer"), "silence_check"))
		return "nothing came back, neither to the INVITE nor to OPTIONS";
	return recall_int(a, "checks") ? "no reply to the INVITE, though the hop lives: it was heard meanwhile" : "no reply to the INVITE";
}

static void print_outcome(const json_t *a)
{
	const char *cause = recall_text(a, "cause"), *text = strcmp(cause, "no_reply") ? why_text(WHY_CAUSE, cause) : silence_text(a);
	long long retry = recall_int(a, "retry_after_s");

	if (!strcmp(cause, "status"))
		printf("%lld", recall_int(a, "code"));
	else if (!strcmp(cause, "answered"))
		fputs("answered", stdout);
	else
		printf("%s", *text ? text : cause);
	if (retry)
		printf(", Retry-After %lld s", retry);
	if (recall_int(a, "checks"))
		printf(" (it was asked by OPTIONS %lld time%s meanwhile)", recall_int(a, "checks"), recall_int(a, "checks") == 1 ? "" : "s");
	putchar('\n');
}

static void print_rule(const json_t *a)
{
	const char *by = recall_text(a, "by"), *cause = recall_text(a, "cause");
	long long code = recall_int(a, "code");

	if (!strcmp(cause, "status"))
		printf(INDENT "rule        cause %lld -> %s, ", code, recall_text(a, "then"));
	else
		printf(INDENT "rule        cause %s -> %s, ", cause, recall_text(a, "then"));
	print_counts(recall_text(a, "counts"));
	printf(" (row \"%s\"", recall_text(a, "row"));
	if (*by)
		printf(", then %s", by);
	if (json_is_true(json_object_get(a, "no_count")))
		fputs(", codes.no_count", stdout);
	fputs(")\n", stdout);
}

static void print_attempt(const json_t *a, const json_t *d, size_t number)
{
	const json_t *look = look_of(d, a, SIZE_MAX);
	const char *timer = recall_text(a, "timer"), *more = "";
	char text[24];

	if (json_is_true(json_object_get(a, "same")))
		more = "  once more, mended";
	else if (json_is_true(json_object_get(a, "again")))
		more = "  once more: nobody else was left (retry_same)";
	printf(" %zu  %s  %s%s%s\n", number, recall_text(a, "trunk"), recall_text(a, "hop"), more,
	    json_is_true(json_object_get(a, "panic")) ? "  though DOWN: nothing else was left" : "");
	if (look)
		print_look(look);
	printf(INDENT "%7.3f s   INVITE\n", ms_of(a, "at_ms") / 1000);
	if (has(a, "first_ms") && ms_of(a, "first_ms") != ms_of(a, has(a, "ringing_ms") ? "ringing_ms" : "ended_ms"))
		printf(INDENT "%7.3f s   first reply\n", ms_of(a, "first_ms") / 1000);
	if (has(a, "ringing_ms"))
		printf(INDENT "%7.3f s   %lld\n", ms_of(a, "ringing_ms") / 1000, recall_int(a, "rang"));
	if (*timer)
		printf(INDENT "timer       %s, %s: %s\n", timer, span(recall_int(a, "timer_ms"), text), why_text(WHY_TIMER, timer));
	if (has(a, "ended_ms")) {
		printf(INDENT "%7.3f s   ", ms_of(a, "ended_ms") / 1000);
		print_outcome(a);
	} else {
		fputs(INDENT "            still open\n", stdout);
	}
	if (has(a, "row"))
		print_rule(a);
}

static void print_skip(const json_t *t, const json_t *d, size_t target)
{
	const char *skip = recall_text(t, "skip");
	const json_t *look = look_of(d, t, target);

	if (json_is_true(json_object_get(t, "tried")))
		return;
	printf(" -  %s  %s\n", recall_text(t, "trunk"), *skip ? "not tried" : "not reached");
	if (look)
		print_look(look);
	if (*skip)
		printf(INDENT "skipped     %s: %s\n", skip, why_text(WHY_SKIP, skip));
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void print_decision(const json_t *d)
{
	const json_t *o;
	char text[24];
	size_t i;

	printf("\nroute \"%s\", profile \"%s\": at most %lld targets within %s\n\n", recall_text(d, "route"), recall_text(d, "profile"), recall_int(d, "max_targets"),
	    span(recall_int(d, "budget_ms"), text));
	json_array_foreach(json_object_get(d, "attempts"), i, o)
		print_attempt(o, d, i + 1);
	json_array_foreach(json_object_get(d, "targets"), i, o)
		print_skip(o, d, i);
}

static void print_answer(const json_t *o)
{
	const json_t *d = json_object_get(o, "decision");
	const char *result = recall_text(d, "result"), *text = why_text(WHY_RESULT, result);
	const json_t *by = json_object_get(d, "by"), *from = json_array_get(json_object_get(d, "attempts"), (size_t)json_integer_value(by));
	long long retry = recall_int(d, "retry_after_s");

	if (!*result)
		return;
	if (!strcmp(result, "answered")) {
		printf("\nanswered by %s\n", recall_text(from, "trunk"));
		text = why_text(WHY_RESULT, recall_text(o, "why"));
		if (*text)
			printf("ended by kedge: %s\n", text);
		return;
	}
	printf("\nthe caller got %lld: %s", recall_int(o, "code"), *text ? text : result);
	if (json_is_integer(by))
		printf(" (from %s)", recall_text(from, "trunk"));
	if (recall_int(d, "sip_cause"))
		printf("; Reason: SIP;cause=%lld", recall_int(d, "sip_cause"));
	if (recall_int(d, "q850"))
		printf("; Reason: Q.850;cause=%lld", recall_int(d, "q850"));
	if (retry)
		printf("; Retry-After %lld s, when the first of them may be back", retry);
	putchar('\n');
}

static void print_refused(const json_t *o)
{
	const char *why = recall_text(o, "why"), *text = why_text(WHY_REFUSAL, why);

	printf("\nrefused with %lld at the door, no trunk was tried: %s (%s)\n", recall_int(o, "code"), *text ? text : why, why);
	printf("it came from %s, which is trunk %s\n", recall_text(o, "source"), recall_text(o, "in"));
	if (!strcmp(why, "no_route"))
		printf("see: kedge explain %s --from %s\n", recall_text(o, "to"), recall_text(o, "in"));
}

static void print_why(const json_t *o)
{
	recall_head(o);
	if (json_is_true(json_object_get(o, "refused"))) {
		print_refused(o);
		return;
	}
	if (json_is_object(json_object_get(o, "decision")))
		print_decision(json_object_get(o, "decision"));
	print_answer(o);
	/* Those of a call that went well are let go. */
	if (strcmp(recall_text(o, "kind"), "good") || strcmp(recall_text(o, "state"), "ended"))
		printf("\nits messages: kedge trace %s\n", recall_text(o, "call"));
}

int verb_why(int argc, char **argv)
{
	struct recall_question q;
	json_t *o;
	int rc = recall_ask(&q, argc, argv, "why", &o);

	if (rc)
		return rc;
	if (q.json)
		recall_print_json(o);
	else
		print_why(o);
	json_decref(o);
	return VERB_DONE;
}
