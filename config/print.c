// SPDX-License-Identifier: MIT
/* The rows turned back into text: the effective configuration, the annotated example, the manual. */
#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <sys/socket.h>

#include "config/row.h"
#include "config/text.h"

static void indent(FILE *out, int depth)
{
	while (depth-- > 0)
		fputc('\t', out);
}

/* ---- the effective configuration ------------------------------------------------------------ */

static void print_group(FILE *out, const struct conf *c, const struct row_group *g, const void *base, int depth);

/* A trunk whose place alone is kept: no part of the configuration. */
static bool is_gone(const struct conf *c, const void *entry)
{
	const struct conf_trunk *t = entry;

	return t >= c->trunks.v && t < c->trunks.v + c->trunks.count && t->gone;
}

static void print_list(FILE *out, const struct conf *c, const struct row *r, const void *field, int depth)
{
	const struct row_group *g = row_inner(r);
	size_t count, printed = 0;
	void *v;

	row_list_get(field, &v, &count);
	fprintf(out, "%s = (", r->key);
	for (size_t i = 0; i < count; i++) {
		if (is_gone(c, (const char *)v + i * g->size))
			continue;
		fputs(printed++ ? ",\n" : "\n", out);
		indent(out, depth + 1);
		fputs("{\n", out);
		print_group(out, c, g, (const char *)v + i * g->size, depth + 2);
		indent(out, depth + 1);
		fputs("}", out);
	}
	fputs(printed ? "\n" : "", out);
	indent(out, printed ? depth : 0);
	fputs(");\n", out);
}

static void print_group(FILE *out, const struct conf *c, const struct row_group *g, const void *base, int depth)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct row *r = &g->rows[i];
		const void *field = (const char *)base + r->offset;

		if (text_unset(r, field))
			continue;
		indent(out, depth);
		if (r->type == ROW_LIST) {
			print_list(out, c, r, field, depth);
		} else if (r->type == ROW_GROUP) {
			fprintf(out, "%s = {\n", r->key);
			print_group(out, c, row_inner(r), field, depth + 1);
			indent(out, depth);
			fputs("};\n", out);
		} else {
			fprintf(out, "%s = ", r->key);
			text_value(out, c, r, field);
			fputs(";\n", out);
		}
	}
}

void conf_print(const struct conf *c, FILE *out)
{
	assert(!c->scaled);
	print_group(out, c, &row_groups[ROW_GROUP_conf], c, 0);
}

/* ---- the example ---------------------------------------------------------------------------- */

/* Entries of the lists, key by key; the keys not named are shown as comments in the first entry of each list. */
struct sample {
	const char *list;
	const char *entry; /* "key=value key=value", values as they are written */
};

static const struct sample samples[] = {
	{ "interfaces", "name=\"inside\"|address=\"127.0.3.1\"|rtp_ports=\"20000-23999\"" },
	{ "interfaces", "name=\"outside\"|address=\"127.0.4.1\"|rtp_ports=\"24000-31999\"" },
	{ "trunks", "name=\"alpha\"|side=\"carrier\"|carrier=\"alpha\"|uri=\"sip:127.0.2.1\"" },
	{ "trunks", "name=\"beta\"|side=\"carrier\"|carrier=\"beta\"|uri=\"sip:127.0.2.2\"" },
	{ "trunks", "name=\"pbx1\"|side=\"pbx\"|uri=\"sip:127.0.1.1\"|trusted=true" },
	{ "profiles", "name=\"outbound\"|targets=" },
	{ "profiles", "name=\"inbound\"|targets=" },
	{ "outbound", "trunk=\"alpha\"" },
	{ "outbound", "trunk=\"beta\"" },
	{ "inbound", "trunk=\"pbx1\"" },
	{ "routes", "name=\"out\"|from=\"pbx1\"|profile=\"outbound\"" },
	{ "routes", "name=\"in\"|from=\"*\"|profile=\"inbound\"" },
	{ "test_numbers", "number=\"99901\"|does=\"echo\"" },
};
#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* The sample's value of a key, its length stored; NULL if it has none. */
static const char *sample_value(const char *entry, const char *key, size_t *n)
{
	size_t k = strlen(key);

	for (; entry && *entry; entry += strcspn(entry, "|"), entry += *entry == '|')
		if (!strncmp(entry, key, k) && entry[k] == '=') {
			*n = strcspn(entry + k + 1, "|");
			return entry + k + 1;
		}
	return NULL;
}

/* The default as it would be written; "" where there is none. */
static void default_text(const struct row *r, char *buf, size_t room)
{
	bool list = r->type == ROW_URIS || r->type == ROW_NETS || r->type == ROW_STRINGS;
	bool bare = r->type == ROW_INT || r->type == ROW_BOOL;
	size_t used = 0;

	if (r->flags & (ROW_REQUIRED | ROW_DERIVED) || r->type == ROW_GROUP || r->type == ROW_LIST)
		*buf = '\0';
	else if (r->flags & ROW_SPARE && !*r->def)
		*buf = '\0';
	else if (r->type == ROW_INTS)
		snprintf(buf, room, *r->def ? "[ %s ]" : "[ ]", r->def);
	else if (list)
		snprintf(buf, room, "[ ]");
	else if (r->type != ROW_SET)
		snprintf(buf, room, "%s%s%s", bare ? "" : "\"", r->def, bare ? "" : "\"");
	else
		for (const char *s = r->def; *s && used < room; s += strcspn(s, ","), s += *s == ',')
			used += (size_t)snprintf(buf + used, room - used, "%s\"%.*s\"%s", used ? ", " : "[ ", (int)strcspn(s, ","), s,
			    strchr(s, ',') ? "" : " ]");
}

