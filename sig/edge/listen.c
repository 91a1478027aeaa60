// SPDX-License-Identifier: MIT
#include "sig/edge/listen.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/su_tag.h>
#include <sofia-sip/tport_tag.h>

#include "config/clock.h"
#include "sig/edge/listen_part.h"
#include "sig/edge/mark.h"
#include "sig/edge/stream.h"

#define TICK_MS 250 /* half messages are looked at */

/* Exported by the library for exactly this purpose, but in none of its headers. */
extern void (*_su_time)(su_time_t *tv);

struct listen_state listen_state = { .self_test_fd = -1, .reserve_fd = -1 };

/* ---- clock ---------------------------------------------------------------------------------- */

static uint64_t clock_base_ms; /* library time minus monotonic time */

uint64_t listen_clock_ms(void)
{
	return clock_base_ms + clock_mono_ns() / CLOCK_NS_PER_MS;
}

static void clock_hook(su_time_t *tv)
{
	uint64_t ms = listen_clock_ms();

	tv->tv_sec = (unsigned long)(ms / 1000 + 2208988800ULL); /* the library counts from 1900 */
	tv->tv_usec = (unsigned long)(ms % 1000 * 1000);
}

void listen_clock(void)
{
	clock_base_ms = clock_wall_ms() - clock_mono_ns() / CLOCK_NS_PER_MS;
	_su_time = clock_hook;
}

/* ---- agents --------------------------------------------------------------------------------- */

static int on_message(nta_agent_magic_t *magic, nta_agent_t *agent, msg_t *msg, sip_t *sip)
{
	const struct listen_iface *f = (const struct listen_iface *)magic;

	if (sip->sip_request)
		listen_state.handlers.request(f->index, agent, msg, sip);
	else if (sip->sip_status)
		listen_state.handlers.response(f->index, agent, msg, sip);
	else
		msg_destroy(msg);
	return 0;
}

static nta_agent_t *agent_new(struct listen_iface *f, const struct conf_sip *sip)
{
	nta_agent_t *agent = nta_agent_create(listen_state.root, (url_string_t *)-1, on_message,
	    (nta_agent_magic_t *)f, NTATAG_UA(1), NTATAG_UDP_MTU(65535), NTATAG_PROGRESS(~0U),
	    NTATAG_EXTRA_100(0), NTATAG_PRELOAD(2048), NTATAG_MAXSIZE(65536),
	    NTATAG_SERVER_RPORT(2), NTATAG_CLIENT_RPORT(1), NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0),
	    NTATAG_MERGE_482(1), NTATAG_TIMEOUT_408(1), NTATAG_SIP_T1(sip->t1_ms),
	    NTATAG_SIP_T1X64(64 * sip->t1_ms), NTATAG_SIP_T2(sip->t2_ms), NTATAG_SIP_T4(sip->t4_ms),
	    TAG_END());

	return agent;
}

static int transport_add(struct listen_iface *f, const struct kedge_listener *l)
{
	char host[64], url[128];

	listen_print(&l->addr, host, sizeof(host));
	snprintf(url, sizeof(url), "sip:%s;transport=%s", host, l->stream ? "tcp" : "udp");
	if (nta_agent_add_tport(f->agent, (url_string_t *)url, TPTAG_UDP_RMEM(4 << 20),
	        TPTAG_UDP_WMEM(4 << 20), TPTAG_QUEUESIZE(1024), TPTAG_PONG2PING(1), TAG_END()) < 0)
		return -EADDRNOTAVAIL;
	return 0;
}

static int iface_add(const struct kedge_listener *l, const struct conf_sip *sip)
{
	struct listen_iface *f;

	if (l->iface >= LISTEN_IFACES || l->fd < 0)
		return -EINVAL;
	f = &listen_state.iface[l->iface][l->addr.family == AF_INET6];
	f->index = l->iface;
	if (!f->agent && !(f->agent = agent_new(f, sip)))
		return -ENOMEM;
	return transport_add(f, l);
}

static void on_tick(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	stream_tick(clock_mono_ns());
	mark_tick(listen_state.list, listen_state.count);
}

static int tick_start(void)
{
	listen_state.tick = su_timer_create(su_root_task(listen_state.root), TICK_MS);
	return listen_state.tick && su_timer_set_for_ever(listen_state.tick, on_tick, NULL) == 0 ? 0
	                                                                                         : -ENOMEM;
}

int listen_init(su_root_t *root, const struct conf_sip *sip, const struct kedge_listener *list,
    uint32_t count, const struct listen_handlers *handlers)
{
	int err = 0;

	assert(!listen_state.root);
	if (count == 0 || count > KEDGE_LISTEN_MAX)
		return -EINVAL;
	listen_state.root = root;
	listen_state.handlers = *handlers;
	memcpy(listen_state.list, list, count * sizeof(*list));
	listen_state.count = count;
	listen_state.reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listen_state.adopting = 1;
	for (uint32_t i = 0; i < count && err == 0; i++)
		err = iface_add(&list[i], sip);
	listen_state.adopting = 0;
	if (err == 0)
		err = tick_start();
	for (uint32_t i = 0; i < count && err == 0; i++)
		if (!listen_state.adopted[i])
			err = -EADDRNOTAVAIL;
	if (err)
		listen_fini();
	return err;
}

void listen_follow(const struct conf_sip *sip)
{
	for (unsigned i = 0; i < LISTEN_IFACES; i++)
		for (unsigned v = 0; v < 2; v++)
			if (listen_state.iface[i][v].agent)
				nta_agent_set_params(listen_state.iface[i][v].agent, NTATAG_SIP_T1(sip->t1_ms), NTATAG_SIP_T1X64(64 * sip->t1_ms),
				    NTATAG_SIP_T2(sip->t2_ms), NTATAG_SIP_T4(sip->t4_ms), TAG_END());
}

void listen_fini(void)
{
	for (unsigned i = 0; i < LISTEN_IFACES; i++)
		for (unsigned v = 0; v < 2; v++)
			nta_agent_destroy(listen_state.iface[i][v].agent);
	su_timer_destroy(listen_state.tick);
	stream_fini();
	listen_receive_fini();
	if (listen_state.reserve_fd >= 0)
		close(listen_state.reserve_fd);
	memset(&listen_state, 0, sizeof(listen_state));
	listen_state.self_test_fd = listen_state.reserve_fd = -1;
}

su_root_t *listen_root(void)
{
	return listen_state.root;
}

nta_agent_t *listen_agent(unsigned iface, unsigned family)
{
	return iface < LISTEN_IFACES ? listen_state.iface[iface][family == AF_INET6].agent : NULL;
}

int listen_local(unsigned iface, unsigned family, int stream, struct kedge_addr *out)
{
	for (uint32_t i = 0; i < listen_state.count; i++) {
		const struct kedge_listener *l = &listen_state.list[i];

		if (l->iface == iface && l->addr.family == family &&
		    (l->stream != 0) == (stream != 0)) {
			*out = l->addr;
			return 0;
		}
	}
	return -ENOENT;
}

int listen_hostport(unsigned iface, unsigned family, int stream, char *out, size_t size)
{
	struct kedge_addr a;
	int err = listen_local(iface, family, stream, &a);
	char text[64];

	if (err)
		return err;
	listen_print(&a, text, sizeof(text));
	if (strlen(text) >= size)
		return -ENOSPC;
	strcpy(out, text);
	return 0;
}
