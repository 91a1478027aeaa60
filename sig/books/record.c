// SPDX-License-Identifier: MIT
#include "sig/books/record.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sofia-sip/sip_header.h>

#include "sig/call.h"
#include "sig/offer/crypto.h"
#include "sig/header.h"

/* ---- CRC32C (RFC 3720 B.4), polynomial 0x82f63b78 reflected --------------------------------- */

static uint32_t crc_soft(uint32_t crc, const uint8_t *p, size_t n)
{
	static uint32_t table[256];

	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int k = 0; k < 8; k++)
				c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
			table[i] = c;
		}
	while (n--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_hard(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t c = crc;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w;

		memcpy(&w, p, sizeof(w));
		c = __builtin_ia32_crc32di(c, w);
	}
	while (n--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p++);
	return (uint32_t)c;
}
#endif

uint32_t record_crc32c(uint32_t crc, const void *data, size_t length)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_hard(~crc, data, length);
#endif
	return ~crc_soft(~crc, data, length);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Tags of fields, per level; a number once used is never used for something else. */
enum {
	R_STATE = 1,
	R_LIVE,
	R_CODE,
	R_BEGUN,
	R_ANSWERED,
	R_NUMBER,
	R_CODEC,
	R_VIA,
	R_INVITE_CSEQ,
	R_CALLER,
	R_CALLEE,
	R_BRANCH
};
enum {
	L_KIND = 1,
	L_PLACE,
	L_PEER,
	L_CSEQS,
	L_CALL_ID,
	L_LOCAL,
	L_REMOTE,
	L_LOCAL_TAG,
	L_REMOTE_TAG,
	L_TARGET,
	L_ROUTES,
	L_BRANCH,
	L_ORIGIN,
	L_OURS,
	L_THEIRS
};
enum {
	B_KIND = 1,
	B_PLACE,
	B_ADDR,
	B_CSEQ,
	B_BRANCH,
	B_RURI,
	B_CALL_ID,
	B_LOCAL,
	B_REMOTE,
	B_LOCAL_TAG
};

struct out {
	uint8_t *at;
	size_t used, size;
	bool full;
};

static void put(struct out *o, uint8_t tag, const void *data, size_t n)
{
	if (o->full || n > UINT16_MAX || o->size - o->used < n + 3) {
		o->full = true;
		return;
	}
	o->at[o->used] = tag;
	o->at[o->used + 1] = (uint8_t)n;
	o->at[o->used + 2] = (uint8_t)(n >> 8);
	memcpy(o->at + o->used + 3, data, n);
	o->used += n + 3;
}

static void put_text(struct out *o, uint8_t tag, const struct record_text *t)
{
	if (t->length)
		put(o, tag, t->at, t->length);
}

/* A field of fields: its length is known when it ends. */
static size_t begin(struct out *o, uint8_t tag)
{
	size_t at = o->used;

	put(o, tag, "", 0);
	return at;
}

static void end(struct out *o, size_t at)
{
	size_t n = o->used - at - 3;

	if (o->full || n > UINT16_MAX) {
		o->full = true;
		return;
	}
	o->at[at + 1] = (uint8_t)n;
	o->at[at + 2] = (uint8_t)(n >> 8);
}

static void put_leg(struct out *o, uint8_t tag, const struct record_leg *l)
{
	size_t at = begin(o, tag);
	uint8_t kind[4] = { l->uas, l->transport, l->state, l->end };
	uint16_t place[2] = { l->iface, l->trunk };
	uint32_t cseqs[3] = { l->local_cseq, l->remote_cseq, l->invite_cseq };

	put(o, L_KIND, kind, sizeof(kind));
	put(o, L_PLACE, place, sizeof(place));
	put(o, L_PEER, &l->peer, sizeof(l->peer));
	put(o, L_CSEQS, cseqs, sizeof(cseqs));
	put_text(o, L_CALL_ID, &l->call_id);
	put_text(o, L_LOCAL, &l->local);
	put_text(o, L_REMOTE, &l->remote);
	put_text(o, L_LOCAL_TAG, &l->local_tag);
	put_text(o, L_REMOTE_TAG, &l->remote_tag);
	put_text(o, L_TARGET, &l->target);
	put_text(o, L_ROUTES, &l->routes);
	put_text(o, L_BRANCH, &l->branch);
	put(o, L_ORIGIN, &l->origin, sizeof(l->origin));
	put_text(o, L_OURS, &l->ours);
	put_text(o, L_THEIRS, &l->theirs);
	end(o, at);
}

