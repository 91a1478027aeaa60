// SPDX-License-Identifier: MIT
#include "tests/harness/stage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_PORT = 4999, START_MS = 10000 };

uint64_t stage_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

const char *stage_ip(int slot, int net, int host, char *out)
{
	snprintf(out, INET_ADDRSTRLEN, "127.%u.%u.%u", (uint8_t)slot, (uint8_t)net, (uint8_t)host);
	return out;
}

int stage_claim(int first, int last, int *lock)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(LOCK_PORT) };
	char ip[INET_ADDRSTRLEN];

	for (int slot = first; slot <= last; slot++) {
		inet_pton(AF_INET, stage_ip(slot, 0, 254, ip), &a.sin_addr);
		*lock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (*lock >= 0 && bind(*lock, (struct sockaddr *)&a, sizeof a) == 0)
			return slot;
		if (*lock >= 0)
			close(*lock);
	}
	*lock = -1;
	return -1;
}

int stage_dir(const char *name, char *out, size_t size)
{
	const char *top = getenv("TMPDIR");

	if (!top || top[0] != '/' || strlen(top) > 60)
		top = "/tmp";
	snprintf(out, size, "%s/kedge-%s-XXXXXX", top, name);
	return mkdtemp(out) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void stage_remove(const char *dir)
{
	if (dir[0])
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void stage_program(char *out, size_t size)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = 0;
	for (int i = 0; i < 2 && (slash = strrchr(self, '/')); i++)
		*slash = 0;
	snprintf(out, size, "%s/kedge", self);
}

int stage_udp(const char *ip, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, ip, &a.sin_addr);
	if (s >= 0 && bind(s, (struct sockaddr *)&a, sizeof a)) {
		close(s);
		return -1;
	}
	return s;
}

uint64_t stage_raise_files(void)
{
	struct rlimit limit = { 0 };

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur;
}

pid_t stage_spawn(const char *log, char *const argv[])
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644), null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	setpgid(0, 0); /* Ctrl-C is ours to handle */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		execvp(argv[0], argv);
	_exit(127);
}

bool stage_gone(pid_t pid, unsigned limit_ms, int *status)
{
	for (uint64_t end = stage_now_ns() + limit_ms * 1000000ull; stage_now_ns() < end; usleep(5000))
		if (waitpid(pid, status, WNOHANG) != 0)
			return true;
	return false;
}

void stage_end(pid_t pid)
{
	int status;

	if (pid <= 0)
		return;
	kill(pid, SIGCONT);
	for (int i = 0; i < 3; i++) {
		kill(pid, SIGTERM);
		if (stage_gone(pid, 1000, &status))
			return;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

bool stage_have(const char *program)
{
	char file[PATH_MAX];

	for (const char *at = getenv("PATH"); at && *at; at += strcspn(at, ":"), at += *at == ':') {
		snprintf(file, sizeof file, "%.*s/%s", (int)strcspn(at, ":"), at, program);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

bool stage_log_word(const char *path, const char *event, const char *key, char *out, size_t room)
{
	FILE *f = fopen(path, "r");
	char line[4096], *at, find[64];
	bool found = false;

	if (!f)
		return false;
	snprintf(find, sizeof find, " %s=", key);
	while (fgets(line, sizeof line, f))
		if (strstr(line, event) && (at = strstr(line, find))) {
			at += strlen(find);
			at[strcspn(at, " \n")] = 0;
			snprintf(out, room, "%s", at);
			found = true;
		}
	fclose(f);
	return found;
}

int stage_kedge(const char *program, const char *config, const char *log, const char *output, pid_t *pid)
{
	char *argv[] = { (char *)program, "run", "-f", (char *)config, NULL }, word[64];
	uint64_t end = stage_now_ns() + START_MS * 1000000ull;
	int status;

	unlink(log);
	*pid = stage_spawn(output, argv);
	while (!stage_log_word(log, "run.ready", "backend", word, sizeof word)) {
		if (*pid < 0 || stage_now_ns() > end || waitpid(*pid, &status, WNOHANG) != 0)
			return -1;
		usleep(10000);
	}
	return 0;
}
