// SPDX-License-Identifier: MIT
#include "sig/edge/admit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/clock.h"
#include "routing/limit.h"
#include "routing/shm/seq.h"

#define WAYS       4
#define SETS       (ADMIT_RECORDS / WAYS)
#define TELL_RATE  200 /* 403s a second to strangers in all */
#define TRUNK_NONE UINT16_MAX

struct refused {
	struct admit_record r;
	uint64_t told_ns;
	KEDGE_SEQ(struct admit_record) shown; /* r, for the admin thread */
};

struct source { /* of INVITEs */
	struct kedge_addr addr;
	uint16_t trunk;
	uint64_t last_ns; /* 0: free */
	struct limit_bucket calls, answers;
};

static struct {
	uint64_t secret;
	struct limit_bucket tell;
	struct refused refused[SETS][WAYS];
	struct source source[SETS][WAYS];
} admit;

void admit_init(uint64_t secret)
{
	memset(&admit, 0, sizeof(admit));
	admit.secret = secret;
}

struct kedge_addr admit_key(const struct kedge_addr *from)
{
	struct kedge_addr key = { .family = from->family };

	memcpy(key.ip, from->ip, from->family == AF_INET6 ? 8 : 4);
	return key;
}

static unsigned set_of(const struct kedge_addr *key, uint16_t trunk)
{
	uint64_t h = admit.secret ^ trunk, half;

	for (int i = 0; i < 2; i++) {
		memcpy(&half, key->ip + 8 * i, 8);
		h = (h ^ half) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 29;
	}
	return (unsigned)(h % SETS);
}

static bool same(const struct kedge_addr *a, const struct kedge_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* ---- who was refused ------------------------------------------------------------------------ */

static struct refused *refused_of(const struct kedge_addr *key)
{
	struct refused *set = admit.refused[set_of(key, TRUNK_NONE)], *oldest = set;

	for (struct refused *r = set; r < set + WAYS; r++) {
		if (r->r.last_ns && same(&r->r.addr, key))
			return r;
		if (r->r.last_ns < oldest->r.last_ns)
			oldest = r;
	}
	oldest->r = (struct admit_record){ .addr = *key };
	oldest->told_ns = 0;
	return oldest;
}

bool admit_refused(const struct kedge_addr *from, enum admit_why why, uint64_t now_ns)
{
	struct kedge_addr key = admit_key(from);
	struct refused *r = refused_of(&key);
	bool first = !r->told_ns || now_ns - r->told_ns >= CLOCK_NS_PER_S;

	if (!r->r.count++)
		r->r.first_ns = now_ns;
	r->r.last_ns = now_ns;
	r->r.why = why;
	if (first)
		r->told_ns = now_ns;
	seq_write(&r->shown, &r->r);
	return first;
}

bool admit_tell(const struct kedge_addr *from, uint64_t now_ns)
{
	return admit_refused(from, ADMIT_UNKNOWN_SOURCE, now_ns) && limit_take(&admit.tell, TELL_RATE, TELL_RATE, now_ns);
}

static int later_first(const void *a, const void *b)
{
	uint64_t x = ((const struct admit_record *)a)->last_ns, y = ((const struct admit_record *)b)->last_ns;

	return (x < y) - (x > y);
}

size_t admit_list(struct admit_record out[static ADMIT_RECORDS])
{
	size_t n = 0;

	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < WAYS; k++)
			if (seq_read(&admit.refused[i][k].shown, &out[n]) == 0 && out[n].last_ns)
				n++;
	qsort(out, n, sizeof(out[0]), later_first);
	return n;
}

const char *admit_word(enum admit_why why)
{
	static const char *const words[ADMIT_WHYS] = { "unknown_source", "scanner", "invite_rate", "bad_message", "connections" };

	return why < ADMIT_WHYS ? words[why] : "?";
}

/* ---- INVITEs -------------------------------------------------------------------------------- */

static struct source *source_of(uint16_t trunk, const struct kedge_addr *key)
{
	struct source *set = admit.source[set_of(key, trunk)], *oldest = set;

	for (struct source *s = set; s < set + WAYS; s++) {
		if (s->last_ns && s->trunk == trunk && same(&s->addr, key))
			return s;
		if (s->last_ns < oldest->last_ns)
			oldest = s;
	}
	*oldest = (struct source){ .addr = *key, .trunk = trunk };
	return oldest;
}

enum admit_verdict admit_invite(const struct conf_trunk *t, uint16_t trunk, const struct kedge_addr *from, uint64_t now_ns)
{
	struct kedge_addr key = admit_key(from);
	struct source *s;

	if (!t->invite_rate)
		return ADMIT_PASS;
	s = source_of(trunk, &key);
	s->last_ns = now_ns;
	if (limit_take(&s->calls, t->invite_rate, t->invite_burst, now_ns))
		return ADMIT_PASS;
	return limit_take(&s->answers, t->invite_rate, t->invite_rate, now_ns) ? ADMIT_BUSY : ADMIT_SILENCE;
}
