/* editor.c: reading an entry from the terminal. See editor.h.
**
** Readline is used through its callbacks, so that signals arrive here, in a loop of ours: it
** installs no handlers. It has one terminal and calls plain functions, hence the one state below. */
#include "editor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "history.h"

static struct {
  const gr_Advisor *advisor;
  char *entry;         /* what was read, when is_done */
  bool is_done;
  /* The walk through the history */
  int place;           /* of the entry shown; history_length: none, or the unfinished one */
  int next_place;      /* where Down goes on at a fresh prompt, or -1 */
  char *unfinished;    /* what was typed when the walk began; NULL: nothing */
  char *shown;         /* the text that the walk put there; NULL: none */
  int prefix;          /* how many bytes of it were typed */
} editor;

static volatile sig_atomic_t was_interrupted, was_resized, was_continued;

static char *copy(const char *text) {
  char *result = malloc(strlen(text) + 1);
  return result == NULL ? NULL : strcpy(result, text);
}

static void replace(char **place, char *value) {
  free(*place);
  *place = value;
}

/* History */

static void add_to_history(const char *entry) {
  const HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
  if (last == NULL || strcmp(last->line, entry) != 0) add_history(entry);
}

static const char *history_text(int place) {
  const HIST_ENTRY *entry = history_get(history_base + place);
  return entry == NULL ? "" : entry->line;
}

static void show(const char *text, int point) {
  rl_replace_line(text, 1);
  rl_point = point > rl_end ? rl_end : point;
  rl_mark = 0;
}

static bool is_on_the_walk(void) {
  return editor.shown != NULL && strcmp(editor.shown, rl_line_buffer) == 0;
}

/* Keep what stands there as the unfinished entry; one that was kept before goes to the history. */
static void begin_walk(void) {
  if (is_on_the_walk()) return;
  editor.place = history_length;
  editor.prefix = rl_point;
  if (*rl_line_buffer != '\0') {
    if (editor.unfinished != NULL && strcmp(editor.unfinished, rl_line_buffer) != 0) {
      add_to_history(editor.unfinished);
      editor.place = history_length;
    }
    replace(&editor.unfinished, copy(rl_line_buffer));
  }
}

static void show_on_walk(const char *text) {
  replace(&editor.shown, copy(text));
  show(text, editor.prefix > 0 ? editor.prefix : (int)strlen(text));
}

/* The next entry in this direction that begins as was typed and differs from what is shown. */
static int find_entry(int step) {
  for (int place = editor.place + step; place >= 0 && place < history_length; place += step) {
    const char *text = history_text(place);
    if (strncmp(text, rl_line_buffer, (size_t)editor.prefix) == 0 &&
        strcmp(text, rl_line_buffer) != 0) return place;
  }
  return -1;
}

static int walk_up(int count, int key) {
  (void)count, (void)key;
  begin_walk();
  int place = find_entry(-1);
  if (place < 0) return rl_ding();
  editor.place = place;
  show_on_walk(history_text(place));
  return 0;
}

static int walk_down(int count, int key) {
  (void)count, (void)key;
  if (*rl_line_buffer == '\0' && editor.next_place >= 0 && editor.next_place < history_length) {
    editor.place = editor.next_place;
    editor.next_place = -1;
    editor.prefix = 0;
    show_on_walk(history_text(editor.place));
    return 0;
  }
  if (!is_on_the_walk()) {
    if (*rl_line_buffer != '\0' || editor.unfinished == NULL) return rl_ding();
    editor.place = history_length;
  }
  if (editor.place >= history_length && *rl_line_buffer != '\0') return rl_ding();
  int place = find_entry(+1);
  editor.place = place < 0 ? history_length : place;
  if (place < 0 && editor.unfinished != NULL) show_on_walk(editor.unfinished);
  else if (place < 0) show("", 0);
  else show_on_walk(history_text(place));
  return 0;
}

/* Moving in an entry of several lines */

static int line_start(int point) {
  while (point > 0 && rl_line_buffer[point - 1] != '\n') point--;
  return point;
}

static int line_end(int point) {
  while (point < rl_end && rl_line_buffer[point] != '\n') point++;
  return point;
}

/* An entry that was called back and not touched is passed over as a whole. */
static int go_up(int count, int key) {
  int start = line_start(rl_point), column = rl_point - start;
  if (start == 0 || (is_on_the_walk() && rl_point == rl_end)) return walk_up(count, key);
  int above = line_start(start - 1);
  rl_point = above + column < start - 1 ? above + column : start - 1;
  return 0;
}

