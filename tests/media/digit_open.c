// SPDX-License-Identifier: MIT
/* A digit that is cut short, through a real kedge-media (A100): open at a switch it is closed; where its end goes on hold or is
 * played to it is not torn; kill -9 doubles none, and leaves none open. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "config/sound.h"
#include "routing/shm/queue.h"
#include "tests/media/typist.h"

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

/* Three packets that close the event `of`; less: units that its last packet may not have told a successor. */
static uint16_t hear_closed_about(struct peer *x, const struct got *of, unsigned less)
{
	struct got g = *of;

	for (unsigned i = 1; i <= 3; i++) {
		g = hear_one(x);
		assert_int_equal(g.h.payload, NAMED_BYTES);
		assert_int_equal(g.h.payload_type, of->h.payload_type);
		assert_int_equal(g.h.timestamp, of->h.timestamp);
		assert_int_equal(g.h.sequence, (uint16_t)(of->h.sequence + i));
		assert_int_equal(g.n.code, of->n.code);
		assert_in_range(g.n.duration, of->n.duration - less, of->n.duration);
		assert_true(g.n.end);
	}
	return g.h.sequence;
}

static uint16_t hear_closed(struct peer *x, const struct got *of)
{
	return hear_closed_about(x, of, 0);
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
		side_event(&t.out, 7, i, 10);
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
		side_event(&t.in, 9, i, 10);
		g = hear_one(&b);
		assert_int_equal(g.h.payload_type, 96);
	}
	make_live(&t.call, 0);
	hear_closed(&b, &g);
	for (unsigned i = 3; i < 12; i++)
		side_event(&t.in, 9, i, 10);
	hears_nothing(&t.call.out, 50);
	t.in.peer->next.timestamp += 4000;
	side_event(&t.in, 5, 0, 10);
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
	side_ask(&t.in, 0);
	for (unsigned i = 0; i < 500 && t.out.ends < 3; i++) {
		usleep(10000);
		side_hear(&t.out);
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
		side_hear(&t.out);
	}
	assert_true(t.out.packets >= 10);
	for (unsigned i = 0; i < 3; i++)
		side_ask(&t.in, i);
	for (unsigned i = 0; i < 500 && (t.out.heard < 3 || t.out.ends < 9); i++) {
		usleep(10000);
		side_hear(&t.out);
	}
	usleep(300000);
	side_hear(&t.out);
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
		side_event(&t.in, 4, i, 5);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_DIGITS, 0, 2000), 0);
	talk_take(&t.call, &t.in, &t.out);
	assert_int_equal(t.out.heard, 1);
	usleep(300000); /* the line is stored */
	plane_stop(&plane, SIGKILL);
	side_event(&t.in, 4, 5, 5); /* its second and third end packet */
	side_event(&t.in, 4, 6, 5);
	assert_int_equal(plane_start(&plane), 0);
	followed();
	t.in.peer->next.timestamp += 1600;
	for (unsigned i = 0; i < 7; i++)
		side_event(&t.in, 4, i, 5);
	for (unsigned i = 0; i < 50 && (i < 10 || t.out.heard < 2); i++) {
		usleep(20000);
		talk_take(&t.call, &t.in, &t.out);
	}
	assert_int_equal(t.out.heard, 2);
	talk_close(&t);
	stop();
}

/* Its sender is gone too, or its end was among what was lost: the successor ends it. What kedge said itself it ends at once. */
static void ended_by_a_successor(void **state)
{
	struct talk t;
	struct got g = { 0 }, now;

	(void)state;
	tonepair_init();
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_EVENT, KEDGE_DTMF_EVENT);
	say(&t.call.in);
	hear(&t.call.out);
	for (unsigned i = 0; i < 3; i++) {
		side_event(&t.in, 7, i, 10);
		g = hear_one(&t.call.out);
	}
	usleep(300000);
	plane_stop(&plane, SIGKILL);
	assert_int_equal(plane_start(&plane), 0);
	followed();
	hear_closed(&t.call.out, &g);
	t.in.peer->next.timestamp += 1600;
	say(&t.call.in);
	now = hear_one(&t.call.out);
	assert_int_equal(now.h.sequence, (uint16_t)(g.h.sequence + 4));
	assert_true((int32_t)(now.h.timestamp - g.h.timestamp) > 480);
	hears_nothing(&t.call.out, 50);
	talk_close(&t);
	stop();
}

