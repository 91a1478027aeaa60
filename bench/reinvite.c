// SPDX-License-Identifier: MIT
/* reinvite (c11 of PEERS.md): how long does a PBX wait for the answer to its re-INVITE where the carrier refuses it (503), knows the dialog no more
 * (481) or says nothing? One thread plays PBX and three carriers over UDP, dated by the kernel's receive stamps; a whole `kedge run` between. Per
 * run and carrier: calls are set up, each is re-INVITEd several times with the media it has, then held, then asked once more. A call must stay up
 * through all of it. bench/README.md has how to read it. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/sip_party.h"
#include "tests/harness/stage.h"

enum { CARRIERS = 3, CALLS_MAX = 200, RUNS_MAX = 9, AGAIN_MAX = 50, PORT = 5070, GAP_MS = 5, PATIENCE_MS = 4000 };
enum step { SETUP, SAME, HOLD, AFTER, BYE, STEPS };

static const char *const refusal[CARRIERS] = { "503 Service Unavailable", "481 Call/Transaction Does Not Exist", NULL };
static const char *const carrier_name[CARRIERS] = { "503", "481", "silent" };
static const char *const step_name[STEPS] = { "setup", "same", "hold", "after", "bye" };

static struct {
	unsigned runs, calls, again;
	bool json, slo;
} opt = { .runs = 5, .calls = 40, .again = 5 };

struct call {
	char to[256], target[256]; /* as kedge's first 200 had them */
	uint64_t asked_ns;
	unsigned cseq;
	bool waits, held;
};

struct times {
	double us[CALLS_MAX * AGAIN_MAX];
	unsigned count;
};

struct row { /* of one run, or the medians of all */
	double p50, p99, max;
	unsigned answers;
};

static struct {
	int slot, lock, pbx, carrier[CARRIERS];
	char dir[128], program[PATH_MAX], pbx_ip[INET_ADDRSTRLEN], kedge_ip[INET_ADDRSTRLEN], carrier_ip[CARRIERS][INET_ADDRSTRLEN];
	struct sockaddr_in kedge;
	pid_t pid;
	struct call call[CALLS_MAX];
	struct times times;
	unsigned run, which;                          /* of the calls that stand */
	unsigned lost, ended, refused, asked[CARRIERS]; /* no answer, a BYE from kedge, an answer that is no 200; re-INVITEs a carrier saw */
} bench;

/* ---- messages ---- */

static char *sdp_of(const char *ip, unsigned version, const char *direction, char *out, size_t room)
{
	snprintf(out, room, "v=0\r\no=- 1 %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\na=%s\r\n", version, ip, ip, direction);
	return out;
}

/* ---- the PBX ---- */

