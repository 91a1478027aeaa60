// SPDX-License-Identifier: MIT
#include "bench/relay_spray.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/clock.h"

enum { STRANGERS = 4, BURST_MS = 2 };

static void one(struct spray *s, int fd, const struct sockaddr_storage *to, uint32_t n)
{
	uint8_t packet[172] = { 0x80, 0, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0, 160, 0xde, 0xad, 0, 1 }, back[64];
	socklen_t len = to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	if (n % 2 != 0)
		packet[1] = 201;
	if (sendto(fd, packet, sizeof(packet), MSG_DONTWAIT, (const struct sockaddr *)to, len) > 0)
		atomic_fetch_add_explicit(&s->count->sent, 1, memory_order_relaxed);
	while (recv(fd, back, sizeof(back), MSG_DONTWAIT) >= 0)
		atomic_fetch_add_explicit(&s->count->back, 1, memory_order_relaxed);
}

static void spray_for_ever(struct spray *s, const struct plane *p, unsigned per_second)
{
	uint32_t socks = 2 * p->seg.priv->port_count, n = 0;
	uint64_t next = clock_mono_ns();
	int fd[STRANGERS];

	for (int i = 0; i < STRANGERS; i++)
		fd[i] = plane_socket(p->seg.priv->net[0].addr.family == AF_INET6 ? "::1" : i % 2 ? "127.0.9.9" : "127.0.1.77");
	for (;;) {
		for (unsigned i = 0; i < per_second * BURST_MS / 1000; i++, n++) {
			const struct kedge_port *k = segment_port(&p->seg, n % socks / 2);
			struct sockaddr_storage to = { 0 };
			socklen_t len = sizeof(to);

			if (getsockname(n % 2 ? k->fd_rtcp : k->fd_rtp, (struct sockaddr *)&to, &len) == 0)
				one(s, fd[n / socks % STRANGERS], &to, n);
		}
		next += BURST_MS * CLOCK_NS_PER_MS;
		while (clock_mono_ns() < next)
			usleep(200);
	}
}

int spray_begin(struct spray *s, const struct plane *p, unsigned per_second)
{
	s->count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->count == MAP_FAILED)
		return -errno;
	s->pid = fork();
	if (s->pid < 0)
		return -errno;
	if (s->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (nice(10) < 0)
			_exit(1);
		spray_for_ever(s, p, per_second);
	}
	return 0;
}

void spray_end(struct spray *s, uint64_t *sent, uint64_t *back)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	*sent = atomic_load_explicit(&s->count->sent, memory_order_relaxed);
	*back = atomic_load_explicit(&s->count->back, memory_order_relaxed);
	munmap((void *)s->count, 4096);
}
