// SPDX-License-Identifier: MIT
// run: the supervisor with stand-in planes: what they inherit, restart, drain, refusals, the read-only descriptor.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/clock.h"
#include "routing/shm/segment.h"
#include "tools/public.h"

#define CALLS   10
#define SECONDS 8 /* longest wait for anything; machines are loaded */

static char bin_dir[PATH_MAX]; /* where the build put kedge and the stand-in */
static char dir[64];
static char in_addr[16], out_addr[16], in_more[64];
static pid_t kedge;

/* ---- the stage ---- */

static char *path(const char *name)
{
	static char buf[4][PATH_MAX];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(buf[turn], sizeof(buf[turn]), "%s/%s", dir, name);
	return buf[turn];
}

static void copy(const char *from, const char *to)
{
	char cmd[3 * PATH_MAX];

	snprintf(cmd, sizeof(cmd), "cp %s/%s %s", bin_dir, from, path(to));
	assert_int_equal(system(cmd), 0);
}

static void write_config(const char *in_ports, const char *extra)
{
	FILE *f = fopen(path("kedge.cfg"), "w");

	assert_non_null(f);
	fprintf(f,
	    "interfaces = ( { name = \"inside\"; address = \"%s\"; rtp_ports = \"%s\"; %s },\n"
	    "{ name = \"outside\"; address = \"%s\"; rtp_ports = \"30000-30999\"; } );\n"
	    "limits = { max_calls = %d; max_video = 0; }; run = { dir = \"%s/run\"; drain = \"20s\"; }; media = { "
	    "workers = 2; };\n"
	    "trunks = ( { name = \"pbx\"; side = \"pbx\"; uri = \"sip:127.0.1.1\"; },\n"
	    "{ name = \"alpha\"; side = \"carrier\"; uri = \"sip:127.0.2.1\"; } );\n"
	    "profiles = ( { name = \"p\"; targets = ( { trunk = \"alpha\"; } ); } );\n"
	    "routes = ( { name = \"r\"; prefix = \"\"; profile = \"p\"; } );\n%s\n",
	    in_addr, in_ports, in_more, out_addr, CALLS, dir, extra);
	fclose(f);
}

/* Addresses of this process alone, so that parallel tests never meet on a port. */
static int setup(void **state)
{
	unsigned pid = (unsigned)getpid();

	snprintf(in_addr, sizeof(in_addr), "127.70.%u.%u", pid >> 8 & 255, pid & 255);
	snprintf(out_addr, sizeof(out_addr), "127.71.%u.%u", pid >> 8 & 255, pid & 255);
	in_more[0] = '\0';
	strcpy(dir, "/tmp/kedge-run-XXXXXX");
	assert_non_null(mkdtemp(dir));
	copy("kedge", "kedge");
	copy("tests/standin", "kedge-sig");
	copy("tests/standin", "kedge-media");
	write_config("20001-20999", "");
	kedge = 0;
	return 0;
}

/* Planes outlive their supervisor: whatever was started from this test's directory is ended, by its process id. */
static void kill_if_ours(pid_t pid)
{
	char proc[64], cmd[512];
	FILE *f;
	size_t n;

	snprintf(proc, sizeof(proc), "/proc/%d/cmdline", pid);
	f = fopen(proc, "r");
	if (!f)
		return;
	n = fread(cmd, 1, sizeof(cmd) - 1, f);
	fclose(f);
	if (memmem(cmd, n, "--segment", 9) && memmem(cmd, n, dir, strlen(dir)))
		kill(pid, SIGKILL);
}

static int teardown(void **state)
{
	char cmd[128];
	struct dirent *e;
	DIR *d;

	if (kedge) {
		kill(kedge, SIGKILL);
		waitpid(kedge, NULL, 0);
	}
	d = opendir("/proc");
	while (d && (e = readdir(d)) != NULL)
		if (atoi(e->d_name) > 0)
			kill_if_ours(atoi(e->d_name));
	closedir(d);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static pid_t launch(const char *log, rlim_t files)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit r = { files, files };
		int fd = open(path(log), O_CREAT | O_WRONLY | O_APPEND, 0600);

		if (files)
			setrlimit(RLIMIT_NOFILE, &r);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		(void)dup2(fd,
		    77); /* open over exec, as a careless parent leaves them: no plane may have it */
		close(fd);
		execl(path("kedge"), "kedge", "run", "-f", path("kedge.cfg"), "--foreground",
		    (char *)NULL);
		_exit(99);
	}
	return pid;
}

