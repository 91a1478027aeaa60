// SPDX-License-Identifier: MIT
/* What follows from other settings: names to indices, defaults that depend on others, headers and codes taken apart. */
#include "config/load.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "config/value.h"

/* ---- names ---------------------------------------------------------------------------------- */

struct names { /* the list that references of one type point into */
	const char *what;
	const char *first; /* name field of the first entry */
	size_t step;
	const struct conf_where *where;
	uint16_t count;
};

static const char *name_at(const struct names *n, uint16_t i)
{
	return *(const char *const *)(n->first + i * n->step);
}

static const struct conf_where *where_at(const struct names *n, uint16_t i)
{
	return (const struct conf_where *)((const char *)n->where + i * n->step);
}

#define NAMES(what, list) (struct names){ what, (const char *)&(list).v->name, sizeof(*(list).v), &(list).v->where, (list).count }

static uint16_t look_up(const struct names *n, const char *name)
{
	for (uint16_t i = 0; i < n->count; i++)
		if (!strcmp(name_at(n, i), name))
			return i;
	return CONF_NONE;
}

static void unique(struct load *l, const struct names *n)
{
	for (uint16_t i = 1; i < n->count; i++)
		for (uint16_t k = 0; *name_at(n, i) && k < i; k++)
			if (!strcmp(name_at(n, i), name_at(n, k))) {
				load_error(l, *where_at(n, i), "%s \"%s\": the name is taken at %s:%d", n->what, name_at(n, i),
					where_at(n, k)->file, where_at(n, k)->line);
				break;
			}
}

/* All names as "a|b|c", for row_nearest_word(). */
static const char *all_names(struct load *l, const struct names *n)
{
	char *text = "";

	for (uint16_t i = 0; i < n->count; i++)
		text = mem_print(l->m, "%s%s%s", text, i ? "|" : "", name_at(n, i));
	return text;
}

static void resolve(struct load *l, const struct load_ref *r, const struct names *n)
{
	const char *near;
	size_t length;

	*r->slot = look_up(n, r->name);
	if (*r->slot != CONF_NONE)
		return;
	near = n->count <= 200 ? row_nearest_word(all_names(l, n), r->name, &length) : NULL;
	if (near)
		load_error(l, r->where, "%s: there is no %s \"%s\"; did you mean \"%.*s\"?", r->path, n->what, r->name, (int)length, near);
	else
		load_error(l, r->where, "%s: there is no %s \"%s\"", r->path, n->what, r->name);
}

static void names(struct load *l)
{
	struct conf *c = l->c;
	struct names interfaces = NAMES("interface", c->interfaces), trunks = NAMES("trunk", c->trunks),
		     profiles = NAMES("profile", c->profiles), routes = NAMES("route", c->routes);

	unique(l, &interfaces);
	unique(l, &trunks);
	unique(l, &profiles);
	unique(l, &routes);
	for (size_t i = 0; i < l->ref_count; i++) {
		const struct load_ref *r = &l->refs[i];

		resolve(l, r, r->type == ROW_INTERFACE ? &interfaces : r->type == ROW_TRUNK ? &trunks : &profiles);
	}
}

/* ---- whole box ------------------------------------------------------------------------------ */

/* An absolute path in the environment, or NULL. systemd may name several, with colons between them: the first. */
static const char *env_dir(struct load *l, const char *name)
{
	const char *v = getenv(name);

	return v && *v == '/' ? mem_text(l->m, v, strcspn(v, ":")) : NULL;
}

static const char *state_dir(struct load *l, bool own_run_dir)
{
	const char *dir = env_dir(l, "STATE_DIRECTORY");

	if (dir)
		return dir;
	if (own_run_dir)
		return mem_print(l->m, "%s/state", l->c->run.dir);
	if (!env_dir(l, "XDG_RUNTIME_DIR"))
		return "/var/lib/kedge";
	if ((dir = env_dir(l, "XDG_STATE_HOME")))
		return mem_print(l->m, "%s/kedge", dir);
	return (dir = env_dir(l, "HOME")) ? mem_print(l->m, "%s/.local/state/kedge", dir) : "/var/lib/kedge";
}

void load_box(struct load *l)
{
	struct conf *c = l->c;
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (!*c->run.state_dir)
		c->run.state_dir = state_dir(l, *c->run.dir);
	if (!*c->run.dir)
		c->run.dir = runtime && *runtime == '/' ? mem_print(l->m, "%s/kedge", runtime) : "/run/kedge";
	if (!*c->events.file)
		c->events.file = mem_print(l->m, "%s/events.jsonl", c->run.state_dir);
	if (!*c->admin.socket)
		c->admin.socket = mem_print(l->m, "%s/admin.sock", c->run.dir);
}

