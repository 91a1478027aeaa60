// SPDX-License-Identifier: MIT
#include "sig/failure.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sofia-sip/nta.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "sig/header.h"

/* ---- header values -------------------------------------------------------------------------- */

static const char *skip_space(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')
		p++;
	return p;
}

uint32_t failure_retry_after(const char *value)
{
	uint64_t s = 0;
	const char *p = value ? skip_space(value) : "";

	for (; *p >= '0' && *p <= '9'; p++)
		if ((s = s * 10 + (uint64_t)(*p - '0')) > UINT32_MAX)
			return UINT32_MAX;
	p = skip_space(p);
	return *p == 0 || *p == ';' || *p == '(' ? (uint32_t)s : 0;
}

/* The end of what begins at p: the next of `stop` outside quotes, or the end of the text. */
static const char *upto(const char *p, const char *stop)
{
	for (bool quoted = false; *p; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p[1])
			p++;
		else if (!quoted && strchr(stop, *p))
			break;
	}
	return p;
}

static void copy_text(char *text, size_t size, const char *p, const char *end)
{
	size_t n = 0;

	if (end > p && *p == '"')
		p++;
	for (; p < end && *p != '"' && n + 1 < size; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		text[n++] = *p >= ' ' && *p < 0x7f ? *p : '?';
	}
	text[n] = 0;
}

/* One parameter "name=value" between p and end. */
static void reason_parameter(
    const char *p, const char *end, uint16_t *cause, char *text, size_t size)
{
	p = skip_space(p);
	const char *name = p;
	while (p < end && *p != '=' && *p != ' ' && *p != '\t')
		p++;
	size_t n = (size_t)(p - name);
	p = skip_space(p);
	if (p >= end || *p != '=')
		return;
	p = skip_space(p + 1);
	if (n == 5 && !strncasecmp(name, "cause", 5)) {
		unsigned v = 0;
		while (p < end && *p >= '0' && *p <= '9' && v <= 127)
			v = v * 10 + (unsigned)(*p++ - '0');
		p = skip_space(p);
		*cause = v <= 127 && p >= end ? (uint16_t)v : 0;
	} else if (n == 4 && !strncasecmp(name, "text", 4) && size) {
		copy_text(text, size, p, end);
	}
}

/* Reason: SIP;cause=486;text="a, b", Q.850 ;cause=17 */
uint16_t failure_q850(const char *reason, char *text, size_t size)
{
	uint16_t cause = 0;

	if (size)
		text[0] = 0;
	for (const char *p = reason ? reason : "", *end; *p; p = *end ? end + 1 : end) {
		end = upto(p, ",");
		p = skip_space(p);
		if (strncasecmp(p, "Q.850", 5) || !strchr(" \t;,", p[5]))
			continue;
		for (p = upto(p, ";,"); p < end; p = upto(p, ";,"))
			p++, reason_parameter(p, upto(p, ";,"), &cause, text, size);
		break;
	}
	return cause;
}

/* "Q.850", "SIP" and the rest of the registry of RFC 3326 as they are written there; NULL: unknown. */
static const char *protocol_of(const char *p)
{
	static const char *const known[] = { "SIP", "Q.850", "Preemption", "STIR" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i]);

		if (!strncasecmp(p, known[i], n) && strchr(" \t;,", p[n]))
			return known[i];
	}
	return NULL;
}

/* cause=NUMBER among the parameters between p and end, 0: none. */
static unsigned cause_number(const char *p, const char *end)
{
	unsigned v = 0;

	for (p = upto(p, ";,"); p < end; p = upto(p, ";,")) {
		p = skip_space(p + 1);
		if (strncasecmp(p, "cause", 5))
			continue;
		p = skip_space(p + 5);
		if (*p != '=')
			continue;
		for (p = skip_space(p + 1), v = 0; *p >= '0' && *p <= '9' && v <= 999; p++)
			v = v * 10 + (unsigned)(*p - '0');
	}
	return v <= 999 ? v : 0;
}

const char *failure_reason(char *buf, size_t size, const char *reason)
{
	size_t used = 0;

	buf[0] = 0;
	for (const char *p = reason ? reason : "", *end; *p; p = *end ? end + 1 : end) {
		end = upto(p, ",");
		p = skip_space(p);
		const char *protocol = protocol_of(p);
		unsigned cause = protocol ? cause_number(p, end) : 0;
		if (!cause)
			continue;
		int n = snprintf(buf + used, size - used, "%s%s;cause=%u", used ? ", " : "", protocol, cause);
		if (n < 0 || (size_t)n >= size - used) {
			buf[used] = 0;
			break;
		}
		used += (size_t)n;
	}
	return buf;
}

