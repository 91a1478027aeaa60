// SPDX-License-Identifier: MIT
#include "tools/demo_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/speech.h"
#include "tests/harness/stage.h"
#include "tools/demo_sip.h"

enum { SLOT_FIRST = 20, SLOT_LAST = 99, RTP_PORT = 21000, CARRIER_ENDS = 128, SIP_PORT = 5060 };

/* Calls that carrier b answers 503: the last twelve. */
#define BUSY_NUMBERS "INVITE sip:[^@]*20790(2[89]|3[0-9])@"

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "kedge demo: %s: %s\n", what, why);
	return -1;
}

static const char *side_ip(const struct demo_world *w, int side, char *out)
{
	return stage_ip(w->slot, side ? 2 : 1, side ? side : 1, out);
}

static const char *path_in(const struct demo_world *w, const char *name, const char *ending)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s%s", w->dir, name, ending);
	return path;
}

static int make_dir(struct demo_world *w, const char *dir)
{
	char full[PATH_MAX];

	w->keep = dir != NULL;
	snprintf(w->dir, sizeof w->dir, "%s", dir ? dir : "");
	if (dir ? mkdir(dir, 0755) && errno != EEXIST : stage_dir("demo", w->dir, sizeof w->dir))
		return complain(w->dir, strerror(errno));
	if (!realpath(w->dir, full) || strlen(full) >= sizeof w->dir)
		return complain(w->dir, "not a usable directory");
	strcpy(w->dir, full);
	if (mkdir(path_in(w, "run", ""), 0755) && errno != EEXIST)
		return complain(w->dir, strerror(errno));
	/* What an earlier demo left there would be counted as this one's. */
	unlink(path_in(w, "cdr", ".jsonl"));
	return 0;
}

static int write_file(const char *path, const char *format, ...)
{
	va_list args;
	FILE *f = fopen(path, "w");

	if (!f)
		return complain(path, strerror(errno));
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	return fclose(f) ? complain(path, strerror(errno)) : 0;
}

static struct peer *open_peer(const struct demo_world *w, int side)
{
	struct peer_opts o = { .ends = side ? CARRIER_ENDS : DEMO_CALLS, .id = side + 1, .rtcp_ms = 1000, .wav = w->keep && !side };
	char ip[INET_ADDRSTRLEN], pcap[PATH_MAX];

	o.address.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(RTP_PORT) };
	inet_pton(AF_INET, side_ip(w, side, ip), &o.address.v4.sin_addr);
	snprintf(pcap, sizeof pcap, "%s", path_in(w, w->side[side].name, ".pcap"));
	o.pcap = w->keep ? pcap : NULL;
	return peer_open(&o);
}

