// SPDX-License-Identifier: MIT
#include "sig/operator/operator.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/event.h"
#include "config/state.h"
#include "sig/operator/admin_json.h"
#include "sig/operator/history.h"

#define FILE_NAME "operator.json"
#define DAMAGED   FILE_NAME ".damaged"

struct order {
	char trunk[KEDGE_NAME_MAX];
	struct health_operator o;
};

static struct {
	struct order *v;
	size_t count;
	char *dir;
} orders;

static const char *const words[] = { [HEALTH_AUTO] = "auto", [HEALTH_DOWN] = "down", [HEALTH_DRAIN] = "drain", [HEALTH_UP] = "up" };

const char *operator_word(enum health_mode mode)
{
	return words[mode];
}

int operator_mode(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word))
			return (int)i;
	return -1;
}

static struct order *find(const char *trunk)
{
	for (size_t i = 0; i < orders.count; i++)
		if (!strcmp(orders.v[i].trunk, trunk))
			return &orders.v[i];
	return NULL;
}

static void drop(struct order *o)
{
	*o = orders.v[--orders.count];
}

static json_t *order_json(const char *trunk, const struct health_operator *o)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "trunk", trunk, "order", words[o->mode], "by", o->name, "reason", o->why, "since",
	    (json_int_t)o->since_wall_ms, "until", (json_int_t)o->until_wall_ms);
}

/* ---- the file ------------------------------------------------------------------------------- */

static bool copy_text(char *out, size_t room, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text && (size_t)snprintf(out, room, "%s", text) < room;
}

/* One order as the file has it; false: it is none of ours. */
static bool read_order(struct order *out, const json_t *o)
{
	const char *word = json_string_value(json_object_get(o, "order"));
	const json_t *since = json_object_get(o, "since"), *until = json_object_get(o, "until");
	int mode = word ? operator_mode(word) : -1;

	*out = (struct order){ 0 };
	if (mode <= HEALTH_AUTO || !json_is_integer(since) || !json_is_integer(until))
		return false;
	out->o.mode = (uint8_t)mode;
	out->o.since_wall_ms = (uint64_t)json_integer_value(since);
	out->o.until_wall_ms = (uint64_t)json_integer_value(until);
	return copy_text(out->trunk, sizeof(out->trunk), o, "trunk") && copy_text(out->o.name, sizeof(out->o.name), o, "by") &&
	       copy_text(out->o.why, sizeof(out->o.why), o, "reason");
}

static const char *take(const json_t *file)
{
	const json_t *list = json_object_get(file, "orders"), *o;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > OPERATOR_MAX)
		return "it has no list of orders";
	json_array_foreach(list, i, o)
	{
		if (!read_order(&orders.v[orders.count], o) || find(orders.v[orders.count].trunk)) {
			orders.count = 0;
			return "one of its orders makes no sense";
		}
		orders.count++;
	}
	return NULL;
}

static void put_aside(int dir, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: no order holds, the file is kept as " DAMAGED, why);
	if (renameat(dir, FILE_NAME, dir, DAMAGED) < 0)
		snprintf(text, sizeof(text), "%s: no order holds", why);
	event_log(operator_error, .file = FILE_NAME, .why = text);
}

static void read_file(int dir)
{
	size_t size;
	char *text = state_read(dir, FILE_NAME, &size);
	json_error_t error;
	json_t *file;
	const char *why;

	if (!text) {
		if (errno != ENOENT)
			event_log(operator_error, .file = FILE_NAME, .why = strerror(errno));
		return;
	}
	file = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	why = file ? take(file) : "it is no JSON";
	if (why)
		put_aside(dir, why);
	json_decref(file);
	free(text);
}

char *operator_text(size_t *size)
{
	json_t *list = json_array(), *file = json_pack("{s:o}", "orders", list);
	char *text;

	for (size_t i = 0; i < orders.count; i++)
		json_array_append_new(list, order_json(orders.v[i].trunk, &orders.v[i].o));
	text = file ? json_dumps(file, JSON_INDENT(1)) : NULL;
	json_decref(file);
	*size = text ? strlen(text) : 0;
	return text;
}

