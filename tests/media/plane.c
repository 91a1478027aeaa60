// SPDX-License-Identifier: MIT
/* The media plane alone, end to end: real RTP over loopback through a real kedge-media; this process plays supervisor and
 * signaling. What a far address is learnt from, and that a sprayer gets nothing (A93), too. Every test runs over both backends,
 * IPv4 and IPv6 among them; each packet heard is checked byte by byte. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "config/clock.h"
#include "routing/shm/queue.h"
#include "routing/shm/seq.h"
#include "tests/media/talk.h"

static const struct kedge_prefix LOCAL_24 = {
	.family = AF_INET, .bits = 24, .ip = { 127, 0, 2, 0 }
};

/* ---- calls ----------------------------------------------------------------------------------- */

static void relays_both_ways(void **state)
{
	struct call c;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	for (int i = 0; i < 100; i++)
		exchange(&c);
	usleep(500000); /* latches settle, sockets are connected */
	for (int i = 0; i < 100; i++)
		exchange(&c);
	call_close(&c);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_CLOSED, 0, 1000), 0);
	assert_int_equal(PLANE_COUNT(&plane, packets_in), 400);
	assert_int_equal(PLANE_COUNT(&plane, packets_out), 400);
	assert_int_equal(WORD(flow_of(&c, 0)->packets), 200);
	assert_int_equal(WORD(flow_of(&c, 1)->relayed), 200);
	assert_int_equal(WORD(flow_of(&c, 1)->lost_late), 0);
	stop();
}

/* While the sockets are connected and read anew: nothing is lost, doubled or out of order. */
static void settles_without_loss(void **state)
{
	static struct call c[16];

	start(16);
	for (uint32_t i = 0; i < 16; i++)
		call_open(&c[i], i, "127.0.1.1", "127.0.2.1");
	for (int n = 0; n < 700; n++) {
		for (int i = 0; i < 16; i++)
			exchange(&c[i]);
		usleep(100);
	}
	for (int i = 0; i < 16; i++)
		call_close(&c[i]);
	stop();
}

static void relays_ipv6(void **state)
{
	struct call c;

	start_with("port_rest = \"100ms\";", 8, true, 0);
	call_open(&c, 0, "::1", "::1");
	for (int i = 0; i < 50; i++)
		exchange(&c);
	usleep(500000);
	for (int i = 0; i < 50; i++)
		exchange(&c);
	call_close(&c);
	stop();
}

static void many_calls(void **state)
{
	static struct call c[SLOTS];

	start(SLOTS);
	for (int i = 0; i < SLOTS; i++)
		call_open(&c[i], (uint32_t)i, "127.0.1.1", "127.0.2.1");
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < SLOTS; i++) {
			say(&c[i].in);
			say(&c[i].out);
		}
		for (int i = 0; i < SLOTS; i++) {
			struct heard a = hear(&c[i].out), b = hear(&c[i].in);

			assert_int_equal(a.seed, c[i].in.seed);
			assert_int_equal(b.seed, c[i].out.seed);
			assert_int_equal(b.number, (uint16_t)(c[i].out.next.sequence - 1));
		}
		usleep(20000);
	}
	for (int i = 0; i < SLOTS; i++)
		call_close(&c[i]);
	assert_int_equal(PLANE_COUNT(&plane, sessions), 0);
	assert_int_equal(PLANE_COUNT(&plane, packets_out), 2 * 40 * SLOTS);
	stop();
}

/* Early packets of an end that is not live wait for nobody; once it is live the inside hears one line. */
static void one_line_over_a_switch(void **state)
{
	struct call c;
	struct peer b;
	struct heard h = { 0 }, before;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	peer_open(&b, "127.0.2.2", 77);
	exchange(&c);
	exchange(&c);
	add_end(&c, 1, &b);
	say(&b);
	hears_nothing(&c.in, 50);
	assert_int_equal(PLANE_COUNT(&plane, drop_not_live), 1);
	say(&c.out);
	before = hear(&c.in);
	usleep(200000);
	make_live(&c, 1);
	say(&c.out); /* late: from the end that was */
	say(&b);
	h = hear(&c.in);
	assert_int_equal(h.seed, 77);
	assert_int_equal(h.h.ssrc, c.a.want.ssrc);
	assert_int_equal(h.h.sequence, (uint16_t)(before.h.sequence + 1));
	assert_true(h.h.marker);
	/* 200 ms went by: 1,600 samples, and what the machine took longer. */
	assert_in_range(h.h.timestamp - before.h.timestamp, 1590, 16000);
	hears_nothing(&c.in, 50);
	say(&b);
	before = h;
	h = hear(&c.in);
	assert_int_equal(h.h.sequence, (uint16_t)(before.h.sequence + 1));
	assert_int_equal(h.h.timestamp, before.h.timestamp + PAYLOAD);
	assert_false(h.h.marker);
	say(&c.in); /* the inside is heard by the new end alone */
	assert_int_equal(hear(&b).seed, c.in.seed);
	hears_nothing(&c.out, 50);
	assert_int_equal(WORD(segment_stats(&plane.seg, 0)->switches), 1);
	peer_close(&b);
	call_close(&c);
	stop();
}

