// SPDX-License-Identifier: MIT
/* layout: the contract between the planes. Every shared struct, who writes it, where it lies.
 *
 * Two memfds, made and laid out by `kedge run`, inherited by both planes:
 *   public   trunk table, session counters, heartbeats; tools map it read-only (0640)
 *   private  session table, SRTP keys, call records, ports, queues; the planes only
 *
 * One writer per cache line, named at each struct: RUN (the supervisor, before the planes start),
 * SIG (kedge-sig's event loop), MEDIA (the one worker that owns the session, port or queue).
 * Three kinds of shared data, nothing else:
 *   word      one _Atomic uint64_t or uint32_t, relaxed unless said otherwise
 *   line      KEDGE_SEQ(type): a plain struct behind a sequence lock, read and written by shm/seq.h
 *   queue     shm/queue.h, one producer and one consumer of 64-bit messages
 *
 * State lives in tables; queues only say "slot n changed", so a restarted plane goes on from the tables.
 * All times are CLOCK_MONOTONIC nanoseconds unless the name ends in _wall_ms (Unix milliseconds).
 *
 * public:  [head 4096][sig counters][worker lines x workers][hops x hop_count][session counters x slots]
 * private: [head 4096][listeners][ports x port_count][sessions x slots][records x slots][queues]
 *          [session_more x slots][record_more x slots]
 * Each part begins on a page. Offsets and counts stand in the heads; who attaches verifies them
 * (segment_attach). Nobody walks the parts by hand: segment.h has an accessor for each.
 *
 * Bytes a call takes (asserted at the end of this file):
 *   part                      every call   with more than 2 outside ends, or digits that are converted /
 *                                          a record over 2,016 bytes
 *   session: anchor, inside end,
 *     2 outside ends                1664
 *   session_more: outside ends 3-8,
 *     digits that are converted           3456
 *   record: two copies              4096  4096
 *   session counters                 192
 *   sum                             5952  13504
 * The memory is a sparse file: what is never written takes no page. So slots that were never used cost
 * nothing, and the two "more" parts lie behind everything else, where ordinary calls never touch a page.
 * An end costs 512 bytes, a port pair 16, a hop 5,568, a worker's queue 256 KB, also sparse. 2,000 calls
 * touch 11.9 MB of 26 MB reserved. Reading a page that was never written takes it too: who walks all slots
 * asks segment_next_used() first. */
#ifndef KEDGE_ROUTING_SHM_LAYOUT_H
#define KEDGE_ROUTING_SHM_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define KEDGE_PUBLIC_MAGIC   0x62757065676b3130ULL
#define KEDGE_PRIVATE_MAGIC  0x697270656764656bULL
#define KEDGE_LAYOUT_VERSION 1

#define KEDGE_LINE        64  /* bytes of a cache line */
#define KEDGE_WORKERS_MAX 16  /* media workers: one ring, one thread each */
#define KEDGE_HOPS_MAX    512 /* slots of the trunk table */
#define KEDGE_NETS_MAX    16  /* local media addresses: interface x address family */
#define KEDGE_LISTEN_MAX  32  /* SIP listening sockets held by `kedge run` */
#define KEDGE_SLOTS_MAX   32768
#define KEDGE_PORTS_MAX   524288 /* port pairs: the whole range of KEDGE_NETS_MAX addresses */
#define KEDGE_OUT_MAX     8      /* outside ends of one anchor: attempts whose media may still speak */
#define KEDGE_OUT_NEAR    2      /* of these in kedge_session, the rest in kedge_session_more */
#define KEDGE_END_INSIDE  0xff   /* the inside end, where 0 .. KEDGE_OUT_MAX - 1 name outside ends */
#define KEDGE_PORT_NONE   UINT32_MAX
#define KEDGE_HOP_NONE    UINT16_MAX
#define KEDGE_SLOT_NONE   UINT32_MAX
#define KEDGE_LIVE_NONE   0xff
#define KEDGE_NAME_MAX    32 /* with its NUL */

#define KEDGE_WORDS(type) (sizeof(type) / sizeof(uint64_t))
/* A sequence-locked copy of a plain struct whose size is a multiple of eight. */
#define KEDGE_SEQ(type)                                                                            \
	struct {                                                                                   \
		_Alignas(KEDGE_LINE) _Atomic uint64_t seq;                                         \
		_Atomic uint64_t w[KEDGE_WORDS(type)];                                             \
	}

