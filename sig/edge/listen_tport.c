// SPDX-License-Identifier: MIT
/* listen_tport: what the library does with messages and their connections once they are its own (tport_tsend, tport_pend, nta_msg_ackbye). */
#include "sig/edge/listen_part.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/su_tagarg.h>
#include <sofia-sip/tport_tag.h>

#include "sig/edge/stream.h"

/* ---- sending --------------------------------------------------------------------------------- */

typedef tport_t *tsend_f(tport_t *, msg_t *, const tp_name_t *, tag_type_t, tag_value_t, ...);

/* IPv6 may stand in brackets. */
static bool host_of(const char *host, int family, uint8_t *ip)
{
	char bare[INET6_ADDRSTRLEN];
	size_t n = strlen(host), skip = host[0] == '[';

	if (n < 2 * skip || n - 2 * skip >= sizeof(bare))
		return false;
	memcpy(bare, host + skip, n - 2 * skip);
	bare[n - 2 * skip] = 0;
	return inet_pton(family, bare, ip) == 1;
}

/* The peer of a connection as the library names it. */
static bool peer_of(const tport_t *t, struct kedge_addr *out)
{
	const tp_name_t *name = tport_name(t);
	int family;

	memset(out, 0, sizeof(*out));
	if (!name || !name->tpn_host || !name->tpn_port)
		return false;
	family = strchr(name->tpn_host, ':') ? AF_INET6 : AF_INET;
	out->family = (uint16_t)family;
	out->port = (uint16_t)strtoul(name->tpn_port, NULL, 10);
	return host_of(name->tpn_host, family, out->ip);
}

tport_t *tport_tsend(tport_t *self, msg_t *msg, tp_name_t const *tpn, tag_type_t tag, tag_value_t value, ...)
{
	static tsend_f *library_tsend;
	struct kedge_addr peer;
	unsigned waiting;
	tport_t *t;
	ta_list ta;

	if (!library_tsend)
		*(void **)&library_tsend = dlsym(RTLD_NEXT, "tport_tsend");
	ta_start(ta, tag, value);
	t = library_tsend(self, msg, tpn, ta_tags(ta));
	ta_end(ta);
	waiting = t && tport_is_secondary(t) && tport_is_stream(t) ? (unsigned)tport_queuelen(t) : 0;
	if (waiting && peer_of(t, &peer))
		stream_sent(&peer, waiting, msg_size(msg));
	return t;
}

/* ---- connections that end -------------------------------------------------------------------- */

typedef int pend_f(tport_t *, msg_t *, tport_pending_error_f *, tp_client_t *);

static tport_pending_error_f *library_lost; /* it has one for all its requests */

static void on_lost(tp_stack_t *stack, tp_client_t *client, tport_t *tport, msg_t *msg, int error)
{
	if (!listen_state.handlers.path_lost || !listen_state.handlers.path_lost((nta_outgoing_t *)client))
		library_lost(stack, client, tport, msg, error);
}

int listen_pend(tport_t *tport, msg_t *msg, tport_pending_error_f *callback, tp_client_t *client)
{
	static pend_f *library_pend;

	if (!library_pend)
		*(void **)&library_pend = dlsym(RTLD_NEXT, "tport_pend");
	return library_pend(tport, msg, callback, client);
}

int tport_pend(tport_t *tport, msg_t *msg, tport_pending_error_f *callback, tp_client_t *client)
{
	library_lost = callback;
	return listen_pend(tport, msg, on_lost, client);
}

static const struct listen_iface *iface_of(const nta_agent_t *agent)
{
	for (unsigned i = 0; i < LISTEN_IFACES; i++)
		for (unsigned v = 0; v < 2; v++)
			if (listen_state.iface[i][v].agent == agent)
				return &listen_state.iface[i][v];
	return NULL;
}

/* The library's own ACK and BYE for another phone's 2xx have no Max-Forwards, and the BYE is said once. */
int nta_msg_ackbye(nta_agent_t *agent, msg_t *msg)
{
	const struct listen_iface *f = iface_of(agent);

	if (!f)
		return -1;
	listen_state.handlers.response(f->index, agent, msg, sip_object(msg));
	return 0;
}

void listen_hear_end(nta_outgoing_t *orq)
{
	tport_t *t = nta_outgoing_transport(orq);

	if (t && tport_is_secondary(t))
		tport_set_params(t, TPTAG_SDWN_ERROR(1), TAG_END());
	if (t)
		tport_unref(t);
}