static void put_branch(struct out *o, const struct record_branch *b)
{
	size_t at = begin(o, R_BRANCH);
	uint8_t kind[3] = { b->state, b->transport, b->end };
	uint16_t place[3] = { b->iface, b->trunk, b->hop };

	put(o, B_KIND, kind, sizeof(kind));
	put(o, B_PLACE, place, sizeof(place));
	put(o, B_ADDR, &b->addr, sizeof(b->addr));
	put(o, B_CSEQ, &b->cseq, sizeof(b->cseq));
	put_text(o, B_BRANCH, &b->branch);
	put_text(o, B_RURI, &b->ruri);
	put_text(o, B_CALL_ID, &b->call_id);
	put_text(o, B_LOCAL, &b->local);
	put_text(o, B_REMOTE, &b->remote);
	put_text(o, B_LOCAL_TAG, &b->local_tag);
	end(o, at);
}

int record_encode(const struct record *r, uint8_t *out, size_t size)
{
	struct out o = { .at = out, .size = size };

	put(&o, R_STATE, &r->state, 1);
	put(&o, R_LIVE, &r->live, 1);
	put(&o, R_CODE, &r->code, sizeof(r->code));
	put(&o, R_BEGUN, &r->begun_wall_ms, 8);
	put(&o, R_ANSWERED, &r->answered_wall_ms, 8);
	put_text(&o, R_NUMBER, &r->number);
	put_text(&o, R_CODEC, &r->codec);
	put_text(&o, R_VIA, &r->via);
	put(&o, R_INVITE_CSEQ, &r->invite_cseq, 4);
	put_leg(&o, R_CALLER, &r->caller);
	if (r->has_callee)
		put_leg(&o, R_CALLEE, &r->callee);
	for (uint8_t i = 0; i < r->branches; i++)
		put_branch(&o, &r->branch[i]);
	return o.full ? -ENOSPC : (int)o.used;
}

/* ---- reading -------------------------------------------------------------------------------- */

struct in {
	const uint8_t *at;
	size_t left;
	uint8_t tag;
	const uint8_t *field;
	uint16_t length;
	bool bad;
};

/* The next field; false at the end and when what is left is no field. */
static bool next(struct in *i)
{
	if (i->left == 0)
		return false;
	if (i->left < 3) {
		i->bad = true;
		return false;
	}
	i->tag = i->at[0];
	i->length = (uint16_t)(i->at[1] | i->at[2] << 8);
	if (i->left - 3 < i->length) {
		i->bad = true;
		return false;
	}
	i->field = i->at + 3;
	i->at += 3 + i->length;
	i->left -= 3u + i->length;
	return true;
}

static void get(struct in *i, void *out, size_t n)
{
	if (i->length != n)
		i->bad = true;
	else
		memcpy(out, i->field, n);
}

static void get_text(const struct in *i, struct record_text *t)
{
	t->at = (const char *)i->field;
	t->length = i->length;
}

static struct in inner(const struct in *i)
{
	return (struct in){ .at = i->field, .left = i->length };
}

static bool get_leg_text(const struct in *i, struct record_leg *l)
{
	struct record_text *const place[] = { [L_CALL_ID] = &l->call_id,
		[L_LOCAL] = &l->local,
		[L_REMOTE] = &l->remote,
		[L_LOCAL_TAG] = &l->local_tag,
		[L_REMOTE_TAG] = &l->remote_tag,
		[L_TARGET] = &l->target,
		[L_ROUTES] = &l->routes,
		[L_BRANCH] = &l->branch,
		[L_OURS] = &l->ours,
		[L_THEIRS] = &l->theirs };

	if (i->tag >= sizeof(place) / sizeof(place[0]) || !place[i->tag])
		return false;
	get_text(i, place[i->tag]);
	return true;
}

