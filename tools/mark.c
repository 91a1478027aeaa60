// SPDX-License-Identifier: MIT
#include "tools/mark.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "config/dscp.h"

static int mark(int fd, uint16_t family, uint8_t word)
{
	int octet = dscp_octet(word), rc;

	if (family == AF_INET6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &octet, sizeof(octet));
	else
		rc = setsockopt(fd, IPPROTO_IP, IP_TOS, &octet, sizeof(octet));
	return rc < 0 ? -errno : 0;
}

int mark_all(const struct hold *h, const struct conf *c)
{
	int rc, first = 0;

	for (uint32_t i = 0; i < h->listener_count; i++) {
		const struct kedge_listener *l = &h->listener[i];

		if (l->iface < c->interfaces.count && (rc = mark(l->fd, l->addr.family, c->interfaces.v[l->iface].dscp_sip)) < 0)
			first = first < 0 ? first : rc;
	}
	for (uint32_t i = 0; i < h->port_count; i++) {
		const struct kedge_net *n = &h->net[h->port[i].net].net;
		uint8_t word;

		if (n->iface >= c->interfaces.count)
			continue;
		word = c->interfaces.v[n->iface].dscp_rtp;
		if ((rc = mark(h->port[i].fd_rtp, n->addr.family, word)) < 0 || (rc = mark(h->port[i].fd_rtcp, n->addr.family, word)) < 0)
			first = first < 0 ? first : rc;
	}
	return first;
}
