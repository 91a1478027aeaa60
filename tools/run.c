// SPDX-License-Identifier: MIT
/* run: `kedge run`, the supervisor. Holds what both planes need (hold.h), starts and watches them (plane.h), hands tools
 * the public segment (public.h), tells the service manager (notify.h). Parses no packet, holds no call.
 *
 *             both serve            SIGTERM, SIGINT                kedge-sig gone              both gone
 *   STARTING ------------> SERVING ----------------> DRAINING ----------------------> STOPPING ---------> ENDED
 *      `------------------ SIGTERM ---------------------^  second signal: kedge-sig is hastened, third: killed
 *
 * A plane that never comes up ends the start with exit 1; one that served once is started again for ever. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/conf.h"
#include "config/event.h"
#include "tools/hold.h"
#include "tools/inforce.h"
#include "tools/mark.h"
#include "tools/notify.h"
#include "tools/plane.h"
#include "tools/public.h"
#include "tools/verb.h"

#define START_TRIES  5                    /* of a plane that never served */
#define GRACE_NS     (5 * CLOCK_NS_PER_S) /* beyond the drain limit, and for media to end */
#define STATUS_TICKS 50                   /* a status line to the service manager every 5 s */

#define RUN_STATES(S) S(STARTING) S(SERVING) S(DRAINING) S(STOPPING) S(ENDED)
enum run_state {
#define S(x) RUN_##x,
	RUN_STATES(S)
#undef S
};

static struct {
	enum run_state state;
	const struct conf *conf;
	struct hold hold;
	struct plane sig, media;
	int signal_fd, public_fd, readonly_fd;
	unsigned signals;     /* asked to end so often */
	uint64_t deadline_ns; /* of the state: then it is killed */
	uint64_t watchdog_ns, watched_ns;
	uint64_t calls_cut;
	uint32_t ticks;
	int exit_code;
	const char *why;
	struct inforce inforce;
	uint64_t reloads;    /* as kedge-sig counted them when last looked at */
	bool reload_waits;   /* SIGHUP came while kedge-sig could not take it */
} run;

static uint64_t calls(void)
{
	return atomic_load_explicit(&segment_counters(&run.hold.seg)->calls, memory_order_relaxed);
}

static void run_enter(enum run_state state, uint64_t deadline_ns)
{
	run.state = state;
	run.deadline_ns = deadline_ns;
}

/* ---- what the start lines say ---- */

static const char *backend(void)
{
	switch (atomic_load_explicit(&plane_beat(&run.media, 0)->backend, memory_order_relaxed)) {
	case KEDGE_BACKEND_URING:
		return "io_uring";
	case KEDGE_BACKEND_EPOLL:
		return "epoll";
	default:
		return "unknown";
	}
}

static const char *addr_text(const struct kedge_addr *a, char *buf)
{
	struct conf_addr c = { .family = a->family, .port = a->port };

	memcpy(c.ip, a->ip, sizeof(c.ip));
	return conf_addr_text(&c, buf);
}

static void sig_detail(FILE *out)
{
	char buf[CONF_ADDR_TEXT];

	for (uint32_t i = 0; i < run.hold.listener_count; i++)
		fprintf(out, "%s %s, ", run.hold.listener[i].stream ? "tcp" : "udp",
		    addr_text(&run.hold.listener[i].addr, buf));
	fprintf(out, "%u calls at most", run.conf->limits.max_calls);
}

static void media_detail(FILE *out)
{
	char buf[CONF_ADDR_TEXT];

	fprintf(
	    out, "%s, %u worker%s", backend(), run.hold.workers, run.hold.workers == 1 ? "" : "s");
	for (uint32_t i = 0; i < run.hold.net_count; i++) {
		const struct hold_net *n = &run.hold.net[i];

		fprintf(out, ", %s ports %u-%u: %u pairs", addr_text(&n->net.addr, buf),
		    n->range.low, n->range.high, n->found);
		if (n->taken)
			fprintf(out, " (%u taken by others)", n->taken);
	}
	fprintf(out, ", %u sessions at most", run.hold.slots);
}

