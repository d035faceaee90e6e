/* editor.c: reading an entry from the terminal. See editor.h.
**
** Readline is used through its callbacks, so that signals arrive here, in a loop of ours: it
** installs no handlers. It has one terminal and calls plain functions, hence the one state below.
** On a terminal whose cursor cannot go up, an entry's lines are read one by one, as Lua does. */
#include "editor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/readline.h>

#include "lines.h"
#include "recall.h"

static struct {
  const gr_Advisor *advisor;
  char *entry;         /* what was read, when is_done */
  bool is_done;
  bool goes_on;        /* whether the entry has another line, to be read by itself */
  char *above, *next;  /* the lines read so, and what that line begins with; NULL: none */
  const char *continuation;
} editor;

static volatile sig_atomic_t was_interrupted, was_resized, was_stopped, was_continued, was_ended;

static char *copy(const char *text) {
  char *result = malloc(strlen(text) + 1);
  return result == NULL ? NULL : strcpy(result, text);
}

static char *join(const char *first, const char *second) {
  char *result = malloc(strlen(first) + strlen(second) + 1);
  return result == NULL ? NULL : strcat(strcpy(result, first), second);
}

static void replace(char **place, char *value) {
  free(*place);
  *place = value;
}

/* The lines read so far, and so many bytes of the one that stands there; NULL: no memory. */
static char *entry_before(int end) {
  size_t length = editor.above == NULL ? 0 : strlen(editor.above);
  char *text = malloc(length + (size_t)end + 1);
  if (text == NULL) return NULL;
  if (length > 0) memcpy(text, editor.above, length);
  memcpy(text + length, rl_line_buffer, (size_t)end);
  text[length + (size_t)end] = '\0';
  return text;
}

/* Return */

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

static int accept_line(int count, int key) {
  rl_point = rl_end;
  (*rl_redisplay_function)();
  return rl_newline(count, key);
}

/* The text goes on at this point of it: what stands above that line has been read. */
static void split(const char *text, int point) {
  int start = point;
  while (start > 0 && text[start - 1] != '\n') start--;
  char *above = copy(text), *next = copy(text + start);
  if (above != NULL) above[start] = '\0';
  replace(&editor.above, above);
  replace(&editor.next, next);
  editor.goes_on = true;
}

static int press_return(int count, int key) {
  bool is_vi_command = rl_get_keymap() == rl_get_keymap_by_name("vi-command");
  if (is_vi_command) rl_point = gr_lines_end(rl_point);
  char *entry = entry_before(rl_end);
  if (entry == NULL) return rl_ding();
  int above = (int)strlen(entry) - rl_end, point = above + rl_point;
  char *text = editor.advisor->go_on(editor.advisor->data, entry, &point);
  bool is_complete = point < 0;
  free(entry);
  if (text != NULL && above == 0 && (is_complete || gr_lines_can_be_shown())) put_text(text);
  if (!is_complete && gr_lines_can_be_shown()) {
    rl_point = point > rl_end ? rl_end : point;
    if (is_vi_command) rl_vi_insertion_mode(1, key);
  } else if (!is_complete && text != NULL) {
    split(text, point);
  }
  free(text);
  return is_complete || editor.goes_on ? accept_line(count, key) : 0;
}

/* Completion */

static char *find_word_breaks(void) {
  static char breaks[128];
  char *before = entry_before(rl_point);
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
  char *before = entry_before(end);
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
  int start = gr_lines_start(rl_point);
  if (rl_point > 0 && strspn(rl_line_buffer + start, " \t") >= (size_t)(rl_point - start) &&
      start > 0) {
    rl_insert_text("  ");
    return 0;
  }
  if (rl_last_func == press_tab) rl_last_func = rl_complete;  /* the second Tab lists */
  return rl_complete(count, key);
}

/* Signals */

static void remember_unfinished(void) {
  char *entry = entry_before(rl_end);
  gr_recall_remember(entry);
  free(entry);
}

static void note_interrupt(int number) { (void)number; was_interrupted = 1; }
static void note_resize(int number) { (void)number; was_resized = 1; }
static void note_stop(int number) { (void)number; was_stopped = 1; }
static void note_continue(int number) { (void)number; was_continued = 1; }
static void note_end(int number) { was_ended = number; }

typedef struct Signals {
  struct sigaction interrupt, resize, stop, resume, hang_up, terminate;
} Signals;

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
  catch_signal(SIGTSTP, note_stop, &before->stop);
  catch_signal(SIGCONT, note_continue, &before->resume);
  catch_signal(SIGHUP, note_end, &before->hang_up);
  catch_signal(SIGTERM, note_end, &before->terminate);
}

