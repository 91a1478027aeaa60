// SPDX-License-Identifier: MIT
/* fuzz/bridge: a call's bodies, whatever its parties say and in whatever order. Input: steps parted by zero bytes, the
 * first byte of each says what happens, the rest is the body that came. Media is played here. Whatever comes: each side
 * is told our address alone, with lines that never go away and an o= line that never goes back; and media is told nothing
 * it could not do. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sig/bridge/bridge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIDES 3 /* the caller and two attempts */

static struct {
	struct conf conf;
	struct conf_trunk trunk[SIDES];
	struct bridge b;
	struct bridge_side attempt[2];
	bool open, tried[2];
	unsigned lines[SIDES], pending;
	unsigned long long id[SIDES], version[SIDES];
	unsigned ends;
	int asked, proposed; /* the side an offer is out to, that of another's or of our own; -1: none */
} t;

/* ---- media, played --------------------------------------------------------------------------- */

static struct kedge_addr address(unsigned n)
{
	struct kedge_addr a = { .family = n == 2 ? AF_INET6 : AF_INET, .port = (uint16_t)(20000 + 2 * n) };

	assert(inet_pton(a.family, n == 2 ? "2001:db8::5" : n ? "192.0.2.5" : "192.0.2.6", a.ip) == 1);
	return a;
}

int anchor_net(unsigned iface, unsigned family)
{
	return (int)iface;
}

int anchor_open(struct anchor *a, uint64_t call_id, unsigned net, void *owner)
{
	assert(!a->open);
	memset(a, 0, sizeof *a);
	a->open = true;
	a->live = KEDGE_LIVE_NONE;
	a->local[0] = address(a == &t.b.video ? 3 : 0);
	return 0;
}

struct kedge_sig_counters *anchor_counters(void)
{
	static struct kedge_sig_counters count;

	return &count;
}

void anchor_close(struct anchor *a)
{
	a->open = false;
}

void anchor_quality(const struct anchor *a, struct anchor_quality q[2])
{
	memset(q, 0, 2 * sizeof *q);
}

int anchor_outside(struct anchor *a, unsigned net, unsigned hop)
{
	unsigned end = 0;

	assert(a->open);
	while (a->used & 1u << end)
		end++;
	if (a == &t.b.video) {
		assert(end < 2 && hop == KEDGE_HOP_NONE);
		a->used |= (uint8_t)(1u << end);
		a->local[1 + end] = address(4 + end);
		return (int)end;
	}
	end = t.ends++;
	assert(end < 2);
	a->local[1 + end] = address(1 + end);
	return (int)end;
}

void anchor_drop(struct anchor *a, unsigned end)
{
	if (a == &t.b.video && end != a->live)
		a->used &= (uint8_t) ~(1u << end);
}

static bool has_video(const struct bridge_side *side, unsigned end)
{
	return side->video_of == t.b.video_times && side->video_end == end;
}

static const struct conf_trunk *trunk_of(const struct anchor *a, unsigned end)
{
	if (end == KEDGE_END_INSIDE)
		return &t.trunk[0];
	if (a == &t.b.video)
		return &t.trunk[has_video(&t.attempt[0], end) ? 1 : 2];
	return &t.trunk[t.attempt[0].end == end ? 1 : 2];
}

void anchor_far(struct anchor *a, unsigned end, const struct anchor_far *far)
{
	assert(a->open && (end == KEDGE_END_INSIDE || (a == &t.b.video ? a->used & 1u << end : end < t.ends)));
	assert(a != &t.b.video || (far->flags & KEDGE_END_VIDEO && !(far->flags & (KEDGE_END_SPEAKS | KEDGE_END_PLAIN))));
	assert(far->pt_count <= 8);
	assert(far->rtp.family == 0 || far->rtp.family == AF_INET || far->rtp.family == AF_INET6);
	assert(far->srtp < KEDGE_SUITE_COUNT && (far->keys.suite == KEDGE_SUITE_NONE || far->keys.suite == far->srtp));
	assert(far->keys.tx_len == crypto_length(far->keys.suite) && far->keys.rx_len == far->keys.tx_len);
	assert(far->srtp || trunk_of(a, end)->srtp != CONF_SRTP_REQUIRED);
	assert(!(far->flags & KEDGE_END_PLAIN) || !(far->flags & (KEDGE_END_SPEAKS | KEDGE_END_RTCP_MUX)));
	for (int i = 0; i < 4; i++)
		assert(far->learn[i].bits <= 128);
}

