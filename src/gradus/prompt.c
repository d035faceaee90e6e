/* prompt.c: the prompt. See prompt.h. */
#include "prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "editor.h"
#include "globals.h"
#include "interrupt.h"
#include "opening.h"
#include "running.h"
#include "lua/library.h"

/* As lua5.4: without a terminal */

static void push_prompt(lua_State *L, bool is_first) {
  if (lua_getglobal(L, is_first ? "_PROMPT" : "_PROMPT2") == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushstring(L, is_first ? "> " : ">> ");
  }
  luaL_tolstring(L, -1, NULL);
  lua_remove(L, -2);
}

/* Push the next line and return true, or push nothing. */
static bool push_line(lua_State *L, bool is_first) {
  lua_pushnil(L);
  push_prompt(L, is_first);
  char *line = readline(lua_tostring(L, -1));
  lua_pop(L, 1);
  if (line == NULL) {
    lua_pop(L, 1);
    return false;
  }
  if (is_first && *line == '=') lua_pushfstring(L, "return %s", line + 1);
  else lua_pushstring(L, line);
  lua_replace(L, -2);
  free(line);
  return true;
}

static bool ends_early(lua_State *L, int status) {
  static const char mark[] = "<eof>";
  size_t length;
  if (status != LUA_ERRSYNTAX) return false;
  const char *message = lua_tolstring(L, -1, &length);
  return length >= sizeof mark - 1 && strcmp(message + length - (sizeof mark - 1), mark) == 0;
}

/* Push the function of an entry, an expression or a statement of as many lines as it takes, or the
** compiler's message. Returns Lua's status, or -1 and pushes nothing at the end of the input. */
static int load_plain_entry(lua_State *L) {
  int text = lua_gettop(L) + 1;
  size_t length;
  if (!push_line(L, true)) return -1;
  const char *code = lua_pushfstring(L, "return %s", lua_tostring(L, text));
  int status = luaL_loadbuffer(L, code, strlen(code), "=stdin");
  while (status != LUA_OK) {
    lua_settop(L, text);
    code = lua_tolstring(L, text, &length);
    status = luaL_loadbuffer(L, code, length, "=stdin");
    if (!ends_early(L, status) || !push_line(L, false)) break;
    lua_pushfstring(L, "%s\n%s", lua_tostring(L, text), lua_tostring(L, -1));
    lua_replace(L, text);
  }
  lua_replace(L, text);
  lua_settop(L, text);
  return status;
}

static void tell_plainly(lua_State *L) {
  const char *message = lua_tostring(L, -1);
  fflush(stdout);
  fprintf(stderr, "%s\n", message == NULL ? "(error message not a string)" : message);
  fflush(stderr);
}

static void print_results(lua_State *L, int count) {
  if (count == 0) return;
  luaL_checkstack(L, LUA_MINSTACK, "too many results to print");
  lua_getglobal(L, "print");
  lua_insert(L, -(count + 1));
  if (lua_pcall(L, count, 0, 0) != LUA_OK) {
    lua_pushfstring(L, "error calling 'print' (%s)", lua_tostring(L, -1));
    tell_plainly(L);
  }
}

/* Nobody sits there to be warned of a misspelt name, or to be told the program's; --strict means
** any input. */
static int plain_prompt(lua_State *L) {
  int status, base = lua_gettop(L);
  if (!gr_options_of(L)->given[GR_OPTION_STRICT]) gr_globals_watch(L, "=stdin", false);
  gr_set_program(L, "");
  rl_readline_name = "lua";
  while ((status = load_plain_entry(L)) != -1) {
    if (status == LUA_OK) status = gr_call_traced(L, 0, LUA_MULTRET);
    if (status == LUA_OK) print_results(L, lua_gettop(L) - base);
    else tell_plainly(L);
    lua_settop(L, base);
  }
  gr_set_program(L, gr_options_of(L)->program);
  putchar('\n');
  fflush(stdout);
  return 0;
}

/* Failures: what the module is told of an error. A table with
**   value        the error's value
**   interrupted  whether it was Ctrl-C
**   frames       a list from the innermost: source, short_src, line, what, name, namewhat, is_entry
**   visible      what names mean where it happened: the locals and upvalues of the innermost
**                function that is the user's
**   names, values, links   the locals of the entry's own function: links[i] is { function, number }
**                when that upvalue of a local function is the variable itself */

