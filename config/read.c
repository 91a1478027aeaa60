// SPDX-License-Identifier: MIT
/* From files to rows: the only file that calls libconfig, and knows its traps:
 * - one syntax error ends a file, so each file of trunks.d is parsed by itself: all broken ones are told, and an
 *   unclosed brace stays in its file;
 * - an integer beyond 32 bits without an L is cut silently: the text is scanned for such numbers;
 * - @include is relative to the working directory unless told otherwise, and a missing one is not named;
 * - unknown keys are nobody's error: every key is looked up in the rows. */
#include "config/load.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/value.h"

/* ---- places and messages -------------------------------------------------------------------- */

struct path { /* the way from the root to a setting, for messages; on the stack */
	const struct path *up;
	const char *text;
	bool label; /* trunk "alpha", not a key */
};

static void path_text(const struct path *p, char *buf, size_t room)
{
	size_t n;

	*buf = '\0';
	if (!p)
		return;
	path_text(p->up, buf, room);
	n = strlen(buf);
	snprintf(buf + n, room - n, "%s%s", !n ? "" : p->label ? ", " : ".", p->text);
}

static void *grow(void *v, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return v;
	*room = *room ? 2 * *room : 64;
	v = reallocarray(v, *room, size);
	if (!v) {
		fputs("kedge: out of memory\n", stderr);
		exit(1);
	}
	return v;
}

static void place(struct load *l, const void *field, struct conf_where w)
{
	l->places = grow(l->places, l->place_count, &l->place_room, sizeof(*l->places));
	l->places[l->place_count++] = (struct load_place){ field, w };
}

/* "PATH: TEXT" at w; the path of the root is empty. */
static void complain(struct load *l, const struct path *p, struct conf_where w, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void complain(struct load *l, const struct path *p, struct conf_where w, const char *format, ...)
{
	char at[512], text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	path_text(p, at, sizeof(at));
	load_error(l, w, "%s%s%s", at, *at ? ": " : "", text);
}

static struct conf_where where_of(struct load *l, const config_setting_t *s)
{
	const char *file = config_setting_source_file(s);

	if (!file)
		file = "";
	if (!l->last_file || strcmp(l->last_file, file) != 0)
		l->last_file = mem_text(l->m, file, strlen(file));
	return (struct conf_where){ l->last_file, (int)config_setting_source_line(s) };
}

/* What stands there instead, for "got ...". */
static const char *got(const config_setting_t *s, char *buf, size_t room)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(buf, room, "%lld", config_setting_get_int64(s));
		break;
	case CONFIG_TYPE_FLOAT:
		snprintf(buf, room, "%g", config_setting_get_float(s));
		break;
	case CONFIG_TYPE_STRING:
		snprintf(buf, room, "\"%.200s\"", config_setting_get_string(s));
		break;
	case CONFIG_TYPE_BOOL:
		snprintf(buf, room, "%s", config_setting_get_bool(s) ? "true" : "false");
		break;
	case CONFIG_TYPE_GROUP:
		snprintf(buf, room, "a group { }");
		break;
	default:
		snprintf(buf, room, "a list");
	}
	return buf;
}

/* ---- one value ------------------------------------------------------------------------------ */

struct value { /* one setting being read */
	struct load *l;
	const struct path *path;
	const struct row *row;
	void *field;
	struct conf_where where;
};

static void wrong(const struct value *v, const config_setting_t *s, const char *expected)
{
	char is[256];

	complain(v->l, v->path, v->where, "expected %s, got %s", expected, got(s, is, sizeof(is)));
}

static void read_string(const struct value *v, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	if (!text)
		wrong(v, s, "a string");
	else if (!value_clean(text))
		complain(v->l, v->path, v->where, "control characters and bytes that are not UTF-8 are not allowed");
	else
		*(const char **)v->field = mem_text(v->l->m, text, strlen(text));
}

static bool name_ok(const char *text)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strlen(text);

	return n && n < CONF_NAME_MAX && strspn(text, set) == n;
}

static void read_name(const struct value *v, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	if (!text || !name_ok(text))
		wrong(v, s, "a name of 1 to 31 letters, digits, \"-\", \"_\" or \".\"");
	else
		*(const char **)v->field = mem_text(v->l->m, text, strlen(text));
}

