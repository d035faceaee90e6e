/* interrupt.c: Ctrl-C. See interrupt.h. */
#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lua/library.h"

/* The handler writes these, and the core's threads ask for them. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may use atomic_int");
static atomic_int interrupts;             /* how many came that nobody has taken */
static atomic_int held;                   /* whether somebody asks for them by core.interrupted */
static atomic_int raised;                 /* how often one that nobody took was an error */

static lua_State *volatile main_thread, *volatile running_thread;
static struct timespec first_time;        /* when the first of `interrupts` came */
static struct timespec raised_time;       /* when it first was an error */
static struct timespec taken_time;        /* when one was last taken by who held them; 0: never */
static int depth;                         /* of gr_call */
static int events;                        /* of the hook since one was an error */

/* The handler and the hook */

/* Whether the innermost function written in Lua belongs to the library. */
static bool is_in_library(lua_State *L) {
  lua_Debug frame;
  for (int level = 0; lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "S", &frame);
    if (*frame.what != 'C') return strncmp(frame.source, "=gradus.", 8) == 0;
  }
  return false;
}

/* Code that has caught the error once may clean up and come to its end, as the library's own Lua
** code may at any time; only who goes on beyond that, or is asked again, is stopped where it is. */
enum { GRACE = 20000, GRACE_MS = 20, LEAST = 100 };  /* events, each an instruction or less */

static double milliseconds_since(const struct timespec *time) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - time->tv_sec) * 1e3 + (double)(now.tv_nsec - time->tv_nsec) * 1e-6;
}

static bool has_grace(lua_State *L) {
  events++;
  if (is_in_library(L)) return events < GRACE;
  return raised == 1 && interrupts == 1 && events < GRACE &&
         (events < LEAST || milliseconds_since(&raised_time) < GRACE_MS);
}

/* The interrupt becomes an error now, having been one so often before; of several threads that say
** so at once, one is heard. */
static void note_raise(int before) {
  if (!atomic_compare_exchange_strong(&raised, &before, before + 1)) return;
  if (before == 0) clock_gettime(CLOCK_MONOTONIC, &raised_time);
  events = 0;
}

static void stop(lua_State *L, lua_Debug *frame) {
  (void)frame;
  if (interrupts == 0) {
    lua_sethook(L, NULL, 0, 0);  /* left over in a coroutine, or inherited by a new one */
    return;
  }
  if (has_grace(L)) return;
  note_raise(raised);
  gr_lua_error(L, "interrupted");
}