enum { FRAMES_TOLD = 100 };

static int last_level(lua_State *L) {
  lua_Debug frame;
  int low = 1, high = 1;
  while (lua_getstack(L, high, &frame)) {
    low = high;
    high *= 2;
  }
  while (low < high) {
    int middle = (low + high) / 2;
    if (lua_getstack(L, middle, &frame)) low = middle + 1;
    else high = middle;
  }
  return high - 1;
}

static void set_string(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* Push a frame; the entry's function is upvalue 2 of the handler. */
static bool push_frame(lua_State *L, lua_Debug *frame) {
  lua_getinfo(L, "Slnf", frame);
  bool is_entry = lua_rawequal(L, -1, lua_upvalueindex(2));
  lua_pop(L, 1);
  lua_createtable(L, 0, 8);
  set_string(L, "source", frame->source);
  set_string(L, "short_src", frame->short_src);
  set_string(L, "what", frame->what);
  set_string(L, "name", frame->name);
  set_string(L, "namewhat", frame->namewhat);
  lua_pushinteger(L, frame->currentline);
  lua_setfield(L, -2, "line");
  lua_pushinteger(L, frame->linedefined);
  lua_setfield(L, -2, "linedefined");
  lua_pushboolean(L, is_entry);
  lua_setfield(L, -2, "is_entry");
  return is_entry;
}

/* Whether upvalue `number` of the function on top of the stack is local `place` of the frame: what
** is put into the one is seen in the other. */
static bool is_same_variable(lua_State *L, const lua_Debug *frame, int place, int number) {
  static const char probe = 'p';
  lua_getlocal(L, frame, place);
  lua_pushlightuserdata(L, (void *)&probe);
  lua_setlocal(L, frame, place);
  lua_getupvalue(L, -2, number);
  bool is_same = lua_touserdata(L, -1) == &probe;
  lua_pop(L, 1);
  lua_setlocal(L, frame, place);
  return is_same;
}

/* With the list of links on top: for the functions among the locals, note which variables they
** share. */
static void link_locals(lua_State *L, const lua_Debug *frame, int count) {
  int links = lua_gettop(L);
  for (int i = 1; i <= count; i++) {
    if (lua_getlocal(L, frame, i) == NULL) break;
    const char *upvalue, *local;
    bool is_lua = lua_isfunction(L, -1) && !lua_iscfunction(L, -1);
    for (int u = 1; is_lua && (upvalue = lua_getupvalue(L, -1, u)) != NULL; u++) {
      lua_pop(L, 1);
      for (int j = 1; j <= count && (local = lua_getlocal(L, frame, j)) != NULL; j++) {
        lua_pop(L, 1);
        if (strcmp(local, upvalue) != 0 || !is_same_variable(L, frame, j, u)) continue;
        lua_createtable(L, 2, 0);
        lua_pushvalue(L, -2);
        lua_rawseti(L, -2, 1);
        lua_pushinteger(L, u);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, links, j);
      }
    }
    lua_settop(L, links);
  }
}

/* Put the locals of the frame into the failure, which is upvalue 1 of the handler. */
static void keep_locals(lua_State *L, const lua_Debug *frame) {
  const char *name;
  int count = 0, failure = lua_upvalueindex(1), top = lua_gettop(L);
  lua_newtable(L);
  lua_newtable(L);
  while ((name = lua_getlocal(L, frame, count + 1)) != NULL) {
    lua_rawseti(L, top + 2, ++count);
    lua_pushstring(L, name);
    lua_rawseti(L, top + 1, count);
  }
  lua_newtable(L);
  link_locals(L, frame, count);
  lua_setfield(L, failure, "links");
  lua_setfield(L, failure, "values");
  lua_setfield(L, failure, "names");
  lua_pushinteger(L, count);
  lua_setfield(L, failure, "count");
}

static bool is_users(const lua_Debug *frame) {
  return *frame->what != 'C' && strncmp(frame->source, "=gradus.", 8) != 0;
}