int operator_keep(const char *text, size_t size)
{
	int dir = state_open(orders.dir), rc;

	if (dir < 0)
		return dir;
	rc = state_write(dir, FILE_NAME, text, size);
	close(dir);
	return rc;
}

/* ---- what stands ---------------------------------------------------------------------------- */

static void tell_end(const struct order *o)
{
	history_write("expired", order_json(o->trunk, &o->o));
}

void operator_tick(uint64_t wall_ms)
{
	for (size_t i = orders.count; i-- > 0;)
		if (orders.v[i].o.until_wall_ms && wall_ms >= orders.v[i].o.until_wall_ms) {
			tell_end(&orders.v[i]);
			drop(&orders.v[i]);
		}
}

/* Was its end told before? The file is only written with the next order. */
static bool was_told(const json_t *list, const struct order *o)
{
	const json_t *line;
	size_t i;

	json_array_foreach(list, i, line)
	{
		const char *event = json_string_value(json_object_get(line, "event")), *trunk = json_string_value(json_object_get(line, "trunk"));

		if (event && trunk && !strcmp(event, "expired") && !strcmp(trunk, o->trunk) &&
		    (uint64_t)json_integer_value(json_object_get(line, "until")) == o->o.until_wall_ms)
			return true;
	}
	return false;
}

static void drop_told(const char *history_file, uint64_t wall_ms)
{
	for (size_t i = orders.count; i-- > 0;) {
		const struct order *o = &orders.v[i];
		json_t *list;

		if (!o->o.until_wall_ms || wall_ms < o->o.until_wall_ms)
			continue;
		list = history_read(history_file, 0, o->o.until_wall_ms, SIZE_MAX);
		if (was_told(list, o))
			drop(&orders.v[i]);
		json_decref(list);
	}
}

int operator_open(const char *state_dir, const char *history_file, uint64_t wall_ms)
{
	int dir;

	orders.v = calloc(OPERATOR_MAX + 1, sizeof(*orders.v));
	orders.dir = strdup(state_dir);
	if (!orders.v || !orders.dir) {
		operator_close();
		return -ENOMEM;
	}
	dir = state_open(state_dir);
	if (dir < 0) {
		event_log(operator_error, .file = state_dir, .why = strerror(-dir));
		return 0;
	}
	read_file(dir);
	close(dir);
	drop_told(history_file, wall_ms);
	operator_tick(wall_ms);
	return 0;
}

void operator_close(void)
{
	free(orders.v);
	free(orders.dir);
	memset(&orders, 0, sizeof(orders));
}

static bool is_same(const struct health_operator *a, const struct health_operator *b)
{
	return a->mode == b->mode && a->since_wall_ms == b->since_wall_ms && a->until_wall_ms == b->until_wall_ms;
}

void operator_apply(struct health *h, uint64_t now_ns)
{
	static const struct health_operator none;

	for (uint16_t i = 0; i < h->conf->trunks.count && i < HEALTH_TRUNKS; i++) {
		const struct order *o = find(h->conf->trunks.v[i].name);

		if (!is_same(o ? &o->o : &none, &h->trunk[i].operator))
			health_operator(h, i, o ? &o->o : &none, now_ns);
	}
}

int operator_order(struct health *h, const char *trunk, const struct health_operator *o, uint64_t now_ns)
{
	uint16_t index = conf_trunk_find(h->conf, trunk);
	struct order *known = find(trunk);

	if (index == CONF_NONE || index >= HEALTH_TRUNKS || !orders.v)
		return -ENOENT;
	if (!known && o->mode != HEALTH_AUTO && orders.count == OPERATOR_MAX)
		return -ENOSPC;
	history_write("order", order_json(trunk, o));
	if (known && o->mode == HEALTH_AUTO)
		drop(known);
	else if (o->mode != HEALTH_AUTO) {
		known = known ? known : &orders.v[orders.count++];
		snprintf(known->trunk, sizeof(known->trunk), "%s", trunk);
		known->o = *o;
	}
	health_operator(h, index, o->mode == HEALTH_AUTO ? &(struct health_operator){ 0 } : o, now_ns);
	return 0;
}