static bool is_list(const config_setting_t *s)
{
	return config_setting_type(s) == CONFIG_TYPE_LIST || config_setting_type(s) == CONFIG_TYPE_ARRAY;
}

static bool read_number(const struct value *v, const config_setting_t *s)
{
	int type = config_setting_type(s);
	long long n = config_setting_get_int64(s), min = strtoll(v->row->min, NULL, 10), max = strtoll(v->row->max, NULL, 10);
	char expected[80];

	snprintf(expected, sizeof(expected), "a whole number %lld..%lld%s", min, max,
		type == CONFIG_TYPE_FLOAT && strstr(v->row->meaning, "in tenths") ? " (tenths: 35 for 3.5)" : "");
	if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) || n < min || n > max) {
		wrong(v, s, expected);
		return false;
	}
	*(uint32_t *)v->field = (uint32_t)n;
	return true;
}

static void read_int(const struct value *v, const config_setting_t *s)
{
	read_number(v, s);
}

static void read_ints(const struct value *v, const config_setting_t *s)
{
	struct conf_ints ints = { .count = 0 };
	int length = config_setting_length(s);
	char expected[80];

	snprintf(expected, sizeof(expected), "a list of at most %d numbers, [ 1, 2 ]", CONF_INTS_MAX);
	if (!is_list(s) || length > CONF_INTS_MAX) {
		wrong(v, s, expected);
		return;
	}
	for (int i = 0; i < length; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		struct value one = *v;

		one.where = where_of(v->l, e);
		one.field = &ints.v[ints.count];
		ints.count += read_number(&one, e);
	}
	*(struct conf_ints *)v->field = ints;
}

static void read_bool(const struct value *v, const config_setting_t *s)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		wrong(v, s, "true or false");
	else
		*(bool *)v->field = config_setting_get_bool(s);
}

static void read_time(const struct value *v, const config_setting_t *s, bool (*parse)(const char *, uint32_t *))
{
	const char *text = config_setting_get_string(s);
	char expected[80];
	uint32_t n, min, max;
	int type = config_setting_type(s);

	parse(v->row->min, &min);
	parse(v->row->max, &max);
	snprintf(expected, sizeof(expected), "a duration \"%s\"..\"%s\"", v->row->min, v->row->max);
	if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
		complain(v->l, v->path, v->where, "expected %s, got the bare number %lld: write its unit, \"%llds\" or \"%lldms\"",
			expected, config_setting_get_int64(s), config_setting_get_int64(s), config_setting_get_int64(s));
	else if (!text || !parse(text, &n) || n < min || n > max)
		wrong(v, s, expected);
	else
		*(uint32_t *)v->field = n;
}

/* "a", "b" or "c" */
static void words_text(const char *words, char *buf, size_t room)
{
	size_t n, used = 0;
	const char *w;

	*buf = '\0';
	for (int i = 0; (w = row_word_at(words, i, &n)) && used < room; i++) {
		size_t rest;
		const char *join = !i ? "" : row_word_at(words, i + 1, &rest) ? ", " : " or ";

		used += (size_t)snprintf(buf + used, room - used, "%s\"%.*s\"", join, (int)n, w);
	}
}

/* The place of a word among the row's, or -1 with its error told. */
static int read_word(const struct value *v, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);
	char expected[200], is[256];
	const char *near = NULL;
	size_t n = 0;
	int word = text ? row_word(v->row->min, text) : -1;

	if (word >= 0)
		return word;
	words_text(v->row->min, expected, sizeof(expected));
	if (text)
		near = row_nearest_word(v->row->min, text, &n);
	if (near)
		complain(v->l, v->path, v->where, "expected %s, got %s; did you mean \"%.*s\"?", expected, got(s, is, sizeof(is)), (int)n, near);
	else
		wrong(v, s, expected);
	return -1;
}

static void read_enum(const struct value *v, const config_setting_t *s)
{
	int word = read_word(v, s);

	if (word >= 0)
		*(uint8_t *)v->field = (uint8_t)word;
}

