// SPDX-License-Identifier: MIT
#include "bench/call_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 65536, MESSAGE = 4096, LINGER_MS = 1000 };

struct call {
	uint64_t begun_ns; /* INVITE sent; 503 sent; 486 sent */
	bool tried, over;  /* the second carrier has it; the caller knows */
};

struct probe {
	pthread_t thread;
	atomic_bool ended;
	int caller, carrier[PROBE_CARRIERS];
	char caller_ip[INET_ADDRSTRLEN], carrier_ip[PROBE_CARRIERS][INET_ADDRSTRLEN], kedge_ip[INET_ADDRSTRLEN];
	struct sockaddr_in kedge;
	uint64_t gap_ns;
	uint32_t begun;      /* calls of both kinds, alternately */
	struct call call[CALLS];
	struct probe_result result;
};

/* A received message, and whatever of its headers an answer repeats. */
struct message {
	char text[MESSAGE];
	uint64_t at_ns;
	struct sockaddr_in from;
	uint32_t call;
	bool known;
};

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int bound(const char *ip)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(PROBE_PORT) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	inet_pton(AF_INET, ip, &a.sin_addr);
	setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	if (s >= 0 && bind(s, (struct sockaddr *)&a, sizeof a)) {
		close(s);
		return -1;
	}
	return s;
}

/* Copies the header line that begins with `name`, its line end included. "" if there is none. */
static const char *header(const struct message *m, const char *name, char *out, size_t room)
{
	size_t n = strlen(name), length;

	out[0] = 0;
	for (const char *at = strstr(m->text, "\r\n"); at && strncmp(at, "\r\n\r\n", 4) != 0; at = strstr(at + 2, "\r\n")) {
		if (strncasecmp(at + 2, name, n) != 0)
			continue;
		length = strcspn(at + 2, "\r");
		snprintf(out, room, "%.*s\r\n", (int)length, at + 2);
		break;
	}
	return out;
}

static bool take(int s, struct message *m)
{
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = { m->text, sizeof m->text - 1 };
	struct msghdr h = { .msg_name = &m->from, .msg_namelen = sizeof m->from, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control };
	ssize_t n = recvmsg(s, &h, 0);
	struct timespec t;
	char to[512], *at;

	if (n < 0)
		return false;
	m->text[n] = 0;
	m->at_ns = wall_ns();
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_type == SCM_TIMESTAMPNS) {
		memcpy(&t, CMSG_DATA(c), sizeof t);
		m->at_ns = t.tv_sec * 1000000000ull + t.tv_nsec;
	}
	/* The number we dialed stands in To of everything: 8 or 9, then the call. */
	header(m, "To:", to, sizeof to);
	at = strstr(to, "sip:");
	m->known = at && (at[4] == PROBE_ANSWERED[0] || at[4] == PROBE_REFUSED[0]) && strchr(at, '@');
	m->call = m->known ? strtoul(at + 5, NULL, 10) % CALLS : 0;
	return true;
}

static void put(int s, const struct sockaddr_in *to, const char *text)
{
	(void)!sendto(s, text, strlen(text), 0, (const struct sockaddr *)to, sizeof *to);
}

/* ---- the caller ---- */

