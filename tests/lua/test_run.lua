-- Runs of recorded steps and of whole epochs: what they do and what they refuse. That an epoch in the
-- core has the bits of one in Lua is shown by the tests of replay.

local lu = require "luaunit"
local core = require "gradus.core"

local function fails(text, f, ...) lu.assertErrorMsgContains(text, f, ...) end

-- A recorded step of fitting w to the rows of a batch [rows, 3].
local function record(rows, w)
  local batch = zeros(rows, 3)
  local recording = core.recording { batch }
  recording:capture(function() (batch - w):square():sum():backward() end)
  return recording
end

-- What a run of `steps` batches of two rows is told, with changes; and the weights.
local function a_run(changes)
  local w = zeros { 3, requires_grad = true }
  local run = { recording = record(2, w), steps = 1, optimizer = SGD {}, sources = { ones(4, 3) },
                order = range(4), row = 1, step = 1, log = zeros { 4, 2, dtype = "float64" } }
  run.optimizer:bind { w }
  for name, value in pairs(changes) do run[name] = value end
  return run, w
end

local function refuses(text, run, changes) fails(text, run, (a_run(changes))) end

TestSteps = {}

function TestSteps.test_are_taken_on_batches_of_rows()
  local run, w = a_run { steps = 2 }
  lu.assertEquals({ core.run_steps(run) }, { 2, 4, 2 * (run.log[1][1] + run.log[1][2]), nil })
  lu.assertEquals(run.log[1][1], 6)
  lu.assertTrue(run.log[1][2] < 6 and w[1] > 0)
end

function TestSteps.test_end_with_a_batch_of_another_size()
  local run, w = a_run { sources = { ones(3, 3) }, order = range(3) }
  run.rest = record(1, w)
  local done, rows, sum = core.run_steps(run)
  lu.assertEquals({ done, rows, run.log[1][1] }, { 2, 3, 6 })
  lu.assertEquals(sum, 2 * run.log[1][1] + run.log[1][2])
  run.steps = 2
  fails("the order has too few rows", core.run_steps, run)
  refuses("the rest does not have the rows", core.run_steps, { rest = (function()
    local batch = zeros(1, 2)
    local recording = core.recording { batch }
    recording:capture(function() (batch * ones { 2, requires_grad = true }):sum():backward() end)
    return recording
  end)() })
  refuses("rest must be a recording", core.run_steps, { rest = w })
end

-- Those of a large layer are used up meanwhile, but not when the run ends, whenever that is.
function TestSteps.test_leave_the_gradients_of_the_last_one()
  local x = RandomState(1):normal(0, 1, { 64, 400 }):cast "float32"
  local function a_large_run(steps, seconds)
    local kernel, bias = full({ 400, 400 }, 0.01):cast "float32", zeros { 400, requires_grad = true }
    kernel.requires_grad = true
    local function forward_and_backward(batch)
      local loss = batch:dense(kernel, bias):square():mean()
      loss:backward()
    end
    local batch, optimizer = zeros(64, 400), SGD { learning_rate = 0.01, momentum = 0.9 }
    local recording = core.recording { batch }
    recording:capture(forward_and_backward, batch)
    optimizer:bind { kernel, bias }
    local order = zeros { 64 * steps, dtype = "float64" }
    for i = 1, 64 * steps do order[i] = (i - 1) % 64 + 1 end
    local done = core.run_steps { recording = recording, steps = steps, optimizer = optimizer, sources = { x },
                                  order = order, row = 1, step = 1, seconds = seconds }
    return done, kernel, forward_and_backward
  end
  local seconds, done, kernel = 0.001, 0, nil
  while done < 4 do
    seconds = 2 * seconds
    done, kernel = a_large_run(2000, seconds)
  end
  lu.assertTrue(done < 2000)
  local _, twin, forward_and_backward = a_large_run(done - 1)
  forward_and_backward(x)
  lu.assertTrue(twin.grad:identical(kernel.grad), ("after %d steps another gradient is left"):format(done))
end

function TestSteps.test_refuse_an_optimizer_that_is_bound_to_nothing()
  refuses("no parameter has a new gradient", core.run_steps,
    { optimizer = core.sgd(), steps = 4, sources = { ones(8, 3) }, order = range(8),
      log = zeros { 4, 4, dtype = "float64" } })
end

function TestSteps.test_tell_the_first_that_was_not_finite()
  local run = a_run { steps = 2, step = 3, log = zeros { 4, 4, dtype = "float64" },
                      sources = { tensor { { 1, 1, 1 }, { 1, 1, 1 }, { math.huge, 1, 1 }, { 1, 1, 1 } } } }
  local done, _, _, not_finite = core.run_steps(run)
  lu.assertEquals({ done, not_finite, run.log[1][4] }, { 2, 4, math.huge })
end

