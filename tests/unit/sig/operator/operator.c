// SPDX-License-Identifier: MIT
/* The operator's orders (A57 A90): they beat what is known of a hop, outlive the plane, wait for trunks that are gone, end at their time, once, and a
 * damaged file makes none of them up. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "sig/operator/history.h"
#include "sig/operator/operator.h"
#include "tests/unit/sig/operator/admin_rig.h"

#define NOW  (10 * CLOCK_NS_PER_S)
#define WALL 1763700000000ULL

static char state[128], events[160];

static struct health_operator order(enum health_mode mode, const char *why, uint64_t until)
{
	struct health_operator o = { .mode = (uint8_t)mode, .since_wall_ms = WALL, .until_wall_ms = until };

	strcpy(o.name, "root");
	snprintf(o.why, sizeof(o.why), "%s", why);
	return o;
}

static int give(const char *trunk, enum health_mode mode, uint64_t until)
{
	struct health_operator o = order(mode, "card swap", until);
	size_t size;
	char *text;
	int rc = operator_order(health, trunk, &o, NOW);

	if (rc)
		return rc;
	text = operator_text(&size);
	assert_non_null(text);
	rc = operator_keep(text, size);
	free(text);
	return rc;
}

static enum kedge_hop_state state_of(const char *trunk)
{
	return health_trunk_state(health, conf_trunk_find(conf, trunk));
}

/* The next plane: health of its own, nothing but the files. */
static void restart(uint64_t wall)
{
	operator_close();
	health_init(health, conf, NULL, 8, NOW, wall);
	for (uint16_t i = 0; i < conf->trunks.count; i++) {
		const struct conf_addr *a = &conf->trunks.v[i].hops.v[0].addr;
		struct kedge_addr addr = { .family = a->family, .port = a->port };

		memcpy(addr.ip, a->ip, sizeof(addr.ip));
		assert_true(health_hop_add(health, i, CONF_UDP, &addr, NOW) >= 0);
	}
	assert_int_equal(operator_open(state, events, wall), 0);
	operator_apply(health, NOW);
}

static int told(const char *event)
{
	json_t *list = history_read(events, 0, 0, 1000), *o;
	int n = 0;
	size_t i;

	json_array_foreach(list, i, o)
		n += !strcmp(json_string_value(json_object_get(o, "event")), event);
	json_decref(list);
	return n;
}

static void put_file(const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/operator.json", state);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static bool there(const char *name)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", state, name);
	return access(path, F_OK) == 0;
}

static int setup(void **s)
{
	char command[256];

	(void)s;
	snprintf(command, sizeof(command), "rm -rf %s", state);
	if (system(command))
		return -1;
	restart(WALL);
	return history_open(events);
}

static int teardown(void **s)
{
	(void)s;
	history_close();
	operator_close();
	return 0;
}

static void beats_evidence(void **s)
{
	(void)s;
	assert_int_equal(give("alpha", HEALTH_DOWN, 0), 0);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_OFF);
	assert_int_equal(state_of("beta"), KEDGE_HOP_UNKNOWN);
	for (int i = 0; i < 10; i++)
		health_probe(health, health->trunk[conf_trunk_find(conf, "alpha")].hop[0], 200, 1000, NOW + (uint64_t)i * CLOCK_NS_PER_S);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_OFF);
	assert_int_equal(give("alpha", HEALTH_DRAIN, 0), 0);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_DRAINING);
	assert_int_equal(give("alpha", HEALTH_AUTO, 0), 0);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_UP);
	assert_int_equal(give("nobody", HEALTH_DOWN, 0), -ENOENT);
	assert_int_equal(told("order"), 3);
	for (int i = 0; i < 3; i++) {
		struct health_outcome o = { .cause = CAUSE_STATUS, .health = CAUSE_F, .code = 503, .begun_ns = NOW + CLOCK_NS_PER_S, .number_hash = 7 };

		health_outcome(health, health->trunk[conf_trunk_find(conf, "beta")].hop[0], &o, NOW + CLOCK_NS_PER_S);
	}
	assert_int_equal(state_of("beta"), KEDGE_HOP_DOWN);
	assert_int_equal(give("beta", HEALTH_UP, 0), 0);
	assert_int_equal(state_of("beta"), KEDGE_HOP_UP);
}