static void sdp_of(const char *ip, char *out, size_t room)
{
	snprintf(out, room, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n", ip, ip);
}

static void request(struct probe *p, const char *method, uint32_t call, const char *to, const char *uri, const char *type, const char *body)
{
	char text[MESSAGE];

	snprintf(text, sizeof text, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bKp%s%u\r\nFrom: <sip:probe@%s>;tag=p%u\r\n%s"
		"Call-ID: probe-%u\r\nCSeq: %d %s\r\nContact: <sip:probe@%s:%d>\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, uri, p->caller_ip, PROBE_PORT, strcmp(method, "ACK") ? method : "INVITE", call, p->caller_ip, call, to, call,
		strcmp(method, "BYE") ? 1 : 2, method, p->caller_ip, PROBE_PORT, type, strlen(body), body);
	put(p->caller, &p->kedge, text);
}

static void begin(struct probe *p)
{
	uint32_t call = p->begun++ % CALLS;
	const char *digit = call % 2 ? PROBE_REFUSED : PROBE_ANSWERED;
	char uri[64], to[80], body[256];

	snprintf(uri, sizeof uri, "sip:%s%06u@%s", digit, call, p->kedge_ip);
	snprintf(to, sizeof to, "To: <%s>\r\n", uri);
	sdp_of(p->caller_ip, body, sizeof body);
	p->call[call] = (struct call){ .begun_ns = wall_ns() };
	request(p, "INVITE", call, to, uri, "Content-Type: application/sdp\r\n", body);
}

static void note(struct probe_times *t, uint64_t from_ns, uint64_t to_ns)
{
	double *more = realloc(t->us, (t->count + 1) * sizeof t->us[0]);

	if (!more)
		return;
	t->us = more;
	t->us[t->count++] = (double)(int64_t)(to_ns - from_ns) / 1000;
}

/* 200 to the INVITE: counted once, then ACK and BYE; a failure: ACK. */
static void on_caller(struct probe *p, const struct message *m)
{
	struct call *c = &p->call[m->call];
	int code = atoi(m->text + 8);
	char to[512], contact[512], uri[512], same[64];
	char *at;

	if (strncmp(m->text, "SIP/2.0 ", 8) != 0 || code < 200 || !m->known || !strstr(header(m, "CSeq:", uri, sizeof uri), "INVITE"))
		return;
	header(m, "To:", to, sizeof to);
	snprintf(same, sizeof same, "sip:%s%06u@%s", m->call % 2 ? PROBE_REFUSED : PROBE_ANSWERED, m->call, p->kedge_ip);
	if (code >= 300) {
		request(p, "ACK", m->call, to, same, "", "");
		if (!c->over && code == 486)
			note(&p->result.final, c->begun_ns, m->at_ns);
		c->over = true;
		return;
	}
	header(m, "Contact:", contact, sizeof contact);
	at = strchr(contact, '<');
	snprintf(uri, sizeof uri, "%.*s", at ? (int)strcspn(at + 1, ">") : 0, at ? at + 1 : "");
	if (!c->over)
		note(&p->result.answered, c->begun_ns, m->at_ns);
	request(p, "ACK", m->call, to, uri, "", "");
	if (!c->over)
		request(p, "BYE", m->call, to, uri, "", "");
	c->over = true;
}

/* ---- the carriers ---- */

static void reply(struct probe *p, int which, const struct message *m, const char *status, bool sdp)
{
	char text[MESSAGE], via[1024], from[512], to[512], id[512], cseq[128], body[256] = "";
	bool tagged;

	if (sdp)
		sdp_of(p->carrier_ip[which], body, sizeof body);
	header(m, "To:", to, sizeof to);
	tagged = strstr(to, ";tag=") != NULL;
	to[strcspn(to, "\r")] = 0;
	snprintf(text, sizeof text, "SIP/2.0 %s\r\n%s%s%s%s\r\n%s%sContact: <sip:probe@%s:%d>\r\n%sContent-Length: %zu\r\n\r\n%s", status,
		header(m, "Via:", via, sizeof via), header(m, "From:", from, sizeof from), to, tagged ? "" : ";tag=c",
		header(m, "Call-ID:", id, sizeof id), header(m, "CSeq:", cseq, sizeof cseq), p->carrier_ip[which], PROBE_PORT,
		sdp ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	put(p->carrier[which], &m->from, text);
}

static void on_carrier(struct probe *p, int which, const struct message *m)
{
	struct call *c = &p->call[m->call];

	if (strncmp(m->text, "INVITE ", 7) != 0) {
		if (strncmp(m->text, "SIP/2.0", 7) != 0 && strncmp(m->text, "ACK ", 4) != 0)
			reply(p, which, m, "200 OK", false);
		return;
	}
	if (which == PROBE_GOOD) {
		reply(p, which, m, "200 OK", true);
	} else if (which == PROBE_BAD) {
		c->begun_ns = wall_ns();
		reply(p, which, m, "503 Service Unavailable", false);
	} else {
		/* A repeated INVITE is not the next one. */
		if (!c->tried) {
			note(&p->result.next, c->begun_ns, m->at_ns);
			c->begun_ns = wall_ns();
		}
		c->tried = true;
		reply(p, which, m, "486 Busy Here", false);
	}
}

static void *run(void *arg)
{
	struct probe *p = arg;
	struct pollfd fds[1 + PROBE_CARRIERS] = { { .fd = p->caller, .events = POLLIN } };
	uint64_t due = wall_ns(), end = 0;
	struct message m;

	for (int i = 0; i < PROBE_CARRIERS; i++)
		fds[i + 1] = (struct pollfd){ .fd = p->carrier[i], .events = POLLIN };
	while (!end || wall_ns() < end) {
		uint64_t now = wall_ns();
		if (!end && atomic_load_explicit(&p->ended, memory_order_acquire))
			end = now + LINGER_MS * 1000000ull;
		if (!end && now >= due) {
			begin(p);
			due = due + p->gap_ns > now ? due + p->gap_ns : now + p->gap_ns;
		}
		struct timespec wait = { .tv_nsec = end || due <= now ? 1000000 : due - now > 5000000 ? 5000000 : due - now };
		ppoll(fds, 1 + PROBE_CARRIERS, &wait, NULL);
		for (int i = 0; i <= PROBE_CARRIERS; i++)
			while (fds[i].revents && take(fds[i].fd, &m)) {
				if (i)
					on_carrier(p, i - 1, &m);
				else
					on_caller(p, &m);
			}
	}
	return NULL;
}

struct probe *probe_open(const char *caller, const char *const carrier[PROBE_CARRIERS], const char *kedge, unsigned each_per_s)
{
	struct probe *p = calloc(1, sizeof *p);
	bool good = p != NULL;

	if (!p)
		return NULL;
	snprintf(p->caller_ip, sizeof p->caller_ip, "%s", caller);
	snprintf(p->kedge_ip, sizeof p->kedge_ip, "%s", kedge);
	p->kedge = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(5060) };
	inet_pton(AF_INET, kedge, &p->kedge.sin_addr);
	p->gap_ns = 500000000 / each_per_s;
	good &= (p->caller = bound(caller)) >= 0;
	for (int i = 0; i < PROBE_CARRIERS; i++) {
		snprintf(p->carrier_ip[i], sizeof p->carrier_ip[i], "%s", carrier[i]);
		good &= (p->carrier[i] = bound(carrier[i])) >= 0;
	}
	if (good && pthread_create(&p->thread, NULL, run, p) == 0)
		return p;
	free(p);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void sort(struct probe_times *t)
{
	if (t->count)
		qsort(t->us, t->count, sizeof t->us[0], by_value);
}

void probe_close(struct probe *p, struct probe_result *r)
{
	atomic_store_explicit(&p->ended, true, memory_order_release);
	pthread_join(p->thread, NULL);
	close(p->caller);
	for (int i = 0; i < PROBE_CARRIERS; i++)
		close(p->carrier[i]);
	*r = p->result;
	for (uint32_t i = 0; i < p->begun && i < CALLS; i++)
		r->lost += !p->call[i].over;
	sort(&r->answered);
	sort(&r->next);
	sort(&r->final);
	free(p);
}

void probe_free(struct probe_result *r)
{
	free(r->answered.us);
	free(r->next.us);
	free(r->final.us);
}

double probe_quantile(const struct probe_times *t, double share)
{
	uint32_t at = (uint32_t)(share * t->count);

	return t->count ? t->us[at < t->count ? at : t->count - 1] : 0;
}
