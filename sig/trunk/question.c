// SPDX-License-Identifier: MIT
#include "sig/trunk/question.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct try;
#define SRES_CONTEXT_T struct try
#define SRES_ASYNC_T   struct try
#include <sofia-resolv/sres.h>
#include <sofia-resolv/sres_async.h>
#include <sofia-resolv/sres_record.h>
#include <sofia-sip/su_alloc.h>

#include "config/event.h"
#include "sig/trunk/dns_check.h"

#define FIRST_WAIT_MS 500  /* until the next resolver is asked too */
#define AGAIN_WAIT_MS 1000 /* the same once all were */
#define TRIES         8
#define ALIASES       16 /* datagrams one try takes: a chain of CNAMEs ends somewhere */
#define PLAIN_TRY     2  /* from this try on without EDNS: some middle boxes drop what they do not know */

struct try {
	struct question *question;
	sres_resolver_t *resolver;
	sres_record_t **answers;
	struct dns_facts facts;
	char alias[DNS_NAME_MAX]; /* what the library asks for now; "" the name itself */
	int wait; /* index of its socket in su_root, 0 none */
	uint8_t server;
	uint8_t heard; /* datagrams */
	bool answered;
};

struct question {
	struct question *next, **prev;
	question_answered *answered;
	void *ctx;
	su_timer_t *timer;
	uint16_t type;
	uint8_t first, count; /* server of the first try; tries */
	uint8_t refused;      /* bits: servers that will not answer */
	struct try try[TRIES];
	char name[];
};

struct server {
	struct conf_addr addr;
	int fd[2]; /* memfds with a resolv.conf of this one server; [1] with EDNS */
};

static struct {
	su_root_t *root;
	struct question *questions;
	struct server server[QUESTION_SERVERS];
	unsigned count;
	uint8_t best;
	const char *file; /* the system's list; NULL: the configuration has one */
	struct timespec changed; /* file */
} dns;

static void begin_try(struct question *q);
static void on_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg);

const char *question_word(enum question_end end)
{
	static const char *const words[] = {
#define E(id, word) [QUESTION_##id] = word,
		QUESTION_ENDS(E)
#undef E
	};

	return words[end];
}

/* ---- whom to ask ---------------------------------------------------------------------------- */

static void drop_servers(void)
{
	for (unsigned i = 0; i < dns.count; i++) {
		close(dns.server[i].fd[0]);
		close(dns.server[i].fd[1]);
	}
	dns.count = dns.best = 0;
}