static bool logged_in(const char *log, const char *text)
{
	char buf[65536];
	FILE *f = fopen(path(log), "r");
	size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;

	if (f)
		fclose(f);
	buf[n] = '\0';
	return strstr(buf, text) != NULL;
}

static bool logged(const char *text)
{
	return logged_in("log", text);
}

#define UNTIL(cond)                                                                                \
	do {                                                                                       \
		uint64_t until_ = clock_mono_ns() + SECONDS * CLOCK_NS_PER_S;                      \
		while (!(cond)) {                                                                  \
			if (clock_mono_ns() > until_) {                                            \
				(void)!system(path_cat());                                         \
				fail_msg("not within %d s: %s", SECONDS, #cond);                   \
			}                                                                          \
			usleep(5000);                                                              \
		}                                                                                  \
	} while (0)

static char *path_cat(void)
{
	static char cmd[128];

	snprintf(cmd, sizeof(cmd), "cat %s/log", dir);
	return cmd;
}

static void launch_and_wait(void)
{
	kedge = launch("log", 0);
	UNTIL(logged("run.ready"));
}

/* The exit status, -1 while it runs. */
static int ended(pid_t *pid)
{
	int status;

	if (waitpid(*pid, &status, WNOHANG) != *pid)
		return -1;
	*pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int wait_exit(pid_t *pid)
{
	int status = -1;

	UNTIL((status = ended(pid)) >= 0);
	return status;
}

/* ---- looking inside ---- */

static void tool(struct segment *seg)
{
	int rc = public_open(path("run"), seg);

	assert_int_equal(rc, 0);
}

static pid_t pid_of(const struct kedge_beat *b)
{
	return (pid_t)atomic_load_explicit(&b->pid, memory_order_relaxed);
}

static uint64_t calls_of(const struct segment *seg)
{
	return atomic_load_explicit(&segment_counters(seg)->calls, memory_order_relaxed);
}

static bool gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/* What /proc says of a descriptor of a process, "" if it has none. */
static const char *fd_link(pid_t pid, int fd, char link[static 128])
{
	char proc[64];
	ssize_t n;

	snprintf(proc, sizeof(proc), "/proc/%d/fd/%d", pid, fd);
	n = readlink(proc, link, 127);
	link[n > 0 ? n : 0] = '\0';
	return link;
}

static int count_fds(pid_t pid)
{
	char proc[64];
	int n = 0;
	DIR *d;

	snprintf(proc, sizeof(proc), "/proc/%d/fd", pid);
	d = opendir(proc);
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* The private head as the supervisor laid it out, taken from its memory file. */
static struct kedge_private_head *private_of(pid_t pid)
{
	char link[128], proc[64];

	for (int fd = 0; fd < 4096; fd++) {
		if (!strstr(fd_link(pid, fd, link), "kedge-private"))
			continue;
		snprintf(proc, sizeof(proc), "/proc/%d/fd/%d", pid, fd);
		fd = open(proc, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		return mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, fd, 0);
	}
	fail();
	return NULL;
}

static int udp_to(const char *addr, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval tv = { .tv_sec = SECONDS };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, addr, &in.sin_addr);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return fd;
}

/* ---- tests ---- */

static void test_each_plane_has_its_own_descriptors(void **state)
{
	struct kedge_private_head *priv;
	struct kedge_port *port;
	struct kedge_listener *l;
	struct segment seg;
	pid_t sig, media;
	char a[128], b[128];

	launch_and_wait();
	tool(&seg);
	sig = pid_of(&seg.pub->sig);
	media = pid_of(&seg.pub->worker[0]);
	priv = private_of(kedge);
	port = (struct kedge_port *)((char *)priv + priv->port_off);
	l = (struct kedge_listener *)((char *)priv + priv->listener_off);
	assert_int_equal(priv->workers, 2);
	assert_int_equal(priv->net_count, 2);
	assert_int_equal(priv->listener_count, 4);
	assert_true(priv->slots >= CALLS);
	assert_int_equal(priv->port_count, 2 * (CALLS * 5 / 4 + 64));
	for (uint32_t i = 0; i < priv->port_count; i++) {
		assert_int_equal(port[i].rtp_port % 2, 0);
		assert_in_range(
		    port[i].rtp_port, port[i].net ? 30000 : 20002, port[i].net ? 30999 : 20998);
		assert_int_equal(port[i].worker,
		    i % priv->workers == port[i].worker ? port[i].worker : 1 - i % 2);
		assert_non_null(strstr(fd_link(media, port[i].fd_rtp, a), "socket:"));
		assert_string_equal(fd_link(kedge, port[i].fd_rtp, b), a);
		assert_non_null(strstr(fd_link(media, port[i].fd_rtcp, a), "socket:"));
		assert_string_equal(fd_link(sig, port[i].fd_rtp, a), "");
	}
	for (uint32_t i = 0; i < priv->listener_count; i++) {
		assert_non_null(strstr(fd_link(sig, l[i].fd, a), "socket:"));
		assert_string_equal(fd_link(kedge, l[i].fd, b), a);
		assert_string_equal(fd_link(media, l[i].fd, a), "");
	}
	for (uint32_t i = 0; i < priv->workers; i++) {
		assert_non_null(strstr(fd_link(sig, priv->worker_eventfd[i], a), "eventfd"));
		assert_non_null(strstr(fd_link(media, priv->worker_eventfd[i], a), "eventfd"));
	}
	assert_non_null(strstr(fd_link(sig, priv->sig_eventfd, a), "eventfd"));
	assert_non_null(strstr(fd_link(media, priv->sig_eventfd, a), "eventfd"));
	/* And nothing else: 0-2, two memfds, eventfds, its sockets, its own signalfd. */
	assert_int_equal(count_fds(sig), 3 + 2 + 3 + 4 + 1);
	assert_int_equal(count_fds(media), 3 + 2 + 3 + 2 * (int)priv->port_count + 1);
	assert_true(logged("plane.ready plane=sig"));
	assert_true(logged("epoll, 2 workers"));
	munmap(priv, 1 << 20);
	public_drop(&seg);
}

static void test_public_descriptor_is_read_only(void **state)
{
	struct segment seg;

	launch_and_wait();
	for (int i = 0; i < 40; i++) { /* more than are served in one pass */
		tool(&seg);
		assert_int_equal(pwrite(seg.pub_fd, "x", 1, 0), -1);
		assert_ptr_equal(
		    mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, seg.pub_fd, 0), MAP_FAILED);
		assert_int_equal(pid_of(&seg.pub->run), kedge);
		public_drop(&seg);
	}
	assert_int_equal(public_open(path("nowhere"), &seg), -ENOENT);
}

static void kill_and_expect_restart(bool sig)
{
	struct segment seg;
	const struct kedge_beat *b;
	uint64_t began;
	pid_t old;

	tool(&seg);
	b = sig ? &seg.pub->sig : &seg.pub->worker[0];
	old = pid_of(b);
	began = clock_mono_ns();
	assert_int_equal(kill(old, SIGKILL), 0);
	UNTIL(pid_of(b) != old &&
	      atomic_load_explicit(&b->state, memory_order_relaxed) == KEDGE_PLANE_RUNNING);
	print_message("    serves again after %llu ms\n",
	    (unsigned long long)((clock_mono_ns() - began) / CLOCK_NS_PER_MS));
	assert_true(
	    clock_mono_ns() - began < CLOCK_NS_PER_S); /* goal 100 ms; this is the loose bound */
	assert_int_equal(atomic_load_explicit(&b->starts, memory_order_relaxed), 2);
	assert_true(gone(old));
	public_drop(&seg);
}

static void test_dead_plane_is_started_again_on_the_same_sockets(void **state)
{
	char buf[8];
	int fd, tcp;
	struct segment seg;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(5060) };
	pid_t old;

	launch_and_wait();
	fd = udp_to(in_addr, 5060);
	assert_int_equal(send(fd, "one", 3, 0), 3);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 3);
	kill_and_expect_restart(true);
	kill_and_expect_restart(false);
	assert_true(logged("plane.exit plane=sig"));
	assert_true(logged("signal 9 (Killed)"));
	/* Requests sent while nobody serves: no ICMP, answered afterwards; a connection is taken, too. */
	tool(&seg);
	old = pid_of(&seg.pub->sig);
	kill(old, SIGSTOP);
	assert_int_equal(send(fd, "two", 3, 0), 3);
	kill(old, SIGKILL);
	assert_int_equal(send(fd, "three", 5, 0), 5);
	inet_pton(AF_INET, out_addr, &in.sin_addr);
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(tcp, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 3);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);
	close(tcp);
	close(fd);
	public_drop(&seg);
}

