// SPDX-License-Identifier: MIT
/* sip_party: SIP over UDP in a few lines, for the parties of bench/outages and bench/reinvite: messages as text, dated by the kernel's receive stamps. IPv4.
 * Thread: any, no state. */
#ifndef KEDGE_BENCH_SIP_PARTY_H
#define KEDGE_BENCH_SIP_PARTY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIP_TEXT = 4096, SIP_LINE = 512 };

struct sip_in {
	char text[SIP_TEXT]; /* terminated */
	struct sockaddr_in from;
	uint64_t at_ns; /* wall clock, as the kernel received it */
};

uint64_t sip_now_ns(void);

/* A bound socket that does not block, with receive stamps; -1: errno says why. */
int sip_socket(const char *ip, int port);

/* The next datagram; false: none waits. */
bool sip_take(int s, struct sip_in *m);

void sip_put(int s, const struct sockaddr_in *to, const char *text);

/* The first line of that name (with its colon), line end included; "": none. Returns out. */
const char *sip_line(const char *text, const char *name, char *out, size_t room);

/* The method of a request, "" for a response; its length is at most 15. Returns out. */
const char *sip_method(const char *text, char out[16]);

/* The status of a response, 0 for a request. */
unsigned sip_status(const char *text);

/* "user" of the first "sip:user@" in the line of that name, as a number; 0: none. */
unsigned sip_user(const char *text, const char *name);

/* Where its SDP wants audio; port 0: it has none. */
struct sockaddr_in sip_audio(const char *text);

struct sip_reply {
	const char *status;   /* "200 OK" */
	const char *tag;      /* of To, where it has none yet */
	const char *contact;  /* "ip:port" */
	const char *extra;    /* header lines, or "" */
	const char *sdp;      /* or "" */
};

/* Answers the request `text` to where it came from. */
void sip_reply(int s, const struct sip_in *request, const struct sip_reply *r);

/* An SDP of one G.711 stream. Returns out. */
const char *sip_sdp(const char *ip, int port, char *out, size_t room);

#endif