/* The library reads a file, and aborts where options are given it otherwise. */
static int write_file(const struct conf_addr *addr, const char *options)
{
	int fd = memfd_create("kedge-resolver", MFD_CLOEXEC);
	char ip[INET6_ADDRSTRLEN];

	if (fd < 0)
		return -errno;
	inet_ntop(addr->family, addr->ip, ip, sizeof(ip));
	if (dprintf(fd, "nameserver %s\nport %u\n%s", ip, addr->port ? addr->port : 53, options) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static int add_server(const struct conf_addr *addr)
{
	struct server s = { .addr = *addr };

	if (dns.count == QUESTION_SERVERS)
		return 0;
	s.fd[0] = write_file(addr, "");
	if (s.fd[0] < 0)
		return s.fd[0];
	s.fd[1] = write_file(addr, "options edns0\n");
	if (s.fd[1] < 0) {
		close(s.fd[0]);
		return s.fd[1];
	}
	dns.server[dns.count++] = s;
	return 0;
}

static void read_line(const char *line)
{
	struct conf_addr a = { 0 };
	char word[16], ip[64];

	if (sscanf(line, " %15s %63s", word, ip) != 2 || strcmp(word, "nameserver"))
		return;
	if (inet_pton(AF_INET, ip, a.ip) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, ip, a.ip) == 1)
		a.family = AF_INET6;
	else
		return;
	add_server(&a);
}

/* The system's list, if it is another one than before. */
static void read_file(void)
{
	static const struct conf_addr local = { AF_INET, 0, { 127, 0, 0, 1 } };
	struct stat st;
	char line[256];
	FILE *f;

	if (stat(dns.file, &st) || (dns.count && !memcmp(&st.st_mtim, &dns.changed, sizeof(st.st_mtim))))
		return;
	f = fopen(dns.file, "re");
	if (!f)
		return;
	drop_servers();
	dns.changed = st.st_mtim;
	while (fgets(line, sizeof(line), f))
		read_line(line);
	fclose(f);
	if (!dns.count)
		add_server(&local); /* resolv.conf(5) */
}

int question_init(su_root_t *root, const struct conf_addr *servers, unsigned count, const char *resolv_conf)
{
	int err = 0;

	dns.root = root;
	for (unsigned i = 0; i < count && !err; i++)
		err = add_server(&servers[i]);
	if (!count) {
		dns.file = resolv_conf ? resolv_conf : "/etc/resolv.conf";
		read_file();
	}
	return err;
}

/* ---- tries ---------------------------------------------------------------------------------- */

static void try_close(struct try *t)
{
	if (t->answers)
		sres_free_answers(t->resolver, t->answers);
	t->answers = NULL;
	if (t->resolver)
		sres_resolver_unref(t->resolver);
	t->resolver = NULL;
}

static void question_free(struct question *q)
{
	for (unsigned i = 0; i < q->count; i++)
		try_close(&q->try[i]);
	if (q->next)
		q->next->prev = q->prev;
	*q->prev = q->next;
	su_timer_destroy(q->timer);
	free(q);
}

static void question_finish(struct question *q, const struct question_answer *a)
{
	q->answered(q->ctx, a);
	question_free(q);
}

static bool take_record(const sres_record_t *r, struct question_record *out)
{
	*out = (struct question_record){ 0 };
	switch (r->sr_record->r_type) {
	case sres_type_a:
		out->addr.family = AF_INET;
		memcpy(out->addr.ip, &r->sr_a->a_addr, 4);
		return true;
	case sres_type_aaaa:
		out->addr.family = AF_INET6;
		memcpy(out->addr.ip, &r->sr_aaaa->aaaa_addr, 16);
		return true;
	case sres_type_srv:
		out->priority = r->sr_srv->srv_priority;
		out->weight = r->sr_srv->srv_weight;
		out->port = r->sr_srv->srv_port;
		out->name = r->sr_srv->srv_target;
		return true;
	case sres_type_naptr:
		out->priority = r->sr_naptr->na_order;
		out->weight = r->sr_naptr->na_prefer;
		out->flags = r->sr_naptr->na_flags;
		out->service = r->sr_naptr->na_services;
		out->pattern = r->sr_naptr->na_regexp;
		out->name = r->sr_naptr->na_replace;
		return true;
	default:
		return false;
	}
}

/* One that keeps silence is asked no more, as long as this one answers. */
static void prefer(const struct question *q, uint8_t server)
{
	char was[CONF_ADDR_TEXT], now[CONF_ADDR_TEXT];

	if (server == dns.best || q->first != dns.best || q->first >= dns.count)
		return;
	event_log(dns_server, .server = conf_addr_text(&dns.server[dns.best].addr, was),
	    .why = q->refused & 1u << dns.best ? "refused" : "silent", .now = conf_addr_text(&dns.server[server].addr, now));
	dns.best = server;
}

/* This server will not answer. */
static void try_refused(struct try *t)
{
	struct question *q = t->question;

	q->refused |= (uint8_t)(1u << t->server);
	try_close(t);
	if (q->refused == (1u << dns.count) - 1)
		su_timer_set_interval(q->timer, on_timer, q, 1);
	else if (q->count < TRIES)
		begin_try(q);
}

static void try_answered(struct try *t)
{
	struct question_record record[QUESTION_RECORDS];
	struct question_answer a = { .ttl = t->facts.alias_ttl, .record = record };

	for (unsigned i = 0; t->answers && t->answers[i] && a.count < QUESTION_RECORDS; i++) {
		const sres_record_t *r = t->answers[i];

		if (r->sr_record->r_status || r->sr_record->r_type != t->question->type || !take_record(r, &record[a.count]))
			continue;
		a.count++;
		if (r->sr_record->r_ttl < a.ttl)
			a.ttl = r->sr_record->r_ttl;
	}
	if (!a.count && t->facts.truncated) { /* there is something, and no room for it */
		try_refused(t);
		return;
	}
	a.end = a.count ? QUESTION_FOUND : t->facts.rcode == SRES_NAME_ERR ? QUESTION_NO_NAME : QUESTION_NO_RECORD;
	prefer(t->question, t->server);
	question_finish(t->question, &a);
}

/* What lies on the socket, without taking it. <0: the network says no; 0: nothing to look at. */
static ssize_t look(int fd, uint8_t *p, size_t room)
{
	ssize_t n = recv(fd, p, room, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void throw_away(int fd)
{
	uint8_t byte;

	recv(fd, &byte, 1, MSG_DONTWAIT);
}

/* Shows the library a datagram that holds. */
static void try_take(struct try *t, int fd, const struct dns_facts *f)
{
	t->facts.rcode = f->rcode;
	t->facts.truncated = f->truncated;
	if (f->alias_ttl < t->facts.alias_ttl)
		t->facts.alias_ttl = f->alias_ttl;
	memcpy(t->alias, f->alias, sizeof(t->alias));
	sres_resolver_receive(t->resolver, fd); /* may call on_answer */
	if (!t->answered)
		return;
	if (t->facts.rcode == SRES_OK || t->facts.rcode == SRES_NAME_ERR)
		try_answered(t);
	else
		try_refused(t);
}

static int on_socket(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
	struct try *t = (struct try *)arg;
	uint8_t p[DNS_SIZE_MAX + 1];
	struct dns_facts f;
	int fd = wait->fd;
	ssize_t n = look(fd, p, sizeof(p));

	(void)magic;
	if (n == 0 && !(wait->revents & SU_WAIT_ERR)) {
		throw_away(fd); /* or an empty datagram would wait for ever */
		return 0;
	}
	if (n <= 0 || ++t->heard > ALIASES) {
		try_refused(t);
		return 0;
	}
	if (dns_check(p, (size_t)n, t->question->name, t->alias, t->question->type, &f) == DNS_GOOD)
		try_take(t, fd, &f);
	else
		throw_away(fd); /* perhaps not the server's: the answer may still come */
	return 0;
}

/* The library opens or closes its socket. */
static int on_update(struct try *t, sres_socket_t opened, sres_socket_t closed)
{
	su_wait_t wait[1];

	if (closed != -1 && t->wait > 0) {
		su_root_deregister(dns.root, t->wait);
		t->wait = 0;
	}
	if (opened == -1)
		return 0;
	if (su_wait_create(wait, opened, SU_WAIT_IN | SU_WAIT_ERR) < 0)
		return -1;
	t->wait = su_root_register(dns.root, wait, on_socket, (su_wakeup_arg_t *)t, 0);
	return t->wait > 0 ? 0 : -1;
}

static void on_answer(struct try *t, sres_query_t *query, sres_record_t **answers)
{
	(void)query;
	t->answers = answers;
	t->answered = true;
}

static bool try_open(struct try *t)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dns.server[t->server].fd[t - t->question->try < PLAIN_TRY]);
	t->resolver = sres_resolver_new(path);
	if (!t->resolver || !sres_resolver_set_async(t->resolver, on_update, t, 0))
		return false;
	return sres_query(t->resolver, on_answer, t, t->question->type, t->question->name) && !t->answered;
}

/* The next server in turn that did not refuse; the caller made sure that there is one. */
static uint8_t next_server(const struct question *q)
{
	unsigned s = (q->first + q->count) % dns.count;

	while (q->refused & 1u << s)
		s = (s + 1) % dns.count;
	return (uint8_t)s;
}

static void begin_try(struct question *q)
{
	struct try *t = &q->try[q->count];

	*t = (struct try){ .question = q, .server = next_server(q), .facts = { .alias_ttl = UINT32_MAX } };
	q->count++;
	su_timer_set_interval(q->timer, on_timer, q, q->count <= dns.count ? FIRST_WAIT_MS : AGAIN_WAIT_MS);
	if (!try_open(t))
		try_refused(t);
}

/* How often a question is asked: each server twice, a lone one three times. */
static unsigned most_tries(void)
{
	unsigned n = dns.count == 1 ? 3 : 2 * dns.count;

	return n < TRIES ? n : TRIES;
}

static void on_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct question *q = arg;
	struct question_answer a = { .end = q->refused ? QUESTION_REFUSED : QUESTION_SILENT };

	(void)magic, (void)timer;
	if (!dns.count || q->refused == (1u << dns.count) - 1 || q->count >= most_tries())
		question_finish(q, &a);
	else
		begin_try(q);
}

