// SPDX-License-Identifier: MIT
// offer_law: PCMU beside PCMA. What is offered and answered where media turns one into the other, and the pairs it is told.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "sig/offer/offer.h"

#define EVENT "a=rtpmap:101 telephone-event/8000\r\n"

static void read_body(struct offer *o, char *buf, const char *formats, const char *maps)
{
	sprintf(buf, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP %s\r\n%s", formats, maps);
	assert_int_equal(offer_parse(o, buf, strlen(buf), NULL), 0);
}

static const struct conf_strings *names(struct conf_strings *s, const char **v, const char *list)
{
	static char text[2][64];
	char *copy = text[s->count & 1], *rest = NULL;

	if (!list)
		return NULL;
	strcpy(copy, list);
	s->v = v;
	s->count = 0;
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		v[s->count++] = word;
	return s;
}

struct row {
	const char *what, *from, *maps, *shape, *only, *codecs, *filter, *want; /* want: formats written, NULL: none left */
	bool answer, off;
};

static const struct row rows[] = {
	{ "a first offer names both", "0 101", EVENT, NULL, NULL, NULL, NULL, "0 8 101", false, false },
	{ "behind what needs no turning", "0 9 18", "", NULL, NULL, NULL, NULL, "0 9 18 8", false, false },
	{ "not where it is off", "0 101", EVENT, NULL, NULL, NULL, NULL, "0 101", false, true },
	{ "both are there: as they came", "8 0", "", NULL, NULL, NULL, NULL, "8 0", false, false },
	{ "a trunk with the other one alone", "0 101", EVENT, NULL, NULL, "PCMA", NULL, "8 101", false, false },
	{ "its order does not make kedge work", "0", "", NULL, NULL, "PCMA PCMU", NULL, "0 8", false, false },
	{ "the other trunk's list is of its own law", "0", "", NULL, NULL, NULL, "PCMU", "0 8", false, false },
	{ "a list without any", "0", "", NULL, NULL, "G729", NULL, NULL, false, false },
	{ "nothing of G.711 at all", "9 18", "", NULL, NULL, NULL, NULL, "9 18", false, false },
	{ "cut to what was answered, that first", "8 0 101", EVENT, NULL, "0 101", NULL, NULL, "0 8 101", false, false },
	{ "the number is another codec's", "0 8", "a=rtpmap:8 iLBC/8000\r\n", NULL, NULL, NULL, NULL, "0 8", false, false },
	{ "another codec's, and unwanted", "0 8", "a=rtpmap:8 iLBC/8000\r\n", NULL, NULL, "PCMA", NULL, NULL, false, false },
	{ "an offer inside a dialog stays as it was", "0", "", "0", NULL, NULL, NULL, "0", false, false },
	{ "with both, if both were there", "0", "", "8 0", NULL, NULL, NULL, "0 8", false, false },
	{ "or where nothing else does", "0", "", "8", NULL, "PCMA", NULL, "8", false, false },
	{ "an answer names what was offered", "8 101", EVENT, "0 101", NULL, NULL, NULL, "0 101", true, false },
	{ "and no more than that", "8", "", "0 8", NULL, NULL, NULL, "8", true, false },
	{ "with another codec in front", "9 8", "", "9 0", NULL, NULL, NULL, "9 0", true, false },
	{ "its trunk lets the one through", "0", "", "8 0", NULL, "PCMA", NULL, "8", true, false },
	{ "an answer where it is off", "8", "", "0", NULL, NULL, NULL, NULL, true, true },
};

static void written(void **state)
{
	static char text[3][1024], out[4096];
	static struct offer from, shape, only, back;
	const char *v[2][4];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct conf_strings list[2] = { { .count = 0 }, { .count = 1 } };
		struct offer_origin origin = { .id = 1 };
		struct offer_write w = { .from = &from, .answer = r->answer, .direction = -1, .laws = !r->off,
			.local = { .family = AF_INET, .port = 5000, .ip = { 192, 0, 2, 9 } },
			.codecs = names(&list[0], v[0], r->codecs), .filter = names(&list[1], v[1], r->filter) };
		char formats[64] = "";

		read_body(&from, text[0], r->from, r->maps);
		if (r->shape)
			read_body(&shape, text[1], r->shape, EVENT), w.shape = &shape;
		if (r->only)
			read_body(&only, text[2], r->only, EVENT), w.only = &only;
		if (offer_write(out, sizeof(out), &w, &origin) < 0) {
			if (r->want)
				fail_msg("%s: nothing written", r->what);
			continue;
		}
		sscanf(strstr(out, "RTP/AVP ") + 8, "%63[^\r]", formats);
		if (!r->want || strcmp(formats, r->want))
			fail_msg("%s: %s", r->what, formats);
		assert_int_equal(offer_parse(&back, out, strlen(out), NULL), 0);
		for (char *at = strstr(out, "a=rtpmap:8 "); at; at = strstr(at + 1, "a=rtpmap:8 "))
			assert_null(strstr(at + 1, "a=rtpmap:8 "));
	}
}