static bool get_leg(struct in i, struct record_leg *l)
{
	uint8_t kind[4] = { 0 };
	uint16_t place[2] = { 0 };
	uint32_t cseqs[3] = { 0 };

	while (next(&i)) {
		if (get_leg_text(&i, l))
			continue;
		if (i.tag == L_KIND)
			get(&i, kind, sizeof(kind));
		else if (i.tag == L_PLACE)
			get(&i, place, sizeof(place));
		else if (i.tag == L_PEER)
			get(&i, &l->peer, sizeof(l->peer));
		else if (i.tag == L_CSEQS)
			get(&i, cseqs, sizeof(cseqs));
		else if (i.tag == L_ORIGIN)
			get(&i, &l->origin, sizeof(l->origin));
	}
	l->uas = kind[0];
	l->transport = kind[1];
	l->state = kind[2];
	l->end = kind[3];
	l->iface = place[0];
	l->trunk = place[1];
	l->local_cseq = cseqs[0];
	l->remote_cseq = cseqs[1];
	l->invite_cseq = cseqs[2];
	return !i.bad;
}

static bool get_branch(struct in i, struct record_branch *b)
{
	struct record_text *const texts[] = { [B_BRANCH] = &b->branch,
		[B_RURI] = &b->ruri,
		[B_CALL_ID] = &b->call_id,
		[B_LOCAL] = &b->local,
		[B_REMOTE] = &b->remote,
		[B_LOCAL_TAG] = &b->local_tag };
	uint8_t kind[3] = { 0 };
	uint16_t place[3] = { 0 };

	while (next(&i)) {
		if (i.tag < sizeof(texts) / sizeof(texts[0]) && texts[i.tag])
			get_text(&i, texts[i.tag]);
		else if (i.tag == B_KIND)
			get(&i, kind, sizeof(kind));
		else if (i.tag == B_PLACE)
			get(&i, place, sizeof(place));
		else if (i.tag == B_ADDR)
			get(&i, &b->addr, sizeof(b->addr));
		else if (i.tag == B_CSEQ)
			get(&i, &b->cseq, sizeof(b->cseq));
	}
	b->state = kind[0];
	b->transport = kind[1];
	b->end = kind[2];
	b->iface = place[0];
	b->trunk = place[1];
	b->hop = place[2];
	return !i.bad;
}

static void get_field(struct in *i, struct record *r)
{
	switch (i->tag) {
	case R_STATE:
		get(i, &r->state, 1);
		break;
	case R_LIVE:
		get(i, &r->live, 1);
		break;
	case R_CODE:
		get(i, &r->code, sizeof(r->code));
		break;
	case R_BEGUN:
		get(i, &r->begun_wall_ms, 8);
		break;
	case R_ANSWERED:
		get(i, &r->answered_wall_ms, 8);
		break;
	case R_NUMBER:
		get_text(i, &r->number);
		break;
	case R_CODEC:
		get_text(i, &r->codec);
		break;
	case R_VIA:
		get_text(i, &r->via);
		break;
	case R_INVITE_CSEQ:
		get(i, &r->invite_cseq, 4);
		break;
	case R_CALLER:
		i->bad = !get_leg(inner(i), &r->caller);
		break;
	case R_CALLEE:
		r->has_callee = true;
		i->bad = !get_leg(inner(i), &r->callee);
		break;
	case R_BRANCH:
		if (r->branches == RECORD_BRANCHES ||
		    !get_branch(inner(i), &r->branch[r->branches]))
			i->bad = true;
		else
			r->branches++;
		break;
	}
}

int record_decode(struct record *r, const uint8_t *body, size_t length)
{
	struct in i = { .at = body, .left = length };

	memset(r, 0, sizeof(*r));
	while (!i.bad && next(&i))
		get_field(&i, r);
	return i.bad ? -EINVAL : 0;
}

