-- What luacheck may take for granted: Lua 5.4, and in scripts and tests the words of Gradus.
std = "lua54"
max_line_length = 130
local words = {
  "tensor", "zeros", "ones", "full", "range", "set_floatx", "floatx", "no_grad", "gradcheck", "Layer",
  "Dense", "mean_squared_error", "mean_absolute_error", "SGD", "Sequential", "batches", "RandomState",
  "seed", "set_num_threads", "num_threads", "make_regression", "StandardScaler", "MinMaxScaler", "train_test_split", "plot", "core",
  "param", "timeit", "whos", "source", "experiments", "run",
}
files["scripts"] = { read_globals = words, ignore = { "4" } }  -- shadowing is how the tutorial reads
files["tests"] = { read_globals = words, allow_defined_top = true, ignore = { "111", "112", "131" } }
files["scripts/test_*.lua"] = { allow_defined_top = true, ignore = { "111", "112", "131" } }
