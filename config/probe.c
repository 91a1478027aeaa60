// SPDX-License-Identifier: MIT
/* What a trunk's probe settings say: which codes are good answers, whom a test INVITE calls, who asks. */
#include "config/load.h"

#include <ctype.h>
#include <string.h>

#include "config/row.h"

#define CODE_LOW  200
#define CODE_HIGH 699
#define URI_MAX   200 /* of probe.from and probe.contact: they stand in every probe */

struct codes { /* a bit per code from CODE_LOW on */
	uint64_t bit[8];
};

static void put(struct codes *c, unsigned code)
{
	c->bit[(code - CODE_LOW) / 64] |= 1ULL << (code - CODE_LOW) % 64;
}

/* "404" or "4xx" at s. */
static bool one_code(struct codes *c, const char *s)
{
	unsigned class = (unsigned)(s[0] - '0') * 100;

	if (s[0] < '2' || s[0] > '6')
		return false;
	if (s[1] == 'x' && s[2] == 'x') {
		for (unsigned i = 0; i < 100; i++)
			put(c, class + i);
		return true;
	}
	if (!isdigit((unsigned char)s[1]) || !isdigit((unsigned char)s[2]))
		return false;
	put(c, class + (unsigned)(s[1] - '0') * 10 + (unsigned)(s[2] - '0'));
	return true;
}

static void read_codes(struct load *l, const struct conf_trunk *t, const char *key, const char *const *field, struct codes *c)
{
	for (const char *s = *field + strspn(*field, ", "); *s; s += strspn(s, ", ")) {
		if (!one_code(c, s) || (s[3] && s[3] != ',' && s[3] != ' ')) {
			load_error(l, load_where(l, field, t->probe.where),
				"trunk \"%s\".probe.%s: expected codes 200..699 like \"404,405\" or \"2xx\"%s, got \"%s\"",
				t->name, key, !strcmp(key, "ok") ? ", or \"any\"" : "", *field);
			return;
		}
		s += 3;
	}
}

static void codes(struct load *l, struct conf_trunk *t)
{
	struct conf_probe *p = &t->probe, plain = { 0 };
	struct codes ok = { { 0 } }, bad = { { 0 } };
	bool any = !strcmp(p->ok, "any");

	if (!any)
		read_codes(l, t, "ok", &p->ok, &ok);
	read_codes(l, t, "bad", &p->bad, &bad);
	for (unsigned i = 0; i <= CODE_HIGH - CODE_LOW; i++) {
		uint64_t bit = 1ULL << i % 64;
		bool good = any ? !(bad.bit[i / 64] & bit) : (ok.bit[i / 64] & bit) != 0;

		if (good != conf_probe_good(&plain, (uint16_t)(CODE_LOW + i)))
			p->odd[i / 64] |= bit;
	}
}

static void uri(struct load *l, const struct conf_trunk *t, const char *key, const char *const *field)
{
	const char *s = *field;
	bool sip = !strncmp(s, "sip:", 4) && s[4];

	for (const char *c = s; *c; c++)
		sip &= *c > ' ' && *c < 127 && !strchr("<>\",\\", *c);
	if (*s && (!sip || strlen(s) > URI_MAX))
		load_error(l, load_where(l, field, t->probe.where), "trunk \"%s\".probe.%s: expected \"sip:user@host\", got \"%s\"", t->name, key, s);
}

void load_probe(struct load *l, struct conf_trunk *t)
{
	struct conf_probe *p = &t->probe;
	struct conf_where w = load_where(l, &p->number, p->where);

	codes(l, t);
	uri(l, t, "from", &p->from);
	uri(l, t, "contact", &p->contact);
	if (strspn(p->number, "+0123456789*#") != strlen(p->number) || strlen(p->number) > 32)
		load_error(l, w, "trunk \"%s\".probe.number: expected digits, got \"%s\"", t->name, p->number);
	else if (p->method == CONF_PROBE_INVITE && !*p->number)
		load_error(l, load_where(l, &p->method, w), "trunk \"%s\".probe.method: INVITE needs a number to call, probe.number", t->name);
}