/* A PBX transfers: another SSRC, sequence and timestamp from the same address. The carrier hears one line. */
static void inside_changes_its_ssrc(void **state)
{
	struct call c;
	struct heard a, b;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	say(&c.in);
	a = hear(&c.out);
	c.in.next = (struct rtp){ .ssrc = 0x1234, .sequence = 100, .timestamp = 5 };
	say(&c.in);
	b = hear(&c.out);
	assert_int_equal(b.h.ssrc, a.h.ssrc);
	assert_int_equal(b.h.sequence, (uint16_t)(a.h.sequence + 1));
	assert_true(b.h.marker);
	assert_in_range(b.h.timestamp - a.h.timestamp, PAYLOAD, 8000);
	call_close(&c);
	stop();
}

static void nothing_before_live(void **state)
{
	struct call c;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	make_live(&c, KEDGE_LIVE_NONE);
	say(&c.out);
	say(&c.in);
	hears_nothing(&c.in, 50);
	hears_nothing(&c.out, 50);
	assert_int_equal(PLANE_COUNT(&plane, drop_early), 2);
	make_live(&c, 0);
	exchange(&c);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_FIRST_RTP, 0, 1000), 0);
	call_close(&c);
	stop();
}

/* A carrier speaks as soon as it has sent its 200; signaling still reads that. Its packet waits, for a moment only, and
 * nobody else's does. */
static void first_word_is_heard(void **state)
{
	struct call c;
	struct heard a;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	make_live(&c, KEDGE_LIVE_NONE);
	say(&c.out);
	while (PLANE_COUNT(&plane, drop_early) == 0)
		usleep(100);
	make_live(&c, 0);
	a = hear(&c.in);
	assert_int_equal(a.seed, c.out.seed);
	assert_int_equal(PLANE_COUNT(&plane, early_heard), 1);
	hears_nothing(&c.in, 50);
	make_live(&c, KEDGE_LIVE_NONE);
	say(&c.out);
	hears_nothing(&c.in, 60);
	make_live(&c, 0); /* too late */
	hears_nothing(&c.in, 50);
	assert_int_equal(PLANE_COUNT(&plane, early_heard), 1);
	exchange(&c);
	call_close(&c);
	stop();
}

/* The order to go live and the first packet come in one batch, because media slept meanwhile: the packet is not early. */
static void orders_come_before_packets(void **state)
{
	struct call c;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	usleep(500000); /* latches settle: a socket that is just being connected is another matter */
	exchange(&c);
	for (int i = 0; i < 10; i++) {
		make_live(&c, KEDGE_LIVE_NONE);
		kill(plane.pid, SIGSTOP);
		usleep(10000);
		c.a.want.live = 0;
		plane_commit(&plane, &c.a);
		say(&c.in);
		kill(plane.pid, SIGCONT);
		assert_int_equal(hear(&c.out).seed, c.in.seed);
	}
	assert_int_equal(PLANE_COUNT(&plane, drop_early), 0);
	call_close(&c);
	stop();
}

static void hold_and_resume(void **state)
{
	struct call c;
	struct heard a, b;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	say(&c.out);
	a = hear(&c.in);
	set_flags(&c, KEDGE_END_INSIDE, KEDGE_END_RECV); /* nothing toward the inside */
	for (int i = 0; i < 5; i++)
		say(&c.out);
	hears_nothing(&c.in, 50);
	say(&c.in);
	hear(&c.out);
	set_flags(&c, KEDGE_END_INSIDE, KEDGE_END_RECV | KEDGE_END_SEND | KEDGE_END_SPEAKS);
	say(&c.out);
	b = hear(&c.in);
	assert_int_equal(b.h.sequence, (uint16_t)(a.h.sequence + 1)); /* what was held is no loss */
	assert_true(b.h.marker);
	set_flags(&c, 0, KEDGE_END_SEND); /* the outside end is not heard */
	say(&c.out);
	hears_nothing(&c.in, 50);
	assert_int_equal(PLANE_COUNT(&plane, drop_held), 6);
	call_close(&c);
	stop();
}

static void payload_types_are_mapped(void **state)
{
	struct call c;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	c.a.out[0].pt[0] = (struct kedge_pt){ .inside = 101, .here = 96 };
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	c.in.next.payload_type = 101;
	say(&c.in);
	assert_int_equal(hear(&c.out).h.payload_type, 96);
	c.out.next.payload_type = 96;
	say(&c.out);
	assert_int_equal(hear(&c.in).h.payload_type, 101);
	c.out.next.payload_type = 8;
	say(&c.out);
	assert_int_equal(hear(&c.in).h.payload_type, 8);
	call_close(&c);
	stop();
}

