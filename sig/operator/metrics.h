// SPDX-License-Identifier: MIT
/* metrics: the Prometheus text of /metrics (text format 0.0.4), written by hand: families in the order of sig/operator/metrics.def, each with its
 * HELP and TYPE, then its samples. Base units (seconds, bytes), counters end with _total, no label that a stranger or a call could widen.
 *
 *	void metrics_weather(struct metrics *m)          a row METRICS(metrics_weather) in metrics.def
 *	{
 *		metrics_family(m, "kedge_weather_celsius", METRICS_GAUGE, "Warmth of the air.");
 *		metrics_int(m, 21, "place", "hall", NULL);
 *	}
 *
 * Every series exists from the start, at 0: an alert never misses the first event. Thread: admin's; what it reads is what admin.h allows. */
#ifndef KEDGE_SIG_OPERATOR_METRICS_H
#define KEDGE_SIG_OPERATOR_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "routing/health.h"
#include "sig/operator/admin.h"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_SUMMARY };

struct metrics {
	const struct admin_request *r;
	const struct health *health; /* as admin_health() */
	FILE *out;
	const char *name; /* of the family that is being written */
};

/* Begins a family. help: one sentence. */
void metrics_family(struct metrics *m, const char *name, enum metrics_type type, const char *help);

/* A sample of it; labels: name, value, name, value ..., NULL. Values are escaped; what is not UTF-8 becomes "?". */
void metrics_int(struct metrics *m, uint64_t value, ...) __attribute__((sentinel));
void metrics_real(struct metrics *m, double value, ...) __attribute__((sentinel));

/* All samples of a histogram or a summary: count[i] values at most bound[i], each value in one of them; the last count is of those above all
 * bounds. sum: of all values. bounds 0: a summary without quantiles. One label, or NULL. */
void metrics_buckets(struct metrics *m, const double *bound, const uint64_t *count, unsigned bounds, double sum, const char *label, const char *value);

#define METRICS(function) void function(struct metrics *m);
#include "sig/operator/metrics.def"
#undef METRICS

#endif
