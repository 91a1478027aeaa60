// SPDX-License-Identifier: MIT
/* number -> route -> profile -> targets, from PBXs and from carriers alike. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/routing/rig.h"

static struct conf_route routes[] = {
	{ .name = "any", .from = CONF_NONE, .prefix = "", .did = "" },
	{ .name = "uk", .from = CONF_NONE, .prefix = "44", .did = "" },
	{ .name = "uk-pbx", .from = 1, .prefix = "44", .did = "" },
	{ .name = "london", .from = CONF_NONE, .prefix = "4420", .did = "" },
	{ .name = "plus", .from = CONF_NONE, .prefix = "+4930", .did = "" },
	{ .name = "desk", .from = CONF_NONE, .prefix = "", .did = "442079460000" },
	{ .name = "in", .from = 2, .prefix = "", .did = "+15551000" },
};

static const char *route(struct rig *r, uint16_t from, const char *number)
{
	const struct conf_route *found = plan_route(&r->conf, from, number);

	return found ? found->name : "-";
}

static struct rig *rig_routes(uint16_t first)
{
	struct rig *r = rig_new(3);

	r->conf.routes = (struct conf_routes){ routes + first, (uint16_t)(7 - first) };
	return r;
}

static void the_best_fit(void **state)
{
	struct rig *r = rig_routes(0);

	assert_string_equal(route(r, 0, "33123"), "any");
	assert_string_equal(route(r, 0, "44123"), "uk");
	assert_string_equal(route(r, 1, "44123"), "uk-pbx");   /* a named source before any */
	assert_string_equal(route(r, 1, "442012"), "london");  /* a longer prefix before both */
	assert_string_equal(route(r, 0, "+442012"), "london"); /* written without +: either form */
	assert_string_equal(route(r, 0, "4930"), "any");       /* written with +: only with it */
	assert_string_equal(route(r, 0, "+4930"), "plus");
	assert_string_equal(route(r, 0, "442079460000"), "desk");
	assert_string_equal(route(r, 0, "4420794600001"), "london"); /* a did is the whole number */
	assert_string_equal(route(r, 2, "+15551000"), "in");
	assert_string_equal(route(r, 1, "+15551000"), "any");
	free(r);
}

static void no_fit(void **state)
{
	struct rig *r = rig_routes(1);
	struct plan p;

	assert_string_equal(route(r, 0, "33123"), "-");
	assert_string_equal(route(r, 0, ""), "-");
	memset(&p, 0x5a, sizeof(p));
	assert_int_equal(plan_make(&p, &r->conf, 0, "33123"), -ENOENT);
	assert_int_equal(((unsigned char *)&p)[0], 0x5a); /* untouched */
	free(r);
}

static void targets_in_order(void **state)
{
	struct rig *r = rig_new(3);
	struct plan p;

	r->target[0].position = 9;
	r->target[2].enabled = false;
	assert_int_equal(plan_make(&p, &r->conf, 1, "4420"), 0);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.target[0].trunk, 1);
	assert_int_equal(p.target[1].trunk, 2);
	assert_false(p.target[1].enabled);
	assert_int_equal(p.target[2].trunk, 0);
	assert_int_equal(p.from, 1);
	free(r);
}

static void numbers_are_told_apart(void **state)
{
	struct rig *r = rig_new(1);
	struct plan a, b, c;

	plan_make(&a, &r->conf, 0, "+442071234567");
	plan_make(&b, &r->conf, 0, "+442071234568");
	plan_make(&c, &r->conf, 0, "00442071234567");
	assert_true(a.number_hash != b.number_hash);
	assert_int_equal(a.prefix, b.prefix);
	assert_true(a.prefix != c.prefix);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_fit),
		cmocka_unit_test(no_fit),
		cmocka_unit_test(targets_in_order),
		cmocka_unit_test(numbers_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