static void read_set(const struct value *v, const config_setting_t *s)
{
	unsigned bits = 0;

	if (!is_list(s) || !config_setting_length(s)) {
		wrong(v, s, "a list of words, [ \"a\", \"b\" ]");
		return;
	}
	for (int i = 0; i < config_setting_length(s); i++) {
		int word = read_word(v, config_setting_get_elem(s, (unsigned)i));

		if (word < 0)
			return;
		bits |= 1u << word;
	}
	*(uint8_t *)v->field = (uint8_t)bits;
}

static void read_ip(const struct value *v, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);

	if (!text || !value_ip(text, v->field))
		wrong(v, s, "an IPv4 or IPv6 address, \"192.0.2.1\"");
}

static void read_ports(const struct value *v, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);
	long min = strtol(v->row->min, NULL, 10), max = strtol(v->row->max, NULL, 10);
	struct conf_ports p;
	char expected[80];

	snprintf(expected, sizeof(expected), "ports \"LOW-HIGH\" within %ld..%ld", min, max);
	if (!text || !value_ports(text, &p) || p.low < min || p.high > max)
		wrong(v, s, expected);
	else
		*(struct conf_ports *)v->field = p;
}

static bool uri_text(const struct value *v, const config_setting_t *s, struct conf_uri *uri)
{
	const char *text = config_setting_get_string(s), *why;
	char is[256];

	if (!text) {
		wrong(v, s, "\"sip:HOST[:PORT][;transport=udp|tcp]\"");
		return false;
	}
	if (value_uri(v->l->m, text, uri, &why))
		return true;
	complain(v->l, v->path, v->where, "%s: %s", got(s, is, sizeof(is)), why);
	return false;
}

static void read_uri(const struct value *v, const config_setting_t *s)
{
	uri_text(v, s, v->field);
}

static bool net_text(const struct value *v, const config_setting_t *s, struct conf_net *net)
{
	const char *text = config_setting_get_string(s), *why;
	char is[256];

	if (!text) {
		wrong(v, s, "a network like \"192.0.2.0/24\" or an address");
		return false;
	}
	if (value_net(text, net, &why))
		return true;
	complain(v->l, v->path, v->where, "%s: %s", got(s, is, sizeof(is)), why);
	return false;
}

static bool text_text(const struct value *v, const config_setting_t *s, const char **text)
{
	struct value one = *v;

	*text = NULL;
	one.field = text;
	read_string(&one, s);
	return *text != NULL;
}

/* A list of strings, each put in its place by what the row's type says. */
static void read_many(const struct value *v, const config_setting_t *s)
{
	size_t size = v->row->type == ROW_URIS ? sizeof(struct conf_uri) :
	    v->row->type == ROW_NETS ? sizeof(struct conf_net) : sizeof(const char *);
	int length = config_setting_length(s);
	char *list;
	size_t count = 0;

	if (!is_list(s) || length > 1000) {
		wrong(v, s, "a list of at most 1000 strings, [ \"...\", \"...\" ]");
		return;
	}
	list = mem_get(v->l->m, (size_t)length * size + 1);
	for (int i = 0; i < length; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		void *at = list + count * size;
		struct value one = *v;
		bool ok;

		one.where = where_of(v->l, e);
		ok = v->row->type == ROW_URIS ? uri_text(&one, e, at) :
		    v->row->type == ROW_NETS ? net_text(&one, e, at) : text_text(&one, e, at);
		count += ok;
	}
	row_list_set(v->field, list, count);
}

static void read_ref(const struct value *v, const config_setting_t *s)
{
	const char *text = config_setting_get_string(s);
	char at[512];

	*(uint16_t *)v->field = CONF_NONE;
	if (!text) {
		wrong(v, s, "a name");
		return;
	}
	if (!strcmp(text, "*") && !strcmp(v->row->def, "*"))
		return;
	path_text(v->path, at, sizeof(at));
	v->l->refs = grow(v->l->refs, v->l->ref_count, &v->l->ref_room, sizeof(*v->l->refs));
	v->l->refs[v->l->ref_count++] = (struct load_ref){ v->field, v->row->type, mem_text(v->l->m, text, strlen(text)),
		mem_text(v->l->m, at, strlen(at)), v->where };
}

