// SPDX-License-Identifier: MIT
/* trouble: what do a dead resolver, a name that never resolves and a black-holed trunk cost the calls of other trunks? A probe sets calls up through two
 * carriers with addresses; beside them stand 40 trunks by name, or one that swallows every INVITE while other callers call it. Five runs without
 * trouble give the spread that the setup times of the others are held against. bench/README.md has how to read it. Everything is on loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/call_probe.h"
#include "tests/harness/stage.h"

enum { RUNS_MAX = 15, NAMES = 40, PROBE_RATE = 25, HOLE_RATE = 10, DNS_PORT = 5353, HOLE_PORT = 5090, CALLER_PORT = 5091 };

enum trouble { NONE, DEAD_RESOLVER, NO_SUCH_NAME, BLACK_HOLE, TROUBLES };
static const char *const trouble_name[] = { "none", "dead resolver", "no such name", "black hole" };

static struct {
	unsigned base, runs, seconds;
	bool json, slo;
} opt = { .base = 5, .runs = 3, .seconds = 10 };

static struct {
	int slot, lock, dns, hole, caller;
	char dir[PATH_MAX - 64], program[PATH_MAX];
	pid_t kedge;
	pthread_t thread;
	atomic_bool ended;
	enum trouble trouble;
	unsigned asked, swallowed; /* questions, INVITEs into the hole */
} bench;

struct run {
	double p50_ms, p99_ms;
	unsigned setups, lost, asked, swallowed;
};

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
	"limits = { max_calls = 1000; };\nlog = { file = \"%2$s/kedge.log\"; };\ncdr = { file = \"%2$s/cdr.jsonl\"; };\n"
	"run = { dir = \"%2$s/run\"; state_dir = \"%2$s/state\"; drain = \"1s\"; };\ndns = { resolvers = [ \"127.%1$d.5.1:5353\", \"127.%1$d.5.1:5354\" ]; };\n"
	"trunks = (\n\t{ name = \"pbx\"; side = \"pbx\"; uri = \"sip:127.%1$d.1.1:5060\"; sources = [ \"127.%1$d.1.0/24\" ]; },\n"
	"\t{ name = \"good\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.2:5070\"; },\n"
	"\t{ name = \"bad\";  side = \"carrier\"; uri = \"sip:127.%1$d.2.3:5070\"; codes = { no_count = \"503\"; }; },\n"
	"\t{ name = \"next\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.4:5070\"; },\n"
	"\t{ name = \"hole\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.9:5090\"; }";
static const char config_end[] =
	"\n);\nprofiles = (\n\t{ name = \"good\"; targets = ( { trunk = \"good\"; } ); },\n"
	"\t{ name = \"move\"; targets = ( { trunk = \"bad\"; }, { trunk = \"next\"; } ); },\n"
	"\t{ name = \"hole\"; targets = ( { trunk = \"hole\"; }, { trunk = \"next\"; } ); }\n);\n"
	"routes = (\n\t{ name = \"good\"; from = \"pbx\"; prefix = \"" PROBE_ANSWERED "\"; profile = \"good\"; },\n"
	"\t{ name = \"move\"; from = \"pbx\"; prefix = \"" PROBE_REFUSED "\"; profile = \"move\"; },\n"
	"\t{ name = \"hole\"; from = \"pbx\"; prefix = \"7\"; profile = \"hole\"; }\n);\n";

static int start_kedge(void)
{
	FILE *f = fopen(in_dir("kedge.cfg"), "w");

	if (!f)
		return -1;
	fprintf(f, config, bench.slot, bench.dir);
	for (unsigned i = 0; i < NAMES && (bench.trouble == DEAD_RESOLVER || bench.trouble == NO_SUCH_NAME); i++)
		fprintf(f, ",\n\t{ name = \"n%u\"; side = \"carrier\"; uri = \"sip:n%u.test\"; }", i, i);
	fputs(config_end, f);
	if (fclose(f) || stage_kedge(bench.program, in_dir("kedge.cfg"), in_dir("kedge.log"), in_dir("kedge.out"), &bench.kedge)) {
		fprintf(stderr, "trouble: kedge run did not start: %s\n", in_dir("kedge.out"));
		return -1;
	}
	return 0;
}

/* ---- the troubles ---- */

