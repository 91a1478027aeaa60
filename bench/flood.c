// SPDX-License-Identifier: MIT
/* flood: what do strangers cost good callers? Calls that are up talk, a probe sets up more, and in every second run some 64 addresses that belong to
 * no trunk send INVITE, OPTIONS and REGISTER as fast as told. Setup times with and without stand beside each other, run by run; each packet
 * of the calls is checked. bench/README.md has how to read it. Everything is on loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/call_probe.h"
#include "tests/harness/peer.h"
#include "tests/harness/speech.h"
#include "tests/harness/stage.h"

enum { RUNS_MAX = 15, STRANGERS = 64, CALLS_MAX = 100, TALK_PORT = 5080, RTP_PORT = 21000, PROBE_RATE = 25, MESSAGE = 4096 };

struct options {
	unsigned runs, seconds, rate, calls;
	bool json, slo;
};

static struct options opt = { .runs = 5, .seconds = 10, .rate = 3000, .calls = 20 };

struct half { /* a run without or with strangers */
	double p50_ms, p99_ms;
	unsigned setups, lost_setups;
	uint64_t packets, faults;
	uint64_t asked, answered; /* of the strangers */
};

static struct {
	int slot, lock;
	char dir[PATH_MAX - 64], program[PATH_MAX];
	pid_t kedge;
} bench;

static const char *in_dir(const char *name)
{
	static char path[3][PATH_MAX];
	static int turn;

	turn = (turn + 1) % 3;
	snprintf(path[turn], sizeof path[turn], "%s/%s", bench.dir, name);
	return path[turn];
}

/* ---- kedge ---- */

static const char config[] =
	"interfaces = (\n\t{ name = \"inside\"; address = \"127.%1$d.3.1\"; rtp_ports = \"20000-32767\"; },\n"
	"\t{ name = \"outside\"; address = \"127.%1$d.4.1\"; rtp_ports = \"20000-32767\"; }\n);\n"
	"limits = { max_calls = 300; };\nlog = { file = \"%2$s/kedge.log\"; };\ncdr = { file = \"%2$s/cdr.jsonl\"; };\n"
	"run = { dir = \"%2$s/run\"; drain = \"1s\"; };\n"
	"trunks = (\n\t{ name = \"pbx\"; side = \"pbx\"; uri = \"sip:127.%1$d.1.1:5060\"; sources = [ \"127.%1$d.1.0/24\" ]; },\n"
	"\t{ name = \"talk\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.1:5080\"; },\n"
	"\t{ name = \"good\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.2:5070\"; },\n"
	"\t{ name = \"bad\";  side = \"carrier\"; uri = \"sip:127.%1$d.2.3:5070\"; codes = { no_count = \"503\"; }; },\n"
	"\t{ name = \"next\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.4:5070\"; }\n);\n"
	"profiles = (\n\t{ name = \"talk\"; targets = ( { trunk = \"talk\"; } ); },\n\t{ name = \"good\"; targets = ( { trunk = \"good\"; } ); },\n"
	"\t{ name = \"move\"; targets = ( { trunk = \"bad\"; }, { trunk = \"next\"; } ); }\n);\n"
	"routes = (\n\t{ name = \"talk\"; from = \"pbx\"; profile = \"talk\"; },\n"
	"\t{ name = \"good\"; from = \"pbx\"; prefix = \"" PROBE_ANSWERED "\"; profile = \"good\"; },\n"
	"\t{ name = \"move\"; from = \"pbx\"; prefix = \"" PROBE_REFUSED "\"; profile = \"move\"; }\n);\n";

static int start_kedge(void)
{
	FILE *f = fopen(in_dir("kedge.cfg"), "w");

	if (!f)
		return -1;
	fprintf(f, config, bench.slot, bench.dir);
	if (fclose(f) || stage_kedge(bench.program, in_dir("kedge.cfg"), in_dir("kedge.log"), in_dir("kedge.out"), &bench.kedge)) {
		fprintf(stderr, "flood: kedge run did not start: %s\n", in_dir("kedge.out"));
		return -1;
	}
	return 0;
}

