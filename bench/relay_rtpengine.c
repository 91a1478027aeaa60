// SPDX-License-Identifier: MIT
#include "bench/relay_rtpengine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/clock.h"

#define PROGRAM  "rtpengine"
#define LEARN_MS 4000 /* it learns far ends for its first 3 s: that is not what is measured */
#define ASK_MS   250  /* then the same request again, with the same cookie */
#define ASK_MOST 20

struct rtpengine {
	pid_t pid;
	int ng;               /* socket to its control port */
	unsigned cookie;
	char ip[2][48];       /* where it relays, inside and outside */
	char reply[8192];
};

bool rtpengine_there(void)
{
	const char *path = getenv("PATH");
	char file[512];

	while (path != NULL && *path != 0) {
		int n = (int)strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/" PROGRAM, n, path);
		if (access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, PROGRAM ": %s\n", what);
	exit(1);
}

/* ---- the process ----------------------------------------------------------------------------- */

static void exec_it(const struct run_options *o, const struct rtpengine *x, const char *listen)
{
	char in[96], out[96], ng[96], threads[32];
	char *argv[] = { PROGRAM, "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=3", in, out, ng,
		threads, "--port-min=20000", "--port-max=59998", "--delete-delay=0", "--timeout=3600", NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_pin_relay(o);
	snprintf(in, sizeof(in), "--interface=in/%s", x->ip[0]);
	snprintf(out, sizeof(out), "--interface=out/%s", x->ip[1]);
	snprintf(ng, sizeof(ng), "--listen-ng=%s", listen);
	snprintf(threads, sizeof(threads), "--num-threads=%u", o->workers);
	if (getenv("RTPENGINE_LOG") == NULL) {
		dup2(null, STDERR_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	execvp(PROGRAM, argv);
	_exit(127);
}

/* A control port that is free now, on an address that belongs to this run. */
static void choose_port(struct rtpengine *x, struct sockaddr_in *ng)
{
	socklen_t len = sizeof(*ng);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*ng = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f4d0001u | ((uint32_t)getpid() & 0xff) << 8) };
	need(fd >= 0 && bind(fd, (struct sockaddr *)ng, len) == 0 && getsockname(fd, (struct sockaddr *)ng, &len) == 0,
	    "no control port");
	close(fd);
	x->ng = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	need(x->ng >= 0 && connect(x->ng, (struct sockaddr *)ng, len) == 0, "no control socket");
}

/* ---- ng: COOKIE " d" KEY VALUE ... "e", strings as LENGTH ":" BYTES ----------------------------- */

struct request {
	char text[4096];
	size_t len;
};

static void add(struct request *q, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct request *q, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(q->text + q->len, sizeof(q->text) - q->len, format, ap);
	va_end(ap);
	need(n >= 0 && q->len + (size_t)n < sizeof(q->text), "a request that is too long");
	q->len += (size_t)n;
}

static void add_string(struct request *q, const char *s)
{
	add(q, "%zu:%s", strlen(s), s);
}

static void add_pair(struct request *q, const char *key, const char *value)
{
	add_string(q, key);
	add_string(q, value);
}

static void begin(struct rtpengine *x, struct request *q, const char *command)
{
	q->len = 0;
	add(q, "%d_%u d", (int)getpid(), ++x->cookie);
	add_pair(q, "command", command);
}

/* Sends it until the answer with its cookie is there. False: none came. */
static bool ask(struct rtpengine *x, struct request *q)
{
	size_t cookie = strcspn(q->text, " ") + 1;

	add(q, "e");
	for (int tries = 0; tries < ASK_MOST; tries++) {
		struct pollfd pfd = { x->ng, POLLIN, 0 };

		send(x->ng, q->text, q->len, 0);
		while (poll(&pfd, 1, ASK_MS) > 0) {
			ssize_t n = recv(x->ng, x->reply, sizeof(x->reply) - 1, 0);

			if (n < 0) { /* nobody listens yet */
				usleep(ASK_MS * 1000);
				break;
			}
			x->reply[n] = 0;
			if (strncmp(x->reply, q->text, cookie) == 0)
				return true;
		}
	}
	return false;
}

/* The value of a string key in the reply; NULL: it is not there. It says how long it is, and ends in what follows. */
static char *find(struct rtpengine *x, const char *key)
{
	char label[32], *p, *end;
	size_t n;

	snprintf(label, sizeof(label), "%zu:%s", strlen(key), key);
	p = strstr(x->reply, label);
	if (p == NULL)
		return NULL;
	n = strtoul(p + strlen(label), &end, 10);
	if (*end != ':' || n > strlen(end + 1))
		return NULL;
	end[1 + n] = 0;
	return end + 1;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static uint16_t port_of(const struct sockaddr *sa)
{
	return ntohs(sa->sa_family == AF_INET ? ((const struct sockaddr_in *)sa)->sin_port
	                                      : ((const struct sockaddr_in6 *)sa)->sin6_port);
}

/* a=crypto with the key the far end sends with (RFC 4568); tag: as the other side offered it. */
static void put_crypto(const struct load *l, uint32_t call, unsigned side, unsigned tag, char out[160])
{
	unsigned len;
	const uint8_t *key;
	char text[80];

	*out = 0;
	if (l->suite[side] == KEDGE_SUITE_NONE)
		return;
	key = load_key_sent(l, call, side, &len);
	EVP_EncodeBlock((uint8_t *)text, key, (int)len);
	snprintf(out, 160, "a=crypto:%u %s inline:%s\r\n", tag, run_suite_name(l->suite[side]), text);
}

static void add_sdp(struct request *q, const struct load *l, uint32_t call, unsigned side, unsigned tag)
{
	const char *ip = l->ipv6 ? "::1" : side == 0 ? "127.0.1.1" : "127.0.2.1", *type = l->ipv6 ? "IP6" : "IP4";
	char sdp[1024], crypto[160];

	put_crypto(l, call, side, tag, crypto);
	snprintf(sdp, sizeof(sdp),
	    "v=0\r\no=- %u 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %u RTP/%s 0\r\n"
	    "a=rtpmap:0 PCMU/8000\r\na=rtcp:%u\r\n%sa=ptime:20\r\na=sendrecv\r\n",
	    call + 1, type, ip, type, ip, port_of(load_far(l, call, side)), *crypto ? "SAVP" : "AVP",
	    port_of(load_far_rtcp(l, side)), crypto);
	add_pair(q, "sdp", sdp);
}

/* The relay's key of our suite for that side in an SDP of the reply, and its tag. */
static bool take_key(const char *sdp, struct load *l, uint32_t call, unsigned side, unsigned *tag)
{
	const char *name = run_suite_name(l->suite[side]);
	uint8_t key[64];
	char text[84];

	for (const char *c = strstr(sdp, "a=crypto:"); c != NULL; c = strstr(c + 1, "a=crypto:")) {
		char suite[64];
		unsigned len;

		if (sscanf(c, "a=crypto:%u %63s inline:%79[A-Za-z0-9+/=]", tag, suite, text) != 3 || strcmp(suite, name) != 0)
			continue;
		load_key_sent(l, call, side, &len);
		while (strlen(text) % 4 != 0) /* it leaves the padding out */
			strcat(text, "=");
		if (strlen(text) != (len + 2) / 3 * 4 || EVP_DecodeBlock(key, (uint8_t *)text, (int)strlen(text)) < (int)len)
			return false;
		load_key_heard(l, call, side, key);
		return true;
	}
	return false;
}

/* The port of the media line of an SDP, on the relay's own address of that side. */
static bool relay_port(const struct rtpengine *x, const char *sdp, bool ipv6, unsigned side, union addr_sock *out)
{
	const char *m = sdp != NULL ? strstr(sdp, "m=audio ") : NULL;
	unsigned port = m != NULL ? (unsigned)strtoul(m + 8, NULL, 10) : 0;

	memset(out, 0, sizeof(*out));
	out->sa.sa_family = ipv6 ? AF_INET6 : AF_INET;
	if (ipv6) {
		out->in6.sin6_port = htons((uint16_t)port);
		inet_pton(AF_INET6, x->ip[side], &out->in6.sin6_addr);
	} else {
		out->in.sin_port = htons((uint16_t)port);
		inet_pton(AF_INET, x->ip[side], &out->in.sin_addr);
	}
	return port != 0;
}

static void add_call(struct request *q, uint32_t call)
{
	char id[64];

	snprintf(id, sizeof(id), "bench-%d-%u", (int)getpid(), call);
	add_pair(q, "call-id", id);
	add_pair(q, "from-tag", "caller");
	add_string(q, "replace");
	add(q, "l6:origin18:session-connectione");
	add_pair(q, "ICE", "remove");
}

/* What the relay says to the far end of a side. */
static void read_reply(struct rtpengine *x, struct load *l, uint32_t call, unsigned side, union addr_sock *at, unsigned *tag)
{
	const char *sdp = find(x, "sdp");

	need(relay_port(x, sdp, l->ipv6, side, at), "does not take an offer or answer");
	need(l->suite[side] == KEDGE_SUITE_NONE || take_key(sdp, l, call, side, tag), "says no key of this suite");
}

static void open_call(struct rtpengine *x, struct load *l, uint32_t call)
{
	union addr_sock in, out;
	unsigned tag = 1;
	struct request q;

	begin(x, &q, "offer");
	add_call(&q, call);
	add_string(&q, "direction");
	add(&q, "l2:in3:oute");
	add_pair(&q, "transport-protocol", l->suite[1] != KEDGE_SUITE_NONE ? "RTP/SAVP" : "RTP/AVP");
	add_pair(&q, "DTLS", "off");
	add_sdp(&q, l, call, 0, 1);
	need(ask(x, &q), "does not answer");
	read_reply(x, l, call, 1, &out, &tag);
	begin(x, &q, "answer");
	add_call(&q, call);
	add_pair(&q, "to-tag", "callee");
	add_sdp(&q, l, call, 1, tag);
	need(ask(x, &q), "does not answer");
	read_reply(x, l, call, 0, &in, &tag);
	load_aim(l, call, &in.sa, &out.sa);
}

static void close_call(struct rtpengine *x, uint32_t call)
{
	struct request q;

	begin(x, &q, "delete");
	add_call(&q, call);
	need(ask(x, &q), "does not end a call");
}

/* ---- a run ----------------------------------------------------------------------------------- */

static void start(const struct run_options *o, struct rtpengine *x)
{
	struct sockaddr_in ng;
	struct request q;
	char listen[64];

	memset(x, 0, sizeof(*x));
	choose_port(x, &ng);
	snprintf(listen, sizeof(listen), "%s:%u", inet_ntoa(ng.sin_addr), ntohs(ng.sin_port));
	snprintf(x->ip[0], sizeof(x->ip[0]), "%s", o->ipv6 ? "::1" : inet_ntoa(ng.sin_addr));
	ng.sin_addr.s_addr = htonl(ntohl(ng.sin_addr.s_addr) + 1);
	snprintf(x->ip[1], sizeof(x->ip[1]), "%s", o->ipv6 ? "::1" : inet_ntoa(ng.sin_addr));
	x->pid = fork();
	if (x->pid == 0)
		exec_it(o, x, listen);
	begin(x, &q, "ping");
	need(x->pid > 0 && ask(x, &q), "does not start");
}

static void stop(struct rtpengine *x)
{
	kill(x->pid, SIGKILL);
	while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(x->ng);
}

void run_rtpengine(const struct run_options *o, unsigned calls, struct run_result *r)
{
	struct load_setup setup = { .calls = calls, .ipv6 = o->ipv6, .rtcp = o->rtcp, .suite = { o->suite[0], o->suite[1] } };
	struct rtpengine x;
	struct load l;
	uint64_t cpu;
	double idle;

	memset(r, 0, sizeof(*r));
	need(load_open(&l, &setup) == 0, "no sockets for the load");
	start(o, &x);
	idle = run_memory(x.pid, "smaps_rollup", "Pss:");
	for (uint32_t call = 0; call < calls; call++)
		open_call(&x, &l, call);
	load_run(&l, LEARN_MS * CLOCK_NS_PER_MS, false, false);
	cpu = run_cpu_ns(x.pid);
	load_run(&l, o->seconds * CLOCK_NS_PER_S, true, false);
	cpu = run_cpu_ns(x.pid) - cpu;
	load_run(&l, 0, true, true);
	run_finish(r, &l, cpu, l.count.received);
	r->bytes_per_call = (run_memory(x.pid, "smaps_rollup", "Pss:") - idle) / calls;
	r->resident = run_memory(x.pid, "status", "VmRSS:");
	r->anonymous = run_memory(x.pid, "status", "RssAnon:");
	r->own = r->anonymous + run_memory(x.pid, "status", "RssShmem:");
	for (uint32_t call = 0; call < calls; call++)
		close_call(&x, call);
	stop(&x);
	load_close(&l);
}
