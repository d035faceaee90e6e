/* threads.c: see threads.h. */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* The elements that one thread takes first; nothing else lies in its line of the cache. */
typedef struct Part {
  _Alignas(64) atomic_size_t next;  /* the first element that nobody has taken */
  size_t end;
} Part;

/* A job is written, then opened; who joins it takes ranges until none is left; then it is closed,
** and written over by the next one when all who joined have left. A worker that comes late finds it
** closed and is not waited for. All this is one word, the state: the job's number, whether it is
** open, and how many workers are inside.
**
** Whoever waits looks at the state for a while, since in training the next job comes soon, and only
** then sleeps, for which there are the lock and a count of sleepers: who changes the state looks at
** the count afterwards, who goes to sleep looks at the state once more after counting itself, so
** one of the two sees the other. While nobody sleeps nobody takes the lock: waking a processor can
** cost more than a job. */
struct gr_Pool {
  pid_t process;           /* whose threads these are */
  int workers;             /* how many were started */
  pthread_t *threads;
  _Atomic uint64_t state;  /* the job's number, OPEN, workers that have joined and not left */
  atomic_bool ends;
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  atomic_int sleepers;     /* workers that wait for `wake` */
  atomic_bool owner_sleeps;  /* who gave the job out waits for `done` */
  gr_Range *run;
  void *data;
  size_t unit, grain;      /* see gr_parallel */
  Part *parts;             /* one for each thread */
  atomic_size_t named;     /* workers that have a number, from 1 on; who gives jobs out is 0 */
};

#define JOB ((uint64_t)1 << 32)   /* one more job; the last one ends the workers */
#define OPEN ((uint64_t)1 << 31)

enum { LOOKS = 400000 };  /* before one sleeps: a few to 20 milliseconds, as long as pauses take */

static uint64_t job_of(uint64_t state) { return state / JOB; }

static uint64_t inside(uint64_t state) { return state % OPEN; }

/* Now and then whoever shares the processor gets it: it may be the one that is waited for. */
static void pause_a_little(int looks) {
  if (looks % 64 == 63) sched_yield();
#if defined __x86_64__ || defined __i386__
  __builtin_ia32_pause();
#elif defined __aarch64__
  __asm__ volatile("yield");
#endif
}

/* The length of the next range. Ranges become smaller towards the end, so that who is held up in
** one is not waited for long (guided self-scheduling, Polychronopoulos and Kuck 1987). */
static size_t next_length(const struct gr_Pool *pool, size_t left) {
  const size_t least = left / 2 > pool->grain ? left / 2 : pool->grain;
  const size_t length = (least + pool->unit - 1) / pool->unit * pool->unit;
  return length < left ? length : left;
}

static void take_part(struct gr_Pool *pool, Part *part, size_t worker) {
  for (size_t first = part->next; first < part->end; first = part->next) {
    size_t length = next_length(pool, part->end - first);
    if (atomic_compare_exchange_strong(&part->next, &first, first + length))
      pool->run(pool->data, first, length, worker);
  }
}

/* First one's own part, which in training is what one had before and has near, then what others have
** not taken of theirs. */
static void take_ranges(struct gr_Pool *pool, size_t worker) {
  const size_t parts = (size_t)pool->workers + 1;
  for (size_t i = 0; i < parts; i++) take_part(pool, &pool->parts[(worker + i) % parts], worker);
}

/* Cut n elements into parts of as many whole units, or one more or less. */
static void cut_into_parts(struct gr_Pool *pool, size_t n) {
  const size_t parts = (size_t)pool->workers + 1, units = (n + pool->unit - 1) / pool->unit;
  for (size_t i = 0; i < parts; i++) {
    const size_t end = units * (i + 1) / parts * pool->unit;
    pool->parts[i].next = units * i / parts * pool->unit;
    pool->parts[i].end = end < n ? end : n;
  }
}

