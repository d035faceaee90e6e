/* embed.c: turns the modules of this folder into C, for the program and the shared object:
**
**   embed module.lua ... > stdlib.c
**
** Each module is there twice: as text, for those who read it (help, source), and compiled, which
** loads in a tenth of the time. A Lua that does not take the compiled code takes the text. Each has
** an entry of its own, too, for `require "gradus.<module>"` where the shared object is found before
** package.preload is filled. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

static int write_bytes(lua_State *L, const void *bytes, size_t size, void *data) {
  (void)L;
  for (size_t i = 0; i < size; i++) fprintf(data, "%d,", ((const signed char *)bytes)[i]);
  return fputc('\n', data) == EOF;
}

static void write_array(lua_State *L, const char *kind, const char *module, const char *text,
                        size_t size) {
  printf("static const char %s_%s[] = {\n", kind, module);
  if (text != NULL) write_bytes(L, text, size, stdout);
  else lua_dump(L, write_bytes, stdout, false);
  printf("0};\n");
}

/* The text of a file, pushed. */
static const char *read_text(lua_State *L, const char *path, size_t *size) {
  luaL_Buffer buffer;
  FILE *file = fopen(path, "rb");
  if (file == NULL) luaL_error(L, "cannot open %s", path);
  luaL_buffinit(L, &buffer);
  do {
    *size = fread(luaL_prepbuffer(&buffer), 1, LUAL_BUFFERSIZE, file);
    luaL_addsize(&buffer, *size);
  } while (*size == LUAL_BUFFERSIZE);
  fclose(file);
  luaL_pushresult(&buffer);
  return lua_tolstring(L, -1, size);
}

/* "stdlib/plot.lua" -> plot, pushed. */
static const char *module_name(lua_State *L, const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
  return lua_pushlstring(L, name, strlen(name) - strlen(".lua"));
}

/* (path) write what is in the file. */
static int embed(lua_State *L) {
  const char *path = lua_tostring(L, 1), *module = module_name(L, path);
  size_t size;
  const char *text = read_text(L, path, &size);
  if (luaL_loadbufferx(L, text, size, lua_pushfstring(L, "=gradus.%s", module), "t") != LUA_OK)
    return lua_error(L);
  write_array(L, "code", module, NULL, 0);
  write_array(L, "source", module, text, size);
  printf("GR_ENTRY(%s)\n", module);
  return 0;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (L == NULL) return EXIT_FAILURE;
  printf("#include \"lua/stdlib.h\"\n");
  for (int i = 1; i < argc; i++) {
    lua_settop(L, 0);
    lua_pushcfunction(L, embed);
    lua_pushstring(L, argv[i]);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) continue;
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return EXIT_FAILURE;
  }
  printf("const gr_Module gr_stdlib[] = {\n");
  for (int i = 1; i < argc; i++) {
    const char *module = module_name(L, argv[i]);
    printf("  {\"%s\", source_%s, sizeof source_%s - 1, code_%s, sizeof code_%s - 1},\n", module,
           module, module, module, module);
  }
  printf("  {NULL, NULL, 0, NULL, 0}};\n");
  lua_close(L);
  return EXIT_SUCCESS;
}
