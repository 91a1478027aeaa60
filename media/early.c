// SPDX-License-Identifier: MIT
#include "media/early.h"

#include <string.h>

#include "media/relay.h"
#include "media/worker.h"

void early_keep(struct worker *w, uint32_t sock, uint32_t tag, const struct sockaddr *from, const uint8_t *data, size_t len)
{
	struct early_packet *p = &w->early.packet[w->early.next];

	if (len > sizeof(p->data) || (p->released_ns == w->now_ns && p->at_ns == 0))
		return;
	w->early.waiting += p->at_ns == 0;
	*p = (struct early_packet){ .at_ns = w->now_ns, .sock = sock, .tag = tag, .len = (uint16_t)len };
	if (from)
		memcpy(&p->from, from, from->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	memcpy(p->data, data, len);
	w->early.next = (w->early.next + 1) % EARLY_PACKETS;
}

void early_release(struct worker *w, uint32_t port)
{
	for (unsigned i = 0; i < EARLY_PACKETS && w->early.waiting; i++) {
		struct early_packet *p = &w->early.packet[(w->early.next + i) % EARLY_PACKETS];

		if (p->at_ns == 0 || p->sock / 2 != port)
			continue;
		if (w->now_ns - p->at_ns <= EARLY_NS &&
		    relay_again(w, p->sock, p->tag, p->from.sin6_family ? (const struct sockaddr *)&p->from : NULL, p->data, p->len))
			continue;
		p->at_ns = 0;
		p->released_ns = w->now_ns;
		w->early.waiting--;
	}
}
