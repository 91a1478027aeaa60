// SPDX-License-Identifier: MIT
#include "sig/offer/offer.h"
#include "sig/offer/offer_format.h"

struct laws { /* numbers of PCMU and PCMA on one side, -1: not agreed */
	int pt[2];
};

/* A law counts where both halves name it; the number is that of `number`. */
static struct laws laws_of(struct offer_exchange x, const struct offer *number)
{
	static const uint8_t law[] = { 0, 8 };
	struct laws out = { { -1, -1 } };

	for (unsigned i = 0; i < 2; i++) {
		struct offer_format f = format_static(law[i]);
		const struct offer_format *there = format_find(number, &f);

		if (there && format_find(x.ours, &f) && format_find(x.theirs, &f))
			out.pt[i] = there->pt;
	}
	return out;
}

int offer_map_laws(
    struct offer_exchange inside, struct offer_exchange outside, struct kedge_pt pt[8], int n, uint8_t laws[2])
{
	struct laws in = laws_of(inside, inside.ours), out = laws_of(outside, outside.theirs);
	bool cross[2];

	laws[0] = laws[1] = 0;
	for (unsigned i = 0; i < 2; i++) /* law i inside, the other one outside, and no way that needs no turning */
		cross[i] = in.pt[i] >= 0 && out.pt[!i] >= 0 && (out.pt[i] < 0 || in.pt[!i] < 0);
	for (unsigned i = 0; i < 2 && (cross[0] || cross[1]); i++)
		if (in.pt[i] >= 0 && in.pt[i] == out.pt[i] && n < 8)
			pt[n++] = (struct kedge_pt){ (uint8_t)in.pt[i], (uint8_t)out.pt[i] };
	for (unsigned i = 0; i < 2; i++) {
		if (!cross[i] || n >= 8)
			continue;
		laws[i] = (uint8_t)(1u << n);
		pt[n++] = (struct kedge_pt){ (uint8_t)in.pt[i], (uint8_t)out.pt[!i] };
	}
	return n;
}
