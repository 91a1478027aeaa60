// SPDX-License-Identifier: MIT
#include "tools/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un to; /* sun_family 0: nobody listens */
static socklen_t to_len;

uint64_t notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC"),
	           *pid = getenv("WATCHDOG_PID");
	uint64_t every = usec ? strtoull(usec, NULL, 10) * 500 : 0;

	if (pid && strtoul(pid, NULL, 10) != (unsigned long)getpid())
		every = 0;
	if (path && (path[0] == '/' || path[0] == '@') && strlen(path) < sizeof(to.sun_path)) {
		to.sun_family = AF_UNIX;
		memcpy(to.sun_path, path, strlen(path));
		to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
		if (path[0] == '@')
			to.sun_path[0] = '\0'; /* the abstract name space */
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return to.sun_family ? every : 0;
}

void notify_send(const char *format, ...)
{
	char text[256];
	va_list ap;
	int fd, n;

	if (!to.sun_family)
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1,
	    MSG_NOSIGNAL, (struct sockaddr *)&to, to_len);
	close(fd);
}
