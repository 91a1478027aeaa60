// SPDX-License-Identifier: MIT
/* call_rate (A15 A119): what does a call cost, how many a second, and how quick is it? SIPp calls through both planes, no RTP; beside its load a
 * probe of a few lines (call_probe) measures by the kernel's stamps: INVITE to 200, 503 to next INVITE, the callee's 486 to the caller's.
 * bench/README.md has how to read it. Needs sipp; everything is on loopback. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/call_probe.h"
#include "tests/harness/stage.h"

enum { RATES_MAX = 12, RUNS_MAX = 9, PLANES = 3, PROBE_RATE = 25, HELD_RATE = 200, SETTLE_MS = 35000 };

struct options {
	unsigned rates[RATES_MAX], rates_count, runs, seconds, held;
	bool json, slo, prack;
	unsigned flight_mb; /* of the flight recorder; 0: it is off */
};

static struct options opt = { .rates = { 100, 200, 400, 800, 1200, 1500 }, .rates_count = 6, .runs = 3, .seconds = 5, .held = 2000, .flight_mb = 64 };

/* One rate: of one run, or the medians of all. */
struct row {
	unsigned rate;
	double calls, failed, lost;
	double us[PLANES];         /* CPU per call: kedge run, kedge-media, kedge-sig; the last of the table is their sum */
	double total_us, ok_p50, ok_p99, next_p50, next_p99, final_p50, final_p99;
};

struct held {
	/* Bytes of PSS: idle; all up, transactions of their set-up still there; all up and those gone (64 T1). */
	double idle, fresh, full, plane[PLANES];
	unsigned calls;
};

static struct {
	int slot, lock;
	char dir[128], program[PATH_MAX];
	pid_t kedge, carrier, pbx;
	pid_t plane[PLANES];
	bool tty;
} bench;

static volatile sig_atomic_t stopped;

static void on_signal(int n)
{
	stopped = n;
}

static const char *in_dir(const char *name)
{
	static char path[4][PATH_MAX];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", bench.dir, name);
	return path[turn];
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Progress: one line that is rewritten on a terminal, else a line each. */
static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs(bench.tty ? "\r\033[K" : "", stderr);
	vfprintf(stderr, format, args);
	fputs(bench.tty ? "" : "\n", stderr);
	va_end(args);
	fflush(stderr);
}

/* ---- files ---- */

static const char config[] =
	"interfaces = (\n\t{ name = \"inside\"; address = \"127.%1$d.3.1\"; rtp_ports = \"20000-32767\"; },\n"
	"\t{ name = \"outside\"; address = \"127.%1$d.4.1\"; rtp_ports = \"20000-32767\"; }\n);\n"
	"limits = { max_calls = %2$u; };\nlog = { file = \"%3$s/kedge.log\"; };\ncdr = { file = \"%3$s/cdr.jsonl\"; };\n"
	"run = { dir = \"%3$s/run\"; drain = \"1s\"; };\nadmin = { flight_mb = %4$u; };\n"
	"trunks = (\n\t{ name = \"pbx\"; side = \"pbx\"; uri = \"sip:127.%1$d.1.1:5060\"; sources = [ \"127.%1$d.1.0/24\" ]; },\n"
	"\t{ name = \"load\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.1:5060\"; },\n"
	"\t{ name = \"good\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.2:5070\"; },\n"
	"\t{ name = \"bad\";  side = \"carrier\"; uri = \"sip:127.%1$d.2.3:5070\"; codes = { no_count = \"503\"; }; },\n"
	"\t{ name = \"next\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.4:5070\"; }\n);\n"
	"profiles = (\n\t{ name = \"load\"; targets = ( { trunk = \"load\"; } ); },\n\t{ name = \"good\"; targets = ( { trunk = \"good\"; } ); },\n"
	"\t{ name = \"move\"; targets = ( { trunk = \"bad\"; }, { trunk = \"next\"; } ); }\n);\n"
	"routes = (\n\t{ name = \"load\"; from = \"pbx\"; profile = \"load\"; },\n"
	"\t{ name = \"good\"; from = \"pbx\"; prefix = \"" PROBE_ANSWERED "\"; profile = \"good\"; },\n"
	"\t{ name = \"move\"; from = \"pbx\"; prefix = \"" PROBE_REFUSED "\"; profile = \"move\"; }\n);\n";

