// SPDX-License-Identifier: MIT
/* probe: a question to a hop at rest: is it asked, how, and what its answer is worth.
 *
 *   probe_send --OPTIONS, or a test INVITE (sig/trunk/probe_invite)--> hop
 *       |--final answer in probe.timeout: good or bad, by probe.ok and probe.bad
 *       |--nothing: bad; a probe that confirms a bad one is judged after probe.confirm already
 *       |--ICMP, RST, no connection: bad at once
 *       `--answer later than that: a sign of life, no more
 *   each judgement -> health_probe(), then probe_deps.judged
 *
 * OPTIONS are single messages without a transaction of the library: it would send each one again for 32 s. They are
 * known by their Call-ID, so an answer after the timeout is still a sign of life. A good answer settles all questions
 * that were asked before it. Whether a probe still waits follows from the time alone: no lost answer, timer or
 * connection can leave a hop in the middle of a question.
 * When to ask is sig/trunk/trunk's business. Thread: su_root's. */
#ifndef KEDGE_SIG_TRUNK_PROBE_H
#define KEDGE_SIG_TRUNK_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sofia-sip/nta.h>

#include "config/conf.h"
#include "routing/health.h"

struct probe_deps {
	struct health *health; /* borrowed until probe_fini(); its configuration is the running one */
	void (*judged)(uint16_t slot, uint64_t now_ns); /* health knows what came of a probe of this hop */
	void (*tested)(uint16_t slot, uint16_t code, uint64_t now_ns); /* a probe_test() ended; 0: no answer */
};

/* slots: of the trunk table. 0 or -ENOMEM. */
int probe_init(const struct probe_deps *deps, uint16_t slots);
void probe_fini(void);

/* Asks the hop now. confirms: a bad one, so it is judged after probe.confirm. One that cannot be sent is one without an answer. */
void probe_send(uint16_t slot, bool confirms, uint64_t now_ns);

/* A test INVITE beside the probes, for sig/trunk/canary: health does not hear of it. False: it could not be asked. */
bool probe_test(uint16_t slot, uint64_t now_ns);

/* When the last one was sent; 0: none to this hop. */
uint64_t probe_sent_ns(uint16_t slot);

/* Judges what waited long enough. Returns when to ask again, 0: nothing waits. */
uint64_t probe_due(uint16_t slot, uint64_t now_ns);

/* A response no transaction took. true: it answers a probe, and msg was consumed. */
bool probe_response(msg_t *msg, const sip_t *sip);

/* ---- for sig/trunk/probe_invite -------------------------------------------------------------------- */

struct probe_request { /* what stands in a probe, as text */
	char ruri[320], route[96], from[320], to[320], contact[256], call_id[40];
	const char *agent; /* User-Agent, NULL: none */
};

/* Fills r for the hop; user: of Request-URI and To, NULL none. 0, or -ENOENT: the interface has no such listener. */
int probe_request(struct probe_request *r, uint16_t slot, const char *token, const char *user);

/* The test INVITE that this token names ended: code, 0: no answer. */
void probe_called(uint16_t slot, const char *token, uint16_t code);

/* It got its first reply: it may take as long as a call may until it rings. */
void probe_proceeds(uint16_t slot, const char *token);

#endif