static void read_micros(const struct value *v, const config_setting_t *s)
{
	read_time(v, s, value_us);
}

static void read_duration(const struct value *v, const config_setting_t *s)
{
	read_time(v, s, value_ms);
}

static void (*const readers[])(const struct value *, const config_setting_t *) = {
	[ROW_STRING] = read_string, [ROW_NAME] = read_name, [ROW_INT] = read_int, [ROW_BOOL] = read_bool,
	[ROW_DURATION] = read_duration, [ROW_MICROS] = read_micros, [ROW_ENUM] = read_enum, [ROW_SET] = read_set,
	[ROW_IP] = read_ip, [ROW_PORTS] = read_ports, [ROW_URI] = read_uri, [ROW_URIS] = read_many,
	[ROW_NETS] = read_many, [ROW_STRINGS] = read_many, [ROW_INTERFACE] = read_ref, [ROW_TRUNK] = read_ref,
	[ROW_PROFILE] = read_ref, [ROW_INTS] = read_ints,
};

/* ---- defaults ------------------------------------------------------------------------------- */

static uint8_t default_set(const struct row *r)
{
	unsigned bits = 0;
	char word[32];

	for (const char *s = r->def; *s; s += strcspn(s, ","), s += *s == ',') {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(s, ","), s);
		bits |= 1u << row_word(r->min, word);
	}
	return (uint8_t)bits;
}

static void default_ints(const struct row *r, struct conf_ints *ints)
{
	for (const char *s = r->def; *s; s += strcspn(s, ","), s += *s == ',')
		ints->v[ints->count++] = (uint32_t)strtoul(s, NULL, 10);
}

/* The row's default; what is REQUIRED or DERIVED gets the mark of an unset field. The rows are tested (unit config/row). */
static void set_default(const struct row *r, void *field)
{
	bool unset = r->flags & (ROW_REQUIRED | ROW_DERIVED | ROW_SPARE);

	switch (r->type) {
	case ROW_STRING:
	case ROW_NAME:
		*(const char **)field = r->def;
		break;
	case ROW_INT:
		*(uint32_t *)field = unset ? ROW_UNSET_INT : (uint32_t)strtoul(r->def, NULL, 10);
		break;
	case ROW_BOOL:
		*(bool *)field = !strcmp(r->def, "true");
		break;
	case ROW_DURATION:
		if (!unset)
			value_ms(r->def, field);
		break;
	case ROW_MICROS:
		value_us(r->def, field);
		break;
	case ROW_ENUM:
		*(uint8_t *)field = unset ? ROW_UNSET_ENUM : (uint8_t)row_word(r->min, r->def);
		break;
	case ROW_SET:
		*(uint8_t *)field = default_set(r);
		break;
	case ROW_PORTS:
		value_ports(r->def, field);
		break;
	case ROW_INTS:
		default_ints(r, field);
		break;
	case ROW_INTERFACE:
	case ROW_TRUNK:
	case ROW_PROFILE:
		*(uint16_t *)field = CONF_NONE;
		break;
	default: /* addresses, URIs, lists and groups: zero is empty */
		break;
	}
}

/* ---- groups and lists ----------------------------------------------------------------------- */

static void read_group(struct load *l, const config_setting_t *s, const struct row_group *g, void *base, const struct path *path);

/* trunk "alpha", or trunk 3 while it has no name. */
static void entry_label(const config_setting_t *e, const struct row_group *g, int i, char *buf, size_t room)
{
	const char *name = NULL;

	if (config_setting_type(e) == CONFIG_TYPE_GROUP)
		config_setting_lookup_string(e, "name", &name);
	if (name && row_find(g, "name"))
		snprintf(buf, room, "%s \"%.40s\"", g->name, name);
	else
		snprintf(buf, room, "%s %d", g->name, i + 1);
}

static void read_entry(struct load *l, const config_setting_t *e, const struct row_group *g, int i, void *base, const struct path *up)
{
	char label[80], is[256];
	struct path path = { up, label, true };

	entry_label(e, g, i, label, sizeof(label));
	if (config_setting_type(e) == CONFIG_TYPE_GROUP) {
		read_group(l, e, g, base, &path);
		return;
	}
	complain(l, &path, where_of(l, e), "expected a group { key = value; }, got %s", got(e, is, sizeof(is)));
	read_group(l, NULL, g, base, NULL);
	*(struct conf_where *)((char *)base + g->where) = where_of(l, e);
}

