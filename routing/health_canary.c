// SPDX-License-Identifier: MIT
#include "routing/health_canary.h"

#include "routing/health_part.h"
#include "routing/health_signs.h"

#define NUMBER UINT64_MAX /* where a caller's is told from another: all test calls have one */

const char *health_canary_word(uint8_t what)
{
	static const char *const words[] = {
#define C(id, word) word,
		KEDGE_CANARIES(C)
#undef C
	};

	return what < KEDGE_CANARY_COUNT ? words[what] : "";
}

static void keep(const struct health *h, uint16_t slot, const struct health_canary *c, uint64_t now_ns)
{
	struct kedge_hop_count *k = counts(h, slot);

	if (!k)
		return;
	count(&k->canary[c->what], 1);
	atomic_store_explicit(&k->canary_last, (uint64_t)c->code << 8 | c->what, memory_order_relaxed);
	atomic_store_explicit(&k->canary_wall_ms, wall_of(h, now_ns), memory_order_relaxed);
}

static void mark(struct health *h, uint16_t slot, enum health_reason reason, uint64_t now_ns)
{
	uint64_t idle_ns = conf_of(h, hop_of(h, slot))->canary_idle_ms * MS_NS;

	health_mark(h, slot, reason, 0, now_ns + 2 * idle_ns, now_ns);
}

void health_canary(struct health *h, uint16_t slot, const struct health_canary *c, uint64_t now_ns)
{
	struct health_outcome failed = { .cause = c->code ? CAUSE_STATUS : CAUSE_NO_REPLY, .health = CAUSE_F, .code = c->code, .begun_ns = now_ns };

	if (!hop_serves(hop_at(h, slot)))
		return;
	keep(h, slot, c, now_ns);
	switch ((enum kedge_canary)c->what) {
	case KEDGE_CANARY_AUDIO:
		health_clear_mark(h, slot, HEALTH_NO_ECHO, now_ns);
		health_clear_mark(h, slot, HEALTH_NO_DTMF, now_ns);
		health_signs_heard_whole(h, slot, NUMBER, now_ns);
		break;
	case KEDGE_CANARY_REFUSED:
		health_outcome(h, slot, &failed, now_ns);
		break;
	case KEDGE_CANARY_ONE_WAY:
		health_signs_silent(h, slot, false, NUMBER, now_ns);
		break;
	case KEDGE_CANARY_NO_ECHO:
		mark(h, slot, HEALTH_NO_ECHO, now_ns);
		break;
	case KEDGE_CANARY_NO_DTMF:
		health_clear_mark(h, slot, HEALTH_NO_ECHO, now_ns);
		mark(h, slot, HEALTH_NO_DTMF, now_ns);
		health_signs_heard_whole(h, slot, NUMBER, now_ns);
		break;
	case KEDGE_CANARY_SIGNALING:
	case KEDGE_CANARY_COUNT:
		break;
	}
}

bool health_canary_again(const struct health *h, uint16_t slot)
{
	return health_marked(h, slot, HEALTH_ONE_WAY) || health_marked(h, slot, HEALTH_NO_ECHO) || health_marked(h, slot, HEALTH_NO_DTMF);
}
