// SPDX-License-Identifier: MIT
/* bridge_rig: a call's bridge with a segment behind it: the caller on trunk 0, two attempts on 1 and 2; what media was told is read back. */
#ifndef KEDGE_TESTS_UNIT_SIG_BRIDGE_BRIDGE_RIG_H
#define KEDGE_TESTS_UNIT_SIG_BRIDGE_BRIDGE_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_wait.h>

#include "routing/shm/queue.h"
#include "routing/shm/seq.h"
#include "sig/bridge/bridge.h"
#include "tests/unit/routing/rig.h"

#define PORTS 16

static const struct segment_shape SHAPE = {
	.workers = 1, .hops = 1, .slots = 2, .ports = PORTS, .nets = 2
};

static struct {
	struct segment run, seg;
	su_root_t *root;
	struct rig *rig;
	su_home_t home[1];
	struct bridge b;
	struct bridge_side one, two; /* attempts */
} t;

static void on_closed(void *owner, uint32_t slot)
{
}

static void on_other(void *owner, bool inside)
{
}

static void on_heard(void *owner)
{
}

static const struct anchor_events events = { on_closed, on_other, on_other, on_heard, on_heard, NULL };

static int setup(void **state)
{
	assert_int_equal(segment_create(&t.run, &SHAPE), 0);
	for (uint32_t n = 0; n < 2; n++)
		t.run.priv->net[n] = (struct kedge_net){ .iface = (uint16_t)n,
			.addr = { .family = AF_INET, .ip = { 127, 0, (uint8_t)(3 + n), 1 } } };
	t.run.priv->worker_eventfd[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	t.run.priv->sig_eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (uint32_t i = 0; i < PORTS; i++) {
		*segment_port(&t.run, i) = (struct kedge_port){ .fd_rtp = -1,
			.fd_rtcp = -1,
			.rtp_port = (uint16_t)(20000 + 2 * i),
			.net = i % 2 };
		assert_int_equal(queue_push(segment_free(&t.run, 0, i % 2), i), 0);
	}
	assert_int_equal(segment_attach(&t.seg, t.run.pub_fd, t.run.priv_fd, SEGMENT_SIG), 0);
	assert_int_equal(anchor_init(&t.seg, t.root, &events), 0);
	t.rig = rig_new(3);
	for (int i = 0; i < 3; i++)
		t.rig->trunk[i].latch = CONF_LATCH_GUARDED, t.rig->trunk[i].late_offer = CONF_LATE_PASS,
		t.rig->trunk[i].t38 = t.rig->trunk[i].bandwidth = true;
	su_home_init(t.home);
	memset(&t.b, 0, sizeof(t.b));
	t.b.home = t.home;
	t.b.conf = &t.rig->conf;
	t.b.caller.trunk = 0;
	t.b.caller.peer = rig_addr(0, 0);
	t.one = (struct bridge_side){ .trunk = 1, .peer = rig_addr(1, 0) };
	t.two = (struct bridge_side){ .trunk = 2, .peer = rig_addr(2, 0) };
	return 0;
}

static int teardown(void **state)
{
	anchor_fini();
	su_home_deinit(t.home);
	free(t.rig);
	close(t.run.priv->worker_eventfd[0]);
	close(t.run.priv->sig_eventfd);
	segment_detach(&t.seg);
	segment_detach(&t.run);
	return 0;
}

#define SDP(ip, port, formats, more)                                                               \
	"v=0\r\no=x 1 1 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port         \
	" RTP/AVP " formats "\r\n" more

static struct bridge_body body(const char *sdp)
{
	return (
	    struct bridge_body){ .type = "application/sdp", .data = sdp, .length = strlen(sdp) };
}

static struct kedge_end end_of(unsigned end)
{
	struct kedge_end e = { 0 };

	seq_read(&segment_end(&t.run, t.b.anchor.slot, end)->want, &e);
	return e;
}

static inline uint8_t live(void)
{
	struct kedge_anchor a = { 0 };

	seq_read(&segment_session(&t.run, t.b.anchor.slot)->want, &a);
	return a.live;
}

static inline const char *answer(struct bridge_side *side, const char *sdp, bool final, int want)
{
	struct bridge_body said = body(sdp);
	const char *out = NULL;

	assert_int_equal(bridge_answer(&t.b, side, &said, final ? BRIDGE_FINAL : BRIDGE_PREVIEW, &out), want);
	return out;
}

#define bridge_rig_run(tests)                                                                      \
	({                                                                                         \
		int failed;                                                                        \
		su_init();                                                                         \
		t.root = su_root_create(NULL);                                                     \
		su_root_threading(t.root, 0);                                                      \
		failed = cmocka_run_group_tests(tests, NULL, NULL);                                \
		su_root_destroy(t.root);                                                           \
		su_deinit();                                                                       \
		failed;                                                                            \
	})

#endif