#define SDP \
	"Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=- 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\n" \
	"m=audio 30000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
#define HEAD(method, uri, branch, cseq, to) \
	method " " uri " SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-" branch "\n" \
	"From: <sip:1001@[local_ip]>;tag=[pid]-[call_number]\n" to "\nCall-ID: [call_id]\nCSeq: " cseq "\nContact: <sip:1001@[local_ip]:[local_port]>\n" \
	"Max-Forwards: 70\n"
#define ANSWER(status, attrs, body) \
	"<send" attrs "><![CDATA[\n\nSIP/2.0 " status "\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]-[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n" \
	"Contact: <sip:[local_ip]:[local_port]>\n" body "\n]]></send>\n"

static const char pbx_xml[] =
	"<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"pbx\">\n<send retrans=\"500\"><![CDATA[\n\n"
	HEAD("INVITE", "sip:2[call_number]@[remote_ip]:[remote_port]", "i", "1 INVITE", "To: <sip:2[call_number]@[remote_ip]>") SDP "\n]]></send>\n"
	"<recv response=\"100\" optional=\"true\"/>\n<recv response=\"180\" optional=\"true\"/>\n<recv response=\"200\" rrs=\"true\"/>\n"
	"<send><![CDATA[\n\n" HEAD("ACK", "[next_url]", "a", "1 ACK", "[last_To:]") "Content-Length: 0\n\n]]></send>\n"
	"<pause milliseconds=\"%u\"/>\n"
	"<send retrans=\"500\"><![CDATA[\n\n" HEAD("BYE", "[next_url]", "b", "2 BYE", "[last_To:]") "Content-Length: 0\n\n]]></send>\n"
	"<recv response=\"200\"/>\n</scenario>\n";

static const char carrier_xml[] =
	"<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"carrier\">\n<recv request=\"INVITE\"/>\n"
	ANSWER("180 Ringing", "", "Content-Length: 0\n") ANSWER("200 OK", " retrans=\"500\"", SDP)
	"<recv request=\"ACK\"/>\n<recv request=\"BYE\"/>\n"
	"<send><![CDATA[\n\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>\n"
	"</scenario>\n";

/* --prack: the carrier's SDP is in a reliable 183, acknowledged on both legs. */
static const char pbx_prack_xml[] =
	"<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"pbx\">\n<send retrans=\"500\"><![CDATA[\n\n"
	HEAD("INVITE", "sip:2[call_number]@[remote_ip]:[remote_port]", "i", "1 INVITE", "To: <sip:2[call_number]@[remote_ip]>")
	"Supported: 100rel\n" SDP "\n]]></send>\n"
	"<recv response=\"100\" optional=\"true\"/>\n<recv response=\"183\" rrs=\"true\"><action>"
	"<ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"RSeq:\" assign_to=\"rseq\"/></action></recv>\n"
	"<send retrans=\"500\"><![CDATA[\n\n" HEAD("PRACK", "[next_url]", "p", "2 PRACK", "[last_To:]") "RAck: [$rseq] 1 INVITE\nContent-Length: 0\n\n]]></send>\n"
	"<recv response=\"200\"/>\n<recv response=\"200\" rrs=\"true\"/>\n"
	"<send><![CDATA[\n\n" HEAD("ACK", "[next_url]", "a", "1 ACK", "[last_To:]") "Content-Length: 0\n\n]]></send>\n"
	"<pause milliseconds=\"%u\"/>\n"
	"<send retrans=\"500\"><![CDATA[\n\n" HEAD("BYE", "[next_url]", "b", "3 BYE", "[last_To:]") "Content-Length: 0\n\n]]></send>\n"
	"<recv response=\"200\"/>\n</scenario>\n";

