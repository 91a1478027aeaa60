// SPDX-License-Identifier: MIT
/* kedge-sig: the signaling plane. kedge-sig --segment PUBFD,PRIVFD --config FILE [--files FILE], started by
 * `kedge run`. --config: what is in force; --files: what a reload reads, by default the same.
 *
 *   environment cleared -> configuration -> segment -> clock, su_root -> trunk, call, ingress
 *   -> listeners -> serve
 *
 * Listeners come last: the first request finds everything in place. SIGTERM drains: no new call,
 * those that are up may end for run.drain, then they are ended with BYE and CANCEL. SIGHUP opens
 * log, CDR file and history anew.
 * Exit 0 after a drain, 1 when something needed at the start failed, 2 for wrong arguments or
 * configuration. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <sofia-sip/su.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/su_wait.h>

#include "config/clock.h"
#include "config/conf.h"
#include "config/event.h"
#include "config/generation.h"
#include "config/state.h"
#include "routing/shm/segment.h"
#include "sig/operator/admin.h"
#include "sig/operator/admin_order.h"
#include "sig/attempt.h"
#include "sig/call.h"
#include "sig/books/cdr.h"
#include "sig/books/flight.h"
#include "sig/operator/history.h"
#include "sig/edge/ingress.h"
#include "sig/edge/listen.h"
#include "sig/operator/operator.h"
#include "sig/books/recall.h"
#include "sig/operator/reload.h"
#include "sig/books/tally.h"
#include "sig/testline.h"
#include "sig/trunk/canary_call.h"
#include "sig/trunk/trunk.h"
#include "sig/trunk/trunk_log.h"

#define BEAT_MS      50
#define END_LIMIT_NS (2 * CLOCK_NS_PER_S) /* for the answers to the last BYEs */

/* What jemalloc reads at its start: one arena for one thread; pages of a burst go back after a
 * second. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0";

static struct {
	struct segment seg;
	const struct conf *conf; /* of the start */
	const char *files;       /* what a reload reads */
	su_root_t *root;
	su_timer_t *beat;
	int signals, signals_wait;
	enum kedge_plane_state state;
	uint64_t drain_ns; /* calls are ended then */
	uint64_t end_ns;   /* the loop ends then */
	bool over;
	uint64_t beat_due_ns, lag_ns, lag_since_ns;
} plane;

/* ---- heart ---------------------------------------------------------------------------------- */

static struct kedge_beat *beat_line(void)
{
	return &plane.seg.pub->sig;
}

static void set_state(enum kedge_plane_state to)
{
	plane.state = to;
	atomic_store_explicit(&beat_line()->state, to, memory_order_relaxed);
}

static void beat(void)
{
	atomic_store_explicit(&beat_line()->beat_ns, clock_mono_ns(), memory_order_relaxed);
}

/* The longest pass of the last second: how late our own timer came. */
static void measure_lag(uint64_t now)
{
	uint64_t late = plane.beat_due_ns && now > plane.beat_due_ns ? now - plane.beat_due_ns : 0;

	if (late > plane.lag_ns)
		plane.lag_ns = late;
	if (now - plane.lag_since_ns < CLOCK_NS_PER_S)
		return;
	atomic_store_explicit(&call_counters()->loop_lag_ns, plane.lag_ns, memory_order_relaxed);
	plane.lag_ns = 0;
	plane.lag_since_ns = now;
}

static void count_records(void)
{
	struct cdr_counts n;

	cdr_count(&n);
	atomic_store_explicit(&call_counters()->cdr_written, n.written, memory_order_relaxed);
	atomic_store_explicit(&call_counters()->cdr_dropped, n.dropped, memory_order_relaxed);
	atomic_store_explicit(&call_counters()->events_lost, history_lost(), memory_order_relaxed);
	atomic_store_explicit(
	    &call_counters()->events_dropped, event_dropped(), memory_order_relaxed);
}

/* ---- drain ---------------------------------------------------------------------------------- */

static void drain_begin(void)
{
	if (plane.state == KEDGE_PLANE_DRAINING)
		return;
	ingress_drain();
	set_state(KEDGE_PLANE_DRAINING);
	plane.drain_ns = clock_mono_ns() + (uint64_t)reload_conf()->run.drain_ms * CLOCK_NS_PER_MS;
}

