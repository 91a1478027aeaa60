// SPDX-License-Identifier: MIT
/* ask: the live verbs' way to the daemon: one request over the admin socket (sig/operator/admin.h), its JSON answer. */
#ifndef KEDGE_TOOLS_ASK_H
#define KEDGE_TOOLS_ASK_H

#include <jansson.h>
#include <stdbool.h>

#define ASK_PATH 512

/* Where the daemon listens: `socket` if not NULL, else $KEDGE_SOCKET, else admin.socket of the configuration: file, or if that
 * is NULL verb_config_file(). Other settings in it may be wrong. One that cannot be parsed means the default place if nobody named it;
 * a named one is refused, its errors on stderr: the default place may be another daemon's. Returns buf; NULL: refused. */
const char *ask_socket(const char *socket, const char *file, char buf[static ASK_PATH]);

/* Asks for path ("/v1/trunks"). The status of the answer and *o (a new reference), or a negative errno: nobody there,
 * no answer within 10 s, or no JSON. */
int ask(const char *socket, const char *path, json_t **o);

/* As ask(), but tells on stderr what went wrong. VERB_DONE with *o; VERB_UNREACHABLE: nobody there; VERB_REFUSED: the
 * daemon said no. */
int ask_or_tell(const char *socket, const char *path, json_t **o);

/* The same with another method, and a body (an object, NULL: none). */
int ask_to(const char *socket, const char *method, const char *path, const json_t *request, json_t **o);

/* The second half of it: rc is ask()'s. */
int ask_tell(int rc, const char *socket, json_t **o);

/* As ask(), with another method, and a body (an object, NULL: none). */
int ask_to(const char *socket, const char *method, const char *path, const json_t *request, json_t **o);

/* text with all but letters, digits and "-._~" as %XX, for a path. Returns buf. */
const char *ask_escape(const char *text, char buf[static ASK_PATH]);

#endif
