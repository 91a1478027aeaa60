// SPDX-License-Identifier: MIT
#include "sig/operator/admin_json.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "sig/operator/explain.h"

void admin_put(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

void admin_put_int(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

void admin_put_text(json_t *o, const char *key, const char *text, size_t room)
{
	char copy[256];
	size_t n = strnlen(text, room);

	assert(room <= sizeof(copy));
	n = n < sizeof(copy) ? n : sizeof(copy) - 1;
	memcpy(copy, text, n);
	copy[n] = '\0';
	json_object_set_new(o, key, explain_text(copy));
}

json_t *admin_time(uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char date[32], zone[8];
	struct tm tm;

	if (!wall_ms || !localtime_r(&seconds, &tm))
		return json_null();
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	return json_sprintf("%s.%03u%.3s:%s", date, (unsigned)(wall_ms % 1000), zone, zone + 3);
}

void admin_put_since(json_t *o, const char *key, const char *ago_key, uint64_t wall_ms, uint64_t now_ms)
{
	admin_put(o, key, admin_time(wall_ms));
	if (wall_ms)
		admin_put_int(o, ago_key, now_ms > wall_ms ? now_ms - wall_ms : 0);
}