static void interface(struct conf_interface *i)
{
	if (i->side != ROW_UNSET_ENUM)
		return;
	i->side = !strcmp(i->name, "inside") ? CONF_ZONE_INSIDE : !strcmp(i->name, "outside") ? CONF_ZONE_OUTSIDE : CONF_ZONE_ANY;
}

/* ---- headers -------------------------------------------------------------------------------- */

/* What holds the dialog together is never the profile's to change. */
static const char untouchable[] = "Via|v|From|f|To|t|Call-ID|i|CSeq|Contact|m|Max-Forwards|Route|Record-Route|"
				  "Content-Length|l|Content-Type|c|Content-Encoding|e";
static const char variables[] = "from.e164|from.user|from.display|to.e164|to.user|call.id|trunk.name";

static bool header_name(const char *text, size_t n)
{
	if (!n || n > 64)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-.!%*_+`'~", text[i]))
			return false;
	return true;
}

static bool one_of(const char *words, const char *name)
{
	size_t n;
	const char *w;

	for (int i = 0; (w = row_word_at(words, i, &n)); i++)
		if (strlen(name) == n && !strncasecmp(w, name, n))
			return true;
	return false;
}

static bool header_allowed(struct load *l, struct conf_where w, const struct conf_trunk *t, const char *key, const char *name)
{
	if (!header_name(name, strlen(name)))
		load_error(l, w, "trunk \"%s\".headers.%s: \"%s\" is no header name", t->name, key, name);
	else if (one_of(untouchable, name))
		load_error(l, w, "trunk \"%s\".headers.%s: \"%s\" belongs to the dialog and cannot be changed", t->name, key, name);
	else
		return true;
	return false;
}

static void header_variables(struct load *l, struct conf_where w, const struct conf_trunk *t, const char *value)
{
	const char *near;
	char name[32];
	size_t n;

	for (const char *s = value; (s = strstr(s, "${")); s += 2) {
		if (!strchr(s, '}')) {
			load_error(l, w, "trunk \"%s\".headers.set: \"%s\" has no closing }", t->name, s);
			return;
		}
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(s + 2, "}"), s + 2);
		if (row_word(variables, name) >= 0)
			continue;
		near = row_nearest_word(variables, name, &n);
		load_error(l, w, "trunk \"%s\".headers.set: there is no ${%s}%s%.*s%s", t->name, name, near ? "; did you mean ${" : "",
			near ? (int)n : 0, near ? near : "", near ? "}?" : "");
	}
}

static void header_line(struct load *l, struct conf_where w, struct conf_trunk *t, const char *line)
{
	size_t n = strcspn(line, ":");
	struct conf_header *h = &t->headers.lines.v[t->headers.lines.count];

	if (!line[n]) {
		load_error(l, w, "trunk \"%s\".headers.set: expected \"Name: value\", got \"%s\"", t->name, line);
		return;
	}
	h->value = line + n + 1 + strspn(line + n + 1, " \t");
	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	h->name = mem_text(l->m, line, n);
	header_variables(l, w, t, h->value);
	if (header_allowed(l, w, t, "set", h->name))
		t->headers.lines.count++;
}

static void number_format(struct load *l, struct conf_trunk *t)
{
	struct conf_headers *h = &t->headers;
	const char *f = h->number_format;

	h->country = "";
	if (!strcmp(f, "plain")) {
		h->format = CONF_NUMBER_PLAIN;
	} else if (!strcmp(f, "e164")) {
		h->format = CONF_NUMBER_E164;
	} else if (!strncmp(f, "national:", 9) && f[9] && strlen(f + 9) <= 3 && strspn(f + 9, "0123456789") == strlen(f + 9)) {
		h->format = CONF_NUMBER_NATIONAL;
		h->country = f + 9;
	} else {
		load_error(l, load_where(l, &h->number_format, h->where),
			"trunk \"%s\".headers.number_format: expected \"plain\", \"e164\" or \"national:CC\" with a country code like 44, got \"%s\"",
			t->name, f);
	}
}

static void number_digits(struct load *l, const struct conf_trunk *t, const char *key, const char *const *field)
{
	if (strspn(*field, "+0123456789*#") != strlen(*field) || strlen(*field) > 32)
		load_error(l, load_where(l, field, t->headers.where), "trunk \"%s\".headers.%s: expected digits, got \"%s\"", t->name, key, *field);
}

static void headers(struct load *l, struct conf_trunk *t)
{
	struct conf_headers *h = &t->headers;
	struct conf_where w = load_where(l, &h->set, h->where);

	h->lines.v = mem_get(l->m, (h->set.count + 1) * sizeof(*h->lines.v));
	for (uint16_t i = 0; i < h->set.count; i++)
		header_line(l, w, t, h->set.v[i]);
	w = load_where(l, &h->strip, h->where);
	for (uint16_t i = 0; i < h->strip.count; i++)
		header_allowed(l, w, t, "strip", h->strip.v[i]);
	w = load_where(l, &h->pass, h->where);
	for (uint16_t i = 0; i < h->pass.count; i++)
		header_allowed(l, w, t, "pass", h->pass.v[i]);
	number_format(l, t);
	number_digits(l, t, "prefix_strip", &h->prefix_strip);
	number_digits(l, t, "prefix_add", &h->prefix_add);
}

/* ---- codes ---------------------------------------------------------------------------------- */

static bool three_digits(const char *s)
{
	return strspn(s, "0123456789") >= 3 && s[0] >= '3' && s[0] <= '6';
}

/* "404", "5xx" or "403;q850=34" at *s, which is moved behind it. */
static bool code_match(const char **s, struct conf_rule *r)
{
	const char *at = *s;
	char *end;
	long cause;

	r->q850 = -1;
	if (at[0] >= '3' && at[0] <= '6' && !strncmp(at + 1, "xx", 2))
		r->class = (uint8_t)(at[0] - '0');
	else if (three_digits(at))
		r->code = (uint16_t)((at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0'));
	else
		return false;
	at += 3;
	if (!strncmp(at, ";q850=", 6)) {
		cause = strtol(at + 6, &end, 10);
		if (end == at + 6 || cause < 1 || cause > 127 || !isdigit((unsigned char)at[6]))
			return false;
		r->q850 = (int16_t)cause;
		at = end;
	}
	*s = at;
	return true;
}

static bool map_to(const char **s, struct conf_rule *r)
{
	if (**s != ':' || !three_digits(*s + 1))
		return false;
	r->to = (uint16_t)strtoul(*s + 1, NULL, 10);
	*s += 4;
	return true;
}

/* Codes separated by commas and blanks. */
static void code_list(struct load *l, struct conf_trunk *t, enum conf_rule_kind kind, const char *key, const void *field, const char *text)
{
	struct conf_rules *rules = &t->codes.rules;

	for (const char *s = text + strspn(text, ", "); *s; s += strspn(s, ", ")) {
		struct conf_rule r = { .kind = (uint8_t)kind };

		if (!code_match(&s, &r) || (kind == CONF_RULE_MAP && !map_to(&s, &r)) || (*s && *s != ',' && *s != ' ')) {
			load_error(l, load_where(l, field, t->codes.where), "trunk \"%s\".codes.%s: expected %s, got \"%s\"", t->name, key,
				kind == CONF_RULE_MAP ? "\"404:503\" or \"403;q850=34:503\"" : "codes 300..699 like \"480,404\", \"5xx\" or \"480;q850=34\"", text);
			return;
		}
		rules->v[rules->count++] = r;
	}
}

static int specific(const void *a, const void *b)
{
	const struct conf_rule *x = a, *y = b;
	int sx = (x->q850 < 0) + 2 * (x->class != 0), sy = (y->q850 < 0) + 2 * (y->class != 0);

	return sx - sy;
}

static void codes(struct load *l, struct conf_trunk *t)
{
	struct conf_codes *k = &t->codes;
	size_t room = strlen(k->next) + strlen(k->stop) + strlen(k->no_count) + 3;

	for (uint16_t i = 0; i < k->map.count; i++)
		room += strlen(k->map.v[i]);
	k->rules.v = mem_get(l->m, (room / 3 + 1) * sizeof(*k->rules.v));
	code_list(l, t, CONF_RULE_NEXT, "next", &k->next, k->next);
	code_list(l, t, CONF_RULE_STOP, "stop", &k->stop, k->stop);
	code_list(l, t, CONF_RULE_NO_COUNT, "no_count", &k->no_count, k->no_count);
	for (uint16_t i = 0; i < k->map.count; i++)
		code_list(l, t, CONF_RULE_MAP, "map", &k->map, k->map.v[i]);
	qsort(k->rules.v, k->rules.count, sizeof(*k->rules.v), specific);
}

/* ---- trunks --------------------------------------------------------------------------------- */

/* The interface to suggest: one that is of no side, more likely meant than that of the other. */
static const struct conf_interface *undecided(const struct conf_interfaces *all)
{
	for (uint16_t i = 0; i < all->count; i++)
		if (all->v[i].side == CONF_ZONE_ANY)
			return &all->v[i];
	return &all->v[0];
}

static void trunk_interface(struct load *l, struct conf_trunk *t)
{
	const struct conf_interfaces *all = &l->c->interfaces;
	enum conf_zone zone = t->side == CONF_SIDE_PBX ? CONF_ZONE_INSIDE : CONF_ZONE_OUTSIDE;

	if (t->interface != CONF_NONE || !all->count)
		return;
	for (uint16_t i = 0; i < all->count && t->interface == CONF_NONE; i++)
		if (all->v[i].side == zone)
			t->interface = i;
	if (t->interface == CONF_NONE && all->count == 1)
		t->interface = 0;
	/* A name that was given and not found has its error already. */
	if (t->interface == CONF_NONE && load_where(l, &t->interface, (struct conf_where){ 0 }).line == 0)
		load_error(l, t->where, "trunk \"%s\": no interface has side \"%s\": name one, interface = \"%s\"", t->name,
			zone == CONF_ZONE_INSIDE ? "inside" : "outside", undecided(all)->name);
}

static void trunk_hops(struct load *l, struct conf_trunk *t)
{
	const struct conf_uri *next = t->outbound_proxy.host ? &t->outbound_proxy : &t->uri;

	for (uint16_t i = 0; i < t->hops.count; i++)
		if (!t->hops.v[i].addr.family)
			load_error(l, load_where(l, &t->hops, t->where), "trunk \"%s\".hops: \"%s\" is no address", t->name, t->hops.v[i].host);
	if (t->hops.count || !next->host)
		return;
	if (!next->addr.family) /* looked up when kedge runs */
		return;
	t->hops.v = mem_get(l->m, sizeof(*t->hops.v));
	t->hops.v[0] = *next;
	t->hops.count = 1;
}

static void trunk_sources(struct load *l, struct conf_trunk *t)
{
	if (t->sources.count || !t->hops.count)
		return;
	t->sources.v = mem_get(l->m, t->hops.count * sizeof(*t->sources.v));
	for (uint16_t i = 0; i < t->hops.count; i++) {
		const struct conf_addr *a = &t->hops.v[i].addr;
		struct conf_net n = { a->family, a->family == AF_INET ? 32 : 128, { 0 } };
		bool seen = !a->family;

		memcpy(n.ip, a->ip, sizeof(n.ip));
		for (uint16_t k = 0; k < t->sources.count; k++)
			seen |= !memcmp(&t->sources.v[k], &n, sizeof(n));
		if (!seen)
			t->sources.v[t->sources.count++] = n;
	}
}

static void trunk(struct load *l, struct conf_trunk *t)
{
	if (t->side == ROW_UNSET_ENUM) /* its error is told; what follows needs some side */
		t->side = CONF_SIDE_CARRIER;
	if (t->late_offer == ROW_UNSET_ENUM)
		t->late_offer = t->side == CONF_SIDE_CARRIER ? CONF_LATE_INSERT : CONF_LATE_PASS;
	if (t->latch == ROW_UNSET_ENUM)
		t->latch = l->c->media.latch;
	if (load_where(l, &t->min_call_duration_ms, (struct conf_where){ 0 }).line == 0)
		t->min_call_duration_ms = t->side == CONF_SIDE_PBX ? 0 : 6000;
	if (!t->timers.ring_ms)
		t->timers.ring_ms = t->side == CONF_SIDE_PBX ? 25000 : 120000;
	trunk_interface(l, t);
	trunk_hops(l, t);
	trunk_sources(l, t);
	headers(l, t);
	codes(l, t);
	load_probe(l, t);
	load_breaker(l, t);
}

/* ---- profiles ------------------------------------------------------------------------------- */

/* Waits of one target when it is not the last, and its ringing. */
static uint64_t ring_of(const struct conf *c, const struct conf_profile *p, const struct conf_target *t)
{
	return p->ring_timeout_ms ? p->ring_timeout_ms : c->trunks.v[t->trunk].timers.ring_ms;
}

uint64_t load_budget(const struct conf *c, const struct conf_profile *p, char *how, size_t room)
{
	uint64_t waits = 0, ring = 0, inbound = 0;
	unsigned tries = 0, last_wait = 0;

	for (uint16_t i = 0; i < p->targets.count && tries <= p->max_retries; i++) {
		const struct conf_target *t = &p->targets.v[i];
		const struct conf_trunk *k = t->enabled && t->trunk != CONF_NONE ? &c->trunks.v[t->trunk] : NULL;

		if (!k)
			continue;
		waits += last_wait;
		last_wait = tries ? k->timers.progress_failover_ms : k->timers.progress_ms;
		ring = ring_of(c, p, t) > ring ? ring_of(c, p, t) : ring;
		inbound += k->side == CONF_SIDE_PBX ? ring_of(c, p, t) : 0;
		tries++;
	}
	if (inbound > waits + ring) {
		snprintf(how, room, "%u targets may ring one after the other", tries);
		return inbound;
	}
	snprintf(how, room,
		"%llus of waiting for progress and %llus of ringing", (unsigned long long)waits / 1000, (unsigned long long)ring / 1000);
	return waits + ring;
}

static void on_busy(struct load *l, struct conf_profile *p)
{
	struct conf_where w = load_where(l, &p->on_busy, p->where);

	p->on_busy_trunk = CONF_NONE;
	if (!strcmp(p->on_busy, "stop"))
		return;
	if (strncmp(p->on_busy, "target:", 7) != 0) {
		load_error(l, w, "profile \"%s\".on_busy: expected \"stop\" or \"target:TRUNK\", got \"%s\"", p->name, p->on_busy);
		return;
	}
	p->on_busy_trunk = conf_trunk_find(l->c, p->on_busy + 7);
	if (p->on_busy_trunk == CONF_NONE)
		load_error(l, w, "profile \"%s\".on_busy: there is no trunk \"%s\"", p->name, p->on_busy + 7);
}

static void retry_same(struct conf_profile *p)
{
	unsigned enabled = 0;

	for (uint16_t i = 0; i < p->targets.count; i++)
		enabled += p->targets.v[i].enabled;
	if (p->retry_same.max == ROW_UNSET_INT)
		p->retry_same.max = enabled == 1 ? 3 : 0;
	if (!p->retry_same.max_delay_ms)
		p->retry_same.max_delay_ms = p->setup_budget_ms > 30000 ? 30000 : p->setup_budget_ms - 1;
}

/* By position; those of one position stay as written. */
static void order(struct conf_targets *t)
{
	for (uint16_t i = 1; i < t->count; i++) {
		struct conf_target one = t->v[i];
		uint16_t k = i;

		for (; k && t->v[k - 1].position > one.position; k--)
			t->v[k] = t->v[k - 1];
		t->v[k] = one;
	}
}

static void profile(struct load *l, struct conf_profile *p)
{
	char how[128];
	uint64_t sum;

	for (uint16_t i = 0; i < p->targets.count; i++)
		if (p->targets.v[i].position == ROW_UNSET_INT)
			p->targets.v[i].position = i + 1u;
	order(&p->targets);
	on_busy(l, p);
	if (!p->setup_budget_ms) {
		sum = load_budget(l->c, p, how, sizeof(how));
		p->setup_budget_ms = sum > 60000 ? (uint32_t)(sum < UINT32_MAX ? sum : UINT32_MAX) : 60000;
	}
	retry_same(p);
	load_sounds(l, p);
}

void load_derive(struct load *l)
{
	struct conf *c = l->c;

	load_box(l);
	load_dns(l);
	names(l);
	for (uint16_t i = 0; i < c->interfaces.count; i++)
		interface(&c->interfaces.v[i]);
	for (uint16_t i = 0; i < c->trunks.count; i++)
		trunk(l, &c->trunks.v[i]);
	for (uint16_t i = 0; i < c->profiles.count; i++)
		profile(l, &c->profiles.v[i]);
}

/* ---- time scale ----------------------------------------------------------------------------- */

static void scale(void *base, const struct row_group *g, uint32_t by)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct row *r = &g->rows[i];
		char *field = (char *)base + r->offset;
		void *v = field;
		size_t count = 1;

		if (r->type == ROW_DURATION && (r->flags & ROW_SCALED)) {
			uint32_t *ms = (uint32_t *)field;

			*ms = *ms && *ms < by ? 1 : *ms / by; /* none becomes "off" */
		}
		if (r->type == ROW_LIST)
			row_list_get(field, &v, &count);
		if (r->type == ROW_LIST || r->type == ROW_GROUP)
			for (size_t k = 0; k < count; k++)
				scale((char *)v + k * row_inner(r)->size, row_inner(r), by);
	}
}

void conf_scale(struct conf *c)
{
	if (c->test.time_scale == 1 || c->scaled)
		return;
	scale(c, &row_groups[ROW_GROUP_conf], c->test.time_scale);
	c->scaled = true;
}
