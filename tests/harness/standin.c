// SPDX-License-Identifier: MIT
/* standin: takes the place of kedge-sig or kedge-media (by the name it is started as), so that the supervisor is tested
 * without them. Attaches, beats, and does what a signal orders:
 *   kedge-sig    USR1, USR2: one call more, one less. TERM: drains until no call is left; again: cuts them, ends.
 *                What comes to a UDP listener goes back where it came from.
 *   kedge-media  USR1: counts (packets_in) what arrived on all RTP sockets. USR2: takes the filter off pair 0.
 *                TERM: ends.
 * STANDIN_SIG_EXIT, STANDIN_MEDIA_EXIT in the environment: ends with this status at once. STANDIN_STUCK: the heart of
 * kedge-media's worker 1 stops once it serves. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/clock.h"
#include "routing/shm/segment.h"

#define BEAT_MS 20

static struct segment seg;
static bool is_sig, draining;
static uint64_t calls;

static void beat(struct kedge_beat *b)
{
	atomic_store_explicit(&b->beat_ns, clock_mono_ns(), memory_order_relaxed);
	if (draining)
		atomic_store_explicit(&b->state, KEDGE_PLANE_DRAINING, memory_order_relaxed);
}

static void each_beat(void (*fn)(struct kedge_beat *))
{
	if (is_sig)
		fn(&seg.pub->sig);
	for (uint32_t i = 0; !is_sig && i < seg.pub->workers; i++)
		if (i != 1 || fn != beat || !getenv("STANDIN_STUCK"))
			fn(&seg.pub->worker[i]);
}

static void beat_start(struct kedge_beat *b)
{
	segment_beat_start(b, clock_mono_ns(), clock_wall_ms());
	atomic_store_explicit(
	    &b->backend, is_sig ? KEDGE_BACKEND_NONE : KEDGE_BACKEND_EPOLL, memory_order_relaxed);
	atomic_store_explicit(&b->state, KEDGE_PLANE_RUNNING, memory_order_relaxed);
}

static void count_one(int fd, uint64_t *n)
{
	char buf[64];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		++*n;
}

static void count_packets(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < seg.priv->port_count; i++) {
		count_one(segment_port(&seg, i)->fd_rtp, &n);
		count_one(segment_port(&seg, i)->fd_rtcp, &n);
	}
	atomic_store_explicit(&segment_worker(&seg, 0)->packets_in, n, memory_order_relaxed);
	atomic_store_explicit(&segment_worker(&seg, 0)->again, 1, memory_order_relaxed);
}

static void echo_sip(void)
{
	for (uint32_t i = 0; i < seg.priv->listener_count; i++) {
		const struct kedge_listener *l = segment_listener(&seg, i);
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		char buf[64];
		ssize_t n = l->stream ? -1
		                      : recvfrom(l->fd, buf, sizeof(buf), MSG_DONTWAIT,
		                            (struct sockaddr *)&from, &len);

		if (n >= 0)
			(void)sendto(l->fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

/* True: time to end. */
static bool obey(int signo)
{
	if (signo == SIGTERM) {
		if (!is_sig || draining)
			return true;
		draining = true;
	} else if (signo == SIGHUP) {
		fprintf(stderr, "standin: %s reads again\n", is_sig ? "sig" : "media");
	} else if (is_sig) {
		calls += signo == SIGUSR1 ? 1 : (uint64_t)-1;
		atomic_store_explicit(&segment_counters(&seg)->calls, calls, memory_order_relaxed);
	} else if (signo == SIGUSR1) {
		count_packets();
	} else {
		(void)connect(segment_port(&seg, 0)->fd_rtp,
		    &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr));
	}
	return false;
}

static void serve(int signals)
{
	struct signalfd_siginfo si;

	for (;;) {
		struct pollfd p = { .fd = signals, .events = POLLIN };

		(void)poll(&p, 1, BEAT_MS);
		while (read(signals, &si, sizeof(si)) == sizeof(si))
			if (obey((int)si.ssi_signo))
				return;
		if (draining && calls == 0)
			return;
		if (is_sig)
			echo_sip();
		each_beat(beat);
	}
}

/* A spare waits until the one it stands by for is dead. False: it is not needed any more. */
static bool called(int signals)
{
	struct signalfd_siginfo si;
	struct pollfd p = { .fd = signals, .events = POLLIN };

	while (poll(&p, 1, -1) >= 0)
		while (read(signals, &si, sizeof(si)) == sizeof(si)) {
			if (si.ssi_signo == SIGTERM || si.ssi_signo == (uint32_t)SIGRTMIN)
				return false;
			if (si.ssi_signo == SIGUSR2) {
				segment_take(&seg);
				return true;
			}
		}
	return false;
}

int main(int argc, char **argv)
{
	const char *status;
	sigset_t set;
	bool spare;
	int pub, priv, signals;

	is_sig = strstr(argv[0], "kedge-sig") != NULL;
	status = getenv(is_sig ? "STANDIN_SIG_EXIT" : "STANDIN_MEDIA_EXIT");
	if (status)
		return atoi(status);
	spare = argc == 6 && !is_sig && strcmp(argv[5], "--spare") == 0;
	if (argc != (is_sig ? 7 : 5) + spare || strcmp(argv[1], "--segment") != 0 ||
	    sscanf(argv[2], "%d,%d", &pub, &priv) != 2 || strcmp(argv[3], "--config") != 0 ||
	    access(argv[4], R_OK) < 0 || (is_sig && (strcmp(argv[5], "--files") != 0 || access(argv[6], R_OK) < 0)))
		return 2;
	if (spare && getenv("STANDIN_SPARE_SLOW"))
		usleep(700000); /* it cannot hear yet */
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (segment_attach(&seg, pub, priv, is_sig ? SEGMENT_SIG : spare ? SEGMENT_SPARE : SEGMENT_MEDIA) < 0) {
		fprintf(stderr, "standin: %s\n", seg.why);
		return 1;
	}
	if (spare && !called(signals))
		return 0;
	each_beat(beat_start);
	serve(signals);
	segment_detach(&seg);
	return 0;
}
