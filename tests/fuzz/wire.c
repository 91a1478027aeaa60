// SPDX-License-Identifier: MIT
/* fuzz/wire: any bytes as a datagram, and as a stream that comes in pieces. What is called whole has clean lines, and the library finds the same end of it; how a
 * stream is cut changes nothing; an answer is no longer than its room and never two messages. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <sofia-sip/msg.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_parser.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

#include "sig/edge/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wire_limits limits = { 16384, 60 };

static char *exact(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);

	assert(copy);
	memcpy(copy, data, size);
	return copy;
}

/* Every CR has its LF and the other way round, no line is folded, no NUL; one empty line at most, the last. */
static void check_head(const char *head, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert(head[i] != 0);
		assert(head[i] != '\r' || (i + 1 < n && head[i + 1] == '\n'));
		assert(head[i] != '\n' || (i > 0 && head[i - 1] == '\r'));
		assert(head[i] != '\n' || i + 1 == n || (head[i + 1] != ' ' && head[i + 1] != '\t'));
		assert(i + 4 >= n || memcmp(head + i, "\r\n\r\n", 4) != 0);
	}
}

/* The library reads the same head and body out of it. */
static void check_library(const char *text, const struct wire_message *m)
{
	msg_t *msg = msg_make(sip_default_mclass(), 0, text, (ssize_t)(m->head + m->body));
	sip_t *sip = msg ? sip_object(msg) : NULL;

	if (sip && (sip->sip_request || sip->sip_status) && !msg_has_error(msg) && sip->sip_content_length) {
		assert(sip->sip_content_length->l_length == m->body);
		assert((sip->sip_payload ? sip->sip_payload->pl_len : 0) == m->body);
		assert(!sip->sip_content_length->l_next || sip->sip_content_length->l_length == m->body);
	}
	if (msg)
		msg_destroy(msg);
}

static void check_answer(const char *text, size_t head, size_t room)
{
	struct kedge_addr from = { .family = AF_INET, .port = 5060, .ip = { 192, 0, 2, 1 } };
	struct wire_answer a = { 403, "Forbidden", "tag", NULL, &from };
	char *out = malloc(room ? room : 1);
	size_t n;

	assert(out);
	n = wire_answer(out, room, text, head, &a);
	assert(n <= room);
	if (n) {
		assert(memcmp(out, "SIP/2.0 403 ", 12) == 0 && n > 4);
		check_head(out, n);
	}
	free(out);
}

static void datagram(const uint8_t *data, size_t size)
{
	for (; size && (*data == '\r' || *data == '\n'); data++, size--)
		;
	char *text = exact(data, size);
	struct wire_message m;
	size_t n = size, length;

	if (wire_datagram(text, &n, &limits, &m) == WIRE_WHOLE) {
		assert(m.head + m.body == n && n <= size && n <= limits.bytes);
		if (m.head >= 4 && memcmp(text + m.head - 4, "\r\n\r\n", 4) == 0) {
			check_head(text, m.head);
			check_library(text, &m);
		}
	} else {
		assert(m.why && (m.status == 400 || m.status == 505 || m.status == 513));
	}
	assert(m.head <= size);
	check_answer(text, m.head, size);
	wire_agent_is(text, m.head, "a,friendly-scanner,,sipvicious");
	wire_header(text, m.head, "Subject", 's', &length);
	free(text);
}

/* Messages at the front of a stream, as pieces of so many bytes show them. Ends: where each one ended, the last: where it was bad. */
static size_t stream(const uint8_t *data, size_t size, size_t piece, size_t ends[], size_t room)
{
	char *text = exact(data, size);
	size_t at = 0, have = 0, n = 0, seen = 0, need = 0;
	struct wire_message m;

	while (have < size && n < room) {
		have = have + piece < size ? have + piece : size;
		while (at < have && n < room) {
			if (text[at] == '\r' || text[at] == '\n') {
				at++;
				continue;
			}
			if (have - at < need)
				break;
			enum wire_verdict v = wire_stream(text + at, have - at, &seen, &limits, &m);

			if (v == WIRE_PART) {
				assert(have - at < limits.bytes);
				need = m.head + m.body;
				break;
			}
			ends[n++] = v == WIRE_BAD ? SIZE_MAX : at + m.head + m.body;
			if (v == WIRE_BAD)
				goto out;
			assert(m.head + m.body <= have - at);
			check_head(text + at, m.head);
			check_library(text + at, &m);
			at += m.head + m.body;
			seen = need = 0;
		}
	}
out:
	free(text);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t pieces[] = { 1, 7, 1000 };
	size_t whole[16], cut[16], n;

	datagram(data, size);
	n = stream(data, size, size ? size : 1, whole, 16);
	for (size_t i = 0; i < 3; i++) {
		size_t k = stream(data, size, pieces[i], cut, 16);

		/* What is bad may be found earlier or later; whole messages before it are the same. */
		for (size_t j = 0; j < k && j < n; j++)
			assert(cut[j] == whole[j] || cut[j] == SIZE_MAX || whole[j] == SIZE_MAX);
	}
	return 0;
}
