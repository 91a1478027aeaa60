// SPDX-License-Identifier: MIT
/* Digits through a real kedge-media (A100): sent as RFC 4733 events, as tones, or asked for by signaling, and heard as events,
 * tones, or by signaling: 12 of them each way at once, exact, none twice, with their lengths, also when packets of events are lost.
 * An event open at a switch is closed; kill -9 doubles none. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/clock.h"
#include "config/sound.h"
#include "media/named.h"
#include "media/tonepair.h"
#include "routing/shm/digit.h"
#include "routing/shm/queue.h"
#include "tests/media/talk.h"

#define FRAME_NS  20000000ULL
#define FRAMES    10 /* of a digit: 5 to 7 of sound, the rest of silence */
#define EVENT_PT  101

static const uint8_t typed[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, DIGIT_STAR, DIGIT_POUND };
#define TYPED (sizeof(typed))

static unsigned length_ms(unsigned i)
{
	return 100 + 20 * (i % 3);
}

/* ---- one side of a call: what it types, what it hears ------------------------------------------- */

struct side {
	struct peer *peer;
	struct call *call;
	uint8_t place, kind; /* enum kedge_dtmf: how its digits travel */
	struct tonepair *mouth, *ear;
	struct named_heard events;
	uint32_t began; /* timestamp of the event in hand */
	unsigned lose;  /* one event packet of so many is lost, 0: none */
	unsigned sent;
	/* heard */
	struct digit digit[2 * TYPED];
	unsigned heard, packets, ends, audio_in_event;
	bool started, open;
	uint16_t next;
	unsigned gaps;
};

static void send_raw(struct peer *x, const uint8_t *payload, uint16_t n, uint8_t pt, bool marker, uint32_t timestamp)
{
	uint8_t data[PACKET] = { 0x80 };
	struct rtp h = { .ssrc = x->next.ssrc, .sequence = x->next.sequence++, .timestamp = timestamp, .payload_type = pt, .marker = marker };

	rtp_write(data, &h);
	memcpy(data + RTP_HEADER, payload, n);
	assert_int_equal(sendto(x->rtp, data, RTP_HEADER + n, 0, (struct sockaddr *)&x->to, length(&x->to)), RTP_HEADER + n);
}

static void send_event(struct side *s, uint8_t code, unsigned frame, unsigned frames)
{
	struct named n = { .code = code, .volume = 10, .end = frame + 1 >= frames };
	uint8_t payload[NAMED_BYTES];
	unsigned units = (frame + 1 < frames ? frame + 1 : frames) * 160;

	n.duration = (uint16_t)units;
	if (frame == 0)
		s->began = s->peer->next.timestamp;
	named_write(payload, &n);
	if (s->lose && ++s->sent % s->lose == 0)
		s->peer->next.sequence++;
	else
		send_raw(s->peer, payload, NAMED_BYTES, EVENT_PT, frame == 0, s->began);
}

static void send_audio(struct side *s, const uint8_t *payload)
{
	send_raw(s->peer, payload, PAYLOAD, 0, false, s->peer->next.timestamp);
}

static void ask(struct side *s, unsigned i)
{
	/* Of the other leg's INFO: said to that end. */
	struct digit d = { .event = typed[i], .duration_ms = (uint16_t)length_ms(i), .end = s->place == KEDGE_END_INSIDE ? 0 : KEDGE_END_INSIDE };

	assert_int_equal(digit_put(segment_digits(&plane.seg, s->call->a.slot, 1), &d, s->call->a.want.generation), 0);
	plane_commit(&plane, &s->call->a);
}