/* ---- copies --------------------------------------------------------------------------------- */

/* Everything behind the crc field, then the body's rest. */
static uint32_t copy_crc(const struct kedge_record_copy *c, const uint8_t *more)
{
	const uint8_t *from = (const uint8_t *)&c->length;
	uint32_t near = c->length < KEDGE_RECORD_NEAR ? c->length : KEDGE_RECORD_NEAR;
	uint32_t crc = record_crc32c(0, from,
	    offsetof(struct kedge_record_copy, body) - offsetof(struct kedge_record_copy, length) +
	        near);

	if (c->length > near)
		crc = record_crc32c(crc, more, c->length - near);
	return crc;
}

static bool copy_valid(const struct segment *seg, uint32_t slot, int which)
{
	const struct kedge_record_copy *c = &segment_record(seg, slot)->copy[which];

	return c->generation != 0 && c->length <= KEDGE_RECORD_BODY &&
	       copy_crc(c, segment_record_more(seg, slot)->body[which]) == c->crc32c;
}

/* A reader in another process comes after this one's death: plain stores, in an order the compiler
 * keeps. */
static void publish(uint64_t *generation, uint64_t value)
{
	__atomic_store_n(generation, value, __ATOMIC_RELEASE);
}

void record_store(const struct segment *seg, uint32_t slot, uint64_t call_id,
    uint32_t slot_generation, uint32_t flags, const uint8_t *body, uint32_t length)
{
	struct kedge_record *r = segment_record(seg, slot);
	int which = r->copy[0].generation > r->copy[1].generation;
	struct kedge_record_copy *c = &r->copy[which];
	uint32_t near = length < KEDGE_RECORD_NEAR ? length : KEDGE_RECORD_NEAR;

	assert(length <= KEDGE_RECORD_BODY);
	c->length = length;
	c->call_id = call_id;
	c->slot_generation = slot_generation;
	c->flags = flags;
	memcpy(c->body, body, near);
	if (length > near)
		memcpy(segment_record_more(seg, slot)->body[which], body + near, length - near);
	c->crc32c = copy_crc(c, segment_record_more(seg, slot)->body[which]);
	publish(&c->generation, r->copy[!which].generation + 1);
}

int record_load(const struct segment *seg, uint32_t slot, struct record_head *head, uint8_t *body)
{
	const struct kedge_record *r = segment_record(seg, slot);
	int newer = r->copy[1].generation > r->copy[0].generation;
	const struct kedge_record_copy *c;
	uint32_t near;

	if (!copy_valid(seg, slot, newer))
		newer = !newer;
	if (!copy_valid(seg, slot, newer))
		return -ENOENT;
	c = &r->copy[newer];
	near = c->length < KEDGE_RECORD_NEAR ? c->length : KEDGE_RECORD_NEAR;
	*head = (struct record_head){ .generation = c->generation,
		.call_id = c->call_id,
		.slot_generation = c->slot_generation,
		.flags = c->flags,
		.length = c->length };
	memcpy(body, c->body, near);
	if (c->length > near)
		memcpy(body + near, segment_record_more(seg, slot)->body[newer], c->length - near);
	return 0;
}

/* ---- of a call ------------------------------------------------------------------------------ */

static struct record_text text_of(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	return (
	    struct record_text){ .at = s, .length = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX) };
}

/* All values of a header that may stand several times, comma-separated; in home. */
static struct record_text list_of(su_home_t *home, const void *first)
{
	char *list = NULL;

	for (const sip_header_t *h = first; h; h = (const sip_header_t *)h->sh_next) {
		char *one = header_text(home, h);

		list = list && one ? su_sprintf(home, "%s,%s", list, one) : one;
	}
	return text_of(list);
}

/* A body without its keys: those stand in the session table, and nowhere else. */
static struct record_text body_of(su_home_t *scratch, const char *body)
{
	char *copy = body && crypto_stands_in(body, strlen(body)) ? su_strdup(scratch, body) : NULL;

	if (copy)
		crypto_mask(copy, strlen(copy));
	return text_of(copy ? copy : body);
}

