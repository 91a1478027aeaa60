// SPDX-License-Identifier: MIT
#include "sig/operator/metrics.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

void metrics_family(struct metrics *m, const char *name, enum metrics_type type, const char *help)
{
	static const char *const words[] = { "counter", "gauge", "histogram", "summary" };

	m->name = name;
	fprintf(m->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, words[type]);
}

static void put_value(FILE *out, const char *s)
{
	size_t left = strlen(s), n;

	for (; left; s += n, left -= n) {
		n = value_utf8((const unsigned char *)s, left);
		if (*s == '\\' || *s == '"')
			fprintf(out, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", out);
		else if (n)
			fwrite(s, 1, n, out);
		else
			fputc('?', out);
		n = n ? n : 1;
	}
}

static void put_labels(struct metrics *m, va_list ap)
{
	const char *label, *value;
	char before = '{';

	while ((label = va_arg(ap, const char *)) && (value = va_arg(ap, const char *))) {
		fprintf(m->out, "%c%s=\"", before, label);
		put_value(m->out, value);
		fputc('"', m->out);
		before = ',';
	}
	if (before == ',')
		fputc('}', m->out);
}

void metrics_int(struct metrics *m, uint64_t value, ...)
{
	va_list ap;

	fputs(m->name, m->out);
	va_start(ap, value);
	put_labels(m, ap);
	va_end(ap);
	fprintf(m->out, " %llu\n", (unsigned long long)value);
}

void metrics_real(struct metrics *m, double value, ...)
{
	va_list ap;

	fputs(m->name, m->out);
	va_start(ap, value);
	put_labels(m, ap);
	va_end(ap);
	fprintf(m->out, " %.9g\n", value);
}

static void put_part(struct metrics *m, const char *part, const char *label, const char *value, const char *bound)
{
	fprintf(m->out, "%s_%s", m->name, part);
	if (label) {
		fprintf(m->out, "{%s=\"", label);
		put_value(m->out, value);
		fputc('"', m->out);
	}
	if (bound)
		fprintf(m->out, "%cle=\"%s\"", label ? ',' : '{', bound);
	fputs(label || bound ? "} " : " ", m->out);
}

void metrics_buckets(struct metrics *m, const double *bound, const uint64_t *count, unsigned bounds, double sum, const char *label, const char *value)
{
	uint64_t total = 0;
	char text[32];

	for (unsigned i = 0; i <= bounds; i++) {
		total += count[i];
		if (!bounds)
			break;
		snprintf(text, sizeof(text), i < bounds ? "%g" : "+Inf", i < bounds ? bound[i] : 0.0);
		put_part(m, "bucket", label, value, text);
		fprintf(m->out, "%llu\n", (unsigned long long)total);
	}
	put_part(m, "sum", label, value, NULL);
	fprintf(m->out, "%.9g\n", sum);
	put_part(m, "count", label, value, NULL);
	fprintf(m->out, "%llu\n", (unsigned long long)total);
}

struct admin_answer admin_metrics(const struct admin_request *r)
{
	struct metrics m = { .r = r, .health = admin_health(r) };
	char *text = NULL;
	size_t size;

	m.out = open_memstream(&text, &size);
	if (!m.out)
		return admin_json(NULL);
#define METRICS(function) function(&m);
#include "sig/operator/metrics.def"
#undef METRICS
	if (fclose(m.out)) {
		free(text);
		return admin_json(NULL);
	}
	return admin_text(text, "text/plain; version=0.0.4; charset=utf-8");
}