/* What it sends in that 20 ms of its typing. */
static void type(struct side *s, unsigned frame)
{
	unsigned i = frame / FRAMES, at = frame % FRAMES, frames = i < TYPED ? length_ms(i) / 20 : 0;
	uint8_t payload[PAYLOAD];

	memset(payload, tonepair_silence(KEDGE_CODEC_PCMU), sizeof(payload));
	if (i < TYPED && at == 0 && s->kind == KEDGE_DTMF_INFO)
		ask(s, i);
	if (i < TYPED && at == 0 && s->kind == KEDGE_DTMF_INBAND)
		tonepair_say(s->mouth, typed[i], length_ms(i), 0);
	if (s->kind == KEDGE_DTMF_INBAND)
		tonepair_frame(s->mouth, KEDGE_CODEC_PCMU, payload, PAYLOAD);
	if (s->kind == KEDGE_DTMF_EVENT && at < frames + 2 && i < TYPED)
		send_event(s, typed[i], at, frames);
	else
		send_audio(s, payload);
	s->peer->next.timestamp += PAYLOAD;
}

static void hear_digit(struct side *s, const struct digit *d)
{
	assert_true(s->heard < 2 * TYPED);
	s->digit[s->heard++] = *d;
}

static void hear_named(struct side *s, const struct rtp *h, const uint8_t *payload)
{
	struct digit over[2];
	struct named n;
	unsigned count;

	assert_int_equal(named_read(payload, h->payload, &n), 0);
	if (!s->lose && (!s->events.known || h->timestamp != s->events.timestamp))
		assert_true(h->marker);
	s->ends += n.end;
	count = named_hear(&s->events, h, &n, 8000, clock_mono_ns(), over);
	for (unsigned i = 0; i < count; i++)
		hear_digit(s, &over[i]);
	s->open = !n.end;
}

static void hear_packet(struct side *s, const uint8_t *data, size_t n)
{
	struct digit over = { .event = DIGIT_EVENTS };
	struct rtp h;

	assert_int_equal(rtp_parse(data, n, &h), 0);
	s->gaps += s->started && h.sequence != s->next;
	s->next = (uint16_t)(h.sequence + 1);
	s->started = true;
	s->packets++;
	if (h.payload_type == EVENT_PT) {
		assert_int_equal(s->kind, KEDGE_DTMF_EVENT);
		hear_named(s, &h, data + RTP_HEADER);
		return;
	}
	assert_int_equal(h.payload_type, 0);
	s->audio_in_event += s->open;
	tonepair_hear(s->ear, KEDGE_CODEC_PCMU, h.timestamp, data + RTP_HEADER, h.payload, &over);
	if (over.event != DIGIT_EVENTS)
		hear_digit(s, &over);
}

static void hear_all(struct side *s)
{
	uint8_t data[2048];
	ssize_t n;

	while ((n = recv(s->peer->rtp, data, sizeof(data), MSG_DONTWAIT)) > 0)
		hear_packet(s, data, (size_t)n);
}

/* Signaling: what media heard goes as INFO to the other leg, where that has it so. */
static void take(struct call *c, struct side *in, struct side *out)
{
	struct kedge_digits *q = segment_digits(&plane.seg, c->a.slot, 0);
	struct digit d;

	while (digit_peek(q, c->a.want.generation, &d) == 0) {
		struct side *to = d.end == KEDGE_END_INSIDE ? out : in;

		digit_take(q);
		if (to->kind == KEDGE_DTMF_INFO)
			hear_digit(to, &d);
	}
}

/* ---- calls ------------------------------------------------------------------------------------- */

struct talk {
	struct call call;
	struct side in, out;
};

static void side_open(struct side *s, struct call *c, struct peer *x, uint8_t place, uint8_t kind)
{
	struct kedge_end *e = plane_end_of(&c->a, place);

	*s = (struct side){ .call = c, .peer = x, .place = place, .kind = kind, .mouth = tonepair_new(), .ear = tonepair_new() };
	e->dtmf = kind;
	if (kind != KEDGE_DTMF_EVENT)
		e->telephone_event = 0xff;
	plane_write(&plane, &c->a, place);
}

static void side_close(struct side *s)
{
	tonepair_free(s->mouth);
	tonepair_free(s->ear);
}

static void talk_open(struct talk *t, uint32_t slot, uint8_t in, uint8_t out)
{
	call_open(&t->call, slot, "127.0.1.1", "127.0.2.1");
	side_open(&t->in, &t->call, &t->call.in, KEDGE_END_INSIDE, in);
	side_open(&t->out, &t->call, &t->call.out, 0, out);
	plane_commit(&plane, &t->call.a);
	followed();
}

