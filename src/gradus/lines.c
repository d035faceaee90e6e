/* lines.c: an entry of several lines. See lines.h. */
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/readline.h>

static const char *continuation = "";

void gr_lines_set_prompt(const char *text) { continuation = text; }

/* Drawing */

bool gr_lines_can_be_shown(void) {
  const char *up = rl_get_termcap("up");
  return up != NULL && *up != '\0';
}

static int newlines_before(int point) {
  int count = 0;
  for (int i = 0; i < point; i++) count += rl_line_buffer[i] == '\n';
  return count;
}

/* The entry with the continuation prompt behind each newline, or NULL. */
static char *with_prompts(int newlines) {
  size_t width = strlen(continuation);
  char *text = malloc((size_t)rl_end + (size_t)newlines * width + 1), *out = text;
  if (text == NULL) return NULL;
  for (int i = 0; i < rl_end; i++) {
    *out++ = rl_line_buffer[i];
    if (rl_line_buffer[i] != '\n') continue;
    memcpy(out, continuation, width);
    out += width;
  }
  *out = '\0';
  return text;
}

/* Readline 8.2 leaves parts of a search's prompt behind when it goes back to a coloured one. */
static void clear_after_search(void) {
  static bool was_searching;
  bool is_searching = rl_display_prompt != rl_prompt;
  if (was_searching && !is_searching) {
    rl_clear_visible_line();
    rl_on_new_line();
  }
  was_searching = is_searching;
}

/* Readline draws what stands in its buffer: while it does, that is the text with the prompts. */
static void draw(void) {
  clear_after_search();
  int newlines = newlines_before(rl_end), width = (int)strlen(continuation);
  bool has_prompts = newlines > 0 && width > 0 && gr_lines_can_be_shown();
  char *shown = has_prompts ? with_prompts(newlines) : NULL;
  if (shown == NULL) {
    rl_redisplay();
    return;
  }
  char *buffer = rl_line_buffer;
  int point = rl_point, mark = rl_mark, end = rl_end;
  rl_point += newlines_before(point) * width;
  rl_mark += newlines_before(mark) * width;
  rl_end += newlines * width;
  rl_line_buffer = shown;
  rl_redisplay();
  rl_line_buffer = buffer;
  rl_point = point, rl_mark = mark, rl_end = end;
  free(shown);
}

/* Moving */

int gr_lines_start(int point) {
  while (point > 0 && rl_line_buffer[point - 1] != '\n') point--;
  return point;
}

int gr_lines_end(int point) {
  while (point < rl_end && rl_line_buffer[point] != '\n') point++;
  return point;
}

static bool is_inside_letter(int point) {
  return ((unsigned char)rl_line_buffer[point] & 0xc0) == 0x80;
}

/* How many letters of the line stand before the point. */
static int column_of(int point) {
  int column = 0;
  for (int i = gr_lines_start(point); i < point; i++) column += !is_inside_letter(i);
  return column;
}

/* Put the cursor before this letter of the line that begins at `start`, or at the line's end. */
static void go_to(int start, int column) {
  rl_point = start;
  for (; column > 0 && rl_point < rl_end && rl_line_buffer[rl_point] != '\n'; column--)
    do rl_point++; while (rl_point < rl_end && is_inside_letter(rl_point));
}

bool gr_lines_go_up(void) {
  int start = gr_lines_start(rl_point);
  if (start == 0) return false;
  go_to(gr_lines_start(start - 1), column_of(rl_point));
  return true;
}

bool gr_lines_go_down(void) {
  int end = gr_lines_end(rl_point);
  if (end == rl_end) return false;
  go_to(end + 1, column_of(rl_point));
  return true;
}

/* Keys */

static int go_home(int count, int key) {
  (void)count, (void)key;
  rl_point = gr_lines_start(rl_point);
  return 0;
}

static int go_to_end(int count, int key) {
  (void)count, (void)key;
  rl_point = gr_lines_end(rl_point);
  return 0;
}

/* Kill to the end of the line, or at its end the newline; the other way likewise. */
static int kill_to_end(int count, int key) {
  (void)count, (void)key;
  int end = gr_lines_end(rl_point);
  return rl_kill_text(rl_point, end == rl_point && end < rl_end ? end + 1 : end);
}

static int kill_to_start(int count, int key) {
  (void)count, (void)key;
  int start = gr_lines_start(rl_point);
  if (start == rl_point && start > 0) start--;
  rl_kill_text(rl_point, start);
  rl_point = start;
  return 0;
}

static const struct { const char *keys; rl_command_func_t *function; } bindings[] = {
  {"\\C-a", go_home}, {"\\e[H", go_home}, {"\\eOH", go_home}, {"\\e[1~", go_home},
  {"\\C-e", go_to_end}, {"\\e[F", go_to_end}, {"\\eOF", go_to_end}, {"\\e[4~", go_to_end},
  {"\\C-k", kill_to_end}, {"\\C-u", kill_to_start},
};

void gr_lines_open(void) {
  Keymap map = rl_get_keymap_by_name("emacs-standard");
  for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
    rl_bind_keyseq_in_map(bindings[i].keys, bindings[i].function, map);
  rl_redisplay_function = draw;
}