static void made_one_is_named(void **state)
{
	static char text[1024], out[4096];
	static struct offer from;
	struct offer_origin origin = { .id = 1 };
	struct offer_write w = { .from = &from, .direction = -1, .laws = true, .local = { .family = AF_INET, .port = 5000 } };

	(void)state;
	read_body(&from, text, "8", "a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n");
	assert_true(offer_write(out, sizeof(out), &w, &origin) > 0);
	assert_non_null(strstr(out, "RTP/AVP 8 0\r\n"));
	assert_non_null(strstr(out, "a=rtpmap:0 PCMU/8000\r\n"));
	/* a type that the line does not name says nothing */
	read_body(&from, text, "8", "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 GSM/8000\r\n");
	assert_true(offer_write(out, sizeof(out), &w, &origin) > 0);
	assert_null(strstr(out, "GSM"));
}

/* An answer has the numbers of its offer, in all that names them; a codec that is numbered twice is there once. */
static void numbered(void **state)
{
	static char text[2][1024], out[4096];
	static struct offer from, shape;
	struct offer_origin origin = { .id = 1 };
	struct offer_write w = { .from = &from, .shape = &shape, .answer = true, .direction = -1, .local = { .family = AF_INET, .port = 5000 } };
	struct kedge_pt pt[8];

	(void)state;
	read_body(&shape, text[0], "111 0 101", "a=rtpmap:111 opus/48000/2\r\n" EVENT);
	read_body(&from, text[1], "96 0 97 98",
	    "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtcp-fb:* nack\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\n"
	    "a=rtpmap:98 telephone-event/8000\r\n");
	assert_true(offer_write(out, sizeof(out), &w, &origin) > 0);
	assert_non_null(strstr(out, "RTP/AVP 111 0 101\r\n"));
	assert_non_null(strstr(out, "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtcp-fb:* nack\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"));
	assert_null(strstr(out, ":98"));
	assert_int_equal(offer_parse(&shape, out, strlen(out), NULL), 0);
	assert_int_equal(offer_map(&shape, &from, pt), 2); /* and media is told of both */
}

/* ---- pairs ----------------------------------------------------------------------------------- */

/* Formats of our half and theirs on the inside, then outside; pairs as "inside>here", U: PCMU inside, A: PCMA inside. */
static void pairs(const char *in_ours, const char *in_theirs, const char *out_ours, const char *out_theirs, const char *want)
{
	static char text[4][1024];
	static struct offer o[4];
	const char *formats[] = { in_ours, in_theirs, out_ours, out_theirs };
	struct kedge_pt pt[8];
	uint8_t laws[2] = { 9, 9 };
	char got[200] = "";
	int n;

	for (unsigned i = 0; i < 4; i++)
		read_body(&o[i], text[i], formats[i], strchr(formats[i], '6') ? "a=rtpmap:96 telephone-event/8000\r\n" : EVENT);
	n = offer_map_laws((struct offer_exchange){ &o[0], &o[1] }, (struct offer_exchange){ &o[2], &o[3] }, pt, offer_map(&o[0], &o[3], pt), laws);
	for (int i = 0; i < n; i++)
		sprintf(got + strlen(got), "%s%u>%u%s%s", i ? " " : "", pt[i].inside, pt[i].here, laws[0] >> i & 1 ? "U" : "", laws[1] >> i & 1 ? "A" : "");
	assert_string_equal(got, want);
}

static void paired(void **state)
{
	(void)state;
	pairs("0 101", "0 8 101", "0 8 101", "8 101", "0>8U");
	pairs("8", "8", "8 0", "0", "8>0A");
	pairs("0 101", "0 101", "0 8 96", "8 96", "101>96 0>8U");
	pairs("0", "0 8", "0 8", "0", "");
	pairs("0 8", "0 8", "0 8", "0 8", "");
	/* one side has both: the law they share stays as it is, whoever sends it */
	pairs("0 8", "0 8", "0 8", "8", "8>8 0>8U");
	pairs("0", "0", "0 8", "0 8", "0>0 0>8U");
	pairs("8", "8", "0 8", "8 0", "8>8 8>0A");
	/* what was offered to the caller and not taken by it is not spoken */
	pairs("8 0", "0", "8 0", "8", "0>8U");
	/* nor what the callee says it has and nobody offered it */
	pairs("0", "0", "0", "0 8", "");
	pairs("9", "9", "9", "9", "");
}

static void full(void **state)
{
	static char text[2][1024];
	static struct offer in, out;
	struct kedge_pt pt[8];
	uint8_t laws[2];

	(void)state;
	read_body(&in, text[0], "0 8", "");
	read_body(&out, text[1], "8", "");
	for (int n = 6; n <= 8; n++) {
		struct offer_exchange i = { &in, &in }, o = { &out, &out };
		int got = offer_map_laws(i, o, pt, n, laws);

		assert_int_equal(got, 8);
		assert_int_equal(laws[0], n == 6 ? 0x80 : 0);
		assert_int_equal(laws[1], 0);
	}
}

static void same(void **state)
{
	static char text[3][1024];
	static struct offer u, a, g;

	(void)state;
	read_body(&u, text[0], "0 101", EVENT);
	read_body(&a, text[1], "8 101", EVENT);
	read_body(&g, text[2], "9 101", EVENT);
	assert_true(offer_same(&u, &a, true) && offer_same(&a, &u, true));
	assert_false(offer_same(&u, &a, false) || offer_same(&u, &g, true));
	assert_true(offer_covers(&u, &a, &a, true));
	assert_false(offer_covers(&u, &a, &a, false) || offer_covers(&u, &g, &g, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),
		cmocka_unit_test(made_one_is_named),
		cmocka_unit_test(numbered),
		cmocka_unit_test(paired),
		cmocka_unit_test(full),
		cmocka_unit_test(same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