/* Put into the failure what can be seen in the frame; an inner local hides what has its name. */
static void note_visible(lua_State *L, lua_Debug *frame) {
  const char *name;
  lua_newtable(L);
  lua_getinfo(L, "f", frame);
  for (int i = 1; (name = lua_getupvalue(L, -1, i)) != NULL; i++) lua_setfield(L, -3, name);
  lua_pop(L, 1);
  for (int i = 1; (name = lua_getlocal(L, frame, i)) != NULL; i++) lua_setfield(L, -2, name);
  lua_setfield(L, lua_upvalueindex(1), "visible");
}

/* The message handler. It hands on the error's value as it is, since load calls it, too, and
** returns what it gives. */
static int note_failure(lua_State *L) {
  lua_Debug frame;
  int failure = lua_upvalueindex(1), told = 0;
  bool is_seen = false;
  lua_pushboolean(L, gr_interrupt_is_pending());
  lua_setfield(L, failure, "interrupted");
  gr_interrupt_take();
  lua_pushvalue(L, 1);
  lua_setfield(L, failure, "value");
  lua_newtable(L);
  int last = last_level(L);
  for (int level = 1; level <= last; level++) {
    if (level == FRAMES_TOLD / 2 && last > FRAMES_TOLD) level = last - FRAMES_TOLD / 2;
    if (!lua_getstack(L, level, &frame)) break;
    if (push_frame(L, &frame)) keep_locals(L, &frame);
    lua_rawseti(L, -2, ++told);
    if (!is_seen && is_users(&frame)) note_visible(L, &frame);
    is_seen = is_seen || is_users(&frame);
  }
  lua_setfield(L, failure, "frames");
  lua_settop(L, 1);
  return 1;
}

/* Take out of the failure what the handler noted of an earlier error, which load handed on. */
static void forget(lua_State *L, int failure) {
  static const char *const fields[] = {"frames", "visible", "count", "interrupted"};
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    lua_pushnil(L);
    lua_setfield(L, failure, fields[i]);
  }
}

/* terminal.call(entry, f, ...) -> true and what f returned, or false and a failure
** The entry is the function whose locals are wanted after an error; nil: none. */
static int call_safely(lua_State *L) {
  luaL_checkany(L, 2);
  int arguments = lua_gettop(L) - 2;
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_insert(L, 1);             /* failure, entry, f, ..., failure */
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, note_failure, 2);
  lua_replace(L, 2);            /* failure, handler, f, ... */
  int status = gr_call(L, arguments, LUA_MULTRET, 2);
  if (status != LUA_OK) {
    if (status != LUA_ERRRUN) forget(L, 1);  /* the handler was not called, or failed */
    lua_setfield(L, 1, "value");
    lua_pushvalue(L, 1);
  }
  lua_pushboolean(L, status == LUA_OK);
  lua_replace(L, 2);
  return lua_gettop(L) - 1;
}

/* terminal.columns() -> how wide the terminal is */
static int get_columns(lua_State *L) {
  struct winsize size;
  bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  lua_pushinteger(L, known ? size.ws_col : 80);
  return 1;
}

/* terminal.rows() -> how high it is */
static int get_rows(lua_State *L) {
  struct winsize size;
  bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
  lua_pushinteger(L, known ? size.ws_row : 24);
  return 1;
}

/* terminal.files(folder) -> a list of the names in it, folders with a slash behind */
static int list_files(lua_State *L) {
  const char *folder = luaL_checkstring(L, 1);
  lua_Integer count = 0;
  char *name, *path = lua_newuserdatauv(L, strlen(folder) + 1, 0);
  strcpy(path, folder);
  lua_newtable(L);
  for (int state = 0; (name = rl_filename_completion_function(path, state)) != NULL; state = 1) {
    lua_pushstring(L, name);
    free(name);
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

static const luaL_Reg terminal_functions[] = {
  {"call", call_safely},
  {"columns", get_columns},
  {"rows", get_rows},
  {"files", list_files},
  {NULL, NULL}
};

/* The session: what gradus.prompt made, kept in the registry */

static const char session_key = 's';

/* Push the session, made when first asked for. May raise. */
static void push_session(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &session_key) != LUA_TNIL) return;
  lua_pop(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_getfield(L, -1, "gradus.prompt");
  lua_remove(L, -2);
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "new");
  lua_remove(L, -2);
  luaL_newlib(L, terminal_functions);
  lua_call(L, 1, 1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &session_key);
}