static void talk_close(struct talk *t)
{
	side_close(&t->in);
	side_close(&t->out);
	call_close(&t->call);
}

static void until(uint64_t ns)
{
	struct timespec ts = { (time_t)(ns / CLOCK_NS_PER_S), (long)(ns % CLOCK_NS_PER_S) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) != 0)
		;
}

static bool all_heard(const struct talk *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].in.heard < TYPED || t[i].out.heard < TYPED)
			return false;
	return true;
}

/* False: the machine stood still so long that a digit may have been cut short. */
static bool type_all(struct talk *t, size_t n)
{
	uint64_t began = clock_mono_ns(), late = 0;
	unsigned more = 0;

	/* And so much more silence that what must not come behind them would be heard. */
	for (unsigned frame = 0; more < 25 && frame < 1000; frame++, more += all_heard(t, n)) {
		uint64_t now = clock_mono_ns();

		late = now > began + frame * FRAME_NS + late ? now - began - frame * FRAME_NS : late;
		for (size_t i = 0; i < n; i++) {
			type(&t[i].in, frame);
			type(&t[i].out, frame);
		}
		until(began + (frame + 1) * FRAME_NS);
		for (size_t i = 0; i < n; i++) {
			hear_all(&t[i].in);
			hear_all(&t[i].out);
			take(&t[i].call, &t[i].in, &t[i].out);
		}
	}
	return late < 4 * FRAME_NS;
}

static const char *const kind_name[] = { "none", "rfc4733", "info", "inband" };

static void exact(const struct side *from, const struct side *to, bool lengths)
{
	char said[200] = "";

	for (unsigned i = 0; i < to->heard; i++)
		sprintf(said + strlen(said), " %u:%u", to->digit[i].event, to->digit[i].duration_ms);
	if (to->heard != TYPED)
		fail_msg("%s to %s: %u digits:%s", kind_name[from->kind], kind_name[to->kind], to->heard, said);
	for (unsigned i = 0; i < TYPED; i++)
		if (to->digit[i].event != typed[i] || (lengths && abs((int)to->digit[i].duration_ms - (int)length_ms(i)) > 20))
			fail_msg("%s to %s: digit %u is another:%s", kind_name[from->kind], kind_name[to->kind], i, said);
	/* events replace audio, and end with three packets */
	assert_int_equal(to->audio_in_event, 0);
	if (to->kind == KEDGE_DTMF_EVENT && lengths)
		assert_int_equal(to->ends, 3 * TYPED);
	if (to->gaps != 0 && lengths)
		fail_msg("%s to %s: %u holes in the line", kind_name[from->kind], kind_name[to->kind], to->gaps);
}

static void matrix(unsigned lose)
{
	static const uint8_t kind[] = { KEDGE_DTMF_EVENT, KEDGE_DTMF_INFO, KEDGE_DTMF_INBAND };
	static struct talk t[9];
	size_t n = 0;
	bool smooth;

	tonepair_init();
	start(16);
	for (unsigned a = 0; a < 3; a++)
		for (unsigned b = 0; b < 3; b++)
			if (kind[a] != KEDGE_DTMF_INFO || kind[b] != KEDGE_DTMF_INFO) { /* signaling's alone */
				talk_open(&t[n], (uint32_t)n, kind[a], kind[b]);
				t[n].in.lose = t[n].out.lose = lose;
				n++;
			}
	smooth = type_all(t, n) && lose == 0;
	for (size_t i = 0; i < n; i++) {
		exact(&t[i].in, &t[i].out, smooth);
		exact(&t[i].out, &t[i].in, smooth);
		talk_close(&t[i]);
	}
	assert_int_equal(PLANE_COUNT(&plane, digits_lost), 0);
	stop();
}

static void twelve_each_way(void **state)
{
	(void)state;
	matrix(0);
}