/* ---- addresses ------------------------------------------------------------------------------ */

struct kedge_addr { /* a socket address, 20 bytes */
	uint16_t family; /* AF_INET, AF_INET6; 0: none */
	uint16_t port;   /* host order */
	uint8_t ip[16];  /* network order; the first four bytes for AF_INET */
};

struct kedge_prefix { /* a network, 20 bytes: where a far address may be learnt from */
	uint16_t family; /* 0: unused */
	uint16_t bits;
	uint8_t ip[16];
};

/* ---- public: head and heartbeats ------------------------------------------------------------ */

enum kedge_plane_state { KEDGE_PLANE_NONE, KEDGE_PLANE_STARTING, KEDGE_PLANE_RUNNING, KEDGE_PLANE_DRAINING };
enum kedge_backend { KEDGE_BACKEND_NONE, KEDGE_BACKEND_URING, KEDGE_BACKEND_EPOLL };

struct kedge_beat { /* one line; the plane (or worker) named writes it at least every 100 ms */
	_Alignas(KEDGE_LINE) _Atomic uint64_t beat_ns;
	_Atomic uint64_t started_wall_ms;
	_Atomic uint32_t pid;
	_Atomic uint32_t starts;  /* how often this plane was started on this segment */
	_Atomic uint32_t state;   /* enum kedge_plane_state */
	_Atomic uint32_t backend; /* enum kedge_backend; workers only */
};

struct kedge_public_head { /* RUN, constant after creation; beats by their planes */
	uint64_t magic;
	uint32_t version;
	uint32_t head_size;
	uint64_t size; /* of the whole mapping */
	uint8_t boot_id[16];
	uint64_t created_wall_ms;
	uint32_t workers, hop_count, slots, net_count;
	uint64_t counters_off, worker_off, hop_off, stats_off;
	uint32_t sizeof_worker, sizeof_hop, sizeof_stats, sizeof_counters;
	struct kedge_beat run, sig, worker[KEDGE_WORKERS_MAX];
};

/* ---- public: the trunk table, a slot per hop ------------------------------------------------ */

#define KEDGE_HOP_STATES(S)                                                                        \
	S(UNKNOWN) S(UP) S(DEGRADED) S(TRIAL) S(DOWN) S(LOCKED) S(DRAINING) S(OFF)
enum kedge_hop_state {
#define S(x) KEDGE_HOP_##x,
	KEDGE_HOP_STATES(S)
#undef S
	    KEDGE_HOP_STATE_COUNT
};

struct kedge_hop_id { /* SIG: which hop this slot is; rewritten only with a new generation */
	uint32_t generation; /* 0: slot free; DNS makes hops come and go */
	uint16_t trunk;      /* index in the running configuration */
	uint16_t transport;  /* enum conf_transport */
	struct kedge_addr addr;
	uint8_t pad[4];
	char trunk_name[KEDGE_NAME_MAX];
	char carrier[KEDGE_NAME_MAX];
};
static_assert(sizeof(struct kedge_hop_id) % 8 == 0, "whole words");

struct kedge_hop_health { /* SIG: the state and why */
	uint32_t generation;
	uint8_t state;  /* enum kedge_hop_state */
	uint8_t probes; /* 0 none yet, 1 answered, 2 failing */
	uint16_t code;  /* the SIP status behind the reason, 0 if none */
	char reason[24];         /* a word of routing/health.h: consecutive, silent, retry_after, ... */
	uint64_t since_wall_ms;  /* of this state */
	uint64_t retry_wall_ms;  /* LOCKED, DOWN: not before; 0 open */
	uint64_t last_reply_ns;  /* anything heard from the hop */
	uint64_t last_fail_ns;
	uint32_t consecutive;    /* F in a row */
	uint32_t good_probes;    /* in a row */
	uint32_t window_f, window_calls;
	uint32_t reply_ewma_us, reply_dev_us, replies; /* INVITE to its first reply */
	uint32_t probe_rtt_us;
	uint32_t pdd_ewma_ms; /* INVITE to 18x */
	uint32_t share;       /* TRIAL: percent of its calls */
	uint32_t relapses;
	uint32_t pad;
};
static_assert(sizeof(struct kedge_hop_health) % 8 == 0, "whole words");