static void loss_and_order_are_counted(void **state)
{
	struct call c;
	uint16_t first;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	first = c.out.next.sequence;
	c.out.next.sequence = (uint16_t)(first + 3); /* 3 missing */
	say(&c.out);
	c.out.next.sequence = (uint16_t)(first + 1); /* one of them late */
	say(&c.out);
	say_from(&c.out, c.out.rtp);
	c.out.next.sequence = (uint16_t)(first + 1); /* and twice */
	say(&c.out);
	for (int i = 0; i < 4; i++)
		hear(&c.in);
	usleep(20000);
	assert_int_equal(WORD(flow_of(&c, 1)->lost_late) >> 32, 1);
	assert_int_equal(WORD(flow_of(&c, 1)->lost_late) & 0xffffffff, 3);
	call_close(&c);
	stop();
}

static void datagrams_that_are_no_rtp(void **state)
{
	struct call c;
	char t38[] = "\x01\x02\x03 not RTP at all", heard[64];

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	sendto(c.out.rtp, t38, sizeof(t38), 0, (struct sockaddr *)&c.out.to, length(&c.out.to));
	hears_nothing(&c.in, 50);
	assert_int_equal(PLANE_COUNT(&plane, drop_malformed), 1);
	set_flags(&c, 0, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_PLAIN);
	set_flags(&c, KEDGE_END_INSIDE, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_PLAIN);
	sendto(c.out.rtp, t38, sizeof(t38), 0, (struct sockaddr *)&c.out.to, length(&c.out.to));
	assert_int_equal(wait_readable(c.in.rtp, 1000), 1);
	assert_int_equal(recv(c.in.rtp, heard, sizeof(heard), 0), sizeof(t38));
	assert_memory_equal(heard, t38, sizeof(t38));
	call_close(&c);
	stop();
}

/* Longer than an ordinary buffer: the first is lost, then the end has larger ones. */
static void long_packets(void **state)
{
	struct call c;
	uint8_t data[1400] = { 0x80, 99 }, heard[2048];

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4; i++) {
			rtp_set16(data + 2, (uint16_t)(c.out.next.sequence + i));
			rtp_set32(data + 8, c.out.next.ssrc);
			sendto(c.out.rtp, data, sizeof(data), 0, (struct sockaddr *)&c.out.to,
			    length(&c.out.to));
			usleep(20000);
		}
		for (int i = 0; i < 3; i++) {
			assert_int_equal(wait_readable(c.in.rtp, 1000), 1);
			assert_int_equal(recv(c.in.rtp, heard, sizeof(heard), 0), sizeof(data));
		}
		while (wait_readable(c.in.rtp, 20) == 1)
			recv(c.in.rtp, heard, sizeof(heard), 0);
		c.out.next.sequence = (uint16_t)(c.out.next.sequence + 4);
		usleep(400000); /* and the same once connected */
	}
	exchange(&c);
	call_close(&c);
	stop();
}

/* ---- who may speak --------------------------------------------------------------------------- */

static void strangers_are_dropped(void **state)
{
	struct call c;
	struct peer stranger;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	peer_open(&stranger, "127.0.9.9", 99);
	stranger.to = c.out.to;
	stranger.next.ssrc = c.out.next.ssrc; /* it knows everything but the address */
	for (int i = 0; i < 10; i++)
		say(&stranger); /* before the far end spoke */
	exchange(&c);
	for (int i = 0; i < 10; i++)
		say(&stranger);
	COUNTS_TO(drop_stranger, 20);
	usleep(500000);
	for (int i = 0; i < 10; i++)
		say(&stranger); /* now the kernel drops it */
	for (int i = 0; i < 20; i++)
		exchange(&c);
	hears_nothing(&stranger, 20);
	hears_nothing(&c.in, 20);
	assert_int_equal(PLANE_COUNT(&plane, packets_out), 42);
	peer_close(&stranger);
	call_close(&c);
	stop();
}

/* Behind a NAT: RTP comes from another port than the answer said, inside the learnable network. */
static void learns_a_port_once(void **state)
{
	struct call c;
	struct peer nat, sprayer;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	c.a.out[0].learn[0] = LOCAL_24;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	peer_open(&nat, "127.0.2.9", 50);
	peer_open(&sprayer, "127.0.2.10", 51);
	nat.to = sprayer.to = c.out.to;
	say(&nat);
	assert_int_equal(hear(&c.in).seed, 50);
	say(&c.in); /* answered where it came from, not where the answer said */
	hear(&nat);
	hears_nothing(&c.out, 20);
	say(&sprayer); /* same network, later: once is once */
	hears_nothing(&c.in, 50);
	for (int i = 0; i < 30; i++) {
		say(&nat);
		hear(&c.in);
		usleep(20000);
	}
	assert_int_equal(
	    PLANE_COUNT(&plane, latched), 2); /* the inside end's is not: it has not spoken */
	say(&sprayer);
	hears_nothing(&c.in, 20);
	usleep(1600000); /* it moved: after 1 s of silence the same guard learns again */
	say(&sprayer);
	assert_int_equal(hear(&c.in).seed, 51);
	say(&c.in);
	hear(&sprayer);
	peer_close(&nat);
	peer_close(&sprayer);
	call_close(&c);
	stop();
}

