// SPDX-License-Identifier: MIT
#include "sig/trunk/canary_call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/su_tag.h>

#include "config/clock.h"
#include "config/conf.h"
#include "config/sound.h"
#include "sig/bridge/bridge.h"
#include "sig/call.h"
#include "sig/dialog/leg.h"
#include "sig/edge/listen.h"
#include "sig/failure.h"
#include "sig/trunk/probe.h"

#define TICK_MS   50
#define ANSWER_MS 30000 /* from the first 18x on */
/* Of the audio: it is no faster where a test scales time. */
#define FIRST_MS  5000
#define TONE_MS   12000
#define DIGITS_MS 5000
#define DIGIT_MS  120

#define URL(text) ((url_string_t *)(text))

static const uint8_t digits[] = { 1, 2, 3 };
#define DIGITS sizeof(digits)

enum phase { CALLING, LISTENING, DIGITS_SENT, TOLD };

struct bird {
	bool used;
	bool heard; /* a 1xx came: it can be CANCELled */
	bool rang;
	bool over;  /* to be freed */
	uint8_t phase, came; /* digits that came back */
	uint16_t slot, code;
	uint64_t until_ns, packets_by_ns;
	char branch[LISTEN_BRANCH], route[LEG_ROUTE];
	void (*ended)(const struct canary_end *e);
	su_home_t home[1];
	const struct conf *conf; /* one reference */
	struct bridge bridge;
	struct bridge_side side;
	nta_leg_t *leg;
	nta_outgoing_t *invite, *bye;
};

static struct {
	su_timer_t *timer;
	bool stopped;
	struct bird bird[CANARY_CALLS];
} birds;

static const struct conf_trunk *trunk_of(const struct bird *b)
{
	return &b->conf->trunks.v[b->side.trunk];
}

/* ---- the end -------------------------------------------------------------------------------- */

static void bird_free(struct bird *b)
{
	anchor_close(&b->bridge.anchor);
	bridge_forget(&b->bridge, &b->side);
	if (b->invite)
		nta_outgoing_destroy(b->invite);
	if (b->bye)
		nta_outgoing_destroy(b->bye);
	if (b->leg)
		nta_leg_destroy(b->leg);
	conf_unref(b->conf);
	su_home_deinit(b->home);
	memset(b, 0, sizeof(*b));
}

static int on_bye(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	(void)orq;
	if (!sip || sip->sip_status->st_status >= 200)
		((struct bird *)magic)->over = true;
	return 0;
}

/* However far it came. Before its first 1xx it cannot be CANCELled (RFC 3261 9.1): then that, or its end, is waited for. */
static void hang_up(struct bird *b)
{
	char branch[LISTEN_BRANCH];

	anchor_close(&b->bridge.anchor);
	if (b->over || b->bye)
		return;
	if (b->code < 200) {
		if (b->heard)
			nta_outgoing_tcancel(b->invite, NULL, NULL, TAG_END());
		b->heard = false;
		return;
	}
	listen_branch(branch);
	b->bye = nta_outgoing_tcreate(b->leg, on_bye, (nta_outgoing_magic_t *)b, URL(b->route), SIP_METHOD_BYE, NULL,
	    NTATAG_BRANCH_KEY(branch), TAG_END());
	b->over = !b->bye;
}

static void tell(struct bird *b, enum kedge_canary what, const char *why)
{
	struct canary_end e = { .slot = b->slot, .code = b->code, .what = what, .why = why };

	if (b->phase == TOLD)
		return;
	b->phase = TOLD;
	if (what != KEDGE_CANARY_REFUSED && e.code < 200) /* a phone that rings proves more than any code */
		e.code = 200;
	b->ended(&e);
}

static void finish(struct bird *b, enum kedge_canary what, const char *why)
{
	hang_up(b);
	tell(b, what, why);
}

/* ---- audio ---------------------------------------------------------------------------------- */

static void say_digits(struct bird *b, uint64_t now)
{
	struct digit d = { .duration_ms = DIGIT_MS, .end = b->side.end };

	if (b->bridge.dtmf[1] == KEDGE_DTMF_NONE) {
		finish(b, trunk_of(b)->dtmf == CONF_DTMF_INFO ? KEDGE_CANARY_AUDIO : KEDGE_CANARY_NO_DTMF, NULL);
		return;
	}
	b->phase = DIGITS_SENT;
	b->until_ns = now + DIGITS_MS * CLOCK_NS_PER_MS;
	for (unsigned i = 0; i < DIGITS; i++) {
		d.event = digits[i];
		anchor_say_digit(&b->bridge.anchor, &d);
	}
}

static void look_for_tone(struct bird *b, uint64_t now)
{
	struct anchor_quality q[2];

	if (!anchor_served(&b->bridge.anchor)) { /* media's fault, not the trunk's */
		if (now >= b->packets_by_ns)
			finish(b, KEDGE_CANARY_SIGNALING, "no_media");
		return;
	}
	anchor_quality(&b->bridge.anchor, q);
	if (q[1].tone)
		say_digits(b, now);
	else if (!q[1].packets && now >= b->packets_by_ns)
		finish(b, KEDGE_CANARY_ONE_WAY, NULL);
	else if (now >= b->until_ns)
		finish(b, KEDGE_CANARY_NO_ECHO, NULL);
}