static void request(unsigned i, const char *method, const char *body)
{
	struct call *c = &bench.call[i];
	char text[SIP_TEXT], id[48], uri[64];
	const char *same = strcmp(method, "ACK") == 0 ? "INVITE" : method;

	snprintf(id, sizeof id, "reinvite-%u-%u-%u", bench.run, bench.which, i);
	snprintf(uri, sizeof uri, "sip:%u%05u@%s", 1 + bench.which, i, bench.kedge_ip);
	snprintf(text, sizeof text, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s-%u%s\r\nFrom: <sip:bench@%s>;tag=p%u\r\n"
		"%s%s%sCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:bench@%s:%d>\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, c->target[0] ? c->target : uri, bench.pbx_ip, PORT, id, c->cseq, same == method ? same : "ACK", bench.pbx_ip, i,
		c->to[0] ? c->to : "To: <", c->to[0] ? "" : uri, c->to[0] ? "" : ">\r\n", id, c->cseq, method, bench.pbx_ip, PORT,
		body[0] ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	sip_put(bench.pbx, &bench.kedge, text);
}

static void ask(unsigned i, enum step step)
{
	struct call *c = &bench.call[i];
	char body[256] = "";

	c->cseq++;
	c->held = c->held || step == HOLD;
	if (step != BYE)
		sdp_of(bench.pbx_ip, c->cseq, c->held ? "sendonly" : "sendrecv", body, sizeof body);
	c->waits = true;
	c->asked_ns = sip_now_ns();
	request(i, step == BYE ? "BYE" : "INVITE", body);
}

static void on_pbx(const struct sip_in *m)
{
	const char *text = m->text;
	char line[512];
	unsigned run, which, i, cseq, code = (unsigned)atoi(text + 8);
	struct call *c;

	if (strncmp(text, "SIP/2.0 ", 8) != 0) {
		bench.ended += strncmp(text, "BYE ", 4) == 0;
		return;
	}
	if (code < 200 || sscanf(sip_line(text, "Call-ID:", line, sizeof line), "%*s reinvite-%u-%u-%u", &run, &which, &i) != 3 || run != bench.run ||
	    which != bench.which || i >= opt.calls || sscanf(sip_line(text, "CSeq:", line, sizeof line), "%*s %u", &cseq) != 1)
		return;
	c = &bench.call[i];
	if (strstr(line, "INVITE") && cseq == c->cseq) {
		if (!c->to[0] && code < 300) {
			sip_line(text, "To:", c->to, sizeof c->to);
			sip_line(text, "Contact:", line, sizeof line);
			const char *at = strchr(line, '<');
			snprintf(c->target, sizeof c->target, "%.*s", at ? (int)strcspn(at + 1, ">") : 0, at ? at + 1 : "");
		}
		request(i, "ACK", "");
	}
	if (!c->waits || cseq != c->cseq)
		return;
	c->waits = false;
	bench.refused += code >= 300;
	bench.times.us[bench.times.count++] = (double)(int64_t)(m->at_ns - c->asked_ns) / 1000;
}

/* ---- the carriers ---- */

static void on_carrier(int which, const struct sip_in *m)
{
	const char *text = m->text;
	char contact[64], to[512], body[256] = "";
	const char *status = "200 OK";
	bool invite = strncmp(text, "INVITE ", 7) == 0, inside;

	if (strncmp(text, "SIP/2.0", 7) == 0 || strncmp(text, "ACK ", 4) == 0)
		return;
	sip_line(text, "To:", to, sizeof to);
	inside = strstr(to, ";tag=") != NULL;
	if (invite && inside) {
		bench.asked[which]++;
		status = refusal[which];
	} else if (invite) {
		sdp_of(bench.carrier_ip[which], 1, "sendrecv", body, sizeof body);
	}
	if (!status)
		return;
	snprintf(contact, sizeof contact, "%s:%d", bench.carrier_ip[which], PORT);
	sip_reply(bench.carrier[which], m, &(struct sip_reply){ status, "c", contact, "", body });
}

/* Everybody's messages for so long. */
static void serve(unsigned ms)
{
	struct pollfd fds[1 + CARRIERS] = { { .fd = bench.pbx, .events = POLLIN } };
	static struct sip_in m;
	uint64_t end = sip_now_ns() + ms * 1000000ull;

	for (int i = 0; i < CARRIERS; i++)
		fds[i + 1] = (struct pollfd){ .fd = bench.carrier[i], .events = POLLIN };
	for (uint64_t now; (now = sip_now_ns()) < end;) {
		struct timespec wait = { .tv_nsec = (long)(end - now < 5000000 ? end - now : 5000000) };
		ppoll(fds, 1 + CARRIERS, &wait, NULL);
		for (int i = 0; i <= CARRIERS; i++)
			while (fds[i].revents && sip_take(fds[i].fd, &m)) {
				if (i)
					on_carrier(i - 1, &m);
				else
					on_pbx(&m);
			}
	}
}

/* ---- measuring ---- */

static unsigned waiting(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < opt.calls; i++)
		n += bench.call[i].waits;
	return n;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One request on each call, a few ms apart, and their answers. */
static void round_of(enum step step)
{
	for (unsigned i = 0; i < opt.calls; i++) {
		ask(i, step);
		serve(GAP_MS);
	}
	for (unsigned ms = 0; waiting() && ms < PATIENCE_MS; ms += GAP_MS)
		serve(GAP_MS);
	bench.lost += waiting();
}

static void measure(unsigned run, unsigned which, struct row out[STEPS])
{
	bench.run = run;
	bench.which = which;
	memset(bench.call, 0, sizeof bench.call);
	for (enum step s = SETUP; s < STEPS; s++) {
		struct times *t = &bench.times;
		t->count = 0;
		for (unsigned n = 0; n < (s == SAME ? opt.again : 1); n++)
			round_of(s);
		serve(200); /* ACKs, and whatever else a call may bring on itself */
		if (s == SETUP && waiting())
			fprintf(stderr, "reinvite: %u calls did not come up\n", waiting());
		qsort(t->us, t->count, sizeof t->us[0], by_value);
		if (t->count)
			out[s] = (struct row){ t->us[t->count / 2] / 1000, t->us[t->count * 99 / 100] / 1000, t->us[t->count - 1] / 1000, t->count };
	}
}

static struct row median(struct row run[RUNS_MAX][CARRIERS][STEPS], unsigned which, enum step s)
{
	struct row out = { 0 };
	double v[2][RUNS_MAX];

	for (unsigned r = 0; r < opt.runs; r++) {
		struct row *one = &run[r][which][s];
		v[0][r] = one->p50;
		v[1][r] = one->p99;
		out.max = one->max > out.max ? one->max : out.max;
		out.answers += one->answers;
	}
	for (int i = 0; i < 2; i++)
		qsort(v[i], opt.runs, sizeof v[i][0], by_value);
	out.p50 = v[0][opt.runs / 2];
	out.p99 = v[1][opt.runs / 2];
	return out;
}

static bool report(struct row run[RUNS_MAX][CARRIERS][STEPS])
{
	bool good = bench.lost + bench.ended + bench.refused == 0;

	if (!opt.json)
		printf("%u runs of %u calls on each carrier, medians of the runs; ms from re-INVITE to its answer\n\n%8s %8s %8s %8s %8s %8s\n", opt.runs, opt.calls,
			"carrier", "request", "answers", "p50", "p99", "max");
	else
		printf("{\"bench\": \"reinvite\", \"runs\": %u, \"calls\": %u, \"rows\": [", opt.runs, opt.calls);
	for (unsigned w = 0; w < CARRIERS; w++)
		for (enum step s = SAME; s <= AFTER; s++) {
			struct row m = median(run, w, s);
			good = good && (s != SAME || m.p99 <= 5);
			printf(opt.json ? "%s\n {\"carrier\": \"%s\", \"request\": \"%s\", \"answers\": %u, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}" :
				"%s%8s %8s %8u %8.2f %8.2f %8.2f\n", opt.json && w + s > SAME ? "," : "", carrier_name[w], step_name[s], m.answers, m.p50, m.p99, m.max);
		}
	printf(opt.json ? "\n], \"lost\": %u, \"refused\": %u, \"ended\": %u, \"asked\": [%u, %u, %u]}\n" :
		"\nwithout an answer %u, refused %u, BYE from kedge %u; re-INVITEs the carriers saw: %u, %u, %u\n", bench.lost, bench.refused, bench.ended,
		bench.asked[0], bench.asked[1], bench.asked[2]);
	return good;
}

/* ---- the whole ---- */

static const char config[] =
	"interfaces = (\n\t{ name = \"inside\"; address = \"127.%1$d.3.1\"; rtp_ports = \"20000-24095\"; },\n"
	"\t{ name = \"outside\"; address = \"127.%1$d.4.1\"; rtp_ports = \"20000-24095\"; }\n);\n"
	"limits = { max_calls = 400; };\nlog = { file = \"%2$s/kedge.log\"; };\ncdr = { file = \"%2$s/cdr.jsonl\"; };\n"
	"run = { dir = \"%2$s/run\"; drain = \"1s\"; };\n"
	"trunks = (\n\t{ name = \"pbx\"; side = \"pbx\"; uri = \"sip:127.%1$d.1.1:5070\"; sources = [ \"127.%1$d.1.0/24\" ]; },\n"
	"\t{ name = \"c1\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.1:5070\"; },\n\t{ name = \"c2\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.2:5070\"; },\n"
	"\t{ name = \"c3\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.3:5070\"; }\n);\n"
	"profiles = (\n\t{ name = \"p1\"; targets = ( { trunk = \"c1\"; } ); },\n\t{ name = \"p2\"; targets = ( { trunk = \"c2\"; } ); },\n"
	"\t{ name = \"p3\"; targets = ( { trunk = \"c3\"; } ); }\n);\n"
	"routes = (\n\t{ name = \"r1\"; from = \"pbx\"; prefix = \"1\"; profile = \"p1\"; },\n\t{ name = \"r2\"; from = \"pbx\"; prefix = \"2\"; profile = \"p2\"; },\n"
	"\t{ name = \"r3\"; from = \"pbx\"; prefix = \"3\"; profile = \"p3\"; }\n);\n";

static int prepare(void)
{
	char file[PATH_MAX], log[PATH_MAX], out[PATH_MAX];
	FILE *f;
	int wrong = 0;

	stage_program(bench.program, sizeof bench.program);
	bench.slot = stage_claim(20, 99, &bench.lock);
	if (bench.slot < 0 || stage_dir("reinvite", bench.dir, sizeof bench.dir))
		return -1;
	bench.kedge = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(5060) };
	inet_pton(AF_INET, stage_ip(bench.slot, 3, 1, bench.kedge_ip), &bench.kedge.sin_addr);
	wrong |= (bench.pbx = sip_socket(stage_ip(bench.slot, 1, 1, bench.pbx_ip), PORT)) < 0;
	for (int i = 0; i < CARRIERS; i++)
		wrong |= (bench.carrier[i] = sip_socket(stage_ip(bench.slot, 2, 1 + i, bench.carrier_ip[i]), PORT)) < 0;
	snprintf(file, sizeof file, "%s/run", bench.dir);
	wrong |= mkdir(file, 0755);
	snprintf(file, sizeof file, "%s/kedge.cfg", bench.dir);
	snprintf(log, sizeof log, "%s/kedge.log", bench.dir);
	snprintf(out, sizeof out, "%s/kedge.out", bench.dir);
	if (wrong || !(f = fopen(file, "w")))
		return -1;
	fprintf(f, config, bench.slot, bench.dir);
	fclose(f);
	return stage_kedge(bench.program, file, log, out, &bench.pid);
}