/* What may be written: "50ms..5s", the words; "" where everything may. */
static void range_text(const struct row *r, char *buf, size_t room)
{
	if (r->type == ROW_ENUM || r->type == ROW_SET)
		snprintf(buf, room, "%s", r->min);
	else if (*r->max)
		snprintf(buf, room, "%s..%s", r->min, r->max);
	else
		*buf = '\0';
}

/* # meaning (range) [needs a restart] */
static void example_comment(FILE *out, const struct row *r, int depth)
{
	char range[128];

	range_text(r, range, sizeof(range));
	indent(out, depth);
	fprintf(out, "# %s%s%s%s%s\n", r->meaning, *range ? " (" : "", range, *range ? ")" : "",
		r->flags & ROW_RESTART ? "; needs a restart" : "");
}

static void example_group(FILE *out, const struct row_group *g, const char *entry, int depth, bool full);

static void example_list(FILE *out, const struct row *r, const char *list, int depth)
{
	bool first = true;

	indent(out, depth);
	fprintf(out, "%s = (", r->key);
	for (size_t i = 0; i < SAMPLES; i++) {
		if (strcmp(samples[i].list, list) != 0)
			continue;
		fputs(first ? "\n" : ",\n", out);
		indent(out, depth + 1);
		fputs("{\n", out);
		example_group(out, row_inner(r), samples[i].entry, depth + 2, first && strcmp(list, "inbound") != 0);
		indent(out, depth + 1);
		fputs("}", out);
		first = false;
	}
	fputs("\n", out);
	indent(out, depth);
	fputs(");\n", out);
}

/* The targets of a sample profile are the samples of its name. */
static const char *list_name(const struct row *r, const char *entry)
{
	if (strcmp(r->key, "targets") != 0)
		return r->key;
	return entry && strstr(entry, "outbound") ? "outbound" : "inbound";
}

static void example_row(FILE *out, const struct row *r, const char *entry, int depth, bool full)
{
	char def[80];
	size_t n = 0;
	const char *value = sample_value(entry, r->key, &n);

	default_text(r, def, sizeof(def));
	if (r->type == ROW_GROUP && full) {
		indent(out, depth);
		fprintf(out, "%s = { # %s\n", r->key, row_inner(r)->title);
		example_group(out, row_inner(r), NULL, depth + 1, true);
		indent(out, depth);
		fputs("};\n", out);
	}
	if (r->type == ROW_GROUP || (!full && !value && r->type != ROW_LIST))
		return;
	if (full && (depth || r->type != ROW_LIST)) /* a list of the root has its title */
		example_comment(out, r, depth);
	if (r->type == ROW_LIST) {
		example_list(out, r, list_name(r, entry), depth);
		return;
	}
	indent(out, depth);
	if (value)
		fprintf(out, "%s = %.*s;\n", r->key, (int)n, value);
	else
		fprintf(out, "#%s = %s;\n", r->key, *def ? def : "...");
}

static void example_group(FILE *out, const struct row_group *g, const char *entry, int depth, bool full)
{
	for (size_t i = 0; i < g->count; i++)
		example_row(out, &g->rows[i], entry, depth, full);
}

void conf_example(FILE *out)
{
	const struct row_group *root = &row_groups[ROW_GROUP_conf];

	fputs("# kedge.cfg: every setting there is. Lines that begin with #KEY = show the default, after what it means and may be.\n"
	      "# Durations are strings with a unit: \"500ms\", \"30s\", \"5min\", \"1h\". Trunks may also stand in trunks.d/NAME.cfg beside\n"
	      "# this file, one each, with the keys of a trunk at the top level.\n", out);
	for (size_t i = 0; i < root->count; i++) {
		const struct row *r = &root->rows[i];

		fputc('\n', out);
		if (r->type == ROW_LIST)
			fprintf(out, "# %s\n", row_inner(r)->title);
		example_row(out, r, NULL, 0, true);
	}
}

/* ---- the manual ----------------------------------------------------------------------------- */

/* scdoc takes _ and * for emphasis, and a dot or hash at the line's begin for its own. */
static void manual_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("_*\\#<>[]", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void manual_row(FILE *out, const struct row *r)
{
	char def[80], range[128];

	default_text(r, def, sizeof(def));
	range_text(r, range, sizeof(range));
	fputs("*", out);
	manual_text(out, r->key);
	fputs("*", out);
	if (*def) {
		fputs(" = ", out);
		manual_text(out, def);
	}
	if (r->flags & ROW_REQUIRED)
		fputs(" (required)", out);
	fputs("\n\t", out);
	manual_text(out, r->meaning);
	if (*range) {
		fputs(" (", out);
		manual_text(out, range);
		fputs(")", out);
	}
	fputs(r->flags & ROW_RESTART ? ". Needs a restart.\n\n" : ".\n\n", out);
}

static void manual_group(FILE *out, const struct row_group *g, const char *prefix)
{
	char path[64];

	for (size_t i = 0; i < g->count; i++)
		if (g->rows[i].type != ROW_GROUP)
			manual_row(out, &g->rows[i]);
	for (size_t i = 0; i < g->count; i++) {
		const struct row *r = &g->rows[i];

		if (r->type != ROW_GROUP && r->type != ROW_LIST)
			continue;
		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", r->key);
		fputs("## ", out);
		manual_text(out, path);
		fputs("\n\n", out);
		manual_text(out, row_inner(r)->title);
		fputs(".\n\n", out);
		manual_group(out, row_inner(r), path);
	}
}

void conf_manual(FILE *out)
{
	manual_group(out, &row_groups[ROW_GROUP_conf], "");
}
