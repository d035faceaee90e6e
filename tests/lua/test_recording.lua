-- Recordings of a step and of an evaluation: what they refuse. That they replay what was recorded is
-- shown by the tests of fit.

local lu = require "luaunit"
local core = require "gradus.core"

TestRecording = {}

local function fails(text, f, ...) lu.assertErrorMsgContains(text, f, ...) end

-- A recorded step of fitting w to the rows of a batch [2, 3].
local function record(batch, w)
  local recording = core.recording { batch }
  recording:capture(function() (batch - w):square():sum():backward() end)
  return recording
end

local function recorded_step()
  local w, optimizer = zeros { 3, requires_grad = true }, SGD {}
  local recording = record(zeros(2, 3), w)
  optimizer:bind { w }
  return recording, optimizer, w
end

local function run(recording, optimizer, sources, order, first_row, steps, log)
  return recording:run(optimizer, sources, order, first_row, steps, nil, log, 1, false, 0, 0)
end

function TestRecording.test_a_step_is_run_on_batches_of_rows()
  local recording, optimizer, w = recorded_step()
  local log = zeros { 4, 2, dtype = "float64" }
  local done, rows, _, ending = run(recording, optimizer, { ones(4, 3) }, range(4), 1, 2, log)
  lu.assertEquals({ done, rows, ending, log[1][1] }, { 2, 4, "complete", 6 })
  lu.assertTrue(log[1][2] < 6 and w[1] > 0)
end

function TestRecording.test_a_run_ends_with_a_batch_of_another_size()
  local recording, optimizer, w = recorded_step()
  local rest = record(zeros(1, 3), w)
  local log = zeros { 4, 2, dtype = "float64" }
  local done, rows, sum, ending = recording:run(optimizer, { ones(3, 3) }, range(3), 1, 1, rest, log, 1, false, 0, 0)
  lu.assertEquals({ done, rows, ending, log[1][1] }, { 2, 3, "complete", 6 })
  lu.assertEquals(sum, 2 * log[1][1] + log[1][2])
  fails("the order has too few rows", recording.run, recording, optimizer, { ones(3, 3) }, range(3), 1, 2, rest)
  fails("the rest does not have the rows", recording.run, recording, optimizer, { ones(3, 3) }, range(3), 1, 1,
    record(zeros(1, 2), zeros { 2, requires_grad = true }))
  fails("the rest must be a recording", recording.run, recording, optimizer, { ones(3, 3) }, range(3), 1, 1, w)
end

function TestRecording.test_a_replay_follows_weights_that_move()
  local x, y = ones(2, 3), ones(2, 2)
  local kernel, bias = zeros { 3, 2, requires_grad = true }, zeros { 2, requires_grad = true }
  local recording = core.recording { x, y }
  recording:capture(function() mean_squared_error(y, x:dense(kernel, bias)):backward() end)
  lu.assertEquals(recording:replay(), 1)
  core.lay_side_by_side { bias, kernel }
  no_grad(function()
    kernel:fill(2)
    bias:fill(1)
  end)
  lu.assertEquals(recording:replay(), 36)
  lu.assertEquals(kernel.grad:totable(), { { 6, 6 }, { 6, 6 }, { 6, 6 } })
end

function TestRecording.test_a_recording_listens_once()
  local recording = recorded_step()
  fails("capture: a recording listens once", recording.capture, recording, print)
  local inner = core.recording { ones(1) }
  inner:capture(function()
    fails("capture: a recording listens once", inner.capture, inner, print)
  end)
  fails("value expected", core.recording({ ones(1) }).capture, core.recording { ones(1) })
end

function TestRecording.test_without_a_step_there_is_nothing_to_replay()
  local empty = core.recording { ones(1) }
  for _, method in ipairs { "replay", "run", "keep", "put_back" } do
    fails(method .. ": the recording holds no step", empty[method], empty)
  end
  empty:capture(function() end)
  fails("replay: the recording is broken: it had no backward", empty.replay, empty)
end

function TestRecording.test_a_step_has_batches_of_rows()
  fails("an input must be a batch of rows without gaps", core.recording, { tensor(1) })
  fails("an input must be a batch of rows without gaps", core.recording, { ones(3, 2).T })
end

function TestRecording.test_an_evaluation_has_one_number()
  local x = ones(3, 2).T
  local recording = core.recording({ x }, true)
  lu.assertEquals(recording:evaluate(function() return (x + 1):sum() end), 12)
  x:fill(0)
  lu.assertEquals(recording:evaluate(), 6)
  fails("replay: the recording holds no step", recording.replay, recording)
  recording = core.recording({ x }, true)
  fails("the loss must be a tensor of one element, got a tensor [0]", recording.evaluate, recording,
    function() return zeros(0) end)
  fails("evaluate: the recording is of a step", recorded_step().evaluate, recorded_step(), print)
end

function TestRecording.test_rows_that_are_not_there()
  local recording, optimizer = recorded_step()
  fails("there is no row 5 in 4 rows", run, recording, optimizer, { ones(4, 3) }, tensor({ 1, 5 }, "float64"), 1, 1)
  fails("the order has too few rows", run, recording, optimizer, { ones(4, 3) }, range(4), 4, 1)
  fails("the order has too few rows", run, recording, optimizer, { ones(4, 3) }, range(4), 1, math.maxinteger)
  fails("does not have the rows", run, recording, optimizer, { ones(4, 2) }, range(4), 1, 1)
  for _, log in ipairs { zeros { 4, 1, dtype = "float64" }, zeros(4, 2), zeros { 2, dtype = "float64" } } do
    fails("the log must be float64", run, recording, optimizer, { ones(4, 3) }, range(4), 1, 2, log)
  end
end

function TestRecording.test_rows_are_gathered_where_they_fit()
  local batch = zeros(2, 3)
  core.gather_rows(tensor { { 1, 2, 3 }, { 4, 5, 6 } }, tensor({ 2, 1 }, "float64"), 1, 2, batch)
  lu.assertEquals(batch:totable(), { { 4, 5, 6 }, { 1, 2, 3 } })
  for _, source in ipairs { ones(10, 100), ones(10, 2), ones(10), tensor(1) } do
    fails("do not fit together", core.gather_rows, source, range(10), 1, 2, batch)
  end
end
