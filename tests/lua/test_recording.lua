-- Recordings of a step and of an evaluation: what they refuse. That they replay what was recorded is
-- shown by the tests of fit; test_run.lua has runs of them.

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

local function recorded_step() return record(zeros(2, 3), zeros { 3, requires_grad = true }) end

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
  for _, method in ipairs { "replay", "keep", "put_back" } do
    fails(method .. ": the recording holds no step", empty[method], empty)
  end
  empty:capture(function() end)
  fails("replay: the recording is broken: it had no backward", empty.replay, empty)
end

function TestRecording.test_a_step_is_replayed_when_it_is_whole()
  local w = zeros { 3, requires_grad = true }
  local recording = core.recording { zeros(2, 3) }
  recording:capture(function()
    w:square():sum():backward()
    for _, method in ipairs { "replay", "keep", "put_back" } do
      fails(method .. ": the recording still listens", recording[method], recording)
    end
  end)
  lu.assertEquals(recording:replay(), 0)
end

-- Its inputs are no batches of as many rows, so that it must not pass for a step.
function TestRecording.test_an_evaluation_has_no_backward()
  local w = zeros { 3, requires_grad = true }
  local recording = core.recording({ zeros(2, 3), zeros(5) }, true)
  recording:capture(function() w:square():sum():backward() end)
  fails("replay: the recording is broken: it had a backward", recording.replay, recording)
end

-- What is kept is what was the step's own memory then, and a view of a weight was none.
function TestRecording.test_what_was_kept_comes_back_when_a_weight_has_moved()
  local x, w, b = ones(2, 3), ones { 4, 3, requires_grad = true }, ones { 4, requires_grad = true }
  local recording = core.recording { x }
  local sums
  recording:capture(function()
    sums = x:dense(w.T, b)
    sums:sum():backward()
  end)
  recording:keep()
  x:fill(2)
  recording:replay()
  lu.assertEquals(sums:totable()[1], { 7, 7, 7, 7 })
  core.lay_side_by_side { b, w }
  recording:put_back()
  lu.assertEquals({ x:totable()[1], sums:totable()[1] }, { { 1, 1, 1 }, { 4, 4, 4, 4 } })
end

function TestRecording.test_a_step_has_batches_of_rows()
  fails("an input must be a batch of rows without gaps", core.recording, { tensor(1) })
  fails("an input must be a batch of rows without gaps", core.recording, { ones(3, 2).T })
  fails("an input must be a batch of as many rows as the first", core.recording, { ones(3, 2), ones(2) })
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
