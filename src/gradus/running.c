/* running.c: running Lua code and telling what went wrong. See running.h. */
#include "running.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "interrupt.h"
#include "prompt.h"
#include "lua/library.h"

static const char program_key[] = "gradus.program";

void gr_set_program(lua_State *L, const char *program) {
  lua_pushstring(L, program);
  lua_setfield(L, LUA_REGISTRYINDEX, program_key);
}

int gr_report(lua_State *L, int status) {
  if (status == LUA_OK) return status;
  lua_getfield(L, LUA_REGISTRYINDEX, program_key);
  const char *program = lua_tostring(L, -1), *message = lua_tostring(L, -2);
  fflush(stdout);
  if (program == NULL) program = "gradus";
  fprintf(stderr, "%s%s%s\n", program, *program == '\0' ? "" : ": ",
          message == NULL ? "(error message not a string)" : message);
  fflush(stderr);
  lua_pop(L, 2);
  return status;
}

/* Whether a line of a traceback, which its line break begins, is a frame of the library; or one
** that may lead into it or out of it. */
static bool is_library(const char *line) { return strncmp(line, "\n\tgradus.", 9) == 0; }

static bool is_between(const char *line) {
  return strncmp(line, "\n\t[C]: ", 7) == 0 || strncmp(line, "\n\t(...tail", 10) == 0;
}

static const char *next_line(const char *line) {
  const char *next = strchr(line + 1, '\n');
  return next == NULL ? line + strlen(line) : next;
}

/* Push the traceback of what runs: Lua's own, without the library's frames and the ones of C next
** to them. */
static void push_traceback(lua_State *L) {
  luaL_Buffer kept;
  luaL_traceback(L, L, NULL, 1);
  const char *run = lua_tostring(L, -1), *end;
  luaL_buffinit(L, &kept);
  for (; *run != '\0'; run = end) {
    bool has_library = false;
    for (end = run; is_library(end) || is_between(end); end = next_line(end))
      has_library = has_library || is_library(end);
    if (end == run) end = next_line(end);
    if (!has_library) luaL_addlstring(&kept, run, (size_t)(end - run));
  }
  luaL_pushresult(&kept);
  lua_remove(L, -2);
}

/* The message of an error: its text, or what its __tostring makes of it, with a traceback. */
static int add_traceback(lua_State *L) {
  gr_interrupt_take();
  const char *message = lua_tostring(L, 1);
  if (message == NULL) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
    message = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  }
  push_traceback(L);
  lua_pushfstring(L, "%s\n%s", message, lua_tostring(L, -1));
  return 1;
}

int gr_call_traced(lua_State *L, int arguments, int results) {
  int base = lua_gettop(L) - arguments;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, base);
  int status = gr_call(L, arguments, results, base);
  lua_remove(L, base);
  return status;
}

static int run_chunk(lua_State *L, int load_status) {
  return gr_report(L, load_status == LUA_OK ? gr_call_traced(L, 0, 0) : load_status);
}

int gr_run_string(lua_State *L, const char *code, const char *chunkname) {
  return run_chunk(L, luaL_loadbuffer(L, code, strlen(code), chunkname));
}

int gr_run_file(lua_State *L, const char *path) { return run_chunk(L, luaL_loadfile(L, path)); }

/* How many characters of "global=module" or "module" name the global; later releases of Lua leave
** the version in "module-v2" out. */
static size_t length_of_global(const char *text) {
  const char *stops = LUA_VERSION_RELEASE_NUM >= 50405 ? "=-" : "=";
  return strchr(text, '=') != NULL ? strcspn(text, "=") : strcspn(text, stops);
}

int gr_run_library(lua_State *L, const char *text) {
  const char *equals = strchr(text, '=');
  lua_pushlstring(L, text, length_of_global(text));
  lua_getglobal(L, "require");
  lua_pushstring(L, equals == NULL ? text : equals + 1);
  int status = gr_call_traced(L, 1, 1);
  if (status == LUA_OK) lua_setglobal(L, lua_tostring(L, -2));
  gr_report(L, status);
  lua_pop(L, 1);
  return status;
}

void gr_make_arg(lua_State *L, const gr_Options *options) {
  int script = options->script == options->argc ? 0 : options->script;
  lua_createtable(L, options->argc - script, script + 1);
  for (int i = 0; i < options->argc; i++) {
    lua_pushstring(L, options->argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

/* Push the elements of `arg`, which code run before may have changed. */
static int push_arguments(lua_State *L) {
  if (lua_getglobal(L, "arg") != LUA_TTABLE) luaL_error(L, "'arg' is not a table");
  int count = (int)luaL_len(L, -1);
  luaL_checkstack(L, count + 3, "too many arguments to script");
  for (int i = 1; i <= count; i++) lua_rawgeti(L, -i, i);
  lua_remove(L, -count - 1);
  return count;
}

/* (message, path or nil) -> the message, with what somebody who knows Python may want to hear */
static int explain_message(lua_State *L) {
  gr_lua_require(L, "gradus.habits");
  lua_getfield(L, -1, "explained");
  lua_insert(L, 1);
  lua_settop(L, 3);
  lua_call(L, 2, 1);
  return 1;
}

/* Add to the message on top of the stack, of a script that does not compile or that failed. */
static void explain(lua_State *L, int status, const char *path) {
  if (lua_type(L, -1) != LUA_TSTRING) return;
  lua_pushcfunction(L, explain_message);
  lua_pushvalue(L, -2);
  if (status == LUA_ERRSYNTAX) lua_pushstring(L, path);
  else lua_pushnil(L);
  if (lua_pcall(L, 2, 1, 0) == LUA_OK) lua_replace(L, -2);
  else lua_pop(L, 1);
}

int gr_run_script(lua_State *L, const gr_Options *options) {
  char **argv = options->argv + options->script;
  bool is_stdin = strcmp(argv[0], "-") == 0 && strcmp(argv[-1], "--") != 0;
  const char *path = is_stdin ? NULL : argv[0];
  if (options->given[GR_OPTION_INTERACTIVE] && gr_prompt_is_on_terminal())
    return gr_prompt_script(L, path, push_arguments(L));
  int status = luaL_loadfile(L, path);
  if (status == LUA_OK) {
    int count = push_arguments(L);
    status = gr_call_traced(L, count, 0);
  }
  if ((status == LUA_ERRSYNTAX && path != NULL) || status == LUA_ERRRUN) explain(L, status, path);
  return gr_report(L, status);
}

int gr_run_init(lua_State *L) {
  const char *name = "=LUA_INIT_" LUA_VERSION_MAJOR "_" LUA_VERSION_MINOR;
  const char *init = getenv(name + 1);
  if (init == NULL) {
    name = "=LUA_INIT";
    init = getenv(name + 1);
  }
  if (init == NULL) return LUA_OK;
  return init[0] == '@' ? gr_run_file(L, init + 1) : gr_run_string(L, init, name);
}
