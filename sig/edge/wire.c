// SPDX-License-Identifier: MIT
#include "sig/edge/wire.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define FIRST_LINE 16 /* bytes after which a stream must have begun like a message */

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* The head ends behind its empty line. 0: not within size. */
static size_t head_end(const char *data, size_t from, size_t size)
{
	for (const char *p = data + from; (p = memchr(p, '\r', size - (size_t)(p - data))); p++)
		if (size - (size_t)(p - data) >= 4 && memcmp(p, "\r\n\r\n", 4) == 0)
			return (size_t)(p - data) + 4;
	return 0;
}

static bool is_line_end(const char *p, const char *end)
{
	return end - p >= 2 && p[0] == '\r' && p[1] == '\n';
}

/* A line that begins so goes on with the one before: what will be a space does, too. */
static bool goes_on(const char *p, const char *end)
{
	return p < end && (is_space(*p) || *p == 0 || *p == '\n' || (*p == '\r' && !is_line_end(p, end)));
}

/* Bytes changed but for unfolding. */
static uint32_t clean(char *head, size_t size)
{
	uint32_t mended = 0;

	for (size_t i = 0; i < size; i++) {
		if (is_line_end(head + i, head + size)) {
			if (goes_on(head + i + 2, head + size))
				head[i] = head[i + 1] = ' ';
			i++;
		} else if (head[i] == '\r' || head[i] == '\n' || head[i] == 0) {
			head[i] = ' ';
			mended++;
		}
	}
	return mended;
}

/* The end of the line at p, before its CR LF. */
static const char *line_end(const char *p, const char *end)
{
	const char *cr = memchr(p, '\r', (size_t)(end - p));

	return cr ? cr : end;
}

static const char *next_line(const char *line, const char *end)
{
	const char *p = line_end(line, end);

	return end - p > 2 ? p + 2 : end;
}

/* The value of a line of that name; NULL: it is another's. */
static const char *value_of(const char *p, const char *end, const char *name, char letter)
{
	size_t n = strlen(name);

	if ((size_t)(end - p) > n && strncasecmp(p, name, n) == 0)
		p += n;
	else if (letter && end - p > 1 && (*p | 0x20) == letter)
		p++;
	else
		return NULL;
	while (p < end && is_space(*p))
		p++;
	return p < end && *p == ':' ? p + 1 : NULL;
}

static const char *trim(const char *p, const char *end, size_t *length)
{
	while (p < end && is_space(*p))
		p++;
	while (end > p && is_space(end[-1]))
		end--;
	*length = (size_t)(end - p);
	return p;
}

const char *wire_header(const char *head, size_t size, const char *name, char letter, size_t *length)
{
	const char *end = head + size;

	for (const char *p = next_line(head, end); p < end; p = next_line(p, end)) {
		const char *stop = line_end(p, end), *value = value_of(p, stop, name, letter);

		if (value)
			return trim(value, stop, length);
	}
	return NULL;
}

size_t wire_method(const char *head, size_t size)
{
	size_t n = 0;

	while (n < size && head[n] > ' ' && head[n] < 0x7f && head[n] != '/' && head[n] != ':')
		n++;
	return n && n < size && head[n] == ' ' ? n : 0;
}

/* ---- one message ---------------------------------------------------------------------------- */

static enum wire_verdict bad(struct wire_message *m, uint16_t status, const char *why)
{
	m->status = status;
	m->why = why;
	return WIRE_BAD;
}