#define KEEP(header, name) "<ereg regexp=\".*\" search_in=\"hdr\" header=\"" header "\" assign_to=\"" name "\"/>"
#define OK "<send><![CDATA[\n\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>\n"
static const char carrier_prack_xml[] =
	"<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"carrier\">\n<recv request=\"INVITE\"><action>"
	KEEP("Via:", "via") KEEP("CSeq:", "cseq") KEEP("To:", "to") "</action></recv>\n"
	ANSWER("183 Session Progress", " retrans=\"500\"", "Require: 100rel\nRSeq: 1\n" SDP) "<recv request=\"PRACK\"/>\n" OK
	"<send retrans=\"500\"><![CDATA[\n\nSIP/2.0 200 OK\nVia:[$via]\n[last_From:]\nTo:[$to];tag=[pid]-[call_number]\n[last_Call-ID:]\nCSeq:[$cseq]\n"
	"Contact: <sip:[local_ip]:[local_port]>\nContent-Length: 0\n\n]]></send>\n"
	"<recv request=\"ACK\"/>\n<recv request=\"BYE\"/>\n" OK "</scenario>\n";

static int write_file(const char *path, const char *format, ...)
{
	va_list args;
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	return fclose(f) ? -errno : 0;
}

/* ---- processes ---- */

/* kedge run and its children, in the order of struct row.us. */
static void find_planes(void)
{
	char path[64], name[32];
	int pid;
	FILE *f;

	memset(bench.plane, 0, sizeof bench.plane);
	bench.plane[0] = bench.kedge;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", bench.kedge, bench.kedge);
	if (!(f = fopen(path, "r")))
		return;
	while (fscanf(f, "%d", &pid) == 1) {
		snprintf(path, sizeof path, "/proc/%d/comm", pid);
		FILE *c = fopen(path, "r");
		if (c && fgets(name, sizeof name, c))
			bench.plane[strncmp(name, "kedge-sig", 9) ? 1 : 2] = pid;
		if (c)
			fclose(c);
	}
	fclose(f);
}

/* CPU of all threads of a process. */
static uint64_t cpu_ns(pid_t pid)
{
	char path[64];
	uint64_t sum = 0;
	unsigned long long one;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	if (!pid || !(d = opendir(path)))
		return 0;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%.16s/schedstat", pid, e->d_name);
		FILE *f = fopen(path, "r");
		if (f && fscanf(f, "%llu", &one) == 1)
			sum += one;
		if (f)
			fclose(f);
	}
	closedir(d);
	return sum;
}

static double pss_of(pid_t pid)
{
	char path[64], line[128];
	double kb = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	if (!pid || !(f = fopen(path, "r")))
		return 0;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "Pss: %lf kB", &kb) == 1)
			break;
	fclose(f);
	return kb * 1024;
}

static double pss_all(void)
{
	return pss_of(bench.plane[0]) + pss_of(bench.plane[1]) + pss_of(bench.plane[2]);
}

static int start_kedge(unsigned max_calls)
{
	if (write_file(in_dir("kedge.cfg"), config, bench.slot, max_calls, bench.dir, opt.flight_mb))
		return -1;
	if (stage_kedge(bench.program, in_dir("kedge.cfg"), in_dir("kedge.log"), in_dir("kedge.out"), &bench.kedge)) {
		fprintf(stderr, "call_rate: kedge run did not start: %s\n", in_dir("kedge.out"));
		return -1;
	}
	find_planes();
	return 0;
}

static void stop_kedge(void)
{
	stage_end(bench.kedge);
	bench.kedge = 0;
}

