// SPDX-License-Identifier: MIT
/* conf: the configuration as one immutable snapshot.
 *
 * conf_load() reads kedge.cfg and trunks.d/NAME.cfg beside it, checks everything, and gives either a snapshot or
 * the list of all errors. Nothing in a snapshot changes afterwards, so any thread may read it; it lives
 * until the last reference goes (conf_ref, conf_unref). Names of other objects are resolved to indices.
 *
 * Every struct below is made from the rows of setting.def (a row makes one field of the key's name):
 *   STRING NAME  const char *key, never NULL      INT       uint32_t key
 *   BOOL         bool key                         DURATION  uint32_t key_ms, milliseconds; 0: unset
 *   MICROS       uint32_t key_us                  ENUM      uint8_t key, an enum below
 *   SET          uint8_t key, bits 1 << enum      IP        struct conf_addr key, family 0: none
 *   PORTS        struct conf_ports key            URI URIS  struct conf_uri key, struct conf_uris key
 *   NETS         struct conf_nets key             STRINGS   struct conf_strings key
 *   INTS         struct conf_ints key, at most CONF_INTS_MAX
 *   INTERFACE TRUNK PROFILE  uint16_t key, an index in conf->interfaces, trunks, profiles; CONF_NONE: "*"
 *   GROUP        struct conf_KEY key              LIST      struct conf_KEY key { v[], count }
 * and each carries `where`, the file and line it was written at. The targets of a profile stand in order of position. */
#ifndef KEDGE_CONFIG_CONF_H
#define KEDGE_CONFIG_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/err.h"

#define CONF_NONE     UINT16_MAX /* no such object; route.from: any trunk */
#define CONF_NAME_MAX 32         /* of names, with the NUL: as KEDGE_NAME_MAX of the trunk table */

/* What the segment has room for, as in routing/shm/layout.h. */
#define CONF_NETS_MAX   16  /* interfaces x address families */
#define CONF_LISTEN_MAX 32  /* SIP listeners */
#define CONF_HOPS_MAX   512 /* hops of all trunks */

/* Words of ENUM and SET rows, in the order of the row. */
enum conf_backend { CONF_BACKEND_AUTO, CONF_BACKEND_URING, CONF_BACKEND_EPOLL };
enum conf_late_offer { CONF_LATE_INSERT, CONF_LATE_PASS };
enum conf_strangers { CONF_STRANGERS_403, CONF_STRANGERS_DROP };
enum conf_bodies { CONF_BODIES_STRIP, CONF_BODIES_PASS };
enum conf_rtcp_mux { CONF_MUX_ACCEPT, CONF_MUX_OFFER, CONF_MUX_NO }; /* as enum offer_mux */
enum conf_ptime { CONF_PTIME_ANY, CONF_PTIME_10, CONF_PTIME_20, CONF_PTIME_30, CONF_PTIME_40 };
enum conf_dtmf { CONF_DTMF_AUTO, CONF_DTMF_RFC4733, CONF_DTMF_INFO, CONF_DTMF_INBAND };
enum conf_dtmf_info { CONF_DTMF_INFO_RELAY, CONF_DTMF_INFO_PLAIN }; /* trunk.dtmf_info */
enum conf_srtp { CONF_SRTP_OFF, CONF_SRTP_OPTIONAL, CONF_SRTP_REQUIRED };
enum conf_latch { CONF_LATCH_STRICT, CONF_LATCH_GUARDED }; /* as enum kedge_latch */
enum conf_format { CONF_FORMAT_TEXT, CONF_FORMAT_JSON };
enum conf_level { CONF_LEVEL_DEBUG, CONF_LEVEL_INFO, CONF_LEVEL_WARN, CONF_LEVEL_ERROR };
enum conf_zone { CONF_ZONE_ANY, CONF_ZONE_INSIDE, CONF_ZONE_OUTSIDE }; /* interface.side */
enum conf_side { CONF_SIDE_CARRIER, CONF_SIDE_PBX };                   /* trunk.side */
enum conf_transport { CONF_UDP, CONF_TCP };
enum conf_probe_method { CONF_PROBE_NONE, CONF_PROBE_OPTIONS, CONF_PROBE_INVITE };
enum conf_canary { CONF_CANARY_OFF, CONF_CANARY_TEST, CONF_CANARY_CALL };
enum conf_pai { CONF_PAI_KEEP, CONF_PAI_STRIP, CONF_PAI_SET };
enum conf_number_format { CONF_NUMBER_PLAIN, CONF_NUMBER_E164, CONF_NUMBER_NATIONAL };
enum conf_rel100 { CONF_REL100_AUTO, CONF_REL100_NO, CONF_REL100_REQUIRE };
enum conf_preset { CONF_PRESET_DEFAULT, CONF_PRESET_STRICT };
enum conf_advance { CONF_ADVANCE_NONE, CONF_ADVANCE_183, CONF_ADVANCE_180 };
enum conf_strategy { CONF_STRATEGY_FAILOVER };
enum conf_failback { CONF_FAILBACK_AUTO, CONF_FAILBACK_MANUAL };
enum conf_lock_scope { CONF_LOCK_AUTO, CONF_LOCK_HOP, CONF_LOCK_TRUNK }; /* trunk.retry_after_scope */
enum conf_test_does { CONF_TEST_ECHO, CONF_TEST_MILLIWATT, CONF_TEST_BUSY, CONF_TEST_LATE };
enum conf_inform { CONF_INFORM_180, CONF_INFORM_183 };
enum conf_all_failed { CONF_ALL_AUTO, CONF_ALL_503, CONF_ALL_500, CONF_ALL_480 };

