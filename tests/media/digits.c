// SPDX-License-Identifier: MIT
/* Digits through a real kedge-media (A100): sent as RFC 4733 events, as tones, or asked for by signaling, and heard as events,
 * tones, or by signaling: 12 of them each way at once, exact, none twice, with their lengths, also when packets of events are
 * lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/clock.h"
#include "tests/media/typist.h"

#define FRAME_NS 20000000ULL

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
			side_type(&t[i].in, frame);
			side_type(&t[i].out, frame);
		}
		until(began + (frame + 1) * FRAME_NS);
		for (size_t i = 0; i < n; i++) {
			side_hear(&t[i].in);
			side_hear(&t[i].out);
			talk_take(&t[i].call, &t[i].in, &t[i].out);
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
		if (to->digit[i].event != typed[i] || (lengths && abs((int)to->digit[i].duration_ms - (int)typed_ms(i)) > 20))
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

/* Who sends INFO beside its events: the first one was asked for before it was heard, and is said once. The same key again is another. */
static void asked_and_heard(void **state)
{
	struct digit d = { .event = 5, .duration_ms = 100, .end = 0, .timestamp = digit_ms(clock_mono_ns()) };
	struct talk t;

	(void)state;
	tonepair_init();
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_EVENT, KEDGE_DTMF_INBAND);
	assert_int_equal(digit_put(segment_digits(&plane.seg, 0, 1), &d, t.call.a.want.generation), 0);
	plane_commit(&plane, &t.call.a);
	for (unsigned round = 1; round <= 2; round++) {
		for (unsigned i = 0; i < 7; i++)
			side_event(&t.in, 5, i, 5);
		t.in.peer->next.timestamp += 1600;
		for (unsigned i = 0; i < 100 && (i < 40 || t.out.heard < round); i++) {
			usleep(10000);
			side_hear(&t.out);
		}
		assert_int_equal(t.out.heard, round);
	}
	assert_int_equal(PLANE_COUNT(&plane, digits_said), 2);
	talk_close(&t);
	stop();
}

/* Telephone-event of 16,000 Hz on one side, of 8,000 on the other: lengths stay what they are. */
static void clocks_that_differ(void **state)
{
	struct talk t;

	(void)state;
	start(8);
	talk_open(&t, 0, KEDGE_DTMF_EVENT, KEDGE_DTMF_EVENT);
	t.call.a.out[0].event_rate = 16000;
	t.call.a.out[0].telephone_event = 96;
	plane_write(&plane, &t.call.a, 0);
	plane_commit(&plane, &t.call.a);
	followed();
	t.out.rate = 16000;
	t.out.pt = 96;
	if (type_all(&t, 1)) {
		exact(&t.in, &t.out, true);
		exact(&t.out, &t.in, true);
	}
	assert_int_equal(t.out.heard, TYPED);
	assert_int_equal(t.in.heard, TYPED);
	talk_close(&t);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(twelve_each_way),
		TEST(with_event_packets_lost),
		TEST(clocks_that_differ),
		TEST(asked_and_heard),
	};

	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
