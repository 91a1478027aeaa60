// SPDX-License-Identifier: MIT
/* value: settings as text, read and written. Pure; nothing is stored unless the text is right (true). */
#ifndef KEDGE_CONFIG_VALUE_H
#define KEDGE_CONFIG_VALUE_H

#include "config/conf.h"
#include "config/mem.h"

/* "500ms" "30s" "5min" "1h" "1d"; also "250us" in value_us. Whole numbers, no blanks. */
bool value_ms(const char *text, uint32_t *ms);
bool value_us(const char *text, uint32_t *us);

/* Such a text as people write it: 90000 is "90s", 300000 "5min", 3600000 "1h". Returns buf. */
#define VALUE_TEXT 32
const char *value_ms_text(uint32_t ms, char buf[static VALUE_TEXT]);
const char *value_us_text(uint32_t us, char buf[static VALUE_TEXT]);

/* A whole number in decimal. */
bool value_int(const char *text, int64_t *n);

/* An address without port or brackets. An IPv4 address in IPv6 clothes is none. */
bool value_ip(const char *text, struct conf_addr *addr);

/* The same, with ":PORT" behind it (IPv6 then in brackets) or without: port. */
bool value_addr(const char *text, uint16_t port, struct conf_addr *addr);

/* "192.0.2.0/24" or an address. On false *why says what is wrong. */
bool value_net(const char *text, struct conf_net *net, const char **why);
const char *value_net_text(const struct conf_net *net, char buf[static CONF_ADDR_TEXT]);

/* "20000-29999". */
bool value_ports(const char *text, struct conf_ports *ports);

/* "sip:HOST[:PORT][;transport=udp|tcp]"; the host is copied to m. On false *why says what is wrong. */
bool value_uri(struct conf_mem *m, const char *text, struct conf_uri *uri, const char **why);
#define VALUE_URI_TEXT 320
const char *value_uri_text(const struct conf_uri *uri, char buf[static VALUE_URI_TEXT]);

/* UTF-8 without control characters. */
bool value_clean(const char *text);

/* Length of the UTF-8 character at s, of at most n bytes; 0 if it is none. */
size_t value_utf8(const unsigned char *s, size_t n);

#endif