static void look_for_digits(struct bird *b, uint64_t now)
{
	struct digit d;

	while (b->phase == DIGITS_SENT && anchor_next_digit(&b->bridge.anchor, &d)) {
		if (d.end != b->side.end)
			continue;
		if (d.event != digits[b->came])
			finish(b, KEDGE_CANARY_NO_DTMF, NULL);
		else if (++b->came == DIGITS)
			finish(b, KEDGE_CANARY_AUDIO, NULL);
	}
	if (b->phase == DIGITS_SENT && now >= b->until_ns)
		finish(b, KEDGE_CANARY_NO_DTMF, NULL);
}

static void begin_audio(struct bird *b, const sip_t *sip, uint64_t now)
{
	struct bridge_body body = call_body(sip);

	if (bridge_test_answered(&b->bridge, &b->side, &body) < 0) {
		finish(b, KEDGE_CANARY_NO_ECHO, b->bridge.why);
		return;
	}
	b->phase = LISTENING;
	b->packets_by_ns = now + FIRST_MS * CLOCK_NS_PER_MS;
	b->until_ns = now + TONE_MS * CLOCK_NS_PER_MS;
	anchor_play(&b->bridge.anchor, b->side.end, sound_id(SOUND_CANARY), KEDGE_PLAY_OVER);
}

/* ---- signaling ------------------------------------------------------------------------------ */

static void send_ack(struct bird *b, const sip_t *sip)
{
	nta_outgoing_t *ack;
	char cseq[24];

	if (sip->sip_to->a_tag)
		nta_leg_rtag(b->leg, sip->sip_to->a_tag);
	nta_leg_client_route(b->leg, sip->sip_record_route, leg_contact_ok(sip->sip_contact) ? sip->sip_contact : NULL);
	snprintf(cseq, sizeof(cseq), "%u ACK", sip->sip_cseq->cs_seq);
	ack = nta_outgoing_tcreate(b->leg, NULL, NULL, URL(b->route), SIP_METHOD_ACK, NULL, NTATAG_ACK_BRANCH(b->branch),
	    SIPTAG_CSEQ_STR(cseq), TAG_END());
	nta_outgoing_destroy(ack); /* nta keeps it for retransmitted answers */
}

static void on_answer(struct bird *b, const sip_t *sip)
{
	if (b->code >= 200)
		return; /* repeated */
	b->code = (uint16_t)sip->sip_status->st_status;
	send_ack(b, sip);
	if (b->phase == TOLD)
		hang_up(b);
	else if (!conf_probe_good(&trunk_of(b)->probe, b->code))
		finish(b, KEDGE_CANARY_REFUSED, NULL);
	else
		begin_audio(b, sip, clock_mono_ns());
}

static void on_provisional(struct bird *b, int status)
{
	uint64_t now = clock_mono_ns();

	b->heard = true;
	if (b->phase == TOLD) {
		hang_up(b);
	} else if (status > 100 && !b->rang) {
		b->rang = true;
		b->until_ns = now + ANSWER_MS * CLOCK_NS_PER_MS / (b->conf->scaled ? b->conf->test.time_scale : 1);
	} else if (!b->rang) {
		b->until_ns = now + trunk_of(b)->timers.progress_ms * CLOCK_NS_PER_MS;
	}
}

static int on_response(nta_outgoing_magic_t *magic, nta_outgoing_t *orq, const sip_t *sip)
{
	struct bird *b = (struct bird *)magic;
	bool internal = !sip || nta_sip_is_internal(sip);
	int status = sip ? failure_status(sip) : 408;

	(void)orq;
	if (status < 200) {
		on_provisional(b, status);
	} else if (status < 300) {
		on_answer(b, sip);
	} else {
		b->code = internal ? 0 : (uint16_t)status;
		b->over = true;
		tell(b, b->code && conf_probe_good(&trunk_of(b)->probe, b->code) ? KEDGE_CANARY_SIGNALING : KEDGE_CANARY_REFUSED, NULL);
	}
	return 0;
}

/* It lasts seconds: nothing of it is negotiated anew. */
static int on_request(nta_leg_magic_t *magic, nta_leg_t *leg, nta_incoming_t *irq, const sip_t *sip)
{
	struct bird *b = (struct bird *)magic;

	(void)leg, (void)irq;
	switch (sip->sip_request->rq_method) {
	case sip_method_bye:
		b->over = true;
		tell(b, b->phase == DIGITS_SENT ? KEDGE_CANARY_NO_DTMF : KEDGE_CANARY_SIGNALING, "hung_up");
		return 200;
	case sip_method_options:
	case sip_method_info:
		return 200;
	case sip_method_invite:
	case sip_method_update:
		return 488;
	default:
		return 405;
	}
}

/* ---- time ----------------------------------------------------------------------------------- */

