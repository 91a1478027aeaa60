// SPDX-License-Identifier: MIT
/* fuzz/profile: an INVITE of a stranger, as fields parted by 0x1e: display, user, host, number, then headers, name and value
 * parted by 0x1f. What is made of it must be one message: the library reads it back and finds our hosts and no header
 * that no rule lets through. Fields of the library itself: a whole message after a leading 0x1d. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

#include "sig/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *pass[] = { "X-*" };
static struct conf_header set[] = { { "X-Set",
    "a ${from.user} ${from.display} ${from.e164} ${to.user} ${to.e164} \"${from.display}\"" } };
static const struct conf_trunk source = { .trusted = true };

static struct conf_trunk trunk(unsigned flavor)
{
	struct conf_trunk t = { .name = "alpha",
		.side = flavor & 1 ? CONF_SIDE_PBX : CONF_SIDE_CARRIER,
		.trusted = flavor & 2,
		.uri = { .host = "sip.alpha.example" },
		.headers = { .from_host = "",
		    .prefix_strip = flavor & 4 ? "+4" : "",
		    .prefix_add = flavor & 4 ? "00" : "",
		    .country = "44",
		    .format = (uint8_t)(flavor % 3),
		    .pai = (uint8_t)(flavor / 3 % 3),
		    .pass = { pass, 1 },
		    .lines = { set, 1 } } };

	return t;
}

/* One header a line, each a name that a rule knows. */
static unsigned check_lines(const char *lines)
{
	static const char *const known[] = { "Subject", "s", "Priority", "Accept-Language",
		"User-to-User", "Alert-Info", "P-Asserted-Identity", "Privacy", "Diversion",
		"History-Info", "Identity", "y", "Identity-Info", "n", "Date" };
	unsigned n = 0;

	for (const char *p = lines; *p; n++) {
		size_t end = strcspn(p, "\r\n"), name = strcspn(p, ":");
		bool found = !strncasecmp(p, "X-", 2);

		assert(name < end && !strncmp(p + end, "\r\n", 2));
		for (size_t i = 0; i < end; i++)
			assert((unsigned char)p[i] >= 0x20 && p[i] != 0x7f);
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			found |= strlen(known[i]) == name && !strncasecmp(known[i], p, name);
		assert(found);
		p += end + 2;
	}
	return n;
}

static void read_back(const struct profile_out *out)
{
	static char text[PROFILE_TEXT * 2];
	msg_t *msg;
	sip_t *sip;

	snprintf(text, sizeof text,
	    "INVITE %s SIP/2.0\r\nFrom: %s;tag=x\r\nTo: %s\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
	    out->ruri, out->from, out->to);
	msg = msg_make(sip_default_mclass(), 0, text, -1);
	assert(msg);
	sip = sip_object(msg);
	assert(sip->sip_request && sip->sip_from && sip->sip_to && sip->sip_cseq &&
	       !sip->sip_error && !sip->sip_unknown);
	assert(!strcmp(sip->sip_request->rq_url->url_host, "sip.alpha.example"));
	assert(!sip->sip_request->rq_url->url_params);
	assert(!strcmp(sip->sip_to->a_url->url_host, "sip.alpha.example"));
	assert(!strcmp(
	    sip->sip_from->a_url->url_host, out->anonymous ? "anonymous.invalid" : "192.0.2.1"));
	assert(!strcmp(sip->sip_from->a_tag, "x"));
	assert(!sip->sip_from->a_comment);
	msg_destroy(msg);
}

static void make(const struct profile_in *in)
{
	static struct profile_out out;
	struct kedge_addr local = { .family = AF_INET };

	inet_pton(AF_INET, "192.0.2.1", local.ip);
	for (unsigned flavor = 0; flavor < 18; flavor++) {
		struct conf_trunk to = trunk(flavor);

		if (profile_make(&out, in, flavor & 8 ? NULL : &source, &to, &local))
			continue;
		assert(out.used <= sizeof out.text);
		read_back(&out);
		check_lines(out.lines);
	}
}

static void from_message(const char *text)
{
	msg_t *msg = msg_make(sip_default_mclass(), 0, text, -1);
	sip_t *sip = msg ? sip_object(msg) : NULL;
	struct profile_in in;

	if (sip && sip->sip_request) {
		char number[PROFILE_NUMBER];

		profile_read(&in, sip, msg_home(msg), profile_called(number, sip), 1);
		make(&in);
	}
	if (msg)
		msg_destroy(msg);
}

static char *field(char **rest, const char *stops)
{
	char *begin = *rest;

	if (!begin)
		return NULL;
	*rest = begin + strcspn(begin, stops);
	if (**rest)
		*(*rest)++ = 0;
	else
		*rest = NULL;
	return begin;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text;
	struct profile_in in = { .call_id = 1 };

	assert(text);
	memcpy(text, data, size);
	text[size] = 0;
	if (text[0] == 0x1d) {
		from_message(text + 1);
		free(text);
		return 0;
	}
	in.from_display = field(&rest, "\x1e");
	in.from_user = field(&rest, "\x1e");
	in.from_host = field(&rest, "\x1e");
	in.number = field(&rest, "\x1e");
	while (rest && in.headers < PROFILE_HEADERS_IN) {
		char *one = field(&rest, "\x1e"), *value = one, *name = field(&value, "\x1f");

		if (value)
			in.header[in.headers++] = (struct profile_header){ name, value };
	}
	make(&in);
	free(text);
	return 0;
}
