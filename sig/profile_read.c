// SPDX-License-Identifier: MIT
/* profile_read: what the library read of an INVITE, as text for profile. */
#include "sig/profile.h"

#include <string.h>

#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/su_alloc.h>

#include "sig/header.h"
#include "sig/profile_part.h"

static const char *url_number(const url_t *url)
{
	const char *user =
	    url->url_type == url_tel && !url->url_user ? url->url_host : url->url_user;

	return user ? user : "";
}

static const char *number_of(char buf[static PROFILE_NUMBER], const url_t *url)
{
	static const struct conf_headers as_is = {
		.prefix_strip = "", .prefix_add = "", .country = ""
	};
	const char *user = url_number(url);
	char plain[PROFILE_NUMBER];

	if (!plain_user(plain, user, strlen(user)))
		plain[0] = 0;
	return profile_number(buf, plain, &as_is, false);
}

const char *profile_called(char buf[static PROFILE_NUMBER], const struct sip_s *sip)
{
	return number_of(buf, sip->sip_request->rq_url);
}

void profile_caller(char number[static PROFILE_NUMBER], char display[static PROFILE_DISPLAY],
    const struct sip_s *sip)
{
	const char *name = sip->sip_from->a_display ? sip->sip_from->a_display : "";

	number_of(number, sip->sip_from->a_url);
	plain_display(display, (struct span){ name, strlen(name) });
}

static void take(struct profile_in *in, const char *name, const char *value)
{
	if (!name || !value)
		return;
	if (in->headers == PROFILE_HEADERS_IN)
		in->left_out++;
	else
		in->header[in->headers++] = (struct profile_header){ name, value };
}

void profile_read(struct profile_in *in, const struct sip_s *sip, void *home, const char *number,
    uint64_t call_id)
{
	const sip_t *m = sip;
	const sip_from_t *from = m->sip_from;

	*in = (struct profile_in){ .number = number, .call_id = call_id };
	if (from) {
		const url_t *url = from->a_url;
		bool tel = url->url_type == url_tel;

		in->from_display = from->a_display;
		in->from_user = url_number(url);
		in->from_host = tel ? NULL : url->url_host;
	}
	for (sip_header_t *h = (sip_header_t *)m->sip_request; h; h = (sip_header_t *)h->sh_succ) {
		const char *name = h->sh_class->hc_name;

		if (h->sh_class == sip_unknown_class)
			take(in, h->sh_unknown->un_name, h->sh_unknown->un_value);
		else if (name && name[0] && profile_rule_of(name) != RULE_OWN)
			take(in, name, header_text(home, h));
	}
}