static void set_hook(lua_State *L) {
  lua_sethook(L, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* Whether nobody took an interrupt that should have stopped the program by now. A key that is kept
** down or hit twice is no second thought; a flood of signals is no key. */
enum { MAY_LEAVE_AFTER_MS = 300, FLOOD = 20 };

static bool is_stuck(void) {
  int first = held ? 2 : 1;
  return interrupts > first + FLOOD ||
         (interrupts > first && milliseconds_since(&first_time) > MAY_LEAVE_AFTER_MS);
}

/* Whether a fit was ended a moment ago, and the program went on: to its next fit, say. One that
** comes so soon after is meant for the program, as the second in one fit is. */
enum { SAME_THOUGHT_MS = 2000 };

static bool comes_again(void) {
  return held && taken_time.tv_sec != 0 && milliseconds_since(&taken_time) < SAME_THOUGHT_MS;
}

static void handle(int signal_number) {
  if (interrupts == 0) clock_gettime(CLOCK_MONOTONIC, &first_time);
  if (interrupts == 0 && comes_again()) interrupts = 1;
  if (interrupts < 1000) interrupts = interrupts + 1;
  if (is_stuck()) {
    signal(signal_number, SIG_DFL);
    raise(signal_number);
    return;
  }
  if (held && interrupts == 1) return;
  set_hook(main_thread);
  if (running_thread != main_thread) set_hook(running_thread);
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handle;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

void gr_interrupt_take(void) {
  if (interrupts == 0) return;
  interrupts = 0;
  raised = events = 0;
  lua_sethook(main_thread, NULL, 0, 0);
  if (running_thread != main_thread) lua_sethook(running_thread, NULL, 0, 0);
}

bool gr_interrupt_is_pending(void) { return interrupts != 0; }

int gr_call(lua_State *L, int arguments, int results, int handler) {
  struct sigaction before;
  lua_State *running_before = running_thread;
  sigaction(SIGINT, NULL, &before);
  if (depth++ == 0) {
    interrupts = 0;
    raised = 0;
    held = 0;
    events = 0;
    taken_time.tv_sec = 0;
  }
  running_thread = L;
  install();
  int status = lua_pcall(L, arguments, results, handler);
  if (status != LUA_OK || depth == 1) {
    gr_interrupt_take();
    held = 0;
    gr_Context *context = gr_lua_context(L);
    if (context != NULL) context->unbroken = false;
  }
  sigaction(SIGINT, &before, NULL);
  running_thread = running_before;
  depth--;
  return status;
}

/* For the library */

/* What the core polls, on any of its threads: whoever hears that an interrupt came fails with
** "interrupted". */
static bool is_asked(void *data) {
  (void)data;
  if (interrupts == 0) return false;
  if (!held) note_raise(0);
  return true;
}

/* core.hold_interrupts(hold) -> whether one came
** From now on the caller deals with an interrupt itself, by asking core.interrupted(); or, with
** false, no more: one has been dealt with, and a second is raised when the library is left. */
static int hold_interrupts(lua_State *L) {
  lua_pushboolean(L, interrupts != 0);
  held = lua_toboolean(L, 1);
  gr_lua_context(L)->unbroken = held;
  if (interrupts == 1 && comes_again()) interrupts = 2;  /* it came between two fits */
  if (held || interrupts == 0) return 1;
  bool came_again = interrupts > 1;
  clock_gettime(CLOCK_MONOTONIC, &taken_time);
  gr_interrupt_take();
  if (came_again) {
    interrupts = 1;
    set_hook(L);
  }
  return 1;
}

/* coroutine.resume, wrap and close, which note who runs */

/* The thread `L` runs again: what came meanwhile is meant for it, too. */
static void run_again(lua_State *L) {
  running_thread = L;
  if (interrupts > (held ? 1 : 0)) set_hook(L);
}

/* Resume `co` with the arguments on top of L. Returns how many values it pushed on L, or -1 and an
** error's value there. */
static int resume(lua_State *L, lua_State *co, int arguments) {
  int results;
  if (!lua_checkstack(co, arguments)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, arguments);
  run_again(co);
  int status = lua_resume(co, L, arguments, &results);
  run_again(L);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, results);
  return results;
}

static lua_State *check_coroutine(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  return lua_tothread(L, 1);
}

static int coroutine_resume(lua_State *L) {
  lua_State *co = check_coroutine(L);
  int results = resume(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, results >= 0);
  lua_insert(L, results >= 0 ? -(results + 1) : -2);
  return results >= 0 ? results + 1 : 2;
}

/* Before 5.4.6 a chain of threads that close each other was not counted among the nested calls. */
#if LUA_VERSION_RELEASE_NUM < 50406
#define lua_closethread(co, from) lua_resetthread(co)
#endif

/* Close `co`; what went wrong is then on top of its stack. */
static int close_thread(lua_State *L, lua_State *co) {
  run_again(co);
  int status = lua_closethread(co, L);
  run_again(L);
  return status;
}

static int call_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int results = resume(L, co, lua_gettop(L));
  if (results >= 0) return results;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {  /* it failed: close what it left open */
    status = close_thread(L, co);
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int coroutine_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

/* Closing runs the coroutine's __close metamethods in it. One that waits for another, which it
** resumed, is "normal" in Lua's words. */
static int coroutine_close(lua_State *L) {
  lua_State *co = check_coroutine(L);
  lua_Debug frame;
  if (co == L) return luaL_error(L, "cannot close a running coroutine");
  if (lua_status(co) == LUA_OK && lua_getstack(co, 0, &frame))
    return luaL_error(L, "cannot close a normal coroutine");
  if (close_thread(L, co) == LUA_OK) {
    lua_pushboolean(L, true);
    return 1;
  }
  lua_pushboolean(L, false);
  lua_xmove(co, L, 1);
  return 2;
}

void gr_interrupt_open_library(lua_State *L) {
  gr_lua_require(L, "gradus.core");
  lua_pushcfunction(L, hold_interrupts);
  lua_setfield(L, -2, "hold_interrupts");
  lua_pop(L, 1);
  gr_lua_set_interrupt(L, is_asked, NULL);
}

void gr_interrupt_open(lua_State *L) {
  int top = lua_gettop(L);
  if (main_thread == NULL) main_thread = running_thread = L;  /* the program's own, not a test's */
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_COLIBNAME);
  lua_pushcfunction(L, coroutine_resume);
  lua_setfield(L, -2, "resume");
  lua_pushcfunction(L, coroutine_wrap);
  lua_setfield(L, -2, "wrap");
  lua_pushcfunction(L, coroutine_close);
  lua_setfield(L, -2, "close");
  lua_settop(L, top);
}