/* The child of kedge that is neither plane; 0: there is none. */
static pid_t spare_of(const struct segment *seg)
{
	char name[64];
	int pid, found = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/task/%d/children", kedge, kedge);
	f = fopen(name, "r");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid != pid_of(&seg->pub->sig) && pid != pid_of(&seg->pub->worker[0]))
			found = pid;
	if (f)
		fclose(f);
	return found;
}

/* A second kedge-media stands ready, with the same descriptors: it is the plane as soon as the first is dead, and a third one
 * is made ready. They end with the rest. */
static void test_spare_takes_over(void **state)
{
	struct segment seg;
	pid_t first, spare = 0, next = 0;

	launch_and_wait();
	tool(&seg);
	first = pid_of(&seg.pub->worker[0]);
	UNTIL((spare = spare_of(&seg)) != 0);
	usleep(100000);
	assert_int_equal(pid_of(&seg.pub->worker[0]), first); /* it writes nothing yet */
	kill(first, SIGKILL);
	UNTIL(pid_of(&seg.pub->worker[0]) == spare && atomic_load_explicit(&seg.pub->worker[0].state, memory_order_relaxed) == KEDGE_PLANE_RUNNING);
	assert_int_equal(atomic_load_explicit(&seg.pub->worker[0].starts, memory_order_relaxed), 2);
	UNTIL((next = spare_of(&seg)) != 0);
	assert_int_not_equal(next, spare);
	kill(next, SIGKILL); /* one that dies waiting harms nobody */
	usleep(300000);
	assert_int_equal(ended(&kedge), -1);
	kill(spare, SIGKILL);
	UNTIL(pid_of(&seg.pub->worker[0]) != spare && pid_of(&seg.pub->worker[0]) != next);
	UNTIL((spare = spare_of(&seg)) != 0);
	kill(kedge, SIGTERM);
	assert_int_equal(wait_exit(&kedge), 0);
	assert_true(gone(spare));
	public_drop(&seg);
}

