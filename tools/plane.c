// SPDX-License-Identifier: MIT
#include "tools/plane.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"

#define LIVED         (5 * CLOCK_NS_PER_S) /* dead sooner than this: in quick succession */
#define QUICK_FREE    2                   /* so many deaths in quick succession are bad luck: calls are silent meanwhile */
#define SPARE_AFTER   CLOCK_NS_PER_S      /* its start takes no time from a plane that has just begun */
#define BACKOFF_FIRST (100 * CLOCK_NS_PER_MS)
#define BACKOFF_MOST  (2 * CLOCK_NS_PER_S)
#define STUCK_TICKS   20  /* 2 s: told */
#define KILL_TICKS    100 /* 10 s: killed */
#define START_TICKS   300 /* 30 s for the first beat to change into SERVING */

void plane_init(struct plane *p, enum hold_plane kind, const struct hold *h, const char *first_file,
    const char *running_file, const char *files)
{
	memset(p, 0, sizeof(*p));
	p->kind = kind;
	p->name = kind == HOLD_SIG ? "sig" : "media";
	p->program = kind == HOLD_SIG ? "kedge-sig" : "kedge-media";
	p->hold = h;
	p->first_file = first_file;
	p->running_file = running_file;
	p->files = files;
	p->pidfd = p->spare_pidfd = -1;
}

uint32_t plane_hearts(const struct plane *p)
{
	return p->kind == HOLD_SIG ? 1 : p->hold->workers;
}

const struct kedge_beat *plane_beat(const struct plane *p, uint32_t i)
{
	const struct kedge_public_head *pub = p->hold->seg.pub;

	return p->kind == HOLD_SIG ? &pub->sig : &pub->worker[i];
}

/* The longest standstill of any of its hearts, in ticks. */
static uint32_t standstill(const struct plane *p)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < plane_hearts(p); i++)
		if (p->heart[i].same_beats > most)
			most = p->heart[i].same_beats;
	return most;
}

bool plane_beats(const struct plane *p)
{
	return p->state == PLANE_SERVING && standstill(p) < STUCK_TICKS;
}

/* ---- start ---- */

static void keep_over_exec(int fd)
{
	(void)fcntl(fd, F_SETFD, 0);
}