/* What came of a canary: a test call to an idle trunk (trunk.canary). */
#define KEDGE_CANARIES(C)                                                                          \
	C(AUDIO, "audio")                   /* tone and digits came back */                        \
	C(SIGNALING, "signaling_only")      /* it rang, or was answered well; audio is not proved */ \
	C(REFUSED, "failed")                /* no answer, or a bad one */                          \
	C(ONE_WAY, "one_way")               /* answered, and no RTP came */                        \
	C(NO_ECHO, "no_echo")               /* RTP came, and not what was said */                  \
	C(NO_DTMF, "no_dtmf")               /* the tone came back, the digits not, or other ones */
enum kedge_canary {
#define C(id, word) KEDGE_CANARY_##id,
	KEDGE_CANARIES(C)
#undef C
	    KEDGE_CANARY_COUNT
};

struct kedge_hop_count { /* SIG: words, each only ever grows, but calls */
	_Alignas(KEDGE_LINE) _Atomic uint64_t attempts;
	_Atomic uint64_t position[3]; /* attempts as first, second, later of their call */
	_Atomic uint64_t answered, ringing;
	_Atomic uint64_t class[7]; /* final replies: [1] unused, 2xx..6xx at [2]..[6], [0] none at all */
	_Atomic uint64_t transport_failed, timed_out, cancelled, skipped;
	_Atomic uint64_t probes_sent, probes_good;
	_Atomic uint64_t calls; /* up or in setup now */
	_Atomic uint64_t final[5][100]; /* [class - 2][code % 100]: final responses to INVITEs, each once, late ones too */
	_Atomic uint64_t entered[KEDGE_HOP_STATE_COUNT]; /* changes into each state */
	_Atomic uint64_t canary[KEDGE_CANARY_COUNT]; /* test calls, by what came of them */
	_Atomic uint64_t canary_last; /* the last one: status << 8 | enum kedge_canary */
	_Atomic uint64_t canary_wall_ms; /* when; 0: there was none */
};

struct kedge_hop_media { /* MEDIA, one line per worker; readers sum */
	_Alignas(KEDGE_LINE) _Atomic uint64_t packets; /* received from this hop */
	_Atomic uint64_t lost, late;
	_Atomic uint64_t jitter_us_sum, jitter_samples;
	_Atomic uint64_t one_way, silent; /* the other end was heard: calls whose audio never came, calls that fell silent */
	_Atomic uint64_t last_rx_ns;
};

struct kedge_hop {
	KEDGE_SEQ(struct kedge_hop_id) id;
	KEDGE_SEQ(struct kedge_hop_health) health;
	struct kedge_hop_count count;
	struct kedge_hop_media media[KEDGE_WORKERS_MAX];
};

/* ---- public: counters ----------------------------------------------------------------------- */

/* Why a packet was not relayed, and other things counted once per worker. bad_...: what was wrong with those of drop_malformed. */
#define KEDGE_MEDIA_COUNTERS(C)                                                                    \
	C(packets_in) C(packets_out) C(bytes_in) C(bytes_out)                                      \
	C(drop_stranger) C(drop_malformed) C(drop_closed) C(drop_not_live) C(drop_held)            \
	C(drop_early) C(drop_no_peer) C(drop_send)                                                 \
		C(srtp_auth) C(srtp_replay) C(srtp_no_key) C(srtp_malformed)                       \
	C(buffers_empty) C(rearmed) C(short_send) C(again) C(icmp) C(cancelled)                    \
	C(latched) C(relatched) C(sessions_opened) C(sessions_closed) C(sessions_orphaned)         \
		C(table_busy) C(recovered) C(early_heard)                                  \
	C(drop_rate) C(bad_short) C(bad_stun) C(bad_version) C(bad_type) C(bad_csrc)               \
	C(bad_extension) C(bad_padding) C(bad_rtcp) C(bad_cut) \
	C(drop_digit) C(digits_heard) C(digits_said) C(digits_lost) \
	C(recorded) C(record_lost) \
	C(rest_cut) /* pairs lent again before media.port_rest was over */ \
	C(srtp_flood) /* not looked into: too much was forged just before */