/* The entries of s (may be NULL), with room for `more` behind them. Gives the array. */
static char *read_list(struct load *l, const config_setting_t *s, const struct row *r, void *field, const struct path *path, int more)
{
	const struct row_group *g = row_inner(r);
	struct path key = { path, r->key, false };
	int length = s && is_list(s) ? config_setting_length(s) : 0;
	char is[256], *list;

	if (s && !is_list(s))
		complain(l, &key, where_of(l, s), "expected a list ( { ... }, { ... } ), got %s", got(s, is, sizeof(is)));
	if (length + more >= CONF_NONE) {
		complain(l, &key, s ? where_of(l, s) : l->c->where, "at most %d entries are possible", CONF_NONE - 1);
		length = 0;
	}
	list = mem_get(l->m, (size_t)(length + more) * g->size + 1);
	for (int i = 0; i < length; i++)
		read_entry(l, config_setting_get_elem(s, (unsigned)i), g, i, list + (size_t)i * g->size, path);
	row_list_set(field, list, (size_t)length);
	return list;
}

static void read_row(struct load *l, const config_setting_t *s, const struct row *r, void *base, const struct path *path)
{
	void *field = (char *)base + r->offset;
	struct path key = { path, r->key, false };
	struct value v = { l, &key, r, field, { 0 } };
	char is[256];

	if (s) {
		v.where = where_of(l, s);
		place(l, field, v.where);
	}
	if (r->type == ROW_GROUP) {
		if (s && config_setting_type(s) != CONFIG_TYPE_GROUP) {
			complain(l, &key, v.where, "expected a group { key = value; }, got %s", got(s, is, sizeof(is)));
			s = NULL;
		}
		read_group(l, s, row_inner(r), field, &key);
	} else if (r->type == ROW_LIST) {
		read_list(l, s, r, field, path, 0);
	} else {
		set_default(r, field);
		if (s)
			readers[r->type](&v, s);
	}
}

static void unknown_keys(struct load *l, const config_setting_t *s, const struct row_group *g, const struct path *path)
{
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		const char *key = config_setting_name(e), *near;

		if (row_find(g, key))
			continue;
		near = row_nearest(g, key);
		if (near)
			complain(l, path, where_of(l, e), "unknown key \"%s\"; did you mean \"%s\"?", key, near);
		else
			complain(l, path, where_of(l, e), "unknown key \"%s\"", key);
	}
}

/* All rows of a group; s NULL: only defaults, and nothing is missed. */
static void read_group(struct load *l, const config_setting_t *s, const struct row_group *g, void *base, const struct path *path)
{
	struct conf_where *w = (struct conf_where *)((char *)base + g->where);

	if (s) {
		*w = where_of(l, s);
		unknown_keys(l, s, g, path);
	}
	for (size_t i = 0; i < g->count; i++) {
		const struct row *r = &g->rows[i];
		const config_setting_t *e = s ? config_setting_get_member(s, r->key) : NULL;

		if (s && !e && (r->flags & ROW_REQUIRED))
			complain(l, path, *w, "missing \"%s\" (%s)", r->key, r->meaning);
		read_row(l, e, r, base, path);
	}
}

/* ---- files ---------------------------------------------------------------------------------- */

static char *directory_of(struct load *l, const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? mem_text(l->m, file, slash == file ? 1 : (size_t)(slash - file)) : mem_text(l->m, ".", 1);
}

/* Line n of a file, for a message; "" if it cannot be had. */
static void line_of(const char *file, int n, char *buf, size_t room)
{
	FILE *f = file ? fopen(file, "re") : NULL;
	char *line = NULL;
	size_t size = 0;

	*buf = '\0';
	for (int i = 0; f && i < n; i++)
		if (getline(&line, &size, f) < 0)
			n = 0;
	if (f && n > 0 && line) {
		line[strcspn(line, "\r\n")] = '\0';
		snprintf(buf, room, "%s", line + strspn(line, " \t"));
	}
	free(line);
	if (f)
		fclose(f);
}