static void outlives(void **s)
{
	(void)s;
	assert_int_equal(give("alpha", HEALTH_DOWN, 0), 0);
	assert_int_equal(give("beta", HEALTH_DRAIN, WALL + 60000), 0);
	restart(WALL + 1000);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_OFF);
	assert_int_equal(state_of("beta"), KEDGE_HOP_DRAINING);
	assert_string_equal(health->trunk[conf_trunk_find(conf, "alpha")].operator.why, "card swap");
	assert_int_equal(give("alpha", HEALTH_AUTO, 0), 0);
	restart(WALL + 2000);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_UNKNOWN);
	assert_int_equal(state_of("beta"), KEDGE_HOP_DRAINING);
}

/* An order that ends while no kedge runs is told by the next one, once; one that ended before its eyes is not told again. */
static void ends(void **s)
{
	(void)s;
	assert_int_equal(give("alpha", HEALTH_DOWN, WALL + 60000), 0);
	assert_int_equal(give("beta", HEALTH_DOWN, WALL + 3600000), 0);
	operator_tick(WALL + 59999);
	assert_int_equal(told("expired"), 0);
	operator_tick(WALL + 60000);
	assert_int_equal(told("expired"), 1);
	restart(WALL + 61000);
	assert_int_equal(told("expired"), 1);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_UNKNOWN);
	assert_int_equal(state_of("beta"), KEDGE_HOP_OFF);
	restart(WALL + 3600000);
	assert_int_equal(told("expired"), 2);
	restart(WALL + 3700000);
	assert_int_equal(told("expired"), 2);
}

static void trunk_comes_back(void **s)
{
	(void)s;
	put_file("{\"orders\":[{\"trunk\":\"alpha\",\"order\":\"down\",\"by\":\"root\",\"reason\":\"\",\"since\":1,\"until\":0},"
		 "{\"trunk\":\"gone\",\"order\":\"drain\",\"by\":\"root\",\"reason\":\"\",\"since\":1,\"until\":0}]}");
	restart(WALL);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_OFF);
	assert_int_equal(give("beta", HEALTH_DOWN, 0), 0);
	{
		size_t size;
		char *text = operator_text(&size);

		assert_non_null(strstr(text, "\"gone\""));
		free(text);
	}
}

static void damaged(void **s)
{
	static const char *const bad[] = { "", "{", "[]", "{\"orders\":{}}", "{\"orders\":[{}]}",
		"{\"orders\":[{\"trunk\":\"alpha\",\"order\":\"sideways\",\"by\":\"\",\"reason\":\"\",\"since\":1,\"until\":0}]}",
		("{\"orders\":[{\"trunk\":\"beta\",\"order\":\"down\",\"by\":\"\",\"reason\":\"\",\"since\":1,\"until\":0},"
		 "{\"trunk\":\"alpha\",\"order\":\"down\",\"by\":\"\",\"reason\":\"\",\"since\":1}]}") };

	(void)s;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_file(bad[i]);
		restart(WALL);
		assert_int_equal(state_of("alpha"), KEDGE_HOP_UNKNOWN);
		assert_int_equal(state_of("beta"), KEDGE_HOP_UNKNOWN);
		assert_true(there("operator.json.damaged") && !there("operator.json"));
	}
	assert_int_equal(give("alpha", HEALTH_DOWN, 0), 0);
	restart(WALL);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_OFF);
}

/* A full or read-only disk: the order holds all the same, and who gave it is told that it is not kept. */
static void no_disk(void **s)
{
	char path[160];

	(void)s;
	snprintf(path, sizeof(path), "%s/operator.json.new", state);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(give("alpha", HEALTH_DOWN, 0) < 0);
	assert_int_equal(state_of("alpha"), KEDGE_HOP_OFF);
}

static int begin(void **s)
{
	if (rig_begin(s))
		return -1;
	admin_close();
	snprintf(state, sizeof(state), "%s/state", dir);
	snprintf(events, sizeof(events), "%s/events.jsonl", state);
	return 0;
}

static int end(void **s)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s", state);
	return system(command) || rig_end(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(beats_evidence), TEST(outlives), TEST(ends), TEST(trunk_comes_back), TEST(damaged), TEST(no_disk) };

	return cmocka_run_group_tests(tests, begin, end);
}