static void strict_learns_nothing(void **state)
{
	struct call c;
	struct peer nat;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	c.a.out[0].learn[0] = LOCAL_24;
	c.a.out[0].latch = KEDGE_LATCH_STRICT;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	peer_open(&nat, "127.0.2.9", 50);
	nat.to = c.out.to;
	say(&nat);
	hears_nothing(&c.in, 50);
	usleep(400000);
	exchange(&c);
	say(&nat);
	hears_nothing(&c.in, 50);
	peer_close(&nat);
	call_close(&c);
	stop();
}

/* A re-INVITE names another address: the old one is out, the new one in, on the same port. */
static void far_end_moves(void **state)
{
	struct call c;
	struct peer b;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	usleep(400000);
	exchange(&c);
	peer_open(&b, "127.0.2.2", 60);
	b.to = c.out.to;
	c.a.out[0].rtp = plane_addr((struct sockaddr *)&b.local);
	c.a.out[0].exchange++;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	say(&c.in);
	assert_int_equal(hear(&b).seed, c.in.seed);
	say(&c.out);
	hears_nothing(&c.in, 20);
	say(&b);
	assert_int_equal(hear(&c.in).seed, 60);
	usleep(400000);
	say(&b);
	assert_int_equal(hear(&c.in).seed, 60);
	peer_close(&b);
	call_close(&c);
	stop();
}

/* ---- ports ----------------------------------------------------------------------------------- */

/* One pair a side: the next call gets the dead call's ports while its peers go on sending. */
static void no_packet_of_a_dead_call(void **state)
{
	struct call old, now;

	start(1);
	for (uint32_t round = 0; round < 3; round++) {
		call_open(&old, 0, "127.0.1.1", "127.0.2.1");
		exchange(&old);
		if (round == 1)
			usleep(400000);
		old.a.want.state = KEDGE_SLOT_CLOSED;
		if (round ==
		    2) { /* more than one pass reads: the rest waits in the sockets while they are closed */
			kill(plane.pid, SIGSTOP);
			for (int i = 0; i < 100; i++) {
				say(&old.in);
				say(&old.out);
			}
			plane_commit(&plane, &old.a);
			kill(plane.pid, SIGCONT);
			assert_int_equal(
			    plane_wait_done(&plane, &old.a, KEDGE_DONE_CLOSED, 2000), 0);
			forget(&old.in);
			forget(&old.out);
		}
		plane_commit(&plane, &old.a);
		assert_int_equal(plane_wait_done(&plane, &old.a, KEDGE_DONE_CLOSED, 2000), 0);
		for (int i = 0; i < 20; i++) {
			say(&old.in);
			say(&old.out);
			usleep(5000);
		}
		usleep(200000);
		for (int i = 0; i < 20; i++) {
			say(&old.in);
			say(&old.out);
		}
		/* The same addresses: only the ports' history could let an old packet through. */
		now = old;
		plane_anchor(&plane, &now.a, 1, 0);
		assert_int_equal(plane_end(&plane, &now.a, KEDGE_END_INSIDE, 0,
		                     (struct sockaddr *)&old.in.local),
		    0);
		assert_int_equal(
		    plane_end(&plane, &now.a, 0, 1, (struct sockaddr *)&old.out.local), 0);
		now.a.want.live = 0;
		plane_commit(&plane, &now.a);
		assert_int_equal(plane_wait_done(&plane, &now.a, KEDGE_DONE_OPEN, 2000), 0);
		hears_nothing(&now.in, 50);
		hears_nothing(&now.out, 50);
		exchange(&now);
		call_close(&now);
		usleep(200000);
	}
	stop();
}

static void ports_run_out_and_come_back(void **state)
{
	struct call c[3];
	struct plane_anchor a;

	start(2);
	for (int round = 0; round < 2; round++) {
		call_open(&c[0], 0, "127.0.1.1", "127.0.2.1");
		call_open(&c[1], 1, "127.0.1.1", "127.0.2.1");
		plane_anchor(&plane, &a, 2, 0);
		assert_int_equal(plane_end(&plane, &a, KEDGE_END_INSIDE, 0, NULL), -ENOBUFS);
		exchange(&c[0]);
		exchange(&c[1]);
		call_close(&c[0]);
		call_close(&c[1]);
		COUNTS_TO(ports_free, 4);
		assert_int_equal(PLANE_COUNT(&plane, ports_lent), 0);
		assert_int_equal(PLANE_COUNT(&plane, ports_resting), 0);
	}
	stop();
}

/* Signaling takes pairs, writes ends and dies before the anchor: the pairs come back by themselves. */
static void taken_and_forgotten_ports(void **state)
{
	struct plane_anchor a;

	start_with("port_rest = \"1s\";", 2, false, 10);
	plane_anchor(&plane, &a, 0, 0);
	assert_int_equal(plane_end(&plane, &a, KEDGE_END_INSIDE, 0, NULL), 0);
	/* and is written over by who begins anew */
	assert_int_equal(plane_end(&plane, &a, KEDGE_END_INSIDE, 0, NULL), 0);
	COUNTS_TO(ports_free, 3);
	stop();
}