static void restore_signals(const Signals *before) {
  sigaction(SIGINT, &before->interrupt, NULL);
  sigaction(SIGWINCH, &before->resize, NULL);
  sigaction(SIGTSTP, &before->stop, NULL);
  sigaction(SIGCONT, &before->resume, NULL);
  sigaction(SIGHUP, &before->hang_up, NULL);
  sigaction(SIGTERM, &before->terminate, NULL);
}

static void show_prompt(const char *prompt);

/* Ctrl-C gives a fresh prompt; what was typed can be called back. */
static void abandon_entry(const char *prompt) {
  was_interrupted = 0;
  remember_unfinished();
  rl_callback_sigcleanup();
  rl_point = rl_end;
  (*rl_redisplay_function)();
  fputs("^C", rl_outstream);
  rl_crlf();
  rl_free_line_state();
  rl_replace_line("", 1);
  rl_callback_handler_remove();
  replace(&editor.above, NULL);
  show_prompt(prompt);
}

/* Ctrl-Z: whoever goes on at the terminal shall find it as it was. */
static void stop(void) {
  struct sigaction before;
  was_stopped = 0;
  rl_deprep_terminal();
  catch_signal(SIGTSTP, SIG_DFL, &before);
  raise(SIGTSTP);
  sigaction(SIGTSTP, &before, NULL);
  was_continued = 1;  /* where no shell waits for it, it does not stop */
}

static void go_on_after_stop(void) {
  was_continued = 0;
  rl_deprep_terminal();
  rl_prep_terminal(1);
  rl_forced_update_display();
}

/* Readline would draw the entry anew below what it drew before. */
static void redraw_resized(void) {
  was_resized = 0;
  rl_clear_visible_line();
  rl_reset_screen_size();
  rl_on_new_line();
  (*rl_redisplay_function)();
}

static void deal_with_signals(const char *prompt) {
  if (was_interrupted) abandon_entry(prompt);
  if (was_resized) redraw_resized();
  if (was_stopped) stop();
  if (was_continued) go_on_after_stop();
}

/* The loop */

static void take_line(char *line) {
  rl_callback_handler_remove();
  editor.is_done = !editor.goes_on;
  if (editor.goes_on) {
    free(line);
    editor.entry = NULL;
    return;
  }
  if (editor.above != NULL) {
    if (line == NULL) {  /* Ctrl-D leaves the entry, not the program */
      gr_recall_remember(editor.above);
      rl_crlf();
    }
    replace(&line, line == NULL ? copy("") : join(editor.above, line));
    replace(&editor.above, NULL);
  }
  editor.entry = line;
}

/* Begin a line, the first one or another. */
static void show_prompt(const char *prompt) {
  bool is_first = editor.above == NULL;
  editor.goes_on = false;
  gr_recall_begin();
  rl_callback_handler_install(is_first ? prompt : editor.continuation, take_line);
  if (!is_first && editor.next != NULL) {
    rl_insert_text(editor.next);
    (*rl_redisplay_function)();
  }
}

/* Wait for a key, or a signal. */
static bool wait_for_key(void) {
  struct pollfd input = {fileno(rl_instream), POLLIN, 0};
  sigset_t all, before;
  sigemptyset(&all);
  sigaddset(&all, SIGINT), sigaddset(&all, SIGWINCH), sigaddset(&all, SIGCONT);
  sigaddset(&all, SIGTSTP), sigaddset(&all, SIGHUP), sigaddset(&all, SIGTERM);
  sigprocmask(SIG_BLOCK, &all, &before);
  bool noted = was_interrupted || was_resized || was_stopped || was_continued || was_ended;
  int ready = noted ? 0 : ppoll(&input, 1, NULL, &before);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return ready > 0;
}

/* The program is told to end: as if it were not for the editor. */
static void end(const Signals *before) {
  remember_unfinished();
  rl_callback_handler_remove();
  restore_signals(before);
  raise(was_ended);
}

char *gr_editor_read(const char *prompt, const char *continuation) {
  Signals before;
  catch_signals(&before);
  was_interrupted = was_resized = was_stopped = was_continued = was_ended = 0;
  editor.is_done = false;
  editor.entry = NULL;
  editor.continuation = continuation;
  gr_lines_set_prompt(continuation);
  show_prompt(prompt);
  while (!editor.is_done && !was_ended) {
    deal_with_signals(prompt);
    if (wait_for_key()) rl_callback_read_char();
    if (editor.goes_on) show_prompt(prompt);
  }
  if (was_ended) end(&before);
  restore_signals(&before);
  if (editor.entry != NULL) gr_recall_note_accepted(editor.entry);
  return editor.entry;
}

