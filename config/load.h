// SPDX-License-Identifier: MIT
/* load: the steps of conf_load(), in order: read (libconfig to rows), derive (names to indices, defaults that depend on
 * others), lint (rules over several settings). Each adds its errors and goes on, so that all are told at once; a field in
 * error keeps its default, and later steps pass over what is missing. One thread. */
#ifndef KEDGE_CONFIG_LOAD_H
#define KEDGE_CONFIG_LOAD_H

#include "config/conf.h"
#include "config/mem.h"
#include "config/row.h"

struct load_place { /* where a field was written */
	const void *field;
	struct conf_where where;
};

struct load_ref { /* a name not yet looked up */
	uint16_t *slot;
	enum row_type type; /* ROW_INTERFACE, ROW_TRUNK, ROW_PROFILE */
	const char *name, *path;
	struct conf_where where;
};

struct load {
	struct conf *c;
	struct conf_mem *m;
	struct err_list *errs;
	struct load_place *places;
	size_t place_count, place_room;
	struct load_ref *refs;
	size_t ref_count, ref_room;
	bool here; /* CONF_FOLDERS: it is to come into force on this machine */
	const char *last_file; /* settings come in runs of one file, and share its name */
};

/* Reads main file and trunks.d into l->c. False if the main file cannot be parsed: then only trunks were looked at. */
bool load_read(struct load *l, const char *file);

/* Fills the DERIVED fields of groups that are there once; load_derive() does it too. */
void load_box(struct load *l);

/* Resolves names, fills DERIVED fields, parses headers and codes. */
void load_derive(struct load *l);

/* Takes a trunk's probe settings apart: part of load_derive(). */
void load_probe(struct load *l, struct conf_trunk *t);

/* The same of its breaker settings; and what of them cannot be meant: part of load_lint(). */
void load_breaker(struct load *l, struct conf_trunk *t);
void lint_breaker(struct load *l, const struct conf_trunk *t);

/* RTP pairs of an interface: an even port and the next one. Are they enough, also to rest? Part of load_lint(). */
unsigned lint_pairs(const struct conf_ports *p);
void lint_ports(struct load *l, const struct conf_interface *i);

/* Its srtp and srtp_suites; part of load_lint(). */
void lint_srtp(struct load *l, const struct conf_trunk *t);
void lint_record(struct load *l, const struct conf_trunk *t);

/* What of it works in G.711 alone, where its codecs leave that out. */
void lint_g711(struct load *l, const struct conf_trunk *t);

/* What a profile plays: part of load_derive(). */
void load_sounds(struct load *l, struct conf_profile *p);

/* dns.resolvers taken apart; the warnings about a lone one, of the setting and of this machine. */
void load_dns(struct load *l);
void load_dns_alone(struct load *l);
void load_dns_system(struct load *l);

/* Rules over several settings, and warnings. */
void load_lint(struct load *l);

/* lint_profile.c: targets that share their fate, room without the first one, time for the last one; emergency numbers. */
void load_lint_fate(struct load *l, const struct conf_profile *p);
void load_lint_capacity(struct load *l, const struct conf_profile *p);
void load_lint_time(struct load *l, const struct conf_profile *p);
void load_lint_emergency(struct load *l);
bool load_is_emergency(const struct load *l, const char *number);

/* lint_route.c: routes, test_numbers, profiles that no route takes. */
void lint_routes(struct load *l);
void lint_test_numbers(struct load *l);
void lint_profiles_taken(struct load *l);

/* CONF_FOLDERS: what depends on this machine. */
void load_folders(struct load *l);

/* Where the field was written; if it was not, `other`. */
struct conf_where load_where(const struct load *l, const void *field, struct conf_where other);

void load_error(struct load *l, struct conf_where w, const char *format, ...) __attribute__((format(printf, 3, 4)));
void load_warn(struct load *l, struct conf_where w, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The longest sum of attempts of a profile, and how it comes about: in derive.c, used by lint too. */
uint64_t load_budget(const struct conf *c, const struct conf_profile *p, char *how, size_t room);

#endif
