/* main.c: the program, gradus [options] [script [arguments]]: what is done, in which order.
**
** Whatever runs with lua5.4 runs here the same way; see options.h for what is beyond. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#if defined __GLIBC__
#include <malloc.h>
#endif

#include "interrupt.h"
#include "lua/blocks.h"
#include "lua/library.h"
#include "opening.h"
#include "profiling.h"
#include "prompt.h"
#include "running.h"

static void print_version(lua_State *L) {
  gr_lua_require(L, "gradus");
  int threads = gr_lua_context(L)->threads;
  printf("Gradus 0.1, %s, %d thread%s\n%s\n", gr_lua_kernels_level(L), threads,
         threads == 1 ? "" : "s", LUA_COPYRIGHT);
}

/* Carry out -e, -l and -W, in order. */
static bool run_options(lua_State *L, const gr_Options *options) {
  int i = 1;
  for (;;) {
    gr_Option option = gr_options_next(options, &i);
    int status = LUA_OK;
    if (option.kind == GR_OPTION_END) return true;
    if (option.kind == GR_OPTION_WARNINGS) lua_warning(L, "@on", 0);
    if (option.kind == GR_OPTION_EXECUTE)
      status = gr_run_string(L, option.value, "=(command line)");
    if (option.kind == GR_OPTION_LIBRARY) status = gr_run_library(L, option.value);
    if (status != LUA_OK) return false;
  }
}

/* Call a function of one of the library's modules that ends the program: with the words of the
** command line from the script on. Its result is the exit status. */
static int run_module(lua_State *L, const char *module, const char *function,
                      const gr_Options *options) {
  gr_push_from_module(L, module, function);
  for (int i = options->script; i < options->argc; i++) lua_pushstring(L, options->argv[i]);
  if (gr_report(L, gr_call(L, options->argc - options->script, 1, 0)) != LUA_OK)
    return EXIT_FAILURE;
  return (int)lua_tointeger(L, -1);
}

/* A value that -D gave and nobody takes is an error, before the script runs where its text tells,
** or else after. */
static bool check_definitions(lua_State *L, const gr_Options *options, const char *function) {
  if (!options->given[GR_OPTION_DEFINE]) return true;
  gr_push_from_module(L, "parameters", function);
  lua_pushstring(L, options->script < options->argc ? options->argv[options->script] : NULL);
  return gr_report(L, lua_pcall(L, 1, 0, 0)) == LUA_OK;
}

/* The script, then the prompt if it is asked for; without either, standard input, which is the
** prompt where a person types. The prompt of a terminal opens after an error, too. */
static bool run_main(lua_State *L, const gr_Options *options) {
  const bool *given = options->given;
  bool has_script = options->script < options->argc, succeeded = true;
  if (has_script) succeeded = gr_run_script(L, options) == LUA_OK;
  if (given[GR_OPTION_INTERACTIVE]) {
    if (!succeeded && !gr_prompt_is_on_terminal()) return false;
    gr_prompt(L);
    return true;
  }
  if (!has_script && !given[GR_OPTION_EXECUTE] && !given[GR_OPTION_LUA_VERSION]) {
    if (isatty(STDIN_FILENO)) gr_prompt(L);
    else gr_run_file(L, NULL);
  }
  return succeeded;
}

/* The line about Lua, as -v asks for it; a prompt without a terminal begins with it, too. */
static void print_lua_version(const gr_Options *options) {
  const bool *given = options->given;
  bool has_code = options->script < options->argc || given[GR_OPTION_EXECUTE];
  bool prompts = given[GR_OPTION_INTERACTIVE] || (!has_code && isatty(STDIN_FILENO));
  if (!given[GR_OPTION_LUA_VERSION] && (!prompts || gr_prompt_is_on_terminal())) return;
  printf("%s\n", LUA_COPYRIGHT);
  fflush(stdout);
}

static int run(lua_State *L, const gr_Options *options) {
  const bool *given = options->given;
  if (given[GR_OPTION_TEST]) return run_module(L, "runner", "main", options);
  if (given[GR_OPTION_PARAMETERS]) return run_module(L, "parameters", "main", options);
  print_lua_version(options);
  if (given[GR_OPTION_PROFILE]) gr_profiling_open(L);
  gr_make_arg(L, options);
  if (!given[GR_OPTION_NO_ENVIRONMENT] && gr_run_init(L) != LUA_OK) return EXIT_FAILURE;
  if (!check_definitions(L, options, "check_before") || !run_options(L, options) ||
      !run_main(L, options) || !check_definitions(L, options, "check_after"))
    return EXIT_FAILURE;
  return EXIT_SUCCESS;
}

/* (options) -> the exit status. Called in protected mode. */
static int protected_main(lua_State *L) {
  const gr_Options *options = lua_touserdata(L, 1);
  luaL_checkversion(L);
  gr_open(L, options);
  if (options->given[GR_OPTION_VERSION]) {
    print_version(L);
    lua_pushinteger(L, EXIT_SUCCESS);
  } else {
    lua_pushinteger(L, run(L, options));
  }
  return 1;
}

/* The system takes longer to give a page, filled with zeros, than an operation takes to fill it. So
** what tensors give back stays at hand: large blocks as core/spares.h says, others in malloc's heap,
** which is not trimmed before much of it is free. */
static void keep_memory(void) {
#if defined __GLIBC__
  enum { MOST_KEPT = 64 * 1024 * 1024 };
  mallopt(M_TRIM_THRESHOLD, MOST_KEPT);
#endif
}

int main(int argc, char **argv) {
  gr_Options options;
  if (!gr_options_read(&options, argc, argv)) {
    gr_options_complain(&options);
    return EXIT_FAILURE;
  }
  if (options.given[GR_OPTION_HELP]) {
    gr_options_help();
    return EXIT_SUCCESS;
  }
  keep_memory();
  gr_Blocks blocks;
  lua_State *L = gr_state_new(&blocks);
  if (L == NULL) {
    fprintf(stderr, "%s: cannot create state: not enough memory\n", options.program);
    return EXIT_FAILURE;
  }
  lua_pushcfunction(L, protected_main);
  lua_pushlightuserdata(L, &options);
  int status = gr_report(L, lua_pcall(L, 1, 1, 0));
  int result = status == LUA_OK ? (int)lua_tointeger(L, -1) : EXIT_FAILURE;
  gr_state_close(L, &blocks);
  return result;
}
