// SPDX-License-Identifier: MIT
#include "media/latch.h"

#include "media/addr.h"

void latch_init(
    struct latch *l, uint8_t policy, const struct kedge_addr *signaled, uint32_t exchange)
{
	*l = (struct latch){
		.signaled = *signaled, .exchange = exchange, .policy = policy, .fresh = true
	};
}

bool latch_rebind(struct latch *l, uint8_t policy, const struct kedge_addr *signaled,
    uint32_t exchange, uint64_t now_ns)
{
	struct kedge_addr before = l->signaled;

	l->policy = policy;
	l->signaled = *signaled;
	if (exchange != l->exchange)
		l->fresh = true;
	l->exchange = exchange;
	if (l->far.family == 0 || addr_same(signaled, &before))
		return false;
	if (addr_same(&l->far, signaled)) {
		l->state = LATCH_EXACT;
		return false;
	}
	/* Heard before the answer said where it is (early RTP): the answer does not silence it, but may overrule. */
	if (before.family == 0 && policy != KEDGE_LATCH_STRICT) {
		l->state = LATCH_LEARNT;
		l->taken_ns = now_ns;
		return false;
	}
	if (addr_same(&l->far, &before)) {
		l->old = before;
		l->old_until_ns = now_ns + LATCH_OLD_NS;
	}
	l->far = (struct kedge_addr){ 0 };
	l->state = LATCH_OPEN;
	return true;
}

static void take(
    struct latch *l, const struct kedge_addr *from, enum latch_state state, uint64_t now_ns)
{
	l->far = *from;
	l->state = state;
	l->heard_ns = l->taken_ns = now_ns;
}

void latch_restore(struct latch *l, const struct kedge_addr *far, uint64_t now_ns)
{
	take(l, far, addr_same(far, &l->signaled) ? LATCH_EXACT : LATCH_LEARNT, now_ns);
	l->fresh = false;
}

static bool learnable(const struct kedge_prefix learn[4], const struct kedge_addr *from)
{
	for (int i = 0; i < 4; i++)
		if (addr_within(from, &learn[i]))
			return true;
	return false;
}

enum latch_verdict latch_check(struct latch *l, const struct kedge_prefix learn[4],
    const struct kedge_addr *from, uint64_t now_ns)
{
	bool silent = now_ns - l->heard_ns >= LATCH_SILENCE_NS;

	if (addr_same(from, &l->far)) {
		l->heard_ns = now_ns;
		return LATCH_KNOWN;
	}
	if (addr_same(from, &l->signaled)) {
		if (l->state == LATCH_LEARNT && !silent && now_ns - l->taken_ns >= LATCH_TRIAL_NS)
			return LATCH_STRANGER;
		take(l, from, LATCH_EXACT, now_ns);
		return LATCH_TAKEN;
	}
	if (l->policy == KEDGE_LATCH_STRICT || !learnable(learn, from))
		return LATCH_STRANGER;
	if (now_ns < l->old_until_ns && addr_same(from, &l->old))
		return LATCH_STRANGER;
	if (l->state != LATCH_OPEN && !silent)
		return LATCH_STRANGER;
	if (l->state == LATCH_OPEN && !l->fresh && l->heard_ns != 0 && !silent)
		return LATCH_STRANGER;
	take(l, from, LATCH_LEARNT, now_ns);
	l->fresh = false;
	return LATCH_TAKEN;
}

const struct kedge_addr *latch_target(const struct latch *l)
{
	return l->far.family != 0 ? &l->far : &l->signaled;
}

bool latch_settled(const struct latch *l, uint64_t now_ns)
{
	if (l->policy == KEDGE_LATCH_STRICT)
		return addr_usable(&l->signaled);
	return l->far.family != 0 &&
	       now_ns - l->taken_ns >= (l->state == LATCH_LEARNT ? LATCH_TRIAL_NS : LATCH_GRACE_NS) &&
	       now_ns - l->heard_ns < LATCH_SILENCE_NS / 2;
}

bool latch_lost(const struct latch *l, bool speaks, uint64_t now_ns)
{
	return speaks && l->policy != KEDGE_LATCH_STRICT &&
	       now_ns - l->heard_ns >= LATCH_SILENCE_NS;
}
