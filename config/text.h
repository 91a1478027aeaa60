// SPDX-License-Identifier: MIT
/* text: the value of a row as it would be written in the file. Pure; of config alone. */
#ifndef KEDGE_CONFIG_TEXT_H
#define KEDGE_CONFIG_TEXT_H

#include "config/row.h"

/* Writes it; c: whose names references stand for. Nothing for a GROUP or LIST. */
void text_value(FILE *out, const struct conf *c, const struct row *r, const void *field);

/* True if a SPARE field was never set. */
bool text_unset(const struct row *r, const void *field);

/* Writes text in quotes. */
void text_quoted(FILE *out, const char *text);

#endif