/* Called, told of a reload, or left alone while it is still starting: all of that waits until it can hear. */
static void test_spare_hears_what_came_early(void **state)
{
	struct segment seg;
	pid_t first, spare = 0, next = 0;

	setenv("STANDIN_SPARE_SLOW", "1", 1);
	launch_and_wait();
	unsetenv("STANDIN_SPARE_SLOW");
	tool(&seg);
	first = pid_of(&seg.pub->worker[0]);
	UNTIL((spare = spare_of(&seg)) != 0);
	kill(kedge, SIGHUP);
	kill(first, SIGKILL);
	UNTIL(pid_of(&seg.pub->worker[0]) != first && atomic_load_explicit(&seg.pub->worker[0].state, memory_order_relaxed) == KEDGE_PLANE_RUNNING);
	assert_int_equal(pid_of(&seg.pub->worker[0]), spare);
	UNTIL((next = spare_of(&seg)) != 0);
	first = pid_of(&seg.pub->sig);
	kill(kedge, SIGKILL); /* the spare starts yet: it ends, the planes do not */
	(void)waitpid(kedge, NULL, 0);
	kedge = 0;
	UNTIL(gone(next));
	assert_false(gone(spare));
	assert_false(gone(first));
	kill(spare, SIGKILL);
	kill(first, SIGKILL);
	UNTIL(gone(spare) && gone(first));
	public_drop(&seg);
}