/* libconfig leaves errno alone where the file is a directory. */
static const char *unreadable(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return strerror(errno);
	if (S_ISDIR(st.st_mode))
		return strerror(EISDIR);
	return access(file, R_OK) < 0 ? strerror(errno) : strerror(EIO);
}

static void syntax_error(struct load *l, const config_t *cfg, const char *file)
{
	struct conf_where w = { config_error_file(cfg) ? config_error_file(cfg) : file, config_error_line(cfg) };
	const char *text = config_error_text(cfg);
	char line[200];

	if (config_error_type(cfg) == CONFIG_ERR_FILE_IO) {
		load_error(l, (struct conf_where){ file, 0 }, "cannot be read: %s", unreadable(file));
		return;
	}
	line_of(w.file, w.line, line, sizeof(line));
	if (text && strstr(text, "include"))
		load_error(l, w, "this file cannot be read: %s", line);
	else
		load_error(l, w, "%s near: %s", text ? text : "syntax error", *line ? line : "(empty line)");
}

struct scan { /* one file's text, for numbers that libconfig would cut */
	struct load *l;
	const char *file, *s;
	int line;
};

static void scan_comment(struct scan *c)
{
	if (c->s[0] == '#' || c->s[1] != '*') {
		c->s += strcspn(c->s, "\n");
		return;
	}
	for (c->s += 2; *c->s && !(c->s[0] == '*' && c->s[1] == '/'); c->s++)
		c->line += *c->s == '\n';
	c->s += *c->s ? 2 : 0;
}

static void scan_string(struct scan *c)
{
	for (c->s++; *c->s && *c->s != '"'; c->s++) {
		c->s += c->s[0] == '\\' && c->s[1];
		c->line += *c->s == '\n';
	}
	c->s += *c->s == '"';
}