/* SIPp as carrier (target NULL) or as PBX. */
static pid_t start_sipp(const char *xml, int net, const char *target, unsigned rate, unsigned calls)
{
	char ip[INET_ADDRSTRLEN], own[INET_ADDRSTRLEN], r[16], m[16];
	const char *name = target ? "pbx" : "carrier";
	char file[PATH_MAX], stat[PATH_MAX], errors[PATH_MAX];
	char *argv[40] = { "sipp", "-sf", file, "-i", ip, "-bind_local", "-p", "5060", "-mi", own, "-ci", own, "-nostdin", "-timer_resol", "1", "-aa",
		"-skip_rlimit", "-deadcall_wait", "0", "-trace_err", "-error_file", errors, "-trace_stat", "-stf", stat, "-fd", "1" };
	int n = 27;

	snprintf(file, sizeof file, "%s/%s.xml", bench.dir, name);
	snprintf(stat, sizeof stat, "%s/%s.csv", bench.dir, name);
	snprintf(errors, sizeof errors, "%s/%s.err", bench.dir, name);
	unlink(stat);
	stage_ip(bench.slot, net, 1, ip);
	stage_ip(bench.slot, 9, net, own);
	if (write_file(file, "%s", xml))
		return -1;
	if (target) {
		snprintf(r, sizeof r, "%u", rate);
		snprintf(m, sizeof m, "%u", calls);
		const char *more[] = { "-r", r, "-m", m, "-l", "1000000", target };
		for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
			argv[n++] = (char *)more[i];
	}
	char out[PATH_MAX];
	snprintf(out, sizeof out, "%s/%s.out", bench.dir, name);
	return stage_spawn(out, argv);
}