static int go_down(int count, int key) {
  int end = line_end(rl_point), column = rl_point - line_start(rl_point);
  if (end == rl_end || (is_on_the_walk() && rl_point == rl_end)) return walk_down(count, key);
  int below_end = line_end(end + 1);
  rl_point = end + 1 + column < below_end ? end + 1 + column : below_end;
  return 0;
}

static int break_line(int count, int key) {
  (void)count, (void)key;
  return rl_insert_text("\n") == 1 ? 0 : 1;
}

static void put_text(const char *text) {
  rl_begin_undo_group();
  rl_delete_text(0, rl_end);
  rl_point = 0;
  rl_insert_text(text);
  rl_end_undo_group();
}

static int press_return(int count, int key) {
  int point = rl_point;
  char *text = editor.advisor->go_on(editor.advisor->data, rl_line_buffer, &point);
  if (text != NULL) put_text(text);
  free(text);
  if (point < 0) {
    rl_point = rl_end;
    rl_redisplay();
    return rl_newline(count, key);
  }
  rl_point = point > rl_end ? rl_end : point;
  return 0;
}

/* Completion */

static char *text_before(int end) {
  char *text = malloc((size_t)end + 1);
  if (text == NULL) return NULL;
  memcpy(text, rl_line_buffer, (size_t)end);
  text[end] = '\0';
  return text;
}

static char *find_word_breaks(void) {
  static char breaks[128];
  char *before = text_before(rl_point);
  const char *found = before == NULL ? " " :
                      editor.advisor->word_breaks(editor.advisor->data, before);
  snprintf(breaks, sizeof breaks, "%s", found);
  free(before);
  return breaks;
}

/* Readline wants in front what all words begin with. */
static char **with_common_beginning(char **words) {
  size_t count = 0, common = 0;
  while (words[count] != NULL) count++;
  char **result = malloc((count + 2) * sizeof *result);
  if (result == NULL) return NULL;
  common = strlen(words[0]);
  for (size_t i = 1; i < count; i++) {
    size_t same = 0;
    while (same < common && words[0][same] == words[i][same]) same++;
    common = same;
  }
  while (common > 0 && (words[0][common] & 0xc0) == 0x80) common--;  /* whole letters */
  result[0] = malloc(common + 1);
  if (result[0] == NULL) { free(result); return NULL; }
  memcpy(result[0], words[0], common);
  result[0][common] = '\0';
  if (count == 1) {
    free(words[0]);
    result[1] = NULL;
  } else {
    memcpy(result + 1, words, (count + 1) * sizeof *result);
  }
  return result;
}

static char **complete(const char *word, int start, int end) {
  (void)word, (void)start;
  bool are_files = false;
  char *before = text_before(end);
  char **words = before == NULL ? NULL :
                 editor.advisor->complete(editor.advisor->data, before, &are_files);
  char **result = words == NULL || words[0] == NULL ? NULL : with_common_beginning(words);
  free(words);
  free(before);
  rl_attempted_completion_over = 1;
  rl_completion_append_character = '\0';
  rl_filename_completion_desired = are_files;
  rl_filename_quoting_desired = 0;
  rl_sort_completion_matches = 0;
  return result;
}

/* Tab where nothing but space stands before the cursor indents. */
static int press_tab(int count, int key) {
  int start = line_start(rl_point);
  if (rl_point > 0 && strspn(rl_line_buffer + start, " \t") >= (size_t)(rl_point - start) &&
      start > 0) {
    rl_insert_text("  ");
    return 0;
  }
  if (rl_last_func == press_tab) rl_last_func = rl_complete;  /* the second Tab lists */
  return rl_complete(count, key);
}

/* Signals */

static void note_interrupt(int number) { (void)number; was_interrupted = 1; }
static void note_resize(int number) { (void)number; was_resized = 1; }
static void note_continue(int number) { (void)number; was_continued = 1; }

typedef struct Signals { struct sigaction interrupt, resize, resume; } Signals;

static void catch_signal(int number, void (*handler)(int), struct sigaction *before) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, before);
}

static void catch_signals(Signals *before) {
  catch_signal(SIGINT, note_interrupt, &before->interrupt);
  catch_signal(SIGWINCH, note_resize, &before->resize);
  catch_signal(SIGCONT, note_continue, &before->resume);
}

