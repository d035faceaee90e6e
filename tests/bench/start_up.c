/* start_up.c: how long `gradus -e ''` takes beside `lua5.4 -e ''`, run in turns.
**
**   cc -O2 tests/bench/start_up.c -o start_up && ./start_up 500 lua5.4 build/gradus
**
** The bar is 1.25 times. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

/* Microseconds of one run. */
static double run(char *program) {
  char *arguments[] = {program, "-e", "", NULL};
  double began = now();
  pid_t pid;
  int status;
  if (posix_spawnp(&pid, program, NULL, NULL, arguments, environ) != 0) exit(EXIT_FAILURE);
  waitpid(pid, &status, 0);
  if (status != 0) exit(EXIT_FAILURE);
  return now() - began;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int runs = argc == 4 ? atoi(argv[1]) : 0;
  if (runs < 1) {
    fprintf(stderr, "usage: start_up runs lua gradus\n");
    return EXIT_FAILURE;
  }
  double *times[2];
  for (int k = 0; k < 2; k++) times[k] = malloc((size_t)runs * sizeof *times[k]);
  for (int i = 0; i < runs; i++)
    for (int k = 0; k < 2; k++) times[k][i] = run(argv[2 + k]);
  for (int k = 0; k < 2; k++) {
    qsort(times[k], (size_t)runs, sizeof *times[k], ascending);
    printf("%-24s median %.0f us, min %.0f us\n", argv[2 + k], times[k][runs / 2], times[k][0]);
  }
  printf("ratio: %.3f of medians, %.3f of minima\n", times[1][runs / 2] / times[0][runs / 2],
         times[1][0] / times[0][0]);
  return EXIT_SUCCESS;
}
