/* process.c: how long whole programs take from start to exit, run in turns.
**
**   process runs command [arguments] -- command [arguments] -- ...
**   prints one line a command: the median in microseconds. Standard output of the commands is
**   dropped. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

enum { MOST_COMMANDS = 8, MOST_RUNS = 1000 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

/* Microseconds of one run. */
static double run(char **command, const posix_spawn_file_actions_t *silence) {
  double began = now();
  pid_t pid;
  int status;
  if (posix_spawnp(&pid, command[0], silence, NULL, command, environ) != 0 ||
      waitpid(pid, &status, 0) < 0 || status != 0) {
    fprintf(stderr, "process: %s failed\n", command[0]);
    exit(EXIT_FAILURE);
  }
  return now() - began;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **arguments) {
  static double times[MOST_COMMANDS][MOST_RUNS];
  char **commands[MOST_COMMANDS];
  int runs = count > 2 ? atoi(arguments[1]) : 0, found = 0;
  posix_spawn_file_actions_t silence;
  if (runs < 1 || runs > MOST_RUNS) {
    fprintf(stderr, "usage: process runs command [arguments] [-- command [arguments]]...\n");
    return EXIT_FAILURE;
  }
  posix_spawn_file_actions_init(&silence);
  posix_spawn_file_actions_addopen(&silence, 1, "/dev/null", O_WRONLY, 0);
  commands[found++] = arguments + 2;
  for (int i = 2; i < count; i++) {
    if (strcmp(arguments[i], "--") != 0) continue;
    arguments[i] = NULL;
    if (found < MOST_COMMANDS) commands[found++] = arguments + i + 1;
  }
  for (int i = 0; i < runs; i++)
    for (int k = 0; k < found; k++) times[k][i] = run(commands[k], &silence);
  for (int k = 0; k < found; k++) {
    qsort(times[k], (size_t)runs, sizeof **times, ascending);
    printf("%.1f\n", times[k][runs / 2]);
  }
  return EXIT_SUCCESS;
}