/* A column of the last line of a SIPp statistics file; -1 if there is none yet. */
static double stat_of(const char *name, const char *column)
{
	static char head[16384], line[16384], last[16384];
	FILE *f = fopen(in_dir(name), "r");
	char *save = NULL;
	int at = -1, i = 0;

	if (!f)
		return -1;
	last[0] = 0;
	if (fgets(head, sizeof head, f))
		while (fgets(line, sizeof line, f))
			if (strchr(line, '\n'))
				strcpy(last, line);
	fclose(f);
	for (char *t = strtok_r(head, ";", &save); t; t = strtok_r(NULL, ";", &save), i++)
		if (strcmp(t, column) == 0)
			at = i;
	/* Empty fields count: no strtok here. */
	char *field = last;
	for (i = 0; field && i < at; i++)
		field = strchr(field, ';') ? strchr(field, ';') + 1 : NULL;
	return at >= 0 && field && *last ? atof(field) : -1;
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

/* In ms. */
static void quantiles(const struct probe_times *t, double *p50, double *p99)
{
	*p50 = probe_quantile(t, 0.5) / 1000;
	*p99 = probe_quantile(t, 0.99) / 1000;
}

/* SIPp's calls at this rate, with the probe beside. */
static int measure(unsigned rate, struct row *out)
{
	unsigned calls = rate * opt.seconds;
	char target[64], ip[INET_ADDRSTRLEN], xml[sizeof pbx_prack_xml + 16];
	uint64_t before[PLANES];
	struct probe_result times;
	struct probe *probe = open_probe();
	int status = 0;

	if (!probe)
		return -1;
	snprintf(target, sizeof target, "%s:5060", stage_ip(bench.slot, 3, 1, ip));
	snprintf(xml, sizeof xml, opt.prack ? pbx_prack_xml : pbx_xml, 1u);
	for (int i = 0; i < PLANES; i++)
		before[i] = cpu_ns(bench.plane[i]);
	bench.pbx = start_sipp(xml, 1, target, rate, calls);
	while (!stopped && !stage_gone(bench.pbx, 500, &status) && stat_of("pbx.csv", "ElapsedTime(C)") != -2)
		if (bench.tty)
			say("%u calls/s: %.0f of %u calls, failed %.0f", rate, stat_of("pbx.csv", "TotalCallCreated"), calls, stat_of("pbx.csv", "FailedCall(C)"));
	bench.pbx = 0;
	probe_close(probe, &times);
	*out = (struct row){ .rate = rate, .calls = stat_of("pbx.csv", "SuccessfulCall(C)"), .failed = stat_of("pbx.csv", "FailedCall(C)"), .lost = times.lost };
	/* The probe's calls are calls too; the moved ones have a second leg instead of an answer. */
	double all = out->calls + out->failed + times.answered.count + times.next.count;
	for (int i = 0; i < PLANES; i++) {
		out->us[i] = (cpu_ns(bench.plane[i]) - before[i]) / 1000.0 / all;
		out->total_us += out->us[i];
	}
	quantiles(&times.answered, &out->ok_p50, &out->ok_p99);
	quantiles(&times.next, &out->next_p50, &out->next_p99);
	quantiles(&times.final, &out->final_p50, &out->final_p99);
	probe_free(&times);
	return stopped ? -1 : 0;
}

static int measure_held(struct held *out)
{
	unsigned hold_ms = opt.held * 1000 / HELD_RATE + SETTLE_MS + 5000;
	char target[64], ip[INET_ADDRSTRLEN], xml[sizeof pbx_prack_xml + 16];
	int status;

	if (start_kedge(opt.held + 50))
		return -1;
	sleep(1);
	out->idle = pss_all();
	for (int i = 0; i < PLANES; i++)
		out->plane[i] = -pss_of(bench.plane[i]);
	snprintf(target, sizeof target, "%s:5060", stage_ip(bench.slot, 3, 1, ip));
	snprintf(xml, sizeof xml, opt.prack ? pbx_prack_xml : pbx_xml, hold_ms);
	bench.pbx = start_sipp(xml, 1, target, HELD_RATE, opt.held);
	for (uint64_t end = stage_now_ns() + hold_ms * 1000000ull; !stopped && stage_now_ns() < end; usleep(200000)) {
		double up = stat_of("pbx.csv", "CurrentCall"), made = stat_of("pbx.csv", "TotalCallCreated");
		say("memory: %.0f of %u calls up", up, opt.held);
		if (made == opt.held && up == opt.held && !out->calls) {
			out->calls = opt.held;
			out->fresh = pss_all();
		}
		if (up == opt.held && stage_now_ns() > end - 3500 * 1000000ull)
			break;
		usleep(bench.tty ? 0 : 4000000);
	}
	out->full = pss_all();
	for (int i = 0; i < PLANES; i++)
		out->plane[i] += pss_of(bench.plane[i]);
	stage_gone(bench.pbx, stopped ? 0 : 60000, &status);
	stage_end(bench.pbx);
	bench.pbx = 0;
	stop_kedge();
	return out->calls ? 0 : -1;
}

/* ---- results ---- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* struct row is doubles behind its rate: medians field by field, but the worst of what must be 0. */
static struct row median(struct row run[], unsigned runs)
{
	struct row out = run[0];
	double v[RUNS_MAX];

#define MEDIAN(field) \
	for (unsigned r = 0; r < runs; r++) \
		v[r] = run[r].field; \
	qsort(v, runs, sizeof v[0], by_value); \
	out.field = v[runs / 2]
	MEDIAN(total_us);
	MEDIAN(us[0]);
	MEDIAN(us[1]);
	MEDIAN(us[2]);
	MEDIAN(ok_p50);
	MEDIAN(ok_p99);
	MEDIAN(next_p50);
	MEDIAN(next_p99);
	MEDIAN(final_p50);
	MEDIAN(final_p99);
#undef MEDIAN
	for (unsigned r = 1; r < runs; r++) {
		out.calls += run[r].calls;
		out.failed += run[r].failed;
		out.lost += run[r].lost;
	}
	return out;
}

static bool clean(const struct row *r)
{
	return r->failed == 0 && r->lost == 0 && r->ok_p99 < 100;
}

static unsigned highest_clean(const struct row *row)
{
	unsigned best = 0;

	for (unsigned i = 0; i < opt.rates_count && clean(&row[i]); i++)
		best = row[i].rate;
	return best;
}

static void machine(char *out, size_t room)
{
	char line[256], cpu[128] = "unknown CPU";
	struct utsname u;
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "model name : %127[^\n]", cpu) == 1)
			break;
	if (f)
		fclose(f);
	uname(&u);
	snprintf(out, room, "%s, %ld cores, Linux %s", cpu, sysconf(_SC_NPROCESSORS_ONLN), u.release);
}

