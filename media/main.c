// SPDX-License-Identifier: MIT
/* kedge-media --segment PUBFD,PRIVFD --config FILE [--spare]
 *
 * The media plane: attaches to the segment that `kedge run` made, starts one thread per worker, and relays until SIGTERM.
 * Its sockets and eventfds are inherited under the numbers the private segment names. It ends without touching the session
 * table: whoever is started next goes on from there. A spare does all that takes time and waits for SIGUSR2: its predecessor is
 * dead. It ends by SIGRTMIN: its supervisor is (tools/plane.c). Both wait for it from before it was executed. Exit 0: asked to end; 1: something failed; 2: usage. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/conf.h"
#include "config/event.h"
#include "media/srtp.h"
#include "media/shelf.h"
#include "media/recorder.h"
#include "media/worker.h"

#define AUDIT_NS (5 * CLOCK_NS_PER_S)

struct plane {
	struct segment seg;
	const struct conf *conf; /* of the start */
	const char *file;
	struct shelf shelf;
	struct worker *worker[KEDGE_WORKERS_MAX];
	pthread_t thread[KEDGE_WORKERS_MAX];
	uint32_t started;
	struct recorder *recorder; /* NULL: nothing is recorded */
	bool spare; /* waits for its turn */
};

static int usage(void)
{
	fputs("usage: kedge-media --segment PUBFD,PRIVFD --config FILE [--spare]   (started by kedge run)\n",
	    stderr);
	return 2;
}

static int parse(int argc, char **argv, int *pub_fd, int *priv_fd, const char **config, bool *spare)
{
	static const struct option options[] = { { "segment", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' }, { "spare", no_argument, NULL, 'p' }, { 0 } };
	int c, end = 0;

	*pub_fd = *priv_fd = -1;
	*config = NULL;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'c')
			*config = optarg;
		else if (c == 'p')
			*spare = true;
		else if (c != 's' || sscanf(optarg, "%d,%d%n", pub_fd, priv_fd, &end) != 2 ||
		         optarg[end] != 0)
			return -EINVAL;
	}
	return optind == argc && *config != NULL && *pub_fd >= 0 && *priv_fd >= 0 ? 0 : -EINVAL;
}

static struct event_options log_options(const struct conf *c)
{
	return (struct event_options){ .file = c->log.file,
		.json = c->log.format == CONF_FORMAT_JSON,
		.least = EVENT_LEVEL_DEBUG + (enum event_level)c->log.level };
}

static const struct conf *read_file(const char *file)
{
	struct err_list errs = { 0 };
	const struct conf *c = conf_load(file, 0, &errs);

	if (c == NULL)
		err_print(&errs, stderr);
	err_fini(&errs);
	return c;
}

static int load(struct plane *p, const char *file)
{
	struct event_options log;

	p->file = file;
	p->conf = read_file(file);
	if (p->conf == NULL)
		return -EINVAL;
	log = log_options(p->conf);
	event_open(&log);
	return 0;
}

/* The log was rotated, or another configuration is in force: what of it can change while packets flow. */
static void follow(struct plane *p)
{
	const struct conf *c = read_file(p->file);
	struct event_options log;

	event_reopen();
	if (c == NULL)
		return;
	log = log_options(c);
	event_change(&log);
	for (uint32_t i = 0; i < p->started; i++) {
		worker_media_dead(p->worker[i], c->media.media_dead_ms * CLOCK_NS_PER_MS);
		worker_rate(p->worker[i], c->media.rate);
		worker_comfort_noise(p->worker[i], c->media.comfort_noise);
	}
	shelf_follow(&p->shelf, c);
	conf_unref(c);
}

static int attach(struct plane *p, int pub_fd, int priv_fd)
{
	int rc = segment_attach(&p->seg, pub_fd, priv_fd, p->spare ? SEGMENT_SPARE : SEGMENT_MEDIA);

	if (rc < 0)
		event_log(plane_error, .plane = "media", .what = "attach", .why = p->seg.why);
	return rc;
}

/* libsrtp would go on with its own ciphers, at a tenth of the calls: that is no start. */
static int start_ciphers(void)
{
	const char *why;
	int rc = secure_start(&why);

	if (rc < 0)
		event_log(plane_error, .plane = "media", .what = "put OpenSSL's ciphers into libsrtp", .why = why);
	return rc;
}

