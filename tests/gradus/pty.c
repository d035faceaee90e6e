/* pty.c: runs a program in a terminal of its own and plays a person at its keyboard.
**
**   pty columns rows script program [arguments]
**
** The script has one command a line:
**
**   send text        type the text; \n \t \e \\ and \xHH are what they are in C
**   expect text      wait, 10 seconds at most, until the text has come since the last expectation
**   prompt           expect "> "
**   within ms text   as expect, and the text must come within so many milliseconds of the last send
**   never text       the text has not come since the last expectation
**   sleep ms         wait, and read what comes
**   size columns rows   the window is given another size
**   hang up          as when the terminal's window is closed
**   leave            wait until nothing has come for a while, type Ctrl-D, and expect the end
**   end status       wait for the program's end; its exit status, or 128 and the signal
**
** All that the program wrote goes to standard output. The exit status is 0 when the script was
** played to its end; else 1, after a line "pty: ..." that says what did not come. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static struct {
  int terminal;
  pid_t program;
  char *output;          /* all that came, ended by 0 */
  size_t length, size;
  size_t seen;           /* up to where the last expectation reached */
  double sent_at;        /* when the last send was done */
  bool has_ended;
} play;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void finish(const char *problem, const char *text) {
  fwrite(play.output, 1, play.length, stdout);
  if (problem != NULL) printf("\npty: %s: %s\n", problem, text);
  fflush(stdout);
  if (!play.has_ended) kill(play.program, SIGKILL);
  _exit(problem == NULL ? 0 : 1);
}

/* Read what comes within so many seconds; false when the program has closed its terminal. */
static bool read_some(double seconds) {
  struct pollfd input = {play.terminal, POLLIN, 0};
  char buffer[4096];
  if (poll(&input, 1, seconds < 0 ? 0 : (int)(seconds * 1000)) <= 0) return true;
  ssize_t count = read(play.terminal, buffer, sizeof buffer);
  if (count <= 0) return count < 0 && errno == EINTR;
  if (play.length + (size_t)count + 1 > play.size) {
    play.size = 2 * (play.length + (size_t)count + 1);
    play.output = realloc(play.output, play.size);
    if (play.output == NULL) abort();
  }
  for (ssize_t i = 0; i < count; i++)
    play.output[play.length++] = buffer[i] == '\0' ? ' ' : buffer[i];
  play.output[play.length] = '\0';
  return true;
}

/* Turn escapes into what they mean, in place; returns the length. */
static size_t unescape(char *text) {
  char *out = text;
  for (char *in = text; *in != '\0'; in++) {
    if (*in != '\\' || in[1] == '\0') {
      *out++ = *in;
      continue;
    }
    switch (*++in) {
      case 'n': *out++ = '\r'; break;  /* the key Return */
      case 't': *out++ = '\t'; break;
      case 'e': *out++ = '\033'; break;
      case 'x': {
        char digits[3] = {in[1], in[1] == '\0' ? '\0' : in[2], '\0'}, *end;
        *out++ = (char)strtol(digits, &end, 16);
        in += end - digits;
        break;
      }
      default: *out++ = *in;
    }
  }
  *out = '\0';
  return (size_t)(out - text);
}

static void send_text(char *text) {
  size_t length = unescape(text), sent = 0;
  while (sent < length) {
    ssize_t count = write(play.terminal, text + sent, length - sent);
    if (count < 0 && errno != EAGAIN && errno != EINTR) finish("cannot send", text);
    if (count > 0) sent += (size_t)count;
    read_some(0.001);
  }
  play.sent_at = now();
}

static void expect_text(char *text, double deadline) {
  unescape(text);
  for (;;) {
    const char *found = strstr(play.output + play.seen, text);
    if (found != NULL) {
      play.seen = (size_t)(found - play.output) + strlen(text);
      return;
    }
    if (now() > deadline) finish("it did not come in time", text);
    if (!read_some(deadline - now() < 0.01 ? 0.001 : 0.01) &&
        strstr(play.output + play.seen, text) == NULL) finish("it ended before", text);
  }
}

static void expect_within(char *text) {
  char *rest;
  double milliseconds = strtod(text, &rest);
  expect_text(rest + 1, play.sent_at + milliseconds / 1000);
}

