// SPDX-License-Identifier: MIT
/* header: the text of one parsed header, as sip_header_as_string() would give it.
 *
 * That function leaves out the last piece of every header of 128 bytes and more, and its end: the encoders want a byte
 * more than it reserves (measured with 1.12.11: a Reason of 326 bytes came back unterminated). So nothing in kedge calls it. */
#ifndef KEDGE_SIG_HEADER_H
#define KEDGE_SIG_HEADER_H

#include <sofia-sip/sip.h>
#include <sofia-sip/su_alloc.h>

/* The value of h, without its name, terminated; in home. NULL: no memory, or h is none. */
char *header_text(su_home_t *home, const sip_header_t *h);

#endif