/* What signaling counts beside the hops. */
#define KEDGE_SIG_COUNTERS(C)                                                                      \
	C(calls_in) C(calls_answered) C(calls_failed) C(calls_cancelled) C(calls_moved)            \
	C(refused_no_slot) C(refused_no_port) C(refused_no_fd) C(refused_no_route)                 \
	C(refused_unknown_source) C(refused_draining) C(refused_loop) C(refused_max_forwards)      \
	C(late_200) C(late_18x) C(ghosts_ended) C(stray) C(bad_message)                            \
	C(anchors_opened) C(anchors_closed) C(records_unrestorable)                                \
	C(cdr_written) C(cdr_dropped) C(events_dropped)                                            \
	C(refused_scanner) C(refused_rate) C(refused_connection) C(stream_cut) C(mended)           \
	C(options_unusable) C(events_lost) C(refused_limit)                                        \
	C(timed_out_first_response) C(timed_out_progress) C(timed_out_ring) C(timed_out_budget)                  \
	C(reloads) C(reloads_refused)                                                              \
	C(dns_nxdomain) C(dns_timeout) C(video_refused)

struct kedge_worker { /* MEDIA */
	_Alignas(KEDGE_LINE) _Atomic uint64_t sessions; /* open now */
	_Atomic uint64_t ports_free, ports_resting, ports_lent;
	_Atomic uint64_t loop_lag_ns; /* longest pass of the last second */
#define C(x) _Atomic uint64_t x;
	KEDGE_MEDIA_COUNTERS(C)
#undef C
};

struct kedge_sig_counters { /* SIG */
	_Alignas(KEDGE_LINE) _Atomic uint64_t calls; /* now */
	_Atomic uint64_t loop_lag_ns;
#define C(x) _Atomic uint64_t x;
	KEDGE_SIG_COUNTERS(C)
#undef C
};

/* One direction of one anchor, as received by kedge; MEDIA words. [0] from inside, [1] from outside. */
struct kedge_flow {
	_Alignas(KEDGE_LINE) _Atomic uint64_t packets;
	_Atomic uint64_t bytes;
	_Atomic uint64_t lost_late;   /* lost << 32 | late or doubled */
	_Atomic uint64_t jitter_us;   /* RFC 3550 6.4.1, last */
	_Atomic uint64_t max_gap_ns;  /* longest silence that was not meant (media/quality.h) */
	_Atomic uint64_t first_rx_ns, last_rx_ns;
	_Atomic uint64_t relayed;     /* packets sent on to the other side */
};

#define KEDGE_TOLD_SILENT  1u /* KEDGE_EVT_SILENT, KEDGE_EVT_SILENT_IN */
#define KEDGE_TOLD_ONE_WAY 2u /* KEDGE_EVT_ONE_WAY, KEDGE_EVT_ONE_WAY_IN */
#define KEDGE_TOLD_NEVER   4u /* with ONE_WAY: the end never sent a packet */
#define KEDGE_TOLD_REPORTS 8u /* no event: its RTCP says what it lost of ours, far_lost counts */
#define KEDGE_TOLD_UNHEARD 16u /* no event: never a packet for half of media_dead at least, and the other end spoke. As of the last look */
#define KEDGE_TOLD_TONE    32u /* kedge_end.listen: the tone of a test call was heard from the end */

struct kedge_stats { /* public, one per session slot */
	_Alignas(KEDGE_LINE) _Atomic uint64_t generation; /* whose figures these are */
	_Atomic uint64_t rtcp_packets[2];
	_Atomic uint64_t switches; /* of the live end */
	/* Of both ends, [0] inside, [1] the live outside one. */
	_Atomic uint32_t jitter_mean_us[2]; /* over the whole stream */
	_Atomic uint32_t rtt_us[2];         /* kedge to the end and back, by its RTCP; 0: not known */
	_Atomic uint32_t told[2];           /* KEDGE_TOLD_...: a restarted worker tells nothing twice */
	_Atomic uint32_t far_lost[2];       /* of what kedge sent to the end, by its RTCP, beyond what was lost before */
	struct kedge_flow flow[2];
};

/* ---- private: head, listeners, ports -------------------------------------------------------- */

struct kedge_listener { /* RUN: a bound SIP socket, inherited by kedge-sig under the same number */
	int32_t fd;
	uint16_t stream; /* 1: TCP, listening; 0: UDP */
	uint16_t iface;  /* index in the configuration's interfaces */
	struct kedge_addr addr;
	uint8_t pad[4];
};

struct kedge_net { /* RUN: a local address media is anchored on */
	uint16_t iface; /* index in the configuration's interfaces */
	uint16_t pad;
	struct kedge_addr addr; /* port 0 */
};