static void restore_signals(const Signals *before) {
  sigaction(SIGINT, &before->interrupt, NULL);
  sigaction(SIGWINCH, &before->resize, NULL);
  sigaction(SIGCONT, &before->resume, NULL);
}

/* Ctrl-C gives a fresh prompt; what was typed can be called back. */
static void abandon_entry(void) {
  was_interrupted = 0;
  if (strspn(rl_line_buffer, " \t\n") < (size_t)rl_end) add_to_history(rl_line_buffer);
  rl_callback_sigcleanup();
  rl_point = rl_end;
  rl_redisplay();
  fputs("^C", rl_outstream);
  rl_crlf();
  rl_free_line_state();
  rl_replace_line("", 1);
  rl_point = rl_mark = 0;
  editor.place = history_length;
  rl_on_new_line();
  rl_reset_line_state();
  rl_redisplay();
}

static void deal_with_signals(void) {
  if (was_interrupted) abandon_entry();
  if (was_resized) {
    was_resized = 0;
    rl_resize_terminal();
  }
  if (was_continued) {
    was_continued = 0;
    rl_prep_terminal(1);
    rl_forced_update_display();
  }
}

/* The loop */

static void take_line(char *line) {
  rl_callback_handler_remove();
  editor.entry = line;
  editor.is_done = true;
}

/* Where Down goes on, and what is no more unfinished. */
static void note_accepted(const char *entry) {
  bool was_called_back = editor.shown != NULL && strcmp(editor.shown, entry) == 0 &&
                         editor.place < history_length;
  editor.next_place = was_called_back ? editor.place + 1 : -1;
  if (editor.unfinished != NULL && strcmp(editor.unfinished, entry) == 0)
    replace(&editor.unfinished, NULL);
  replace(&editor.shown, NULL);
  if (strspn(entry, " \t\n") < strlen(entry)) {
    add_to_history(entry);
    gr_history_append(entry);
  }
  editor.place = history_length;
}

/* Wait for a key, or a signal. */
static bool wait_for_key(void) {
  struct pollfd input = {fileno(rl_instream), POLLIN, 0};
  sigset_t all, before;
  sigemptyset(&all);
  sigaddset(&all, SIGINT), sigaddset(&all, SIGWINCH), sigaddset(&all, SIGCONT);
  sigprocmask(SIG_BLOCK, &all, &before);
  bool noted = was_interrupted || was_resized || was_continued;
  int ready = noted ? 0 : ppoll(&input, 1, NULL, &before);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return ready > 0;
}

char *gr_editor_read(const char *prompt) {
  Signals before;
  catch_signals(&before);
  was_interrupted = was_resized = was_continued = 0;
  editor.is_done = false;
  editor.entry = NULL;
  editor.place = history_length;
  rl_callback_handler_install(prompt, take_line);
  while (!editor.is_done) {
    deal_with_signals();
    if (wait_for_key()) rl_callback_read_char();
  }
  restore_signals(&before);
  if (editor.entry != NULL) note_accepted(editor.entry);
  return editor.entry;
}

static const struct { const char *keys; rl_command_func_t *function; } bindings[] = {
  {"\\C-m", press_return}, {"\\C-j", press_return}, {"\\M-\\C-m", break_line},
  {"\\M-\\C-j", break_line}, {"\\C-i", press_tab},
  {"\\e[A", go_up}, {"\\eOA", go_up}, {"\\C-p", go_up},
  {"\\e[B", go_down}, {"\\eOB", go_down}, {"\\C-n", go_down},
};

void gr_editor_open(const gr_Advisor *advisor) {
  editor.advisor = advisor;
  editor.next_place = -1;
  rl_readline_name = "gradus";
  rl_catch_signals = 0;
  rl_catch_sigwinch = 0;
  rl_attempted_completion_function = complete;
  rl_completion_word_break_hook = find_word_breaks;
  using_history();
  rl_initialize();
  const char *kind = getenv("TERM");
  if (kind != NULL && strcmp(kind, "dumb") != 0) rl_variable_bind("enable-bracketed-paste", "on");
  rl_variable_bind("blink-matching-paren", "off");
  Keymap maps[] = {rl_get_keymap_by_name("emacs-standard"), rl_get_keymap_by_name("vi-insert")};
  for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++)
    for (int map = 0; map < 2; map++)
      rl_bind_keyseq_in_map(bindings[i].keys, bindings[i].function, maps[map]);
  gr_history_load(add_to_history);
}
