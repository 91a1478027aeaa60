// SPDX-License-Identifier: MIT
#include "tests/harness/plane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/clock.h"
#include "routing/shm/pool.h"
#include "routing/shm/queue.h"
#include "routing/shm/seq.h"

static int fail(const char *what)
{
	int err = errno;

	fprintf(stderr, "plane: %s: %s\n", what, strerror(err));
	return -err;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static socklen_t make_address(struct sockaddr_storage *ss, const char *ip, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	inet_pton(AF_INET6, ip, &in6->sin6_addr);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

static int bound(const char *ip, uint16_t port, int buffer)
{
	struct sockaddr_storage ss;
	socklen_t len = make_address(&ss, ip, port);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (buffer != 0) /* the plane's own have what the system gives, as under kedge run */
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (bind(fd, (struct sockaddr *)&ss, len) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

int plane_socket(const char *ip)
{
	return bound(ip, 0, 1 << 20);
}

struct kedge_addr plane_addr(const struct sockaddr *sa)
{
	struct kedge_addr a = { .family = sa->sa_family };

	if (sa->sa_family == AF_INET) {
		a.port = ntohs(((const struct sockaddr_in *)sa)->sin_port);
		memcpy(a.ip, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	} else {
		a.port = ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
		memcpy(a.ip, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	}
	return a;
}

/* An even port and the next one; busy ones are stepped over. */
static int bind_pair(const char *ip, uint16_t *next, struct kedge_port *k)
{
	for (int tries = 0; tries < 20000;
	     tries++, *next = (uint16_t)(*next >= 60000 ? 10000 : *next + 2)) {
		int rtp = bound(ip, *next, 0), rtcp;

		if (rtp == -EADDRINUSE)
			continue;
		if (rtp < 0)
			return rtp;
		rtcp = bound(ip, (uint16_t)(*next + 1), 0);
		if (rtcp >= 0) {
			k->fd_rtp = rtp;
			k->fd_rtcp = rtcp;
			k->rtp_port = *next;
			*next = (uint16_t)(*next + 2);
			return 0;
		}
		close(rtp);
		if (rtcp != -EADDRINUSE)
			return rtcp;
	}
	return -EADDRINUSE;
}

static int make_ports(struct plane *p, uint32_t nets)
{
	uint32_t i = 0;

	for (uint32_t net = 0; net < nets; net++) {
		uint16_t next = (uint16_t)(10000 + (unsigned)getpid() * 2477u % 24000u * 2u);
		struct sockaddr_storage ss;

		make_address(&ss, p->o.nets[net], 0);
		p->seg.priv->net[net].addr = plane_addr((struct sockaddr *)&ss);
		for (uint32_t n = 0; n < p->o.pairs; n++, i++) {
			struct kedge_port *k = segment_port(&p->seg, i);
			int rc = bind_pair(p->o.nets[net], &next, k);

			if (rc < 0) {
				errno = -rc;
				return fail(p->o.nets[net]);
			}
			k->net = (uint8_t)net;
			k->worker = (uint8_t)(n % p->o.workers);
		}
	}
	return 0;
}

/* ---- the heartbeat of signaling ---------------------------------------------------------------- */

static void *beat_main(void *arg)
{
	struct plane *p = arg;

	while (!atomic_load_explicit(&p->ended, memory_order_relaxed)) {
		if (atomic_load_explicit(&p->beating, memory_order_relaxed))
			atomic_store_explicit(
			    &p->seg.pub->sig.beat_ns, clock_mono_ns(), memory_order_relaxed);
		usleep(20000);
	}
	return NULL;
}

void plane_sig_alive(struct plane *p, bool alive, bool restarted)
{
	if (restarted)
		segment_beat_start(&p->seg.pub->sig, clock_mono_ns(), clock_wall_ms());
	atomic_store_explicit(&p->beating, alive, memory_order_relaxed);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

static int write_settings(struct plane *p)
{
	const char *said = p->o.media ? p->o.media : "";
	FILE *f = fopen(p->config, "w");

	if (f == NULL)
		return fail("config");
	fprintf(f,
	    "interfaces = ( { name = \"any\"; address = \"127.0.0.1\"; } );\n"
	    "media = { workers = %u; backend = \"%s\"; %s %s };\n"
	    "test = { time_scale = %u; };\n",
	    p->o.workers, p->o.backend ? p->o.backend : "auto", said, strstr(said, "comfort_noise") ? "" : "comfort_noise = false;",
	    p->o.time_scale ? p->o.time_scale : 1);
	fclose(f);
	return 0;
}

static int write_config(struct plane *p)
{
	int fd;

	snprintf(p->config, sizeof(p->config), "%s/kedge-plane-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	fd = mkstemp(p->config);
	if (fd < 0)
		return fail("config");
	close(fd);
	return write_settings(p);
}

int plane_open(struct plane *p, const struct plane_options *o)
{
	struct segment_shape shape = {
		.workers = o->workers, .hops = o->hops ? o->hops : 1, .slots = o->slots
	};
	int rc;

	memset(p, 0, sizeof(*p));
	p->o = *o;
	raise_limit();
	while (shape.nets < 4 && o->nets[shape.nets] != NULL)
		shape.nets++;
	shape.ports = shape.nets * o->pairs;
	rc = segment_create(&p->seg, &shape);
	if (rc < 0) {
		fprintf(stderr, "plane: %s\n", p->seg.why);
		return rc;
	}
	p->seg.priv->sig_eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned i = 0; i < o->workers; i++)
		p->seg.priv->worker_eventfd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if ((rc = make_ports(p, shape.nets)) < 0 || (rc = write_config(p)) < 0)
		return rc;
	plane_sig_alive(p, true, true);
	return -pthread_create(&p->beat, NULL, beat_main, p);
}

/* io_uring_setup answers EPERM, as in a default container. */
static void deny_uring(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(126);
}

static void inherit(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

static void inherit_all(struct plane *p)
{
	inherit(p->seg.pub_fd);
	inherit(p->seg.priv_fd);
	inherit(p->seg.priv->sig_eventfd);
	for (unsigned i = 0; i < p->o.workers; i++)
		inherit(p->seg.priv->worker_eventfd[i]);
	for (uint32_t i = 0; i < p->seg.priv->port_count; i++) {
		inherit(segment_port(&p->seg, i)->fd_rtp);
		inherit(segment_port(&p->seg, i)->fd_rtcp);
	}
}

/* Test programs lie in a folder below the programs. */
static const char *find_program(struct plane *p, char buf[512])
{
	ssize_t n = readlink("/proc/self/exe", buf, 400);

	if (p->o.program != NULL)
		return p->o.program;
	for (buf[n > 0 ? n : 0] = 0; strrchr(buf, '/') != NULL;) {
		*strrchr(buf, '/') = 0;
		strcat(buf, "/kedge-media");
		if (access(buf, X_OK) == 0)
			return buf;
		*strrchr(buf, '/') = 0;
	}
	return "kedge-media";
}

static void exec_media(struct plane *p)
{
	char program[512], segment[32];
	char *argv[] = { "kedge-media", "--segment", segment, "--config", p->config, NULL };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	inherit_all(p);
	if (p->o.deny_uring)
		deny_uring();
	setenv("KEDGE_TEST", "1", 1);
	snprintf(segment, sizeof(segment), "%d,%d", p->seg.pub_fd, p->seg.priv_fd);
	execv(find_program(p, program), argv);
	perror("plane: kedge-media");
	_exit(127);
}

static bool serves(const struct plane *p)
{
	for (unsigned i = 0; i < p->o.workers; i++) {
		const struct kedge_beat *b = &p->seg.pub->worker[i];

		if (atomic_load_explicit(&b->state, memory_order_acquire) != KEDGE_PLANE_RUNNING ||
		    atomic_load_explicit(&b->pid, memory_order_relaxed) != (uint32_t)p->pid)
			return false;
	}
	return true;
}

int plane_start(struct plane *p)
{
	p->pid = fork();
	if (p->pid < 0)
		return fail("fork");
	if (p->pid == 0)
		exec_media(p);
	for (int i = 0; i < 20000; i++) {
		int status;

		if (serves(p))
			return 0;
		if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->pid = 0;
			return -ECHILD;
		}
		usleep(1000);
	}
	return -ETIMEDOUT;
}

int plane_again(struct plane *p, const char *media)
{
	int rc;

	p->o.media = media;
	rc = write_settings(p);
	if (rc == 0 && kill(p->pid, SIGHUP) < 0)
		rc = -errno;
	return rc;
}

int plane_stop(struct plane *p, int signal)
{
	int status = 0;

	if (p->pid == 0)
		return 0;
	kill(p->pid, signal);
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	return status;
}

int plane_close(struct plane *p)
{
	int status = plane_stop(p, SIGTERM);

	atomic_store_explicit(&p->ended, true, memory_order_relaxed);
	pthread_join(p->beat, NULL);
	for (uint32_t i = 0; i < p->seg.priv->port_count; i++) {
		close(segment_port(&p->seg, i)->fd_rtp);
		close(segment_port(&p->seg, i)->fd_rtcp);
	}
	for (unsigned i = 0; i < p->o.workers; i++)
		close(p->seg.priv->worker_eventfd[i]);
	close(p->seg.priv->sig_eventfd);
	unlink(p->config);
	segment_detach(&p->seg);
	return status;
}

/* ---- anchors --------------------------------------------------------------------------------- */

void plane_anchor(struct plane *p, struct plane_anchor *a, uint32_t slot, uint8_t worker)
{
	struct kedge_anchor before = { 0 };

	seq_read(&segment_session(&p->seg, slot)->want, &before);
	*a = (struct plane_anchor){ .slot = slot };
	a->want.generation = before.generation + 1;
	a->want.state = KEDGE_SLOT_OPEN;
	a->want.worker = worker;
	a->want.live = KEDGE_LIVE_NONE;
	a->want.opened_ns = clock_mono_ns();
	a->want.call_id = (uint64_t)slot << 32 | a->want.generation;
	a->want.ssrc = 0x6b000000u | slot << 8 | (a->want.generation & 0xff);
	snprintf(a->want.cname, sizeof(a->want.cname), "k%x", slot);
}

struct kedge_end *plane_end_of(struct plane_anchor *a, uint8_t place)
{
	return place == KEDGE_END_INSIDE ? &a->in : &a->out[place];
}

int plane_end(
    struct plane *p, struct plane_anchor *a, uint8_t place, uint8_t net, const struct sockaddr *far)
{
	struct kedge_end *e = plane_end_of(a, place), before = { 0 };

	seq_read(&segment_end(&p->seg, a->slot, place)->want, &before);
	memset(e, 0, sizeof(*e));
	e->generation = before.generation + 1;
	e->anchor = a->want.generation;
	e->exchange = 1;
	e->hop = KEDGE_HOP_NONE;
	e->latch = KEDGE_LATCH_GUARDED;
	e->flags = KEDGE_END_SEND | KEDGE_END_RECV | KEDGE_END_SPEAKS;
	e->clock_rate = 8000;
	e->ptime_ms = 20;
	e->telephone_event = 101;
	e->event_here = 0xff;
	e->audio_pt = 0;
	e->codec = KEDGE_CODEC_PCMU;
	e->cn_pt = 0xff;
	memset(e->pt, 0xff, sizeof(e->pt));
	if (far != NULL)
		e->rtp = plane_addr(far);
	if (place != KEDGE_END_INSIDE && a->want.ends <= place)
		a->want.ends = (uint8_t)(place + 1);
	return pool_take(&p->seg, a->want.worker, net, a->slot, place, e);
}

void plane_write(struct plane *p, struct plane_anchor *a, uint8_t place)
{
	seq_write(&segment_end(&p->seg, a->slot, place)->want, plane_end_of(a, place));
}

void plane_commit(struct plane *p, struct plane_anchor *a)
{
	seq_write(&segment_session(&p->seg, a->slot)->want, &a->want);
	queue_push(&segment_queues(&p->seg, a->want.worker)->cmd,
	    queue_msg(KEDGE_CMD_SESSION, a->want.generation, a->slot));
	eventfd_write(p->seg.priv->worker_eventfd[a->want.worker], 1);
}

void plane_local(
    struct plane *p, struct plane_anchor *a, uint8_t place, struct sockaddr_storage *out)
{
	const struct kedge_port *k = segment_port(&p->seg, plane_end_of(a, place)->port);

	make_address(out, p->o.nets[k->net], k->rtp_port);
}

static bool next_event(struct plane *p, uint64_t *msg)
{
	for (unsigned i = 0; i < p->o.workers; i++)
		if (queue_pop(&segment_queues(&p->seg, i)->evt, msg) == 0)
			return true;
	return false;
}

int plane_event(struct plane *p, enum kedge_evt evt, uint32_t slot, unsigned timeout_ms)
{
	uint64_t until = clock_mono_ns() + timeout_ms * CLOCK_NS_PER_MS, msg;

	do {
		struct pollfd pfd = { p->seg.priv->sig_eventfd, POLLIN, 0 };
		eventfd_t n;

		while (next_event(p, &msg))
			if (queue_msg_op(msg) == evt &&
			    (slot == KEDGE_SLOT_NONE || queue_msg_slot(msg) == slot))
				return 0;
		if (poll(&pfd, 1, 10) > 0)
			eventfd_read(p->seg.priv->sig_eventfd, &n);
	} while (clock_mono_ns() < until);
	return -ETIMEDOUT;
}

int plane_wait_done(
    struct plane *p, const struct plane_anchor *a, enum kedge_done_state state, unsigned timeout_ms)
{
	uint64_t want = (uint64_t)a->want.generation << 8 | state, until;

	for (until = clock_mono_ns() + timeout_ms * CLOCK_NS_PER_MS;; usleep(100)) {
		_Atomic uint64_t *done = &segment_session(&p->seg, a->slot)->done;

		if (atomic_load_explicit(done, memory_order_acquire) == want)
			return 0;
		if (clock_mono_ns() > until)
			return -ETIMEDOUT;
	}
}

uint64_t plane_counter(const struct plane *p, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->o.workers; i++)
		sum += atomic_load_explicit(
		    (_Atomic uint64_t *)((char *)segment_worker(&p->seg, i) + offset),
		    memory_order_relaxed);
	return sum;
}
