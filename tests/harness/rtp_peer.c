// SPDX-License-Identifier: MIT
/* rtp_peer: the RTP ends of one side of many calls as a program; demo, scenarios and benches share it. What it does and checks: peer.h.
 *   rtp_peer --bind IP --port PORT --ends N --id ID [--control FIFO]... [--rtcp MS] [--wav DIR --name NAME] [--pcap FILE] [--seconds S]
 * Control lines (peer_command) come from standard input and from each FIFO, where SIPp's <log> writes them (-trace_logs -log_file FIFO);
 * beside them "report" prints the JSON object at once. "ready" is printed once all ports are bound.
 * Ends at "quit", at the end of standard input, at SIGTERM or SIGINT, or after S seconds, and prints the JSON object.
 * Exit: 0 nothing that must not happen did; 1 it did; 2 wrong arguments or no sockets. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>

#include "tests/harness/peer.h"
#include "tests/harness/speech.h"
#include "tests/harness/stage.h"

enum { CONTROLS = 8 };

/* A stream of control lines. */
struct control {
	int fd;
	size_t used;
	char line[512];
};

struct options {
	struct peer_opts peer;
	const char *wav, *name;
	double seconds;
	struct control control[CONTROLS];
	uint32_t controls;
};

static volatile sig_atomic_t ended;

static void on_signal(int n)
{
	ended = n;
}

static void obey(struct peer *p, const char *line)
{
	if (strcmp(line, "quit") == 0)
		ended = 1;
	else if (strcmp(line, "report") == 0)
		peer_json(p, stdout);
	else if (*line && peer_command(p, line, stage_now_ns()))
		fprintf(stderr, "rtp_peer: not understood: %s\n", line);
}

/* Reads what is there, obeys each whole line. False at the end of the stream. */
static bool listen_to(struct peer *p, struct control *c)
{
	ssize_t n = read(c->fd, c->line + c->used, sizeof c->line - 1 - c->used);
	char *end;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	c->used += n;
	c->line[c->used] = 0;
	while ((end = memchr(c->line, '\n', c->used))) {
		*end++ = 0;
		obey(p, c->line);
		c->used -= end - c->line;
		memmove(c->line, end, c->used + 1);
	}
	if (c->used == sizeof c->line - 1)
		c->used = 0;
	return true;
}

static bool parse_bind(struct options *o, const char *ip)
{
	if (inet_pton(AF_INET, ip, &o->peer.address.v4.sin_addr) == 1)
		o->peer.address.sa.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, ip, &o->peer.address.v6.sin6_addr) == 1)
		o->peer.address.sa.sa_family = AF_INET6;
	else
		return false;
	return true;
}

static bool add_control(struct options *o, const char *path)
{
	/* Both directions, so that it never ends when a SIPp goes away. */
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || o->controls == CONTROLS)
		return false;
	o->control[o->controls++].fd = fd;
	return true;
}

static bool parse(struct options *o, int argc, char **argv)
{
	static const struct option names[] = { { "bind", 1, 0, 'b' }, { "port", 1, 0, 'p' }, { "ends", 1, 0, 'e' },
		{ "id", 1, 0, 'i' }, { "control", 1, 0, 'c' }, { "rtcp", 1, 0, 'r' }, { "wav", 1, 0, 'w' },
		{ "name", 1, 0, 'n' }, { "pcap", 1, 0, 'a' }, { "seconds", 1, 0, 's' }, { 0 } };
	unsigned port = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'b': if (!parse_bind(o, optarg)) return false; break;
		case 'p': port = strtoul(optarg, NULL, 10); break;
		case 'e': o->peer.ends = strtoul(optarg, NULL, 10); break;
		case 'i': o->peer.id = strtoul(optarg, NULL, 10); break;
		case 'c': if (!add_control(o, optarg)) return false; break;
		case 'r': o->peer.rtcp_ms = strtoul(optarg, NULL, 10); break;
		case 'w': o->wav = optarg; break;
		case 'n': o->name = optarg; break;
		case 'a': o->peer.pcap = optarg; break;
		case 's': o->seconds = strtod(optarg, NULL); break;
		default: return false;
		}
	o->peer.wav = o->wav != NULL;
	if (o->peer.address.sa.sa_family == AF_INET6)
		o->peer.address.v6.sin6_port = htons(port);
	else
		o->peer.address.v4.sin_port = htons(port);
	return o->peer.address.sa.sa_family && port && o->peer.ends && o->peer.id;
}

static void serve(struct peer *p, struct options *o)
{
	uint64_t start = stage_now_ns(), now = start, next = start;
	struct pollfd fds[CONTROLS + 1] = { { .fd = peer_fd(p), .events = POLLIN } };

	for (uint32_t i = 0; i < o->controls; i++)
		fds[i + 1] = (struct pollfd){ .fd = o->control[i].fd, .events = POLLIN };
	while (!ended && (o->seconds <= 0 || now - start < o->seconds * 1e9)) {
		struct timespec wait = { .tv_nsec = next > now ? next - now : 0 };
		ppoll(fds, o->controls + 1, &wait, NULL);
		for (uint32_t i = 0; i < o->controls; i++)
			if (fds[i + 1].revents && !listen_to(p, &o->control[i]))
				ended = 1;
		now = stage_now_ns();
		next = peer_step(p, now);
	}
}

int main(int argc, char **argv)
{
	struct options o = { .name = "heard", .control = { { .fd = STDIN_FILENO } }, .controls = 1 };
	struct sigaction act = { .sa_handler = on_signal };
	struct peer_counts total;
	struct peer *p;

	if (!parse(&o, argc, argv)) {
		fputs("usage: rtp_peer --bind IP --port PORT --ends N --id ID [--control FIFO] [--rtcp MS] [--wav DIR --name NAME]"
			" [--pcap FILE] [--seconds S]\n", stderr);
		return 2;
	}
	stage_raise_files();
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	speech_init();
	if (!(p = peer_open(&o.peer))) {
		perror("rtp_peer");
		return 2;
	}
	puts("ready");
	fflush(stdout);
	serve(p, &o);
	peer_json(p, stdout);
	if (o.wav && peer_wav(p, o.wav, o.name) < 0)
		fprintf(stderr, "rtp_peer: cannot write into %s\n", o.wav);
	peer_totals(p, &total);
	peer_close(p);
	return peer_faults(&total) > 0;
}
