// SPDX-License-Identifier: MIT
/* listen: the SIP transports of kedge-sig. One nta agent per interface and address family, all on
 * one su_root.
 *
 *   kedge run --descriptors--> bind() shim --> agent --request without a dialog--> handlers.request
 *                                                    `-response without an owner-> handlers.response
 *
 *   listen.c          transports and their agents, the clock
 *   listen_socket.c   what the library binds, connects, accepts, closes
 *   listen_receive.c  what it reads
 *   listen_tport.c    what it sends, and connections that end
 *   listen_token.c    tokens, branches, addresses as text
 *
 * Thread: the su_root's. Owner: this module owns the agents; everybody borrows them.
 *
 * What it mends in the library:
 *   clock    its timers follow a monotonic clock floored to 1 ms: a stepped wall clock moves no
 *            timer, and the loop does not spin out the last part of each millisecond
 *   bind     it binds sockets of its own; the shim puts the inherited listener in their place, so
 *            that a restarted plane finds the datagrams that waited. Its self test, a datagram to
 *            itself, is answered by the shim: it would eat the first request in the queue
 *   accept   without a descriptor it would ask for the same connection again, for ever and at full
 *            speed; the shim keeps one in reserve to take it and close it. Strangers are closed
 *            too: they could hold them all
 *   ioctl    before it reads it asks how much there is. Then the shim reads: datagrams, each of which
 *   recvmsg  passes handlers.datagram and listen_defuse_maddr before the library has spent anything on
 *   recv     it, and connections, by whole messages (sig/edge/stream); recvmsg and recv give it these
 *   connect  a peer that died in silence, or reads no more, holds a connection for a quarter of an hour, and what
 *            is sent meanwhile with it: those whose bytes nobody takes are given up after 8 s (accepted ones too)
 *   tport_pend  the end of a connection is answered with a 503 for each request that waits on it. Where an
 *            INVITE may have arrived handlers.path_lost is asked first
 *   tport_tsend  for a peer that reads too slowly it keeps 1,024 messages of any size: sig/edge/stream counts their bytes
 *   nta_msg_ackbye  a second phone's 2xx gets an ACK and a single BYE of the library's, without Max-Forwards: it goes to
 *            handlers.response instead
 *   tokens   its tags and branches are predictable; ours come from the kernel's pool */
#ifndef KEDGE_SIG_EDGE_LISTEN_H
#define KEDGE_SIG_EDGE_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/su_wait.h>
#include <sofia-sip/tport.h>

#include "config/conf.h"
#include "routing/shm/layout.h"

#define LISTEN_IFACES 16 /* interfaces of one configuration */
#define LISTEN_TOKEN  17 /* bytes of a token of 16 characters and its NUL */
#define LISTEN_BRANCH 24 /* bytes of a branch: z9hG4bK, a token, NUL */

struct listen_datagram {
	unsigned iface;
	struct kedge_addr from;
	char *data; /* may be changed in place; size bytes, which may become fewer */
	size_t size;
	char *answer; /* room for 64 KiB: what to send back there, where the library does not get it */
	size_t answer_size;
};

/* iface: index of the interface it came in on. request and response own msg from then on. The
 * others may be NULL: welcome: may somebody there connect to us; no_fd: somebody was turned away
 * because no descriptor was left. */
struct listen_handlers {
	void (*request)(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip);
	void (*response)(unsigned iface, nta_agent_t *agent, msg_t *msg, sip_t *sip);
	bool (*welcome)(unsigned iface, const struct kedge_addr *from);
	bool (*datagram)(struct listen_datagram *d); /* false: the library does not get it */
	void (*no_fd)(void);
	bool (*path_lost)(nta_outgoing_t *orq); /* true: the library does not hear of it */
};

/* Sets the library's clock. Once, before su_init(). */
void listen_clock(void);

/* The time as the library's timers see it, in ms of that clock. */
uint64_t listen_clock_ms(void);

/* Makes the agents that listeners call for and adopts the inherited sockets; sip: its timers.
 * All borrowed for the call. 0, -EINVAL for a bad list, -ENOMEM, or -EADDRNOTAVAIL when a
 * transport did not start. */
int listen_init(su_root_t *root, const struct conf_sip *sip, const struct kedge_listener *list,
    uint32_t count, const struct listen_handlers *handlers);

/* Other timers (T1, T2, T4) for the transactions that begin now. */
void listen_follow(const struct conf_sip *sip);

/* Ends the agents. The inherited sockets stay open in the supervisor. */
void listen_fini(void);

/* Is there a descriptor for one more connection? */
bool listen_fd_left(void);

su_root_t *listen_root(void);

/* As tport_pend(), for callbacks that are not the library's. */
int listen_pend(tport_t *tport, msg_t *msg, tport_pending_error_f *callback, tp_client_t *client);

/* The orderly end of the connection that this request goes over is reported as its loss is. */
void listen_hear_end(nta_outgoing_t *orq);

/* The agent of an interface for a family; NULL where it has no listener. (Among transports of both
 * families the library takes the first one for an IPv6 reference, whatever its family: so no agent
 * has both.) */
nta_agent_t *listen_agent(unsigned iface, unsigned family);

/* Our address on an interface for a family and protocol (stream: TCP). 0, or -ENOENT. */
int listen_local(unsigned iface, unsigned family, int stream, struct kedge_addr *out);

/* host:port as it stands in our URIs and Via, IPv6 in brackets. -ENOENT as above, -ENOSPC. */
int listen_hostport(unsigned iface, unsigned family, int stream, char *out, size_t size);

/* Bytes from getrandom(), each given once. A call needs some two hundred of them, so they are
 * fetched in bulk. */
void listen_random(void *out, size_t size);

/* 16 characters of it, lower case: 80 bits. out has LISTEN_TOKEN bytes. */
void listen_token(char *out);
/* A transaction branch. out has LISTEN_BRANCH bytes. */
void listen_branch(char *out);

/* Takes the power out of a maddr parameter in the Via of a datagram: it would send our answers to
 * any host (RFC 3261 18.2.2), whoever asked. Overwrites its name; the length stays. Done to each
 * datagram before the library sees it. */
void listen_defuse_maddr(char *datagram, size_t length);

/* Where a message came from. 0, or -EINVAL for a local message. */
int listen_source(msg_t *msg, struct kedge_addr *out);

/* A socket address as ours; an IPv4 one in IPv6 clothes becomes IPv4. */
void listen_addr_of(const struct sockaddr *sa, struct kedge_addr *out);

/* A printable address, "192.0.2.1:5060" or "[2001:db8::1]:5060"; out has at least 64 bytes. */
char *listen_print(const struct kedge_addr *a, char *out, size_t size);

#endif
