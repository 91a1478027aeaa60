// SPDX-License-Identifier: MIT
#include "routing/strategy.h"

/* Inserts target i behind those of a lower or the same position; the last one falls out where there is no room. */
static uint16_t insert(const struct conf_profile *p, uint16_t *out, uint16_t count, uint16_t room,
    uint16_t i)
{
	uint16_t at = count;

	while (at > 0 && p->targets.v[out[at - 1]].position > p->targets.v[i].position)
		at--;
	if (at == room)
		return count;
	for (uint16_t k = count < room ? count : room - 1; k > at; k--)
		out[k] = out[k - 1];
	out[at] = i;
	return count < room ? count + 1 : count;
}

uint16_t strategy_order(const struct conf_profile *profile, uint16_t *out, uint16_t room)
{
	uint16_t count = 0;

	for (uint16_t i = 0; i < profile->targets.count; i++)
		count = insert(profile, out, count, room, i);
	return count;
}