static void wait_for_end(const char *expected) {
  int status;
  double deadline = now() + 10;
  while (waitpid(play.program, &status, WNOHANG) == 0) {
    if (now() > deadline) finish("it did not end", expected);
    read_some(0.01);
  }
  play.has_ended = true;
  for (double until = now() + 0.05; now() < until && read_some(0.01);) continue;
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code != atoi(expected)) finish("its exit status is not", expected);
}

/* Whether the program reads keys one by one, as an editor does. */
static bool reads_keys(void) {
  struct termios modes;
  return tcgetattr(play.terminal, &modes) == 0 && (modes.c_lflag & ICANON) == 0;
}

/* Type Ctrl-D once the program waits for a key: before, the terminal would take it for the end of a
** line. */
static void leave(void) {
  static char end_of_input[] = "\004", status[] = "0";
  double deadline = now() + 10;
  size_t length;
  do {
    length = play.length;
    for (double until = now() + 0.03; now() < until && read_some(0.005);) continue;
  } while ((length != play.length || !reads_keys()) && now() < deadline);
  send_text(end_of_input);
  wait_for_end(status);
}

static void set_size(int terminal, const char *columns, const char *rows) {
  struct winsize size = {0};
  size.ws_col = (unsigned short)atoi(columns);
  size.ws_row = (unsigned short)atoi(rows);
  ioctl(terminal, TIOCSWINSZ, &size);
}

static bool begins(char *line, const char *command, char **argument) {
  size_t length = strlen(command);
  if (strncmp(line, command, length) != 0 || (line[length] != ' ' && line[length] != '\0'))
    return false;
  *argument = line + length + (line[length] == ' ');
  return true;
}

static void do_command(char *line) {
  char *text;
  if (begins(line, "send", &text)) send_text(text);
  else if (begins(line, "expect", &text)) expect_text(text, now() + 10);
  else if (begins(line, "prompt", &text)) expect_text(strcpy(line, "> "), now() + 10);
  else if (begins(line, "within", &text)) expect_within(text);
  else if (begins(line, "never", &text)) {
    if (strstr(play.output + play.seen, text) != NULL) finish("it came", text);
  } else if (begins(line, "sleep", &text)) {
    for (double until = now() + atof(text) / 1000; now() < until;) read_some(0.005);
  } else if (begins(line, "size", &text)) {
    char *rows = strchr(text, ' ');
    set_size(play.terminal, text, rows == NULL ? "24" : rows + 1);
  } else if (strcmp(line, "hang up") == 0) {
    kill(play.program, SIGHUP);
  } else if (begins(line, "leave", &text)) {
    leave();
  } else if (begins(line, "end", &text)) {
    wait_for_end(text);
  } else if (*line != '\0') {
    finish("unknown command", line);
  }
}

/* The program's side: the terminal becomes its standard input, output and error. Signals end it as
** in a window, also where the tests themselves run in the background, or go on after a hang-up. */
static void run_program(const char *name, char **argv, const char *columns, const char *rows) {
  static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
  setsid();
  int terminal = open(name, O_RDWR);
  if (terminal < 0) _exit(126);
  ioctl(terminal, TIOCSCTTY, 0);
  set_size(terminal, columns, rows);
  for (int i = 0; i < 3; i++) dup2(terminal, i);
  if (terminal > 2) close(terminal);
  execv(argv[0], argv);
  _exit(127);
}

/* The exit status where the system has no pseudo-terminals (no /dev/pts, say). */
enum { NO_TERMINAL = 77 };

int main(int argc, char **argv) {
  char line[65536];
  if (argc < 5) return 2;
  FILE *script = fopen(argv[3], "r");
  play.terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (script == NULL) return 2;
  if (play.terminal < 0 || grantpt(play.terminal) != 0 || unlockpt(play.terminal) != 0)
    return NO_TERMINAL;
  set_size(play.terminal, argv[1], argv[2]);
  play.size = 1 << 16;
  play.output = calloc(play.size, 1);
  play.program = fork();
  if (play.program == 0) run_program(ptsname(play.terminal), argv + 4, argv[1], argv[2]);
  if (play.program < 0 || play.output == NULL) return 2;
  while (fgets(line, sizeof line, script) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    do_command(line);
  }
  fclose(script);
  finish(NULL, NULL);
  return 0;
}
