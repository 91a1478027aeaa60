// SPDX-License-Identifier: MIT
/* killed: runs a function in a child, single-stepped, and kills it (SIGKILL) right behind its n-th store to shared memory.
 * For tests that ask what a plane leaves behind when it dies between any two stores. */
#ifndef KEDGE_TESTS_UNIT_ROUTING_SHM_KILLED_H
#define KEDGE_TESTS_UNIT_ROUTING_SHM_KILLED_H

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

struct killed_watch { /* the memory whose changes are counted as stores */
	const void *at;
	size_t size;
};

#define KILLED_WATCH_MAX 4
#define KILLED_BYTES_MAX 512

static inline void killed_copy(char *to, const struct killed_watch *w, int n)
{
	for (int i = 0; i < n; i++) {
		memcpy(to, w[i].at, w[i].size);
		to += w[i].size;
	}
}

/* Runs fn(arg) until `stores` changes of the watched memory were seen. Returns how many were: fewer when the function
 * was done before; -1: no ptrace here; -2: the child misbehaved. */
static inline int killed_after(
    int stores, void (*fn)(void *), void *arg, const struct killed_watch *w, int n)
{
	char before[KILLED_BYTES_MAX] = { 0 }, now[KILLED_BYTES_MAX] = { 0 };
	int status, seen = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		fn(arg);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -2;
	if (WIFEXITED(status))
		return -1;
	killed_copy(before, w, n);
	while (seen >= 0 && seen < stores) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 ||
		    waitpid(pid, &status, 0) != pid)
			return -2;
		if (!WIFSTOPPED(status))
			return -2; /* died by itself: an assertion */
		if (WSTOPSIG(status) == SIGSTOP)
			break; /* behind fn */
		killed_copy(now, w, n);
		if (memcmp(before, now, sizeof(now)) == 0)
			continue;
		memcpy(before, now, sizeof(now));
		seen++;
	}
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return -2;
	return seen;
}

#endif