static void own_ended_by_a_successor(void **state)
{
	struct digit d = { .event = 9, .duration_ms = 5000, .end = 0 };
	struct talk t;
	struct got g, now;

	(void)state;
	tonepair_init();
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_INFO, KEDGE_DTMF_EVENT);
	assert_int_equal(digit_put(segment_digits(&plane.seg, 0, 1), &d, t.call.a.want.generation), 0);
	plane_commit(&plane, &t.call.a);
	for (unsigned i = 0; i < 10; i++)
		g = hear_one(&t.call.out);
	plane_stop(&plane, SIGKILL);
	for (unsigned char data[2048]; wait_readable(t.call.out.rtp, 0) > 0;) { /* what it said last */
		assert_true(recv(t.call.out.rtp, data, sizeof(data), 0) > 0);
		assert_int_equal(rtp_parse(data, RTP_HEADER + NAMED_BYTES, &g.h), 0);
		named_read(data + RTP_HEADER, NAMED_BYTES, &g.n);
	}
	assert_int_equal(plane_start(&plane), 0);
	followed();
	hear_closed_about(&t.call.out, &g, 160); /* killed between a send and its store */
	side_ask(&t.in, 0);
	now = hear_one(&t.call.out);
	assert_int_equal(now.n.code, typed[0]);
	assert_int_equal(now.h.sequence, (uint16_t)(g.h.sequence + 4));
	assert_int_not_equal(now.h.timestamp, g.h.timestamp);
	talk_close(&t);
	stop();
}

/* No digit was open, and nobody else spoke: the successor's first digit takes no number that a digit had before. */
static void own_behind_a_kill(void **state)
{
	struct talk t;
	struct got g = { 0 }, now;

	(void)state;
	tonepair_init();
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_INFO, KEDGE_DTMF_EVENT);
	side_ask(&t.in, 0);
	for (unsigned ends = 0; ends < 3; ends += g.n.end)
		g = hear_one(&t.call.out);
	usleep(300000);
	plane_stop(&plane, SIGKILL);
	assert_int_equal(plane_start(&plane), 0);
	followed();
	side_ask(&t.in, 1);
	now = hear_one(&t.call.out);
	assert_int_equal(now.n.code, typed[1]);
	assert_int_equal(now.h.sequence, (uint16_t)(g.h.sequence + 1));
	assert_true((int32_t)(now.h.timestamp - g.h.timestamp) > 0);
	talk_close(&t);
	stop();
}

/* Its sender goes on with it over the kill: it has one end, its own. */
static void goes_on_over_a_kill(void **state)
{
	struct talk t;

	(void)state;
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_EVENT, KEDGE_DTMF_EVENT);
	for (unsigned i = 0; i < 3; i++)
		side_event(&t.in, 7, i, 40);
	usleep(300000);
	plane_stop(&plane, SIGKILL);
	assert_int_equal(plane_start(&plane), 0);
	followed();
	for (unsigned i = 3; i < 42; i++) {
		side_event(&t.in, 7, i, 40);
		usleep(10000);
	}
	usleep(300000);
	side_hear(&t.out);
	assert_int_equal(t.out.ends, 3);
	assert_int_equal(t.out.heard, 1);
	assert_in_range(t.out.digit[0].duration_ms, 780, 820);
	talk_close(&t);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(open_at_a_switch),
		TEST(beside_what_is_played),
		TEST(nobody_to_say_it_to),
		TEST(none_twice_after_a_kill),
		TEST(ended_by_a_successor),
		TEST(own_ended_by_a_successor),
		TEST(own_behind_a_kill),
		TEST(goes_on_over_a_kill),
	};

	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
