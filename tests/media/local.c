// SPDX-License-Identifier: MIT
/* What kedge says itself, heard through a real kedge-media on both backends (A23, A91, A158): the tone is the one of the country,
 * a packet every ptime, one SSRC and sequence before and behind, the far end's first packet takes its place; hold; comfort noise,
 * also as RFC 3389 packets; echo; what is said over everything else; a restart in the middle. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/clock.h"
#include "config/sound.h"
#include "media/tone.h"
#include "tests/media/talk.h"

/* The group media goes on in the harness's line behind this. */
#define PROMPTS                                                                                                                  \
	"}; trunks = ( { name = \"ca\"; side = \"carrier\"; uri = \"sip:127.0.0.2\"; interface = \"any\"; } );"                    \
	"profiles = ( { name = \"us\"; country = \"us\"; announce_failed = \"tone:busy\"; targets = ( { trunk = \"ca\"; } ); }%s );" \
	" alarm = {"

static char setup[1024];

static void start_playing(const char *media, const char *more)
{
	snprintf(setup, sizeof(setup), "%s " PROMPTS, media, more);
	start_with(setup, 16, false, 0);
}

static void speaks(struct call *c, uint8_t place, uint8_t codec, uint8_t pt)
{
	struct kedge_end *e = plane_end_of(&c->a, place);

	e->codec = codec;
	e->audio_pt = pt;
	e->cn_pt = 0xff;
	plane_write(&plane, &c->a, place);
	plane_commit(&plane, &c->a);
}

/* A plane with these settings of media, and a call whose inside end speaks that codec. */
static void begin(struct call *c, uint8_t codec, uint8_t pt, const char *media)
{
	start_playing(media, "");
	call_open(c, 0, "127.0.1.1", "127.0.2.1");
	speaks(c, KEDGE_END_INSIDE, codec, pt);
}

static void play(struct call *c, uint8_t place, const char *name, uint8_t how)
{
	struct kedge_end *e = plane_end_of(&c->a, place);

	e->play = name ? sound_id(name) : 0;
	e->play_how = how;
	e->play_take++;
	plane_write(&plane, &c->a, place);
	plane_commit(&plane, &c->a);
}

struct packet {
	struct rtp h;
	uint8_t data[2048];
	uint64_t ns;
};

static bool next_packet(struct peer *x, struct packet *p, int timeout_ms)
{
	ssize_t n;

	if (wait_readable(x->rtp, timeout_ms) <= 0)
		return false;
	n = recv(x->rtp, p->data, sizeof(p->data), 0);
	p->ns = clock_mono_ns();
	assert_int_equal(rtp_parse(p->data, (size_t)n, &p->h), 0);
	return true;
}

static struct packet heard_packet(struct peer *x)
{
	struct packet p;

	if (!next_packet(x, &p, 10000))
		fail_msg("nothing heard within 10 s");
	return p;
}

/* Up to the first packet of another sender: what was played may still be on its way. All on one line, from *last on. */
static struct packet heard_voice(struct peer *x, struct packet last, uint32_t seed)
{
	struct packet p = heard_packet(x);

	while (rtp_get32(p.data + RTP_HEADER) != seed) {
		assert_int_equal(p.h.sequence, (uint16_t)(last.h.sequence + 1));
		last = p;
		p = heard_packet(x);
	}
	assert_int_equal(p.h.ssrc, last.h.ssrc);
	assert_int_equal(p.h.sequence, (uint16_t)(last.h.sequence + 1));
	assert_true(p.h.marker);
	assert_in_range(p.h.timestamp - last.h.timestamp, 160, 160 + 8 * 500);
	return p;
}

static double level(const int16_t *pcm, size_t n, double f)
{
	double s = 0, c = 0;

	for (size_t i = 0; i < n; i++) {
		s += pcm[i] * sin(2 * M_PI * f * (double)i / 8000);
		c += pcm[i] * cos(2 * M_PI * f * (double)i / 8000);
	}
	return 10 * log10(2 * (s * s + c * c) / ((double)n * (double)n) / (32767.0 * 32767.0 / 2) + 1e-12) + 3.14;
}

