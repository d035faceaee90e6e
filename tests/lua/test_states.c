/* test_states.c: two Lua states in one process do not touch each other: the element type, whether
** gradients are wanted, the seed, errors and tensors of one are not seen in the other, in whatever
** order they are used and closed. */
#include <string.h>

#include "lua/library.h"
#include "testing.h"

static lua_State *new_state(void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  luaL_requiref(L, "gradus", luaopen_gradus, 1);
  lua_pop(L, 1);
  return L;
}

/* Run a chunk; the text of what it returns, or of its error, good until the state's next chunk. */
static const char *run(lua_State *L, const char *chunk) {
  lua_settop(L, 0);
  if (luaL_loadbuffer(L, chunk, strlen(chunk), "=chunk") == LUA_OK) lua_pcall(L, 0, 1, 0);
  return luaL_tolstring(L, -1, NULL);
}

static void expect(lua_State *L, const char *chunk, const char *expected) {
  const char *came = run(L, chunk);
  check(strcmp(came, expected) == 0, "%s gives %s, expected %s", chunk, came, expected);
}

static void test_settings(void) {
  lua_State *a = new_state(), *b = new_state();
  run(a, "gradus.set_floatx 'float64'; gradus.core.set_grad_enabled(false)");
  expect(a, "return gradus.zeros(1).dtype", "float64");
  expect(b, "return gradus.zeros(1).dtype", "float32");
  const char *wants = "w = gradus.ones(1, { requires_grad = true }); return (w * 2).requires_grad";
  expect(a, wants, "false");
  expect(b, wants, "true");
  run(b, "gradus.zeros = nil; getmetatable(w).__add = nil");
  expect(a, "return (gradus.zeros(1) + 1):item()", "1.0");
  lua_close(a);
  lua_close(b);
}

/* The numbers that a state draws are those it draws alone, whatever the other does in between. */
static void test_random_numbers(void) {
  const char *draw =
    "return ('%.17g'):format(gradus.RandomState():uniform(0, 1, { 3 }):sum():item())";
  char alone[2][64];
  lua_State *a = new_state();
  run(a, "gradus.seed(5)");
  for (int i = 0; i < 2; i++) snprintf(alone[i], sizeof alone[i], "%s", run(a, draw));
  check(strcmp(alone[0], alone[1]) != 0, "two draws give %s", alone[0]);
  lua_State *b = new_state();
  run(a, "gradus.seed(5)");
  run(b, "gradus.seed(6)");
  expect(a, draw, alone[0]);
  run(b, draw);
  expect(a, draw, alone[1]);
  lua_close(a);
  lua_close(b);
}

static void test_errors(void) {
  lua_State *a = new_state(), *b = new_state();
  expect(a, "return gradus.zeros(2):item()",
         "chunk:1: item: the tensor must have one element, its shape is [2]");
  expect(b, "return gradus.zeros(3):item()",
         "chunk:1: item: the tensor must have one element, its shape is [3]");
  expect(a, "return gradus.zeros(2):sum():item()", "0.0");
  lua_close(b);
  lua_close(a);
}

/* A graph of one state lives on when the other is closed, and their memory is counted apart. */
static void test_memory(void) {
  lua_State *a = new_state(), *b = new_state();
  run(a, "w = gradus.ones(1000, { requires_grad = true }); loss = (w * 3):sum()");
  expect(b, "return gradus.core.bytes_alive()", "0");
  run(b, "v = gradus.ones(1000, { requires_grad = true }); loss = (v * 5):sum()");
  lua_close(b);
  expect(a, "loss:backward(); return w.grad:max():item()", "3.0");
  lua_close(a);
}

static void test_many(void) {
  lua_State *states[20];
  for (int i = 0; i < 20; i++) {
    states[i] = new_state();
    lua_pushinteger(states[i], i);
    lua_setglobal(states[i], "i");
    run(states[i], "x = gradus.full({ 10 }, i)");
  }
  for (int i = 0; i < 20; i += 2) lua_close(states[i]);
  for (int i = 1; i < 20; i += 2) {
    char expected[16];
    snprintf(expected, sizeof expected, "%d.0", 10 * i);
    expect(states[i], "return x:sum():item()", expected);
    lua_close(states[i]);
  }
}

/* What was made before the library is opened again in the same state is as good as what comes
** after it. */
static void test_opening_again(void) {
  lua_State *L = new_state();
  run(L, "t = gradus.ones(1000); sum = t.sum");
  run(L, "package.loaded.gradus, package.loaded['gradus.core'] = nil");
  luaL_requiref(L, "gradus", luaopen_gradus, 1);
  expect(L, "collectgarbage(); collectgarbage(); return sum(t + gradus.ones(1000)):item()",
         "2000.0");
  expect(L, "t = nil; collectgarbage(); return gradus.core.bytes_alive()", "0");
  lua_close(L);
}

int main(void) {
  test_settings();
  test_random_numbers();
  test_errors();
  test_memory();
  test_many();
  test_opening_again();
  return finish();
}
