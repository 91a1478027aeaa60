// SPDX-License-Identifier: MIT
#include "sig/trunk/dns_check.h"

#include <string.h>
#include <strings.h>

#define HEADER 12

enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_AAAA = 28, TYPE_SRV = 33, TYPE_NAPTR = 35, TYPE_A6 = 38 };

struct message {
	const uint8_t *p;
	size_t size;
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

struct label_walk {
	size_t at, least; /* least: pointers must point before this, so that each goes further back */
	size_t end;       /* behind the name where it began; 0: no pointer yet */
	size_t length;    /* of the text */
};

/* 1: the next label stands at w->at; 0: the name is over; -1: wrong. */
static int label_next(const struct message *m, struct label_walk *w)
{
	while (w->at < m->size && m->p[w->at] >= 0xc0) {
		size_t to;

		if (w->at + 2 > m->size)
			return -1;
		to = get16(m->p + w->at) & 0x3fffu;
		if (!w->end)
			w->end = w->at + 2;
		if (to < HEADER || to >= w->least)
			return -1;
		w->at = w->least = to;
	}
	if (w->at >= m->size || m->p[w->at] > 63 || w->at + 1 + m->p[w->at] > m->size)
		return -1;
	return m->p[w->at] != 0;
}

/* The offset behind the name at `at`, 0 if it is wrong. text: DNS_NAME_MAX bytes, or NULL. */
static size_t name_end(const struct message *m, size_t at, char *text)
{
	struct label_walk w = { .at = at, .least = at };
	int more;

	while ((more = label_next(m, &w)) > 0) {
		size_t n = m->p[w.at];

		if (w.length + n + 1 >= DNS_NAME_MAX)
			return 0;
		if (text) {
			memcpy(text + w.length, m->p + w.at + 1, n);
			text[w.length + n] = '.';
		}
		w.length += n + 1;
		w.at += n + 1;
	}
	if (more < 0)
		return 0;
	if (text)
		text[w.length ? w.length - 1 : 0] = 0;
	return w.end ? w.end : w.at + 1;
}

static bool is_name(const struct message *m, size_t at, size_t end)
{
	return at < end && name_end(m, at, NULL) == end;
}

/* Two names and five numbers. */
static bool is_soa(const struct message *m, size_t at, size_t end)
{
	size_t second = name_end(m, at, NULL);

	return second && second < end && end > 20 && is_name(m, second, end - 20);
}

/* Two numbers, three strings, a name. */
static bool is_naptr(const struct message *m, size_t at, size_t end)
{
	at += 4;
	for (int i = 0; i < 3; i++) {
		if (at >= end)
			return false;
		at += 1u + m->p[at];
	}
	return is_name(m, at, end);
}

static bool data_good(const struct message *m, uint16_t type, size_t at, size_t end)
{
	switch (type) {
	case TYPE_A:
		return end - at == 4;
	case TYPE_AAAA:
		return end - at == 16;
	case TYPE_CNAME:
	case TYPE_PTR:
		return is_name(m, at, end);
	case TYPE_SRV:
		return is_name(m, at + 6, end);
	case TYPE_NAPTR:
		return is_naptr(m, at, end);
	case TYPE_SOA:
		return is_soa(m, at, end);
	default:
		return type != TYPE_A6; /* nobody's any more (RFC 6563); the library would still take it apart */
	}
}

/* The record at `at`; behind it, or 0. first: it leads the answers. answer: it is one of these. */
static size_t record_end(const struct message *m, size_t at, bool first, bool answer, struct dns_facts *f)
{
	size_t data = name_end(m, at, NULL), end;
	uint16_t type;
	uint32_t ttl;

	if (!data || data + 10 > m->size)
		return 0;
	type = get16(m->p + data);
	ttl = get32(m->p + data + 4);
	end = data + 10 + get16(m->p + data + 8);
	data += 10;
	if (end > m->size || !data_good(m, type, data, end))
		return 0;
	if (type != TYPE_CNAME || !answer)
		return end;
	if (first)
		name_end(m, data, f->alias);
	if (ttl < f->alias_ttl)
		f->alias_ttl = ttl;
	return end;
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strlen(a);

	if (n && a[n - 1] == '.')
		n--;
	return strlen(b) == n && !strncasecmp(a, b, n);
}

/* A server that refuses may leave the question out (RFC 1035 says nothing of it). */
static enum dns_verdict question(const struct message *m, const char *name, const char *also, uint16_t type, size_t *at)
{
	unsigned count = get16(m->p + 4);
	char asked[DNS_NAME_MAX];

	*at = HEADER;
	if (count == 0)
		return m->p[3] & 15 ? DNS_GOOD : DNS_BROKEN;
	*at = count == 1 ? name_end(m, HEADER, asked) : 0;
	if (!*at || *at + 4 > m->size)
		return DNS_BROKEN;
	*at += 4;
	if (get16(m->p + *at - 4) != type || get16(m->p + *at - 2) != 1)
		return DNS_FOREIGN;
	return same_name(name, asked) || (*also && same_name(also, asked)) ? DNS_GOOD : DNS_FOREIGN;
}

enum dns_verdict dns_check(const uint8_t *p, size_t size, const char *name, const char *also, uint16_t type, struct dns_facts *f)
{
	struct message m = { p, size };
	struct dns_facts facts = { .alias_ttl = UINT32_MAX };
	enum dns_verdict verdict;
	unsigned answers, records;
	size_t at;

	if (size < HEADER || size > DNS_SIZE_MAX)
		return DNS_BROKEN;
	if (!(p[2] & 0x80) || (p[2] & 0x78))
		return DNS_FOREIGN; /* no response, or to another kind of question */
	verdict = question(&m, name, also, type, &at);
	if (verdict != DNS_GOOD)
		return verdict;
	answers = get16(p + 6);
	records = answers + get16(p + 8) + get16(p + 10);
	for (unsigned i = 0; i < records; i++) {
		at = record_end(&m, at, i == 0, i < answers, &facts);
		if (!at)
			return DNS_BROKEN;
	}
	facts.rcode = p[3] & 15;
	facts.truncated = p[2] & 2;
	*f = facts;
	return DNS_GOOD;
}
