// SPDX-License-Identifier: MIT
#include "bench/sip_party.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/harness/stage.h"

static uint64_t ns_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000ull + (uint64_t)t->tv_nsec;
}

uint64_t sip_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ns_of(&t);
}

int sip_socket(const char *ip, int port)
{
	int s = stage_udp(ip, port), one = 1;

	setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	return s;
}

bool sip_take(int s, struct sip_in *m)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = { m->text, sizeof m->text - 1 };
	struct msghdr h = { .msg_name = &m->from, .msg_namelen = sizeof m->from, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	ssize_t n = recvmsg(s, &h, 0);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&h);
	struct timespec t;

	if (n < 0)
		return false;
	m->text[n] = 0;
	m->at_ns = sip_now_ns();
	if (c && c->cmsg_type == SCM_TIMESTAMPNS) {
		memcpy(&t, CMSG_DATA(c), sizeof t);
		m->at_ns = ns_of(&t);
	}
	return true;
}

void sip_put(int s, const struct sockaddr_in *to, const char *text)
{
	(void)!sendto(s, text, strlen(text), 0, (const struct sockaddr *)to, sizeof *to);
}

const char *sip_line(const char *text, const char *name, char *out, size_t room)
{
	out[0] = 0;
	for (const char *at = strstr(text, "\r\n"); at && strncmp(at, "\r\n\r\n", 4) != 0; at = strstr(at + 2, "\r\n"))
		if (strncasecmp(at + 2, name, strlen(name)) == 0) {
			snprintf(out, room, "%.*s\r\n", (int)strcspn(at + 2, "\r"), at + 2);
			break;
		}
	return out;
}

const char *sip_method(const char *text, char out[16])
{
	size_t n = strcspn(text, " ");

	snprintf(out, 16, "%.*s", n < 16 && strncmp(text, "SIP/", 4) != 0 ? (int)n : 0, text);
	return out;
}

unsigned sip_status(const char *text)
{
	return strncmp(text, "SIP/2.0 ", 8) ? 0 : (unsigned)atoi(text + 8);
}

unsigned sip_user(const char *text, const char *name)
{
	char line[SIP_LINE];
	const char *at = strstr(sip_line(text, name, line, sizeof line), "sip:");

	return at ? (unsigned)strtoul(at + 4 + strspn(at + 4, "+"), NULL, 10) : 0;
}

struct sockaddr_in sip_audio(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	const char *c = strstr(text, "\r\nc=IN IP4 "), *m = strstr(text, "\r\nm=audio ");
	char ip[INET_ADDRSTRLEN];

	if (!c || !m)
		return a;
	snprintf(ip, sizeof ip, "%.*s", (int)strcspn(c + 11, "\r"), c + 11);
	inet_pton(AF_INET, ip, &a.sin_addr);
	a.sin_port = htons((uint16_t)atoi(m + 10));
	return a;
}

void sip_reply(int s, const struct sip_in *request, const struct sip_reply *r)
{
	char text[SIP_TEXT], via[SIP_TEXT / 2], to[SIP_LINE], line[3][SIP_LINE];
	const char *in = request->text;

	sip_line(in, "To:", to, sizeof to);
	to[strcspn(to, "\r")] = 0;
	snprintf(text, sizeof text, "SIP/2.0 %s\r\n%s%s%s%s%s\r\n%s%sContact: <sip:outage@%s>\r\n%s%sContent-Length: %zu\r\n\r\n%s", r->status,
		sip_line(in, "Via:", via, sizeof via), sip_line(in, "From:", line[0], sizeof line[0]), to, strstr(to, ";tag=") ? "" : ";tag=",
		strstr(to, ";tag=") ? "" : r->tag, sip_line(in, "Call-ID:", line[1], sizeof line[1]), sip_line(in, "CSeq:", line[2], sizeof line[2]),
		r->contact, r->extra, r->sdp[0] ? "Content-Type: application/sdp\r\n" : "", strlen(r->sdp), r->sdp);
	sip_put(s, &request->from, text);
}

const char *sip_sdp(const char *ip, int port, char *out, size_t room)
{
	snprintf(out, room, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=sendrecv\r\n", ip, ip, port);
	return out;
}
