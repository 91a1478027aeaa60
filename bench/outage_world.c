// SPDX-License-Identifier: MIT
#include "bench/outage_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness/stage.h"

enum { PORT = 5070, RTP_PORT = 30000, FRAME = 172, FRAME_NS = 20000000 };
enum { NUMBER = 120000000 }; /* all calls go to one place: what a carrier usually needs is learnt by the first digits */

struct world_manner world_healthy(void)
{
	return (struct world_manner){ .ringing_ms = 20, .final_ms = 50, .code = 200, .options = 200 };
}

struct world_manner world_silent(void)
{
	return (struct world_manner){ WORLD_NEVER, WORLD_NEVER, WORLD_NEVER, .deaf_to_options = true };
}

double world_ms(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns && b_ns ? (double)(int64_t)(b_ns - a_ns) / 1e6 : -1;
}

static unsigned number_of(const struct world *w, const char *text)
{
	unsigned n = sip_user(text, "To:") - NUMBER;

	return n / 1000 == w->run && n % 1000 >= 1 && n % 1000 <= w->calls ? n % 1000 : 0;
}

/* ---- sound ---------------------------------------------------------------------------------- */

static void speak(struct world_sound *a, struct sockaddr_in to)
{
	if (!to.sin_port || a->on)
		return;
	a->on = true;
	a->to = to;
	a->next_ns = sip_now_ns();
}

/* A frame into one of many calls. */
static void chat_to(const struct world_sound *a, struct sockaddr_in to, uint32_t number, unsigned ssrc)
{
	uint8_t p[FRAME] = { 0x80, 0, (uint8_t)(number >> 8), (uint8_t)number };
	uint32_t stamp = htonl(number * 160u), source = htonl(0x10000u + ssrc);

	if (!to.sin_port)
		return;
	memcpy(p + 4, &stamp, 4);
	memcpy(p + 8, &source, 4);
	memset(p + 12, 0xd5, FRAME - 12);
	(void)!sendto(a->s, p, sizeof p, 0, (const struct sockaddr *)&to, sizeof to);
}

static void chat(struct world *w, uint64_t now)
{
	if (now < w->chat_ns)
		return;
	w->chat_ns = w->chat_ns + 10 * FRAME_NS < now ? now : w->chat_ns + FRAME_NS;
	w->chats++;
	for (unsigned i = 1; i <= w->calls; i++) {
		struct world_call *c = &w->call[i];

		if (c->code != 200 || c->ended_ns)
			continue;
		chat_to(&w->sound[0], c->media, w->chats, i * 4);
		for (int k = 0; k < WORLD_CARRIERS; k++)
			if (c->leg[k].answered_ns && !c->leg[k].ended_ns && !c->leg[k].manner.mute)
				chat_to(&w->sound[1 + k], sip_audio(c->leg[k].invite.text), w->chats, i * 4 + 1 + (unsigned)k);
	}
}

static void frame(struct world_sound *a, uint64_t now)
{
	uint8_t p[FRAME] = { 0x80, 0, (uint8_t)(a->sent >> 8), (uint8_t)a->sent };
	uint32_t stamp = htonl(a->sent * 160u);

	memcpy(p + 4, &stamp, 4);
	p[8] = 1;
	memset(p + 12, 0xd5, FRAME - 12);
	(void)!sendto(a->s, p, sizeof p, 0, (struct sockaddr *)&a->to, sizeof a->to);
	a->sent++;
	a->next_ns = a->next_ns + 10 * FRAME_NS < now ? now : a->next_ns + FRAME_NS;
}

static void hear(struct world_sound *a)
{
	struct sip_in m;

	while (sip_take(a->s, &m)) {
		uint16_t seq = (uint16_t)((uint8_t)m.text[2] << 8 | (uint8_t)m.text[3]);

		if (!a->heard++) {
			a->first_ns = m.at_ns;
			a->heard_first = seq;
			a->from = m.from;
		} else {
			a->lost += (uint16_t)(seq - a->heard_next) < 1000 ? (uint16_t)(seq - a->heard_next) : 0;
			if (m.at_ns - a->last_ns > a->gap_ns)
				a->gap_ns = m.at_ns - a->last_ns;
		}
		a->heard_next = (uint16_t)(seq + 1);
		a->last_ns = m.at_ns;
	}
}

