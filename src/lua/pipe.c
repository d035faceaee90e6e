/*
** pipe.c: what the plots need of the system and Lua does not have: another program to talk to, a
** file that is replaced whole or not at all, a folder, and the terminal's size.
**
**   local pipe <close> = assert(pipe.open { "gnuplot", "-d" })
**   pipe:write(commands)             -- true, or nil and a message
**   local ok, how, code = pipe:finish()  -- as os.execute: true or nil, "exit" or "signal", number
**   local out, err = pipe:output()   -- what it has said so far
**
** The program's standard input and output are one end of a socket pair, its standard error is one
** end of another. A socket can be written with MSG_NOSIGNAL, so a program that died is an error and
** no SIGPIPE. While writing and while waiting, what the program says is taken in, so neither side
** waits for the other for ever. SIGINT is blocked in the program: Ctrl-C is for the script. Every
** descriptor is closed on exec.
**
** The userdata owns sockets, process and buffers from before the first of them exists, so an error
** anywhere leaks nothing; its __gc and __close end the program and reap it. Each method checks the
** block's size and the tag inside it: debug.setmetatable can put our metatable on any userdata.
*/
#include "library.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const uint64_t pipe_tag = UINT64_C(0x67722e7069706531);
#define PIPE_NAME "gradus.pipe"

/* One end of a socket pair and what has come through it. */
typedef struct Channel {
  int fd; /* -1: closed */
  char *text;
  size_t size, capacity;
} Channel;

typedef struct Pipe {
  uint64_t tag;
  pid_t owner; /* who started the program: a forked worker must not end its parent's */
  pid_t pid;   /* 0: none, or reaped */
  int status;  /* as waitpid gives it, once reaped */
  bool reaped;
  bool out_of_memory;
  Channel talk, errors; /* input and output; standard error */
} Pipe;

/* ---- the two channels ---- */

static void close_channel(Channel *channel) {
  if (channel->fd >= 0) close(channel->fd);
  channel->fd = -1;
}

static bool append(Channel *channel, const char *bytes, size_t count) {
  if (count > channel->capacity - channel->size) {
    size_t capacity = channel->capacity ? channel->capacity : 4096;
    while (capacity - channel->size < count) {
      if (capacity > SIZE_MAX / 2) return false;
      capacity *= 2;
    }
    char *text = realloc(channel->text, capacity);
    if (text == NULL) return false;
    channel->text = text;
    channel->capacity = capacity;
  }
  memcpy(channel->text + channel->size, bytes, count);
  channel->size += count;
  return true;
}

/* Take in what is there without waiting; close the channel at its end. A peer that exits with our
** bytes unread gives ECONNRESET, which is an end like any other. */
static void drain(Pipe *pipe, Channel *channel) {
  char bytes[16384];
  while (channel->fd >= 0) {
    ssize_t count = recv(channel->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count > 0) {
      if (!append(channel, bytes, (size_t)count)) pipe->out_of_memory = true;
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return;
    } else {
      close_channel(channel);
      return;
    }
  }
}

static void drain_both(Pipe *pipe) {
  drain(pipe, &pipe->talk);
  drain(pipe, &pipe->errors);
}

/* Wait until something can be read (or, if asked, written), at most `milliseconds` (-1: for ever).
** poll ignores a descriptor of -1. */
static void await(Pipe *pipe, bool to_write, int milliseconds) {
  struct pollfd ready[2] = {
    {.fd = pipe->talk.fd, .events = (short)(POLLIN | (to_write ? POLLOUT : 0))},
    {.fd = pipe->errors.fd, .events = POLLIN},
  };
  poll(ready, 2, milliseconds);
}

/* ---- the program ---- */

/* True once the program has ended; its status is then known. Never waits. */
static bool reap(Pipe *pipe, int flags) {
  if (pipe->reaped) return true;
  pid_t pid;
  do pid = waitpid(pipe->pid, &pipe->status, flags);
  while (pid < 0 && errno == EINTR);
  if (pid == 0) return false;
  if (pid < 0) pipe->status = 0; /* SIGCHLD is ignored here: the kernel has reaped it already */
  pipe->reaped = true;
  pipe->pid = 0;
  return true;
}

/* End the program if it still runs, and give everything back. */
static void release(Pipe *pipe) {
  close_channel(&pipe->talk);
  close_channel(&pipe->errors);
  if (pipe->pid > 0 && pipe->owner == getpid()) {
    kill(pipe->pid, SIGKILL);
    reap(pipe, 0);
  }
  pipe->pid = 0;
  free(pipe->talk.text);
  free(pipe->errors.text);
  pipe->talk = pipe->errors = (Channel){.fd = -1};
}

/* A socket pair closed on exec, both ends above 2 so that the child's dup2 cannot meet them. */
static int open_pair(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  for (int i = 0; i < 2; i++) {
    if (ends[i] > 2) continue;
    int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
    int error = errno;
    close(ends[i]);
    ends[i] = moved;
    if (moved < 0) {
      close(ends[1 - i]);
      return error;
    }
  }
  return 0;
}

