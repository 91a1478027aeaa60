// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>

#include "tests/harness/capture.h"
#include "tests/harness/peer_part.h"

void peer_counts(const struct peer *p, uint32_t end, struct peer_counts *out)
{
	const struct end *e = &p->end[end];

	*out = e->n;
	for (uint32_t i = 0; i < e->sources; i++) {
		out->lost += e->source[i].lost;
		out->doubled += e->source[i].doubled;
		out->reordered += e->source[i].reordered;
	}
	out->corr = e->n.heard && e->xx > 0 && e->yy > 0 ? e->xy / sqrt(e->xx * e->yy) : 1;
	out->ends = e->began || e->n.heard || peer_faults(out) || e->n.unstamped;
}

const struct peer_source *peer_sources(const struct peer *p, uint32_t end, uint32_t *count)
{
	*count = p->end[end].sources;
	return p->end[end].source;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void peer_totals(const struct peer *p, struct peer_counts *out)
{
	struct peer_counts c;

	*out = (struct peer_counts){ .corr = 1 };
	for (uint32_t i = 0; i < p->opts.ends; i++) {
		peer_counts(p, i, &c);
#define ADD(f) out->f += c.f
		ADD(sent), ADD(heard), ADD(lost), ADD(doubled), ADD(reordered), ADD(corrupt), ADD(wrong_call), ADD(echo);
		ADD(noise_sent), ADD(noise), ADD(missed), ADD(unstamped), ADD(turned), ADD(wrong_pt), ADD(strangers), ADD(ssrc), ADD(seq), ADD(ts), ADD(switches), ADD(ends);
		ADD(rtcp_sent), ADD(rtcp_heard), ADD(rtcp_bad), ADD(named), ADD(srtp_bad);
#undef ADD
		out->gap_ns = most(out->gap_ns, c.gap_ns);
		out->sent_gap_ns = most(out->sent_gap_ns, c.sent_gap_ns);
		out->corr = fmin(out->corr, c.corr);
	}
}

uint64_t peer_faults(const struct peer_counts *c)
{
	return c->lost + c->doubled + c->reordered + c->corrupt + c->wrong_call + c->echo + c->wrong_pt + c->strangers +
		c->ssrc + c->seq + c->ts + c->rtcp_bad + c->srtp_bad;
}

static void json_counts(const struct peer_counts *c, FILE *out)
{
#define FIELD(f) fprintf(out, "\"" #f "\": %llu, ", (unsigned long long)c->f)
	FIELD(sent), FIELD(heard), FIELD(lost), FIELD(doubled), FIELD(reordered), FIELD(corrupt), FIELD(wrong_call);
	FIELD(echo), FIELD(noise_sent), FIELD(noise), FIELD(missed), FIELD(unstamped), FIELD(turned), FIELD(wrong_pt), FIELD(strangers), FIELD(ssrc), FIELD(seq), FIELD(ts);
	FIELD(switches), FIELD(rtcp_sent), FIELD(rtcp_heard), FIELD(rtcp_bad), FIELD(named), FIELD(srtp_bad);
#undef FIELD
	fprintf(out, "\"gap_ms\": %.2f, \"sent_gap_ms\": %.2f, \"corr\": %.5f, \"faults\": %llu", c->gap_ns / 1e6,
		c->sent_gap_ns / 1e6, c->corr, (unsigned long long)peer_faults(c));
}

static void json_end(const struct peer *p, uint32_t i, const struct peer_counts *c, FILE *out)
{
	const struct end *e = &p->end[i];

	fprintf(out, "{\"end\": %u, \"port\": %u, \"call\": %u, \"index\": %u, ", i + 1, peer_port_of(&e->local), e->call, e->index);
	json_counts(c, out);
	fprintf(out, ", \"applied\": {\"jitter_ms\": %.3f, \"jitter_last_ms\": %.3f, \"overtaken\": %llu}", shake_jitter_ms(&e->shake),
		e->shake.jitter_ns / 1e6, (unsigned long long)e->shake.overtaken);
	fputs(", \"sources\": [", out);
	for (uint32_t k = 0; k < e->sources; k++)
		fprintf(out, "%s{\"end\": %u, \"call\": %u, \"first\": %u, \"last\": %u, \"packets\": %llu}", k ? ", " : "",
			e->source[k].end, e->source[k].call, e->source[k].first, e->source[k].next - 1,
			(unsigned long long)e->source[k].packets);
	fputs("]}", out);
}

void peer_json(const struct peer *p, FILE *out)
{
	struct peer_counts c;
	const char *comma = "";

	fputs("{\"ends\": [", out);
	for (uint32_t i = 0; i < p->opts.ends; i++) {
		peer_counts(p, i, &c);
		if (!c.ends)
			continue;
		fputs(comma, out);
		json_end(p, i, &c, out);
		comma = ",\n ";
	}
	peer_totals(p, &c);
	fprintf(out, "],\n \"totals\": {\"count\": %u, ", c.ends);
	json_counts(&c, out);
	fputs("}}\n", out);
	fflush(out);
}

int peer_wav(const struct peer *p, const char *dir, const char *name)
{
	char path[512];
	int files = 0;

	for (uint32_t i = 0; i < p->opts.ends; i++) {
		const struct end *e = &p->end[i];
		if (!e->wav_count)
			continue;
		snprintf(path, sizeof path, "%s/%s-%07u.wav", dir, name, e->call);
		int r = wav_write(path, e->wav, e->wav_count);
		if (r < 0)
			return r;
		files++;
	}
	return files;
}