/* ---- sockets and messages ---- */

static int bound(int net, int host, int port)
{
	char ip[INET_ADDRSTRLEN];

	return stage_udp(stage_ip(bench.slot, net, host, ip), port);
}

static void put(int s, const struct sockaddr_in *to, const char *text)
{
	(void)!sendto(s, text, strlen(text), MSG_DONTWAIT, (const struct sockaddr *)to, sizeof *to);
}

/* All lines that begin with `name`, their line ends included. */
static const char *lines(const char *text, const char *name, char *out, size_t room)
{
	size_t used = 0;

	out[0] = 0;
	for (const char *p = strstr(text, "\r\n"); p && strncmp(p, "\r\n\r\n", 4); p = strstr(p + 2, "\r\n"))
		if (!strncasecmp(p + 2, name, strlen(name)))
			used += snprintf(out + used, room - used, "%.*s\r\n", (int)strcspn(p + 2, "\r"), p + 2);
	return out;
}

static void sdp_of(char *out, size_t room, const char *ip, unsigned port)
{
	snprintf(out, room, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n", ip, ip, port);
}

/* Where an SDP wants its RTP. */
static bool media_of(const char *text, union peer_addr *to)
{
	char ip[64];
	unsigned port;
	const char *c = strstr(text, "c=IN IP4 "), *m = strstr(text, "m=audio ");

	if (!c || !m || sscanf(c, "c=IN IP4 %63[0-9.]", ip) != 1 || sscanf(m, "m=audio %u", &port) != 1)
		return false;
	memset(to, 0, sizeof *to);
	to->v4.sin_family = AF_INET;
	to->v4.sin_port = htons(port);
	return inet_pton(AF_INET, ip, &to->v4.sin_addr) == 1;
}

/* ---- calls that talk ---- */

static struct {
	int caller, carrier;
	struct sockaddr_in kedge;
	struct peer *peer[2]; /* of the caller's side, of the carrier's */
	char caller_ip[INET_ADDRSTRLEN], carrier_ip[INET_ADDRSTRLEN];
	unsigned up;
	union peer_addr to_kedge[2][CALLS_MAX];
	uint64_t speaks_ns[2][CALLS_MAX]; /* when a side begins; 0: not yet, or it has */
	char uri[CALLS_MAX][256], to[CALLS_MAX][512]; /* of the caller's dialogs */
	pthread_t thread;
	atomic_bool ended;
} talk;

static struct peer *ends(int net, int host, int id)
{
	struct peer_opts o = { .ends = opt.calls, .id = id, .address.v4 = { .sin_family = AF_INET, .sin_port = htons(RTP_PORT) } };
	char ip[INET_ADDRSTRLEN];

	inet_pton(AF_INET, stage_ip(bench.slot, net, host, ip), &o.address.v4.sin_addr);
	return peer_open(&o);
}

static void invite(unsigned call)
{
	char text[MESSAGE], body[512];

	sdp_of(body, sizeof body, talk.caller_ip, RTP_PORT + 4 * call);
	snprintf(text, sizeof text, "INVITE sip:2%07u@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bKt%u\r\nFrom: <sip:t@%s>;tag=t%u\r\nTo: <sip:2%07u@%s>\r\n"
		"Call-ID: talk-%u\r\nCSeq: 1 INVITE\r\nContact: <sip:t@%s:%d>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		call, "kedge", talk.caller_ip, TALK_PORT, call, talk.caller_ip, call, call, "kedge", call, talk.caller_ip, TALK_PORT, strlen(body), body);
	put(talk.caller, &talk.kedge, text);
}

static void in_dialog(unsigned call, const char *method, int cseq)
{
	char text[MESSAGE];

	snprintf(text, sizeof text, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bKt%s%u\r\nFrom: <sip:t@%s>;tag=t%u\r\n%sCall-ID: talk-%u\r\nCSeq: %d %s\r\n"
		"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n", method, talk.uri[call], talk.caller_ip, TALK_PORT, method, call, talk.caller_ip, call, talk.to[call],
		call, cseq, method);
	put(talk.caller, &talk.kedge, text);
}

/* A little later, when the way is open on both sides: the first word is another bench's. */
static void speak_soon(int side, unsigned call)
{
	talk.speaks_ns[side][call] = stage_now_ns() + 100000000;
}

static void speak(uint64_t now)
{
	for (int side = 0; side < 2; side++)
		for (unsigned i = 0; i < opt.calls; i++)
			if (talk.speaks_ns[side][i] && now >= talk.speaks_ns[side][i]) {
				peer_start(talk.peer[side], i, &talk.to_kedge[side][i], i, 0, now);
				talk.speaks_ns[side][i] = 0;
			}
}

/* The caller's 200: ACK, and speech. */
static void on_caller(const char *text)
{
	char to[512], contact[512], uri[256];
	unsigned call;
	union peer_addr rtp;

	if (strncmp(text, "SIP/2.0 200", 11) || !strstr(text, "INVITE\r\n") || sscanf(lines(text, "To:", to, sizeof to), "To: <sip:2%u", &call) != 1 ||
	    call >= opt.calls || sscanf(lines(text, "Contact:", contact, sizeof contact), "%*[^<]<%255[^>]", uri) != 1 || !media_of(text, &rtp))
		return;
	strcpy(talk.uri[call], uri);
	strcpy(talk.to[call], to);
	in_dialog(call, "ACK", 1);
	talk.to_kedge[0][call] = rtp;
	speak_soon(0, call);
	talk.up++;
}

/* The carrier answers each INVITE, and probes; it speaks after the ACK. */
static void on_carrier(const char *text, const struct sockaddr_in *from)
{
	char via[1024], from_line[512], to[512], id[256], cseq[128], body[512] = "", reply[MESSAGE];
	bool is_invite = !strncmp(text, "INVITE ", 7);
	union peer_addr rtp;
	unsigned call = 0;

	lines(text, "To:", to, sizeof to);
	if (!strncmp(text, "ACK ", 4) && sscanf(to, "To: <sip:2%u", &call) == 1 && call < opt.calls)
		speak_soon(1, call);
	if (!strncmp(text, "ACK ", 4) || !strncmp(text, "SIP/", 4))
		return;
	if (is_invite && sscanf(to, "To: <sip:2%u", &call) == 1 && call < opt.calls && media_of(text, &rtp)) {
		sdp_of(body, sizeof body, talk.carrier_ip, RTP_PORT + 4 * call);
		talk.to_kedge[1][call] = rtp;
	}
	to[strcspn(to, "\r")] = 0;
	snprintf(reply, sizeof reply, "SIP/2.0 200 OK\r\n%s%s%s%s\r\n%s%sContact: <sip:%s:%d>\r\n%sContent-Length: %zu\r\n\r\n%s", lines(text, "Via:", via, sizeof via),
		lines(text, "From:", from_line, sizeof from_line), to, strstr(to, "tag=") ? "" : ";tag=c", lines(text, "Call-ID:", id, sizeof id),
		lines(text, "CSeq:", cseq, sizeof cseq), talk.carrier_ip, TALK_PORT, *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	put(talk.carrier, from, reply);
}

static bool take(int s, char *text, struct sockaddr_in *from)
{
	socklen_t size = sizeof *from;
	ssize_t n = recvfrom(s, text, MESSAGE - 1, 0, (struct sockaddr *)from, &size);

	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

static void *talk_run(void *arg)
{
	struct pollfd fds[4] = { { .fd = talk.caller, .events = POLLIN }, { .fd = talk.carrier, .events = POLLIN },
		{ .fd = peer_fd(talk.peer[0]), .events = POLLIN }, { .fd = peer_fd(talk.peer[1]), .events = POLLIN } };
	char text[MESSAGE];
	struct sockaddr_in from;

	(void)arg;
	while (!atomic_load_explicit(&talk.ended, memory_order_acquire)) {
		uint64_t now = stage_now_ns(), a = peer_step(talk.peer[0], now), b = peer_step(talk.peer[1], now), next = a < b ? a : b;
		struct timespec wait = { .tv_nsec = next > now ? next - now > 5000000 ? 5000000 : (long)(next - now) : 0 };

		speak(now);
		ppoll(fds, 4, &wait, NULL);
		while (take(talk.caller, text, &from))
			on_caller(text);
		while (take(talk.carrier, text, &from))
			on_carrier(text, &from);
	}
	return NULL;
}

static int talk_start(void)
{
	struct timespec pace = { .tv_nsec = 20000000 };

	talk.caller = bound(1, 3, TALK_PORT);
	talk.carrier = bound(2, 1, TALK_PORT);
	stage_ip(bench.slot, 1, 3, talk.caller_ip);
	stage_ip(bench.slot, 2, 1, talk.carrier_ip);
	talk.peer[0] = ends(1, 3, 1);
	talk.peer[1] = ends(2, 1, 2);
	if (talk.caller < 0 || talk.carrier < 0 || !talk.peer[0] || !talk.peer[1] || pthread_create(&talk.thread, NULL, talk_run, NULL))
		return -1;
	for (unsigned i = 0; i < opt.calls; i++) {
		invite(i);
		nanosleep(&pace, NULL);
	}
	sleep(1);
	return 0;
}

/* Quiet on both sides, what is under way arrives, then the counts. */
static void talk_stop(struct half *h)
{
	struct peer_counts c[2];

	peer_stop_all(talk.peer[0]);
	peer_stop_all(talk.peer[1]);
	usleep(300000);
	for (unsigned i = 0; i < opt.calls; i++)
		in_dialog(i, "BYE", 2);
	usleep(300000);
	atomic_store_explicit(&talk.ended, true, memory_order_release);
	pthread_join(talk.thread, NULL);
	for (int i = 0; i < 2; i++)
		peer_totals(talk.peer[i], &c[i]);
	h->packets = c[0].heard + c[1].heard;
	/* Of what one side said before it stopped, all must be at the other. */
	h->faults = peer_faults(&c[0]) + peer_faults(&c[1]) + (c[0].sent > c[1].heard ? c[0].sent - c[1].heard : 0) +
		(c[1].sent > c[0].heard ? c[1].sent - c[0].heard : 0);
	if (talk.up < opt.calls)
		h->faults += opt.calls - talk.up;
	for (int i = 0; i < 2; i++)
		peer_close(talk.peer[i]);
	close(talk.caller);
	close(talk.carrier);
	talk.up = 0;
	atomic_store_explicit(&talk.ended, false, memory_order_release);
}

/* ---- strangers ---- */

static struct {
	int socket[STRANGERS];
	pthread_t thread;
	atomic_bool ended;
	uint64_t asked, answered;
} crowd;

static void ask(unsigned n)
{
	static const char *const method[] = { "INVITE", "OPTIONS", "REGISTER" };
	const char *m = method[n % 3];
	char text[MESSAGE];

	snprintf(text, sizeof text, "%s sip:100@kedge SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKs%u;rport\r\nFrom: <sip:100@kedge>;tag=s%u\r\nTo: <sip:100@kedge>\r\n"
		"Call-ID: s%u\r\nCSeq: 1 %s\r\nContact: <sip:100@10.0.0.1>\r\nMax-Forwards: 70\r\nUser-Agent: crowd\r\nContent-Length: 0\r\n\r\n", m, n, n, n, m);
	put(crowd.socket[n % STRANGERS], &talk.kedge, text);
}

static void *crowd_run(void *arg)
{
	uint64_t start = stage_now_ns();
	struct timespec pace = { .tv_nsec = 1000000 };
	char text[MESSAGE];
	struct sockaddr_in from;

	(void)arg;
	while (!atomic_load_explicit(&crowd.ended, memory_order_acquire)) {
		for (uint64_t due = (stage_now_ns() - start) / 1000000 * opt.rate / 1000; crowd.asked < due; crowd.asked++)
			ask((unsigned)crowd.asked);
		for (int i = 0; i < STRANGERS; i++)
			while (take(crowd.socket[i], text, &from))
				crowd.answered++;
		nanosleep(&pace, NULL);
	}
	return NULL;
}

static int crowd_open(void)
{
	for (int i = 0; i < STRANGERS; i++)
		if ((crowd.socket[i] = bound(8, 1 + i, 5060)) < 0)
			return -1;
	return 0;
}

/* ---- measuring ---- */

static struct probe *open_probe(void)
{
	char caller[INET_ADDRSTRLEN], kedge[INET_ADDRSTRLEN], ip[PROBE_CARRIERS][INET_ADDRSTRLEN];
	const char *carriers[PROBE_CARRIERS];

	for (int i = 0; i < PROBE_CARRIERS; i++)
		carriers[i] = stage_ip(bench.slot, 2, 2 + i, ip[i]);
	return probe_open(stage_ip(bench.slot, 1, 2, caller), carriers, stage_ip(bench.slot, 3, 1, kedge), PROBE_RATE);
}

static int measure(bool flooded, struct half *h)
{
	struct probe_result times;
	struct probe *probe;

	*h = (struct half){ 0 };
	crowd.asked = crowd.answered = 0;
	if (start_kedge() || talk_start() || !(probe = open_probe()))
		return -1;
	atomic_store_explicit(&crowd.ended, false, memory_order_release);
	if (flooded && pthread_create(&crowd.thread, NULL, crowd_run, NULL))
		return -1;
	sleep(opt.seconds);
	probe_close(probe, &times);
	atomic_store_explicit(&crowd.ended, true, memory_order_release);
	if (flooded)
		pthread_join(crowd.thread, NULL);
	talk_stop(h);
	h->p50_ms = probe_quantile(&times.answered, 0.5) / 1000;
	h->p99_ms = probe_quantile(&times.answered, 0.99) / 1000;
	h->setups = times.answered.count + times.next.count;
	h->lost_setups = times.lost;
	h->asked = crowd.asked;
	h->answered = crowd.answered;
	probe_free(&times);
	stage_end(bench.kedge);
	bench.kedge = 0;
	return 0;
}

/* ---- results ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double v[], unsigned n)
{
	qsort(v, n, sizeof v[0], by_value);
	return v[n / 2];
}

struct result {
	double without, with, ratio; /* p99, ms: medians, and of the runs' ratios */
	uint64_t packets, faults;
	unsigned setups, lost;
};

static struct result judge(struct half h[][2])
{
	double a[RUNS_MAX], b[RUNS_MAX];
	struct result r = { 0 };

	for (unsigned i = 0; i < opt.runs; i++) {
		a[i] = h[i][0].p99_ms;
		b[i] = h[i][1].p99_ms;
		for (int k = 0; k < 2; k++) {
			r.packets += h[i][k].packets;
			r.faults += h[i][k].faults;
			r.setups += h[i][k].setups;
			r.lost += h[i][k].lost_setups;
		}
	}
	r.without = median(a, opt.runs);
	r.with = median(b, opt.runs);
	r.ratio = r.without > 0 ? r.with / r.without : 0;
	return r;
}

static void print(struct half h[][2], const struct result *r)
{
	printf("%u strangers' requests a second, %u s, %u calls talking, 2 x %d set up a second\n\n", opt.rate, opt.seconds, opt.calls, PROBE_RATE);
	puts(" run | without p50   p99 ms | with p50   p99 ms |    asked answered | packets  faults | setups  lost");
	for (unsigned i = 0; i < opt.runs; i++)
		printf("%4u | %11.2f %8.2f | %8.2f %8.2f | %8lu %8lu | %7lu %7lu | %6u %5u\n", i + 1, h[i][0].p50_ms, h[i][0].p99_ms, h[i][1].p50_ms, h[i][1].p99_ms,
			h[i][1].asked, h[i][1].answered, h[i][0].packets + h[i][1].packets, h[i][0].faults + h[i][1].faults, h[i][0].setups + h[i][1].setups,
			h[i][0].lost_setups + h[i][1].lost_setups);
	printf("\nsetup p99, medians: %.2f ms without, %.2f ms with strangers: %+.0f %%; %lu packets, %lu faults; %u of %u set-ups lost\n", r->without, r->with,
		100 * (r->ratio - 1), r->packets, r->faults, r->lost, r->setups);
}

static void print_json(const struct result *r)
{
	printf("{\"bench\": \"flood\", \"rate\": %u, \"seconds\": %u, \"runs\": %u, \"calls\": %u, \"p99_without_ms\": %.3f, \"p99_with_ms\": %.3f, \"ratio\": %.3f, "
	       "\"packets\": %lu, \"faults\": %lu, \"setups\": %u, \"lost\": %u}\n", opt.rate, opt.seconds, opt.runs, opt.calls, r->without, r->with, r->ratio, r->packets,
		r->faults, r->setups, r->lost);
}

/* ---- the whole ---- */

static int prepare(void)
{
	char ip[INET_ADDRSTRLEN];

	stage_program(bench.program, sizeof bench.program);
	bench.slot = stage_claim(20, 99, &bench.lock);
	if (bench.slot < 0 || stage_dir("flood", bench.dir, sizeof bench.dir) || mkdir(in_dir("run"), 0755) || crowd_open()) {
		perror("flood");
		return -1;
	}
	talk.kedge = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(5060) };
	inet_pton(AF_INET, stage_ip(bench.slot, 3, 1, ip), &talk.kedge.sin_addr);
	stage_raise_files();
	speech_init();
	return 0;
}

static bool parse(int argc, char **argv)
{
	static const struct option names[] = { { "runs", 1, 0, 'n' }, { "seconds", 1, 0, 's' }, { "rate", 1, 0, 'r' }, { "calls", 1, 0, 'c' },
		{ "json", 0, 0, 'j' }, { "slo", 0, 0, 'o' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'n': opt.runs = strtoul(optarg, NULL, 10); break;
		case 's': opt.seconds = strtoul(optarg, NULL, 10); break;
		case 'r': opt.rate = strtoul(optarg, NULL, 10); break;
		case 'c': opt.calls = strtoul(optarg, NULL, 10); break;
		case 'j': opt.json = true; break;
		case 'o': opt.slo = true; break;
		default: return false;
		}
	return optind == argc && opt.runs && opt.runs <= RUNS_MAX && opt.seconds && opt.calls && opt.calls <= CALLS_MAX;
}

int main(int argc, char **argv)
{
	static struct half h[RUNS_MAX][2];
	struct result r;
	int code = 1;

	if (!parse(argc, argv)) {
		fputs("usage: flood [--runs 1-15] [--seconds N] [--rate N] [--calls 1-100] [--json] [--slo]\n", stderr);
		return 2;
	}
	if (prepare())
		goto out;
	for (unsigned i = 0; i < opt.runs; i++)
		for (int k = 0; k < 2; k++) {
			/* Which comes first changes from run to run. */
			int flooded = (int)(i + (unsigned)k) % 2;

			fprintf(stderr, "run %u of %u, %s strangers\n", i + 1, opt.runs, flooded ? "with" : "without");
			if (measure(flooded, &h[i][flooded]))
				goto out;
		}
	r = judge(h);
	if (opt.json)
		print_json(&r);
	else
		print(h, &r);
	code = opt.slo && (r.faults || r.lost || r.ratio >= 1.2);
out:
	stage_end(bench.kedge);
	stage_remove(bench.dir);
	return code;
}