/* Start argv with `talk` as its standard input and output and `errors` as its standard error.
** posix_spawn does not copy the parent's memory, and tells at once when there is no such program.
*/
static int spawn(Pipe *pipe, char **argv, int talk, int errors) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t blocked;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return error;
  error = posix_spawnattr_init(&attributes);
  if (error) {
    posix_spawn_file_actions_destroy(&actions);
    return error;
  }
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGPIPE); /* a window that outlives us may still write a warning */
  if (!error) error = posix_spawnattr_setsigmask(&attributes, &blocked);
  if (!error) error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, talk, 0);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, talk, 1);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, errors, 2);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
  /* the files that the script has open are none of the program's business */
  if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
  pid_t pid = 0;
  if (!error) error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
  if (!error) pipe->pid = pid;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

static int start(Pipe *pipe, char **argv) {
  int talk[2], errors[2];
  int error = open_pair(talk);
  if (error) return error;
  pipe->talk.fd = talk[0];
  error = open_pair(errors);
  if (error) {
    close(talk[1]);
    return error;
  }
  pipe->errors.fd = errors[0];
  error = spawn(pipe, argv, talk[1], errors[1]);
  close(talk[1]);
  close(errors[1]);
  return error;
}

/* ---- the binding ---- */

static Pipe *check_pipe(lua_State *L) {
  Pipe *pipe = gr_lua_test_block(L, 1, pipe_tag, sizeof *pipe);
  if (pipe == NULL) luaL_typeerror(L, 1, "pipe");
  return pipe;
}

static int push_error(lua_State *L, int error) {
  lua_pushnil(L);
  lua_pushstring(L, strerror(error));
  lua_pushinteger(L, error);
  return 3;
}

static int push_status(lua_State *L, int error) {
  if (error) return push_error(L, error);
  lua_pushboolean(L, true);
  return 1;
}

/* pipe.open { program, argument, ... } -> pipe, or nil, message, errno */
static int pipe_open(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_Unsigned count = lua_rawlen(L, 1);
  luaL_argcheck(L, count >= 1 && count < 1000, 1, "1 to 999 words expected");
  char **argv = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *argv, 0);
  for (lua_Unsigned i = 0; i < count; i++) {
    luaL_argcheck(L, lua_rawgeti(L, 1, (lua_Integer)i + 1) == LUA_TSTRING, 1,
                  "a list of strings expected");
    size_t size;
    argv[i] = (char *)(uintptr_t)lua_tolstring(L, -1, &size); /* the table keeps it */
    luaL_argcheck(L, strlen(argv[i]) == size, 1, "a word holds a zero byte");
    lua_pop(L, 1);
  }
  argv[count] = NULL;
  Pipe *pipe = gr_lua_new_block(L, PIPE_NAME, pipe_tag, sizeof *pipe);
  pipe->owner = getpid();
  pipe->talk.fd = pipe->errors.fd = -1;
  int error = start(pipe, argv);
  return error ? push_error(L, error) : 1;
}

/* pipe:write(text) -> true, or nil and a message when the program no longer reads, or when Ctrl-C
** asks to stop. */
static int pipe_write(lua_State *L) {
  Pipe *pipe = check_pipe(L);
  size_t left;
  const char *text = luaL_checklstring(L, 2, &left);
  while (left > 0) {
    if (pipe->talk.fd < 0) return push_error(L, EPIPE);
    ssize_t count = send(pipe->talk.fd, text, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      text += count;
      left -= (size_t)count;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      await(pipe, true, 100);
      drain_both(pipe);
    } else if (errno != EINTR) {
      int error = errno;
      drain_both(pipe);
      return push_error(L, error);
    }
    if (left > 0 && gr_interrupted(gr_lua_context(L))) return push_error(L, EINTR);
  }
  return push_status(L, 0);
}

/* pipe:finish() -> true or nil, "exit" or "signal", number: no more is written, and the program's
** end is awaited. A window that it leaves behind may keep the sockets open: only the program's own
** end counts. Ctrl-C as in write. */
static int pipe_finish(lua_State *L) {
  Pipe *pipe = check_pipe(L);
  luaL_argcheck(L, pipe->pid > 0 || pipe->reaped, 1, "no program was started");
  if (pipe->talk.fd >= 0) shutdown(pipe->talk.fd, SHUT_WR);
  while (!reap(pipe, WNOHANG)) {
    bool silent = pipe->talk.fd < 0 && pipe->errors.fd < 0;
    await(pipe, false, silent ? 1 : 20);
    drain_both(pipe);
    if (gr_interrupted(gr_lua_context(L))) return push_error(L, EINTR);
  }
  drain_both(pipe);
  close_channel(&pipe->talk);
  close_channel(&pipe->errors);
  if (pipe->out_of_memory) return push_error(L, ENOMEM);
  bool signaled = WIFSIGNALED(pipe->status);
  int code = signaled ? WTERMSIG(pipe->status) : WEXITSTATUS(pipe->status);
  if (code == 0) lua_pushboolean(L, true);
  else lua_pushnil(L);
  lua_pushstring(L, signaled ? "signal" : "exit");
  lua_pushinteger(L, code);
  return 3;
}