static void scan_number(struct scan *c)
{
	const char *from = c->s;
	bool hex = from[0] == '0' && (from[1] | 32) == 'x';
	char *end;
	unsigned long long n;
	bool minus = from[-1] == '-';

	errno = 0;
	n = strtoull(from, &end, hex ? 16 : 10);
	if (!isalnum((unsigned char)*end) && *end != '.' && *end != '_' && (errno || n > (hex ? UINT32_MAX : (unsigned)INT32_MAX + minus)))
		load_error(c->l, (struct conf_where){ c->file, c->line }, "the number %.*s does not fit into 32 bits: write %.*sL",
			(int)(end - from), from, (int)(end - from), from);
	c->s = end + strspn(end, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
}

static void scan_text(struct scan *c)
{
	while (*c->s) {
		if (*c->s == '#' || (*c->s == '/' && (c->s[1] == '/' || c->s[1] == '*'))) {
			scan_comment(c);
		} else if (*c->s == '"') {
			scan_string(c);
		} else if (isdigit((unsigned char)*c->s)) {
			scan_number(c);
		} else if (isalpha((unsigned char)*c->s)) {
			c->s += strspn(c->s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-*");
		} else {
			c->line += *c->s == '\n';
			c->s++;
		}
	}
}

static void scan_file(struct load *l, const char *file)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (!f)
		return;
	n = getdelim(&text, &size, '\0', f);
	fclose(f);
	if (n > 0) {
		/* A byte before the text, so that a sign can be looked for there. */
		char *copy = mem_print(l->m, "\n%s", text);

		scan_text(&(struct scan){ l, file, copy + 1, 1 });
	}
	free(text);
}

/* Parses one file with what it includes. False, with the error told, if it cannot be. */
static bool parse(struct load *l, config_t *cfg, const char *file)
{
	config_init(cfg);
	config_set_include_dir(cfg, directory_of(l, file));
	errno = 0;
	if (!config_read_file(cfg, file)) {
		syntax_error(l, cfg, file);
		return false;
	}
	for (unsigned i = 0; i < cfg->num_filenames; i++)
		scan_file(l, cfg->filenames[i]);
	return true;
}

static int is_cfg(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && d->d_name[0] != '.' && !strcmp(d->d_name + n - 4, ".cfg");
}

/* The files of trunks.d in order of their names; gives their count. */
static int trunk_files(struct load *l, const char *dir, struct dirent ***files)
{
	int n = scandir(dir, files, is_cfg, alphasort);

	if (n >= 0)
		return n;
	*files = NULL;
	if (errno != ENOENT)
		load_error(l, (struct conf_where){ dir, 0 }, "cannot be read: %s", strerror(errno));
	return 0;
}

/* One file of trunks.d: the keys of a trunk, named as the file. A broken file leaves a trunk of that name, so that
 * references to it are no second error. */
static void read_trunk_file(struct load *l, const char *dir, const char *entry, struct conf_trunk *t)
{
	const char *file = mem_print(l->m, "%s/%s", dir, entry);
	const char *name = mem_text(l->m, entry, strlen(entry) - 4);
	const struct row_group *g = row_group("trunk");
	struct path path = { NULL, mem_print(l->m, "trunk \"%s\"", name), true };
	const config_setting_t *own;
	config_setting_t *root;
	config_t cfg;

	if (!parse(l, &cfg, file)) {
		read_group(l, NULL, g, t, NULL);
		t->side = CONF_SIDE_CARRIER;
	} else {
		root = config_root_setting(&cfg);
		own = config_setting_get_member(root, "name");
		if (own && (!config_setting_get_string(own) || strcmp(config_setting_get_string(own), name) != 0))
			complain(l, &path, where_of(l, own), "name must be that of the file, \"%s\", or be left out", name);
		else if (!own) /* what is wrong with the file's name is told below, with its place */
			config_setting_set_string(config_setting_add(root, "name", CONFIG_TYPE_STRING), name_ok(name) ? name : "unnamed");
		read_group(l, root, g, t, &path);
	}
	config_destroy(&cfg);
	if (!name_ok(name))
		load_error(l, (struct conf_where){ file, 0 }, "the file's name is the trunk's: 1 to 31 letters, digits, \"-\", \"_\" or \".\"");
	t->name = name;
	t->where = (struct conf_where){ file, 1 };
}

static void read_trunks(struct load *l, const config_setting_t *s, const struct row *r, const char *file)
{
	struct dirent **files;
	char *dir = mem_print(l->m, "%s/trunks.d", directory_of(l, file));
	int n = trunk_files(l, dir + (strncmp(dir, "./", 2) ? 0 : 2), &files);
	struct conf_trunks *t = &l->c->trunks;

	read_list(l, s, r, t, NULL, n);
	for (int i = 0; i < n; i++) {
		read_trunk_file(l, dir + (strncmp(dir, "./", 2) ? 0 : 2), files[i]->d_name, &t->v[t->count++]);
		free(files[i]);
	}
	free(files);
}

/* The root differs from other groups only in the trunks that come from files. */
static void read_root(struct load *l, const config_setting_t *s, const char *file)
{
	const struct row_group *g = &row_groups[ROW_GROUP_conf];

	l->c->where = (struct conf_where){ mem_text(l->m, file, strlen(file)), 1 };
	unknown_keys(l, s, g, NULL);
	for (size_t i = 0; i < g->count; i++) {
		const struct row *r = &g->rows[i];
		const config_setting_t *e = config_setting_get_member(s, r->key);

		if (!e && (r->flags & ROW_REQUIRED))
			complain(l, NULL, l->c->where, "missing \"%s\" (%s)", r->key, r->meaning);
		if ((char *)l->c + r->offset == (char *)&l->c->trunks)
			read_trunks(l, e, r, file);
		else
			read_row(l, e, r, l->c, NULL);
	}
}

bool load_read(struct load *l, const char *file)
{
	config_t cfg;
	bool ok = parse(l, &cfg, file);

	if (ok)
		read_root(l, config_root_setting(&cfg), file);
	else /* the trunks' own errors are told all the same */
		read_trunks(l, NULL, row_find(&row_groups[ROW_GROUP_conf], "trunks"), file);
	config_destroy(&cfg);
	return ok;
}

/* ---- for the later steps -------------------------------------------------------------------- */

struct conf_where load_where(const struct load *l, const void *field, struct conf_where other)
{
	for (size_t i = 0; i < l->place_count; i++)
		if (l->places[i].field == field)
			return l->places[i].where;
	return other;
}