function TestSteps.test_refuse_rows_that_are_not_there()
  refuses("there is no row 5 in 4 rows", core.run_steps, { order = tensor({ 1, 5 }, "float64") })
  refuses("the order has too few rows", core.run_steps, { row = 4 })
  refuses("the order has too few rows", core.run_steps, { steps = math.maxinteger, log = false })
  refuses("source 1 does not have the rows", core.run_steps, { sources = { ones(4, 2) } })
  refuses("a source must be a tensor", core.run_steps, { sources = {} })
  refuses("sources must be a table", core.run_steps, { sources = 1 })
  for _, log in ipairs { zeros { 4, 1, dtype = "float64" }, zeros(4, 2), zeros { 2, dtype = "float64" } } do
    refuses("log must be float64 [4, steps]", core.run_steps, { steps = 2, log = log })
  end
end

-- What a step writes would change the numbers that were checked.
function TestSteps.test_refuse_an_order_that_something_else_holds()
  local log = zeros { 4, 4, dtype = "float64" }
  refuses("share its memory with nothing", core.run_steps, { order = log[1], log = log })
  refuses("share its memory with nothing", core.run_steps, { order = log, log = log })
  local batch = ones { 2, 3, dtype = "float64" }
  fails("do not fit together", core.gather_rows, ones(4, 3), batch[1], 1, 2, batch)
end

function TestSteps.test_refuse_what_says_nothing()
  for _, run in ipairs { core.run_steps, core.run_epochs } do
    fails("must be a table", run, 1)
    fails("a table without a metatable", run, setmetatable(a_run {}, { __index = error }))
  end
  refuses("recording must be a recording", core.run_steps, { recording = 1 })
  refuses("the recording holds no step", core.run_steps, { recording = core.recording { ones(1) } })
  refuses("row must be 1 or more", core.run_steps, { row = 0 })
  refuses("steps must be 0 or more", core.run_steps, { steps = -1 })
end

TestEpochs = {}

-- Two epochs of two steps, with changes.
local function two_epochs(changes)
  local run, w = a_run { steps = 2, epochs = 2, shuffles = 5, log = zeros { 4, 4, dtype = "float64" },
                         losses = zeros { 2, 2, dtype = "float64" } }
  for name, value in pairs(changes) do run[name] = value end
  return run, w
end

function TestEpochs.test_follow_each_other()
  local run, w = two_epochs {}
  run.evaluation = core.recording({ w }, true)
  run.evaluation:evaluate(function() return w:sum() end)
  lu.assertEquals({ core.run_epochs(run) }, { 2, 4, 5, nil })
  for epoch = 1, 2 do
    lu.assertEquals(run.losses[1][epoch], (run.log[1][2 * epoch - 1] + run.log[1][2 * epoch]) / 2)
  end
  lu.assertEquals(run.losses[2][2], run.evaluation:evaluate())
  lu.assertTrue(run.losses[2][1] < run.losses[2][2])
end

function TestEpochs.test_shuffle_before_each()
  local stream, order = core.stream(1, 0, "shuffle"), zeros { 4, dtype = "float64" }
  local run = two_epochs { stream = stream }
  lu.assertEquals({ core.run_epochs(run) }, { 2, 4, 7, nil })
  stream:permutation(7, order)
  lu.assertTrue(run.order:identical(order))
end

function TestEpochs.test_end_after_one_that_was_not_finite()
  local changes = { sources = { ones(4, 3) * math.huge }, watches = true }
  lu.assertEquals({ core.run_epochs((two_epochs(changes))) }, { 1, 2, 5, 1 })
  changes.watches = false
  lu.assertEquals({ core.run_epochs((two_epochs(changes))) }, { 2, 4, 5, 1 })
end

function TestEpochs.test_refuse_what_does_not_fit()
  for text, changes in pairs {
    ["log must be float64"] = { epochs = 3, losses = zeros { 2, 3, dtype = "float64" } },
    ["losses must be float64"] = { losses = zeros { 2, 1, dtype = "float64" } },
    ["losses must be a tensor"] = { losses = 1 },
    ["stream must be a stream"] = { stream = 1 },
    ["evaluation must be a recording"] = { evaluation = 1 },
    ["the recording holds no evaluation"] = { evaluation = core.recording({ ones(1) }, true) },
    ["row must be 1 in an epoch"] = { row = 2, steps = 1 },
    ["order must have as many rows as an epoch"] = { order = range(5) },
  } do
    fails(text, core.run_epochs, (two_epochs(changes)))
  end
end

TestRows = {}

function TestRows.test_are_gathered_where_they_fit()
  local batch = zeros(2, 3)
  core.gather_rows(tensor { { 1, 2, 3 }, { 4, 5, 6 } }, tensor({ 2, 1 }, "float64"), 1, 2, batch)
  lu.assertEquals(batch:totable(), { { 4, 5, 6 }, { 1, 2, 3 } })
  for _, source in ipairs { ones(10, 100), ones(10, 2), ones(10), tensor(1) } do
    fails("do not fit together", core.gather_rows, source, range(10), 1, 2, batch)
  end
end
