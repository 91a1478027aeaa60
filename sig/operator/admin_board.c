// SPDX-License-Identifier: MIT
#include "sig/operator/admin_board.h"

#include <errno.h>
#include <sys/mman.h>

#include "routing/shm/seq.h"

struct place {
	KEDGE_SEQ(struct admin_now) now;
	KEDGE_SEQ(struct admin_who) who;
};

static struct {
	struct place *place;
	uint32_t slots;
} board;

int admin_board_open(uint32_t slots)
{
	void *p = mmap(NULL, slots * sizeof(struct place), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	board.place = p;
	board.slots = slots;
	return 0;
}

void admin_board_close(void)
{
	if (board.place)
		munmap(board.place, board.slots * sizeof(*board.place));
	board.place = NULL;
}

static struct place *place_of(uint32_t slot)
{
	if (!board.place)
		return NULL;
	assert(slot < board.slots);
	return &board.place[slot];
}

void admin_call_who(uint32_t slot, const struct admin_who *who)
{
	struct place *p = place_of(slot);

	if (p)
		seq_write(&p->who, who);
}

void admin_call_now(uint32_t slot, const struct admin_now *now)
{
	struct place *p = place_of(slot);

	if (p)
		seq_write(&p->now, now);
}

void admin_call_clear(uint32_t slot)
{
	static const struct admin_now none;

	admin_call_now(slot, &none);
}

bool admin_board_read(uint32_t slot, struct admin_now *now, struct admin_who *who)
{
	const struct place *p = place_of(slot);

	/* A place never written is seen by this one word. */
	if (!p || !atomic_load_explicit(&p->now.seq, memory_order_relaxed))
		return false;
	if (seq_read(&p->now, now) || !now->call_id || seq_read(&p->who, who))
		return false;
	return who->call_id == now->call_id;
}
