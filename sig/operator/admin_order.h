// SPDX-License-Identifier: MIT
/* admin_order: what the admin thread wants done it leaves in one place, and wakes the SIP loop by an eventfd; the loop does it, says so by
 * another one, and goes on.
 *
 *   admin thread   FREE -> POSTED, waits 2 s at most      SIP loop   POSTED -> RUNNING -> DONE
 *                  POSTED -> FREE when nobody came
 *
 * One order at a time; other threads than the admin's that ask wait for each other. */
#ifndef KEDGE_SIG_OPERATOR_ADMIN_ORDER_H
#define KEDGE_SIG_OPERATOR_ADMIN_ORDER_H

#include <sofia-sip/su_wait.h>

/* SIP thread: orders are taken from now on, in this loop. 0 or a negative errno. */
int admin_order_open(su_root_t *root);

/* SIP thread: no order is taken any more; one that waits is told at once. Before admin_close(), which waits for the admin thread. */
void admin_order_close(void);

/* SIP thread, after admin_close(). */
void admin_order_fini(void);

#endif