unsigned failure_cause_of(unsigned code)
{
	static const struct {
		uint16_t code, cause;
	} map[] = { { 400, 41 }, { 401, 21 }, { 402, 21 }, { 403, 21 }, { 404, 1 }, { 405, 63 }, { 406, 79 }, { 407, 21 }, { 408, 102 },
		{ 410, 22 }, { 413, 127 }, { 414, 127 }, { 415, 79 }, { 416, 127 }, { 420, 127 }, { 421, 127 }, { 423, 127 }, { 480, 18 },
		{ 481, 41 }, { 482, 25 }, { 483, 25 }, { 484, 28 }, { 485, 1 }, { 486, 17 }, { 488, 88 }, { 500, 41 }, { 501, 79 }, { 502, 38 }, { 503, 41 },
		{ 504, 102 }, { 505, 127 }, { 513, 127 }, { 600, 17 }, { 603, 21 }, { 604, 1 }, { 606, 88 } };

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].code == code)
			return map[i].cause;
	return 0;
}

void failure_reason_map(char *buf, size_t size, unsigned code)
{
	const char *sip = strstr(buf, "SIP;cause=");
	unsigned cause = failure_cause_of(sip ? (unsigned)strtoul(sip + 10, NULL, 10) : code);
	size_t used = strlen(buf);

	if (!cause || strstr(buf, "Q.850;") || size - used < sizeof(", Q.850;cause=127"))
		return;
	snprintf(buf + used, size - used, "%sQ.850;cause=%u", used ? ", " : "", cause);
}

/* ---- what it means -------------------------------------------------------------------------- */

static enum cause transport_cause(const struct failure_evidence *e)
{
	if (e->stream && e->connected)
		return e->progress ? CAUSE_NONE : CAUSE_LOST;
	if (e->stream && e->err == ETIMEDOUT)
		return CAUSE_CONNECT;
	return CAUSE_UNREACHABLE;
}

static enum cause cause_of(const struct failure_evidence *e)
{
	if (e->received)
		return e->status >= 300   ? CAUSE_STATUS
		       : e->status >= 200 ? CAUSE_ANSWERED
		                          : CAUSE_NONE;
	if (e->status ==
	    408) /* the library's timers B, C, and the end of a CANCEL nobody answered */
		return CAUSE_NO_REPLY;
	if (e->status || e->err)
		return transport_cause(e);
	return CAUSE_NONE;
}

void failure_read(struct failure *f, const struct failure_evidence *e)
{
	const char *why = e->err ? strerrordesc_np(e->err) : NULL;

	*f = (struct failure){ .outcome.cause = (uint8_t)cause_of(e),
		.err = e->received ? 0 : e->err };
	if (f->outcome.cause == CAUSE_STATUS) {
		f->outcome.code = e->status;
		f->outcome.q850 = failure_q850(e->reason, f->text, sizeof f->text);
		f->outcome.retry_after_s = failure_retry_after(e->retry_after);
		f->outcome.repairable = e->status == 491;
	} else if (why && !e->received) {
		copy_text(f->text, sizeof f->text, why, why + strlen(why));
	}
}

/* ---- from the library ----------------------------------------------------------------------- */

static char *joined(const sip_reason_t *r, su_home_t *home)
{
	char *all = NULL;

	for (; r; r = r->re_next) {
		char *one = header_text(home, (const sip_header_t *)r);

		all = !one ? all : !all ? one : su_sprintf(home, "%s, %s", all, one);
	}
	return all;
}

int failure_status(const struct sip_s *sip)
{
	int status = sip->sip_status->st_status;

	return status < 100 ? 100 : status > 699 ? 500 : status;
}

void failure_evidence(struct failure_evidence *e, const struct sip_s *sip, void *home)
{
	const sip_t *m = sip;

	e->status = m && m->sip_status ? (uint16_t)failure_status(m) : 0;
	e->received = m && m->sip_status && !nta_sip_is_internal(m);
	e->retry_after = m && m->sip_retry_after
	                     ? su_sprintf(home, "%lu", (unsigned long)m->sip_retry_after->af_delta)
	                     : NULL;
	e->reason = m ? joined(m->sip_reason, home) : NULL;
}

const char *failure_said(char *buf, size_t size, const struct sip_s *sip)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };

	su_home_init(home);
	failure_reason(buf, size, ((const sip_t *)sip)->sip_reason ? joined(((const sip_t *)sip)->sip_reason, home) : NULL);
	failure_reason_map(buf, size, 0);
	su_home_deinit(home);
	return buf;
}
