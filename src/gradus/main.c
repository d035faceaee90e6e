/* main.c: the program. Options as lua's: gradus [options] [script [arguments]].
**
** It opens Lua's libraries and the library of Gradus, makes the words of the library globals that
** load when first used, and runs what it was given. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/library.h"

static const char program[] = "gradus";

/* Ctrl-C stops a running script by a hook that raises an error, and a loop in C by a flag. While a
** function like fit holds the interrupts, the first one only sets the flag: fit ends after its step
** and returns. The next one raises, and the one after that ends the program. */
static volatile sig_atomic_t interrupts, interrupts_held;
static lua_State *interrupted_state;

static bool interrupt_is_asked(void *data) {
  (void)data;
  return interrupts != 0;
}

static void handle_interrupt(int signal_number);

static void forget_interrupts(lua_State *L) {
  lua_sethook(L, NULL, 0, 0);
  interrupts = 0;
  signal(SIGINT, handle_interrupt);
}

static void stop_script(lua_State *L, lua_Debug *frame) {
  (void)frame;
  forget_interrupts(L);
  luaL_error(L, "interrupted");
}

static void handle_interrupt(int signal_number) {
  interrupts = interrupts + 1;
  if (interrupts_held && interrupts == 1) return;
  signal(signal_number, SIG_DFL);
  lua_sethook(interrupted_state, stop_script,
              LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* core.hold_interrupts(hold) -> whether one came
** From now on the caller deals with an interrupt itself, by asking core.interrupted(); or, with
** false, no more: what came has been dealt with. */
static int hold_interrupts(lua_State *L) {
  lua_pushboolean(L, interrupts != 0);
  interrupts_held = lua_toboolean(L, 1);
  if (!interrupts_held && interrupts != 0) forget_interrupts(interrupted_state);
  return 1;
}

static int add_traceback(lua_State *L) {
  const char *message = lua_tostring(L, 1);
  if (message == NULL) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
    message = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  }
  luaL_traceback(L, L, message, 1);
  return 1;
}

static int report(lua_State *L, int status) {
  if (status == LUA_OK) return status;
  const char *message = lua_tostring(L, -1);
  fprintf(stderr, "%s: %s\n", program, message == NULL ? "(error without a message)" : message);
  lua_pop(L, 1);
  return status;
}

static int call(lua_State *L, int arguments) {
  int base = lua_gettop(L) - arguments;
  lua_pushcfunction(L, add_traceback);
  lua_insert(L, base);
  interrupted_state = L;
  signal(SIGINT, handle_interrupt);
  int status = lua_pcall(L, arguments, 0, base);
  signal(SIGINT, SIG_DFL);
  lua_remove(L, base);
  return status;
}

static int run_chunk(lua_State *L, int load_status) {
  return report(L, load_status == LUA_OK ? call(L, 0) : load_status);
}

/* The table `arg`, with the script at 0, as lua's. */
static void make_arg_table(lua_State *L, char **argv, int argc, int script) {
  if (script == argc) script = 0;
  lua_createtable(L, argc - script, script + 1);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

static int run_script(lua_State *L, char **argv, int argc, int script) {
  const char *name = argv[script];
  if (strcmp(name, "-") == 0 && strcmp(argv[script - 1], "--") != 0) name = NULL;
  int status = luaL_loadfile(L, name);
  if (status != LUA_OK) return report(L, status);
  for (int i = script + 1; i < argc; i++) lua_pushstring(L, argv[i]);
  return report(L, call(L, argc - script - 1));
}

static int usage(const char *option) {
  fprintf(stderr, "%s: unrecognized option '%s'\n"
          "usage: %s [options] [script [args]]\n"
          "  -e stat  execute string 'stat'\n"
          "  -l name  require library 'name'\n"
          "  -v       show version information\n"
          "  -        execute stdin\n", program, option, program);
  return EXIT_FAILURE;
}

static void print_version(lua_State *L) {
  printf("Gradus 0.1 (%s), %s\n", gr_lua_kernels_level(L), LUA_COPYRIGHT);
}

/* What -l asks for: require "name", kept as a global of that name. */
static int require_library(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushstring(L, name);
  int status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_OK) lua_setglobal(L, name);
  return report(L, status);
}

typedef struct CommandLine {
  int script;  /* its place among the arguments, or argc */
  bool did_something;
} CommandLine;

/* Carry out the options in order. */
static int run_options(lua_State *L, int argc, char **argv, CommandLine *line) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
    const char *option = argv[i];
    int status = LUA_OK;
    if (strcmp(option, "--") == 0) { i++; break; }
    if (strcmp(option, "-v") == 0) print_version(L);
    else if (option[1] == 'e' || option[1] == 'l') {
      const char *value = option[2] != '\0' ? option + 2 : i + 1 < argc ? argv[++i] : NULL;
      if (value == NULL) return usage(option);
      status = option[1] == 'l' ? require_library(L, value)
                                : run_chunk(L, luaL_loadbuffer(L, value, strlen(value),
                                                               "=(command line)"));
    } else {
      return usage(option);
    }
    if (status != LUA_OK) return EXIT_FAILURE;
    line->did_something = true;
  }
  line->script = i;
  return EXIT_SUCCESS;
}

/* The words of the library are globals that are looked up when first used. */
static int open_libraries(lua_State *L) {
  luaL_openlibs(L);
  luaL_requiref(L, "gradus", luaopen_gradus, 0);
  lua_pushglobaltable(L);
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_settop(L, 0);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "gradus.core");
  lua_pushcfunction(L, hold_interrupts);
  lua_setfield(L, -2, "hold_interrupts");
  gr_lua_set_interrupt(L, interrupt_is_asked, NULL);
  return 0;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    fprintf(stderr, "%s: not enough memory\n", program);
    return EXIT_FAILURE;
  }
  CommandLine line = {argc, false};
  int result = EXIT_FAILURE;
  lua_pushcfunction(L, open_libraries);
  if (report(L, lua_pcall(L, 0, 0, 0)) == LUA_OK) {
    make_arg_table(L, argv, argc, argc);
    result = run_options(L, argc, argv, &line);
  }
  if (result == EXIT_SUCCESS && line.script < argc) {
    make_arg_table(L, argv, argc, line.script);
    result = run_script(L, argv, argc, line.script) == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
  } else if (result == EXIT_SUCCESS && !line.did_something) {
    result = run_chunk(L, luaL_loadfile(L, NULL)) == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  lua_close(L);
  return result;
}
