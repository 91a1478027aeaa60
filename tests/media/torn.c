// SPDX-License-Identifier: MIT
/* Signaling stood still, or died, in the middle of a write when kedge-media was killed: its successor finds a line of the table that cannot
 * be read. Once that line is whole the call goes on as any other does over a kill: what came meanwhile is heard, on the same line, and no
 * number of a key is used twice. */
#include <signal.h>

#include "routing/shm/seq.h"
#include "tests/media/voice.h"

#define SUITE KEDGE_SUITE_AES_CM_128_HMAC_SHA1_80

struct torn {
	struct call c;
	struct voice in, out;
	struct heard before[2];
};

/* Its lines have rolled over, and have offsets. */
static void talk_open(struct torn *t)
{
	start(8);
	secure_call(&t->c, &t->in, &t->out, 0, 0, SUITE);
	for (int i = 0; i < 10; i++)
		both_hear(&t->in, &t->out);
	t->c.in.next.ssrc = 0x77;
	t->c.in.next.sequence = 65500;
	for (int i = 0; i < 10; i++)
		both_hear(&t->in, &t->out);
	tell(&t->in);
	t->before[1] = listen_to(&t->out);
	tell(&t->out);
	t->before[0] = listen_to(&t->in);
}

static void goes_on(const struct heard *before, const struct heard *now, unsigned n)
{
	assert_int_equal(now->h.ssrc, before->h.ssrc);
	assert_int_equal(now->h.sequence, (uint16_t)(before->h.sequence + n));
	assert_int_equal(now->h.timestamp, before->h.timestamp + n * PAYLOAD);
}

static void killed_while_written(_Atomic uint64_t *seq)
{
	assert_true(plane_stop(&plane, SIGKILL) != 0);
	atomic_fetch_add_explicit(seq, 1, memory_order_relaxed);
	assert_int_equal(plane_start(&plane), 0);
}

/* For `both` ends, or for what the outside end says alone: an end whose line is whole hears and speaks at once, and nobody hears it. */
static void torn_is_mended(struct torn *t, _Atomic uint64_t *seq, bool both)
{
	struct heard h;

	killed_while_written(seq);
	for (int i = 0; i < 5; i++) {
		tell(&t->out);
		if (both)
			tell(&t->in);
	}
	usleep(300000);
	assert_true(PLANE_COUNT(&plane, table_busy) > 0);
	atomic_fetch_add_explicit(seq, 1, memory_order_release);
	for (unsigned i = 1; i <= 5; i++) {
		h = listen_to(&t->in);
		goes_on(&t->before[0], &h, i);
	}
	for (unsigned i = 1; i <= 5; i++) {
		if (!both)
			tell(&t->in);
		h = listen_to(&t->out);
		goes_on(&t->before[1], &h, i);
	}
	for (int i = 0; i < 10; i++)
		both_hear(&t->in, &t->out);
	hang_up(&t->c, &t->in, &t->out);
	stop();
}

static void anchor_is_torn(void **state)
{
	struct torn t;

	talk_open(&t);
	torn_is_mended(&t, &segment_session(&plane.seg, 0)->want.seq, true);
}

static void end_is_torn(void **state)
{
	struct torn t;

	talk_open(&t);
	torn_is_mended(&t, &segment_end(&plane.seg, 0, 0)->want.seq, false);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(anchor_is_torn),
		TEST(end_is_torn),
	};

	if (srtp_init() != srtp_err_status_ok)
		return 1;
	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
