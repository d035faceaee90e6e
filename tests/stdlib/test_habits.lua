-- What Python makes people write: each line gets a word that says how Lua has it, and what is only wrong
-- gets none.

local lu = require "luaunit"
local habits = require "gradus.habits"

local function hint_of(line)
  local expression = load("return " .. line, "=x")
  local chunk, message = load(line, "=x")
  lu.assertNil(expression or chunk, "this compiles: " .. line)
  return habits.of_line(message, line)
end

TestHabits = {}

function TestHabits.test_lines_of_python()
  for line, expected in pairs {
    ["import numpy as np"] = "nothing needs an import",
    ["from keras.layers import Dense"] = "nothing needs an import",
    ["def f(x): return x"] = "function f(x) ... end",
    ["x = 3 # a comment"] = "a comment begins with --",
    ["y = 1 if x else 2"] = "x and y or z",
    ["if x is None then y = 1 end"] = "x == nil",
    ["assert x == 3, 'no'"] = "assert(x)",
    ["raise ValueError('no')"] = "error(message)",
    ["except ValueError as e:"] = "pcall(f)",
    ["with open('x') as f:"] = "local file <close>",
    ["x = '''text'''"] = "[[ ... ]]",
    ["# a comment of words"] = "a comment begins with --",
    ["elif x > 3:"] = "elseif x then",
    ["try:"] = "pcall(f)",
    ["if x = 3 then print(x) end"] = "== compares",
    ["if x != 3 then print(x) end"] = "~=",
    ["i += 1"] = "i = i + ...",
    ["self.count -= 1"] = "self.count = self.count - ...",
    ["i++"] = "i = i + 1",
    ["y = x**2"] = "x ^ 2",
    ["z = X @ W"] = "a:matmul(b)",
    ["f = lambda x: x"] = "function(x) return x end",
    ['"""what it does"""'] = "[[ ... ]]",
    ["x = [1, 2, 3]"] = "a list is { 1, 2, 3 }",
    ["return [x]"] = "a list is { 1, 2, 3 }",
    ["d = {'a': 1}"] = "a table is { name = value }",
    ["trainX, testX = X[:500, :], X[500:, :]"] = "X:rows(1, 500)",
    ["y[1:3]"] = "X:rows(1, 500)",
    ["y[a:b]"] = "X:rows(1, 500)",
    ["X[1, 2]"] = "X[{ i, j }]",
    ["X[:, 2]"] = "X[{ { 1, 500 }, {} }]",
    ['print("%.3f, %.3f" % (a, b))'] = '("%.3f"):format(x)',
    ['"%.3f":format(x)'] = "stands in brackets",
    ["make_regression(n_samples=10)"] = "make_regression { n_samples = ... }",
    ["model.add(Dense(25, input_dim=20))"] = "Dense { ..., input_dim = ... }",
    ["train_test_split(X, y, test_size=0.5)"] = "train_test_split(..., { test_size = ... })",
    ["model:fit(X, y, epochs=3)"] = "model:fit(..., { epochs = ... })",
    ["plot.plot(h.loss, label='train')"] = "plot.plot(..., { label = ... })",
    ["model.compile(loss='mse', optimizer=SGD{})"] = "model.compile { loss = ... }",
    ["for i in range(10): print(i)"] = "for i = 1, 10 do ... end",
    ["for i = 1, 3: print(i)"] = "for i = 1, 10 do ... end",
    ["if x == 1:"] = "if x then ... end",
    ["else:"] = "if x then ... end",
    ["Dense { 25 input_dim = 20 }"] = "is a comma missing before it?",
    ["print(a b)"] = "is a comma missing before it?",
  } do
    lu.assertStrContains(hint_of(line) or "", expected, nil, line)
  end
end

function TestHabits.test_what_is_only_wrong()
  for _, line in ipairs {
    "x = = 1", "x = )", "local 3", "f(a, b", "for i, x = 1 do", "t = { [1] = 2", "x.y:z", "return return",
    "import = = 2", "a[b.c(1, 2)] = = 3", "x = '# import [1, 2] i += 1 != ' = 3", "t[s:sub(1, 2)] = = 1",
    "print(x then", "-- i += 1\n = 2", "", "if x then y:z() = 1 end",
  } do
    if line ~= "" then lu.assertNil(hint_of(line), line) end
    lu.assertNil(habits.of_line("", line), line)
  end
end

function TestHabits.test_a_line_that_begins_a_block_waits_for_no_more()
  for _, line in ipairs { "for i in range(10):", "if x == 1:", "if x: print(x)", "else:", "while true: x = 1" } do
    lu.assertTrue(habits.begins_block(line), line)
  end
  for _, line in ipairs { "if x:item()", "for _, x in ipairs(t) do", "x:", "if x then\ny:\nz()", "if t['a: b']", "" } do
    lu.assertFalse(habits.begins_block(line), line)
  end
end

function TestHabits.test_names()
  lu.assertEquals(habits.of_name "None", "Lua says nil")
  lu.assertEquals(habits.of_name "len", "the length of x is #x")
  lu.assertStrContains(habits.of_name "quit", "Ctrl-D")
  lu.assertEquals(habits.of_name "mean", "tensors have it as a method: x:mean()")
  for _, name in ipairs { "relu", "mse", "he_uniform", "linear" } do
    lu.assertStrContains(habits.of_name(name), ('"%s"'):format(name))
  end
  lu.assertNil(habits.of_name "clip_nrom")
end

function TestHabits.test_errors()
  local function hint(f, ...) return habits.of_error(select(2, pcall(f, ...))) end
  lu.assertEquals(hint(function() return "%d" % 3 end), 'Lua says ("%.3f"):format(x)')
  lu.assertEquals(hint(function() return ones(2):shape() end), "it is a field: x.shape[1]")
  lu.assertEquals(hint(function() return ones(2).shape() end), "it is a field: x.shape[1]")
  lu.assertEquals(hint(function() return math.exp(ones(2)) end), "of a tensor it is x:exp()")
  lu.assertStrContains(hint(function() return string.format("%.3f", ones(1)) end), "x:item()")
  lu.assertStrContains(hint(function() for _ in range(3) do print() end end), "for i = 1, n do")
  local x = ones(3)
  for _, f in ipairs { function() return x[x:argmax()] end, function() return x[{ x:argmax() }] end,
                       function() x[x:argmax()] = 0 end, function() return x:rows(x:argmax(), 3) end,
                       function() return SGD { clipnorm = x:norm() } end } do
    lu.assertStrContains(hint(f) or "", "x:item()")
  end
  lu.assertNil(hint(function() return x[x] end))
  lu.assertStrContains(hint(function() Sequential({}):save "x" end), "model:get_weights()")
  lu.assertStrContains(hint(function() ones(2):astype "float32" end), 'x:cast "float64"')
  lu.assertNil(hint(function() ones(2):coloms(1) end))
  lu.assertNil(hint(error, "anything else"))
end