/* ---- the carriers --------------------------------------------------------------------------- */

static void answer(struct world *w, int which, const struct sip_in *m, const char *status, const char *extra, bool sdp)
{
	char contact[64], body[SIP_LINE] = "", tag[16];

	snprintf(contact, sizeof contact, "%s:%d", w->carrier_ip[which], PORT);
	snprintf(tag, sizeof tag, "c%d", which + 1);
	if (sdp)
		sip_sdp(w->carrier_ip[which], RTP_PORT, body, sizeof body);
	sip_reply(w->carrier[which], m, &(struct sip_reply){ status, tag, contact, extra, body });
}

static bool is_ringing(const struct world_leg *l)
{
	return l->ringing_ns && !l->ringing_end_ns;
}

static void final(struct world *w, unsigned call, int which, unsigned code)
{
	struct world_leg *l = &w->call[call].leg[which];
	char status[32], extra[48] = "";

	snprintf(status, sizeof status, "%u %s", code, code < 300 ? "OK" : "Failed");
	if (l->manner.retry_after_s && code >= 300)
		snprintf(extra, sizeof extra, "Retry-After: %u\r\n", l->manner.retry_after_s);
	l->code = (uint16_t)code;
	l->step = 3;
	if (is_ringing(l))
		l->ringing_end_ns = sip_now_ns();
	if (code < 300)
		l->answered_ns = sip_now_ns();
	answer(w, which, &l->invite, status, extra, code < 300);
	if (code < 300 && w->talk)
		speak(&w->sound[1 + which], sip_audio(l->invite.text));
}

static void ring(struct world *w, unsigned call, int which)
{
	struct world_leg *l = &w->call[call].leg[which];

	if (l->manner.phone && is_ringing(&w->call[call].leg[1 - which])) {
		final(w, call, which, 486);
		return;
	}
	l->ringing_ns = sip_now_ns();
	answer(w, which, &l->invite, "180 Ringing", "", false);
}

/* Does what is due; 100 first, then 180, then the final. */
static void act(struct world *w, unsigned call, int which, uint64_t now)
{
	struct world_leg *l = &w->call[call].leg[which];
	const uint32_t at[3] = { l->manner.trying_ms, l->manner.ringing_ms, l->manner.final_ms };

	for (; l->step < 3 && l->invites; ) {
		if (at[l->step] == WORLD_NEVER) {
			l->step++;
			continue;
		}
		if (now < l->heard_ns + at[l->step] * 1000000ull)
			break;
		switch (l->step++) {
		case 0: answer(w, which, &l->invite, "100 Trying", "", false); break;
		case 1: ring(w, call, which); break;
		default: final(w, call, which, l->manner.code); break;
		}
	}
}

static bool is_silent(const struct world_manner *m)
{
	return m->trying_ms == WORLD_NEVER && m->ringing_ms == WORLD_NEVER && m->final_ms == WORLD_NEVER;
}

static void on_invite(struct world *w, int which, const struct sip_in *m)
{
	unsigned call = number_of(w, m->text);
	struct world_leg *l = &w->call[call].leg[which];
	char via[SIP_LINE], branch[sizeof l->branch] = "";
	const char *at = strstr(sip_line(m->text, "Via:", via, sizeof via), "branch=");

	if (at)
		snprintf(branch, sizeof branch, "%.*s", (int)strcspn(at, ";,\r"), at);
	if (!call || (strcmp(branch, l->branch) == 0 && !l->swallowed))
		return;
	if (strcmp(branch, l->branch) != 0) {
		memcpy(l->branch, branch, sizeof branch);
		l->invites++;
		l->invited_ns = m->at_ns;
	}
	l->invite = *m;
	l->heard_ns = m->at_ns;
	l->swallowed = is_silent(&w->manner[which]); /* a repeated one finds the carrier as it is then */
	l->manner = w->manner[which];
	l->step = 0;
	act(w, call, which, sip_now_ns());
}

