// SPDX-License-Identifier: MIT
/* admin_json: pieces of JSON that several paths are made of. The object is the caller's; values that jansson could not make (no memory) are
 * left out. */
#ifndef KEDGE_SIG_OPERATOR_ADMIN_JSON_H
#define KEDGE_SIG_OPERATOR_ADMIN_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Takes the reference of value. */
void admin_put(json_t *o, const char *key, json_t *value);
void admin_put_int(json_t *o, const char *key, uint64_t value);

/* Text of a fixed room (256 at most) that may lack its NUL; what is not UTF-8 becomes U+FFFD. */
void admin_put_text(json_t *o, const char *key, const char *text, size_t room);
#define ADMIN_PUT_TEXT(o, key, array) admin_put_text(o, key, array, sizeof(array))

/* 2026-11-20T13:18:53.123+00:00, or null for 0. */
json_t *admin_time(uint64_t wall_ms);

/* A time, and how many milliseconds ago it was. */
void admin_put_since(json_t *o, const char *key, const char *ago_key, uint64_t wall_ms, uint64_t now_ms);

/* A word that another thread counts up. */
#define ADMIN_LOAD(word) atomic_load_explicit(&(word), memory_order_relaxed)

#endif