struct kedge_port { /* RUN: a bound pair of UDP sockets, RTP even and RTCP the next odd one */
	int32_t fd_rtp, fd_rtcp; /* inherited by kedge-media under the same numbers */
	uint16_t rtp_port;       /* host order; RTCP is rtp_port + 1 */
	uint8_t net, worker;     /* which address, which worker lends it */
	uint32_t pad;
};
static_assert(sizeof(struct kedge_port) == 16, "16 bytes a pair");

struct kedge_private_head { /* RUN, constant after creation */
	uint64_t magic;
	uint32_t version;
	uint32_t head_size;
	uint64_t size;
	uint8_t boot_id[16]; /* equal to the public head's */
	uint32_t workers, slots, port_count, net_count, listener_count;
	uint32_t sizeof_session, sizeof_record, sizeof_queues;
	uint32_t sizeof_session_more, sizeof_record_more, pad;
	uint64_t listener_off, port_off, session_off, record_off, queue_off;
	uint64_t session_more_off, record_more_off;
	int32_t worker_eventfd[KEDGE_WORKERS_MAX]; /* SIG writes, the worker reads: commands wait */
	int32_t sig_eventfd;                       /* workers write, SIG reads: events wait */
	struct kedge_net net[KEDGE_NETS_MAX];
};

/* ---- private: the session table, a slot per anchor ------------------------------------------ */

enum kedge_slot_state { KEDGE_SLOT_FREE, KEDGE_SLOT_OPEN, KEDGE_SLOT_CLOSED };
enum kedge_done_state { KEDGE_DONE_OPEN = 1, KEDGE_DONE_CLOSED = 2 }; /* low byte of kedge_session.done */
enum kedge_latch { /* where the far address may come from (media/latch.h) */
	KEDGE_LATCH_STRICT, /* the signaled address and port only */
	KEDGE_LATCH_GUARDED /* also, once per exchange, from the prefixes of kedge_end.learn */
};
/* kedge_end.flags */
#define KEDGE_END_SEND     1u  /* relay toward this end */
#define KEDGE_END_RECV     2u  /* relay what this end sends */
#define KEDGE_END_RTCP_MUX 4u  /* RTCP on the RTP port (RFC 5761) */
#define KEDGE_END_SPEAKS   8u  /* it ought to send: silence of it is evidence (not held, not recvonly) */
#define KEDGE_END_PLAIN    16u /* a datagram stream that is not RTP (T.38): no RTP checks, no stitch */
#define KEDGE_END_ECHO     32u /* what it sends goes back to it, and nowhere else */
#define KEDGE_END_VIDEO    64u /* frames of several large packets: the marker ends one, and is never set by kedge */

struct kedge_pt { /* payload type of this end for a payload type of the inside end; from 0xff: unused */
	uint8_t inside, here;
};

/* The codec an end speaks, as far as kedge can write it itself or turn it into the other end's. */
enum kedge_codec { KEDGE_CODEC_OTHER, KEDGE_CODEC_PCMU, KEDGE_CODEC_PCMA, KEDGE_CODEC_G722 };

/* How digits (DTMF) travel between kedge and an end. Where two ends that speak with each other differ, kedge turns the one
 * into the other: media the events and tones, signaling the INFOs. */
enum kedge_dtmf {
	KEDGE_DTMF_NONE,  /* as they come: nothing is looked for */
	KEDGE_DTMF_EVENT, /* RFC 4733, telephone_event */
	KEDGE_DTMF_INFO,  /* SIP INFO (RFC 6086) */
	KEDGE_DTMF_INBAND /* tones in its audio, G.711 */
};

enum kedge_play {
	KEDGE_PLAY_UNTIL_MEDIA, /* the first packet that is relayed to the end takes its place, for good */
	KEDGE_PLAY_OVER         /* what others say is not relayed to the end meanwhile */
};

