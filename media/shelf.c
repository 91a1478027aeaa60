// SPDX-License-Identifier: MIT
#include "media/shelf.h"

#include <time.h>

#include "config/clock.h"
#include "config/event.h"
#include "media/settle.h"

#define LOOK_NS 10000000L /* between two looks whether all workers have the new set */

static const struct conf *next_wanted(struct shelf *s)
{
	const struct conf *c;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && !s->wanted)
		pthread_cond_wait(&s->changed, &s->lock);
	c = s->stop ? NULL : s->wanted;
	if (c)
		s->wanted = NULL;
	pthread_mutex_unlock(&s->lock);
	return c;
}

static bool stopped(struct shelf *s)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

static bool all_have(struct shelf *s, uint64_t number)
{
	for (unsigned w = 0; w < s->workers; w++)
		if (atomic_load_explicit(&s->holds[w].number, memory_order_acquire) < number)
			return false;
	return true;
}

/* Until nobody reads the set before this one any more; at the end the workers are gone already. */
static void wait_for_all(struct shelf *s, uint64_t number)
{
	struct timespec look = { .tv_nsec = LOOK_NS };

	while (!all_have(s, number) && !stopped(s))
		nanosleep(&look, NULL);
}

static void *fill(void *arg)
{
	struct shelf *s = arg;
	struct prompt_set *old = NULL, *set;
	const struct conf *c;
	uint64_t began;

	for (uint64_t number = 1; (c = next_wanted(s)); number++) {
		began = clock_mono_ns();
		set = prompt_set_new(c, number);
		conf_unref(c);
		if (!set)
			continue;
		atomic_store_explicit(&s->set, set, memory_order_release);
		event_log(media_prompts, .sounds = set->count, .ms = (clock_mono_ns() - began) / CLOCK_NS_PER_MS);
		if (old)
			wait_for_all(s, number);
		prompt_set_free(old);
		old = set;
		settle(); /* the sounds are the last of a start, and of a change */
	}
	prompt_set_free(old);
	return NULL;
}

int shelf_open(struct shelf *s, unsigned workers)
{
	int rc;

	*s = (struct shelf){ .workers = workers };
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	rc = pthread_create(&s->thread, NULL, fill, s);
	return -rc;
}

void shelf_follow(struct shelf *s, const struct conf *c)
{
	const struct conf *before;

	pthread_mutex_lock(&s->lock);
	before = s->wanted;
	s->wanted = conf_ref(c);
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	conf_unref(before);
}

void shelf_close(struct shelf *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	conf_unref(s->wanted);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
}