static void drain_step(uint64_t now)
{
	if (plane.state != KEDGE_PLANE_DRAINING)
		return;
	if (!plane.end_ns && (call_count() == 0 || now >= plane.drain_ns)) {
		call_end_all("shutdown");
		testline_end_all();
		canary_call_end_all();
		plane.end_ns = now + END_LIMIT_NS;
	}
	if (plane.end_ns && (call_pending() == 0 || now >= plane.end_ns))
		plane.over = true;
}

static void on_beat(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	uint64_t now = clock_mono_ns();

	beat();
	measure_lag(now);
	count_records();
	drain_step(now);
	tally_tick(reload_conf(), now);
	flight_tick(now);
	plane.beat_due_ns = now + BEAT_MS * CLOCK_NS_PER_MS;
	su_timer_set_interval(timer, on_beat, NULL, BEAT_MS);
}

static int on_signal(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
	struct signalfd_siginfo info;

	while (read(plane.signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			event_reopen();
			cdr_reopen();
			reload_signalled();
			history_reopen();
		} else {
			drain_begin();
		}
	}
	return 0;
}

/* ---- start ---------------------------------------------------------------------------------- */

/* The library reads its log levels from these; one left in some shell costs half a call's CPU. */
static void clear_environment(void)
{
	static const char *const names[] = { "SOFIA_DEBUG", "NTA_DEBUG", "TPORT_DEBUG", "TPORT_LOG",
		"TPORT_DUMP", "SU_DEBUG", "SRESOLV_DEBUG", "SRESOLV_CONF", "NUA_DEBUG", "NEA_DEBUG",
		"SOA_DEBUG", "STUN_DEBUG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

static void on_library_log(void *stream, char const *format, va_list list)
{
	char line[512];
	size_t n;

	(void)stream;
	vsnprintf(line, sizeof(line), format, list);
	n = strlen(line);
	if (n && line[n - 1] == '\n')
		line[n - 1] = 0;
	event_log(sip_library, .text = line);
}

static int fail_start(const char *what, const char *why)
{
	event_log(plane_error, .plane = "sig", .what = what, .why = why);
	return -1;
}

static int signals_init(void)
{
	su_wait_t wait[1] = { SU_WAIT_INIT };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	plane.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (plane.signals < 0 || su_wait_create(wait, plane.signals, SU_WAIT_IN) < 0)
		return -1;
	plane.signals_wait = su_root_register(plane.root, wait, on_signal, NULL, 0);
	return plane.signals_wait < 0 ? -1 : 0;
}

static int loop_init(void)
{
	listen_clock();
	if (su_init() != 0)
		return fail_start("su_init", strerror(errno));
	su_log_redirect(NULL, on_library_log, NULL);
	su_log_set_level(NULL, 1);
	plane.root = su_root_create(NULL);
	if (!plane.root)
		return fail_start("su_root_create", strerror(errno));
	su_root_threading(plane.root, 0);
	if (signals_init() < 0)
		return fail_start("signals", strerror(errno));
	plane.beat = su_timer_create(su_root_task(plane.root), BEAT_MS);
	return plane.beat ? 0 : fail_start("timer", "no memory");
}

static int modules_init(void)
{
	static const struct listen_handlers handlers = { ingress_request, ingress_response,
		ingress_welcome, ingress_datagram, ingress_no_fd, attempt_path_lost };
	struct call_deps deps = { .seg = &plane.seg, .root = plane.root, .check = trunk_check };
	int err = trunk_init(&plane.seg, plane.root, plane.conf);

	if (err)
		return fail_start("trunks", strerror(-err));
	deps.health = trunk_health();
	err = operator_open(plane.conf->run.state_dir, plane.conf->events.file, clock_wall_ms());
	if (err)
		return fail_start("operator's orders", strerror(-err));
	operator_apply(deps.health, clock_mono_ns());
	err = call_init(&deps, plane.conf);
	if (err)
		return fail_start("calls", strerror(-err));
	ingress_init(&plane.seg, plane.conf);
	err = recall_open(plane.conf->admin.why_records, plane.conf->admin.flight_mb);
	if (err)
		return fail_start("flight recorder", strerror(-err));
	err = listen_init(plane.root, &plane.conf->sip, segment_listener(&plane.seg, 0),
	    plane.seg.priv->listener_count, &handlers);
	if (err)
		return fail_start("listeners", strerror(-err));
	trunk_start();
	trunk_log_start(deps.health, atomic_load_explicit(&beat_line()->starts, memory_order_relaxed));
	err = admin_order_open(plane.root);
	if (err)
		return fail_start("orders", strerror(-err));
	err = reload_open(plane.conf, plane.files, &plane.seg);
	if (err)
		return fail_start("reload", strerror(-err));
	err = admin_open(plane.conf, &plane.seg);
	if (err)
		return fail_start("admin socket", strerror(-err));
	return 0;
}

static void modules_fini(void)
{
	admin_order_close();
	admin_close();
	reload_close();
	admin_order_fini();
	operator_close();
	testline_fini();
	canary_call_fini(); /* while there are anchors to close: trunk_fini() finds nothing left */
	call_fini(); /* its calls give their attempts back to the trunks' health */
	trunk_fini();
	listen_fini();
	recall_close();
	ingress_fini();
	su_timer_destroy(plane.beat);
	su_root_deregister(plane.root, plane.signals_wait);
	su_root_destroy(plane.root);
	su_deinit();
}

static int start(int pub_fd, int priv_fd)
{
	int err = segment_attach(&plane.seg, pub_fd, priv_fd, SEGMENT_SIG);

	if (err)
		return fail_start("segment", plane.seg.why);
	segment_beat_start(beat_line(), clock_mono_ns(), clock_wall_ms());
	if ((err = cdr_open(plane.conf->cdr.file, NULL)) < 0)
		return fail_start(plane.conf->cdr.file, strerror(-err));
	history_open(plane.conf->events.file); /* what is wrong with it was told; calls go on without */
	if (loop_init() < 0 || modules_init() < 0)
		return -1;
	su_timer_set_interval(plane.beat, on_beat, NULL, BEAT_MS);
	set_state(KEDGE_PLANE_RUNNING);
	return 0;
}

/* ---- main ----------------------------------------------------------------------------------- */

static int usage(void)
{
	fprintf(stderr, "usage: kedge-sig --segment PUBFD,PRIVFD --config FILE [--files FILE]\n");
	return 2;
}

static int read_arguments(int argc, char **argv, int *pub_fd, int *priv_fd, const char **file)
{
	static const struct option options[] = { { "segment", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "files", required_argument, NULL, 'f' }, { NULL, 0, NULL, 0 } };
	int c;

	*pub_fd = *priv_fd = -1;
	*file = NULL;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's' && sscanf(optarg, "%d,%d", pub_fd, priv_fd) != 2)
			return -1;
		if (c == 'c')
			*file = optarg;
		if (c == 'f')
			plane.files = optarg;
		if (c == '?')
			return -1;
	}
	return *pub_fd < 0 || *priv_fd < 0 || !*file || optind != argc ? -1 : 0;
}