/* pipe:output() -> what the program has written to standard output and to standard error. */
static int pipe_output(lua_State *L) {
  Pipe *pipe = check_pipe(L);
  drain_both(pipe);
  lua_pushlstring(L, pipe->talk.text ? pipe->talk.text : "", pipe->talk.size);
  lua_pushlstring(L, pipe->errors.text ? pipe->errors.text : "", pipe->errors.size);
  return 2;
}

static int pipe_gc(lua_State *L) {
  release(check_pipe(L));
  return 0;
}

/* ---- files, folders, the terminal ---- */

static int write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(fd, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes += written;
    count -= (size_t)written;
  }
  return 0;
}

/* Make a file of a name that nothing has, in the folder of `path`. `name` gets it. */
static int open_beside(const char *path, char *name, size_t size, int *fd) {
  const char *slash = strrchr(path, '/');
  int folder = slash ? (int)(slash - path + 1) : 0;
  for (int i = 0; i < 1000; i++) {
    int length = snprintf(name, size, "%.*s.gradus-%ld-%d", folder, path, (long)getpid(), i);
    if (length < 0 || (size_t)length >= size) return ENAMETOOLONG;
    *fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (*fd >= 0) return 0;
    if (errno != EEXIST) return errno;
  }
  return EEXIST;
}

/* Write beside, then rename: at every moment the file is the old one or the new one. */
static int replace_regular(const char *path, const struct stat *old, const char *bytes,
                           size_t count) {
  char name[PATH_MAX];
  int fd = -1;
  if (old != NULL && access(path, W_OK) != 0) return errno;
  int error = open_beside(path, name, sizeof name, &fd);
  if (error) return error;
  if (old != NULL && fchmod(fd, old->st_mode & 07777) != 0) error = errno;
  if (!error) error = write_all(fd, bytes, count);
  if (!error && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && !error) error = errno;
  if (!error && rename(name, path) != 0) error = errno;
  if (error) unlink(name);
  return error;
}

/* A device or a named pipe is written in place; a link's target is what is replaced. */
static int replace_file(const char *path, const char *bytes, size_t count) {
  struct stat old;
  if (stat(path, &old) != 0)
    return errno == ENOENT ? replace_regular(path, NULL, bytes, count) : errno;
  if (S_ISDIR(old.st_mode)) return EISDIR;
  if (!S_ISREG(old.st_mode)) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    int error = write_all(fd, bytes, count);
    if (close(fd) != 0 && !error) error = errno;
    return error;
  }
  char *target = realpath(path, NULL);
  if (target == NULL) return errno;
  int error = replace_regular(target, &old, bytes, count);
  free(target);
  return error;
}

static const char *check_path(lua_State *L) {
  size_t size;
  const char *path = luaL_checklstring(L, 1, &size);
  luaL_argcheck(L, strlen(path) == size, 1, "a path holds a zero byte");
  return path;
}

/* pipe.replace_file(path, bytes) -> true, or nil, message, errno; the old file is then untouched */
static int pipe_replace_file(lua_State *L) {
  const char *path = check_path(L);
  size_t count;
  const char *bytes = luaL_checklstring(L, 2, &count);
  return push_status(L, replace_file(path, bytes, count));
}

/* pipe.make_folder(path) -> true (there, too, if it exists), or nil, message, errno */
static int pipe_make_folder(lua_State *L) {
  const char *path = check_path(L);
  struct stat found;
  int error = mkdir(path, 0777) == 0 ? 0 : errno;
  if (error == EEXIST && stat(path, &found) == 0)
    error = S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
  return push_status(L, error);
}

/* pipe.terminal() -> columns and rows when standard output is a terminal, else nil */
static int pipe_terminal(lua_State *L) {
  struct winsize size = {0};
  if (!isatty(STDOUT_FILENO)) return 0;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    size.ws_col = 80;
    size.ws_row = 24;
  }
  lua_pushinteger(L, size.ws_col);
  lua_pushinteger(L, size.ws_row);
  return 2;
}

static const luaL_Reg pipe_methods[] = {
  {"write", pipe_write},
  {"finish", pipe_finish},
  {"output", pipe_output},
  {"__gc", pipe_gc},
  {"__close", pipe_gc},
  {NULL, NULL},
};

static const luaL_Reg pipe_functions[] = {
  {"open", pipe_open},
  {"replace_file", pipe_replace_file},
  {"make_folder", pipe_make_folder},
  {"terminal", pipe_terminal},
  {NULL, NULL},
};

int luaopen_gradus_pipe(lua_State *L) {
  gr_lua_new_metatable(L, PIPE_NAME, pipe_methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, pipe_functions);
  return 1;
}