/* Call a method of the session with the arguments on top of the stack; when it fails, tell that and
** leave `results` nils. Whatever a person has done to the state, the prompt goes on, and Ctrl-C
** ends nothing but the call. */
static int call_session(lua_State *L, const char *method, int arguments, int results) {
  int base = lua_gettop(L) - arguments;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &session_key) != LUA_TTABLE) {
    lua_settop(L, base + results);
    return LUA_ERRRUN;
  }
  lua_getfield(L, -1, method);
  lua_insert(L, base + 1);
  lua_insert(L, base + 2);
  int status = gr_call(L, arguments + 1, results, 0);
  if (status == LUA_OK) return status;
  const char *message = lua_tostring(L, -1);
  fflush(stdout);
  fprintf(stderr, "%s\n", message == NULL ? "(error object without a text)" : message);
  lua_settop(L, base);
  lua_settop(L, base + results);
  return status;
}

/* The advisor: the editor's questions, put to the session */

static char *copy_string(lua_State *L, int index) {
  const char *text = lua_tostring(L, index);
  char *copy = text == NULL ? NULL : malloc(strlen(text) + 1);
  return copy == NULL ? NULL : strcpy(copy, text);
}

static char *go_on(void *data, const char *text, int *point) {
  lua_State *L = data;
  int top = lua_gettop(L);
  lua_pushstring(L, text);
  lua_pushinteger(L, *point);
  call_session(L, "go_on", 2, 2);
  char *result = lua_type(L, -2) == LUA_TSTRING ? copy_string(L, -2) : NULL;
  *point = lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : -1;
  lua_settop(L, top);
  return result;
}

static const char *word_breaks(void *data, const char *before) {
  static char breaks[128];
  lua_State *L = data;
  int top = lua_gettop(L);
  lua_pushstring(L, before);
  call_session(L, "word_breaks", 1, 1);
  const char *found = lua_tostring(L, -1);
  snprintf(breaks, sizeof breaks, "%s", found == NULL ? " \t\n" : found);
  lua_settop(L, top);
  return breaks;
}

static char **complete(void *data, const char *before, bool *are_files) {
  lua_State *L = data;
  int top = lua_gettop(L);
  char **words = NULL;
  lua_pushstring(L, before);
  call_session(L, "complete", 1, 2);
  *are_files = lua_toboolean(L, -1);
  lua_pop(L, 1);
  if (lua_istable(L, -1)) {
    size_t count = lua_rawlen(L, -1);
    words = calloc(count + 1, sizeof *words);
    for (size_t i = 0; words != NULL && i < count; i++) {
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
      words[i] = copy_string(L, -1);
      lua_pop(L, 1);
      if (words[i] == NULL) break;
    }
  }
  lua_settop(L, top);
  return words;
}

/* On a terminal */

bool gr_prompt_is_on_terminal(void) { return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO); }

static char *read_entry(lua_State *L) {
  char prompt[256], continuation[256];
  int top = lua_gettop(L);
  call_session(L, "prompts", 0, 2);
  const char *first = lua_tostring(L, -2), *next = lua_tostring(L, -1);
  snprintf(prompt, sizeof prompt, "%s", first == NULL ? "> " : first);
  snprintf(continuation, sizeof continuation, "%s", next == NULL ? ">> " : next);
  lua_settop(L, top);
  return gr_editor_read(prompt, continuation);
}

static int terminal_prompt(lua_State *L) {
  char *entry;
  gr_Advisor advisor = {L, go_on, word_breaks, complete};
  push_session(L);
  lua_pop(L, 1);
  gr_editor_open(&advisor);
  call_session(L, "greet", 0, 0);
  while ((entry = read_entry(L)) != NULL) {
    lua_pushstring(L, entry);
    free(entry);
    call_session(L, "evaluate", 1, 0);
  }
  putchar('\n');
  call_session(L, "close", 0, 0);
  fflush(stdout);
  return 0;
}

int gr_prompt(lua_State *L) {
  return gr_prompt_is_on_terminal() ? terminal_prompt(L) : plain_prompt(L);
}

int gr_prompt_script(lua_State *L, const char *path, int arguments) {
  push_session(L);
  lua_pop(L, 1);
  lua_pushstring(L, path);
  lua_insert(L, -(arguments + 1));
  call_session(L, "run_script", arguments + 1, 1);
  int status = lua_toboolean(L, -1) ? LUA_OK : LUA_ERRRUN;
  lua_pop(L, 1);
  return status;
}
