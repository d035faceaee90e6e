-- Finalizers are Lua code, and any allocation may run them: between the check of an argument and its use
-- as well. Here they do the worst that Lua can to what the functions at work were given. (What they spoil
-- must be an error or a number, never a crash: run it under valgrind or a sanitizer.)

local lu = require "luaunit"
local core = require "gradus.core"

TestFinalizers = {}

local hostile  -- what each finalizer does while the test runs, or nil
local depth, runs = 0, 0

-- Garbage with a finalizer that leaves new garbage behind.
local function plant()
  setmetatable({}, { __gc = function()
    if not hostile then return end
    if depth < 3 then
      depth, runs = depth + 1, runs + 1
      pcall(hostile)
      depth = depth - 1
    end
    plant()
  end })
end

-- Call work() so many times while finalizers call spoil().
local function under_attack(times, work, spoil)
  hostile, runs = spoil, 0
  local pause, multiplier = collectgarbage("setpause", 0), collectgarbage("setstepmul", 1000)
  for _ = 1, 3 do plant() end
  collectgarbage()  -- the pause is that of the next cycle
  local succeeded, message = pcall(function() for _ = 1, times do work() end end)
  hostile = nil
  collectgarbage("setpause", pause)
  collectgarbage("setstepmul", multiplier)
  lu.assertTrue(succeeded, message)
  lu.assertTrue(runs > 10, "the finalizers did not run")
end

local function empty(list) for i = #list, 2, -1 do list[i] = nil end end

function TestFinalizers.test_random_numbers_and_data()
  local rs, x, grid = RandomState(1), range(100), nil
  local list, seeds, p
  local function refill()
    list, seeds, p, grid = {}, {}, {}, zeros(10, 10)
    for i = 1, 50 do list[i], seeds[i], p[i] = { i }, i, 1 / 50 end
  end
  local calls = {
    function() RandomState(seeds) end, function() rs:seed(seeds) end, function() rs:choice(list) end,
    function() rs:choice(list, 20, true, p) end, function() rs:choice(list, 20, false) end,
    function() rs:choice(x, { 5, 5 }) end, function() rs:choice(x, 10, true, ones(100) * 0.01) end,
    function() rs:shuffle(list) end, function() rs:shuffle(x) end, function() rs:shuffle(grid.T) end,
    function() rs:permutation(x) end, function() rs:permutation(grid.T) end, function() rs:normal(0, 1, { 30, 30 }) end,
    function() rs:randint(1, 7, { 30, 30 }) end,
    function() make_regression { n_samples = 30, n_features = 5, coef = true, random_state = rs } end,
    function() make_regression { n_samples = 30, n_features = 5, effective_rank = 2, random_state = seeds } end,
    function() train_test_split(x, ones(100), { random_state = rs }) end,
  }
  under_attack(3, function()
    for _, call in ipairs(calls) do
      refill()
      pcall(call)
    end
  end, function()
    rs:seed(runs)
    rs:standard_normal()
    empty(list)
    empty(seeds)
    empty(p)
    core.lay_side_by_side { x, zeros { 3, dtype = "float64" } }
    grid.requires_grad = true
  end)
end

function TestFinalizers.test_tensors_and_training()
  local X, y, w, optimizer, model = ones(20, 3), ones(20), nil, nil, nil
  local rows, mask = { 3, 1, 2 }, { 1, 0, 1, 1, 0 }
  under_attack(3, function()
    w, optimizer = zeros { 5, requires_grad = true }, SGD { momentum = 0.9 }
    model = Sequential { Dense { 4, input_dim = 3 }, function(x) return x:relu() end, Dense { 1 } }
    model:compile { loss = "mse", optimizer = optimizer }
    pcall(function() model:fit(X, y, { verbose = 0, epochs = 2 }) end)
    pcall(function() (w * 2):sum():backward() optimizer:apply { w } end)
    pcall(function() return X:take(rows), range(5):mask(mask), X:T(), X:sum { axes = 1 }, w.grad, tensor(rows) end)
    pcall(function() return optimizer.last_step, tostring(optimizer), tostring(model), X:max(1), X:quantile(0.5) end)
  end, function()
    empty(rows)
    empty(mask)
    if w then core.lay_side_by_side { w, zeros(2) } end
    if w then w.grad = nil end
    if model and model.is_built then
      core.lay_side_by_side { model.weights[1].tensor, zeros(3) }
      optimizer:bind { w }
      model.recordings = {}
    end
  end)
end

function TestFinalizers.test_a_state_is_not_closed_while_it_is_called()
  local state, text, is_called = core.new_state(), ("x"):rep(100000), false
  local call, message = state.call, nil
  under_attack(20, function()
    is_called = true
    message = select(2, call(state, "core", "fail", text))
    is_called = false
  end, function() if is_called then state:close() end end)
  lu.assertStrContains(message, text)
  lu.assertEquals(state:call("core", "describe", "a"), 'the string "a"')
  state:close()
  lu.assertErrorMsgContains("state: it is closed", call, state, "core", "describe", "a")
end

-- Called by hand, at the wrong moment, the library's own finalizers would free what a function holds.
function TestFinalizers.test_the_library_s_own_cannot_be_called()
  local classes = { tensor = ones(2), optimizer = SGD {}, recording = core.recording { ones(2) } }
  for name, value in pairs(classes) do
    lu.assertEquals(getmetatable(value).__name, name)
    lu.assertNil(getmetatable(value).__gc, name)
  end
  lu.assertNotNil(getmetatable(classes.tensor).__add)
end

function TestFinalizers.test_a_profile_that_ends_while_it_is_told()
  local x, is_told = ones(3), false
  under_attack(300, function()
    core.start_profile()
    for _, name in ipairs { "exp", "log", "sqrt", "abs", "tanh", "relu", "sigmoid", "square" } do x[name](x) end
    is_told = true
    core.stop_profile()
    is_told = false
  end, function() if is_told then core.stop_profile() end end)
end

-- One that reads a number while an evaluation is recorded: that is then not replayed, and no error.
function TestFinalizers.test_fit()
  local model = Sequential { Dense { 8, input_dim = 4 }, Dense { 1 } }
  model:compile { loss = "mse" }
  local x, y, one = ones(20, 4), ones(20), ones(1)
  under_attack(30, function()
    local history = model:fit(x, y, { epochs = 3, verbose = 0, validation_data = { x, y } })
    assert(#history.val_loss == 3 and history.val_loss[3] == model:evaluate(x, y))
  end, function() return one:item() end)
end