static void test_backs_off_when_dying_in_quick_succession(void **state)
{
	uint64_t until;
	struct segment seg;
	unsigned starts;

	launch_and_wait();
	tool(&seg);
	until = clock_mono_ns() + 2 * CLOCK_NS_PER_S;
	while (clock_mono_ns() < until) {
		if (!gone(pid_of(&seg.pub->sig)))
			kill(pid_of(&seg.pub->sig), SIGKILL);
		usleep(2000);
	}
	starts = atomic_load_explicit(&seg.pub->sig.starts, memory_order_relaxed);
	assert_in_range(starts, 3, 8); /* without back-off it would be hundreds */
	UNTIL(!gone(pid_of(&seg.pub->sig)) &&
	      atomic_load_explicit(&seg.pub->sig.starts, memory_order_relaxed) > starts);
	assert_int_equal(ended(&kedge), -1);
	public_drop(&seg);
}

static void test_drains(void **state)
{
	struct segment seg;
	pid_t sig, media, run;

	launch_and_wait();
	tool(&seg);
	sig = pid_of(&seg.pub->sig);
	media = pid_of(&seg.pub->worker[0]);
	for (uint64_t n = 1; n <= 2; n++) { /* one by one: equal signals that wait become one */
		kill(sig, SIGUSR1);
		UNTIL(calls_of(&seg) == n);
	}
	run = kedge;
	kill(run, SIGTERM);
	UNTIL(atomic_load_explicit(&seg.pub->sig.state, memory_order_relaxed) ==
	      KEDGE_PLANE_DRAINING);
	kill(sig, SIGUSR2);
	usleep(300000);
	assert_int_equal(ended(&kedge), -1); /* one call still speaks */
	assert_false(gone(media));
	kill(sig, SIGUSR2);
	assert_int_equal(wait_exit(&kedge), 0);
	assert_true(gone(sig));
	assert_true(gone(media));
	assert_true(logged("run.drain calls=2"));
	assert_true(logged("run.end why=SIGTERM"));
	assert_int_equal(access(path("run/" PUBLIC_SOCKET), F_OK), -1);
	public_drop(&seg);
}

static void test_second_signal_hastens(void **state)
{
	struct segment seg;
	pid_t sig;

	launch_and_wait();
	tool(&seg);
	sig = pid_of(&seg.pub->sig);
	kill(sig, SIGUSR1);
	UNTIL(calls_of(&seg) == 1);
	kill(kedge, SIGINT);
	UNTIL(atomic_load_explicit(&seg.pub->sig.state, memory_order_relaxed) ==
	      KEDGE_PLANE_DRAINING);
	kill(kedge, SIGTERM);
	assert_int_equal(wait_exit(&kedge), 0);
	assert_true(logged("why=SIGINT calls_cut=1"));
	public_drop(&seg);
}

static void test_third_signal_kills(void **state)
{
	struct segment seg;
	pid_t sig;

	launch_and_wait();
	tool(&seg);
	sig = pid_of(&seg.pub->sig);
	kill(sig, SIGSTOP); /* deaf to everything but SIGKILL */
	kill(kedge, SIGTERM);
	UNTIL(logged("run.drain"));
	kill(kedge, SIGTERM);
	usleep(100000);
	kill(kedge, SIGTERM);
	assert_int_equal(wait_exit(&kedge), 1); /* not a clean end, and it says so */
	assert_true(gone(sig));
	public_drop(&seg);
}

static void test_planes_outlive_the_supervisor(void **state)
{
	struct segment seg;
	pid_t sig, media;
	char buf[8];
	int fd;

	launch_and_wait();
	tool(&seg);
	sig = pid_of(&seg.pub->sig);
	media = pid_of(&seg.pub->worker[0]);
	kill(kedge, SIGKILL);
	waitpid(kedge, NULL, 0);
	kedge = 0;
	fd = udp_to(out_addr, 5060);
	usleep(200000);
	assert_int_equal(send(fd, "hi", 2, 0), 2);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 2);
	assert_false(gone(media));
	kill(sig, SIGKILL);
	kill(media, SIGKILL);
	/* The socket file that is left does not keep the next one out. */
	UNTIL(gone(sig) && gone(media));
	unlink(path("log"));
	launch_and_wait();
	close(fd);
	public_drop(&seg);
}

