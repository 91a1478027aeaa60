// SPDX-License-Identifier: MIT
/* flight_text: SIP text as it may be shown: without secrets. What Authorization and Proxy-Authorization say behind their scheme, keys of SDES (a=crypto
 * inline:), of MIKEY (a=key-mgmt) and of k= are "***"; what is not UTF-8, and control characters but line ends and tabs, "?". Pure. */
#ifndef KEDGE_SIG_BOOKS_FLIGHT_TEXT_H
#define KEDGE_SIG_BOOKS_FLIGHT_TEXT_H

#include <stddef.h>

/* malloc'd and terminated; NULL: no memory. */
char *flight_text(const char *text, size_t size);

#endif