static void on_cancel(struct world *w, int which, const struct sip_in *m)
{
	unsigned call = number_of(w, m->text);
	struct world_leg *l = &w->call[call].leg[which];

	if (!call)
		return;
	l->cancelled_ns = m->at_ns;
	answer(w, which, m, "200 OK", "", false);
	if (!l->code)
		final(w, call, which, l->manner.late_200 ? 200 : 487);
}

static void on_carrier(struct world *w, int which, const struct sip_in *m)
{
	const struct world_manner *manner = &w->manner[which];
	char method[16], status[24];
	unsigned call = number_of(w, m->text);

	sip_method(m->text, method);
	if (strcmp(method, "INVITE") == 0) {
		on_invite(w, which, m);
	} else if (strcmp(method, "CANCEL") == 0) {
		on_cancel(w, which, m);
	} else if (strcmp(method, "ACK") == 0 && call) {
		w->call[call].leg[which].acked_ns = m->at_ns;
	} else if (strcmp(method, "BYE") == 0) {
		answer(w, which, m, "200 OK", "", false);
		if (call)
			w->call[call].leg[which].ended_ns = m->at_ns;
		w->sound[1 + which].on = false;
	} else if (strcmp(method, "OPTIONS") == 0 && !manner->deaf_to_options) {
		w->options[which]++;
		snprintf(status, sizeof status, "%u Options", manner->options);
		answer(w, which, m, status, "", false);
	}
}

/* ---- the PBX -------------------------------------------------------------------------------- */