static void test_idle_ports_are_deaf(void **state)
{
	struct segment seg;
	pid_t media;
	int fd;

	launch_and_wait();
	tool(&seg);
	media = pid_of(&seg.pub->worker[0]);
	fd = udp_to(in_addr, 20002);
	for (int i = 0; i < 4; i++) /* as at a closed port: every second send meets the ICMP answer to the one before */
		assert_int_equal(send(fd, "rtp", 3, 0), i % 2 == 0 ? 3 : -1);
	kill(media, SIGUSR1);
	UNTIL(atomic_load_explicit(&segment_worker(&seg, 0)->again, memory_order_relaxed) == 1);
	assert_int_equal(
	    atomic_load_explicit(&segment_worker(&seg, 0)->packets_in, memory_order_relaxed), 0);
	/* The same packet passes once the port hears: the count above could have failed. */
	kill(media, SIGUSR2);
	usleep(100000);
	assert_int_equal(send(fd, "rtp", 3, 0), 3);
	kill(media, SIGUSR1);
	UNTIL(
	    atomic_load_explicit(&segment_worker(&seg, 0)->packets_in, memory_order_relaxed) == 1);
	close(fd);
	public_drop(&seg);
}

static void test_stuck_plane_is_told(void **state)
{
	struct segment seg;
	pid_t media;

	launch_and_wait();
	tool(&seg);
	media = pid_of(&seg.pub->worker[0]);
	kill(media, SIGSTOP);
	UNTIL(logged("plane.stuck plane=media"));
	kill(media, SIGCONT);
	assert_int_equal(pid_of(&seg.pub->worker[0]), media);
	public_drop(&seg);
}

static void test_every_heart_is_watched(void **state)
{
	setenv("STANDIN_STUCK", "1", 1);
	launch_and_wait();
	unsetenv("STANDIN_STUCK");
	UNTIL(logged("plane.stuck plane=media"));
}

static bool started_with(pid_t pid, const char *config)
{
	char proc[64], cmd[512] = { 0 };
	FILE *f;
	size_t n;

	snprintf(proc, sizeof(proc), "/proc/%d/cmdline", pid);
	f = fopen(proc, "r");
	n = f ? fread(cmd, 1, sizeof(cmd) - 1, f) : 0;
	if (f)
		fclose(f);
	return memmem(cmd, n, config, strlen(config)) != NULL;
}

/* The operator is in the middle of an edit when a plane dies: it comes back with what it was started with. */
static void test_restart_ignores_an_unfinished_edit(void **state)
{
	char cmd[512];
	struct segment seg;

	launch_and_wait();
	tool(&seg);
	assert_true(started_with(pid_of(&seg.pub->sig), "/kedge.cfg"));
	write_config("20001-2", "interfaces = (");
	kill_and_expect_restart(true);
	assert_true(started_with(pid_of(&seg.pub->sig), "/run/running.cfg"));
	snprintf(cmd, sizeof(cmd), "%s check -f %s >%s", path("kedge"), path("run/running.cfg"),
	    path("check"));
	assert_int_equal(system(cmd), 0);
	kill(kedge, SIGTERM);
	assert_int_equal(wait_exit(&kedge), 0);
	assert_int_equal(access(path("run/running.cfg"), F_OK), -1);
	public_drop(&seg);
}

