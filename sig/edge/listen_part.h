// SPDX-License-Identifier: MIT
/* listen_part: between the files of listen. listen.c has the agents and the clock; the others stand between the library and the system:
 * listen_socket.c what it binds, connects and accepts, listen_receive.c what it reads, listen_tport.c what it sends and loses. */
#ifndef KEDGE_SIG_EDGE_LISTEN_PART_H
#define KEDGE_SIG_EDGE_LISTEN_PART_H

#include "sig/edge/listen.h"

struct listen_iface {
	nta_agent_t *agent;
	unsigned index;
};

struct listen_state {
	su_root_t *root;
	struct listen_handlers handlers;
	struct listen_iface iface[LISTEN_IFACES][2]; /* [1]: IPv6 */
	struct kedge_listener list[KEDGE_LISTEN_MAX];
	uint32_t count;
	uint8_t adopted[KEDGE_LISTEN_MAX]; /* by which the shim hands each socket out once */
	int used_fd[KEDGE_LISTEN_MAX];     /* the descriptor the library has for it */
	int reserve_fd;                    /* given up for a moment when accept finds none left */
	int self_test_fd;                  /* the socket whose self test the shim is answering, or -1 */
	su_timer_t *tick;
	int adopting; /* the shim is in effect: only while transports start */
};
extern struct listen_state listen_state;

int listen_is_stream(int fd);

/* Which of listen_state.list the library's descriptor fd is, or -1. stream: TCP is meant. */
int listen_found(int fd, int stream);

/* Forgets the datagram that was read and not yet taken. */
void listen_receive_fini(void);

#endif