/* Digits alone, at most nine; -1: it is none. */
static int64_t length_value(const char *p, size_t n)
{
	int64_t v = 0;

	if (n == 0 || n > 9)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* METHOD URI SIP/2.0 (RFC 3261 7.1), with spaces to spare. Of another version or with more words the library answers nobody, or
 * whoever the Via names. */
static enum wire_verdict read_request_line(const char *head, struct wire_message *m)
{
	const char *end = line_end(head, head + m->head), *p = head + wire_method(head, m->head), *uri, *version;
	size_t n;

	p = trim(p, end, &n);
	for (uri = p, end = p + n; p < end && !is_space(*p); p++)
		;
	m->uri = (size_t)(uri - head);
	m->uri_size = (size_t)(p - uri);
	version = trim(p, end, &n);
	if (m->uri_size == 0 || n < 5 || strncasecmp(version, "SIP/", 4) != 0 || memchr(version, ' ', n) || memchr(version, '\t', n))
		return bad(m, 400, "request_line");
	if (n != 7 || memcmp(version + 4, "2.0", 3) != 0)
		return bad(m, 505, "version");
	return WIRE_WHOLE;
}

/* Looks at each line of a clean head. *length: what its Content-Length says, -1: it has none. */
static enum wire_verdict read_head(const char *head, const struct wire_limits *l, struct wire_message *m, int64_t *length)
{
	const char *end = head + m->head;
	uint32_t lines = 0;

	*length = -1;
	m->request = wire_method(head, m->head) > 0;
	for (const char *p = next_line(head, end); p < end; p = next_line(p, end)) {
		const char *stop = line_end(p, end), *value = value_of(p, stop, "content-length", 'l');
		size_t n;
		int64_t v;

		if (++lines > l->headers)
			return bad(m, 400, "headers");
		if (!value)
			continue;
		value = trim(value, stop, &n);
		v = length_value(value, n);
		if (v < 0)
			return bad(m, 400, "content_length");
		if (*length >= 0 && *length != v)
			return bad(m, 400, "two_lengths");
		*length = v;
	}
	return WIRE_WHOLE;
}

enum wire_verdict wire_datagram(char *data, size_t *size, const struct wire_limits *l, struct wire_message *m)
{
	int64_t length;

	*m = (struct wire_message){ .head = head_end(data, 0, *size) };
	if (!m->head)
		m->head = *size;
	m->mended = clean(data, m->head);
	if (*size > l->bytes) {
		m->request = wire_method(data, m->head) > 0;
		return bad(m, 513, "too_long");
	}
	if (read_head(data, l, m, &length) == WIRE_BAD)
		return WIRE_BAD;
	m->body = *size - m->head;
	if (length > (int64_t)m->body)
		return bad(m, 400, "cut_short");
	if (length >= 0)
		m->body = (size_t)length;
	*size = m->head + m->body;
	return m->request ? read_request_line(data, m) : WIRE_WHOLE;
}

/* A first line that no message can have: the rest of it need not be waited for. */
static bool begins_well(const char *data, size_t size)
{
	const char *stop = memmem(data, size, "\r\n", 2);
	const char *line_stop = stop ? stop : data + size;

	for (const char *p = data; p < line_stop && p < data + FIRST_LINE; p++)
		if ((unsigned char)*p < ' ' && *p && *p != '\r' && *p != '\n') /* these are mended */
			return false;
	return !stop || memmem(data, (size_t)(stop - data), "SIP/", 4);
}

enum wire_verdict wire_stream(char *data, size_t size, size_t *seen, const struct wire_limits *l, struct wire_message *m)
{
	size_t type;
	int64_t length;

	*m = (struct wire_message){ .head = head_end(data, *seen > 3 ? *seen - 3 : 0, size) };
	*seen = m->head ? 0 : size;
	if (!m->head) {
		if (size >= l->bytes)
			return bad(m, 513, "too_long");
		return begins_well(data, size) ? WIRE_PART : bad(m, 400, "no_sip");
	}
	m->mended = clean(data, m->head);
	if (!begins_well(data, m->head))
		return bad(m, 400, "no_sip");
	if (read_head(data, l, m, &length) == WIRE_BAD)
		return WIRE_BAD;
	if (length < 0 && wire_header(data, m->head, "content-type", 'c', &type))
		return bad(m, 400, "no_length"); /* a body without an end; without a body we let it pass */
	m->body = length > 0 ? (size_t)length : 0;
	if (m->head + m->body > l->bytes)
		return bad(m, 513, "too_long");
	return size < m->head + m->body ? WIRE_PART : WIRE_WHOLE;
}

/* ---- scanners ------------------------------------------------------------------------------- */

static bool contains(const char *text, size_t size, const char *word, size_t n)
{
	for (size_t i = 0; n && i + n <= size; i++)
		if (strncasecmp(text + i, word, n) == 0)
			return true;
	return false;
}

bool wire_agent_is(const char *head, size_t size, const char *words)
{
	size_t length, n;
	const char *agent = *words ? wire_header(head, size, "user-agent", 0, &length) : NULL;

	for (; agent && *words; words += n + (words[n] == ',')) {
		n = strcspn(words, ",");
		if (contains(agent, length, words, n))
			return true;
	}
	return false;
}

/* ---- answers -------------------------------------------------------------------------------- */

struct writer {
	char *out;
	size_t used, room;
	bool full;
};

static void put(struct writer *w, const char *text, size_t n)
{
	if (w->full || n > w->room - w->used) {
		w->full = true;
		return;
	}
	memcpy(w->out + w->used, text, n);
	w->used += n;
}

static void __attribute__((format(printf, 2, 3))) put_text(struct writer *w, const char *format, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text))
		w->full = true;
	else
		put(w, text, (size_t)n);
}