static int open_side(struct demo_world *w, int side)
{
	struct demo_side *s = &w->side[side];
	const char *fifo;

	s->name = (const char *[]){ "pbx", "a", "b", "c" }[side];
	fifo = path_in(w, s->name, ".fifo");
	unlink(fifo);
	/* Open in both directions: it never ends, and SIPp can open it without waiting. */
	if (mkfifo(fifo, 0600) || (s->fifo = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
		return complain(fifo, strerror(errno));
	if (!(s->peer = open_peer(w, side)))
		return complain("RTP sockets", strerror(errno));
	return write_file(path_in(w, s->name, ".xml"), side ? demo_carrier_xml : demo_pbx_xml, side == 2 ? BUSY_NUMBERS : "no such number");
}

/* SIPp of a side; `more`: arguments of the PBX. */
static int start_sipp(struct demo_world *w, int side, char *const more[])
{
	struct demo_side *s = &w->side[side];
	char ip[INET_ADDRSTRLEN], own[INET_ADDRSTRLEN], xml[PATH_MAX], fifo[PATH_MAX], trace[PATH_MAX], errors[PATH_MAX], rtp[8];
	/* SIPp binds a media port too; on an address of its own it is out of the RTP end's way. */
	char *argv[48] = { "sipp", "-sf", xml, "-i", ip, "-bind_local", "-p", "5060", "-mi", own, "-mp", rtp, "-ci", own, "-nostdin", "-timer_resol", "1",
		"-aa", "-skip_rlimit", "-deadcall_wait", "0", "-trace_logs", "-log_file", fifo, "-trace_err", "-error_file", errors };
	int n = 27;

	side_ip(w, side, ip);
	stage_ip(w->slot, 9, side + 1, own);
	snprintf(xml, sizeof xml, "%s", path_in(w, s->name, ".xml"));
	snprintf(fifo, sizeof fifo, "%s", path_in(w, s->name, ".fifo"));
	snprintf(trace, sizeof trace, "%s", path_in(w, s->name, ".sip"));
	snprintf(errors, sizeof errors, "%s", path_in(w, s->name, ".err"));
	snprintf(rtp, sizeof rtp, "%d", RTP_PORT);
	if (w->keep) {
		argv[n++] = "-trace_msg";
		argv[n++] = "-message_file";
		argv[n++] = trace;
	}
	while (more && *more)
		argv[n++] = *more++;
	s->pid = stage_spawn(path_in(w, s->name, ".out"), argv);
	return s->pid < 0 ? complain("sipp", strerror(errno)) : 0;
}

static int start_kedge(struct demo_world *w)
{
	char self[PATH_MAX], config[PATH_MAX], log[PATH_MAX], output[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n < 0)
		return complain("/proc/self/exe", strerror(errno));
	self[n] = 0;
	if (write_file(path_in(w, "kedge.cfg", ""), demo_config, w->slot, w->dir))
		return -1;
	snprintf(config, sizeof config, "%s", path_in(w, "kedge.cfg", ""));
	snprintf(log, sizeof log, "%s", path_in(w, "kedge.log", ""));
	snprintf(output, sizeof output, "%s", path_in(w, "kedge", ".out"));
	return stage_kedge(self, config, log, output, &w->kedge) ? complain("kedge run did not start", output) : 0;
}

/* A SIPp that did not like its arguments is gone by now. */
static int check_carriers(struct demo_world *w)
{
	for (int i = 1; i < DEMO_SIDES; i++)
		if (waitpid(w->side[i].pid, NULL, WNOHANG) != 0)
			return complain("sipp did not start", path_in(w, w->side[i].name, ".err"));
	return 0;
}

int demo_open(struct demo_world *w, const char *dir)
{
	for (int i = 0; i < DEMO_SIDES; i++)
		w->side[i].fifo = -1;
	w->lock = -1;
	if (!stage_have("sipp"))
		return complain("sipp is missing", "as root: apt-get install -y sip-tester");
	speech_init();
	w->slot = stage_claim(SLOT_FIRST, SLOT_LAST, &w->lock);
	if (w->slot < 0)
		return complain("loopback", "no free 127.x network");
	if (make_dir(w, dir))
		return -1;
	for (int i = 0; i < DEMO_SIDES; i++)
		if (open_side(w, i) || (i && start_sipp(w, i, NULL)))
			return -1;
	return start_kedge(w) || check_carriers(w) ? -1 : 0;
}

int demo_dial(struct demo_world *w, unsigned calls_per_s, unsigned end_ms)
{
	char csv[PATH_MAX], kedge[32], ip[INET_ADDRSTRLEN], rate[16], count[16];
	FILE *f;

	snprintf(csv, sizeof csv, "%s", path_in(w, "numbers.csv", ""));
	if (!(f = fopen(csv, "w")))
		return complain(csv, strerror(errno));
	fputs("SEQUENTIAL\n", f);
	for (unsigned i = 0; i < DEMO_CALLS; i++)
		fprintf(f, "+4420790%02u;%u;\n", i, end_ms - i * 1000 / calls_per_s);
	fclose(f);
	snprintf(kedge, sizeof kedge, "%s:%d", stage_ip(w->slot, 3, 1, ip), SIP_PORT);
	snprintf(rate, sizeof rate, "%u", calls_per_s);
	snprintf(count, sizeof count, "%d", DEMO_CALLS);
	return start_sipp(w, 0, (char *[]){ "-inf", csv, "-m", count, "-l", count, "-r", rate, kedge, NULL });
}

/* ---- what SIPp says ---- */

static void take_line(struct demo_world *w, int side, const char *line)
{
	static const struct {
		const char *word;
		enum demo_what what;
	} words[] = { { "dialed ", DEMO_DIALED }, { "invited ", DEMO_INVITED }, { "refused ", DEMO_REFUSED }, { "answered ", DEMO_ANSWERED },
		{ "up ", DEMO_UP }, { "over ", DEMO_OVER }, { "failed ", DEMO_FAILED } };
	struct demo_note n = { .side = side, .at_ns = stage_now_ns() };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strncmp(line, words[i].word, strlen(words[i].word)) == 0) {
			n.what = words[i].what;
			n.call = peer_call_of(line) % 100;
			if (n.call < DEMO_CALLS)
				w->note(w->user, &n);
			return;
		}
	peer_command(w->side[side].peer, line, n.at_ns);
}

static void read_lines(struct demo_world *w, int side)
{
	struct demo_side *s = &w->side[side];
	ssize_t n = read(s->fifo, s->line + s->used, sizeof s->line - 1 - s->used);
	char *end;

	if (n <= 0)
		return;
	s->used += n;
	while ((end = memchr(s->line, '\n', s->used))) {
		*end++ = 0;
		take_line(w, side, s->line);
		s->used -= end - s->line;
		memmove(s->line, end, s->used);
	}
	if (s->used == sizeof s->line - 1)
		s->used = 0;
}

void demo_step(struct demo_world *w)
{
	struct pollfd fds[2 * DEMO_SIDES];
	uint64_t now = stage_now_ns(), next = now + 5000000, due;

	for (int i = 0; i < DEMO_SIDES; i++) {
		fds[2 * i] = (struct pollfd){ .fd = w->side[i].fifo, .events = POLLIN };
		fds[2 * i + 1] = (struct pollfd){ .fd = peer_fd(w->side[i].peer), .events = POLLIN };
		if ((due = peer_step(w->side[i].peer, now)) < next)
			next = due;
	}
	struct timespec wait = { .tv_nsec = next > now ? next - now : 0 };
	if (ppoll(fds, 2 * DEMO_SIDES, &wait, NULL) <= 0)
		return;
	for (int i = 0; i < DEMO_SIDES; i++)
		if (fds[2 * i].revents)
			read_lines(w, i);
}

/* ---- the end ---- */

void demo_freeze(struct demo_world *w, int side)
{
	kill(w->side[side].pid, SIGSTOP);
}

void demo_thaw(struct demo_world *w, int side)
{
	kill(w->side[side].pid, SIGCONT);
}

bool demo_end_kedge(struct demo_world *w, unsigned limit_ms)
{
	int status = -1;

	kill(w->kedge, SIGTERM);
	if (!stage_gone(w->kedge, limit_ms, &status))
		return false;
	w->kedge = 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

void demo_close(struct demo_world *w)
{
	for (int i = 0; i < DEMO_SIDES; i++) {
		stage_end(w->side[i].pid);
		if (w->side[i].fifo >= 0) {
			close(w->side[i].fifo);
			unlink(path_in(w, w->side[i].name, ".fifo"));
		}
		if (w->side[i].peer)
			peer_close(w->side[i].peer);
	}
	stage_end(w->kedge);
	if (w->lock >= 0)
		close(w->lock);
	if (!w->keep && w->dir[0])
		nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

bool demo_log_word(const struct demo_world *w, const char *event, const char *key, char *out, size_t room)
{
	return stage_log_word(path_in(w, "kedge.log", ""), event, key, out, room);
}