static void leg_record(
    struct record_leg *r, const struct leg *l, const struct bridge_side *side, su_home_t *scratch)
{
	const sip_route_t *route = NULL;
	const sip_contact_t *target = NULL;

	nta_leg_get_route((nta_leg_t *)l->nta, &route, &target);
	*r = (struct record_leg){ .uas = l->uas,
		.transport = l->transport,
		.state = (uint8_t)l->state,
		.iface = l->iface,
		.trunk = l->trunk,
		.peer = l->peer,
		.local_cseq = nta_leg_get_seq(l->nta) + 1,
		.remote_cseq = nta_leg_get_rseq(l->nta),
		.invite_cseq = l->invite_cseq,
		.origin = side->origin,
		.end = side->end };
	r->call_id = text_of(l->call_id);
	r->local = text_of(l->local);
	r->remote = text_of(l->remote);
	r->local_tag = text_of(l->tag);
	r->remote_tag = text_of(nta_leg_get_rtag(l->nta));
	r->target = text_of(target ? url_as_string(scratch, target->m_url) : NULL);
	r->routes = list_of(scratch, route);
	r->branch = text_of(l->branch);
	r->ours = body_of(scratch, side->ours);
	r->theirs = body_of(scratch, side->theirs);
}

static void branch_record(struct record_branch *r, const struct attempt *a)
{
	*r = (struct record_branch){ .state = (uint8_t)a->state,
		.transport = a->leg.transport,
		.end = a->side.end,
		.iface = a->leg.iface,
		.trunk = a->trunk,
		.hop = a->hop,
		.cseq = a->leg.invite_cseq,
		.addr = a->leg.peer };
	r->branch = text_of(a->branch);
	r->ruri = text_of(a->ruri);
	r->call_id = text_of(a->leg.call_id);
	r->local = text_of(a->leg.local);
	r->remote = text_of(a->leg.remote);
	r->local_tag = text_of(a->leg.tag);
}

static void call_record(struct record *r, struct call *c, su_home_t *scratch)
{
	memset(r, 0, sizeof(*r));
	r->state = (uint8_t)c->state;
	r->live = c->bridge.anchor.live;
	r->code = c->code;
	r->begun_wall_ms = c->begun_wall_ms;
	r->answered_wall_ms = c->answered_wall_ms;
	r->number = text_of(c->number);
	r->codec = text_of(c->bridge.codec);
	if (c->invite)
		r->via = list_of(scratch, sip_object(c->invite)->sip_via);
	r->invite_cseq = c->caller_cseq;
	leg_record(&r->caller, &c->caller, &c->bridge.caller, scratch);
	if (c->winner) {
		r->has_callee = true;
		leg_record(&r->callee, &c->winner->leg, &c->winner->side, scratch);
	}
	for (const struct attempt *a = c->attempts; a && r->branches < RECORD_BRANCHES; a = a->next)
		if (attempt_open(a))
			branch_record(&r->branch[r->branches++], a);
}

void record_call(struct call *c)
{
	static uint8_t body[KEDGE_RECORD_BODY];
	static struct record r;
	su_home_t scratch[1] = { SU_HOME_INIT(scratch) };
	int n;

	if (!c->bridge.anchor.open)
		return;
	su_home_init(scratch);
	call_record(&r, c, scratch);
	n = record_encode(&r, body, sizeof(body));
	su_home_deinit(scratch);
	if (n < 0) {
		if (!c->unrestorable)
			segment_add(&call_counters()->records_unrestorable, 1);
		c->unrestorable = true;
		record_clear(c);
		return;
	}
	c->unrestorable = false;
	record_store(call_deps()->seg, c->bridge.anchor.slot, c->id, c->bridge.anchor.generation,
	    c->winner ? RECORD_LIVE : RECORD_SETUP, body, (uint32_t)n);
}

void record_clear(struct call *c)
{
	record_store(call_deps()->seg, c->bridge.anchor.slot, c->id, c->bridge.anchor.generation, 0,
	    (const uint8_t *)"", 0);
}