static const struct conf *read_config(const char *file)
{
	struct err_list errs = { 0 };
	struct conf *c = conf_load(file, 0, &errs);
	struct generation_book b;
	int dir = c ? state_open(c->run.state_dir) : -1;

	if (!c)
		err_print(&errs, stderr);
	err_fini(&errs);
	if (dir >= 0 && generation_read(dir, &b) == 0)
		c->generation = b.in_force;
	if (dir >= 0)
		close(dir);
	return c;
}

int main(int argc, char **argv)
{
	struct event_options log = { 0 };
	int pub_fd, priv_fd;
	const char *file;

	if (read_arguments(argc, argv, &pub_fd, &priv_fd, &file) < 0)
		return usage();
	/* Keys pass through this memory: no core dumps, no reading by others. Tests look inside. */
	if (getenv("KEDGE_TEST") == NULL)
		prctl(PR_SET_DUMPABLE, 0);
	clear_environment();
	plane.conf = read_config(file);
	if (!plane.conf)
		return 2;
	if (!plane.files)
		plane.files = plane.conf->file;
	log.file = plane.conf->log.file;
	log.json = plane.conf->log.format == CONF_FORMAT_JSON;
	log.least = (enum event_level)(plane.conf->log.level + EVENT_LEVEL_DEBUG);
	event_open(&log);
	if (start(pub_fd, priv_fd) < 0) {
		event_close();
		return 1;
	}
	while (!plane.over) {
		su_root_step(plane.root, BEAT_MS);
		anchor_flush();
	}
	modules_fini();
	cdr_close();
	history_close();
	segment_detach(&plane.seg);
	event_close();
	conf_unref(plane.conf);
	return 0;
}
