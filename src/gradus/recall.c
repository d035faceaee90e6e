/* recall.c: walking through the history. See recall.h. */
#include "recall.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "history.h"
#include "lines.h"

static struct {
  int place;         /* of the entry shown; history_length: none, or the unfinished one */
  int next_place;    /* where Down goes on at a fresh prompt, or -1 */
  char *unfinished;  /* what was typed when the walk began; NULL: nothing */
  char *shown;       /* the text that the walk put there; NULL: none */
  int prefix;        /* how many bytes of it were typed */
} walk;

static void replace(char **place, const char *text) {
  char *copy = text == NULL ? NULL : malloc(strlen(text) + 1);
  if (copy != NULL) strcpy(copy, text);
  free(*place);
  *place = copy;
}

static bool is_blank(const char *text) { return text[strspn(text, " \t\n")] == '\0'; }

/* What stands there is no entry of the history to readline from now on: a search may have led to
** one, which then has the list of edits, too. */
static void leave_history(void) {
  HIST_ENTRY *entry = current_history();
  if (entry != NULL && entry->data == (histdata_t)rl_undo_list) entry->data = NULL;
  using_history();
}

static void add_to_history(const char *entry) {
  const HIST_ENTRY *last = history_get(history_base + history_length - 1);
  leave_history();
  if (last == NULL || strcmp(last->line, entry) != 0) add_history(entry);
  using_history();
}

void gr_recall_remember(const char *entry) {
  if (entry == NULL || is_blank(entry)) return;
  add_to_history(entry);
  gr_history_append(entry);
}

static const char *history_text(int place) {
  const HIST_ENTRY *entry = history_get(history_base + place);
  return entry == NULL ? "" : entry->line;
}

/* The text in the place of what stands there, as an edit. */
static void show(const char *text, int point) {
  leave_history();
  rl_begin_undo_group();
  rl_delete_text(0, rl_end);
  rl_point = 0;
  rl_insert_text(text);
  rl_end_undo_group();
  rl_point = point > rl_end ? rl_end : point;
  rl_mark = 0;
}

static bool is_on_the_walk(void) {
  return walk.shown != NULL && strcmp(walk.shown, rl_line_buffer) == 0;
}

/* Keep what stands there as the unfinished entry; one that was kept before goes to the history. */
static void begin_walk(void) {
  if (is_on_the_walk()) return;
  walk.place = history_length;
  walk.prefix = rl_point;
  if (*rl_line_buffer != '\0') {
    if (walk.unfinished != NULL && strcmp(walk.unfinished, rl_line_buffer) != 0) {
      gr_recall_remember(walk.unfinished);
      walk.place = history_length;
    }
    replace(&walk.unfinished, rl_line_buffer);
  }
}

static void show_on_walk(const char *text) {
  replace(&walk.shown, text);
  show(text, walk.prefix > 0 ? walk.prefix : (int)strlen(text));
}

/* The next entry in this direction that begins as was typed and differs from what is shown. */
static int find_entry(int step) {
  for (int place = walk.place + step; place >= 0 && place < history_length; place += step) {
    const char *text = history_text(place);
    if (strncmp(text, rl_line_buffer, (size_t)walk.prefix) == 0 &&
        strcmp(text, rl_line_buffer) != 0) return place;
  }
  return -1;
}

static int walk_up(int count, int key) {
  (void)count, (void)key;
  begin_walk();
  int place = find_entry(-1);
  if (place < 0) return rl_ding();
  walk.place = place;
  show_on_walk(history_text(place));
  return 0;
}

static int walk_down(int count, int key) {
  (void)count, (void)key;
  if (*rl_line_buffer == '\0' && walk.next_place >= 0 && walk.next_place < history_length) {
    walk.place = walk.next_place;
    walk.next_place = -1;
    walk.prefix = 0;
    show_on_walk(history_text(walk.place));
    return 0;
  }
  if (!is_on_the_walk()) {
    if (*rl_line_buffer != '\0' || walk.unfinished == NULL) return rl_ding();
    walk.place = history_length;
  }
  if (walk.place >= history_length && *rl_line_buffer != '\0') return rl_ding();
  int place = find_entry(+1);
  walk.place = place < 0 ? history_length : place;
  if (place < 0 && walk.unfinished != NULL) show_on_walk(walk.unfinished);
  else if (place < 0) show("", 0);
  else show_on_walk(history_text(place));
  return 0;
}

/* An entry that was called back and not touched is passed over as a whole. */
int gr_recall_up(int count, int key) {
  bool passes_over = is_on_the_walk() && rl_point == rl_end;
  return !passes_over && gr_lines_go_up() ? 0 : walk_up(count, key);
}

int gr_recall_down(int count, int key) {
  bool passes_over = is_on_the_walk() && rl_point == rl_end;
  return !passes_over && gr_lines_go_down() ? 0 : walk_down(count, key);
}

void gr_recall_open(void) {
  walk.next_place = -1;
  using_history();
  gr_history_load(add_to_history);
}

void gr_recall_begin(void) {
  using_history();
  walk.place = history_length;
}

void gr_recall_note_accepted(const char *entry) {
  bool was_called_back = walk.shown != NULL && strcmp(walk.shown, entry) == 0 &&
                         walk.place < history_length;
  walk.next_place = was_called_back ? walk.place + 1 : -1;
  if (walk.unfinished != NULL && strcmp(walk.unfinished, entry) == 0)
    replace(&walk.unfinished, NULL);
  replace(&walk.shown, NULL);
  gr_recall_remember(entry);
  walk.place = history_length;
}