/* ulaw_to_linear() of ITU-T G.711, written out once more: the codec under test is not asked. */
static int16_t linear(uint8_t u, bool alaw)
{
	int e, m, v;

	u = alaw ? u ^ 0x55 : (uint8_t)~u;
	e = (u >> 4) & 7;
	m = u & 15;
	if (alaw) {
		v = e ? (m * 16 + 0x108) << (e - 1) : m * 16 + 8;
		return (int16_t)(u & 0x80 ? v : -v);
	}
	v = ((m << 3) + 0x84) << e;
	return (int16_t)(u & 0x80 ? 0x84 - v : v - 0x84);
}

/* Takes the packets of n times 20 ms that follow `last` on one line; their samples to pcm, each where its timestamp says. Where
 * this machine stands still for long, media leaves out what is too late: in sequence still. Returns the last one. */
static struct packet follow(struct peer *x, struct packet last, unsigned n, int16_t *pcm, bool alaw)
{
	uint32_t begin = last.h.timestamp + 160, end = begin + 160 * n, left_out = 0;

	while (last.h.timestamp + 160 != end) {
		struct packet p = heard_packet(x);
		uint32_t at = p.h.timestamp - begin;

		assert_int_equal(p.h.ssrc, last.h.ssrc);
		assert_int_equal(p.h.sequence, (uint16_t)(last.h.sequence + 1));
		assert_int_equal((p.h.timestamp - last.h.timestamp) % 160, 0);
		left_out += (p.h.timestamp - last.h.timestamp) / 160 - 1;
		assert_false(p.h.marker);
		assert_int_equal(p.h.payload, 160);
		for (uint32_t k = 0; k < 160 && pcm && at + k < 160 * n; k++)
			pcm[at + k] = linear(p.data[RTP_HEADER + k], alaw);
		last = p;
		if (at + 160 > 160 * n)
			break;
	}
	assert_true(left_out < 3 + n / 10);
	return last;
}

/* Until the workers have their prompts: the first packet of a tone. */
static struct packet first_packet(struct call *c, struct peer *x, uint8_t place, const char *name, uint8_t how)
{
	struct packet p;

	play(c, place, name, how);
	for (int i = 0; i < 20; i++)
		if (next_packet(x, &p, 500))
			return p;
	fail_msg("no %s", name);
	return p;
}

/* ---- tones, and who comes behind them -------------------------------------------------------- */

/* A23: the tone, its frequencies and cadence, every 20 ms; then the far end's voice, at once, on the same line. */
static void ringback_gives_way(void **state)
{
	static int16_t pcm[160 * 100];
	struct call c;
	struct packet p, q;
	uint64_t began;

	begin(&c, KEDGE_CODEC_PCMU, 0, "comfort_noise = false;");
	p = first_packet(&c, &c.in, KEDGE_END_INSIDE, "ringback/us", KEDGE_PLAY_UNTIL_MEDIA);
	assert_int_equal(p.h.ssrc, c.a.want.ssrc);
	began = p.ns;
	q = follow(&c.in, p, 99, pcm, false); /* to the end of the 2 s on */
	assert_true(fabs(level(pcm, 80 * 160, 440) + 13) < 1 && fabs(level(pcm, 80 * 160, 480) + 13) < 1);
	assert_in_range((q.ns - began) / 1000000, 1700, 2300); /* 99 x 20 ms */
	q = follow(&c.in, q, 20, pcm, false);
	assert_true(level(pcm, 20 * 160, 440) < -50); /* off */
	say(&c.out);
	heard_voice(&c.in, q, c.out.seed);
	hears_nothing(&c.in, 100); /* it does not come back by itself */
	exchange(&c);
	play(&c, KEDGE_END_INSIDE, "ringback/us", KEDGE_PLAY_UNTIL_MEDIA);
	p = heard_packet(&c.in); /* but when it is wanted once more */
	assert_int_equal(p.h.ssrc, q.h.ssrc);
	assert_true(p.h.marker);
	play(&c, KEDGE_END_INSIDE, NULL, 0);
	followed();
	while (next_packet(&c.in, &p, 50))
		;
	hears_nothing(&c.in, 100);
	call_close(&c);
	stop();
}