static void request(struct world *w, unsigned call, const char *method, unsigned cseq)
{
	struct world_call *c = &w->call[call];
	char text[SIP_TEXT], uri[80], body[SIP_LINE] = "";
	bool first = strcmp(method, "INVITE") == 0 || strcmp(method, "CANCEL") == 0;

	snprintf(uri, sizeof uri, "sip:%u@%s", NUMBER + w->run * 1000 + call, w->kedge_ip);
	if (strcmp(method, "INVITE") == 0)
		sip_sdp(w->pbx_ip, RTP_PORT, body, sizeof body);
	snprintf(text, sizeof text, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bK%u-%u-%u%s\r\nFrom: <sip:outage@%s>;tag=p%u-%u\r\n%s%s%s"
		"Call-ID: outage-%u-%u\r\nCSeq: %u %s\r\nContact: <sip:outage@%s:%d>\r\nMax-Forwards: 70\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, !first && c->target[0] ? c->target : uri, w->pbx_ip, PORT, w->run, call, cseq,
		strcmp(method, "ACK") == 0 && c->code < 300 ? "a" : "", w->pbx_ip, w->run, call, first || !c->to[0] ? "To: <" : c->to,
		first || !c->to[0] ? uri : "", first || !c->to[0] ? ">\r\n" : "", w->run, call, cseq, method, w->pbx_ip, PORT,
		body[0] ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
	sip_put(w->pbx, &w->kedge, text);
}

unsigned world_dial(struct world *w)
{
	unsigned call = w->calls < WORLD_CALLS ? ++w->calls : WORLD_CALLS;

	w->call[call] = (struct world_call){ .dialed_ns = sip_now_ns() };
	request(w, call, "INVITE", 1);
	return call;
}

void world_hang_up(struct world *w, unsigned call)
{
	struct world_call *c = &w->call[call];

	if (c->code < 200 || c->code >= 300 || c->ended_ns)
		return;
	c->ended_ns = sip_now_ns();
	w->sound[0].on = false;
	request(w, call, "BYE", 2);
}

void world_cancel(struct world *w, unsigned call)
{
	w->call[call].cancelled_ns = sip_now_ns();
	request(w, call, "CANCEL", 1);
}

static void on_final(struct world *w, unsigned call, const struct sip_in *m, unsigned code)
{
	struct world_call *c = &w->call[call];
	char line[SIP_LINE];
	const char *at;

	sip_line(m->text, "To:", line, sizeof line);
	if (code < 300 && strcmp(line, c->to) != 0)
		c->answers++;
	if (!c->final_ns) {
		c->final_ns = m->at_ns;
		c->code = (uint16_t)code;
		memcpy(c->to, line, sizeof line);
		at = strchr(sip_line(m->text, "Contact:", line, sizeof line), '<');
		snprintf(c->target, sizeof c->target, "%.*s", at && code < 300 ? (int)strcspn(at + 1, ">") : 0, at ? at + 1 : "");
		c->media = sip_audio(m->text);
		if (code < 300 && w->talk)
			speak(&w->sound[0], c->media);
	}
	request(w, call, "ACK", 1);
}

static void on_pbx(struct world *w, const struct sip_in *m)
{
	unsigned call, run, code = sip_status(m->text);
	char line[SIP_LINE], contact[64], method[16];

	if (sscanf(sip_line(m->text, "Call-ID:", line, sizeof line), "%*s outage-%u-%u", &run, &call) != 2 || run != w->run || call > w->calls)
		call = 0;
	if (!code) {
		snprintf(contact, sizeof contact, "%s:%d", w->pbx_ip, PORT);
		if (strcmp(sip_method(m->text, method), "ACK") != 0)
			sip_reply(w->pbx, m, &(struct sip_reply){ "200 OK", "p", contact, "", "" });
		if (call && strcmp(method, "BYE") == 0)
			w->call[call].ended_by_edge = true;
		return;
	}
	if (!call || code < 101 || !strstr(sip_line(m->text, "CSeq:", line, sizeof line), "INVITE"))
		return;
	if (code >= 200)
		on_final(w, call, m, code);
	else if (!w->call[call].ringing_ns)
		w->call[call].ringing_ns = m->at_ns;
}

/* ---- time ----------------------------------------------------------------------------------- */

static void clock_all(struct world *w)
{
	uint64_t now = sip_now_ns();

	for (unsigned i = 1; i <= w->calls; i++)
		for (int k = 0; k < WORLD_CARRIERS; k++)
			if (w->call[i].leg[k].invites && w->call[i].leg[k].step < 3)
				act(w, i, k, now);
	if (w->chat)
		chat(w, now);
	for (int i = 0; i <= WORLD_CARRIERS; i++)
		if (w->sound[i].on && now >= w->sound[i].next_ns)
			frame(&w->sound[i], now);
}

static void look(struct world *w)
{
	struct pollfd fds[2 + 2 * WORLD_CARRIERS] = { { .fd = w->pbx, .events = POLLIN }, { .fd = w->sound[0].s, .events = POLLIN } };
	struct timespec wait = { .tv_nsec = 300000 };
	static struct sip_in m;

	for (int i = 0; i < WORLD_CARRIERS; i++) {
		fds[2 + 2 * i] = (struct pollfd){ .fd = w->carrier[i], .events = POLLIN };
		fds[3 + 2 * i] = (struct pollfd){ .fd = w->sound[1 + i].s, .events = POLLIN };
	}
	ppoll(fds, sizeof fds / sizeof fds[0], &wait, NULL);
	while (fds[0].revents && sip_take(w->pbx, &m))
		on_pbx(w, &m);
	for (int i = 0; i < WORLD_CARRIERS; i++)
		while (fds[2 + 2 * i].revents && sip_take(w->carrier[i], &m))
			on_carrier(w, i, &m);
	for (int i = 0; i <= WORLD_CARRIERS; i++)
		hear(&w->sound[i]);
	clock_all(w);
}

void world_serve(struct world *w, double ms)
{
	for (uint64_t end = sip_now_ns() + (uint64_t)(ms * 1e6); sip_now_ns() < end;)
		look(w);
}

bool world_final(struct world *w, unsigned call, double ms)
{
	for (uint64_t end = sip_now_ns() + (uint64_t)(ms * 1e6); !w->call[call].final_ns && sip_now_ns() < end;)
		look(w);
	return w->call[call].final_ns != 0;
}

bool world_invited(struct world *w, unsigned call, int carrier, double ms)
{
	for (uint64_t end = sip_now_ns() + (uint64_t)(ms * 1e6); !w->call[call].leg[carrier].invites && sip_now_ns() < end;)
		look(w);
	return w->call[call].leg[carrier].invites != 0;
}

unsigned world_call_through(struct world *w, double limit_ms, double hold_ms)
{
	unsigned call = world_dial(w);

	world_final(w, call, limit_ms);
	world_serve(w, hold_ms);
	world_hang_up(w, call);
	return call;
}

/* ---- what it came to ------------------------------------------------------------------------ */

int world_carrier_of(const struct world *w, unsigned call)
{
	const struct world_call *c = &w->call[call];

	for (int k = 0; k < WORLD_CARRIERS; k++)
		if (c->code / 100 == 2 && c->leg[k].answered_ns && (!c->leg[1 - k].answered_ns || !c->leg[k].ended_ns || c->ended_ns))
			return k;
	return -1;
}

unsigned world_ghosts(const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 1; i <= w->calls; i++)
		for (int k = 0; k < WORLD_CARRIERS; k++)
			n += w->call[i].leg[k].answered_ns && !w->call[i].leg[k].ended_ns && (w->call[i].ended_ns || w->call[i].code / 100 != 2 || world_carrier_of(w, i) != k);
	return n;
}

