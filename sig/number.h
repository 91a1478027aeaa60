// SPDX-License-Identifier: MIT
/* number: telephone numbers as a trunk wants them (headers.number_format, prefix_strip, prefix_add). Pure; knows neither SIP
 * nor Sofia, so that `kedge explain` shows what calls get. */
#ifndef KEDGE_SIG_NUMBER_H
#define KEDGE_SIG_NUMBER_H

#include <stdbool.h>

#include "config/conf.h"

#define NUMBER_MAX 128 /* bytes of a number, with the NUL */

/* The number: separators gone, enum conf_number_format applied; called: with prefix_strip and prefix_add too. False: user is
 * no number, or longer than any; buf is untouched. */
bool number_write(char buf[static NUMBER_MAX], const char *user, const struct conf_headers *h, bool called);

/* The digits of a number in its international form ("+44 20 7183-8750" and "00442071838750": 442071838750), or "" if it
 * is not one. Equal digits are the same number. Returns buf. */
const char *number_digits(char buf[static NUMBER_MAX], const char *user);

#endif