/* The same wish written again (a re-INVITE, another end's change) does not begin it anew, nor what gave way. */
static void written_again_is_no_new_wish(void **state)
{
	static int16_t pcm[160 * 30];
	struct call c;
	struct packet p;

	begin(&c, KEDGE_CODEC_PCMA, 8, "comfort_noise = false;");
	p = first_packet(&c, &c.in, KEDGE_END_INSIDE, "ringback/us", KEDGE_PLAY_UNTIL_MEDIA);
	assert_int_equal(p.h.payload_type, 8);
	p = follow(&c.in, p, 10, NULL, true);
	plane_end_of(&c.a, KEDGE_END_INSIDE)->telephone_event = 101;
	plane_write(&plane, &c.a, KEDGE_END_INSIDE);
	plane_commit(&plane, &c.a);
	p = follow(&c.in, p, 30, pcm, true);
	assert_true(fabs(level(pcm, 30 * 160, 440) + 13) < 1.5);
	say(&c.out);
	heard_voice(&c.in, p, c.out.seed);
	plane_end_of(&c.a, KEDGE_END_INSIDE)->telephone_event = 102;
	plane_write(&plane, &c.a, KEDGE_END_INSIDE);
	plane_commit(&plane, &c.a);
	followed();
	hears_nothing(&c.in, 100);
	call_close(&c);
	stop();
}

/* Before the final answer: what a carrier still says is not heard, and is not lost on the line either. */
static void over_everything(void **state)
{
	struct call c;
	struct packet p;

	begin(&c, KEDGE_CODEC_PCMU, 0, "comfort_noise = false;");
	p = first_packet(&c, &c.in, KEDGE_END_INSIDE, "busy/us", KEDGE_PLAY_OVER);
	for (int i = 0; i < 10; i++) {
		say(&c.out);
		p = follow(&c.in, p, 2, NULL, false);
	}
	assert_int_equal(PLANE_COUNT(&plane, drop_held), 10);
	play(&c, KEDGE_END_INSIDE, NULL, 0);
	followed();
	while (next_packet(&c.in, &p, 50))
		;
	exchange(&c);
	call_close(&c);
	stop();
}

/* A held end hears nothing; the tone goes on when it is back. */
static void stops_at_hold(void **state)
{
	struct call c;
	struct packet p, q;

	begin(&c, KEDGE_CODEC_PCMU, 0, "comfort_noise = true;");
	p = first_packet(&c, &c.in, KEDGE_END_INSIDE, "ringback/us", KEDGE_PLAY_UNTIL_MEDIA);
	set_flags(&c, KEDGE_END_INSIDE, KEDGE_END_RECV);
	while (next_packet(&c.in, &p, 60))
		;
	assert_false(next_packet(&c.in, &q, 200));
	set_flags(&c, KEDGE_END_INSIDE, KEDGE_END_RECV | KEDGE_END_SEND);
	q = heard_packet(&c.in);
	assert_int_equal(q.h.sequence, (uint16_t)(p.h.sequence + 1));
	assert_true(q.h.marker && (int32_t)(q.h.timestamp - p.h.timestamp) > 8 * 150);
	call_close(&c);
	stop();
}

/* A codec that kedge does not write: silence, not noise. */
static void other_codecs_hear_nothing(void **state)
{
	struct call c;
	struct packet p;

	begin(&c, KEDGE_CODEC_PCMU, 0, "comfort_noise = true;");
	first_packet(&c, &c.in, KEDGE_END_INSIDE, "ringback/us", KEDGE_PLAY_UNTIL_MEDIA);
	speaks(&c, KEDGE_END_INSIDE, KEDGE_CODEC_OTHER, 18);
	followed();
	while (next_packet(&c.in, &p, 50))
		;
	hears_nothing(&c.in, 200);
	call_close(&c);
	stop();
}

/* ---- comfort noise --------------------------------------------------------------------------- */

#define LISTENS (KEDGE_END_SEND | KEDGE_END_RECV)
#define SPEAKS  (LISTENS | KEDGE_END_SPEAKS)