/* The program of that name beside this one. */
static int beside(const char *name, char path[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + strlen(name) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(slash + 1, name);
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* What a spare is told waits until it can hear it: that it is needed, that the configuration is another one, that the supervisor is
 * dead. The last one by a signal behind the first (lower numbers are taken first): called by a supervisor who then died, it comes. */
static void spare_mask(sigset_t *set)
{
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGUSR2);
	sigaddset(set, SIGRTMIN);
}

/* In the child: it ends with its supervisor, who may be dead already. */
static void tie_spare(pid_t supervisor)
{
	prctl(PR_SET_PDEATHSIG, SIGRTMIN);
	if (getppid() != supervisor)
		_exit(0);
}

/* In the child: only what is async-signal-safe, for the log has a thread. */
static void become(const struct plane *p, bool spare, const char *path, char **argv)
{
	static const char text[] = "kedge: cannot execute a plane\n";
	sigset_t none;
	int fd = open("/dev/null", O_RDONLY);

	if (fd >= 0)
		(void)dup2(fd, STDIN_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	setsid();
	sigemptyset(&none);
	if (spare)
		spare_mask(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* What this process itself was started with must not pass on either. */
	(void)close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
	hold_each(p->hold, p->kind, keep_over_exec);
	execv(path, argv);
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(126);
	_exit(127);
}

static int spawn(struct plane *p, bool spare, pid_t *pid, int *pidfd)
{
	const char *config = p->starts && p->running_file ? p->running_file : p->first_file;
	char path[PATH_MAX], fds[32];
	bool sig = p->kind == HOLD_SIG;
	char *argv[] = { (char *)p->program, "--segment", fds, "--config", (char *)config, sig ? "--files" : spare ? "--spare" : NULL,
		sig ? (char *)p->files : NULL, NULL };
	int rc = beside(p->program, path);
	pid_t self = getpid();
	sigset_t told, before;

	if (rc < 0)
		return rc;
	snprintf(fds, sizeof(fds), "%d,%d", p->hold->seg.pub_fd, p->hold->seg.priv_fd);
	sigemptyset(&told);
	spare_mask(&told);
	sigprocmask(SIG_BLOCK, &told, &before); /* as the child begins */
	*pid = fork();
	rc = *pid < 0 ? -errno : 0;
	if (*pid == 0) {
		if (spare)
			tie_spare(self);
		become(p, spare, path, argv);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (rc < 0)
		return rc;
	*pidfd = pidfd_open(*pid, 0);
	if (*pidfd < 0) { /* unwatched it must not run */
		rc = -errno;
		kill(*pid, SIGKILL);
		(void)waitpid(*pid, NULL, 0);
		return rc;
	}
	return 0;
}

static uint64_t backoff(const struct plane *p)
{
	unsigned n = p->quick > QUICK_FREE ? p->quick - QUICK_FREE : 0;
	uint64_t ns = n == 0 ? 0 : BACKOFF_FIRST << (n < 6 ? n - 1 : 5);

	return ns < BACKOFF_MOST ? ns : BACKOFF_MOST;
}

/* ---- the spare ---- */

/* True if there is one that lives. */
static bool spare_lives(struct plane *p)
{
	siginfo_t si = { 0 };

	if (p->spare_pidfd < 0)
		return false;
	if (waitid(P_PIDFD, (id_t)p->spare_pidfd, &si, WEXITED | WNOHANG) == 0 && si.si_pid == 0)
		return true;
	close(p->spare_pidfd);
	p->spare_pidfd = -1;
	return false;
}

static void spare_drop(struct plane *p)
{
	siginfo_t si;

	if (!spare_lives(p))
		return;
	(void)pidfd_send_signal(p->spare_pidfd, SIGKILL, NULL, 0);
	(void)waitid(P_PIDFD, (id_t)p->spare_pidfd, &si, WEXITED);
	close(p->spare_pidfd);
	p->spare_pidfd = -1;
}

/* One that dies is not started again at once: the plane itself has trouble enough then. */
static void spare_tick(struct plane *p, uint64_t now_ns)
{
	if (!p->wants_spare)
		spare_drop(p);
	else if (now_ns >= p->spare_ns && now_ns - p->started_ns >= SPARE_AFTER && !spare_lives(p)) {
		int rc = spawn(p, true, &p->spare, &p->spare_pidfd);

		p->spare_ns = now_ns + LIVED;
		if (rc < 0)
			event_log(plane_error, .plane = p->name, .what = "start a spare", .why = strerror(-rc));
	}
}

/* The spare is the plane from now on. */
static bool promote(struct plane *p)
{
	if (!spare_lives(p) || pidfd_send_signal(p->spare_pidfd, SIGUSR2, NULL, 0) < 0)
		return false;
	p->pid = p->spare;
	p->pidfd = p->spare_pidfd;
	p->spare_pidfd = -1;
	p->spare_ns = 0;
	return true;
}

static void start(struct plane *p, uint64_t now_ns)
{
	int rc = promote(p) ? 0 : spawn(p, false, &p->pid, &p->pidfd);

	p->starts++;
	p->started_ns = now_ns;
	if (rc < 0) {
		p->quick++;
		p->restart_ns = now_ns + backoff(p);
		event_log(plane_error, .plane = p->name, .what = "start", .why = strerror(-rc));
		return;
	}
	p->state = PLANE_STARTING;
	memset(p->heart, 0, sizeof(p->heart));
	event_log(plane_start, .plane = p->name, .pid = (uint64_t)p->pid, .starts = p->starts);
}

/* ---- watch ---- */

/* Ticks are counted, not time: while this machine stands still, nobody beats and nobody counts. */
static void count_ticks(struct plane *p)
{
	for (uint32_t i = 0; i < plane_hearts(p); i++) {
		uint64_t beat =
		    atomic_load_explicit(&plane_beat(p, i)->beat_ns, memory_order_relaxed);
		struct plane_heart *h = &p->heart[i];

		h->same_beats = beat == h->beat_ns ? h->same_beats + 1 : 0;
		h->beat_ns = beat;
	}
}

static void watch_beats(struct plane *p)
{
	uint32_t ticks;

	count_ticks(p);
	ticks = standstill(p);
	if (p->state == PLANE_SERVING && ticks == STUCK_TICKS)
		event_log(plane_stuck, .plane = p->name, .pid = (uint64_t)p->pid,
		    .silent_ms = STUCK_TICKS * PLANE_TICK_NS / CLOCK_NS_PER_MS);
	if (ticks == (p->state == PLANE_SERVING ? KILL_TICKS : START_TICKS)) {
		event_log(plane_error, .plane = p->name, .what = "stuck",
		    .why = "killed, to be started again");
		plane_kill(p);
	}
}

static void check_serving(struct plane *p)
{
	for (uint32_t i = 0; i < plane_hearts(p); i++) {
		const struct kedge_beat *b = plane_beat(p, i);

		if (atomic_load_explicit(&b->pid, memory_order_relaxed) != (uint32_t)p->pid ||
		    atomic_load_explicit(&b->state, memory_order_relaxed) < KEDGE_PLANE_RUNNING)
			return;
	}
	p->state = PLANE_SERVING;
	p->served = true;
}

void plane_tick(struct plane *p, uint64_t now_ns)
{
	switch (p->state) {
	case PLANE_DOWN:
		if (now_ns >= p->restart_ns)
			start(p, now_ns);
		break;
	case PLANE_STARTING:
		watch_beats(p);
		check_serving(p);
		break;
	case PLANE_SERVING:
		watch_beats(p);
		if (!p->stopping)
			spare_tick(p, now_ns);
		break;
	case PLANE_GONE:
		break;
	}
}

static void describe(const siginfo_t *si, char *text, size_t size)
{
	if (si->si_code == CLD_EXITED)
		snprintf(text, size, "exit status %d", si->si_status);
	else
		snprintf(text, size, "signal %d (%s)%s", si->si_status, strsignal(si->si_status),
		    si->si_code == CLD_DUMPED ? ", core dumped" : "");
}

void plane_ended(struct plane *p, uint64_t now_ns)
{
	siginfo_t si = { 0 };
	uint64_t wait_ns;
	char why[64];

	if (waitid(P_PIDFD, (id_t)p->pidfd, &si, WEXITED | WNOHANG) == 0 && si.si_pid == 0)
		return; /* not yet */
	close(p->pidfd);
	p->pidfd = -1;
	p->state = p->stopping ? PLANE_GONE : PLANE_DOWN;
	if (now_ns - p->started_ns >= LIVED)
		p->quick = 0;
	p->quick++;
	wait_ns = p->stopping ? 0 : backoff(p);
	p->restart_ns = now_ns + wait_ns;
	describe(&si, why, sizeof(why));
	event_log(plane_exit, .level = p->stopping ? EVENT_LEVEL_INFO : EVENT_LEVEL_ROW,
	    .plane = p->name, .pid = (uint64_t)p->pid, .why = why,
	    .restart_ms = wait_ns / CLOCK_NS_PER_MS);
	if (p->stopping && (si.si_code != CLD_EXITED || si.si_status != 0))
		p->killed = true;
}

/* ---- stop ---- */

bool plane_reload(struct plane *p)
{
	if (spare_lives(p))
		(void)pidfd_send_signal(p->spare_pidfd, SIGHUP, NULL, 0);
	return p->state == PLANE_SERVING && pidfd_send_signal(p->pidfd, SIGHUP, NULL, 0) == 0;
}

void plane_stop(struct plane *p)
{
	p->stopping = true;
	spare_drop(p);
	if (p->pidfd < 0)
		p->state = PLANE_GONE;
	else
		(void)pidfd_send_signal(p->pidfd, SIGTERM, NULL, 0);
}

void plane_kill(struct plane *p)
{
	if (p->pidfd >= 0)
		(void)pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
}
