// SPDX-License-Identifier: MIT
#include "config/text.h"

#include <assert.h>
#include <string.h>

#include "config/value.h"

void text_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_set(FILE *out, const struct row *r, unsigned bits)
{
	size_t n;
	const char *w;
	bool first = true;

	fputs("[ ", out);
	for (int i = 0; (w = row_word_at(r->min, i, &n)); i++)
		if (bits & (1u << i)) {
			fprintf(out, "%s\"%.*s\"", first ? "" : ", ", (int)n, w);
			first = false;
		}
	fputs(" ]", out);
}

/* Element i of a list of texts. */
static const char *many_text(const struct row *r, const void *v, size_t i, char buf[static VALUE_URI_TEXT])
{
	if (r->type == ROW_URIS)
		return value_uri_text((const struct conf_uri *)v + i, buf);
	if (r->type == ROW_NETS)
		return value_net_text((const struct conf_net *)v + i, buf);
	return ((const char *const *)v)[i];
}

static void print_many(FILE *out, const struct row *r, const void *field)
{
	char buf[VALUE_URI_TEXT];
	size_t count;
	void *v;

	row_list_get(field, &v, &count);
	fputs(count ? "[ " : "[ ]", out);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ", " : "", out);
		text_quoted(out, many_text(r, v, i, buf));
	}
	fputs(count ? " ]" : "", out);
}

static const char *ref_name(const struct conf *c, const struct row *r, uint16_t i)
{
	if (i == CONF_NONE)
		return "*";
	return r->type == ROW_INTERFACE ? c->interfaces.v[i].name : r->type == ROW_TRUNK ? c->trunks.v[i].name : c->profiles.v[i].name;
}

static void print_word(FILE *out, const struct row *r, uint8_t place)
{
	size_t n;
	const char *w = row_word_at(r->min, place, &n);

	assert(w);
	fprintf(out, "\"%.*s\"", (int)n, w);
}

static void print_ints(FILE *out, const struct conf_ints *ints)
{
	fputs("[", out);
	for (uint16_t i = 0; i < ints->count; i++)
		fprintf(out, "%s%u", i ? ", " : " ", ints->v[i]);
	fputs(" ]", out);
}

void text_value(FILE *out, const struct conf *c, const struct row *r, const void *field)
{
	char buf[VALUE_URI_TEXT];
	const struct conf_ports *ports = field;

	switch (r->type) {
	case ROW_STRING:
	case ROW_NAME:
		text_quoted(out, *(const char *const *)field);
		break;
	case ROW_INT:
		fprintf(out, "%u", *(const uint32_t *)field);
		break;
	case ROW_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		break;
	case ROW_DURATION:
		fprintf(out, "\"%s\"", value_ms_text(*(const uint32_t *)field, buf));
		break;
	case ROW_MICROS:
		fprintf(out, "\"%s\"", value_us_text(*(const uint32_t *)field, buf));
		break;
	case ROW_ENUM:
		print_word(out, r, *(const uint8_t *)field);
		break;
	case ROW_SET:
		print_set(out, r, *(const uint8_t *)field);
		break;
	case ROW_IP:
		fprintf(out, "\"%s\"", conf_addr_text(field, buf));
		break;
	case ROW_PORTS:
		fprintf(out, "\"%u-%u\"", ports->low, ports->high);
		break;
	case ROW_URI:
		text_quoted(out, value_uri_text(field, buf));
		break;
	case ROW_URIS:
	case ROW_NETS:
	case ROW_STRINGS:
		print_many(out, r, field);
		break;
	case ROW_INTS:
		print_ints(out, field);
		break;
	case ROW_INTERFACE:
	case ROW_TRUNK:
	case ROW_PROFILE:
		text_quoted(out, ref_name(c, r, *(const uint16_t *)field));
		break;
	case ROW_GROUP:
	case ROW_LIST:
		break;
	}
}

bool text_unset(const struct row *r, const void *field)
{
	if (!(r->flags & ROW_SPARE))
		return false;
	switch (r->type) {
	case ROW_STRING:
		return !**(const char *const *)field;
	case ROW_DURATION:
		return !*(const uint32_t *)field;
	case ROW_IP:
		return !((const struct conf_addr *)field)->family;
	case ROW_URI:
		return !((const struct conf_uri *)field)->host;
	default:
		return false;
	}
}
