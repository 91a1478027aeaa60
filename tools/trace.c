// SPDX-License-Identifier: MIT
/* kedge trace: the messages of a call: a ladder, then their text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/recall.h"
#include "tools/verb.h"

#define COLUMN  26 /* from one line of the ladder to the next */
#define PARTIES 12 /* lines beside kedge's; further ones share the last */
#define LABEL   (COLUMN - 6)

struct ladder {
	const char *party[PARTIES]; /* "who peer", in order of appearance; the caller's stands left of kedge */
	unsigned parties;
};

static const char *text_in(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* 0: the caller's side; kedge is 1; others from 2. */
static unsigned column_of(struct ladder *l, const json_t *m)
{
	const char *peer = text_in(m, "peer");

	for (unsigned i = 0; i < l->parties; i++)
		if (!strcmp(l->party[i], peer))
			return i ? i + 1 : 0;
	if (l->parties == PARTIES)
		return PARTIES;
	l->party[l->parties] = peer;
	return l->parties++ ? l->parties : 0;
}

/* "INVITE", "503 Service Unavailable (INVITE)": and (again) */
static void label_of(const json_t *m, char *out, size_t room)
{
	const char *text = text_in(m, "text"), *cseq = strcasestr(text, "\nCSeq:"), *again = json_is_true(json_object_get(m, "again")) ? " (again)" : "";
	char method[24] = "";

	if (strncmp(text, "SIP/2.0 ", 8) != 0) {
		snprintf(out, room, "%.*s%s", (int)strcspn(text, " \r\n"), text, again);
		return;
	}
	if (cseq)
		sscanf(cseq + 6, " %*u %23[A-Za-z]", method);
	snprintf(out, room, "%.3s %.12s%s", text + 8, method, again);
}

static void put_repeat(char c, int n)
{
	while (n-- > 0)
		putchar(c);
}

/* From the line of one party to that of another, which is right of it. */
static void print_arrow(unsigned from, unsigned to, const char *label, unsigned columns)
{
	unsigned left = from < to ? from : to, right = from < to ? to : from;
	int width = (int)(right - left) * COLUMN - 1, room, before;

	for (unsigned i = 0; i < left; i++)
		printf("|%*s", COLUMN - 1, "");
	putchar('|');
	room = width - 4 - (int)strlen(label);
	before = room > 0 ? room / 2 : 0;
	putchar(from > to ? '<' : '-');
	put_repeat('-', before);
	printf(" %.*s ", width - 4, label);
	put_repeat('-', room - before);
	putchar(from < to ? '>' : '-');
	for (unsigned i = right; i < columns; i++)
		printf("|%*s", i + 1 < columns ? COLUMN - 1 : 0, "");
	putchar('\n');
}

static void print_name(const char *name)
{
	char text[COLUMN];

	snprintf(text, sizeof(text), "%s", name);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	printf("%-*s", COLUMN, text);
}

static void print_heads(struct ladder *l, const json_t *list)
{
	const char *who[PARTIES + 1] = { [1] = "kedge" };
	const json_t *m;
	size_t i;

	json_array_foreach(list, i, m)
		if (!json_object_get(m, "note")) {
			unsigned c = column_of(l, m);

			who[c] = text_in(m, "who");
		}
	printf("%-12s", "seconds");
	for (unsigned c = 0; c <= l->parties && c <= PARTIES; c++)
		print_name(who[c] ? who[c] : "");
	printf("\n%-12s", "");
	for (unsigned c = 0; c <= l->parties && c <= PARTIES; c++)
		print_name(c == 1 ? "" : l->party[c ? c - 1 : 0]);
	putchar('\n');
}

static void print_ladder(const json_t *list)
{
	struct ladder l = { 0 };
	const json_t *m;
	char label[64];
	size_t i;

	print_heads(&l, list);
	json_array_foreach(list, i, m) {
		printf("%9.3f   ", json_number_value(json_object_get(m, "at_ms")) / 1000);
		if (json_object_get(m, "note")) {
			printf("|%*s* %s\n", COLUMN - 1, "", recall_text(m, "note"));
			continue;
		}
		unsigned other = column_of(&l, m), columns = l.parties + 1;
		bool out = !strcmp(text_in(m, "way"), "out");

		label_of(m, label, sizeof(label));
		print_arrow(out ? 1 : other, out ? other : 1, label, columns);
	}
}

static void print_texts(const json_t *list)
{
	const json_t *m;
	size_t i;

	json_array_foreach(list, i, m) {
		if (json_object_get(m, "note"))
			continue;
		printf("\n--- %9.3f s  %s  %s %s %s (%s, %s)%s\n", json_number_value(json_object_get(m, "at_ms")) / 1000, recall_text(m, "time"), recall_text(m, "local"),
		    !strcmp(text_in(m, "way"), "out") ? "->" : "<-", recall_text(m, "peer"), recall_text(m, "who"), recall_text(m, "transport"),
		    json_is_true(json_object_get(m, "again")) ? " (again)" : "");
		for (const char *p = text_in(m, "text"); *p; p++)
			if (*p != '\r')
				putchar(*p);
	}
}

static void print_trace(const json_t *o, bool ladder)
{
	const json_t *list = json_object_get(o, "messages");
	long long left_out = recall_int(o, "left_out");

	recall_head(o);
	putchar('\n');
	print_ladder(list);
	if (left_out)
		printf("%lld more messages found no room\n", left_out);
	if (!ladder)
		print_texts(list);
}

int verb_trace(int argc, char **argv)
{
	struct recall_question q;
	json_t *o;
	int rc = recall_ask(&q, argc, argv, "trace", &o);

	if (rc)
		return rc;
	if (q.json)
		recall_print_json(o);
	else
		print_trace(o, q.ladder);
	json_decref(o);
	return VERB_DONE;
}