static void with_event_packets_lost(void **state)
{
	(void)state;
	matrix(20);
	matrix(3);
}

/* ---- switches ---------------------------------------------------------------------------------- */

struct got {
	struct rtp h;
	struct named n;
};

static struct got hear_one(struct peer *x)
{
	uint8_t data[2048];
	struct got g = { 0 };
	ssize_t n;

	if (wait_readable(x->rtp, 2000) <= 0)
		tell_counters();
	n = recv(x->rtp, data, sizeof(data), MSG_DONTWAIT);
	assert_true(n > 0);
	assert_int_equal(rtp_parse(data, (size_t)n, &g.h), 0);
	if (g.h.payload == NAMED_BYTES)
		named_read(data + RTP_HEADER, g.h.payload, &g.n);
	return g;
}

/* Three packets that close the event `of`. */
static uint16_t hear_closed(struct peer *x, const struct got *of)
{
	struct got g = *of;

	for (unsigned i = 1; i <= 3; i++) {
		g = hear_one(x);
		assert_int_equal(g.h.payload, NAMED_BYTES);
		assert_int_equal(g.h.payload_type, of->h.payload_type);
		assert_int_equal(g.h.timestamp, of->h.timestamp);
		assert_int_equal(g.h.sequence, (uint16_t)(of->h.sequence + i));
		assert_int_equal(g.n.code, of->n.code);
		assert_int_equal(g.n.duration, of->n.duration);
		assert_true(g.n.end);
	}
	return g.h.sequence;
}

/* A carrier dies in mid-digit, with another payload type than the PBX has; then the PBX is in mid-digit itself. */
static void open_at_a_switch(void **state)
{
	struct talk t;
	struct peer b;
	struct side other;
	struct got g, now;

	(void)state;
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_EVENT, KEDGE_DTMF_EVENT);
	t.call.a.out[0].telephone_event = 101;
	peer_open(&b, "127.0.2.2", 77);
	add_end(&t.call, 1, &b);
	side_open(&other, &t.call, &b, 1, KEDGE_DTMF_EVENT);
	t.call.a.out[1].telephone_event = 96;
	t.call.a.out[1].pt[0] = (struct kedge_pt){ .inside = 101, .here = 96 };
	plane_write(&plane, &t.call.a, 1);
	plane_commit(&plane, &t.call.a);
	followed();
	say(&t.call.out);
	hear(&t.call.in);
	for (unsigned i = 0; i < 3; i++) {
		send_event(&t.out, 7, i, 10);
		g = hear_one(&t.call.in);
		assert_int_equal(g.n.duration, 160 * (i + 1));
	}
	usleep(100000);
	make_live(&t.call, 1);
	hear_closed(&t.call.in, &g);
	say(&b);
	now = hear_one(&t.call.in);
	assert_int_equal(now.h.sequence, (uint16_t)(g.h.sequence + 4));
	assert_true(now.h.marker);
	/* the clock ran on from the event's beginning */
	assert_in_range(now.h.timestamp - g.h.timestamp, 800, 16000);
	/* mid-digit the other way: closed toward the one, its rest not told to the next */
	for (unsigned i = 0; i < 3; i++) {
		send_event(&t.in, 9, i, 10);
		g = hear_one(&b);
		assert_int_equal(g.h.payload_type, 96);
	}
	make_live(&t.call, 0);
	hear_closed(&b, &g);
	for (unsigned i = 3; i < 12; i++)
		send_event(&t.in, 9, i, 10);
	hears_nothing(&t.call.out, 50);
	t.in.peer->next.timestamp += 4000;
	send_event(&t.in, 5, 0, 10);
	g = hear_one(&t.call.out);
	assert_int_equal(g.n.code, 5);
	side_close(&other);
	peer_close(&b);
	talk_close(&t);
	stop();
}

