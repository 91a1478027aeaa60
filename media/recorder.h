// SPDX-License-Identifier: MIT
/* recorder: writes what the workers' taps hold into a file per call, on a thread of its own, so that no disk is ever waited for by a packet.
 *
 *   tap of each worker --> [file of the call: up to RECORDER_BUFFER bytes] --> media.record_dir/CALL.pcap
 *
 * CALL is the call's number as log, `kedge calls` and call records write it. A file is written in whole packets: it can be read at any time, and
 * one that grows anew after a restart stays good; what the dead process had not yet written (a second's worth) is missing. It is closed when its
 * session is. Files are for the owner alone (0600): what is said in them was perhaps encrypted on its way.
 * Where the disk is full or refuses, packets are counted (record_lost) and it is told once until it goes again; where it stalls, the taps fill up and
 * count.
 * Thread: recorder_open() and recorder_close() the main thread's, before the workers and after them. */
#ifndef KEDGE_MEDIA_RECORDER_H
#define KEDGE_MEDIA_RECORDER_H

#include "media/tap.h"
#include "routing/shm/segment.h"

#define RECORDER_BUFFER 8192

struct recorder;

/* Starts the thread. dir is kept by the caller. NULL: *err is a negative errno. */
struct recorder *recorder_open(const struct segment *seg, const char *dir, int *err);

/* The tap of a worker. */
struct tap *recorder_tap(struct recorder *r, uint32_t worker);

/* Writes what waits and closes all files. NULL is allowed. False: the disk stalls, for a second already. The thread lives on then, and with it
 * all that it was given: the process must end as it is. */
bool recorder_close(struct recorder *r);

#endif
