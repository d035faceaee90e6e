/* lines.c: an entry of several lines. See lines.h. */
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/readline.h>

static const char *continuation = "";

void gr_lines_set_prompt(const char *text) { continuation = text; }

/* Drawing: readline draws what stands in its buffer; while it does, that is the text with the
** prompts. It cannot draw more rows than the screen has: of a higher entry, some lines around the
** cursor are shown, between rows that tell how many others there are. */

enum { NOTE = 32 };  /* bytes that such a row takes at most */

/* The part that is shown: bytes from `start` to before `end`, and how many lines are not. */
typedef struct Window { int start, end, above, below; } Window;

bool gr_lines_can_be_shown(void) {
  const char *up = rl_get_termcap("up");
  return up != NULL && *up != '\0';
}

static int newlines_between(int start, int end) {
  int count = 0;
  for (int i = start; i < end; i++) count += rl_line_buffer[i] == '\n';
  return count;
}

static bool is_inside_letter(int point) {
  return ((unsigned char)rl_line_buffer[point] & 0xc0) == 0x80;
}

/* How many columns a byte takes, or more: a control character is shown as ^X, and in a locale
** without UTF-8 others are as \303. */
static int columns_of(int point) {
  unsigned char byte = (unsigned char)rl_line_buffer[point];
  if (byte == '\t') return 8;
  if (byte < 0x20 || byte == 0x7f) return 2;
  if (byte < 0x80) return 1;
  if (MB_CUR_MAX == 1) return 4;
  return is_inside_letter(point) ? 0 : byte < 0xe1 ? 1 : 2;
}

/* How many rows the line takes that begins there, or one more. */
static int rows_of(int start, int screen_columns) {
  int columns = (int)strlen(start == 0 ? rl_display_prompt : continuation);
  for (int i = start; i < rl_end && rl_line_buffer[i] != '\n'; i++) columns += columns_of(i);
  return columns / screen_columns + 1;
}

/* Where a window that begins with the line at `start` ends when it has so many rows. */
static int window_end(int start, int rows, int screen_columns) {
  int end = start;
  while (end <= rl_end && (rows -= rows_of(end, screen_columns)) >= 0) end = gr_lines_end(end) + 1;
  return end > start ? end - 1 : gr_lines_end(start);
}

/* The window stays where it was drawn last as long as the cursor is in it, and has no room to spare
** below. */
static Window find_window(void) {
  static int last_start;
  int rows, columns;
  rl_get_screen_size(&rows, &columns);
  rows = rows > 6 ? rows - 3 : 3;
  if (columns < 1) columns = 80;
  int start = gr_lines_start(last_start < rl_point ? last_start : rl_point);
  while (start > 0 && window_end(gr_lines_start(start - 1), rows, columns) == rl_end)
    start = gr_lines_start(start - 1);
  while (window_end(start, rows, columns) < rl_point) start = gr_lines_end(start) + 1;
  last_start = start;
  Window window = {start, window_end(start, rows, columns), newlines_between(0, start), 0};
  window.below = newlines_between(window.end, rl_end);
  return window;
}

/* What is shown of the entry, or NULL; where in it the cursor and the mark are. */
static char *shown_text(const Window *window, int *point, int *mark) {
  size_t width = strlen(continuation);
  size_t newlines = (size_t)newlines_between(window->start, window->end);
  size_t size = (size_t)(window->end - window->start) + (newlines + 2) * width + 2 * NOTE + 1;
  char *text = malloc(size), *out = text;
  if (text == NULL) return NULL;
  if (window->above > 0)
    out += snprintf(out, NOTE + width, "(%d lines above)\n%s", window->above, continuation);
  *mark = 0;
  for (int i = window->start; i <= window->end; i++) {
    if (i == rl_point) *point = (int)(out - text);
    if (i == rl_mark) *mark = (int)(out - text);
    if (i == window->end) break;
    *out++ = rl_line_buffer[i];
    if (rl_line_buffer[i] != '\n') continue;
    memcpy(out, continuation, width);
    out += width;
  }
  *out = '\0';
  if (window->below > 0) snprintf(out, NOTE, "\n(%d lines below)", window->below);
  return text;
}

/* The same where there is one row for it all, each newline a space. */
static char *shown_in_one_row(int *point, int *mark) {
  char *text = malloc((size_t)rl_end + 1);
  if (text == NULL) return NULL;
  for (int i = 0; i < rl_end; i++) text[i] = rl_line_buffer[i] == '\n' ? ' ' : rl_line_buffer[i];
  text[rl_end] = '\0';
  *point = rl_point;
  *mark = rl_mark;
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

static void draw(void) {
  clear_after_search();
  bool has_lines = newlines_between(0, rl_end) > 0;
  char *buffer = rl_line_buffer, *shown = NULL;
  int point = rl_point, mark = rl_mark, end = rl_end, shown_point = 0, shown_mark = 0;
  if (has_lines && gr_lines_can_be_shown()) {
    Window window = find_window();
    shown = shown_text(&window, &shown_point, &shown_mark);
  } else if (has_lines) {
    shown = shown_in_one_row(&shown_point, &shown_mark);
  }
  if (shown == NULL) {
    rl_redisplay();
    return;
  }
  rl_line_buffer = shown;
  rl_point = shown_point, rl_mark = shown_mark, rl_end = (int)strlen(shown);
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

/* The entry's own ends: readline's walk through the history beside ours would free edits twice. */
static int go_to_beginning(int count, int key) {
  (void)count, (void)key;
  rl_point = 0;
  return 0;
}

static int go_to_last(int count, int key) {
  (void)count, (void)key;
  rl_point = rl_end;
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
  {"\\e<", go_to_beginning}, {"\\e>", go_to_last},
};

void gr_lines_open(void) {
  Keymap map = rl_get_keymap_by_name("emacs-standard");
  for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
    rl_bind_keyseq_in_map(bindings[i].keys, bindings[i].function, map);
  rl_redisplay_function = draw;
}
