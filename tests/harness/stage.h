// SPDX-License-Identifier: MIT
/* stage: what demo and benches need before they can begin: a loopback network nobody else uses, children that end with us, kedge's log.
 * Thread: one. */
#ifndef KEDGE_TESTS_HARNESS_STAGE_H
#define KEDGE_TESTS_HARNESS_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Monotonic. */
uint64_t stage_now_ns(void);

/* Claims a free 127.S.0.0/16 with first <= S <= last, as tests/harness/rig.py does: it is ours while *lock is open. S, or -1. */
int stage_claim(int first, int last, int *lock);

/* Address 127.slot.net.host as text, in a buffer of INET_ADDRSTRLEN. Returns it. */
const char *stage_ip(int slot, int net, int host, char *out);

/* Makes a new folder kedge-NAME-XXXXXX in TMPDIR, or in /tmp where that is unset, not absolute or too long for the sockets that will be in
 * there (108 bytes). 0, or -1: errno says why. */
int stage_dir(const char *name, char *out, size_t size);

/* Removes such a folder and all in it. "": nothing. */
void stage_remove(const char *dir);

/* kedge, for a program that lies in a folder of the build tree: one folder above its own. */
void stage_program(char *out, size_t size);

/* A UDP socket that does not block, bound there; -1: errno says why. */
int stage_udp(const char *ip, int port);

/* Soft descriptor limit to the hard one; returns it. */
uint64_t stage_raise_files(void);

/* A child whose output goes to the file `log`, in a process group of its own, ended by SIGTERM when we die. */
pid_t stage_spawn(const char *log, char *const argv[]);

/* Waits for a child; false if it is still there after limit_ms. */
bool stage_gone(pid_t pid, unsigned limit_ms, int *status);

/* Ends a child: SIGTERM three times (kedge run: drain, hasten, kill its planes), then SIGKILL. 0 and below: none. */
void stage_end(pid_t pid);

/* Is a program on PATH? */
bool stage_have(const char *program);

/* The word after " key=" in the last line of a text log that holds `event`; false if there is none. */
bool stage_log_word(const char *path, const char *event, const char *key, char *out, size_t room);

/* Starts `PROGRAM run -f config` and waits for run.ready in its log (log.format text). 0 and its pid, or -1. */
int stage_kedge(const char *program, const char *config, const char *log, const char *output, pid_t *pid);

#endif