static void step(struct bird *b, uint64_t now)
{
	if (b->over) {
		bird_free(b);
		return;
	}
	switch ((enum phase)b->phase) {
	case CALLING:
		if (now >= b->until_ns)
			finish(b, b->rang ? KEDGE_CANARY_SIGNALING : KEDGE_CANARY_REFUSED, b->rang ? "not_answered" : NULL);
		break;
	case LISTENING:
		look_for_tone(b, now);
		break;
	case DIGITS_SENT:
		look_for_digits(b, now);
		break;
	case TOLD:
		break;
	}
}

static void arm(void);

static void on_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	uint64_t now = clock_mono_ns();

	(void)magic, (void)timer, (void)arg;
	for (unsigned i = 0; i < CANARY_CALLS; i++)
		if (birds.bird[i].used)
			step(&birds.bird[i], now);
	arm();
}

static void arm(void)
{
	bool any = false;

	for (unsigned i = 0; i < CANARY_CALLS; i++)
		any = any || birds.bird[i].used;
	if (any)
		su_timer_set_interval(birds.timer, on_timer, NULL, TICK_MS);
}

/* ---- begin ---------------------------------------------------------------------------------- */

static struct bird *bird_new(const struct health *h, uint16_t slot)
{
	for (unsigned i = 0; i < CANARY_CALLS; i++) {
		struct bird *b = &birds.bird[i];

		if (b->used)
			continue;
		b->used = true;
		b->slot = slot;
		su_home_init(b->home);
		b->conf = conf_ref(h->conf);
		b->bridge.home = b->home;
		b->bridge.conf = b->conf;
		b->side = (struct bridge_side){ .trunk = h->hop[slot].trunk, .peer = h->hop[slot].addr, .end = KEDGE_LIVE_NONE };
		return b;
	}
	return NULL;
}

static int invite(struct bird *b, nta_agent_t *agent, const char *sdp)
{
	struct probe_request r;
	char token[LISTEN_TOKEN], hops[12];
	int err;

	listen_token(token);
	err = probe_request(&r, b->slot, token, trunk_of(b)->probe.number);
	if (err)
		return err;
	snprintf(hops, sizeof(hops), "%u", b->conf->sip.max_forwards);
	snprintf(b->route, sizeof(b->route), "%s", r.route);
	listen_branch(b->branch);
	b->leg = nta_leg_tcreate(agent, on_request, (nta_leg_magic_t *)b, SIPTAG_CALL_ID_STR(r.call_id), SIPTAG_FROM_STR(r.from),
	    SIPTAG_TO_STR(r.to), SIPTAG_CSEQ_STR("100 INVITE"), TAG_END());
	if (!b->leg)
		return -ENOMEM;
	b->invite = nta_outgoing_tcreate(b->leg, on_response, (nta_outgoing_magic_t *)b, URL(b->route), SIP_METHOD_INVITE, URL(r.ruri),
	    NTATAG_BRANCH_KEY(b->branch), NTATAG_PASS_100(1), SIPTAG_CONTACT_STR(r.contact), SIPTAG_MAX_FORWARDS_STR(hops),
	    SIPTAG_ALLOW_STR(leg_allow), TAG_IF(r.agent, SIPTAG_USER_AGENT_STR(r.agent)), SIPTAG_CONTENT_TYPE_STR("application/sdp"),
	    SIPTAG_PAYLOAD_STR(sdp), TAG_END());
	return b->invite ? 0 : -EIO;
}

int canary_call(const struct health *health, uint16_t slot, void (*ended)(const struct canary_end *e))
{
	const struct conf_trunk *t = &health->conf->trunks.v[health->hop[slot].trunk];
	nta_agent_t *agent = listen_agent(t->interface, health->hop[slot].addr.family);
	struct bird *b = agent && !birds.stopped ? bird_new(health, slot) : NULL;
	const char *sdp;
	int err;

	if (!b)
		return -EAGAIN;
	b->until_ns = clock_mono_ns() + t->probe.timeout_ms * CLOCK_NS_PER_MS;
	b->phase = TOLD; /* what fails from here on is this function's to tell */
	b->ended = ended;
	err = bridge_test(&b->bridge, &b->side, t->interface, slot, &sdp);
	if (err == 0)
		err = invite(b, agent, sdp);
	if (err) {
		bird_free(b);
		return err;
	}
	b->phase = CALLING;
	arm();
	return 0;
}

int canary_call_init(su_root_t *root)
{
	birds.timer = su_timer_create(su_root_task(root), 0);
	return birds.timer ? 0 : -ENOMEM;
}

void canary_call_end_all(void)
{
	birds.stopped = true;
	for (unsigned i = 0; i < CANARY_CALLS; i++) {
		if (!birds.bird[i].used)
			continue;
		birds.bird[i].phase = TOLD;
		hang_up(&birds.bird[i]);
	}
}

void canary_call_fini(void)
{
	for (unsigned i = 0; i < CANARY_CALLS; i++)
		if (birds.bird[i].used)
			bird_free(&birds.bird[i]);
	su_timer_destroy(birds.timer);
	memset(&birds, 0, sizeof(birds));
}