void anchor_play(struct anchor *a, unsigned end, uint32_t sound, uint8_t how)
{
	assert(end == KEDGE_END_INSIDE || end < KEDGE_OUT_MAX);
}

void anchor_echo(struct anchor *a, unsigned end)
{
}

void anchor_live(struct anchor *a, unsigned end)
{
	assert(a != &t.b.video || end == KEDGE_LIVE_NONE || (end < 2 && a->used & 1u << end));
	a->live = (uint8_t)end;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static struct bridge_side *side_of(unsigned n)
{
	return n == 0 ? &t.b.caller : &t.attempt[n - 1];
}

/* A body of ours toward side n; an offer has every line that the last one had. */
static void told(unsigned n, const char *out, bool offer)
{
	static struct offer o;
	unsigned long long id, version;
	struct kedge_addr local;

	if (!out)
		return;
	local = t.b.anchor.local[n ? side_of(n)->end + 1 : 0];
	assert(offer_parse(&o, out, strlen(out), NULL) == 0);
	assert(o.anchored < 0 ? offer_rejects(&o) : !memcmp(&o.line[o.anchored].rtp, &local, sizeof local));
	if (o.video >= 0) {
		local = t.b.video.local[n ? side_of(n)->video_end + 1 : 0];
		assert(t.b.video.open && t.trunk[n].video && o.line[o.video].rtp.port == local.port);
	}
	assert(sscanf(out, "v=0\r\no=- %llu %llu ", &id, &version) == 2);
	assert(t.version[n] == 0 || (id == t.id[n] && version >= t.version[n]));
	assert(!offer || o.lines >= t.lines[n]);
	t.id[n] = id;
	t.version[n] = version;
	if (offer)
		t.pending = o.lines; /* they count once it was answered */
	else
		t.lines[n] = o.lines;
}

/* The address that stands in the bodies of the corpus, as one: not among other digits. */
static void check(const char *out)
{
	for (const char *p = out ? strstr(out, "10.9.8.7") : NULL; p; p = strstr(p + 1, "10.9.8.7"))
		assert(strchr("0123456789.", p[-1]) || (p[8] && strchr("0123456789.", p[8])));
}

static void begin(const struct bridge_body *body)
{
	if (bridge_open(&t.b, 0, 1, body, NULL) == 0)
		t.open = true;
}

static void try(unsigned n)
{
	const char *out = NULL;

	if (t.tried[n - 1] || t.ends >= 2)
		return;
	if (bridge_outside(&t.b, side_of(n), 1, 0, &out) == 0)
		t.tried[n - 1] = true;
	told(n, out, true);
	t.lines[n] = t.pending;
	check(out);
	bridge_envelope(&t.b, side_of(n), out);
}

static void step(unsigned what, const struct bridge_body *body)
{
	unsigned n = 1 + (what & 1), from = what & 2 ? n : 0, to = what & 2 ? 0 : n;
	const char *out = NULL;
	bool differs;
	int err = 0;

	if (what >> 2 == 0) {
		try(n);
		return;
	}
	if (!t.tried[n - 1])
		return;
	if (what >> 2 >= 4 && what >> 2 <= 8) { /* not before the caller has an answer by a message it acknowledged */
		bridge_settled(&t.b);
		if (!t.b.settled)
			return;
	}
	switch (what >> 2) {
	case 1:
		err = bridge_answer(&t.b, side_of(n), body, what & 2 ? BRIDGE_FINAL : BRIDGE_PREVIEW, &out);
		break;
	case 2:
		err = bridge_answer(&t.b, side_of(n), body, BRIDGE_RELIABLE, &out);
		break;
	case 3:
		if (t.b.late) {
			err = bridge_late(&t.b, side_of(n), body, &out);
			told(n, err ? NULL : out, false);
		}
		return;
	case 4:
		err = bridge_reoffer(&t.b, side_of(from), side_of(to), body, &out);
		told(to, err ? NULL : out, true);
		t.asked = err ? -1 : (int)to;
		t.proposed = -1;
		return;
	case 5:
		if (t.asked != (int)to)
			return;
		t.asked = -1;
		err = bridge_reanswer(&t.b, side_of(from), side_of(to), body, &out);
		told(from, err ? NULL : out, false);
		t.lines[to] = err ? t.lines[to] : t.pending;
		return;
	case 6:
		err = bridge_alone(&t.b, side_of(from), side_of(to), body, &out, &differs);
		told(from, err ? NULL : out, false);
		return;
	case 7:
		err = bridge_propose(&t.b, side_of(to), side_of(from), &out);
		told(to, err ? NULL : out, true);
		t.proposed = err ? -1 : (int)to;
		t.asked = -1;
		return;
	case 8:
		if (t.proposed != (int)to)
			return;
		t.proposed = -1;
		if (bridge_proposed(&t.b, side_of(to), side_of(from), body, &differs) == 0)
			t.lines[to] = t.pending;
		return;
	case 9:
		bridge_settled(&t.b);
		bridge_same(&t.b, side_of(from), body);
		bridge_unchanged(&t.b, side_of(from), side_of(to), body);
		bridge_behind(side_of(from), side_of(to));
		bridge_usable(&t.b, side_of(n));
		return;
	default:
		bridge_reject(&t.b);
		t.asked = t.proposed = -1;
		return;
	}
	told(0, err ? NULL : out, false);
	check(out);
}

static void configure(unsigned how)
{
	static const char *names[] = { "PCMA", "opus", "PCMU" };

	memset(&t, 0, sizeof t);
	t.asked = t.proposed = -1;
	for (unsigned i = 0; i < SIDES; i++) {
		t.trunk[i].latch = how & 1 ? CONF_LATCH_GUARDED : CONF_LATCH_STRICT;
		t.trunk[i].late_offer = how & 2 ? CONF_LATE_PASS : CONF_LATE_INSERT;
		t.trunk[i].t38 = t.trunk[i].video = how & 4;
		t.trunk[i].avpf = how & 1;
		t.trunk[i].rtcp_mux = how >> 3 & 1 ? CONF_MUX_OFFER : CONF_MUX_ACCEPT;
		t.trunk[i].bodies = CONF_BODIES_PASS;
		t.trunk[i].srtp = (uint8_t)((how >> 5) + i) % 3;
	}
	if (how & 16)
		t.trunk[1].codecs = (struct conf_strings){ names, 3 };
	t.conf.limits.max_video = 1;
	t.conf.trunks.v = t.trunk;
	t.conf.trunks.count = SIDES;
	t.b.conf = &t.conf;
	for (unsigned i = 0; i < SIDES; i++) {
		side_of(i)->trunk = (uint16_t)i;
		side_of(i)->peer = address(i);
		side_of(i)->end = KEDGE_LIVE_NONE;
	}
}

/* Takes what stands before the next zero byte off *data, copied to its exact size. */
static char *take(const uint8_t **data, size_t *size, size_t *length)
{
	const uint8_t *zero = memchr(*data, 0, *size);
	char *copy;

	*length = zero ? (size_t)(zero - *data) : *size;
	copy = malloc(*length ? *length : 1);
	assert(copy);
	memcpy(copy, *data, *length);
	*data += *length + (zero != NULL);
	*size -= *length + (zero != NULL);
	return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	size_t length;

	if (size < 2)
		return 0;
	configure(*data++);
	size--;
	su_home_init(home);
	t.b.home = home;
	for (unsigned i = 0; size && i < 24; i++) {
		char *part = take(&data, &size, &length);
		struct bridge_body body = { .type = length && part[0] & 64 ? "multipart/mixed;boundary=b" : "application/sdp",
			.data = part + 1, .length = length ? length - 1 : 0 };

		if (!t.open)
			begin(&body);
		else if (length)
			step((uint8_t)part[0] & 63, &body);
		free(part);
	}
	if (t.open)
		bridge_close(&t.b);
	su_home_deinit(home);
	return 0;
}