struct conf_where { /* file: shared by all objects of it, owned by the snapshot */
	const char *file;
	int line;
};

struct conf_addr { /* the layout of struct kedge_addr: family AF_INET, AF_INET6 or 0; port in host order */
	uint16_t family, port;
	uint8_t ip[16]; /* network order; the first four bytes for AF_INET */
};

struct conf_net { /* the layout of struct kedge_prefix; bits beyond the length are zero */
	uint16_t family, bits;
	uint8_t ip[16];
};

struct conf_ports {
	uint16_t low, high; /* both included */
};

struct conf_uri { /* a SIP URI of this slice: no user, no password, no headers */
	const char *host;       /* as written, IPv6 in brackets; NULL: no URI */
	struct conf_addr addr;  /* family 0 where host is a name; port: the one written, else 5060 */
	uint16_t port;          /* as written; 0: none */
	uint8_t transport;      /* enum conf_transport */
	bool named;             /* ;transport= was written */
};

#define CONF_LIST_OF(name, type)                                                                   \
	struct conf_##name {                                                                       \
		type *v;                                                                           \
		uint16_t count;                                                                    \
	}
CONF_LIST_OF(uris, struct conf_uri);
CONF_LIST_OF(nets, struct conf_net);
CONF_LIST_OF(addrs, struct conf_addr);
CONF_LIST_OF(strings, const char *);

#define CONF_INTS_MAX 16
struct conf_ints { /* a short list of numbers, in place */
	uint32_t v[CONF_INTS_MAX];
	uint16_t count;
};

struct conf_header { /* one line of headers.set */
	const char *name;
	const char *value; /* with its ${...} */
};
CONF_LIST_OF(headers_set, struct conf_header);

enum conf_rule_kind { CONF_RULE_NEXT, CONF_RULE_STOP, CONF_RULE_NO_COUNT, CONF_RULE_MAP };
struct conf_rule { /* one code of a trunk's codes group */
	uint8_t kind;   /* enum conf_rule_kind */
	uint8_t class;  /* 3..6 for "4xx"; 0: code */
	uint16_t code;
	int16_t q850;   /* only with this cause in a Reason header; -1: any */
	uint16_t to;    /* MAP: taken for this code */
};
CONF_LIST_OF(rules, struct conf_rule);

/* The lists of groups are named as their key; v[] points to the group. */
struct conf_interfaces {
	struct conf_interface *v;
	uint16_t count;
};
struct conf_trunks {
	struct conf_trunk *v;
	uint16_t count;
};
struct conf_targets {
	struct conf_target *v;
	uint16_t count;
};
struct conf_profiles {
	struct conf_profile *v;
	uint16_t count;
};
struct conf_test_numbers {
	struct conf_test_number *v;
	uint16_t count;
};
struct conf_routes {
	struct conf_route *v;
	uint16_t count;
};

#define CONF_FIELD_STRING(key)    const char *key;
#define CONF_FIELD_NAME(key)      const char *key;
#define CONF_FIELD_INT(key)       uint32_t key;
#define CONF_FIELD_BOOL(key)      bool key;
#define CONF_FIELD_DURATION(key)  uint32_t key##_ms;
#define CONF_FIELD_MICROS(key)    uint32_t key##_us;
#define CONF_FIELD_ENUM(key)      uint8_t key;
#define CONF_FIELD_SET(key)       uint8_t key;
#define CONF_FIELD_IP(key)        struct conf_addr key;
#define CONF_FIELD_PORTS(key)     struct conf_ports key;
#define CONF_FIELD_URI(key)       struct conf_uri key;
#define CONF_FIELD_URIS(key)      struct conf_uris key;
#define CONF_FIELD_NETS(key)      struct conf_nets key;
#define CONF_FIELD_STRINGS(key)   struct conf_strings key;
#define CONF_FIELD_INTS(key)      struct conf_ints key;
#define CONF_FIELD_INTERFACE(key) uint16_t key;
#define CONF_FIELD_TRUNK(key)     uint16_t key;
#define CONF_FIELD_PROFILE(key)   uint16_t key;
#define CONF_FIELD_GROUP(key)     struct conf_##key key;
#define CONF_FIELD_LIST(key)      struct conf_##key key;

