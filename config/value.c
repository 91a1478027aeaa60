// SPDX-License-Identifier: MIT
#include "config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

struct unit {
	const char *name;
	uint64_t us;
};

/* Longest first, so that the shortest text is found first. */
static const struct unit units[] = {
	{ "d", 86400000000 }, { "h", 3600000000 }, { "min", 60000000 }, { "s", 1000000 }, { "ms", 1000 }, { "us", 1 },
};
#define UNITS (sizeof(units) / sizeof(units[0]))

/* Digits at *text, at most nine: any setting's worth, and no sum of them overflows. */
static bool digits(const char **text, uint64_t *n)
{
	const char *s = *text;

	*n = 0;
	while (isdigit((unsigned char)*s) && s - *text < 9)
		*n = *n * 10 + (uint64_t)(*s++ - '0');
	if (s == *text || isdigit((unsigned char)*s))
		return false;
	*text = s;
	return true;
}

static bool duration(const char *text, uint64_t *us)
{
	uint64_t n;

	if (!digits(&text, &n))
		return false;
	for (size_t i = 0; i < UNITS; i++)
		if (!strcmp(text, units[i].name)) {
			if (n > UINT64_MAX / units[i].us)
				return false;
			*us = n * units[i].us;
			return true;
		}
	return false;
}

bool value_ms(const char *text, uint32_t *ms)
{
	uint64_t us;

	if (!duration(text, &us) || us % 1000 || us / 1000 > UINT32_MAX)
		return false;
	*ms = (uint32_t)(us / 1000);
	return true;
}

bool value_us(const char *text, uint32_t *us)
{
	uint64_t n;

	if (!duration(text, &n) || n > UINT32_MAX)
		return false;
	*us = (uint32_t)n;
	return true;
}

static const char *duration_text(uint64_t us, const char *zero, char *buf)
{
	if (!us)
		return strcpy(buf, zero);
	for (size_t i = 1; i < UNITS; i++) /* days are read, hours written; and people say 120s, but 5min */
		if (us % units[i].us == 0 && (units[i].us != 60000000 || us >= 300000000)) {
			snprintf(buf, VALUE_TEXT, "%" PRIu64 "%s", us / units[i].us, units[i].name);
			break;
		}
	return buf;
}

const char *value_ms_text(uint32_t ms, char buf[static VALUE_TEXT])
{
	return duration_text((uint64_t)ms * 1000, "0ms", buf);
}

const char *value_us_text(uint32_t us, char buf[static VALUE_TEXT])
{
	return duration_text(us, "0us", buf);
}

bool value_int(const char *text, int64_t *n)
{
	uint64_t u;
	bool minus = *text == '-';

	text += minus;
	if (!digits(&text, &u) || *text)
		return false;
	*n = minus ? -(int64_t)u : (int64_t)u;
	return true;
}

bool value_ip(const char *text, struct conf_addr *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct conf_addr a = { 0 };

	if (inet_pton(AF_INET, text, a.ip) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, text, a.ip) == 1 && memcmp(a.ip, mapped, sizeof(mapped)) != 0)
		a.family = AF_INET6;
	else
		return false;
	*addr = a;
	return true;
}

static bool host_bits(const struct conf_net *net)
{
	unsigned width = net->family == AF_INET ? 32 : 128;

	for (unsigned bit = net->bits; bit < width; bit++)
		if (net->ip[bit / 8] & (0x80 >> (bit % 8)))
			return true;
	return false;
}

