// SPDX-License-Identifier: MIT
/* plays: what it costs one worker to play ringback to so many ends at once.
 *   plays [ENDS [SECONDS]]    1000, 5
 * Prints packets a second, CPU time of kedge-media per packet (user and kernel), and how far from 20 ms two packets of one end
 * arrive (median, p99). All ends send to one socket of this program. Exit 1: fewer packets than were due. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/sound.h"
#include "tests/harness/plane.h"

#define PORTS  65536
#define BATCH  64
#define BINS   200 /* of 100 us */
#define MEDIA                                                                                                               \
	"comfort_noise = true; }; trunks = ( { name = \"ca\"; side = \"carrier\"; uri = \"sip:127.0.0.2\"; interface = \"any\"; } );"              \
	"profiles = ( { name = \"out\"; targets = ( { trunk = \"ca\"; } ); } ); alarm = {"

static uint64_t last_ns[PORTS], bins[BINS + 1], heard;

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "plays: %s\n", what);
	exit(2);
}

static uint64_t cpu_ns(pid_t pid)
{
	unsigned long user = 0, kernel = 0;
	char path[64], line[1024] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	need(f && fgets(line, sizeof(line), f) && strrchr(line, ')'), "no /proc");
	fclose(f);
	sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
	return (uint64_t)(user + kernel) * (1000000000ULL / (unsigned long)sysconf(_SC_CLK_TCK));
}

static void note(uint16_t port, uint64_t now)
{
	uint64_t gone = now - last_ns[port], off = gone > 20000000 ? gone - 20000000 : 20000000 - gone;

	if (last_ns[port])
		bins[off / 100000 < BINS ? off / 100000 : BINS]++;
	last_ns[port] = now;
	heard++;
}

static void hear(int fd, double seconds)
{
	static uint8_t data[BATCH][512];
	static struct sockaddr_in from[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH];
	uint64_t end = clock_mono_ns() + (uint64_t)(seconds * 1e9), now;

	while ((now = clock_mono_ns()) < end) {
		struct timespec wait = { .tv_nsec = 1000000 };
		int n;

		for (int i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
			m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1, .msg_name = &from[i], .msg_namelen = sizeof(from[i]) } };
		}
		n = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			note(ntohs(from[i].sin_port), now);
		if (n <= 0)
			nanosleep(&wait, NULL);
	}
}

static double quantile(double q)
{
	uint64_t sum = 0, all = 0;
	int i;

	for (i = 0; i <= BINS; i++)
		all += bins[i];
	for (i = 0; i < BINS && (sum += bins[i]) < q * (double)all; i++)
		;
	return (i + 1) / 10.0;
}

int main(int argc, char **argv)
{
	unsigned ends = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	double seconds = argc > 2 ? atof(argv[2]) : 5;
	struct plane_options o = { .workers = 1, .slots = ends + 1, .pairs = ends, .nets = { "127.0.3.1" }, .media = MEDIA };
	int sink = plane_socket("127.0.1.9"), room = 64 << 20;
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);
	static struct plane p;
	uint64_t cpu, due;

	need(ends > 0 && ends < 20000 && seconds > 0, "usage: plays [ENDS [SECONDS]]");
	setsockopt(sink, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	need(sink >= 0 && getsockname(sink, (struct sockaddr *)&to, &len) == 0, "no socket");
	need(plane_open(&p, &o) == 0 && plane_start(&p) == 0, "kedge-media does not start");
	for (unsigned i = 0; i < ends; i++) {
		struct plane_anchor a;
		struct kedge_end *e;

		plane_anchor(&p, &a, i, 0);
		need(plane_end(&p, &a, KEDGE_END_INSIDE, 0, (struct sockaddr *)&to) == 0, "no port pair left");
		e = plane_end_of(&a, KEDGE_END_INSIDE);
		e->codec = KEDGE_CODEC_PCMU;
		e->audio_pt = 0;
		e->cn_pt = 0xff;
		e->play = sound_id("ringback/uk");
		e->play_take = 1;
		plane_write(&p, &a, KEDGE_END_INSIDE);
		plane_commit(&p, &a);
		usleep(37); /* ends begin when their callers call */
	}
	hear(sink, 2); /* prompts are made, sockets connected */
	heard = 0;
	memset(bins, 0, sizeof(bins));
	cpu = cpu_ns(p.pid);
	hear(sink, seconds);
	cpu = cpu_ns(p.pid) - cpu;
	due = (uint64_t)(seconds * 50 * ends);
	printf("%u ends: %.0f packets/s of %u, %.0f ns CPU a packet, %.1f %% of a core; off 20 ms: median %.1f ms, p99 %.1f ms\n", ends,
	    (double)heard / seconds, 50 * ends, (double)cpu / (double)(heard ? heard : 1), (double)cpu / seconds / 1e7, quantile(0.5), quantile(0.99));
	plane_close(&p);
	return heard < due * 9 / 10;
}