/* Closed before media ever saw it open. */
static void opened_and_closed_at_once(void **state)
{
	struct plane_anchor a;

	start(4);
	for (int i = 0; i < 20; i++) {
		kill(plane.pid, SIGSTOP);
		plane_anchor(&plane, &a, 0, 0);
		assert_int_equal(plane_end(&plane, &a, KEDGE_END_INSIDE, 0, NULL), 0);
		assert_int_equal(plane_end(&plane, &a, 0, 1, NULL), 0);
		plane_commit(&plane, &a);
		a.want.state = KEDGE_SLOT_CLOSED;
		plane_commit(&plane, &a);
		kill(plane.pid, SIGCONT);
		assert_int_equal(plane_wait_done(&plane, &a, KEDGE_DONE_CLOSED, 2000), 0);
		assert_int_equal(plane_event(&plane, KEDGE_EVT_CLOSED, 0, 1000), 0);
		usleep(60000);
	}
	COUNTS_TO(ports_free, 8);
	assert_int_equal(
	    PLANE_COUNT(&plane, sessions_opened), PLANE_COUNT(&plane, sessions_closed));
	stop();
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

/* More packets than buffers while the plane stands still: nothing is lost, every reception goes on. */
static void buffers_run_out(void **state)
{
	static struct call c[SLOTS];
	static const uint8_t noise[8] = { 0x80, 0 };
	const int each = 40;

	start_with("buffers = 256;", SLOTS, false, 0);
	for (int i = 0; i < SLOTS; i++)
		call_open(&c[i], (uint32_t)i, "127.0.1.1", "127.0.2.1");
	for (int round = 0; round < 2; round++) {
		kill(plane.pid, SIGSTOP);
		for (int n = 0; n < each; n++)
			for (int i = 0; i < SLOTS; i++) {
				say(&c[i].in);
				say(&c[i].out);
				sendto(c[i].in.rtcp, noise, 8, 0,
				    (struct sockaddr *)&c[i].in.rtcp_to, length(&c[i].in.to));
				sendto(c[i].out.rtcp, noise, 8, 0,
				    (struct sockaddr *)&c[i].out.rtcp_to, length(&c[i].in.to));
			}
		kill(plane.pid, SIGCONT);
		for (int n = 0; n < each; n++)
			for (int i = 0; i < SLOTS; i++) {
				assert_int_equal(hear(&c[i].out).seed, c[i].in.seed);
				assert_int_equal(hear(&c[i].in).seed, c[i].out.seed);
			}
		for (int i = 0; i < SLOTS; i++)
			exchange(&c[i]);
		usleep(400000); /* the second time with connected sockets */
	}
	if (strcmp(backend, "io_uring") == 0)
		assert_true(PLANE_COUNT(&plane, buffers_empty) > 0);
	for (int i = 0; i < SLOTS; i++)
		call_close(&c[i]);
	stop();
}

/* The far end's port is closed for a while: ICMP is evidence, not the end. */
static void icmp_is_evidence(void **state)
{
	struct call c;
	struct sockaddr_storage local;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	usleep(400000); /* connected */
	local = c.out.local;
	close(c.out.rtp);
	for (int i = 0; i < 20; i++) {
		say(&c.in);
		usleep(5000);
	}
	assert_true(PLANE_COUNT(&plane, icmp) > 0);
	c.out.rtp = socket(local.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(c.out.rtp, (struct sockaddr *)&local, length(&local)), 0);
	say(&c.in); /* may meet the last error */
	usleep(20000);
	while (wait_readable(c.out.rtp, 20) == 1)
		hear(&c.out);
	for (int i = 0; i < 10; i++)
		exchange(&c);
	call_close(&c);
	stop();
}

/* kill -9 and a new process on the same descriptors: the same lines go on, and what came meanwhile waited in the sockets. */
static void goes_on_after_a_kill(void **state)
{
	struct call c[4];
	struct heard a[4], b;

	start(8);
	for (uint32_t i = 0; i < 4; i++) {
		call_open(&c[i], i, "127.0.1.1", "127.0.2.1");
		exchange(
		    &c[i]); /* then another stream, so that the line has offsets to go on with */
		c[i].out.next = (struct rtp){ .ssrc = 0x77 + i, .sequence = 100, .timestamp = 5 };
		exchange(&c[i]);
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4; i++) {
			exchange(&c[i]);
			say(&c[i].out);
			a[i] = hear(&c[i].in);
		}
		if (round == 1)
			usleep(500000); /* the second time with connected sockets */
		plane_stop(&plane, SIGKILL);
		for (int n = 0; n < 5; n++)
			for (int i = 0; i < 4; i++) {
				say(&c[i].out);
				say(&c[i].in);
			}
		assert_int_equal(plane_start(&plane), 0);
		for (int n = 1; n <= 5; n++)
			for (int i = 0; i < 4; i++) {
				b = hear(&c[i].in);
				assert_int_equal(b.h.ssrc, a[i].h.ssrc);
				assert_int_equal(b.h.sequence, (uint16_t)(a[i].h.sequence + n));
				assert_int_equal(
				    b.h.timestamp, a[i].h.timestamp + (uint32_t)n * PAYLOAD);
				assert_false(b.h.marker);
				hear(&c[i].out);
			}
		for (int i = 0; i < 4; i++)
			exchange(&c[i]);
	}
	assert_int_equal(PLANE_COUNT(&plane, recovered), 8);
	assert_int_equal(PLANE_COUNT(&plane, sessions), 4);
	assert_int_equal(PLANE_COUNT(&plane, sessions_opened), 4);
	assert_int_equal(WORD(flow_of(&c[0], 1)->lost_late), 0);
	for (int i = 0; i < 4; i++)
		call_close(&c[i]);
	COUNTS_TO(ports_free, 16);
	stop();
}