struct kedge_end { /* one end as signaling wants it */
	uint32_t generation; /* 0: end unused; +1 at each new use of the place */
	uint32_t port;       /* index in the port table */
	uint32_t exchange;   /* +1 at each offer/answer that lets the latch learn anew */
	uint16_t hop;        /* trunk table slot for the evidence; KEDGE_HOP_NONE inside a PBX without one */
	uint8_t latch;       /* enum kedge_latch */
	uint8_t flags;
	uint32_t anchor;     /* generation of the anchor this end was written for: once kedge_session.done says
	                      * that one is closed, `port` is media's again and this line is history */
	struct kedge_addr rtp, rtcp;  /* signaled far addresses; family 0: not known yet */
	struct kedge_prefix learn[4]; /* networks a far address may be learnt from */
	uint32_t clock_rate;          /* Hz of the negotiated codec, 8000 if unknown */
	uint16_t ptime_ms;
	uint8_t telephone_event;      /* payload type, 0xff: none */
	uint8_t srtp;                 /* 0: plain; else enum kedge_suite, keys in kedge_keys with the same suite */
	struct kedge_pt pt[8];
	uint8_t codec;    /* enum kedge_codec: of audio_pt */
	uint8_t audio_pt; /* payload type of the first real codec, 0xff: none known */
	uint8_t cn_pt;    /* of comfort noise (RFC 3389), 0xff: not negotiated */
	uint8_t send_ptime_ms; /* G.711 goes to this end in packets of so many ms; 0: as it comes */
	uint8_t laws[2]; /* bit i: pt[i] names PCMU inside and PCMA here [0], PCMA inside and PCMU here [1] */
	uint8_t dtmf;       /* enum kedge_dtmf */
	uint8_t event_here; /* the number our own body gave telephone_event: what it may send, 0xff: none */
	uint32_t play;      /* sound_id() of what kedge plays to this end (config/sound.h); 0: nothing */
	uint8_t play_how;   /* enum kedge_play */
	uint8_t play_take;  /* another value: play it, also where it gave way; what plays already goes on */
	uint8_t record;     /* 1: what comes from it, and goes to it from the other end, is recorded (media/tap.h) */
	uint8_t listen;     /* 1: kedge itself is the other end: its own tone is looked for in what comes from it (KEDGE_TOLD_TONE) */
	uint32_t event_rate; /* Hz of telephone_event's clock: its durations; 0: clock_rate */
};
static_assert(sizeof(struct kedge_end) % 8 == 0, "whole words");

struct kedge_anchor { /* one anchor as signaling wants it; written after its ends */
	uint32_t generation; /* +1 at each new use of the slot; 0: never used */
	uint8_t state;       /* enum kedge_slot_state */
	uint8_t worker;
	uint8_t live; /* index of the outside end that is heard and spoken to; KEDGE_LIVE_NONE: none */
	uint8_t ends; /* how many of out[] were ever used in this generation */
	uint64_t opened_ns;
	uint64_t call_id; /* kedge's own number of the call, for logs */
	uint32_t ssrc;    /* of the line toward the inside end, random per call */
	uint32_t pad;
	char cname[16]; /* RTCP CNAME, random per call */
};
static_assert(sizeof(struct kedge_anchor) % 8 == 0, "whole words");

/* SRTP suites by their SDES names (RFC 4568 6.2, 6188, 7714), with the bytes of master key and salt. */
#define KEDGE_SUITES(S)                                                                            \
	S(AES_CM_128_HMAC_SHA1_80, 16, 14) S(AES_CM_128_HMAC_SHA1_32, 16, 14)                      \
	S(AES_256_CM_HMAC_SHA1_80, 32, 14) S(AES_256_CM_HMAC_SHA1_32, 32, 14)                      \
	S(AEAD_AES_128_GCM, 16, 12) S(AEAD_AES_256_GCM, 32, 12)
enum kedge_suite {
	KEDGE_SUITE_NONE,
#define S(name, key, salt) KEDGE_SUITE_##name,
	KEDGE_SUITES(S)
#undef S
	    KEDGE_SUITE_COUNT
};

/* SIG: SDES master keys, each with its salt behind it, as inline: has them (RFC 4568 9.2); never in logs, queues, tools.
 * No MKI, no session parameters, no lifetime below the default.
 *   order    keys, then the end, then the anchor, then the command: media looks at that.
 *   fresh    a new generation of an end has new keys, both: its numbers begin anew, and a key with a number used twice
 *            is no key any more. Each attempt, branch and direction has its own.
 *   unknown  length 0: what comes (rx) or would go (tx) is dropped and counted. So rx before the answer came.
 *   rekey    the line is written anew and the command sent: a direction whose key is another one begins at rollover 0; the
 *            old rx key is still heard until 2 s after the first packet under the new one, 32 s at most. A direction
 *            with the same key goes on as it was.
 *   wipe     SIG writes zeroes as soon as the end is of no use: the slot's anchor is closed (kedge_session.done), the place
 *            is given up, or it became plain. Media keeps no copy: only libsrtp's contexts, wiped as the end closes. */
