/* test_threads.c: the pool of threads hands out every range of a job once, to workers of different
** numbers, each its own part first; it wakes who sleeps, starts anew in a child, and ends whenever
** it is told to, be it while a worker comes late to the last job. */
#include <sched.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/profile.h"
#include "core/threads.h"
#include "testing.h"

enum { ELEMENTS = 1000 };

/* How often each element was worked on; ranges write to different places. */
static void count_visits(void *data, size_t first, size_t count, size_t worker) {
  unsigned char *visits = data;
  (void)worker;
  for (size_t i = first; i < first + count; i++) visits[i]++;
}

static void nothing(void *data, size_t first, size_t count, size_t worker) {
  (void)data, (void)first, (void)count, (void)worker;
}

static void test_each_element_is_visited_once(void) {
  gr_Context context;
  gr_context_init(&context);
  for (int threads = 1; threads <= 5; threads++) {
    gr_set_threads(&context, threads);
    for (size_t n = 0; n <= ELEMENTS; n += 37) {
      unsigned char visits[ELEMENTS] = {0};
      size_t wrong = 0;
      gr_parallel(&context, n, 1 + n % 16, 10, count_visits, visits);
      for (size_t i = 0; i < ELEMENTS; i++) wrong += visits[i] != (i < n);
      check(wrong == 0, "%d threads, %zu elements: %zu visited wrongly", threads, n, wrong);
    }
  }
  gr_context_free(&context);
}

/* Who works by which number, and whether two ever did by the same one, or one by a greater number
** than there are threads. */
typedef struct Numbers {
  size_t threads;
  atomic_bool busy[GR_MAX_THREADS], wrong;
} Numbers;

static void take_number(void *data, size_t first, size_t count, size_t worker) {
  Numbers *numbers = data;
  (void)first, (void)count;
  if (worker >= numbers->threads || atomic_exchange(&numbers->busy[worker], true))
    numbers->wrong = true;
  for (int i = 0; i < 1000; i++) atomic_load(&numbers->busy[worker]);
  numbers->busy[worker] = false;
}

static void test_no_two_workers_have_one_number(void) {
  gr_Context context;
  gr_context_init(&context);
  for (size_t threads = 2; threads <= 5; threads++) {
    Numbers numbers = {.threads = threads};
    gr_set_threads(&context, (int)threads);
    for (int job = 0; job < 100; job++) gr_parallel(&context, 50, 1, 1, take_number, &numbers);
    check(!numbers.wrong, "%zu threads have their own numbers", threads);
  }
  gr_context_free(&context);
}

/* Where the first range of each of two workers began; both wait in it until both have one. */
typedef struct Beginnings {
  atomic_size_t first[2], count;
} Beginnings;

static void note_beginning(void *data, size_t first, size_t count, size_t worker) {
  Beginnings *beginnings = data;
  (void)count;
  if (beginnings->first[worker] != ELEMENTS) return;
  beginnings->first[worker] = first;
  beginnings->count++;
  while (beginnings->count < 2) sched_yield();
}

/* Whoever comes first, so that in all jobs alike a worker has the same elements. */
static void test_each_worker_begins_with_its_own_part(void) {
  gr_Context context;
  gr_context_init(&context);
  gr_set_threads(&context, 2);
  for (int job = 0; job < 100; job++) {
    Beginnings beginnings = {{ELEMENTS, ELEMENTS}, 0};
    gr_parallel(&context, 70, 7, 7, note_beginning, &beginnings);
    size_t mine = beginnings.first[0], other = beginnings.first[1];
    check(mine == 0 && other == 35, "job %d: workers began at %zu and %zu", job, mine, other);
  }
  gr_context_free(&context);
}

/* A child has none of its parent's threads, and goes on with its own. */
static void test_a_child_has_its_own_threads(void) {
  unsigned char visits[8] = {0};
  int status = -1;
  gr_Context context;
  gr_context_init(&context);
  gr_set_threads(&context, 3);
  gr_parallel(&context, 8, 1, 1, count_visits, visits);
  pid_t child = fork();
  if (child == 0) {
    gr_parallel(&context, 8, 1, 1, count_visits, visits);
    gr_context_free(&context);
    for (int i = 0; i < 8; i++) if (visits[i] != 2) _exit(1);
    _exit(0);
  }
  waitpid(child, &status, 0);
  check(status == 0, "the child ended with %d", status);
  gr_parallel(&context, 8, 1, 1, count_visits, visits);
  for (int i = 0; i < 8; i++) check(visits[i] == 2, "element %d: %d visits", i, visits[i]);
  gr_context_free(&context);
}

static void nap(void *data, size_t first, size_t count, size_t worker) {
  if (first > 0) usleep(60000);
  count_visits(data, first, count, worker);
}

/* Jobs so far from each other that the workers sleep between them, and long enough that the first
** thread sleeps till they are done. */
static void test_sleepers_are_woken(void) {
  unsigned char visits[8] = {0};
  size_t wrong = 0;
  gr_Context context;
  gr_context_init(&context);
  gr_set_threads(&context, 4);
  for (int i = 0; i < 4; i++) {
    gr_parallel(&context, 8, 1, 2, nap, visits);
    usleep(60000);
  }
  for (size_t i = 0; i < 8; i++) wrong += visits[i] != 4;
  check(wrong == 0, "%zu visited wrongly", wrong);
  gr_context_free(&context);
}

/* One job, which is done before most workers have come, and the end: a thousand times, or fewer
** where it takes long. */
static void test_a_pool_ends_at_any_moment(void) {
  double began = gr_now();
  for (int i = 0; i < 1000 && gr_now() - began < 3; i++) {
    gr_Context context;
    gr_context_init(&context);
    gr_set_threads(&context, 8);
    gr_parallel(&context, 64, 1, 1, nothing, NULL);
    gr_context_free(&context);
  }
  check(true, "it did not wait for ever");
}

int main(void) {
  alarm(120);  /* who waits for ever has failed */
  test_each_element_is_visited_once();
  test_no_two_workers_have_one_number();
  test_each_worker_begins_with_its_own_part();
  test_a_child_has_its_own_threads();
  test_sleepers_are_woken();
  test_a_pool_ends_at_any_moment();
  return finish();
}