static void log_serving(const struct plane *p)
{
	char detail[1024];
	FILE *out = fmemopen(detail, sizeof(detail), "w");

	if (!out)
		return;
	if (p->kind == HOLD_SIG)
		sig_detail(out);
	else
		media_detail(out);
	fclose(out);
	detail[sizeof(detail) - 1] = '\0';
	event_log(plane_ready, .plane = p->name, .pid = (uint64_t)p->pid, .detail = detail);
}

/* ---- states ---- */

static void fail_start(const struct plane *p)
{
	run.exit_code = VERB_REFUSED;
	run.why = "a plane does not start";
	event_log(run_error, .what = p->name, .why = "did not come up, its own lines say why");
	plane_stop(&run.sig);
	run_enter(RUN_DRAINING, clock_mono_ns() + GRACE_NS);
}

static void tick_plane(struct plane *p, uint64_t now)
{
	enum plane_state before = p->state;

	plane_tick(p, now);
	if (p->state == PLANE_SERVING && before != PLANE_SERVING)
		log_serving(p);
	if (run.state == RUN_STARTING && !p->served && p->state == PLANE_DOWN &&
	    p->starts >= START_TRIES)
		fail_start(p);
}

/* As the planes do it, for who reads the segment. */
static void show_state(uint32_t state)
{
	atomic_store_explicit(&run.hold.seg.pub->run.state, state, memory_order_relaxed);
}

static void enter_serving(void)
{
	run_enter(RUN_SERVING, 0);
	show_state(KEDGE_PLANE_RUNNING);
	event_log(run_ready, .trunks = run.conf->trunks.count, .listeners = run.hold.listener_count,
	    .ports = run.hold.port_count, .backend = backend());
	notify_send("READY=1\nSTATUS=serving");
}

static void begin_drain(const char *why)
{
	uint64_t limit = run.conf->run.drain_ms;

	run.why = why;
	show_state(KEDGE_PLANE_DRAINING);
	event_log(run_drain, .calls = calls(), .limit_ms = limit);
	notify_send("STOPPING=1\nSTATUS=draining");
	plane_stop(&run.sig);
	run_enter(RUN_DRAINING, clock_mono_ns() + limit * CLOCK_NS_PER_MS + GRACE_NS);
}

/* The first signal lets calls end, the second has kedge-sig end them now, the third takes what is left. */
static void asked_to_end(int signo)
{
	run.signals++;
	if (run.signals == 1) {
		if (run.state <= RUN_SERVING) /* else a failed start is ending already, as gently */
			begin_drain(signo == SIGINT   ? "SIGINT"
			            : signo == SIGHUP ? "terminal gone"
			                              : "SIGTERM");
	} else if (run.signals == 2) {
		plane_stop(run.state == RUN_STOPPING ? &run.media : &run.sig);
		run.deadline_ns = clock_mono_ns() + GRACE_NS;
	} else {
		plane_kill(&run.sig);
		plane_kill(&run.media);
	}
}

static void tick_state(uint64_t now)
{
	switch (run.state) {
	case RUN_STARTING:
		if (run.sig.served && run.media.served)
			enter_serving();
		break;
	case RUN_SERVING:
		break;
	case RUN_DRAINING:
		if (run.sig.state == PLANE_GONE) {
			run.calls_cut = calls();
			plane_stop(&run.media);
			run_enter(RUN_STOPPING, now + GRACE_NS);
		} else if (now >= run.deadline_ns) {
			plane_kill(&run.sig);
		}
		break;
	case RUN_STOPPING:
		if (run.media.state == PLANE_GONE)
			run_enter(RUN_ENDED, 0);
		else if (now >= run.deadline_ns)
			plane_kill(&run.media);
		break;
	case RUN_ENDED:
		break;
	}
}