static double per_call(double bytes, const struct held *h)
{
	return h->calls ? bytes / h->calls / 1024 : 0;
}

static void print_table(const struct row *row, const struct held *h)
{
	char where[512], backend[32] = "?";

	machine(where, sizeof where);
	stage_log_word(in_dir("kedge.log"), "run.ready", "backend", backend, sizeof backend);
	printf("%s; %s; %u runs of %u s, medians; SIPp and kedge share the cores\n\n", where, backend, opt.runs, opt.seconds);
	puts(" calls/s    calls  failed  lost |  us/call    sig  media    run | INVITE-200 p50    p99 ms | 503-INVITE p50    p99 ms | 486-486 p50    p99 ms");
	for (unsigned i = 0; i < opt.rates_count; i++) {
		const struct row *r = &row[i];
		printf("%8u %8.0f %7.0f %5.0f | %8.0f %6.0f %6.0f %6.0f | %14.2f %9.2f | %14.2f %9.2f | %11.2f %9.2f\n", r->rate, r->calls, r->failed, r->lost,
			r->total_us, r->us[2], r->us[1], r->us[0], r->ok_p50, r->ok_p99, r->next_p50, r->next_p99, r->final_p50, r->final_p99);
	}
	printf("\nhighest clean rate (0 failed, p99 < 100 ms): %u calls/s\n", highest_clean(row));
	if (h->calls)
		printf("memory, PSS of all processes: %.1f MB idle, %.1f MB with %u calls up: %.1f KB per held call (sig %.1f, media %.1f, run %.1f); "
		       "%.1f KB while they are set up\n", h->idle / 1e6, h->full / 1e6, h->calls, per_call(h->full - h->idle, h), per_call(h->plane[2], h),
			per_call(h->plane[1], h), per_call(h->plane[0], h), per_call(h->fresh - h->idle, h));
}

static void print_json(const struct row *row, const struct held *h)
{
	char where[512];

	machine(where, sizeof where);
	printf("{\"bench\": \"call_rate\", \"machine\": \"%s\", \"runs\": %u, \"seconds\": %u,\n \"rates\": [", where, opt.runs, opt.seconds);
	for (unsigned i = 0; i < opt.rates_count; i++) {
		const struct row *r = &row[i];
		printf("%s\n  {\"rate\": %u, \"calls\": %.0f, \"failed\": %.0f, \"lost\": %.0f, \"us_per_call\": %.1f, \"sig_us\": %.1f, \"media_us\": %.1f, "
			"\"run_us\": %.1f, \"invite_200_p50_ms\": %.3f, \"invite_200_p99_ms\": %.3f, \"next_invite_p50_ms\": %.3f, \"next_invite_p99_ms\": %.3f, "
			"\"final_p50_ms\": %.3f, \"final_p99_ms\": %.3f}",
			i ? "," : "", r->rate, r->calls, r->failed, r->lost, r->total_us, r->us[2], r->us[1], r->us[0], r->ok_p50, r->ok_p99, r->next_p50,
			r->next_p99, r->final_p50, r->final_p99);
	}
	printf("\n ],\n \"highest_clean\": %u, \"held_calls\": %u, \"pss_idle\": %.0f, \"pss_held\": %.0f, \"bytes_per_held_call\": %.0f, "
	       "\"bytes_per_call_in_setup\": %.0f}\n", highest_clean(row), h->calls, h->idle, h->full, 1024 * per_call(h->full - h->idle, h),
		1024 * per_call(h->fresh - h->idle, h));
}

/* The goals, CPU and times at the lowest rate, where the generator leaves kedge a core. */
static bool goals(const struct row *row, const struct held *h)
{
	bool good = true;

#define GOAL(held, text) \
	if (!(held)) { \
		fprintf(stderr, "not held: %s\n", text); \
		good = false; \
	}
	GOAL(row[0].total_us <= 600, "600 us of CPU per call at the lowest rate");
	GOAL(row[0].next_p50 < 1, "503 to the next INVITE: median under 1 ms");
	GOAL(row[0].next_p99 < 2, "503 to the next INVITE: p99 under 2 ms");
	GOAL(row[0].final_p99 < 20, "a final that nothing else could mend: at the caller within 20 ms");
	GOAL(highest_clean(row) == row[opt.rates_count - 1].rate, "every rate clean");
	GOAL(!h->calls || per_call(h->full - h->idle, h) <= 24, "24 KB per held call");
#undef GOAL
	return good;
}