bool world_logged(const struct world *w, const char *event, const char *trunk, const char *why)
{
	char path[PATH_MAX], line[4096], word[80];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "%s/kedge.log", w->dir);
	if (!(f = fopen(path, "r")))
		return false;
	snprintf(word, sizeof word, "trunk=%s", trunk);
	while (!found && fgets(line, sizeof line, f))
		found = strstr(line, event) && strstr(line, word) && strstr(line, why);
	fclose(f);
	return found;
}

/* ---- begin and end -------------------------------------------------------------------------- */

static const char config[] =
	"# Two carriers, one after the other: everything not named here is a default.\n"
	"interfaces = (\n\t{ name = \"inside\"; address = \"127.%1$d.3.1\"; rtp_ports = \"20000-20511\"; },\n"
	"\t{ name = \"outside\"; address = \"127.%1$d.4.1\"; rtp_ports = \"20000-21023\"; }\n);\n"
	"limits = { max_calls = 200; };\nlog = { file = \"%2$s/kedge.log\"; };\ncdr = { file = \"%2$s/cdr.jsonl\"; };\nrun = { dir = \"%2$s/run\"; drain = \"100ms\"; };\n"
	"trunks = (\n\t{ name = \"pbx\"; side = \"pbx\"; uri = \"sip:127.%1$d.1.1:5070\"; sources = [ \"127.%1$d.1.0/24\" ]; },\n"
	"\t{ name = \"c1\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.1:5070\"; %3$s },\n\t{ name = \"c2\"; side = \"carrier\"; uri = \"sip:127.%1$d.2.2:5070\"; }\n);\n"
	"profiles = ( { name = \"out\"; targets = ( { trunk = \"c1\"; }, { trunk = \"c2\"; } ); } );\n"
	"routes = ( { name = \"out\"; from = \"pbx\"; profile = \"out\"; } );\n";

static int write_config(const struct world *w, const char *path, const char *c1)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -1;
	fprintf(f, config, w->slot, w->dir, c1);
	return fclose(f);
}

