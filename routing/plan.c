// SPDX-License-Identifier: MIT
#include "routing/plan.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "routing/strategy.h"

#define PREFIX_DIGITS 4 /* of the number that pace learns by: a country, or a country and its mobiles */

/* The number as a pattern sees it: without its + unless the pattern has one. */
static const char *as_written(const char *number, const char *pattern)
{
	return number[0] == '+' && pattern[0] != '+' ? number + 1 : number;
}

/* How well a route fits a number: 0 not at all, more is better. */
static size_t fit(const struct conf_route *r, uint16_t from, const char *number)
{
	size_t length = strlen(r->prefix), score;

	if (r->from != CONF_NONE && r->from != from)
		return 0;
	if (r->did[0]) {
		if (strcmp(as_written(number, r->did), r->did))
			return 0;
		score = SIZE_MAX / 4;
	} else {
		if (strncmp(as_written(number, r->prefix), r->prefix, length))
			return 0;
		score = 1 + length;
	}
	return 2 * score + (r->from != CONF_NONE);
}

const struct conf_route *plan_route(const struct conf *c, uint16_t from, const char *number)
{
	const struct conf_route *best = NULL;
	size_t best_fit = 0;

	for (uint16_t i = 0; i < c->routes.count; i++) {
		size_t f = fit(&c->routes.v[i], from, number);

		if (f > best_fit) {
			best_fit = f;
			best = &c->routes.v[i];
		}
	}
	return best;
}

/* FNV-1a: only to tell numbers apart, nothing is looked up by it. */
static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	return h;
}

/* The first digits as a number, with a 1 in front so that 0044 and 44 differ. */
static uint32_t prefix_of(const char *number)
{
	uint32_t p = 1;
	unsigned digits = 0;

	for (; *number && digits < PREFIX_DIGITS; number++)
		if (*number >= '0' && *number <= '9') {
			p = p * 10 + (uint32_t)(*number - '0');
			digits++;
		}
	return p;
}

bool plan_emergency(const struct conf *c, const char *number)
{
	for (uint16_t i = 0; i < c->emergency.count; i++)
		if (!strcmp(as_written(number, c->emergency.v[i]), c->emergency.v[i]))
			return true;
	return false;
}

const struct conf_test_number *plan_test(const struct conf *c, const char *number)
{
	for (uint16_t i = 0; i < c->test_numbers.count; i++)
		if (!strcmp(c->test_numbers.v[i].number, number))
			return &c->test_numbers.v[i];
	return NULL;
}

const char *plan_test_word(const struct conf_test_number *n)
{
	static const char *const words[] = {
		[CONF_TEST_ECHO] = "echo", [CONF_TEST_MILLIWATT] = "milliwatt", [CONF_TEST_BUSY] = "busy", [CONF_TEST_LATE] = "late-answer-24s"
	};

	return words[n->does];
}

int plan_make(struct plan *p, const struct conf *c, uint16_t from, const char *number)
{
	const struct conf_route *route = plan_route(c, from, number);
	uint16_t order[PLAN_TARGETS];

	if (!route)
		return -ENOENT;
	*p = (struct plan){
		.conf = c,
		.route = route,
		.profile = &c->profiles.v[route->profile],
		.from = from,
		.prefix = prefix_of(number),
		.number_hash = hash(number),
		.emergency = plan_emergency(c, number),
	};
	p->count = strategy_order(p->profile, order, PLAN_TARGETS);
	for (uint16_t i = 0; i < p->count; i++) {
		const struct conf_target *t = &p->profile->targets.v[order[i]];

		p->target[i] = (struct plan_target){ order[i], t->trunk, t->enabled };
	}
	return 0;
}