bool value_net(const char *text, struct conf_net *net, const char **why)
{
	size_t length = strcspn(text, "/");
	char host[INET6_ADDRSTRLEN];
	struct conf_addr a;
	struct conf_net n = { 0 };
	uint64_t bits;

	*why = "expected a network like \"192.0.2.0/24\" or an address";
	if (length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	if (!value_ip(host, &a))
		return false;
	n.family = a.family;
	memcpy(n.ip, a.ip, sizeof(n.ip));
	bits = a.family == AF_INET ? 32 : 128;
	n.bits = (uint16_t)bits;
	if (text[length]) {
		text += length + 1;
		if (!digits(&text, &bits) || *text || bits > n.bits)
			return false;
		n.bits = (uint16_t)bits;
	}
	*why = "has bits set behind its prefix length";
	if (host_bits(&n))
		return false;
	*net = n;
	return true;
}

const char *value_net_text(const struct conf_net *net, char buf[static CONF_ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";

	inet_ntop(net->family, net->ip, host, sizeof(host));
	if (net->bits == (net->family == AF_INET ? 32 : 128))
		snprintf(buf, CONF_ADDR_TEXT, "%s", host);
	else
		snprintf(buf, CONF_ADDR_TEXT, "%s/%u", host, net->bits);
	return buf;
}

bool value_ports(const char *text, struct conf_ports *ports)
{
	uint64_t low, high;

	if (!digits(&text, &low) || *text++ != '-' || !digits(&text, &high) || *text)
		return false;
	if (low > high || high > UINT16_MAX)
		return false;
	*ports = (struct conf_ports){ (uint16_t)low, (uint16_t)high };
	return true;
}

/* The host at text: an IPv6 address in brackets, or letters, digits, dots and hyphens. Its length, 0 if it is none. */
static size_t host_length(const char *text)
{
	size_t n = 0;

	if (*text == '[') {
		n = strcspn(text, "]");
		return text[n] && n > 1 ? n + 1 : 0;
	}
	while (isalnum((unsigned char)text[n]) || (n && (text[n] == '-' || text[n] == '.')))
		n++;
	return n;
}

static bool host_addr(const char *host, struct conf_addr *addr)
{
	char inner[INET6_ADDRSTRLEN];
	size_t n = strlen(host);

	if (*host != '[')
		return value_ip(host, addr);
	if (n - 2 >= sizeof(inner))
		return false;
	memcpy(inner, host + 1, n - 2);
	inner[n - 2] = '\0';
	return value_ip(inner, addr) && addr->family == AF_INET6;
}

bool value_addr(const char *text, uint16_t port, struct conf_addr *addr)
{
	struct conf_addr a;
	size_t n = value_ip(text, &a) ? strlen(text) : host_length(text);
	char host[INET6_ADDRSTRLEN + 2];
	uint64_t written = port;

	if (!n || n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	text += n;
	if (*text == ':' && (text++, !digits(&text, &written)))
		return false;
	if (*text || !written || written > UINT16_MAX || !(value_ip(host, &a) || host_addr(host, &a)))
		return false;
	a.port = (uint16_t)written;
	*addr = a;
	return true;
}

static bool uri_port(const char **text, struct conf_uri *u, const char **why)
{
	uint64_t port;

	if (**text != ':')
		return true;
	(*text)++;
	*why = "its port must be 1..65535";
	if (!digits(text, &port) || !port || port > UINT16_MAX)
		return false;
	u->port = (uint16_t)port;
	return true;
}

static bool uri_transport(const char *text, struct conf_uri *u, const char **why)
{
	u->named = *text != '\0';
	*why = "after the host only \":PORT\" and \";transport=udp\" or \";transport=tcp\" may follow";
	if (!*text || !strcasecmp(text, ";transport=udp"))
		return true;
	u->transport = CONF_TCP;
	if (!strcasecmp(text, ";transport=tcp"))
		return true;
	if (!strcasecmp(text, ";transport=tls"))
		*why = "transport=tls is not there yet: udp or tcp";
	return false;
}

bool value_uri(struct conf_mem *m, const char *text, struct conf_uri *uri, const char **why)
{
	struct conf_uri u = { 0 };
	size_t n;

	*why = "expected \"sip:HOST[:PORT][;transport=udp|tcp]\"";
	if (strncasecmp(text, "sip:", 4) != 0)
		return false;
	text += 4;
	*why = "a user part is not allowed: only the host is taken";
	if (strchr(text, '@'))
		return false;
	*why = "its host must be an IPv4 address, an IPv6 address in brackets, or a name";
	n = host_length(text);
	if (!n || n > 253)
		return false;
	u.host = mem_text(m, text, n);
	if (!host_addr(u.host, &u.addr) && (*text == '[' || strspn(u.host, "0123456789.") == n))
		return false;
	text += n;
	if (!uri_port(&text, &u, why) || !uri_transport(text, &u, why))
		return false;
	u.addr.port = u.addr.family ? (u.port ? u.port : 5060) : 0;
	*uri = u;
	return true;
}

const char *value_uri_text(const struct conf_uri *uri, char buf[static VALUE_URI_TEXT])
{
	char port[8] = "";

	if (uri->port)
		snprintf(port, sizeof(port), ":%u", uri->port);
	snprintf(buf, VALUE_URI_TEXT, "sip:%s%s%s", uri->host, port,
	    uri->transport == CONF_TCP ? ";transport=tcp" : uri->named && !uri->addr.family && !uri->port ? ";transport=udp" : "");
	return buf;
}

size_t value_utf8(const unsigned char *s, size_t n)
{
	static const uint32_t first[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = *s < 0x80 ? 1 : (*s & 0xe0) == 0xc0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : (*s & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c;

	if (!length || length > n)
		return 0;
	if (length == 1)
		return 1;
	c = *s & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < first[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : length;
}

bool value_clean(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = strlen(text);

	while (n) {
		size_t length = value_utf8(s, n);

		if (!length || *s < 0x20 || *s == 0x7f)
			return false;
		s += length;
		n -= length;
	}
	return true;
}
