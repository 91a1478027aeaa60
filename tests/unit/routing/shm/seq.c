// SPDX-License-Identifier: MIT
// seq: readers take whole copies or none, while the writer writes, after it died at any store, and after the mend.
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/clock.h"
#include "routing/shm/layout.h"
#include "routing/shm/seq.h"
#include "tests/unit/routing/shm/killed.h"

#define WORDS     21 /* as the largest line of the contract: kedge_end */
#define STRESS_NS (700 * CLOCK_NS_PER_MS)

struct sample {
	uint64_t w[WORDS];
};

struct shared {
	KEDGE_SEQ(struct sample) line;
	_Alignas(KEDGE_LINE) _Atomic uint64_t stop;
};

static struct sample sample_of(uint64_t n)
{
	struct sample s;

	for (size_t i = 0; i < WORDS; i++)
		s.w[i] = n * 0x9e3779b97f4a7c15ULL + i;
	return s;
}

static bool whole(const struct sample *s)
{
	for (size_t i = 1; i < WORDS; i++)
		if (s->w[i] != s->w[0] + i)
			return false;
	return true;
}

static struct shared *shared_new(void)
{
	struct shared *m =
	    mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(m, MAP_FAILED);
	return m;
}

static void test_round(void **state)
{
	struct shared *m = shared_new();
	struct sample in = sample_of(7), out = sample_of(1);

	assert_int_equal(seq_read(&m->line, &out), 0);
	for (size_t i = 0; i < WORDS; i++)
		assert_int_equal(out.w[i], 0);
	seq_write(&m->line, &in);
	assert_int_equal(seq_read(&m->line, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	assert_int_equal(atomic_load_explicit(&m->line.seq, memory_order_relaxed), 2);
	munmap(m, sizeof(*m));
}

static void test_torn_keeps_last_good_copy(void **state)
{
	struct shared *m = shared_new();
	struct sample good = sample_of(3), out, next = sample_of(4);

	seq_write(&m->line, &good);
	assert_int_equal(seq_read(&m->line, &out), 0);
	atomic_store_explicit(&m->line.seq, 3, memory_order_relaxed);
	atomic_store_explicit(&m->line.w[0], 99, memory_order_relaxed);
	assert_int_equal(seq_read(&m->line, &out), -EBUSY);
	assert_memory_equal(&out, &good, sizeof(out));
	assert_true(seq_torn(&m->line));
	seq_mend(&m->line, &next);
	assert_int_equal(atomic_load_explicit(&m->line.seq, memory_order_relaxed), 4);
	assert_false(seq_torn(&m->line));
	assert_int_equal(seq_read(&m->line, &out), 0);
	assert_memory_equal(&out, &next, sizeof(out));
	munmap(m, sizeof(*m));
}

/* ---- a writer that never rests, in a thread and in a process ---- */

static void write_until_told(struct shared *m)
{
	for (uint64_t n = 1; !atomic_load_explicit(&m->stop, memory_order_relaxed); n++) {
		struct sample s = sample_of(n);

		seq_write(&m->line, &s);
	}
}

static void *writer_thread(void *arg)
{
	write_until_told(arg);
	return NULL;
}

static void read_and_check(struct shared *m)
{
	uint64_t begun = clock_mono_ns(), now = begun, good = 0, busy = 0, changed = 0;
	struct sample out = sample_of(0), last = out;

	/* On a busy machine the writer may have had a turn or two only: then until it was seen at work. */
	for (; now - begun < STRESS_NS || (changed <= 10 && now - begun < 20 * STRESS_NS); now = clock_mono_ns()) {
		if (seq_read(&m->line, &out) < 0)
			busy++;
		else
			good++;
		if (out.w[0] != 0)
			assert_true(whole(&out)); /* after -EBUSY too: the last good copy */
		changed += memcmp(&out, &last, sizeof(out)) != 0;
		last = out;
	}
	print_message("    %llu good, %llu busy, %llu different copies\n", (unsigned long long)good,
	    (unsigned long long)busy, (unsigned long long)changed);
	assert_true(changed > 10); /* else it was no test: the writer never ran beside the reader */
}

static void test_stress_threads(void **state)
{
	struct shared *m = shared_new();
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, writer_thread, m), 0);
	read_and_check(m);
	atomic_store_explicit(&m->stop, 1, memory_order_relaxed);
	pthread_join(t, NULL);
	munmap(m, sizeof(*m));
}

static void test_stress_processes(void **state)
{
	struct shared *m = shared_new();
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		write_until_told(m);
		_exit(0);
	}
	read_and_check(m);
	atomic_store_explicit(&m->stop, 1, memory_order_relaxed);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	munmap(m, sizeof(*m));
}

/* ---- a writer killed at each store ---- */

struct write_job {
	struct shared *m;
	const struct sample *s;
};

static void write_once(void *arg)
{
	struct write_job *job = arg;

	seq_write(&job->m->line, job->s);
}

static void test_killed_at_each_store(void **state)
{
	struct sample old = sample_of(1), new = sample_of(2), mended = sample_of(3);
	int stores, seen;

	for (stores = 0;; stores++) {
		struct shared *m = shared_new();
		struct killed_watch watch = { &m->line, sizeof(m->line) };
		struct write_job job = { m, &new };
		struct sample out;
		bool torn;

		seq_write(&m->line, &old);
		seen = killed_after(stores, write_once, &job, &watch, 1);
		if (seen == -1)
			skip();
		assert_true(seen >= 0);
		if (seen < stores) {
			munmap(m, sizeof(*m));
			break;
		}
		/* Before the mend: the old copy, the new one, or none. */
		out = old;
		torn = seq_torn(&m->line);
		assert_int_equal(seq_read(&m->line, &out), torn ? -EBUSY : 0);
		assert_true(whole(&out));
		assert_int_equal(torn, stores > 0 && stores < WORDS + 2);
		if (torn)
			seq_mend(&m->line, &mended);
		/* After it, and after the restarted writer's next write. */
		assert_int_equal(seq_read(&m->line, &out), 0);
		assert_memory_equal(&out, torn ? &mended : stores ? &new : &old, sizeof(out));
		seq_write(&m->line, &new);
		assert_int_equal(seq_read(&m->line, &out), 0);
		assert_memory_equal(&out, &new, sizeof(out));
		munmap(m, sizeof(*m));
	}
	assert_int_equal(
	    stores, WORDS + 3); /* odd, each word, even: each one was a place of death */
}

static void test_dies_again_before_the_mend(void **state)
{
	struct shared *m = shared_new();
	struct sample s = sample_of(5), out = sample_of(6);

	for (int death = 0; death < 3; death++) {
		atomic_store_explicit(&m->line.seq,
		    atomic_load_explicit(&m->line.seq, memory_order_relaxed) | 1,
		    memory_order_relaxed);
		atomic_store_explicit(&m->line.w[death], 1, memory_order_relaxed);
		assert_int_equal(seq_read(&m->line, &out), -EBUSY);
	}
	seq_mend(&m->line, &s);
	assert_int_equal(seq_read(&m->line, &out), 0);
	assert_memory_equal(&out, &s, sizeof(s));
	munmap(m, sizeof(*m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_torn_keeps_last_good_copy),
		cmocka_unit_test(test_stress_threads),
		cmocka_unit_test(test_stress_processes),
		cmocka_unit_test(test_killed_at_each_store),
		cmocka_unit_test(test_dies_again_before_the_mend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