static void tell_manager(uint64_t now)
{
	if (run.watchdog_ns && now - run.watched_ns >= run.watchdog_ns && plane_beats(&run.sig) &&
	    plane_beats(&run.media)) {
		notify_send("WATCHDOG=1");
		run.watched_ns = now;
	}
	if (run.state == RUN_SERVING && run.ticks % STATUS_TICKS == 0)
		notify_send("STATUS=serving, %llu calls", (unsigned long long)calls());
}

/* ---- another configuration ---- */

static struct event_options log_options(void)
{
	return (struct event_options){
		.file = run.conf->log.file,
		.json = run.conf->log.format == CONF_FORMAT_JSON,
		.least = (enum event_level)(run.conf->log.level + EVENT_LEVEL_DEBUG),
	};
}

static void follow_log(void)
{
	const struct event_options o = log_options();

	event_change(&o);
}

static void mark_sockets(void)
{
	int rc = mark_all(&run.hold, run.conf);

	if (rc < 0)
		event_log(run_error, .what = "dscp", .why = strerror(-rc));
}

/* The log was rotated, or the files are to be read again, which is kedge-sig's to do. */
static void asked_to_reload(void)
{
	event_reopen();
	(void)plane_reload(&run.media);
	run.reload_waits = !plane_reload(&run.sig);
}

/* kedge-sig has put another one in force: this one, and kedge-media, go on with it. */
static void follow(void)
{
	const struct conf *next = inforce_again(&run.inforce);

	if (!next)
		return;
	conf_unref(run.conf);
	run.conf = next;
	follow_log();
	mark_sockets();
	run.media.wants_spare = run.conf->media.spare;
	(void)plane_reload(&run.media);
}

static void tick_reload(void)
{
	uint64_t reloads = atomic_load_explicit(&segment_counters(&run.hold.seg)->reloads, memory_order_relaxed);

	if (run.reload_waits)
		run.reload_waits = !plane_reload(&run.sig);
	if (reloads != run.reloads) {
		run.reloads = reloads;
		follow();
	}
}

static void tick(void)
{
	uint64_t now = clock_mono_ns();

	run.ticks++;
	atomic_store_explicit(&run.hold.seg.pub->run.beat_ns, now, memory_order_relaxed);
	tick_plane(&run.media, now);
	tick_plane(&run.sig, now);
	tick_state(now);
	tick_reload();
	tell_manager(now);
}

/* ---- the loop ---- */

static void on_signal(void)
{
	struct signalfd_siginfo si;

	while (read(run.signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP && si.ssi_code != SI_KERNEL)
			asked_to_reload();
		else
			asked_to_end((int)si.ssi_signo);
	}
}

static int until_next_tick(uint64_t next)
{
	uint64_t now = clock_mono_ns();

	return now >= next ? 0 : (int)((next - now) / CLOCK_NS_PER_MS + 1);
}

static void loop(void)
{
	uint64_t next = clock_mono_ns();

	while (run.state != RUN_ENDED) {
		struct pollfd p[] = { { .fd = run.signal_fd, .events = POLLIN },
			{ .fd = run.public_fd, .events = POLLIN },
			{ .fd = run.sig.pidfd, .events = POLLIN },
			{ .fd = run.media.pidfd, .events = POLLIN } };

		if (poll(p, sizeof(p) / sizeof(p[0]), until_next_tick(next)) < 0 &&
		    errno != EINTR) {
			event_log(run_error, .what = "poll", .why = strerror(errno));
			usleep(PLANE_TICK_NS / 1000);
		}
		if (p[0].revents)
			on_signal();
		if (p[1].revents)
			public_serve(run.public_fd, run.readonly_fd);
		if (p[2].revents)
			plane_ended(&run.sig, clock_mono_ns());
		if (p[3].revents)
			plane_ended(&run.media, clock_mono_ns());
		/* A dead plane is not left for the next tick: its packets wait. */
		if (p[2].revents || p[3].revents || clock_mono_ns() >= next) {
			tick();
			next = clock_mono_ns() + PLANE_TICK_NS;
		}
	}
}

/* ---- start and end ---- */