/* A91: who hears a silent end hears low noise, until it speaks again. */
static void noise_for_a_silent_end(void **state)
{
	static int16_t pcm[160 * 50];
	struct call c;
	struct packet p, q;
	struct heard h;
	double loud = 0;

	begin(&c, KEDGE_CODEC_PCMU, 0, "comfort_noise = true; media_dead = \"300ms\";");
	set_flags(&c, 0, SPEAKS);
	set_flags(&c, KEDGE_END_INSIDE, LISTENS);
	say(&c.out);
	h = hear(&c.in);
	p = heard_packet(&c.in); /* 300 ms later */
	assert_int_equal(p.h.ssrc, h.h.ssrc);
	assert_int_equal(p.h.sequence, (uint16_t)(h.h.sequence + 1));
	assert_in_range(p.h.timestamp - h.h.timestamp, 8 * 250, 8 * 1500);
	q = follow(&c.in, p, 50, pcm, false);
	for (int i = 0; i < 160 * 50; i++)
		loud += (double)pcm[i] * pcm[i];
	loud = 10 * log10(loud / (160 * 50) / (32767.0 * 32767.0 / 2)) + 3.14;
	assert_true(loud > TONE_COMFORT_DBM0 - 4 && loud < TONE_COMFORT_DBM0 + 4);
	say(&c.out);
	heard_voice(&c.in, q, c.out.seed);
	hears_nothing(&c.in, 100);
	call_close(&c);
	stop();
}

/* RFC 3389, where that was negotiated. */
static void noise_as_its_own_payload(void **state)
{
	struct call c;
	struct packet p, q;

	begin(&c, KEDGE_CODEC_OTHER, 18, "comfort_noise = true; media_dead = \"300ms\";");
	plane_end_of(&c.a, KEDGE_END_INSIDE)->cn_pt = 13;
	plane_write(&plane, &c.a, KEDGE_END_INSIDE);
	set_flags(&c, 0, SPEAKS);
	set_flags(&c, KEDGE_END_INSIDE, LISTENS);
	p = heard_packet(&c.in);
	for (int i = 0; i < 3; i++) {
		q = heard_packet(&c.in);
		assert_int_equal(q.h.payload_type, 13);
		assert_int_equal(q.h.payload, 1);
		assert_in_range(q.data[RTP_HEADER], 55, 65); /* -dBov */
		assert_int_equal((q.h.timestamp - p.h.timestamp) % 1600, 0);
		assert_int_equal(q.h.sequence, (uint16_t)(p.h.sequence + 1));
		p = q;
	}
	call_close(&c);
	stop();
}

/* RFC 3389 4: on the clock of the codec that is silent, so that it is one line. */
static void noise_on_its_codecs_clock(void **state)
{
	struct heard said;
	struct packet p, q;
	struct call c;

	begin(&c, KEDGE_CODEC_OTHER, 18, "comfort_noise = true; media_dead = \"300ms\";");
	for (int i = 0; i < 2; i++) {
		struct kedge_end *e = plane_end_of(&c.a, i ? 0 : KEDGE_END_INSIDE);

		e->clock_rate = 16000;
		e->cn_pt = 98;
		plane_write(&plane, &c.a, i ? 0 : KEDGE_END_INSIDE);
	}
	set_flags(&c, 0, SPEAKS);
	set_flags(&c, KEDGE_END_INSIDE, LISTENS);
	say(&c.out);
	said = hear(&c.in);
	p = heard_packet(&c.in);
	assert_int_equal(p.h.payload_type, 98);
	assert_int_equal(p.h.ssrc, said.h.ssrc);
	assert_int_equal(p.h.sequence, (uint16_t)(said.h.sequence + 1));
	q = heard_packet(&c.in);
	assert_int_equal((q.h.timestamp - p.h.timestamp) % 3200, 0);
	assert_in_range(q.h.timestamp - p.h.timestamp, 3200, 16000 * 10);
	say(&c.out);
	while (q.h.payload_type == 98)
		q = heard_packet(&c.in);
	assert_int_equal(q.h.ssrc, said.h.ssrc);
	call_close(&c);
	stop();
}

static void no_noise_unless_wanted(void **state)
{
	struct call c;

	begin(&c, KEDGE_CODEC_PCMU, 0, "media_dead = \"300ms\"; comfort_noise = false;");
	set_flags(&c, 0, SPEAKS);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_SILENT, 0, 3000), 0);
	hears_nothing(&c.in, 300);
	call_close(&c);
	stop();
}

