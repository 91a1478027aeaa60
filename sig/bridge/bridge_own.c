// SPDX-License-Identifier: MIT
#include <errno.h>
#include <strings.h>

#include "sig/bridge/bridge.h"
#include "sig/bridge/bridge_body.h"
#include "sig/bridge/bridge_media.h"

int bridge_own(struct bridge *b)
{
	static struct offer caller, own;
	static char text[OFFER_OWN];
	struct offer_write how = { .answer = true };
	int n;

	if (b->bound)
		return 0;
	how.shape = b->late ? NULL : body_kept(&caller, b->caller.theirs);
	if (!how.shape || !offer_own_answer(text, how.shape, body_codecs(b, &b->caller)))
		return -EPROTO;
	how.from = body_kept(&own, text);
	n = how.from ? body_write(b, &b->caller, &b->caller, &how) : -EPROTO;
	if (n < 0)
		return -EPROTO;
	body_keep_written(b, &b->caller.ours, (size_t)n);
	b->bound = true;
	b->differs = false;
	media_tell_caller(b);
	return 0;
}

bool bridge_plays(const struct bridge *b)
{
	return strcasecmp(b->codec, "PCMU") == 0 || strcasecmp(b->codec, "PCMA") == 0 || strcasecmp(b->codec, "G722") == 0;
}

void bridge_play(struct bridge *b, uint32_t sound, uint8_t how)
{
	anchor_play(&b->anchor, KEDGE_END_INSIDE, sound, how);
}

int bridge_own_again(struct bridge *b, const struct bridge_body *body)
{
	static struct offer o;
	char *last = b->caller.theirs;
	int err = body_read_offer(b, &b->caller, &o, body);

	if (err)
		return err;
	b->caller.theirs = NULL;
	body_keep(b, &b->caller.theirs, o.body, o.length);
	b->bound = false;
	err = bridge_own(b);
	/* Refused: what held before still holds (RFC 3261 14.1). */
	body_keep(b, err ? &b->caller.theirs : &last, NULL, 0);
	if (err)
		b->caller.theirs = last;
	b->bound = true;
	return err;
}

void bridge_echo(struct bridge *b)
{
	anchor_echo(&b->anchor, KEDGE_END_INSIDE);
}
