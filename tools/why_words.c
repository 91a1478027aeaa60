// SPDX-License-Identifier: MIT
#include "tools/why_words.h"

#include <stddef.h>
#include <string.h>

struct word {
	const char *word, *text;
};

static const struct word causes[] = {
	{ "status", "it answered" },
	{ "answered", "it answered the call" },
	{ "no_reply", "no reply to the INVITE" },
	{ "silent", "nothing came back: neither the INVITE nor two OPTIONS were answered" },
	{ "no_progress", "it said 100 and then nothing: nothing rang" },
	{ "ring_timeout", "it rang, and nobody answered" },
	{ "unreachable", "ICMP unreachable or TCP reset: nobody listens at that address" },
	{ "connect", "no TCP connection came about" },
	{ "connection_lost", "its connection went away before any reply" },
	{ "limit", "a limit of our own: no INVITE was sent" },
	{ "bad_answer", "its SDP does not fit what the caller was told" },
	{ "cancelled", "we ended it: the caller left, or another branch has the call" },
	{ NULL, NULL },
};

static const struct word skips[] = {
	{ "disabled", "the profile says enabled = false" },
	{ "down", "DOWN, and another one was usable" },
	{ "no_address", "its name has no address" },
	{ "max_calls", "it has as many calls as it may (max_calls)" },
	{ "panic_rate", "DOWN, and tried by another call within this second" },
	{ "locked", "LOCKED: it asked for a pause (Retry-After)" },
	{ "draining", "an operator lets it run dry: no new calls" },
	{ "off", "an operator took it out" },
	{ "max_cps", "it got as many calls this second as it may (max_cps)" },
	{ "retry_budget", "the retry budget was spent: second tries of targets that are not UP, and third ones, were too many of all calls" },
	{ "behind", "DEGRADED: it stands behind those that are not" },
	{ "canary", "this call went to an idle backup first, to see whether that still works" },
	{ "max_retries", "the profile's max_retries was reached" },
	{ NULL, NULL },
};

static const struct word timers[] = {
	{ "silence_check", "no sign of life from it, though it was asked by OPTIONS too" },
	{ "first_response", "timers.first_response of the trunk" },
	{ "timer_b", "timer B: nobody else was left to try" },
	{ "progress", "timers.progress of the trunk" },
	{ "ring", "timers.ring of the trunk, or the profile's ring_timeout" },
	{ "setup_budget", "the profile's setup_budget for all attempts together" },
	{ "connect", "timers.connect of the trunk" },
	{ NULL, NULL },
};

static const struct word results[] = {
	{ "stop", "that answer ends the hunt, so the caller gets it" },
	{ "best_of_failures", "everybody failed: the best of the failures (6xx, then the most specific 4xx, then 5xx)" },
	{ "nobody_serves", "only paths failed, and no trunk of the profile can serve any call now" },
	{ "paths_failed", "only paths failed, while the profile still has a usable trunk for other calls" },
	{ "no_means", "kedge itself had no port or descriptor left" },
	{ "caller_cancel", "the caller hung up before an answer" },
	{ "caller_bye", "the caller hung up before an answer" },
	{ "transport_lost", "the caller's connection went away" },
	{ "media", "its SDP could not be used, or no media port was left" },
	{ "shutdown", "kedge was asked to end" },
	{ "no_ack", "our answer was never acknowledged" },
	{ "no_prack", "a reliable provisional answer was never acknowledged" },
	{ "bad_answer", "what was answered does not fit what was offered" },
	{ "carrier_gone", "the carrier's signaling is dead, and no audio flows" },
	{ "refresh_failed", "the session timer's refresh failed, and no audio flows" },
	{ "session_expired", "nobody refreshed the session in time (session timer)" },
	{ "leg_gone", "one side does not know the call any more" },
	{ "headless_max", "a side's signaling was dead for headless_max" },
	{ NULL, NULL },
};

static const struct word refusals[] = {
	{ "no_route", "no route takes this number from that trunk" },
	{ "no_number", "there is no number in its Request-URI" },
	{ "loop", "it has passed here before: a loop" },
	{ "max_forwards", "its Max-Forwards is used up" },
	{ "uri", "its Request-URI is neither sip: nor tel:" },
	{ "accept", "its Accept leaves out application/sdp" },
	{ "require", "it requires an extension that is not spoken to that trunk, or lacks one that is required (rel100)" },
	{ "contact", "its Contact or From tag is missing or wrong" },
	{ "min_se", "its session timer is shorter than the trunk's min_se" },
	{ "draining", "kedge was asked to end and takes no new calls" },
	{ "max_calls", "limits.max_calls was reached" },
	{ "trunk_max_calls", "the trunk it comes from has as many calls as it may (max_calls)" },
	{ "trunk_max_cps", "the trunk it comes from began as many calls this second as it may (max_cps)" },
	{ NULL, NULL },
};

static const struct word counts[] = {
	{ "F", "a failure of this path" },
	{ "L", "load" },
	{ "A", "a fault of our configuration" },
	{ "O", "proof of life" },
	{ NULL, NULL },
};

const char *why_text(enum why_kind kind, const char *word)
{
	static const struct word *const tables[WHY_KINDS] = {
		[WHY_CAUSE] = causes,
		[WHY_SKIP] = skips,
		[WHY_TIMER] = timers,
		[WHY_RESULT] = results,
		[WHY_REFUSAL] = refusals,
		[WHY_COUNTS] = counts,
	};

	for (const struct word *w = tables[kind]; w->word; w++)
		if (!strcmp(w->word, word))
			return w->text;
	return "";
}