int world_begin(struct world *w, const char *c1)
{
	char file[PATH_MAX], log[PATH_MAX], out[PATH_MAX];

	snprintf(file, sizeof file, "%s/kedge.cfg", w->dir);
	snprintf(log, sizeof log, "%s/kedge.log", w->dir);
	snprintf(out, sizeof out, "%s/kedge.out", w->dir);
	w->run++;
	w->calls = 0;
	w->talk = w->chat = false;
	memset(w->options, 0, sizeof w->options);
	for (int i = 0; i < WORLD_CARRIERS; i++) {
		w->manner[i] = world_healthy();
		if (w->carrier[i] < 0)
			w->carrier[i] = sip_socket(w->carrier_ip[i], PORT);
	}
	for (int i = 0; i <= WORLD_CARRIERS; i++)
		w->sound[i] = (struct world_sound){ .s = w->sound[i].s };
	unlink(log);
	if (write_config(w, file, c1) || stage_kedge(w->program, file, log, out, &w->pid)) {
		snprintf(file, sizeof file, "cat %.200s >&2", out);
		fprintf(stderr, "outages: kedge run did not start:\n");
		(void)!system(file);
		return -1;
	}
	for (int i = 0; i < 40 && !(w->options[0] && w->options[1]); i++)
		world_serve(w, 50);
	return w->options[0] && w->options[1] ? 0 : -1;
}

void world_end(struct world *w)
{
	stage_end(w->pid);
	w->pid = 0;
	world_serve(w, 20);
}

static bool is_plane(pid_t pid, const char *name)
{
	char path[64], is[32] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fscanf(f, "%31s", is) != 1)
		is[0] = 0;
	fclose(f);
	return strcmp(is, name) == 0;
}

uint64_t world_kill(const struct world *w, const char *plane)
{
	char path[64];
	uint64_t at = 0;
	int pid;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", w->pid, w->pid);
	f = fopen(path, "r");
	while (f && !at && fscanf(f, "%d", &pid) == 1)
		if (is_plane(pid, plane)) {
			at = sip_now_ns();
			kill(pid, SIGKILL);
			while (is_plane(pid, plane) && sip_now_ns() - at < 1000000000)
				;
		}
	if (f)
		fclose(f);
	return at;
}

void world_listen_anew(struct world *w)
{
	for (int i = 0; i <= WORLD_CARRIERS; i++)
		w->sound[i].gap_ns = w->sound[i].lost = 0;
}

void world_shut(struct world *w, int carrier)
{
	close(w->carrier[carrier]);
	w->carrier[carrier] = -1;
}

int world_open(struct world *w)
{
	char path[PATH_MAX], ip[INET_ADDRSTRLEN];
	int wrong = 0;

	stage_program(w->program, sizeof w->program);
	w->slot = stage_claim(20, 99, &w->lock);
	if (w->slot < 0 || stage_dir("outages", w->dir, sizeof w->dir))
		return -1;
	w->kedge = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(5060) };
	inet_pton(AF_INET, stage_ip(w->slot, 3, 1, w->kedge_ip), &w->kedge.sin_addr);
	inet_pton(AF_INET, stage_ip(w->slot, 4, 1, ip), &w->outside.sin_addr);
	wrong |= (w->pbx = sip_socket(stage_ip(w->slot, 1, 1, w->pbx_ip), PORT)) < 0;
	wrong |= (w->sound[0].s = sip_socket(w->pbx_ip, RTP_PORT)) < 0;
	for (int i = 0; i < WORLD_CARRIERS; i++) {
		wrong |= (w->carrier[i] = sip_socket(stage_ip(w->slot, 2, 1 + i, w->carrier_ip[i]), PORT)) < 0;
		wrong |= (w->sound[1 + i].s = sip_socket(w->carrier_ip[i], RTP_PORT)) < 0;
	}
	snprintf(path, sizeof path, "%s/run", w->dir);
	return wrong || mkdir(path, 0755) ? -1 : 0;
}

void world_close(struct world *w)
{
	stage_end(w->pid);
	stage_remove(w->dir);
}
