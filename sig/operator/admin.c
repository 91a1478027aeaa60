// SPDX-License-Identifier: MIT
#include "sig/operator/admin.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/clock.h"
#include "config/event.h"
#include "routing/health.h"
#include "sig/operator/admin_board.h"
#include "sig/operator/admin_part.h"

#define CONNECTIONS 32 /* at once: people and a few scripts */
#define TIMEOUT_S   10 /* of an idle connection */

struct admin admin;

static void make_directory(const char *socket)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", socket);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	mkdir(dir, 0750); /* bind tells what is wrong with it */
}

/* Does anybody answer there? A dead kedge leaves its socket behind. */
static bool answered(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)sun, sizeof(*sun));

	if (fd >= 0)
		close(fd);
	return yes;
}

/* Bound, 0660, then listening: nobody can connect before the mode holds. Gives the descriptor or a negative errno. */
static int listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, rc;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	make_directory(path);
	if (answered(&sun))
		return -EADDRINUSE;
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode)) /* nothing else is ours to take away */
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || chmod(path, 0660) || listen(fd, 64)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int start_http(int fd)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the thread that waits for them */
	admin.daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, admin_http_request, NULL,
	    MHD_OPTION_EXTERNAL_LOGGER, admin_http_line, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, admin_http_completed, NULL,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return admin.daemon ? 0 : -EIO;
}

static void free_memory(void)
{
	free(admin.health);
	admin.health = NULL;
	admin_board_close();
}

static void free_confs(void)
{
	conf_unref(atomic_exchange_explicit(&admin.next, NULL, memory_order_acquire));
	conf_unref(admin.conf);
	conf_unref(admin.first);
	admin.conf = admin.first = NULL;
}

int admin_open(const struct conf *c, const struct segment *seg)
{
	int fd, rc = -ENOMEM;

	assert(!admin.daemon);
	admin.seg = seg;
	admin.started_wall_ms = clock_wall_ms();
	admin.health = malloc(sizeof(*admin.health));
	if (!admin.health || admin_board_open(seg->pub->slots) < 0)
		goto out_memory;
	rc = listen_at(c->admin.socket);
	if (rc < 0)
		goto out_memory;
	fd = rc;
	admin.conf = conf_ref(c);
	admin.first = conf_ref(c);
	admin.socket = c->admin.socket;
	rc = start_http(fd);
	if (rc < 0)
		goto out_fd;
	event_log(admin_open, .socket = c->admin.socket);
	return 0;
out_fd:
	close(fd);
	unlink(c->admin.socket);
	free_confs();
out_memory:
	free_memory();
	return rc;
}

void admin_conf(const struct conf *c)
{
	if (admin.daemon) /* one that was never seen goes */
		conf_unref(atomic_exchange_explicit(&admin.next, conf_ref(c), memory_order_acq_rel));
}

void admin_close(void)
{
	if (!admin.daemon)
		return;
	unlink(admin.socket);
	MHD_stop_daemon(admin.daemon); /* closes the listening socket, ends the thread */
	admin.daemon = NULL;
	free_confs();
	free_memory();
}
