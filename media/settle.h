// SPDX-License-Identifier: MIT
/* settle: what only the start needed of the program and its libraries is given back.
 *
 * The loader's relocations, libsrtp's and NSS's tests of themselves, OpenSSL's tables of providers, the sines of the tones: the start
 * runs through 10 MB of code and constants of 30 libraries, and a relayed packet through 2 of them. Those pages are the files' own:
 * let go, they cost nothing, and what is wanted again is mapped again from the page cache at its first touch (16 pages at a time,
 * about a microsecond).
 *
 * Only segments that are loaded without the right to write: what was relocated is left alone. A breakpoint that a debugger set in
 * code before this is lost. Any thread, at any time. */
#ifndef KEDGE_MEDIA_SETTLE_H
#define KEDGE_MEDIA_SETTLE_H

void settle(void);

#endif