static int ring(int count, int key) {
  (void)count, (void)key;
  return rl_ding();
}

/* Put in what was killed before, after a yank; rl_yank_pop gives up where there was none. */
static int yank_earlier(int count, int key) {
  if (rl_last_func != rl_yank && rl_last_func != yank_earlier) return rl_ding();
  rl_last_func = rl_yank;
  return rl_yank_pop(count, key);
}

typedef struct Binding { const char *keys; rl_command_func_t *function; } Binding;

static const Binding bindings[] = {
  {"\\C-m", press_return}, {"\\C-j", press_return}, {"\\M-\\C-m", break_line},
  {"\\M-\\C-j", break_line}, {"\\C-i", press_tab},
  {"\\e[A", gr_recall_up}, {"\\eOA", gr_recall_up}, {"\\C-p", gr_recall_up},
  {"\\e[B", gr_recall_down}, {"\\eOB", gr_recall_down}, {"\\C-n", gr_recall_down},
}, emacs_bindings[] = {
  {"\\C-o", press_return}, {"\\ey", yank_earlier},
  {"\\ep", gr_recall_up}, {"\\en", gr_recall_down},
};

#define BIND_KEYS(map, table) bind_keys(map, table, sizeof table / sizeof table[0])

static void bind_keys(const char *map_name, const Binding *table, size_t count) {
  Keymap map = rl_get_keymap_by_name(map_name);
  for (size_t i = 0; i < count; i++)
    rl_bind_keyseq_in_map(table[i].keys, table[i].function, map);
}

/* Whether a function gives up by a jump to where readline began to read the key, or reads keys
** ahead and may put them back. */
static bool is_unsafe(rl_command_func_t *function) {
  return function == rl_start_kbd_macro || function == rl_end_kbd_macro ||
         function == rl_call_last_kbd_macro || function == rl_char_search ||
         function == rl_backward_char_search;
}

/* Readline gives up so at a key without a function, too. Where one call of it reads several keys,
** as after a search, the jump is into a function which has returned (readline 8.2): such keys only
** ring, and so does, behind a first one such as Escape, the key that gives up. Where a first key is
** one by itself, too, what follows it may stand alone. */
static void calm_keys(Keymap map, bool is_behind) {
  for (int key = 0; key < ANYOTHERKEY; key++) {
    rl_command_func_t *function = map[key].function;
    if (map[key].type == ISKMAP) {
      Keymap behind;
      memcpy(&behind, &function, sizeof behind);  /* as readline keeps it there */
      calm_keys(behind, true);
    } else if (map[key].type == ISFUNC && map[ANYOTHERKEY].function == NULL &&
               (function == NULL || is_unsafe(function) || (is_behind && function == rl_abort))) {
      map[key].function = ring;
    }
  }
}

void gr_editor_open(const gr_Advisor *advisor) {
  editor.advisor = advisor;
  rl_readline_name = "gradus";
  rl_catch_signals = 0;
  rl_catch_sigwinch = 0;
  rl_attempted_completion_function = complete;
  rl_completion_word_break_hook = find_word_breaks;
  rl_initialize();
  const char *kind = getenv("TERM"), *no_color = getenv("NO_COLOR");
  if (kind != NULL && strcmp(kind, "dumb") != 0) rl_variable_bind("enable-bracketed-paste", "on");
  if (no_color != NULL && *no_color != '\0') rl_variable_bind("enable-active-region", "off");
  rl_variable_bind("blink-matching-paren", "off");
  BIND_KEYS("emacs-standard", bindings);
  BIND_KEYS("emacs-standard", emacs_bindings);
  BIND_KEYS("vi-insert", bindings);
  BIND_KEYS("vi-command", bindings);
  rl_bind_keyseq_in_map("k", gr_recall_up, rl_get_keymap_by_name("vi-command"));
  rl_bind_keyseq_in_map("j", gr_recall_down, rl_get_keymap_by_name("vi-command"));
  gr_lines_open();
  gr_recall_open();
  calm_keys(rl_get_keymap_by_name("emacs-standard"), false);
  calm_keys(rl_get_keymap_by_name("vi-insert"), false);
  calm_keys(rl_get_keymap_by_name("vi-command"), false);
}