/* What a latch learnt holds over a restart: the stranger in the same network still is one. */
static void latch_survives_a_kill(void **state)
{
	struct call c;
	struct peer nat, sprayer;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	c.a.out[0].learn[0] = LOCAL_24;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	peer_open(&nat, "127.0.2.9", 50);
	peer_open(&sprayer, "127.0.2.10", 51);
	nat.to = sprayer.to = c.out.to;
	say(&nat);
	hear(&c.in);
	plane_stop(&plane, SIGKILL);
	say(&sprayer);
	assert_int_equal(plane_start(&plane), 0);
	hears_nothing(&c.in, 50);
	say(&c.in);
	hear(&nat);
	say(&nat);
	assert_int_equal(hear(&c.in).seed, 50);
	peer_close(&nat);
	peer_close(&sprayer);
	call_close(&c);
	stop();
}

/* Closed by signaling while media was away. */
static void closed_while_media_was_away(void **state)
{
	struct call c;

	start(2);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	plane_stop(&plane, SIGKILL);
	c.a.want.state = KEDGE_SLOT_CLOSED;
	plane_commit(&plane, &c.a);
	assert_int_equal(plane_start(&plane), 0);
	assert_int_equal(plane_wait_done(&plane, &c.a, KEDGE_DONE_CLOSED, 2000), 0);
	usleep(300000);
	assert_int_equal(PLANE_COUNT(&plane, ports_free), 4);
	peer_close(&c.in);
	peer_close(&c.out);
	stop();
}

/* A signaling plane that died in the middle of a write: nothing of the line is believed, the call goes on, and once its
 * successor has mended the line it is followed. */
static void torn_line(void **state)
{
	struct call c;
	struct kedge_session *s;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	exchange(&c);
	s = segment_session(&plane.seg, 0);
	atomic_fetch_add_explicit(&s->want.seq, 1, memory_order_relaxed);
	queue_push(&segment_queues(&plane.seg, 0)->cmd,
	    queue_msg(KEDGE_CMD_SESSION, c.a.want.generation, 0));
	exchange(&c);
	usleep(300000);
	assert_true(PLANE_COUNT(&plane, table_busy) > 0);
	exchange(&c);
	c.a.want.state = KEDGE_SLOT_CLOSED;
	seq_mend(&s->want, &c.a.want);
	assert_int_equal(plane_wait_done(&plane, &c.a, KEDGE_DONE_CLOSED, 2000), 0);
	peer_close(&c.in);
	peer_close(&c.out);
	stop();
}

static void orphans(bool restarted)
{
	struct call loud, silent;

	start_with("port_rest = \"1s\"; orphan_after = \"10s\";", 8, false, 10);
	call_open(&loud, 0, "127.0.1.1", "127.0.2.1");
	call_open(&silent, 1, "127.0.1.1", "127.0.2.1");
	exchange(&loud);
	exchange(&silent);
	usleep(1200000);
	assert_int_equal(
	    PLANE_COUNT(&plane, sessions_orphaned), 0); /* owned: silence is nobody's business */
	plane_sig_alive(&plane, restarted, restarted);
	for (int i = 0; i < 80 && PLANE_COUNT(&plane, sessions_orphaned) == 0; i++) {
		exchange(&loud);
		usleep(50000);
	}
	assert_int_equal(PLANE_COUNT(&plane, sessions_orphaned), 1);
	assert_int_equal(plane_wait_done(&plane, &silent.a, KEDGE_DONE_CLOSED, 100), 0);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_ORPHAN, 1, 1000), 0);
	exchange(&loud);
	peer_close(&silent.in);
	peer_close(&silent.out);
	plane_sig_alive(&plane, true, false);
	call_close(&loud);
	stop();
}

static void orphan_of_a_dead_owner(void **state)
{
	orphans(false);
}

static void orphan_of_a_new_owner(void **state)
{
	orphans(true);
}

