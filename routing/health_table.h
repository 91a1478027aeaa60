// SPDX-License-Identifier: MIT
/* health_table: the evidence table. One row per evidence: what it makes of a hop, the word for it, and what clears it.
 * The worst state among the evidences that stand is the hop's; nothing else decides it.
 *
 * R(id, word, kind, state, place, evidence, clears)
 *   kind      GOOD   the reason of a better state, nothing of its own
 *             BREAK  takes the hop DOWN by the breaker: hold, good probes, uptime, TRIAL
 *             TRIAL  the ramp itself
 *             MARK   stands until health_clear_mark(), or its time
 *             LOCK   health_lock()      OPER  health_operator()      CONF  what the configuration says of its trunk
 *   state     the hop's at best while it stands
 *   place     in the order of a plan, while that state is the hop's (enum health_place): FIRST keeps it, BEHIND
 *             stands behind all others that may carry calls, LAST is for calls with nowhere else to go, NEVER
 *   evidence, clears  static words for events; "" where they hang on the configuration (health_clears())
 * The word is followed by ':' and a figure where one is known (consecutive:503, rtt:612); options: by '_'. */
#ifndef KEDGE_ROUTING_HEALTH_TABLE_H
#define KEDGE_ROUTING_HEALTH_TABLE_H

#define HEALTH_TABLE(R)                                                                                                            \
	R(NONE, "", GOOD, UP, FIRST, "", "")                                                                                       \
	/* the operator: beats everything */                                                                                       \
	R(OPERATOR_OFF, "operator", OPER, OFF, NEVER, "the operator took it out", "the operator, or the end of its time")          \
	R(OPERATOR_DRAIN, "operator", OPER, DRAINING, NEVER, "the operator lets it run empty", "the operator, or the end of its time") \
	R(OPERATOR_UP, "operator", OPER, UP, FIRST, "the operator holds it up", "the operator, or the end of its time")            \
	R(DISABLED, "disabled", CONF, OFF, NEVER, "disabled in the configuration", "enabled = true and a reload")                   \
	R(DISABLED_DRAIN, "disabled", CONF, DRAINING, NEVER, "disabled in the configuration, calls are up", "the end of its calls") \
	R(RETRY_AFTER, "retry_after", LOCK, LOCKED, LAST, "503 or 429 with Retry-After", "its time, then a good probe")            \
	/* the breaker */                                                                                                          \
	R(CONSECUTIVE, "consecutive", BREAK, DOWN, LAST, "failing answers", "")                                                    \
	R(WINDOW, "window", BREAK, DOWN, LAST, "too many failures in the window", "")                                              \
	R(RELAPSE, "relapse", BREAK, DOWN, LAST, "calls failed while it was tried again", "")                                      \
	R(SILENT, "silent", BREAK, DOWN, LAST, "INVITE and two OPTIONS unanswered", "")                                            \
	R(INVITE_SILENT, "invite_silent", BREAK, DOWN, LAST, "INVITEs to two numbers unanswered though probes are answered",       \
	    "")                                                                                                                    \
	R(OPTIONS_TIMEOUT, "options_timeout", BREAK, DOWN, LAST, "probes in a row unanswered", "")                                 \
	R(OPTIONS_CODE, "options", BREAK, DOWN, LAST, "probes in a row answered badly", "")                                        \
	R(TRIAL, "trial", TRIAL, TRIAL, BEHIND, "good for long enough to be tried again", "all steps of the ramp good")            \
	/* as long as they last */                                                                                                 \
	R(TLS_EXPIRED, "tls_cert_expired", MARK, DOWN, LAST, "its certificate has expired", "a good handshake and a good probe")   \
	R(TLS_UNTRUSTED, "tls_untrusted", MARK, DOWN, LAST, "its certificate is not trusted", "a good handshake and a good probe") \
	R(TLS_NAME, "tls_name", MARK, DOWN, LAST, "its certificate is another's", "a good handshake and a good probe")             \
	R(DNS_NXDOMAIN, "dns_nxdomain", MARK, DOWN, LAST, "its name has no address", "an address and a good probe")                \
	R(DNS_TIMEOUT, "dns_timeout", MARK, DOWN, LAST, "its name cannot be looked up", "an address and a good probe")             \
	R(REG_REQUIRED, "reg_required", MARK, DOWN, LAST, "not registered, and reg_required is set", "200 to REGISTER")            \
	R(DNS_NEW, "dns_new", MARK, UNKNOWN, BEHIND, "an address new in the DNS", "its first good probe")                          \
	R(PROBE_DISAGREES, "probe_disagrees", MARK, DEGRADED, BEHIND, "probes are bad though calls are answered", "good probes")   \
	R(FAULT, "config_fault", MARK, DEGRADED, FIRST, "distinct numbers in a row refused", "one 18x or 2xx")                     \
	R(ONE_WAY, "one_way", MARK, DEGRADED, BEHIND, "calls without audio from it", "3 calls with audio both ways, or 10min")     \
	R(NO_ECHO, "no_echo", MARK, DEGRADED, BEHIND, "a test call was answered, and what it said did not come back",                \
	    "a test call that hears itself, or twice canary_idle")                                                             \
	R(NO_DTMF, "no_dtmf", MARK, DEGRADED, BEHIND, "a test call's digits did not come back as they were",                       \
	    "a test call whose digits come back, or twice canary_idle")                                                        \
	R(LOSS, "loss", MARK, DEGRADED, BEHIND, "packets of its calls are lost", "10 calls below 80% of degraded_loss, or 10min")      \
	R(FAR_LOSS, "far_loss", MARK, DEGRADED, BEHIND, "packets of its calls are lost on the way there, by its own reports",             \
	    "10 calls below 80% of degraded_loss, or 10min")                                                                             \
	R(JITTER, "jitter", MARK, DEGRADED, BEHIND, "packets of its calls come at odd times", "10 calls below 80% of degraded_jitter, or 10min") \
	R(MOS, "mos", MARK, DEGRADED, BEHIND, "its calls sound bad", "10 calls 0.2 above degraded_mos, or 10min")                         \
	R(RTT, "rtt", MARK, DEGRADED, BEHIND, "it answers slowly", "10 below 80% of degraded_rtt, or 10min without a slow one") \
	R(SHORT_CALLS, "short_calls", MARK, DEGRADED, BEHIND, "calls to distinct numbers ended early", "one longer call, or 10min") \
	R(ASR_DROP, "asr_drop", MARK, DEGRADED, FIRST, "fewer calls are answered than usual", "back over 80% of the usual")       \
	R(NER_DROP, "ner_drop", MARK, DEGRADED, FIRST, "fewer calls get through than usual", "back over 80% of the usual")        \
	R(ACD_DROP, "acd_drop", MARK, DEGRADED, FIRST, "calls are shorter than usual", "back over 80% of the usual")              \
	R(REG_LOST, "reg_lost", MARK, DEGRADED, FIRST, "its registration is lost", "200 to REGISTER")                              \
	R(REG_REJECTED, "reg_rejected", MARK, DEGRADED, FIRST, "its registration was refused", "200 to REGISTER")                  \
	R(REG_DROP, "reg_drop", MARK, DEGRADED, FIRST, "many of its phones are gone", "registrations back over the mark")          \
	/* why it is better now */                                                                                                 \
	R(ANSWERED, "answered", GOOD, UP, FIRST, "a call", "")                                                                     \
	R(PROBED, "probed", GOOD, UP, FIRST, "a probe", "")                                                                        \
	R(RAMPED, "ramped", GOOD, UP, FIRST, "every step of the ramp was good", "")                                                \
	R(LOCK_OVER, "lock_over", GOOD, UP, FIRST, "the time of Retry-After is over", "")                                          \
	R(OPERATOR_AUTO, "operator_auto", GOOD, UP, FIRST, "the operator's order ended", "")                                       \
	R(CLEARED, "cleared", GOOD, UP, FIRST, "what spoke against it is gone", "")

enum health_reason {
#define R(id, word, kind, state, place, evidence, clears) HEALTH_##id,
	HEALTH_TABLE(R)
#undef R
	    HEALTH_REASON_COUNT
};

enum health_kind {
	HEALTH_KIND_GOOD,
	HEALTH_KIND_BREAK,
	HEALTH_KIND_TRIAL,
	HEALTH_KIND_MARK,
	HEALTH_KIND_LOCK,
	HEALTH_KIND_OPER,
	HEALTH_KIND_CONF
};

/* Where a hop stands for one call. */
enum health_place {
	HEALTH_FIRST,  /* by the order of the plan */
	HEALTH_BEHIND, /* by the same order, behind all that stand FIRST */
	HEALTH_LAST,   /* only where nothing else is left, and rarely (panic_rate) */
	HEALTH_NEVER
};

struct health_rule {
	const char *word;
	uint8_t kind;  /* enum health_kind */
	uint8_t state; /* enum kedge_hop_state */
	uint8_t place; /* enum health_place */
	const char *evidence, *clears;
};

const struct health_rule *health_rule(enum health_reason reason);

#endif