static int bound(int net, int host, int port)
{
	char ip[INET_ADDRSTRLEN];

	return stage_udp(stage_ip(bench.slot, net, host, ip), port);
}

/* Silence, or NXDOMAIN with the question as it came. */
static void answer_dns(void)
{
	uint8_t p[512];
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	ssize_t n;

	while ((n = recvfrom(bench.dns, p, sizeof p, 0, (struct sockaddr *)&from, &size)) >= 12) {
		bench.asked++;
		if (bench.trouble != NO_SUCH_NAME)
			continue;
		p[2] = 0x81;
		p[3] = 0x83;
		(void)!sendto(bench.dns, p, (size_t)n, 0, (struct sockaddr *)&from, size);
	}
}

static void swallow(void)
{
	char p[4096];
	ssize_t n;

	while ((n = recv(bench.hole, p, sizeof p, 0)) > 0)
		bench.swallowed += n > 6 && !memcmp(p, "INVITE", 6);
	while (recv(bench.caller, p, sizeof p, 0) > 0)
		continue;
}

static void call_hole(unsigned n)
{
	static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n";
	struct sockaddr_in kedge = { .sin_family = AF_INET, .sin_port = htons(5060) };
	char text[2048], here[INET_ADDRSTRLEN], there[INET_ADDRSTRLEN];

	stage_ip(bench.slot, 1, 4, here);
	inet_pton(AF_INET, stage_ip(bench.slot, 3, 1, there), &kedge.sin_addr);
	snprintf(text, sizeof text, "INVITE sip:7%07u@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bKh%u\r\nFrom: <sip:h@%s>;tag=h%u\r\nTo: <sip:7%07u@%s>\r\n"
		"Call-ID: hole-%u\r\nCSeq: 1 INVITE\r\nContact: <sip:h@%s:%d>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
		n, there, here, CALLER_PORT, n, here, n, n, there, n, here, CALLER_PORT, sizeof sdp - 1, sdp);
	(void)!sendto(bench.caller, text, strlen(text), 0, (struct sockaddr *)&kedge, sizeof kedge);
}

