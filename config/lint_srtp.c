// SPDX-License-Identifier: MIT
#include <string.h>
#include <strings.h>

#include "config/load.h"

/* Those of KEDGE_SUITES in routing/shm/layout.h. */
static const char *const suites[] = { "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AES_256_CM_HMAC_SHA1_80",
	"AES_256_CM_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM" };
#define SUITES (sizeof(suites) / sizeof(suites[0]))

static void suite(struct load *l, const struct conf_trunk *t, uint16_t n)
{
	struct conf_where w = load_where(l, &t->srtp_suites, t->where);
	const char *name = t->srtp_suites.v[n];
	size_t i = 0;

	while (i < SUITES && strcasecmp(suites[i], name) != 0)
		i++;
	if (i == SUITES)
		load_error(l, w, "trunk \"%s\".srtp_suites: \"%s\" is none of %s, %s, %s, %s, %s, %s", t->name, name, suites[0], suites[1],
			suites[2], suites[3], suites[4], suites[5]);
	for (uint16_t k = 0; k < n; k++)
		if (strcasecmp(t->srtp_suites.v[k], name) == 0)
			load_error(l, w, "trunk \"%s\".srtp_suites: \"%s\" stands there twice", t->name, name);
}

void lint_srtp(struct load *l, const struct conf_trunk *t)
{
	for (uint16_t i = 0; i < t->srtp_suites.count; i++)
		suite(l, t, i);
	if (t->srtp == CONF_SRTP_OFF && t->srtp_suites.count)
		load_warn(l, load_where(l, &t->srtp_suites, t->where), "trunk \"%s\".srtp_suites does nothing: srtp = \"off\"", t->name);
	/* No transport of this slice is encrypted. */
	if (t->srtp == CONF_SRTP_REQUIRED)
		load_warn(l, load_where(l, &t->srtp, t->where),
			"trunk \"%s\".srtp: its keys are in the signaling, which goes in clear: who reads that can hear the audio", t->name);
}