static void test_ipv6_beside_ipv4(void **state)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	uint16_t port = (uint16_t)(10000 + getpid() % 9000);
	struct timeval tv = { .tv_sec = SECONDS };
	struct kedge_private_head *priv;
	char buf[8];
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), v4;

	if (fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof(in6)) < 0)
		skip();
	snprintf(in_more, sizeof(in_more), "address6 = \"::1\"; sip_port = %u;", port);
	write_config("20001-29999", "");
	launch_and_wait();
	assert_true(logged("[::1]"));
	priv = private_of(kedge);
	assert_int_equal(priv->net_count, 3);
	assert_int_equal(priv->listener_count, 6);
	assert_int_equal(priv->net[1].addr.family, AF_INET6);
	in6.sin6_port = htons(port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	assert_int_equal(sendto(fd, "six", 3, 0, (struct sockaddr *)&in6, sizeof(in6)), 3);
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 3);
	v4 = udp_to(in_addr, port);
	assert_int_equal(send(v4, "four", 4, 0), 4);
	assert_int_equal(recv(v4, buf, sizeof(buf), 0), 4);
	munmap(priv, 1 << 20);
	close(v4);
	close(fd);
}

/* Whoever read our log has gone: that ends neither the supervisor nor a plane. */
static void test_log_reader_gone(void **state)
{
	struct segment seg;
	pid_t old;
	int p[2];

	assert_int_equal(pipe(p), 0);
	kedge = fork();
	if (kedge == 0) {
		signal(SIGCHLD, SIG_IGN); /* as a careless parent leaves it */
		dup2(p[1], STDERR_FILENO);
		close(p[0]);
		close(p[1]);
		execl(path("kedge"), "kedge", "run", "-f", path("kedge.cfg"), (char *)NULL);
		_exit(99);
	}
	close(p[0]);
	close(p[1]);
	UNTIL(public_open(path("run"), &seg) == 0);
	UNTIL(pid_of(&seg.pub->sig) != 0 && pid_of(&seg.pub->worker[1]) != 0);
	old = pid_of(&seg.pub->sig);
	kill(old, SIGKILL);
	UNTIL(pid_of(&seg.pub->sig) != old);
	kill(kedge, SIGTERM);
	assert_int_equal(wait_exit(&kedge), 0);
	public_drop(&seg);
}

/* ---- refusals ---- */

static void expect_refusal(const char *text)
{
	kedge = launch("log", 0);
	assert_int_equal(wait_exit(&kedge), 1);
	if (!logged(text))
		(void)!system(path_cat());
	assert_true(logged(text));
}

