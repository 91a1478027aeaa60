// SPDX-License-Identifier: MIT
/* What kedge hears of its own test tone stands in the session's figures: as that and as nothing else, and still behind a kill -9. */
#include <signal.h>
#include <stdlib.h>

#include <spandsp.h>

#include "media/tone.h"
#include "tests/media/talk.h"

static int16_t *tone;
static struct call c;

static unsigned told(void)
{
	return (unsigned)WORD(segment_stats(&plane.seg, 0)->told[1]);
}

static void say_tone(void)
{
	uint8_t data[PACKET] = { 0x80 };

	rtp_write(data, &c.out.next);
	for (int i = 0; i < PAYLOAD; i++)
		data[RTP_HEADER + i] = linear_to_ulaw(tone[i]);
	assert_int_equal(sendto(c.out.rtp, data, PACKET, 0, (struct sockaddr *)&c.out.to, length(&c.out.to)), PACKET);
	c.out.next.sequence++;
	c.out.next.timestamp += PAYLOAD;
	usleep(20000);
}

static void heard_as_nothing_else(void **state)
{
	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	c.a.out[0].codec = KEDGE_CODEC_PCMU;
	c.a.out[0].flags |= KEDGE_END_SPEAKS;
	c.a.out[0].listen = 1;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	for (int i = 0; i < 250 && told() == 0; i++)
		say_tone();
	assert_int_equal(told(), KEDGE_TOLD_TONE);
	assert_int_equal(told() & (KEDGE_TOLD_REPORTS | KEDGE_TOLD_UNHEARD), 0);
	assert_true(plane_stop(&plane, SIGKILL) != 0);
	assert_int_equal(plane_start(&plane), 0);
	for (int i = 0; i < 3; i++)
		say(&c.out); /* no tone any more */
	usleep(500000); /* its figures are told anew */
	assert_int_equal(told(), KEDGE_TOLD_TONE);
	call_close(&c);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { TEST(heard_as_nothing_else) };
	size_t count;
	int failed;

	if (tone_make("canary", &tone, &count) < 0 || count < PAYLOAD)
		return 1;
	failed = cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
	free(tone);
	return failed;
}
