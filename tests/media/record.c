// SPDX-License-Identifier: MIT
/* Recorded calls, on a real kedge-media: each packet of both directions stands in the call's capture file, with its addresses, in order, with the
 * times of its arrival; nothing of other calls does. A disk that is full, or that stalls for good, costs records and no packet of a call; a
 * killed plane leaves a file that its successor goes on writing. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "config/clock.h"
#include "media/pcap.h"
#include "tests/media/talk.h"

#define FILE_MAX (4 << 20)

static char dir[64], media[256];

static void start_recording(bool v6)
{
	snprintf(dir, sizeof(dir), "/tmp/kedge-record-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(media, sizeof(media), "port_rest = \"100ms\"; record_dir = \"%s\";", dir);
	start_with(media, 8, v6, 0);
}

/* As the log, `kedge calls` and "call" of the CDR name it: without zeros in front. */
static void path_of(const struct call *c, char path[128])
{
	snprintf(path, 128, "%s/%llx.pcap", dir, (unsigned long long)c->a.want.call_id);
}

static unsigned files(void)
{
	struct dirent *e;
	unsigned n = 0;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void remove_all(void)
{
	char path[sizeof(dir) + 256];
	struct dirent *e;
	DIR *d = opendir(dir);

	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	closedir(d);
	assert_int_equal(rmdir(dir), 0);
}

static void open_recorded(struct call *c, uint32_t slot, const char *in, const char *out)
{
	call_open(c, slot, in, out);
	plane_end_of(&c->a, 0)->record = 1;
	plane_write(&plane, &c->a, 0);
	plane_commit(&plane, &c->a);
	followed();
}

/* ---- what stands in a file ------------------------------------------------------------------- */

struct taken { /* of one direction */
	unsigned packets;
	bool gaps;     /* some may be missing */
	uint16_t next; /* the sender's number */
	uint32_t seed;
	struct sockaddr_storage from, to;
};

static uint32_t get32(const uint8_t *p)
{
	uint32_t x;

	memcpy(&x, p, 4);
	return x;
}

static uint64_t wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void same_end(const struct sockaddr_storage *want, const uint8_t *ip, const uint8_t *port)
{
	struct sockaddr_storage ss = *want;

	if (ss.ss_family == AF_INET)
		assert_memory_equal(ip, &((struct sockaddr_in *)&ss)->sin_addr, 4);
	else
		assert_memory_equal(ip, &((struct sockaddr_in6 *)&ss)->sin6_addr, 16);
	assert_int_equal(rtp_get16(port), ntohs(*port_of(&ss)));
}

/* A checksum over all of these bytes, the sum itself among them, is 0 (RFC 1071). */
static uint16_t left_over(uint32_t s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* One datagram; its bytes must be those of the next packet of one direction. */
static void check_datagram(const uint8_t *ip, size_t len, struct taken way[2])
{
	bool v6 = ip[0] >> 4 == 6;
	size_t head = v6 ? 40 : 20, addresses = v6 ? 8 : 12, size = v6 ? 32 : 8;
	const uint8_t *udp = ip + head, *data = udp + 8;
	uint8_t want[PACKET];
	struct taken *t = NULL;
	struct rtp h;

	assert_int_equal(len, head + 8 + PACKET);
	assert_int_equal(rtp_get16(udp + 4), 8 + PACKET);
	if (!v6)
		assert_int_equal(left_over(0, ip, 20), 0);
	assert_int_equal(left_over(IPPROTO_UDP + 8 + PACKET, ip + addresses, size + 8 + PACKET), 0);
	assert_int_equal(rtp_parse(data, PACKET, &h), 0);
	for (int i = 0; i < 2; i++)
		if (rtp_get32(data + RTP_HEADER) == way[i].seed)
			t = &way[i];
	assert_non_null(t);
	same_end(&t->from, ip + addresses, udp);
	same_end(&t->to, ip + addresses + size / 2, udp + 2);
	if (t->gaps && (int16_t)(h.sequence - t->next) > 0)
		t->next = h.sequence;
	assert_int_equal(h.sequence, t->next);
	fill(want, t->seed, &h);
	assert_memory_equal(data + 12, want + 12, PAYLOAD);
	t->next++;
	t->packets++;
}

static size_t read_file(const char *path, uint8_t *data)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(data, 1, FILE_MAX, f);
	fclose(f);
	return n;
}

/* Every packet of the file; way: by who sends, from inside first. Nothing is cut, and times only grow. */
static void check_file(const char *path, struct taken way[2], uint64_t began_ns)
{
	static uint8_t data[FILE_MAX];
	uint8_t head[PCAP_FILE_HEAD];
	size_t n = read_file(path, data), at = PCAP_FILE_HEAD;
	uint64_t last = began_ns;

	pcap_file_head(head);
	assert_true(n >= at);
	assert_memory_equal(data, head, PCAP_FILE_HEAD);
	while (at < n) {
		uint32_t len = get32(data + at + 8);
		uint64_t ns = get32(data + at) * CLOCK_NS_PER_S + get32(data + at + 4);

		assert_true(at + 16 + len <= n);
		assert_true(ns >= last && ns <= wall_ns());
		last = ns;
		check_datagram(data + at + 16, len, way);
		at += 16 + len;
	}
}

static void expect(struct call *c, struct taken way[2])
{
	way[0] = (struct taken){ .next = c->in.next.sequence, .seed = c->in.seed, .from = c->in.local, .to = c->in.to };
	way[1] = (struct taken){ .next = c->out.next.sequence, .seed = c->out.seed, .from = c->out.local, .to = c->out.to };
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void every_packet(bool v6)
{
	struct call c, other;
	struct taken way[2];
	char path[128];
	uint64_t began = wall_ns() - CLOCK_NS_PER_MS;

	start_recording(v6);
	open_recorded(&c, 0, v6 ? "::1" : "127.0.1.1", v6 ? "::1" : "127.0.2.1");
	call_open(&other, 1, v6 ? "::1" : "127.0.1.1", v6 ? "::1" : "127.0.2.1");
	expect(&c, way);
	path_of(&c, path);
	for (int i = 0; i < 150; i++) { /* the sockets are connected meanwhile */
		exchange(&c);
		exchange(&other);
		usleep(4000);
	}
	call_close(&c);
	call_close(&other);
	COUNTS_TO(recorded, 300);
	assert_int_equal(PLANE_COUNT(&plane, record_lost), 0);
	stop();
	check_file(path, way, began);
	assert_int_equal(way[0].packets, 150);
	assert_int_equal(way[1].packets, 150);
	assert_int_equal(files(), 1);
	remove_all();
}

static void every_packet_ipv4(void **state)
{
	every_packet(false);
}

static void every_packet_ipv6(void **state)
{
	every_packet(true);
}

/* 0000000000000001 is 1, as it is in the log. */
static void named_without_zeros(void **state)
{
	struct call c;
	char path[128];

	start_recording(false);
	open_recorded(&c, 0, "127.0.1.1", "127.0.2.1");
	assert_true(c.a.want.call_id == 1);
	exchange(&c);
	COUNTS_TO(recorded, 2);
	snprintf(path, sizeof(path), "%s/1.pcap", dir);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(files(), 1);
	call_close(&c);
	stop();
	remove_all();
}

/* Files are for the owner alone, and a call's is closed with it. */
static void nobody_else_reads_it(void **state)
{
	struct call c;
	struct stat st;
	char path[128];

	start_recording(false);
	open_recorded(&c, 0, "127.0.1.1", "127.0.2.1");
	path_of(&c, path);
	exchange(&c);
	COUNTS_TO(recorded, 2);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	call_close(&c);
	stop();
	remove_all();
}

/* No file may grow over 20,000 bytes: some 80 packets. */
static void a_full_disk(void **state)
{
	struct rlimit before, limit = { 20000, RLIM_INFINITY };
	struct taken way[2];
	struct call c;
	char path[128];

	getrlimit(RLIMIT_FSIZE, &before);
	limit.rlim_max = before.rlim_max;
	snprintf(dir, sizeof(dir), "/tmp/kedge-record-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(media, sizeof(media), "port_rest = \"100ms\"; record_dir = \"%s\";", dir);
	start_with(media, 8, false, 0);
	assert_int_equal(prlimit(plane.pid, RLIMIT_FSIZE, &limit, NULL), 0);
	open_recorded(&c, 0, "127.0.1.1", "127.0.2.1");
	expect(&c, way);
	path_of(&c, path);
	for (int i = 0; i < 200; i++) {
		exchange(&c);
		usleep(2000);
	}
	call_close(&c);
	for (int i = 0; i < 500 && PLANE_COUNT(&plane, recorded) + PLANE_COUNT(&plane, record_lost) < 400; i++)
		usleep(10000);
	assert_int_equal(PLANE_COUNT(&plane, recorded) + PLANE_COUNT(&plane, record_lost), 400);
	assert_true(PLANE_COUNT(&plane, recorded) >= 2 && PLANE_COUNT(&plane, record_lost) > 300);
	assert_int_equal(PLANE_COUNT(&plane, packets_out), 400);
	way[0].packets = (unsigned)PLANE_COUNT(&plane, recorded);
	stop();
	limit.rlim_cur = way[0].packets;
	way[0].gaps = way[1].gaps = true; /* a short piece may still fit where a longer one did not */
	way[0].packets = 0;
	check_file(path, way, 0);
	assert_int_equal(way[0].packets + way[1].packets, limit.rlim_cur);
	remove_all();
}

/* A pipe that nobody reads takes the file's place: the recorder waits for it for good. */
static void a_disk_that_stalls(void **state)
{
	struct call c, other;
	char path[128];
	uint64_t began;

	start_recording(false);
	open_recorded(&c, 0, "127.0.1.1", "127.0.2.1");
	open_recorded(&other, 1, "127.0.1.1", "127.0.2.1");
	path_of(&c, path);
	assert_int_equal(mkfifo(path, 0600), 0);
	for (int i = 0; i < 200; i++) {
		exchange(&c);
		exchange(&other);
	}
	assert_int_equal(PLANE_COUNT(&plane, recorded), 0);
	call_close(&c);
	call_close(&other);
	began = clock_mono_ns();
	stop(); /* cleanly, though its thread never comes back */
	assert_true(clock_mono_ns() - began < 20 * CLOCK_NS_PER_S);
	remove_all();
}

/* What the killed one had not written is missing, but nothing is cut, and the file goes on. */
static void goes_on_after_a_kill(void **state)
{
	struct taken way[2];
	struct call c;
	char path[128];
	unsigned before;

	start_recording(false);
	open_recorded(&c, 0, "127.0.1.1", "127.0.2.1");
	expect(&c, way);
	path_of(&c, path);
	for (int i = 0; i < 60; i++)
		exchange(&c);
	COUNTS_TO(recorded, 120);
	plane_stop(&plane, SIGKILL);
	check_file(path, way, 0);
	before = way[0].packets + way[1].packets;
	assert_int_equal(before, 120);
	assert_int_equal(plane_start(&plane), 0);
	followed();
	for (int i = 0; i < 60; i++)
		exchange(&c);
	call_close(&c);
	COUNTS_TO(recorded, 240);
	stop();
	expect(&c, way);
	way[0].next = (uint16_t)(way[0].next - 120);
	way[1].next = (uint16_t)(way[1].next - 120);
	check_file(path, way, 0);
	assert_int_equal(way[0].packets + way[1].packets, 240);
	remove_all();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(every_packet_ipv4),
		TEST(every_packet_ipv6),
		TEST(named_without_zeros),
		TEST(nobody_else_reads_it),
		TEST(a_full_disk),
		TEST(a_disk_that_stalls),
		TEST(goes_on_after_a_kill),
	};

	return cmocka_run_group_tests_name(talk_main(argc, argv), tests, NULL, NULL);
}
