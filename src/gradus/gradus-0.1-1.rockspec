-- For `luarocks make src/gradus/gradus-0.1-1.rockspec` at the root of the tree: the module alone, for a
-- Lua that is there already. `make install` installs the program, too.
rockspec_format = "3.0"
package = "gradus"
version = "0.1-1"
source = {
  url = "git+file://.",
}
description = {
  summary = "Tensors, dense layers and clipped gradient descent, for experiments in training stability",
  detailed = [[
Gradus trains small neural networks as Keras does and tells what happens at each step: losses, gradient
norms before and after clipping, and where numbers stopped being finite. The same seed gives the same
digits on every machine.]],
  license = "MIT",
}
dependencies = {
  "lua == 5.4",
}
test_dependencies = {
  "luaunit",
}
build = {
  type = "make",
  build_target = "module",
  build_variables = { CC = "$(CC)", LUA_INC = "-I$(LUA_INCDIR)" },
  install_pass = false,
  install = {
    lib = { gradus = "build/gradus.so" },
  },
}