static int open_signals(void)
{
	sigset_t set;

	/* The planes inherit both: a log nobody reads any more ends none of us. With SIGCHLD ignored, as some
	 * parents leave it, no exit status would ever come. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	run.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run.signal_fd < 0 ? -errno : 0;
}

/* Descriptors 0 to 2 exist from here on, so that none of the held ones takes their place. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int refuse(const char *what, const char *why)
{
	event_log(run_error, .what = what, .why = why);
	return VERB_REFUSED;
}

static int open_public(void)
{
	const char *dir = run.conf->run.dir;

	run.public_fd = public_listen(dir);
	if (run.public_fd == -EADDRINUSE)
		return refuse(dir, "another kedge run serves this directory");
	if (run.public_fd == -EACCES)
		return refuse(dir, "Permission denied (run.dir or $XDG_RUNTIME_DIR names another)");
	if (run.public_fd < 0)
		return refuse(dir, strerror(-run.public_fd));
	run.readonly_fd = segment_readonly_fd(&run.hold.seg);
	if (run.readonly_fd < 0)
		return refuse("read-only segment", strerror(-run.readonly_fd));
	return VERB_DONE;
}

static void supervise(void)
{
	segment_beat_start(&run.hold.seg.pub->run, clock_mono_ns(), clock_wall_ms());
	plane_init(&run.sig, HOLD_SIG, &run.hold, run.inforce.first, run.inforce.running, run.inforce.files);
	/* Where its settings were written is nothing to kedge-media, what is in force at a reload is. */
	plane_init(&run.media, HOLD_MEDIA, &run.hold, run.inforce.running ? run.inforce.running : run.inforce.first,
	    run.inforce.running, NULL);
	run.media.wants_spare = run.conf->media.spare;
	run_enter(RUN_STARTING, 0);
	loop();
	if (run.sig.killed || run.media.killed)
		run.exit_code = VERB_REFUSED;
	event_log(run_end, .why = run.why, .calls_cut = run.calls_cut);
}

static int serve(void)
{
	int rc;

	run.public_fd = run.readonly_fd = -1;
	run.conf = inforce_choose(&run.inforce, run.conf);
	if (run.inforce.restored)
		follow_log();
	rc = hold_open(&run.hold, run.conf);
	if (rc < 0) {
		inforce_fini(&run.inforce);
		return refuse("start", run.hold.why);
	}
	mark_sockets();
	rc = open_public();
	if (rc == VERB_DONE) {
		inforce_keep(&run.inforce, run.conf);
		supervise();
		rc = run.exit_code;
	}
	if (run.readonly_fd >= 0)
		close(run.readonly_fd);
	inforce_fini(&run.inforce);
	public_close(run.conf->run.dir, run.public_fd);
	hold_close(&run.hold);
	return rc;
}

static const struct conf *load(const char *file)
{
	struct err_list errs = { 0 };
	const struct conf *c = conf_load(file, 0, &errs);

	err_sort(&errs);
	err_print(&errs, stderr);
	err_fini(&errs);
	return c;
}

static void open_log(void)
{
	const struct event_options o = log_options();
	int rc = event_open(&o);

	if (rc < 0)
		event_log(run_error, .what = o.file, .why = strerror(-rc));
}

int verb_run(int argc, char **argv)
{
	const char *file = verb_config_file();
	int rc;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-f") == 0 && i + 1 < argc)
			file = argv[++i];
		else if (strcmp(argv[i], "--foreground") == 0)
			setenv(EVENT_FOREGROUND, "1", 1);
		else
			return verb_usage("run");
	}
	open_standard();
	rc = open_signals();
	if (rc < 0)
		return refuse("signalfd", strerror(-rc));
	run.watchdog_ns = notify_open();
	run.conf = load(file);
	if (!run.conf)
		return VERB_REFUSED;
	open_log(); /* its thread inherits the blocked signals */
	event_log(run_start, .version = KEDGE_VERSION, .config = run.conf->file,
	    .pid = (uint64_t)getpid());
	rc = serve();
	event_close();
	conf_unref(run.conf);
	close(run.signal_fd);
	return rc;
}