#define conf_conf conf /* the root is struct conf */
#define GROUP(group, title)                                                                        \
	struct conf_##group {                                                                      \
		struct conf_where where;
#define ROW(group, type, key, def, min, max, flags, meaning) CONF_FIELD_##type(key)
#define EXTRA(group, declaration)                            declaration
#define END(group)                                                                                 \
	}                                                                                          \
	;
#include "config/setting.def"
#undef GROUP
#undef ROW
#undef EXTRA
#undef END
#undef conf_conf

#define CONF_UNSCALED 1 /* leave test.time_scale unused: for printing and explaining */
#define CONF_FOLDERS  2 /* it is to come into force here: refuse call records without their directory, sounds that cannot be read */

/* Reads file (and trunks.d beside it), adds every error and warning to errs. Returns a snapshot with one reference,
 * or NULL if there was any error. Blocks on the disk: not for the SIP thread. */
struct conf *conf_load(const char *file, unsigned flags, struct err_list *errs);

/* admin.socket of a file whose other settings may be wrong, for who wants to ask the daemon all the same; to be freed. NULL: the
 * file cannot be parsed, or what it says of run and admin is wrong; errs says why. */
char *conf_admin_socket(const char *file, struct err_list *errs);

/* Divides the SCALED durations by test.time_scale, of a snapshot read with CONF_UNSCALED that nobody else has seen yet. */
void conf_scale(struct conf *c);

/* One more holder; returns c. */
const struct conf *conf_ref(const struct conf *c);

/* Is the caller its only holder? */
bool conf_is_last(const struct conf *c);

/* One holder less; the last one frees it. NULL is allowed. */
void conf_unref(const struct conf *c);

/* The index of the object of that name, or CONF_NONE. */
uint16_t conf_trunk_find(const struct conf *c, const char *name);
uint16_t conf_profile_find(const struct conf *c, const char *name);
uint16_t conf_interface_find(const struct conf *c, const char *name);

/* The trunk that a request from addr belongs to: the longest of all `sources` that holds it, or CONF_NONE. Where two
 * trunks list the same network, iface (index of the local interface it came to) decides. */
uint16_t conf_trunk_of(const struct conf *c, const struct conf_addr *addr, uint16_t iface);

/* Is addr one of a trunk that is gone (config/follow.h), whose calls may still speak? */
bool conf_trunk_left(const struct conf *c, const struct conf_addr *addr);

/* True if net holds addr; ports are not looked at. */
bool conf_net_holds(const struct conf_net *net, const struct conf_addr *addr);

/* The longest a dead trunk without calls goes unnoticed, by its probes; 0: it is not probed. */
uint64_t conf_detection_ms(const struct conf_trunk *t);

/* Does this final status of a probe prove the hop good? By default any but 408, 500, 502, 503, 504. */
bool conf_probe_good(const struct conf_probe *p, uint16_t code);

/* Calls at once that a profile's first enabled target has room for (max_calls, at most limits.max_calls); or all others together. */
uint64_t conf_room(const struct conf *c, const struct conf_profile *p, bool first);

/* On how many sides (0, 1, 2) an interface has trunks: a call takes a pair on the side of its caller and one per attempt on the other. And the
 * port pairs it must have, of each of its addresses, for limits.max_calls: with fewer kedge run does not start. */
unsigned conf_sides(const struct conf *c, uint16_t interface);
uint32_t conf_pairs_needed(const struct conf *c, uint16_t interface);

/* Writes "192.0.2.1:5060" or "[2001:db8::1]:5060", without the port where that is 0. Returns buf. */
#define CONF_ADDR_TEXT 64
const char *conf_addr_text(const struct conf_addr *addr, char buf[static CONF_ADDR_TEXT]);

/* The whole configuration, defaults and derived values included, as one file that parses back to the same text.
 * c must have been loaded with CONF_UNSCALED. */
void conf_print(const struct conf *c, FILE *out);

/* A configuration of one PBX and two carriers that can be run, with every setting there is, its default, range and meaning. */
void conf_example(FILE *out);

/* The settings as sections of kedge.cfg(5), in scdoc's language. */
void conf_manual(FILE *out);

#endif
