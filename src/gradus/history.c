/* history.c: the file of entries. See history.h. */
#include "history.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LAST_PART = 1 << 20 };  /* bytes that are read at start */

/* Make the folders above the file, as mkdir -p. */
static void make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
  }
}

/* The file's path; false when there is no place for one. A relative XDG_STATE_HOME is to be
** ignored, says its specification. */
static bool find_path(char path[PATH_MAX]) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  int length = -1;
  if (state != NULL && *state == '/')
    length = snprintf(path, PATH_MAX, "%s/gradus/history", state);
  else if (home != NULL && *home == '/')
    length = snprintf(path, PATH_MAX, "%s/.local/state/gradus/history", home);
  return length > 0 && length < PATH_MAX;
}

/* Open the file, or return -1. Anything else of that name, a pipe say, might never answer. */
static int open_file(const char *path, int flags) {
  struct stat status;
  int file = open(path, flags | O_NONBLOCK | O_CLOEXEC, 0600);
  if (file >= 0 && (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))) {
    close(file);
    return -1;
  }
  return file;
}

static void decode(char *line) {
  char *out = line;
  for (const char *in = line; *in != '\0'; in++) {
    if (*in == '\\' && (in[1] == 'n' || in[1] == '\\')) {
      in++;
      *out++ = *in == 'n' ? '\n' : '\\';
    } else {
      *out++ = *in;
    }
  }
  *out = '\0';
}

/* The last part of the file as a string of whole lines, or NULL. */
static char *read_last_part(int file) {
  off_t size = lseek(file, 0, SEEK_END), start = size > LAST_PART ? size - LAST_PART : 0;
  char *text = size <= 0 ? NULL : malloc((size_t)(size - start) + 1);
  if (text == NULL) return NULL;
  ssize_t count = pread(file, text, (size_t)(size - start), start);
  text[count < 0 ? 0 : count] = '\0';
  if (start > 0) {
    char *line = strchr(text, '\n');
    if (line != NULL) memmove(text, line + 1, strlen(line + 1) + 1);
  }
  return text;
}

void gr_history_load(void (*add)(const char *entry)) {
  char path[PATH_MAX];
  if (!find_path(path)) return;
  int file = open_file(path, O_RDONLY);
  if (file < 0) return;
  char *text = read_last_part(file), *rest = text, *line;
  close(file);
  while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
    if (*line == '\0') continue;
    decode(line);
    add(line);
  }
  free(text);
}

void gr_history_append(const char *entry) {
  char path[PATH_MAX];
  char *line = malloc(2 * strlen(entry) + 2), *out = line;
  if (line != NULL && find_path(path)) {
    for (; *entry != '\0'; entry++) {
      if (*entry == '\n' || *entry == '\\') *out++ = '\\';
      *out++ = *entry == '\n' ? 'n' : *entry;
    }
    *out++ = '\n';
    make_folders(path);
    int file = open_file(path, O_WRONLY | O_APPEND | O_CREAT);
    if (file >= 0) {
      ssize_t written = write(file, line, (size_t)(out - line));
      (void)written;
      close(file);
    }
  }
  free(line);
}
