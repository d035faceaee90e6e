/* threads.c: see threads.h. */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* A job is written, opened, joined and closed under the lock. Who has joined takes parts until none
** is left; a worker that comes late finds the job closed and is not waited for. Whoever waits looks
** for a while, since in training the next job comes soon, and only then sleeps. */
struct gr_Pool {
  pid_t process;           /* whose threads these are */
  int workers;             /* how many were started */
  pthread_t *threads;
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  atomic_uint generation;  /* counts the jobs; one more ends the workers */
  bool is_open;
  atomic_bool ends;
  atomic_int inside;       /* workers that have joined the job and not left it */
  gr_Range *run;
  void *data;
  size_t n, step, parts;   /* part i has the elements from i * step on */
  atomic_size_t next;      /* the next part to take */
};

enum { LOOKS = 20000 };  /* before one sleeps: about a millisecond */

/* Now and then whoever shares the processor gets it: it may be the one that is waited for. */
static void pause_a_little(int looks) {
  if (looks % 64 == 63) sched_yield();
#if defined __x86_64__ || defined __i386__
  __builtin_ia32_pause();
#elif defined __aarch64__
  __asm__ volatile("yield");
#endif
}

static void take_parts(struct gr_Pool *pool) {
  size_t part;
  while ((part = atomic_fetch_add(&pool->next, 1)) < pool->parts) {
    size_t first = part * pool->step, left = pool->n - first;
    pool->run(pool->data, first, left < pool->step ? left : pool->step, part);
  }
}

/* Wait until there is another job than number `seen`; its number. */
static unsigned next_job(struct gr_Pool *pool, unsigned seen) {
  for (int i = 0; i < LOOKS && atomic_load(&pool->generation) == seen; i++) pause_a_little(i);
  if (atomic_load(&pool->generation) == seen) {
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->generation) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
  }
  return atomic_load(&pool->generation);
}

/* Join the job that is open, if one is, and set *seen to its number; a number that came meanwhile
** and opened none, as that of the end, is seen next. */
static bool join_job(struct gr_Pool *pool, unsigned *seen) {
  pthread_mutex_lock(&pool->lock);
  bool joins = pool->is_open;
  if (joins) {
    *seen = atomic_load(&pool->generation);
    atomic_fetch_add(&pool->inside, 1);
  }
  pthread_mutex_unlock(&pool->lock);
  return joins;
}

static void leave_job(struct gr_Pool *pool) {
  if (atomic_fetch_sub(&pool->inside, 1) > 1) return;
  pthread_mutex_lock(&pool->lock);
  pthread_cond_signal(&pool->done);
  pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument) {
  struct gr_Pool *pool = argument;
  for (unsigned seen = next_job(pool, 0); !pool->ends; seen = next_job(pool, seen)) {
    if (!join_job(pool, &seen)) continue;
    take_parts(pool);
    leave_job(pool);
  }
  return NULL;
}

/* Let nobody join any more, and wait until everybody has left. */
static void close_job(struct gr_Pool *pool) {
  pthread_mutex_lock(&pool->lock);
  pool->is_open = false;
  pthread_mutex_unlock(&pool->lock);
  for (int i = 0; i < LOOKS && atomic_load(&pool->inside) > 0; i++) pause_a_little(i);
  if (atomic_load(&pool->inside) == 0) return;
  pthread_mutex_lock(&pool->lock);
  while (atomic_load(&pool->inside) > 0) pthread_cond_wait(&pool->done, &pool->lock);
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
  if (pool->threads == NULL) {
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
    pthread_mutex_lock(&pool->lock);
    pool->ends = true;
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->workers; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
  }
  free(pool->threads);
  free(pool);
}

static struct gr_Pool *running_pool(gr_Context *context) {
  if (context->pool != NULL && context->pool->process != getpid()) gr_pool_free(context);
  if (context->pool == NULL) context->pool = start_pool(context->threads - 1);
  return context->pool;
}

size_t gr_count_ranges(const gr_Context *context, size_t n, size_t grain) {
  size_t most = grain == 0 ? n : n / grain;
  size_t threads = (size_t)context->threads;
  return most < 2 || threads < 2 ? 1 : most < threads ? most : threads;
}

static void give_out(struct gr_Pool *pool, size_t n, size_t unit, size_t parts, gr_Range *run,
                     void *data) {
  pthread_mutex_lock(&pool->lock);
  pool->run = run;
  pool->data = data;
  pool->n = n;
  pool->step = ((n + parts - 1) / parts + unit - 1) / unit * unit;
  pool->parts = (n + pool->step - 1) / pool->step;
  atomic_store(&pool->next, 0);
  pool->is_open = true;
  atomic_fetch_add(&pool->generation, 1);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
}

void gr_spread(gr_Context *context, size_t n, size_t unit, size_t grain, gr_Range *run,
               void *data) {
  size_t parts = gr_count_ranges(context, n, grain);
  struct gr_Pool *pool = parts > 1 ? running_pool(context) : NULL;
  if (pool == NULL) {
    run(data, 0, n, 0);
    return;
  }
  give_out(pool, n, unit, parts, run, data);
  take_parts(pool);
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