static int bind_udp(const char *addr, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, addr, &in.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static void test_taken_ports_are_skipped_and_counted(void **state)
{
	int even = bind_udp(in_addr, 20004), odd = bind_udp(in_addr, 20011);

	write_config("20001-20030", ""); /* 14 pairs, 2 of them taken, 10 needed, 12 wanted */
	launch_and_wait();
	assert_true(logged("12 pairs (2 taken by others)"));
	close(even);
	close(odd);
}

static void test_too_few_ports(void **state)
{
	int fd = bind_udp(in_addr, 20004);

	write_config("20000-20019", "");
	expect_refusal("needs 10 port pairs there, 9 were free (1 taken)");
	assert_true(logged("20000-20019"));
	close(fd);
}

static void test_sip_port_taken(void **state)
{
	int fd = bind_udp(out_addr, 5060);

	expect_refusal("Address already in use");
	assert_true(logged("SIP udp listener"));
	assert_true(logged("names its owner"));
	assert_true(logged(out_addr));
	close(fd);
}

static void test_too_few_descriptors(void **state)
{
	kedge = launch("log", 150);
	assert_int_equal(wait_exit(&kedge), 1);
	assert_true(logged("(RLIMIT_NOFILE), too few for one call: raise it"));
	assert_true(logged("needs 200 descriptors, the hard limit is 150"));
}

static void test_two_supervisors(void **state)
{
	pid_t second;

	launch_and_wait();
	snprintf(in_addr, sizeof(in_addr), "127.72.%u.%u", (unsigned)getpid() >> 8 & 255,
	    (unsigned)getpid() & 255);
	snprintf(out_addr, sizeof(out_addr), "127.73.%u.%u", (unsigned)getpid() >> 8 & 255,
	    (unsigned)getpid() & 255);
	write_config("20000-20999", "");
	second = launch("log2", 0);
	assert_int_equal(wait_exit(&second), 1);
	assert_true(logged_in("log2", "another kedge run serves this directory"));
	assert_int_equal(ended(&kedge), -1);
	assert_int_equal(access(path("run/" PUBLIC_SOCKET), F_OK), 0);
}

static void test_plane_that_never_comes_up(void **state)
{
	setenv("STANDIN_SIG_EXIT", "3", 1);
	kedge = launch("log", 0);
	assert_int_equal(wait_exit(&kedge), 1);
	unsetenv("STANDIN_SIG_EXIT");
	assert_true(logged("exit status 3"));
	assert_true(logged("run.error what=sig"));
}

/* The plane that did come up drains, and the first signal meanwhile takes none of that away. */
static void test_signal_after_a_failed_start(void **state)
{
	struct segment seg;
	pid_t sig;

	unlink(path("kedge-media"));
	assert_int_equal(symlink("/bin/false", path("kedge-media")), 0);
	kedge = launch("log", 0);
	UNTIL(logged("plane.start plane=sig"));
	tool(&seg);
	UNTIL(atomic_load_explicit(&seg.pub->sig.state, memory_order_relaxed) == KEDGE_PLANE_RUNNING);
	sig = pid_of(&seg.pub->sig);
	kill(sig, SIGUSR1);
	UNTIL(calls_of(&seg) == 1);
	UNTIL(logged("run.error what=media"));
	kill(kedge, SIGTERM);
	usleep(300000);
	assert_false(gone(sig)); /* its call still speaks */
	kill(sig, SIGUSR2);
	assert_int_equal(wait_exit(&kedge), 1);
	assert_true(logged("run.end why=\"a plane does not start\" calls_cut=0"));
	public_drop(&seg);
}

static void test_plane_program_missing(void **state)
{
	unlink(path("kedge-media"));
	expect_refusal("No such file or directory");
}

static void test_bad_configuration(void **state)
{
	write_config("20001-20999", "nonsense = 1;");
	expect_refusal("nonsense");
}

/* ---- the service manager ---- */

static void test_service_manager_is_told(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timeval tv = { .tv_sec = SECONDS };
	bool ready = false, watchdog = false, stopping = false;

	strcpy(un.sun_path, path("notify"));
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setenv("NOTIFY_SOCKET", un.sun_path, 1);
	setenv("WATCHDOG_USEC", "400000", 1);
	launch_and_wait();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	while (!ready || !watchdog || !stopping) {
		char buf[256];
		ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

		assert_true(n > 0);
		buf[n] = '\0';
		ready |= strstr(buf, "READY=1") != NULL;
		stopping |= strstr(buf, "STOPPING=1") != NULL;
		if (strstr(buf, "WATCHDOG=1")) {
			assert_true(ready || !watchdog);
			if (!watchdog)
				kill(kedge, SIGTERM);
			watchdog = true;
		}
	}
	assert_int_equal(wait_exit(&kedge), 0);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(test_each_plane_has_its_own_descriptors),
		T(test_public_descriptor_is_read_only),
		T(test_dead_plane_is_started_again_on_the_same_sockets),
		T(test_spare_takes_over),
		T(test_spare_hears_what_came_early),
		T(test_backs_off_when_dying_in_quick_succession),
		T(test_drains),
		T(test_second_signal_hastens),
		T(test_third_signal_kills),
		T(test_planes_outlive_the_supervisor),
		T(test_idle_ports_are_deaf),
		T(test_stuck_plane_is_told),
		T(test_every_heart_is_watched),
		T(test_restart_ignores_an_unfinished_edit),
		T(test_ipv6_beside_ipv4),
		T(test_log_reader_gone),
		T(test_taken_ports_are_skipped_and_counted),
		T(test_too_few_ports),
		T(test_sip_port_taken),
		T(test_too_few_descriptors),
		T(test_two_supervisors),
		T(test_plane_that_never_comes_up),
		T(test_signal_after_a_failed_start),
		T(test_plane_program_missing),
		T(test_bad_configuration),
		T(test_service_manager_is_told),
#undef T
	};
	char *slash;

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	assert_true(readlink("/proc/self/exe", bin_dir, sizeof(bin_dir) - 1) > 0);
	slash = strrchr(bin_dir, '/');
	strcpy(slash, "/..");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