struct kedge_keys {
	uint8_t suite; /* enum kedge_suite. Unequal to kedge_end.srtp: no packet passes, never in clear instead */
	uint8_t tx_len, rx_len, pad[5]; /* bytes of tx, rx: master key, then salt */
	uint8_t tx[48], rx[48]; /* kedge sends with tx, receives with rx */
	uint64_t pad2;
};
static_assert(sizeof(struct kedge_keys) % 8 == 0, "whole words");

struct kedge_end_run { /* MEDIA: what a restarted worker goes on from; words, stored before each send */
	_Alignas(KEDGE_LINE) _Atomic uint64_t tx_index; /* highest sent, rollover counter << 16 | sequence */
	_Atomic uint64_t rx_index;
	_Atomic uint64_t tx_rtcp_index; /* SRTCP: highest sent */
	_Atomic uint64_t ssrc;      /* sent << 32 | received */
	_Atomic uint64_t timestamp; /* last sent << 32 | offset added to what is received */
	_Atomic uint64_t last_tx_ns;
	_Atomic uint64_t seq_offset; /* added to received sequence numbers */
	_Atomic uint64_t generation; /* of the end these belong to */
	/* Of a secure end (media/srtp.h). The tags say under which keys the numbers were used: not the keys themselves. */
	_Alignas(KEDGE_LINE) _Atomic uint64_t tx_tag;
	_Atomic uint64_t rx_tag;
	_Atomic uint64_t tx_base;  /* rollovers of tx_index when this key's began: 0 for it */
	_Atomic uint64_t rx_srtp;  /* highest index that authenticated; tx_index is both the line's and SRTP's */
	_Atomic uint64_t rx_srtcp; /* the same for SRTCP */
	_Atomic uint64_t rx_ssrc;  /* whose rx_srtp it is, << 32 | whose rx_srtcp */
	/* An RFC 4733 event that is open on the line: timestamp << 32 | duration << 16 | code << 8 | 128 | payload type; 0: none. */
	_Atomic uint64_t event;
};

struct kedge_latched { /* MEDIA: learnt far addresses */
	uint32_t generation, exchange;
	struct kedge_addr rtp, rtcp;
};
static_assert(sizeof(struct kedge_latched) % 8 == 0, "whole words");

struct kedge_end_slot {
	KEDGE_SEQ(struct kedge_end) want;        /* SIG */
	KEDGE_SEQ(struct kedge_keys) keys;       /* SIG */
	KEDGE_SEQ(struct kedge_latched) latched; /* MEDIA */
	struct kedge_end_run run;                /* MEDIA */
};

struct kedge_session {
	KEDGE_SEQ(struct kedge_anchor) want; /* SIG */
	/* MEDIA: generation << 8 | enum kedge_done_state. Closed is stored (release) after the final counters;
	 * from then on the ports of that generation's ends are media's, and SIG may use the slot again. */
	_Alignas(KEDGE_LINE) _Atomic uint64_t done;
	struct kedge_end_slot in;
	struct kedge_end_slot out[KEDGE_OUT_NEAR]; /* by segment_end(), which knows where the others are */
};

/* Digits on their way from one plane to the other, oldest first. put and taken only ever grow, over all uses of the slot; a
 * digit of another generation is passed over. Taken is stored before anything is done with it: whoever dies, none is
 * given twice. Never in logs or tools: they may be card numbers. */
#define KEDGE_DIGITS 15
struct kedge_digits {
	_Alignas(KEDGE_LINE) _Atomic uint64_t put;  /* producer */
	_Atomic uint64_t digit[KEDGE_DIGITS];       /* producer: shm/digit.h */
	_Alignas(KEDGE_LINE) _Atomic uint64_t taken; /* consumer */
};

struct kedge_session_more {
	struct kedge_end_slot out[KEDGE_OUT_MAX - KEDGE_OUT_NEAR];
	/* Only calls that turn digits of one kind into another write here. [0] MEDIA to SIG: heard from an end, those that media
	 * turned itself too; [1] SIG to MEDIA: to be said to an end. */
	struct kedge_digits digits[2];
};

/* ---- private: call records ------------------------------------------------------------------ */

#define KEDGE_RECORD_NEAR 2016
#define KEDGE_RECORD_MORE 2048
#define KEDGE_RECORD_BODY (KEDGE_RECORD_NEAR + KEDGE_RECORD_MORE)