/* ---- the whole ---- */

static int prepare(void)
{
	if (!stage_have("sipp")) {
		fputs("call_rate: sipp is missing: apt-get install -y sip-tester\n", stderr);
		return -1;
	}
	stage_program(bench.program, sizeof bench.program);
	bench.slot = stage_claim(20, 99, &bench.lock);
	if (bench.slot < 0 || stage_dir("call-rate", bench.dir, sizeof bench.dir) || mkdir(in_dir("run"), 0755)) {
		perror("call_rate");
		return -1;
	}
	stage_raise_files();
	bench.tty = isatty(STDERR_FILENO);
	return (bench.carrier = start_sipp(opt.prack ? carrier_prack_xml : carrier_xml, 2, NULL, 0, 0)) > 0 ? 0 : -1;
}

static int run_all(struct row run[RATES_MAX][RUNS_MAX], struct held *h)
{
	for (unsigned r = 0; r < opt.runs; r++) {
		if (start_kedge(4000))
			return -1;
		for (unsigned i = 0; i < opt.rates_count; i++) {
			say("run %u of %u: %u calls/s", r + 1, opt.runs, opt.rates[i]);
			if (measure(opt.rates[i], &run[i][r]))
				return -1;
			sleep(1);
		}
		stop_kedge();
	}
	if (opt.held && measure_held(h))
		return -1;
	if (bench.tty)
		say("%s", "");
	return 0;
}

static bool parse(int argc, char **argv)
{
	static const struct option names[] = { { "rates", 1, 0, 'r' }, { "runs", 1, 0, 'n' }, { "seconds", 1, 0, 's' }, { "held", 1, 0, 'h' },
		{ "json", 0, 0, 'j' }, { "slo", 0, 0, 'o' }, { "prack", 0, 0, 'p' }, { "flight-mb", 1, 0, 'f' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'r':
			opt.rates_count = 0;
			for (char *at = optarg; *at && opt.rates_count < RATES_MAX; at += *at == ',')
				opt.rates[opt.rates_count++] = strtoul(at, &at, 10);
			break;
		case 'n': opt.runs = strtoul(optarg, NULL, 10); break;
		case 's': opt.seconds = strtoul(optarg, NULL, 10); break;
		case 'h': opt.held = strtoul(optarg, NULL, 10); break;
		case 'j': opt.json = true; break;
		case 'o': opt.slo = true; break;
		case 'p': opt.prack = true; break;
		case 'f': opt.flight_mb = (unsigned)strtoul(optarg, NULL, 10); break;
		default: return false;
		}
	return optind == argc && opt.rates_count && opt.rates[0] && opt.runs && opt.runs <= RUNS_MAX && opt.seconds;
}

int main(int argc, char **argv)
{
	static struct row run[RATES_MAX][RUNS_MAX], row[RATES_MAX];
	struct sigaction act = { .sa_handler = on_signal };
	struct held h = { 0 };
	int code = 1;

	if (!parse(argc, argv)) {
		fputs("usage: call_rate [--rates 100,200,...] [--runs 1-9] [--seconds N] [--held CALLS] [--prack] [--flight-mb N] [--json] [--slo]\n", stderr);
		return 2;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (prepare() == 0 && run_all(run, &h) == 0) {
		for (unsigned i = 0; i < opt.rates_count; i++)
			row[i] = median(run[i], opt.runs);
		if (opt.json)
			print_json(row, &h);
		else
			print_table(row, &h);
		code = opt.slo && !goals(row, &h);
	}
	stage_end(bench.pbx);
	stage_end(bench.carrier);
	stage_end(bench.kedge);
	stage_remove(bench.dir);
	return code;
}