/* Two that are silent hear nothing: their call is over, or they are content. One that speaks again is kept company. */
static void no_noise_between_silent_ends(void **state)
{
	struct call c;
	struct packet p;

	begin(&c, KEDGE_CODEC_PCMU, 0, "comfort_noise = true; media_dead = \"300ms\";");
	set_flags(&c, 0, SPEAKS);
	set_flags(&c, KEDGE_END_INSIDE, SPEAKS);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_SILENT, 0, 3000), 0);
	hears_nothing(&c.in, 300);
	say(&c.in);
	p = heard_packet(&c.in);
	assert_int_equal(p.h.payload, 160);
	call_close(&c);
	stop();
}

/* The caller is silent while the call goes to another callee: who was live, and rings or hangs up still, hears no more of it. */
static void no_noise_for_an_old_attempt(void **state)
{
	struct peer other;
	struct call c;
	uint8_t data[2048];

	begin(&c, KEDGE_CODEC_PCMU, 0, "comfort_noise = true; media_dead = \"300ms\";");
	peer_open(&other, "127.0.2.2", 0x77);
	assert_int_equal(plane_end(&plane, &c.a, 1, 1, (struct sockaddr *)&other.local), 0);
	speaks(&c, 0, KEDGE_CODEC_PCMU, 0);
	speaks(&c, 1, KEDGE_CODEC_PCMU, 0);
	set_flags(&c, 0, LISTENS);
	set_flags(&c, 1, LISTENS);
	set_flags(&c, KEDGE_END_INSIDE, SPEAKS);
	say(&c.in);
	hear(&c.out);
	heard_packet(&c.out); /* noise */
	c.a.want.live = 1;
	plane_commit(&plane, &c.a);
	heard_packet(&other); /* it is the other's now */
	while (recv(c.out.rtp, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	hears_nothing(&c.out, 500);
	peer_close(&other);
	call_close(&c);
	stop();
}

/* ---- echo, restart ---------------------------------------------------------------------------- */

/* A158: what it says comes back, byte for byte, and goes nowhere else. */
static void echoes(void **state)
{
	struct call c;
	struct heard h;

	start_playing("comfort_noise = true;", "");
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	make_live(&c, KEDGE_LIVE_NONE);
	set_flags(&c, KEDGE_END_INSIDE, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_ECHO);
	for (int i = 0; i < 100; i++) {
		say(&c.in);
		h = hear(&c.in);
		assert_int_equal(h.seed, c.in.seed);
		assert_int_equal(h.number, (uint16_t)(c.in.next.sequence - 1));
		assert_int_equal(h.h.ssrc, c.a.want.ssrc);
	}
	hears_nothing(&c.out, 50);
	call_close(&c);
	stop();
}

/* A killed media plane: the tone begins again, on the line as it was. */
static void goes_on_after_a_kill(void **state)
{
	struct call c;
	struct packet p, q;

	begin(&c, KEDGE_CODEC_PCMU, 0, "comfort_noise = true;");
	p = first_packet(&c, &c.in, KEDGE_END_INSIDE, "ringback/us", KEDGE_PLAY_UNTIL_MEDIA);
	p = follow(&c.in, p, 10, NULL, false);
	plane_stop(&plane, SIGKILL);
	while (next_packet(&c.in, &q, 50))
		p = q;
	assert_int_equal(plane_start(&plane), 0);
	q = heard_packet(&c.in);
	assert_int_equal(q.h.ssrc, p.h.ssrc);
	assert_int_equal(q.h.sequence, (uint16_t)(p.h.sequence + 1));
	assert_true((int32_t)(q.h.timestamp - p.h.timestamp) > 0);
	follow(&c.in, q, 10, NULL, false);
	call_close(&c);
	stop();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { TEST(ringback_gives_way), TEST(written_again_is_no_new_wish), TEST(over_everything),
		TEST(stops_at_hold), TEST(other_codecs_hear_nothing), TEST(noise_for_a_silent_end), TEST(noise_as_its_own_payload),
		TEST(noise_on_its_codecs_clock),
		TEST(no_noise_unless_wanted), TEST(no_noise_between_silent_ends), TEST(no_noise_for_an_old_attempt), TEST(echoes), TEST(goes_on_after_a_kill) };

	talk_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