static unsigned power_of_two(unsigned n)
{
	unsigned p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* A file that may not grow is an error of its own, not the end of all calls. */
static int start_recorder(struct plane *p)
{
	int rc;

	if (p->conf->media.record_dir[0] == 0)
		return 0;
	signal(SIGXFSZ, SIG_IGN);
	p->recorder = recorder_open(&p->seg, p->conf->media.record_dir, &rc);
	if (rc < 0)
		event_log(plane_error, .plane = "media", .what = "start the recorder", .why = strerror(-rc));
	return rc;
}

static int make_workers(struct plane *p)
{
	const struct conf_media *m = &p->conf->media;
	struct worker_setup setup = { .backend = m->backend,
		.window_us = m->window_us,
		.batch = m->batch,
		.buffers = power_of_two(m->buffers),
		.port_rest_ns = m->port_rest_ms * CLOCK_NS_PER_MS,
		.orphan_ns = m->orphan_after_ms * CLOCK_NS_PER_MS,
		.rate = m->rate,
		.spare = p->spare,
		.media_dead_ns = m->media_dead_ms * CLOCK_NS_PER_MS,
		.comfort_noise = m->comfort_noise,
		.shelf = &p->shelf,
		.audit_ns = AUDIT_NS / p->conf->test.time_scale };

	dtmf_init();
	for (uint32_t i = 0; i < p->seg.pub->workers; i++) {
		setup.tap = p->recorder != NULL ? recorder_tap(p->recorder, i) : NULL;
		p->worker[i] = worker_new(&p->seg, i, &setup);
		if (p->worker[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* A worker that fails takes the plane with it: the supervisor starts it anew on the same table. */
static void *thread_main(void *arg)
{
	if (worker_run(arg) < 0)
		kill(getpid(), SIGUSR1);
	return NULL;
}

static int start_workers(struct plane *p)
{
	for (; p->started < p->seg.pub->workers; p->started++) {
		int rc = pthread_create(
		    &p->thread[p->started], NULL, thread_main, p->worker[p->started]);

		if (rc != 0) {
			event_log(plane_error, .plane = "media", .what = "start a thread",
			    .why = strerror(rc));
			return -rc;
		}
	}
	return 0;
}

static void stop_workers(struct plane *p)
{
	for (uint32_t i = 0; i < p->started; i++)
		worker_stop(p->worker[i]);
	for (uint32_t i = 0; i < p->started; i++)
		pthread_join(p->thread[i], NULL);
	for (uint32_t i = 0; i < KEDGE_WORKERS_MAX; i++)
		worker_free(p->worker[i]);
}

/* The predecessor is dead: from here on a plane like any other, which outlives its supervisor. */
static void take_over(struct plane *p)
{
	prctl(PR_SET_PDEATHSIG, 0);
	segment_take(&p->seg);
	for (uint32_t i = 0; i < p->started; i++)
		worker_claim(p->worker[i]);
	for (uint32_t i = 0; i < p->started; i++)
		worker_go(p->worker[i]);
	p->spare = false;
}

/* Until somebody asks for the end. -EIO: a worker failed. */
static int serve(struct plane *p)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	if (p->spare) {
		sigaddset(&set, SIGUSR2);
		sigaddset(&set, SIGRTMIN);
	}
	while (sigwait(&set, &sig) == 0 && (sig == SIGHUP || sig == SIGUSR2 || (sig == SIGRTMIN && !p->spare)))
		if (sig == SIGHUP)
			follow(p);
		else if (sig == SIGUSR2 && p->spare)
			take_over(p);
	return sig == SIGUSR1 ? -EIO : 0;
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	struct plane p = { 0 };
	const char *config;
	int pub_fd, priv_fd, rc;

	if (parse(argc, argv, &pub_fd, &priv_fd, &config, &p.spare) < 0)
		return usage();
	/* Keys will lie in this memory: no core dumps, no reading by others. Tests look inside. */
	if (getenv("KEDGE_TEST") == NULL)
		prctl(PR_SET_DUMPABLE, 0);
	block_signals();
	if ((rc = load(&p, config)) < 0)
		return 1;
	if ((rc = start_ciphers()) < 0 || (rc = attach(&p, pub_fd, priv_fd)) < 0)
		goto out_conf;
	if ((rc = shelf_open(&p.shelf, p.seg.pub->workers)) < 0)
		goto out_segment;
	shelf_follow(&p.shelf, p.conf);
	if ((rc = start_recorder(&p)) == 0 && (rc = make_workers(&p)) == 0 && (rc = start_workers(&p)) == 0)
		rc = serve(&p);
	stop_workers(&p);
	if (!recorder_close(p.recorder))
		_exit(rc < 0);
	shelf_close(&p.shelf);
out_segment:
	segment_detach(&p.seg);
out_conf:
	conf_unref(p.conf);
	event_close();
	return rc < 0;
}