/* Wait until there is another job than number `seen`; its number. */
static uint64_t next_job(struct gr_Pool *pool, uint64_t seen) {
  for (int i = 0; i < LOOKS && job_of(pool->state) == seen; i++) pause_a_little(i);
  if (job_of(pool->state) == seen) {
    pthread_mutex_lock(&pool->lock);
    pool->sleepers++;
    while (job_of(pool->state) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
    pool->sleepers--;
    pthread_mutex_unlock(&pool->lock);
  }
  return job_of(pool->state);
}

/* Join the job that is open, if one is, and set *seen to its number. Otherwise *seen stays, so that
** the next look sees a number that came meanwhile, as that of the end. */
static bool join_job(struct gr_Pool *pool, uint64_t *seen) {
  uint64_t state = pool->state;
  do {
    if (!(state & OPEN)) return false;
  } while (!atomic_compare_exchange_weak(&pool->state, &state, state + 1));
  *seen = job_of(state);
  return true;
}

static void leave_job(struct gr_Pool *pool) {
  if (inside(--pool->state) > 0 || !pool->owner_sleeps) return;
  pthread_mutex_lock(&pool->lock);
  pthread_cond_signal(&pool->done);
  pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument) {
  struct gr_Pool *pool = argument;
  const size_t number = ++pool->named;
  for (uint64_t seen = next_job(pool, 0); !pool->ends; seen = next_job(pool, seen)) {
    if (!join_job(pool, &seen)) continue;
    take_ranges(pool, number);
    leave_job(pool);
  }
  return NULL;
}

static void wake_workers(struct gr_Pool *pool) {
  if (pool->sleepers == 0) return;
  pthread_mutex_lock(&pool->lock);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
}

static void open_job(struct gr_Pool *pool) {
  pool->state += JOB + OPEN;
  wake_workers(pool);
}

/* Let nobody join any more, and wait until everybody has left. */
static void close_job(struct gr_Pool *pool) {
  pool->state &= ~OPEN;
  for (int i = 0; i < LOOKS && inside(pool->state) > 0; i++) pause_a_little(i);
  if (inside(pool->state) == 0) return;
  pthread_mutex_lock(&pool->lock);
  pool->owner_sleeps = true;
  while (inside(pool->state) > 0) pthread_cond_wait(&pool->done, &pool->lock);
  pool->owner_sleeps = false;
  pthread_mutex_unlock(&pool->lock);
}

/* Start up to `workers` threads; they leave all signals to the thread that runs Lua. */
static void start_workers(struct gr_Pool *pool, int workers) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (pool->workers < workers &&
         pthread_create(&pool->threads[pool->workers], NULL, work, pool) == 0)
    pool->workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A pool with as many workers as could be had, maybe none; NULL: no memory. */
static struct gr_Pool *start_pool(int workers) {
  struct gr_Pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  pool->threads = calloc((size_t)workers, sizeof *pool->threads);
  pool->parts = aligned_alloc(64, ((size_t)workers + 1) * sizeof *pool->parts);
  if (pool->threads == NULL || pool->parts == NULL) {
    free(pool->threads);
    free(pool->parts);
    free(pool);
    return NULL;
  }
  pool->process = getpid();
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pthread_cond_init(&pool->done, NULL);
  start_workers(pool, workers);
  return pool;
}

void gr_pool_free(gr_Context *context) {
  struct gr_Pool *pool = context->pool;
  context->pool = NULL;
  if (pool == NULL) return;
  if (pool->process == getpid()) {  /* in a child there is nobody to wait for */
    pool->ends = true;
    pool->state += JOB;
    wake_workers(pool);
    for (int i = 0; i < pool->workers; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
  }
  free(pool->threads);
  free(pool->parts);
  free(pool);
}

static struct gr_Pool *running_pool(gr_Context *context) {
  if (context->pool != NULL && context->pool->process != getpid()) gr_pool_free(context);
  if (context->pool == NULL) context->pool = start_pool(context->threads - 1);
  return context->pool;
}

void gr_spread(gr_Context *context, size_t n, size_t unit, size_t grain, gr_Range *run,
               void *data) {
  struct gr_Pool *pool = running_pool(context);
  if (pool == NULL) {
    run(data, 0, n, 0);
    return;
  }
  pool->run = run;
  pool->data = data;
  pool->unit = unit;
  pool->grain = grain;
  cut_into_parts(pool, n);
  open_job(pool);
  take_ranges(pool, 0);
  close_job(pool);
}

gr_Status gr_set_threads(gr_Context *context, int threads) {
  if (threads < 1 || threads > GR_MAX_THREADS)
    return gr_fail(context, "the number of threads must be from 1 to %d, got %d", GR_MAX_THREADS,
                   threads);
  if (threads != context->threads) gr_pool_free(context);
  context->threads = threads;
  return GR_OK;
}

int gr_count_processors(void) {
  cpu_set_t processors;
  if (sched_getaffinity(0, sizeof processors, &processors) != 0) return 1;
  int count = CPU_COUNT(&processors);
  return count < 1 ? 1 : count > GR_MAX_THREADS ? GR_MAX_THREADS : count;
}