/* SIG. Two copies written in turn; the newest valid one wins. The body is sig/books/record's own encoding of both
 * dialogs, the caller's Via stack and each branch: its first KEDGE_RECORD_NEAR bytes lie
 * here, the rest in kedge_record_more, so that an ordinary call has both copies in one page. */
struct kedge_record_copy {
	uint64_t generation; /* +1 at each write of the record; 0: never written */
	uint32_t crc32c;     /* over everything behind this field, the body's rest included */
	uint32_t length;     /* of the body, in bytes */
	uint64_t call_id;
	uint32_t slot_generation; /* of the session slot */
	uint32_t flags;           /* 1: live, 2: in setup */
	uint8_t body[KEDGE_RECORD_NEAR];
};
static_assert(sizeof(struct kedge_record_copy) == 2048, "two copies a page");

struct kedge_record {
	struct kedge_record_copy copy[2];
};

struct kedge_record_more {
	uint8_t body[2][KEDGE_RECORD_MORE]; /* of copy[0], copy[1] */
};

/* ---- private: queues ------------------------------------------------------------------------ */

/* Power of two. A port range has at most 32,768 pairs on one address, and each slot of the session table may
 * have one command and one event waiting. */
#define KEDGE_QUEUE_SLOTS 32768

/* A command or event: op << 56 | generation (24 bits) << 32 | slot. In the free rings: the port's index. */
enum kedge_cmd { KEDGE_CMD_SESSION = 1 /* SIG: slot changed, read it */ };
enum kedge_evt {
	KEDGE_EVT_CLOSED = 1, /* MEDIA: slot's counters are final, its ports rest; the slot may be reused */
	KEDGE_EVT_FIRST_RTP,  /* the first packet of the live outside end was relayed inside */
	KEDGE_EVT_SILENT,     /* the live outside end ought to speak and was silent for media.media_dead */
	KEDGE_EVT_ORPHAN,     /* both ends silent for 10 s and no owner: closed by media */
	KEDGE_EVT_SILENT_IN,  /* as SILENT: the inside end */
	KEDGE_EVT_DIGITS,     /* there are digits of an end to be read */
	KEDGE_EVT_ONE_WAY,    /* as SILENT, and meanwhile the other end was heard: it is the trunk's fault */
	KEDGE_EVT_ONE_WAY_IN,
	KEDGE_EVT_PLAYED      /* an announcement (KEDGE_PLAY_OVER) is at its end */
};

struct kedge_queue { /* shm/queue.h */
	_Alignas(KEDGE_LINE) _Atomic uint64_t head; /* consumer */
	_Alignas(KEDGE_LINE) _Atomic uint64_t tail; /* producer */
	_Alignas(KEDGE_LINE) _Atomic uint64_t dropped; /* producer: full */
	_Alignas(KEDGE_LINE) _Atomic uint64_t slot[KEDGE_QUEUE_SLOTS];
};

struct kedge_worker_queues {
	struct kedge_queue cmd;                 /* SIG -> worker */
	struct kedge_queue evt;                 /* worker -> SIG */
	struct kedge_queue free[KEDGE_NETS_MAX]; /* worker -> SIG: port pairs ready to be lent */
};

/* ---- the size table of the header comment --------------------------------------------------- */

static_assert(sizeof(struct kedge_end_slot) == 512, "an end");
static_assert(sizeof(struct kedge_session) == 128 + 3 * 512, "a session's near part");
static_assert(sizeof(struct kedge_session_more) == 3456, "a session's other outside ends");
static_assert(KEDGE_OUT_MAX == 8, "outside ends per anchor");
static_assert(sizeof(struct kedge_record) == 4096, "a record's near part");
static_assert(sizeof(struct kedge_record_more) == 4096, "a record's rest");
static_assert(sizeof(struct kedge_stats) == 192, "a session's counters");
static_assert(sizeof(struct kedge_session) + sizeof(struct kedge_record) + sizeof(struct kedge_stats) == 5952,
    "every call");
static_assert(5952 + sizeof(struct kedge_session_more) + sizeof(struct kedge_record_more) == 13504,
    "a call with all eight outside ends and the longest record");
static_assert(sizeof(struct kedge_hop) == 5568, "a hop");
static_assert(sizeof(struct kedge_public_head) <= 4096 && sizeof(struct kedge_private_head) <= 4096,
    "a head is one page");

#endif