/* The end of the first of a line's values: a comma outside quotes, or the end. */
static const char *first_value_end(const char *p, const char *end)
{
	for (bool quoted = false; p < end; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p + 1 < end)
			p++;
		else if (!quoted && *p == ',')
			break;
	}
	return p;
}

/* An empty rport parameter between p and end: behind its name; NULL: there is none. */
static const char *empty_rport(const char *p, const char *end)
{
	for (; end - p >= 6; p++)
		if (*p == ';' && strncasecmp(p + 1, "rport", 5) == 0 && (end - p == 6 || p[6] == ';' || is_space(p[6])))
			return p + 6;
	return NULL;
}

/* The topmost Via, with where the request really came from. */
static void put_top_via(struct writer *w, const char *value, size_t length, const struct kedge_addr *from)
{
	const char *end = value + length, *stop = first_value_end(value, end), *rport = empty_rport(value, stop);
	char ip[INET6_ADDRSTRLEN] = "";

	inet_ntop(from->family, from->ip, ip, sizeof(ip));
	put_text(w, "Via: ");
	if (rport) {
		put(w, value, (size_t)(rport - value));
		put_text(w, "=%u", from->port);
		value = rport;
	}
	put(w, value, (size_t)(stop - value));
	if (rport || !contains(value, (size_t)(stop - value), ip, strlen(ip)))
		put_text(w, ";received=%s", ip);
	put(w, stop, (size_t)(end - stop));
	put(w, "\r\n", 2);
}

static unsigned put_vias(struct writer *w, const char *head, size_t size, const struct kedge_addr *from)
{
	const char *end = head + size;
	unsigned n = 0;
	size_t length;

	for (const char *p = next_line(head, end); p < end; p = next_line(p, end)) {
		const char *stop = line_end(p, end), *value = value_of(p, stop, "via", 'v');

		if (!value)
			continue;
		value = trim(value, stop, &length);
		if (n++ == 0) {
			put_top_via(w, value, length, from);
		} else {
			put_text(w, "Via: ");
			put(w, value, length);
			put(w, "\r\n", 2);
		}
	}
	return n;
}

/* Copies a header that an answer repeats; false: the request lacks it. tag: put behind it where it has none. */
static bool put_same(struct writer *w, const char *head, size_t size, const char *name, char letter, const char *tag)
{
	size_t length;
	const char *value = wire_header(head, size, name, letter, &length);

	if (!value || length == 0)
		return false;
	put_text(w, "%s: ", name);
	put(w, value, length);
	if (tag && !contains(value, length, ";tag=", 5))
		put_text(w, ";tag=%s", tag);
	put(w, "\r\n", 2);
	return true;
}

size_t wire_answer(char *out, size_t room, const char *head, size_t size, const struct wire_answer *a)
{
	struct writer w = { .out = out, .room = room };
	size_t method = wire_method(head, size);

	if (!method || (method == 3 && memcmp(head, "ACK", 3) == 0))
		return 0;
	put_text(&w, "SIP/2.0 %u %s\r\n", a->status, a->phrase);
	if (!put_vias(&w, head, size, a->from) || !put_same(&w, head, size, "From", 'f', NULL) || !put_same(&w, head, size, "To", 't', a->tag) ||
	    !put_same(&w, head, size, "Call-ID", 'i', NULL) || !put_same(&w, head, size, "CSeq", 0, NULL))
		return 0;
	put_text(&w, "%sContent-Length: 0\r\n\r\n", a->headers ? a->headers : "");
	return w.full ? 0 : w.used;
}