static void *trouble_run(void *arg)
{
	struct pollfd fds[] = { { .fd = bench.dns, .events = POLLIN }, { .fd = bench.hole, .events = POLLIN } };
	uint64_t start = stage_now_ns();
	unsigned called = 0;

	(void)arg;
	while (!atomic_load_explicit(&bench.ended, memory_order_acquire)) {
		poll(fds, 2, 20);
		answer_dns();
		swallow();
		for (; bench.trouble == BLACK_HOLE && called < (stage_now_ns() - start) / (1000000000 / HOLE_RATE); called++)
			call_hole(called);
	}
	return NULL;
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

static int measure(enum trouble trouble, struct run *r)
{
	struct probe_result times;
	struct probe *probe;

	bench.trouble = trouble;
	bench.asked = bench.swallowed = 0;
	atomic_store_explicit(&bench.ended, false, memory_order_release);
	if (pthread_create(&bench.thread, NULL, trouble_run, NULL) || start_kedge() || !(probe = open_probe()))
		return -1;
	sleep(opt.seconds);
	probe_close(probe, &times);
	atomic_store_explicit(&bench.ended, true, memory_order_release);
	pthread_join(bench.thread, NULL);
	*r = (struct run){ probe_quantile(&times.answered, 0.5) / 1000, probe_quantile(&times.answered, 0.99) / 1000,
		times.answered.count + times.next.count, times.lost, bench.asked, bench.swallowed };
	probe_free(&times);
	stage_end(bench.kedge);
	bench.kedge = 0;
	fprintf(stderr, "%-14s p99 %.2f ms\n", trouble_name[trouble], r->p99_ms);
	return 0;
}

/* ---- results ---- */

static int by_p99(const void *a, const void *b)
{
	double x = ((const struct run *)a)->p99_ms, y = ((const struct run *)b)->p99_ms;

	return (x > y) - (x < y);
}

static unsigned lost(const struct run *r, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += r[i].lost;
	return sum;
}

/* All of each trouble, sorted by p99. True: medians within the spread of the runs without, nothing lost. */
static bool judge(struct run all[TROUBLES][RUNS_MAX])
{
	const struct run *most = &all[NONE][opt.base - 1];
	bool good = !lost(all[NONE], opt.base);

	for (int t = 1; t < TROUBLES; t++)
		good &= all[t][opt.runs / 2].p99_ms <= most->p99_ms && !lost(all[t], opt.runs);
	return good;
}

static void print(struct run all[TROUBLES][RUNS_MAX], bool good)
{
	printf("%d set-ups a second through other trunks, %u s a run; %d names, %d calls a second into the hole\n\n", 2 * PROBE_RATE, opt.seconds, NAMES, HOLE_RATE);
	puts(" trouble        | runs | setup p50   p99 ms median (least - most) | set-ups  lost | DNS questions  INVITEs swallowed");
	for (int t = 0; t < TROUBLES; t++) {
		unsigned n = t ? opt.runs : opt.base;
		const struct run *r = &all[t][n / 2];

		printf(" %-14s | %4u | %9.2f %8.2f (%.2f - %.2f) %13s | %7u %5u | %13u %18u\n", trouble_name[t], n, r->p50_ms, r->p99_ms, all[t][0].p99_ms, all[t][n - 1].p99_ms, "",
			r->setups, lost(all[t], n), r->asked, r->swallowed);
	}
	printf("\n%s\n", good ? "each within the spread of the runs without" : "NOT within the spread of the runs without");
}

static void print_json(struct run all[TROUBLES][RUNS_MAX], bool good)
{
	printf("{\"bench\": \"trouble\", \"seconds\": %u, \"good\": %s", opt.seconds, good ? "true" : "false");
	for (int t = 0; t < TROUBLES; t++) {
		unsigned n = t ? opt.runs : opt.base;

		printf(", \"%s\": {\"p99_ms\": %.3f, \"least_ms\": %.3f, \"most_ms\": %.3f, \"lost\": %u}", trouble_name[t], all[t][n / 2].p99_ms, all[t][0].p99_ms,
			all[t][n - 1].p99_ms, lost(all[t], n));
	}
	puts("}");
}

/* ---- the whole ---- */

static int prepare(void)
{
	stage_program(bench.program, sizeof bench.program);
	bench.slot = stage_claim(20, 99, &bench.lock);
	if (bench.slot < 0 || stage_dir("trouble", bench.dir, sizeof bench.dir) || mkdir(in_dir("run"), 0755) || (bench.dns = bound(5, 1, DNS_PORT)) < 0 ||
	    (bench.hole = bound(2, 9, HOLE_PORT)) < 0 || (bench.caller = bound(1, 4, CALLER_PORT)) < 0) {
		perror("trouble");
		return -1;
	}
	return 0;
}

static bool parse(int argc, char **argv)
{
	static const struct option names[] = { { "base", 1, 0, 'b' }, { "runs", 1, 0, 'n' }, { "seconds", 1, 0, 's' }, { "json", 0, 0, 'j' }, { "slo", 0, 0, 'o' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'b': opt.base = strtoul(optarg, NULL, 10); break;
		case 'n': opt.runs = strtoul(optarg, NULL, 10); break;
		case 's': opt.seconds = strtoul(optarg, NULL, 10); break;
		case 'j': opt.json = true; break;
		case 'o': opt.slo = true; break;
		default: return false;
		}
	return optind == argc && opt.runs && opt.runs <= RUNS_MAX && opt.base && opt.base <= RUNS_MAX && opt.seconds;
}

int main(int argc, char **argv)
{
	static struct run all[TROUBLES][RUNS_MAX];
	unsigned most;
	bool good;
	int code = 1;

	if (!parse(argc, argv)) {
		fputs("usage: trouble [--base 1-15] [--runs 1-15] [--seconds N] [--json] [--slo]\n", stderr);
		return 2;
	}
	if (prepare())
		goto out;
	most = opt.base > opt.runs ? opt.base : opt.runs;
	for (unsigned i = 0; i < most; i++) /* in turn, so that a noisy minute is everybody's */
		for (int t = 0; t < TROUBLES; t++)
			if (i < (t ? opt.runs : opt.base) && measure(t, &all[t][i]))
				goto out;
	for (int t = 0; t < TROUBLES; t++)
		qsort(all[t], t ? opt.runs : opt.base, sizeof all[t][0], by_p99);
	good = judge(all);
	if (opt.json)
		print_json(all, good);
	else
		print(all, good);
	code = opt.slo && !good;
out:
	stage_end(bench.kedge);
	stage_remove(bench.dir);
	return code;
}