static bool parse(int argc, char **argv)
{
	static const struct option names[] = { { "runs", 1, 0, 'r' }, { "calls", 1, 0, 'c' }, { "again", 1, 0, 'a' }, { "json", 0, 0, 'j' }, { "slo", 0, 0, 's' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'r': opt.runs = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'c': opt.calls = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'a': opt.again = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'j': opt.json = true; break;
		case 's': opt.slo = true; break;
		default: return false;
		}
	return optind == argc && opt.runs && opt.runs <= RUNS_MAX && opt.calls && opt.calls <= CALLS_MAX && opt.again && opt.again <= AGAIN_MAX;
}

int main(int argc, char **argv)
{
	static struct row run[RUNS_MAX][CARRIERS][STEPS];
	int code = 1;

	if (!parse(argc, argv)) {
		fputs("usage: reinvite [--runs 1-9] [--calls 1-200] [--again 1-50] [--json] [--slo]\n", stderr);
		return 2;
	}
	if (prepare() == 0) {
		for (unsigned r = 0; r < opt.runs; r++)
			for (unsigned w = 0; w < CARRIERS; w++)
				measure(r, w, run[r][w]);
		code = !report(run) && opt.slo;
	} else {
		fprintf(stderr, "reinvite: could not begin: %s\n", strerror(errno));
	}
	stage_end(bench.pid);
	stage_remove(bench.dir);
	return code;
}