/* ---- questions ------------------------------------------------------------------------------ */

static bool is_name(const char *name)
{
	size_t n = strlen(name), label;

	if (n == 0 || n >= DNS_NAME_MAX - 2)
		return false;
	for (; *name; name += label + (name[label] == '.')) {
		label = strcspn(name, ".");
		if (label == 0 || label > 63)
			return false;
	}
	return true;
}

int question_ask(const char *name, enum question_type type, question_answered *answered, void *ctx)
{
	struct question *q;

	if (!is_name(name))
		return -EINVAL;
	q = calloc(1, sizeof(*q) + strlen(name) + 1);
	if (!q)
		return -ENOMEM;
	q->timer = su_timer_create(su_root_task(dns.root), 0);
	if (!q->timer) {
		free(q);
		return -ENOMEM;
	}
	strcpy(q->name, name);
	q->type = (uint16_t)type;
	q->answered = answered;
	q->ctx = ctx;
	q->next = dns.questions;
	q->prev = &dns.questions;
	if (q->next)
		q->next->prev = &q->next;
	dns.questions = q;
	if (dns.file && !q->next)
		read_file(); /* no other question remembers a server by its place */
	q->first = dns.best;
	if (dns.count)
		begin_try(q);
	else
		su_timer_set_interval(q->timer, on_timer, q, 1);
	return 0;
}

void question_forget(const void *bytes, size_t size)
{
	for (struct question *q = dns.questions, *next; q; q = next) {
		uintptr_t at = (uintptr_t)q->ctx - (uintptr_t)bytes;

		next = q->next;
		if (at < size)
			question_free(q);
	}
}

void question_fini(void)
{
	while (dns.questions)
		question_free(dns.questions);
	drop_servers();
	memset(&dns, 0, sizeof(dns));
}