/* An end that ought to speak and does not; the hop's line says one-way where it never did. */
static void silence_is_told(void **state)
{
	struct call c;
	struct kedge_hop_media *m;

	start_with("media_dead = \"3s\";", 8, false, 10);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	c.a.out[0].hop = 2;
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	for (int i = 0; i < 40; i++) {
		say(&c.in);
		usleep(20000);
	}
	assert_int_equal(plane_event(&plane, KEDGE_EVT_SILENT, 0, 1000), 0);
	m = &segment_hop(&plane.seg, 2)->media[0];
	assert_int_equal(WORD(m->one_way), 1);
	say(&c.out);
	usleep(300000);
	assert_int_equal(WORD(m->packets), 1);
	for (int i = 0; i < 40; i++) {
		say(&c.in);
		usleep(20000);
	}
	assert_int_equal(WORD(m->silent), 1);
	assert_int_equal(plane_event(&plane, KEDGE_EVT_SILENT, 0, 1000), 0);
	/* The other way round: the caller says nothing any more. */
	for (int i = 0; i < 40; i++) {
		say(&c.out);
		usleep(20000);
	}
	assert_int_equal(plane_event(&plane, KEDGE_EVT_SILENT_IN, 0, 1000), 0);
	assert_int_not_equal(plane_event(&plane, KEDGE_EVT_SILENT, 0, 0), 0);
	while (wait_readable(c.in.rtp, 0) == 1)
		hear(&c.in);
	while (wait_readable(c.out.rtp, 0) == 1)
		hear(&c.out);
	call_close(&c);
	stop();
}

/* ---- RTCP ------------------------------------------------------------------------------------ */

static size_t make_sr(
    uint8_t *p, uint32_t ssrc, uint32_t rtp_time, uint32_t about, uint32_t highest)
{
	static const char cname[] = "secret@10.0.0.1";

	memset(p, 0, 128);
	p[0] = 0x81;
	p[1] = RTCP_SR;
	rtp_set16(p + 2, 12);
	rtp_set32(p + 4, ssrc);
	rtp_set32(p + 8, 0xe0000000);
	rtp_set32(p + 12, 0x80000000);
	rtp_set32(p + 16, rtp_time);
	rtp_set32(p + 20, 1000);
	rtp_set32(p + 24, 160000);
	rtp_set32(p + 28, about);
	rtp_set32(p + 36, highest);
	p += 52;
	p[0] = 0x81;
	p[1] = RTCP_SDES;
	rtp_set16(p + 2, 6);
	rtp_set32(p + 4, ssrc);
	p[8] = 1;
	p[9] = sizeof(cname) - 1;
	memcpy(p + 10, cname, sizeof(cname) - 1);
	return 52 + 28;
}

static ssize_t hear_rtcp(int fd, uint8_t *out)
{
	assert_int_equal(wait_readable(fd, 1000), 1);
	return recv(fd, out, 2048, 0);
}

static void check_sr(const uint8_t *p, ssize_t n, const struct plane_anchor *a, uint32_t ssrc,
    uint32_t rtp_time, uint32_t about)
{
	assert_true(n >= 52 + 12);
	assert_int_equal(p[1], RTCP_SR);
	assert_int_equal(rtp_get32(p + 4), ssrc);
	assert_int_equal(rtp_get32(p + 16), rtp_time);
	assert_int_equal(rtp_get32(p + 28), about);
	assert_int_equal(p[53], RTCP_SDES);
	assert_int_equal(p[60], 1);
	assert_int_equal(p[61], strlen(a->want.cname));
	assert_memory_equal(p + 62, a->want.cname, p[61]);
	assert_null(memmem(p, (size_t)n, "secret", 6));
}

static void rtcp_is_rewritten(void **state)
{
	struct call c;
	struct heard in, out;
	uint8_t sent[128], heard[2048];
	size_t len;
	ssize_t n;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	/* The peers' RTCP ports are not RTP + 1: signaled as a=rtcp does. */
	struct sockaddr_storage rtcp = name_of(c.in.rtcp);
	c.a.in.rtcp = plane_addr((struct sockaddr *)&rtcp);
	rtcp = name_of(c.out.rtcp);
	c.a.out[0].rtcp = plane_addr((struct sockaddr *)&rtcp);
	plane_write(&plane, &c.a, KEDGE_END_INSIDE);
	plane_write(&plane, &c.a, 0);
	plane_commit(&plane, &c.a);
	followed();
	exchange(&c);
	say(&c.in);
	out = hear(&c.out);
	say(&c.out);
	in = hear(&c.in);
	len = make_sr(sent, c.out.next.ssrc, c.out.next.timestamp, out.h.ssrc, out.h.sequence);
	sendto(c.out.rtcp, sent, len, 0, (struct sockaddr *)&c.out.rtcp_to, length(&c.out.rtcp_to));
	n = hear_rtcp(c.in.rtcp, heard);
	check_sr(heard, n, &c.a, c.a.want.ssrc, in.h.timestamp + PAYLOAD, c.in.next.ssrc);
	len = make_sr(sent, c.in.next.ssrc, c.in.next.timestamp, in.h.ssrc, in.h.sequence);
	sendto(c.in.rtcp, sent, len, 0, (struct sockaddr *)&c.in.rtcp_to, length(&c.in.rtcp_to));
	n = hear_rtcp(c.out.rtcp, heard);
	check_sr(heard, n, &c.a, out.h.ssrc, out.h.timestamp + PAYLOAD, c.out.next.ssrc);
	assert_int_equal(WORD(segment_stats(&plane.seg, 0)->rtcp_packets[0]), 1);
	assert_int_equal(WORD(segment_stats(&plane.seg, 0)->rtcp_packets[1]), 1);
	call_close(&c);
	stop();
}