/* The end cannot hear events any more in the middle of one: nothing more of it is said, and the next one is whole. */
static void nobody_to_say_it_to(void **state)
{
	struct digit d = { .event = 7, .duration_ms = 3000, .end = 0 };
	struct talk t;

	(void)state;
	tonepair_init();
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_INFO, KEDGE_DTMF_EVENT);
	assert_int_equal(digit_put(segment_digits(&plane.seg, 0, 1), &d, t.call.a.want.generation), 0);
	plane_commit(&plane, &t.call.a);
	hear_one(&t.call.out);
	t.call.a.out[0].telephone_event = 0xff;
	plane_write(&plane, &t.call.a, 0);
	plane_commit(&plane, &t.call.a);
	followed();
	usleep(30000);
	while (wait_readable(t.call.out.rtp, 0) > 0)
		hear_one(&t.call.out);
	hears_nothing(&t.call.out, 200);
	assert_int_equal(PLANE_COUNT(&plane, digits_lost), 1);
	t.call.a.out[0].telephone_event = EVENT_PT;
	plane_write(&plane, &t.call.a, 0);
	plane_commit(&plane, &t.call.a);
	followed();
	ask(&t.in, 0);
	for (unsigned i = 0; i < 500 && t.out.ends < 3; i++) {
		usleep(10000);
		hear_all(&t.out);
	}
	assert_int_equal(t.out.heard, 1);
	assert_int_equal(t.out.digit[0].event, typed[0]);
	talk_close(&t);
	stop();
}

/* Nobody speaks at the other end, and kedge plays to this one: a digit is not torn by it. */
static void beside_what_is_played(void **state)
{
	struct talk t;

	(void)state;
	tonepair_init();
	start_with("comfort_noise = true;", 8, false, 0);
	talk_open(&t, 0, KEDGE_DTMF_INFO, KEDGE_DTMF_EVENT);
	t.call.a.out[0].play = sound_id(SOUND_COMFORT);
	t.call.a.out[0].play_take++;
	plane_write(&plane, &t.call.a, 0);
	plane_commit(&plane, &t.call.a);
	for (unsigned i = 0; i < 500 && t.out.packets < 10; i++) {
		usleep(10000);
		hear_all(&t.out);
	}
	assert_true(t.out.packets >= 10);
	for (unsigned i = 0; i < 3; i++)
		ask(&t.in, i);
	for (unsigned i = 0; i < 500 && (t.out.heard < 3 || t.out.ends < 9); i++) {
		usleep(10000);
		hear_all(&t.out);
	}
	usleep(300000);
	hear_all(&t.out);
	assert_int_equal(t.out.heard, 3);
	assert_int_equal(t.out.ends, 9);
	assert_int_equal(t.out.audio_in_event, 0);
	assert_int_equal(t.out.gaps, 0);
	talk_close(&t);
	stop();
}

/* ---- kill -9 ----------------------------------------------------------------------------------- */

static void none_twice_after_a_kill(void **state)
{
	struct talk t;

	(void)state;
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_EVENT, KEDGE_DTMF_INFO);
	for (unsigned i = 0; i < 5; i++)
		send_event(&t.in, 4, i, 5);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_DIGITS, 0, 2000), 0);
	take(&t.call, &t.in, &t.out);
	assert_int_equal(t.out.heard, 1);
	usleep(300000); /* the line is stored */
	plane_stop(&plane, SIGKILL);
	send_event(&t.in, 4, 5, 5); /* its second and third end packet */
	send_event(&t.in, 4, 6, 5);
	assert_int_equal(plane_start(&plane), 0);
	followed();
	t.in.peer->next.timestamp += 1600;
	for (unsigned i = 0; i < 7; i++)
		send_event(&t.in, 4, i, 5);
	for (unsigned i = 0; i < 50 && (i < 10 || t.out.heard < 2); i++) {
		usleep(20000);
		take(&t.call, &t.in, &t.out);
	}
	assert_int_equal(t.out.heard, 2);
	talk_close(&t);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(twelve_each_way),
		TEST(with_event_packets_lost),
		TEST(open_at_a_switch),
		TEST(beside_what_is_played),
		TEST(nobody_to_say_it_to),
		TEST(none_twice_after_a_kill),
	};

	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
