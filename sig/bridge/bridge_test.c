// SPDX-License-Identifier: MIT
#include <errno.h>
#include <strings.h>

#include "sig/bridge/bridge.h"
#include "sig/bridge/bridge_body.h"
#include "sig/bridge/bridge_keys.h"
#include "sig/bridge/bridge_media.h"

/* The laws of G.711 that the trunk lets through, in its order. */
static struct conf_strings speakable(const struct conf_strings *codecs, const char *names[static 2])
{
	struct conf_strings list = { names, 0 };

	for (unsigned i = 0; i < codecs->count && list.count < 2; i++)
		if (!strncasecmp(codecs->v[i], "PCMA", 4) || !strncasecmp(codecs->v[i], "PCMU", 4))
			names[list.count++] = codecs->v[i];
	return list;
}

static int write_offer(struct bridge *b, struct bridge_side *side)
{
	static char own[OFFER_OWN];
	static struct offer o;
	const struct conf_strings *codecs = body_codecs(b, side);
	const char *names[2];
	struct conf_strings list = speakable(codecs, names);
	struct offer_write how = { 0 };

	if (codecs->count && !list.count)
		return -ENOTSUP;
	offer_own(own, &list);
	how.from = body_kept(&o, own);
	return how.from ? body_write(b, side, &b->caller, &how) : -ENOMEM;
}

int bridge_test(struct bridge *b, struct bridge_side *side, unsigned iface, unsigned hop, const char **body)
{
	int net = anchor_net(iface, side->peer.family), n, end;
	uint32_t id;

	if (net < 0)
		return net;
	b->test = true;
	b->caller = (struct bridge_side){ .trunk = side->trunk, .peer = side->peer, .end = KEDGE_END_INSIDE };
	n = anchor_open(&b->anchor, 0, (unsigned)net, NULL);
	if (n < 0)
		return n;
	end = anchor_outside(&b->anchor, (unsigned)net, hop);
	if (end < 0)
		return end;
	side->end = (uint8_t)end;
	listen_random(&id, sizeof(id));
	side->origin = (struct offer_origin){ .id = (id & 0x7fffffff) | 1 };
	n = write_offer(b, side);
	if (n < 0)
		return n;
	body_keep_written(b, &side->ours, (size_t)n);
	*body = side->ours;
	media_tell_early(b, side);
	return 0;
}

int bridge_test_answered(struct bridge *b, struct bridge_side *side, const struct bridge_body *body)
{
	static struct offer ours, o;
	enum offer_fit fit;

	b->why = "bad_sdp";
	if (body->length == 0)
		b->why = "no_sdp";
	if (body_read(b, side, &o, body) < 0 || !body_kept(&ours, side->ours))
		return -EPROTO;
	fit = keys_fit(&ours, &o);
	b->why = offer_fit_name(fit);
	if (fit != OFFER_FITS && fit != OFFER_LINES_DIFFER)
		return -EPROTO;
	body_keep(b, &side->theirs, o.body, o.length);
	side->theirs_offered = false;
	media_tell_test(b, side);
	return 0;
}
