// SPDX-License-Identifier: MIT
#include "sig/header.h"

#include <stdint.h>

#include <sofia-sip/sip_header.h>

#define SPARE 2 /* bytes beyond the text: its NUL, and one that MSG_STRING_E never uses but asks for */

char *header_text(su_home_t *home, const sip_header_t *h)
{
	char probe[256], *text;
	issize_t n = h ? sip_header_field_e(probe, sizeof(probe), h, 0) : -1;

	if (n < 0)
		return NULL;
	text = su_alloc(home, (isize_t)n + SPARE);
	if (!text)
		return NULL;
	sip_header_field_e(text, (isize_t)n + SPARE, h, 0);
	text[n] = 0;
	return text;
}