/* One end multiplexes, the other does not. */
static void rtcp_mux(void **state)
{
	struct call c;
	struct sockaddr_storage rtcp;
	uint8_t sent[128], heard[2048];
	size_t len;

	start(8);
	call_open(&c, 0, "127.0.1.1", "127.0.2.1");
	rtcp = name_of(c.in.rtcp);
	c.a.in.rtcp = plane_addr((struct sockaddr *)&rtcp);
	plane_write(&plane, &c.a, KEDGE_END_INSIDE);
	set_flags(&c, 0, KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_RTCP_MUX);
	exchange(&c);
	len = make_sr(sent, c.out.next.ssrc, c.out.next.timestamp, 0, 0);
	sendto(c.out.rtp, sent, len, 0, (struct sockaddr *)&c.out.to, length(&c.out.to));
	hear_rtcp(c.in.rtcp, heard);
	assert_int_equal(rtp_get32(heard + 4), c.a.want.ssrc);
	sendto(c.in.rtcp, sent, len, 0, (struct sockaddr *)&c.in.rtcp_to, length(&c.in.rtcp_to));
	hear_rtcp(c.out.rtp, heard);
	assert_true(rtp_is_rtcp(heard, 2));
	call_close(&c);
	stop();
}

/* ---- many at once ------------------------------------------------------------------------------ */

/* Anchors come and go on two workers while one call on each talks. */
static void churn(void **state)
{
	static struct call talk[2], c[SLOTS];
	unsigned before = workers;

	workers = 2;
	start(2 * SLOTS);
	call_open(&talk[0], 0, "127.0.1.1", "127.0.2.1");
	call_open(&talk[1], 1, "127.0.1.1", "127.0.2.1");
	for (int round = 0; round < 6; round++) {
		for (uint32_t i = 2; i < SLOTS; i++)
			call_open(&c[i], i, "127.0.1.1", "127.0.2.1");
		exchange(&talk[0]);
		exchange(&talk[1]);
		for (uint32_t i = 2; i < SLOTS; i++)
			exchange(&c[i]);
		for (uint32_t i = 2; i < SLOTS; i++)
			call_close(&c[i]);
		usleep(150000);
	}
	exchange(&talk[0]);
	exchange(&talk[1]);
	call_close(&talk[0]);
	call_close(&talk[1]);
	COUNTS_TO(ports_free, 4 * SLOTS);
	assert_int_equal(PLANE_COUNT(&plane, sessions_opened), 2 + 6 * (SLOTS - 2));
	stop();
	workers = before;
}

static void says_its_backend(void **state)
{
	enum kedge_backend want = KEDGE_BACKEND_URING;

	if (deny || strcmp(backend, "epoll") == 0)
		want = KEDGE_BACKEND_EPOLL;
	start(2);
	assert_int_equal(
	    atomic_load_explicit(&plane.seg.pub->worker[0].backend, memory_order_relaxed), want);
	stop();
}

/* plane io_uring|epoll|denied [FILTER] */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(says_its_backend),
		TEST(relays_both_ways),
		TEST(settles_without_loss),
		TEST(relays_ipv6),
		TEST(many_calls),
		TEST(one_line_over_a_switch),
		TEST(inside_changes_its_ssrc),
		TEST(nothing_before_live), TEST(first_word_is_heard), TEST(orders_come_before_packets),
		TEST(hold_and_resume),
		TEST(payload_types_are_mapped),
		TEST(loss_and_order_are_counted),
		TEST(datagrams_that_are_no_rtp),
		TEST(long_packets),
		TEST(strangers_are_dropped),
		TEST(learns_a_port_once),
		TEST(strict_learns_nothing),
		TEST(far_end_moves),
		TEST(no_packet_of_a_dead_call),
		TEST(ports_run_out_and_come_back),
		TEST(taken_and_forgotten_ports),
		TEST(opened_and_closed_at_once),
		TEST(buffers_run_out),
		TEST(icmp_is_evidence),
		TEST(goes_on_after_a_kill),
		TEST(latch_survives_a_kill),
		TEST(closed_while_media_was_away),
		TEST(torn_line),
		TEST(orphan_of_a_dead_owner),
		TEST(orphan_of_a_new_owner),
		TEST(silence_is_told),
		TEST(rtcp_is_rewritten),
		TEST(rtcp_mux),
		TEST(churn),
	};

	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
