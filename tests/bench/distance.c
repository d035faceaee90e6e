/* distance.c: prints how many nanoseconds a word takes from one processor's cache to another's and
** back: some 40 to 100 where they share a cache, several hundred where they do not. A virtual
** machine's processors may be moved from the one to the other at any moment. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/profile.h"

enum { ROUND_TRIPS = 20000 };

static _Alignas(128) atomic_int ball;

/* Stay on the i-th of the processors that this process may use. */
static void stay_on(int i) {
  cpu_set_t allowed, one;
  int processor = 0;
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (; processor < CPU_SETSIZE; processor++)
    if (CPU_ISSET(processor, &allowed) && i-- == 0) break;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  if (pthread_setaffinity_np(pthread_self(), sizeof one, &one) != 0) exit(EXIT_FAILURE);
}

static void await(int value) {
  while (ball != value) continue;
}

static void *return_balls(void *unused) {
  stay_on(1);
  for (int i = 0; i < ROUND_TRIPS; i++) {
    await(2 * i + 1);
    ball = 2 * i + 2;
  }
  return unused;
}

int main(void) {
  pthread_t other;
  if (pthread_create(&other, NULL, return_balls, NULL) != 0) return EXIT_FAILURE;
  stay_on(0);
  double began = gr_now();
  for (int i = 0; i < ROUND_TRIPS; i++) {
    ball = 2 * i + 1;
    await(2 * i + 2);
  }
  printf("%.0f\n", (gr_now() - began) * 1e9 / ROUND_TRIPS);
  pthread_join(other, NULL);
  return 0;
}
