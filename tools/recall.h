// SPDX-License-Identifier: MIT
/* recall: what `kedge why` and `kedge trace` have in common: the question, and the head of the answer. Text may come from strangers: what speaks
 * to a terminal is shown as "?". */
#ifndef KEDGE_TOOLS_RECALL_H
#define KEDGE_TOOLS_RECALL_H

#include <jansson.h>
#include <stdbool.h>

struct recall_question {
	const char *file, *socket, *call;
	bool json, ladder;
};

/* Reads the arguments and asks for /v1/calls/.../what. VERB_DONE with *o, else what to exit with, told on stderr. */
int recall_ask(struct recall_question *q, int argc, char **argv, const char *what, json_t **o);

/* Who called whom, when, what came of it: two lines. */
void recall_head(const json_t *o);

void recall_print_json(const json_t *o);

/* A member; "" and 0 where there is none. The text is cleaned, and good until the sixteenth call after this one. */
const char *recall_text(const json_t *o, const char *key);
long long recall_int(const json_t *o, const char *key);

#endif
