// SPDX-License-Identifier: MIT
#include "config/conf.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/load.h"

static void note(struct load *l, enum err_level level, struct conf_where w, const char *format, va_list ap)
{
	char text[2048];

	vsnprintf(text, sizeof(text), format, ap);
	err_add(l->errs, level, w.file, w.line, "%s", text);
}

void load_error(struct load *l, struct conf_where w, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	note(l, ERR_ERROR, w, format, ap);
	va_end(ap);
}

void load_warn(struct load *l, struct conf_where w, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	note(l, ERR_WARNING, w, format, ap);
	va_end(ap);
}

static const char *absolute(struct conf_mem *m, const char *file)
{
	char *real = realpath(file, NULL);
	const char *kept = mem_text(m, real ? real : file, strlen(real ? real : file));

	free(real);
	return kept;
}

struct conf *conf_load(const char *file, unsigned flags, struct err_list *errs)
{
	struct conf_mem *m = mem_new();
	struct load l = { .c = mem_get(m, sizeof(struct conf)), .m = m, .errs = errs, .here = flags & CONF_FOLDERS };
	size_t before = errs->errors;

	l.c->mem = m;
	l.c->file = absolute(m, file);
	atomic_store_explicit(&l.c->refs, 1, memory_order_relaxed);
	if (load_read(&l, file)) {
		load_derive(&l);
		load_lint(&l);
		if (flags & CONF_FOLDERS)
			load_folders(&l);
	}
	free(l.places);
	free(l.refs);
	err_sort(errs);
	if (errs->errors > before) {
		mem_free(m);
		return NULL;
	}
	if (!(flags & CONF_UNSCALED))
		conf_scale(l.c);
	return l.c;
}

static bool is_told(const struct err_list *errs, const char *begin)
{
	for (size_t i = 0; i < errs->count; i++)
		if (!strncmp(errs->v[i].text, begin, strlen(begin)))
			return true;
	return false;
}

char *conf_admin_socket(const char *file, struct err_list *errs)
{
	struct conf_mem *m = mem_new();
	struct load l = { .c = mem_get(m, sizeof(struct conf)), .m = m, .errs = errs };
	char *socket = NULL;

	if (load_read(&l, file) && !is_told(errs, "run.") && !is_told(errs, "admin.")) {
		load_box(&l);
		socket = mem_need(strdup(l.c->admin.socket));
	}
	free(l.places);
	free(l.refs);
	mem_free(m);
	err_sort(errs);
	return socket;
}

const struct conf *conf_ref(const struct conf *c)
{
	atomic_fetch_add_explicit(&((struct conf *)c)->refs, 1, memory_order_relaxed);
	return c;
}

bool conf_is_last(const struct conf *c)
{
	/* acquire: behind every other holder's last read, as in conf_unref() */
	return atomic_load_explicit(&((struct conf *)c)->refs, memory_order_acquire) == 1;
}

void conf_unref(const struct conf *c)
{
	if (!c)
		return;
	/* acq_rel: the one that frees must come behind every other holder's last read */
	if (atomic_fetch_sub_explicit(&((struct conf *)c)->refs, 1, memory_order_acq_rel) == 1)
		mem_free(c->mem);
}

#define FIND(what, list)                                                                           \
	uint16_t conf_##what##_find(const struct conf *c, const char *name)                        \
	{                                                                                          \
		for (uint16_t i = 0; i < c->list.count; i++)                                       \
			if (!strcmp(c->list.v[i].name, name))                                      \
				return i;                                                          \
		return CONF_NONE;                                                                  \
	}
FIND(profile, profiles)
FIND(interface, interfaces)

uint16_t conf_trunk_find(const struct conf *c, const char *name)
{
	for (uint16_t i = 0; i < c->trunks.count; i++)
		if (!c->trunks.v[i].gone && !strcmp(c->trunks.v[i].name, name))
			return i;
	return CONF_NONE;
}

bool conf_net_holds(const struct conf_net *net, const struct conf_addr *addr)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->family != addr->family || !net->family || memcmp(net->ip, addr->ip, whole) != 0)
		return false;
	return !rest || ((net->ip[whole] ^ addr->ip[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

uint16_t conf_trunk_of(const struct conf *c, const struct conf_addr *addr, uint16_t iface)
{
	uint16_t best = CONF_NONE;
	unsigned score = 0; /* twice the bits, plus one where the interface is the trunk's */

	for (uint16_t i = 0; i < c->trunks.count; i++) {
		const struct conf_trunk *t = &c->trunks.v[i];

		for (uint16_t k = 0; !t->gone && k < t->sources.count; k++) {
			unsigned s = 2u * t->sources.v[k].bits + (t->interface == iface) + 1;

			if (s > score && conf_net_holds(&t->sources.v[k], addr)) {
				score = s;
				best = i;
			}
		}
	}
	return best;
}

bool conf_trunk_left(const struct conf *c, const struct conf_addr *addr)
{
	for (uint16_t i = 0; i < c->trunks.count; i++)
		for (uint16_t k = 0; c->trunks.v[i].gone && k < c->trunks.v[i].sources.count; k++)
			if (conf_net_holds(&c->trunks.v[i].sources.v[k], addr))
				return true;
	return false;
}

uint64_t conf_detection_ms(const struct conf_trunk *t)
{
	const struct conf_probe *p = &t->probe;

	if (p->method == CONF_PROBE_NONE)
		return 0;
	/* the interval, the probe that finds it, and those that confirm it, each judged after `confirm` */
	return p->interval_ms + p->timeout_ms + (uint64_t)(p->down - 1) * p->confirm_ms;
}

bool conf_probe_good(const struct conf_probe *p, uint16_t code)
{
	bool good = code != 408 && code != 500 && code != 502 && code != 503 && code != 504;

	if (code < 200 || code > 699)
		return false;
	return good != ((p->odd[(code - 200) / 64] >> (code - 200) % 64 & 1) != 0);
}

const char *conf_addr_text(const struct conf_addr *addr, char buf[static CONF_ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "-";
	bool six = addr->family == AF_INET6;

	if (addr->family)
		inet_ntop(addr->family, addr->ip, host, sizeof(host));
	if (addr->port)
		snprintf(buf, CONF_ADDR_TEXT, "%s%s%s:%u", six ? "[" : "", host, six ? "]" : "", addr->port);
	else
		snprintf(buf, CONF_ADDR_TEXT, "%s", host);
	return buf;
}
