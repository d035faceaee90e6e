-- SGD and its clipping against the formulas written out in Lua, one number at a time: in float64 to
-- the bit.

local lu = require "luaunit"
local core = require "gradus.core"

-- The reference. Norms as the core adds them: element i of a variable joins lane i mod 16, lanes
-- are added with their neighbours; variables have at most 1,024 elements here, that is one block.

local function norm_of(g)
  local lanes = {}
  for lane = 1, 16 do lanes[lane] = 0.0 end
  for i, value in ipairs(g) do
    local lane = (i - 1) % 16 + 1
    lanes[lane] = lanes[lane] + value * value
  end
  local width = 16
  while width > 1 do
    width = width // 2
    for lane = 1, width do lanes[lane] = lanes[2 * lane - 1] + lanes[2 * lane] end
  end
  return math.sqrt(lanes[1])
end

local function scale_for(norm, threshold)
  if norm ~= norm then return norm end
  return norm > threshold and threshold / norm or 1
end

-- One step on lists of numbers: variables w, gradients g, velocities v, all lists of lists.
local function reference_step(w, g, v, o)
  local norms, square = {}, 0.0
  for i, gradient in ipairs(g) do
    norms[i] = norm_of(gradient)
    square = square + norms[i] * norms[i]
  end
  local norm = math.sqrt(square)
  local low, high = o.clipvalue, o.clipvalue
  if type(o.clipvalue) == "table" then low, high = o.clipvalue[1], o.clipvalue[2]
  elseif o.clipvalue then low = -o.clipvalue end
  local lr, m, cut, values, smallest = o.lr, o.momentum or 0, 0, 0, 1
  local scales = {}
  for i, gradient in ipairs(g) do
    local scale = 1
    if o.clipnorm then scale = scale_for(norms[i], o.clipnorm) end
    if o.global_clipnorm then scale = scale_for(norm, o.global_clipnorm) end
    scales[i] = scale
    if scale < smallest then smallest = scale end
    for j, value in ipairs(gradient) do
      local x = w[i][j]
      if o.weight_decay then x = x - (o.weight_decay * lr) * x end
      value = scale * value
      if o.clipvalue then
        if value < low or value > high then cut = cut + 1 end
        value = value < low and low or value > high and high or value
      end
      values = values + 1
      local change = lr * value
      if m == 0 then
        x = x - change
      else
        v[i][j] = m * v[i][j] - change
        x = o.nesterov and (x + m * v[i][j]) - change or x + v[i][j]
      end
      w[i][j] = x
    end
  end
  return { norms = norms, norm = norm, scale = smallest, scales = scales, cut = cut / values }
end

-- Variables with numbers from a RandomState

local SHAPES = { { 3, 4 }, { 4 }, { 37 }, { 1 } }

local function draw(rs, size, dtype)
  local list = {}
  for i, shape in ipairs(SHAPES) do
    list[i] = (rs:normal(0, 1, shape) * size):cast(dtype or "float64")
  end
  return list
end

local function flat(tensors)
  local lists = {}
  for i, t in ipairs(tensors) do lists[i] = t:reshape(-1):totable() end
  return lists
end

local function parameters(rs, dtype)
  local list = draw(rs, 1, dtype)
  for _, w in ipairs(list) do w.requires_grad = true end
  return list
end

local function set_gradients(weights, gradients)
  for i, w in ipairs(weights) do w.grad = gradients[i] end
end

-- Run steps with gradients of these sizes against the reference, to the bit.
local function check_against_reference(options, sizes)
  local rs = RandomState(4)
  local weights = parameters(rs)
  local w, v = flat(weights), flat(weights)
  for _, velocity in ipairs(v) do
    for j in ipairs(velocity) do velocity[j] = 0.0 end
  end
  local optimizer = SGD(options)
  for step, size in ipairs(sizes or { 0.01, 1, 100, 0.2, 3 }) do
    local gradients = draw(rs, size)
    set_gradients(weights, gradients)
    optimizer:apply(weights)
    local report = reference_step(w, flat(gradients), v, options)
    lu.assertEquals(flat(weights), w, "weights after step " .. step)
    local last = optimizer.last_step
    for name, value in pairs(report) do
      lu.assertEquals(last[name], value, name .. " of step " .. step)
    end
  end
  return optimizer.last_step
end

TestUpdates = {}

function TestUpdates.test_plain() check_against_reference { lr = 0.1 } end
function TestUpdates.test_momentum() check_against_reference { lr = 0.1, momentum = 0.9 } end
function TestUpdates.test_nesterov()
  check_against_reference { lr = 0.1, momentum = 0.9, nesterov = true }
end
function TestUpdates.test_nesterov_without_momentum_is_plain()
  check_against_reference { lr = 0.1, nesterov = true }
end
function TestUpdates.test_weight_decay_is_decoupled()
  check_against_reference { lr = 0.1, weight_decay = 0.05 }
  check_against_reference { lr = 0.1, weight_decay = 0.05, momentum = 0.8, clipnorm = 0.3 }
end

function TestUpdates.test_defaults_are_keras_s()
  local optimizer = SGD()
  lu.assertEquals(optimizer.learning_rate, 0.01)
  lu.assertEquals(optimizer.lr, 0.01)
  lu.assertEquals(optimizer.momentum, 0)
  lu.assertFalse(optimizer.nesterov)
  lu.assertNil(optimizer.weight_decay)
  lu.assertNil(optimizer.clipnorm)
  lu.assertNil(optimizer.global_clipnorm)
  lu.assertNil(optimizer.clipvalue)
  lu.assertEquals(optimizer.iterations, 0)
  lu.assertNil(optimizer.last_step)
end

function TestUpdates.test_momentum_goes_on_over_several_lists_of_the_same_parameters()
  local w = tensor({ 0 }, { dtype = "float64", requires_grad = true })
  local other = tensor({ 0 }, { dtype = "float64", requires_grad = true })
  local optimizer = SGD { lr = 1, momentum = 0.5 }
  w.grad = tensor({ 1 }, "float64")
  optimizer:apply { w }             -- v = -1, w = -1
  w.grad = tensor({ 0 }, "float64")
  other.grad = tensor({ 0 }, "float64")
  optimizer:apply { other, w }      -- v = -0.5, w = -1.5
  lu.assertEquals(w:totable(), { -1.5 })
  lu.assertEquals(optimizer.iterations, 2)
end

function TestUpdates.test_a_parameter_without_a_new_gradient_stays()
  local a = tensor({ 1, 2 }, { requires_grad = true })
  local b = tensor({ 3 }, { requires_grad = true })
  local optimizer = SGD { lr = 1, momentum = 0.9, weight_decay = 0.5 }
  ;(a * 2):sum():backward()
  optimizer:apply { a, b }
  lu.assertEquals(b:totable(), { 3 })
  lu.assertErrorMsgContains("no parameter has a new gradient", optimizer.apply, optimizer, { a, b })
end

function TestUpdates.test_parameters_need_not_lie_side_by_side()
  local a = tensor({ 1, 2 }, { requires_grad = true, dtype = "float64" })
  local b = tensor({ { 3 }, { 4 } }, { requires_grad = true, dtype = "float64" })
  ;((a * a):sum() + (b * b):sum()):backward()
  SGD { lr = 0.5 }:apply { a, b }
  lu.assertEquals(a:totable(), { 0, 0 })
  lu.assertEquals(b:totable(), { { 0 }, { 0 } })
end

-- A model that is built moves its weights, be they shared with another that is trained already.
function TestUpdates.test_parameters_may_move_between_steps()
  local a = tensor({ 8, 4 }, { requires_grad = true, dtype = "float64" })
  local b = tensor({ 2 }, { requires_grad = true, dtype = "float64" })
  local optimizer = SGD { lr = 0.25 }
  for _, order in ipairs { { a, b }, { b, a } } do
    core.lay_side_by_side(order)
    ;((a * a):sum() + (b * b):sum()):backward()
    optimizer:apply { a, b }
  end
  lu.assertEquals(a:totable(), { 2, 1 })
  lu.assertEquals(b:totable(), { 0.5 })
end

function TestUpdates.test_views_with_gaps_are_refused()
  for _, view in ipairs {
    zeros(3, 4).T:detach(), range(10):cast("float32")[{ { 10, 1, -1 } }]:detach(),
    range(10):cast("float32")[{ { 1, 10, 2 } }]:detach(),
  } do
    view.requires_grad = true
    ;(view * view):sum():backward()
    lu.assertErrorMsgContains("side by side", function() SGD():apply { view } end)
  end
end

TestClipping = {}

function TestClipping.test_clipnorm_is_of_each_variable()
  for _, threshold in ipairs { 0.1, 0.3, 1, 5 } do
    check_against_reference { lr = 0.1, clipnorm = threshold }
    check_against_reference { lr = 0.1, clipnorm = threshold, momentum = 0.9, nesterov = true }
  end
end

function TestClipping.test_global_clipnorm_is_of_all_together()
  for _, threshold in ipairs { 0.1, 0.3, 1, 5 } do
    check_against_reference { lr = 0.1, global_clipnorm = threshold }
  end
end

function TestClipping.test_clipvalue()
  check_against_reference { lr = 0.1, clipvalue = 0.5 }
  check_against_reference { lr = 0.1, clipvalue = { -0.2, 0.7 } }
  check_against_reference { lr = 0.1, clipvalue = { 0.1, 0.2 }, momentum = 0.3 }
end

function TestClipping.test_norm_comes_before_value()
  check_against_reference { lr = 0.1, clipnorm = 1, clipvalue = 0.25 }
  check_against_reference { lr = 0.1, global_clipnorm = 1, clipvalue = { -0.05, 0.1 } }
  local w = tensor({ 0, 0 }, { dtype = "float64", requires_grad = true })
  w.grad = tensor({ 30, 40 }, "float64")
  SGD { lr = 1, clipnorm = 5, clipvalue = 3.5 }:apply { w }  -- (3, 4), then (3, 3.5)
  lu.assertEquals(w:totable(), { -3, -3.5 })
end

-- Keras's formulas change 11 to 14 of 100 short gradients; ours none.
local function check_short_gradients(dtype)
  local rs = RandomState(8)
  for _, option in ipairs { "clipnorm", "global_clipnorm" } do
    for _, threshold in ipairs { 0.1, 0.3, 5 } do
      local plain, clipped = SGD { lr = 1 }, SGD { lr = 1, [option] = threshold }
      for _ = 1, 50 do
        local gradients = draw(rs, threshold / 20, dtype)
        local results = {}
        for i, optimizer in ipairs { plain, clipped } do
          local weights = {}
          for j, shape in ipairs(SHAPES) do
            weights[j] = zeros(shape):cast(dtype)
            weights[j].requires_grad = true
          end
          set_gradients(weights, gradients)
          optimizer:apply(weights)
          results[i] = weights
        end
        for j = 1, #SHAPES do lu.assertTrue(results[1][j]:identical(results[2][j])) end
        lu.assertEquals(clipped.last_step.scale, 1)
        lu.assertEquals(clipped.last_step.norms, clipped.last_step.norms_after)
      end
    end
  end
end

function TestClipping.test_clipnorm_leaves_short_gradients_alone()
  check_short_gradients "float64"
  check_short_gradients "float32"
end

function TestClipping.test_a_gradient_as_long_as_the_threshold_is_not_scaled()
  local w = tensor({ 0, 0 }, { dtype = "float64", requires_grad = true })
  w.grad = tensor({ 3, 4 }, "float64")
  local optimizer = SGD { clipnorm = 5 }
  optimizer:apply { w }
  lu.assertEquals(optimizer.last_step.scale, 1)
  w.grad = tensor({ 3, 4.0000001 }, "float64")
  optimizer:apply { w }
  lu.assertTrue(optimizer.last_step.scale < 1)
end

function TestClipping.test_cut_counts_only_what_lies_outside()
  local w = tensor({ 0, 0, 0, 0 }, { dtype = "float64", requires_grad = true })
  w.grad = tensor({ 1, -1, 1.5, -2 }, "float64")
  local optimizer = SGD { clipvalue = 1 }
  optimizer:apply { w }
  lu.assertEquals(optimizer.last_step.cut, 0.5)
end

function TestClipping.test_gradients_themselves_are_only_read()
  local w = tensor({ 0, 0 }, { dtype = "float64", requires_grad = true })
  w.grad = tensor({ 30, 40 }, "float64")
  SGD { clipnorm = 1, clipvalue = 0.1 }:apply { w }
  lu.assertEquals(w.grad:totable(), { 30, 40 })
end

-- Where no scale depends on a norm, the update measures it on the way: the same to the bit.

TestMeasuredOnTheWay = {}

function TestMeasuredOnTheWay.test_norms_and_weights_are_the_same()
  local rs = RandomState(5)
  for _, dtype in ipairs { "float32", "float64" } do
    for _, n in ipairs { 1, 15, 16, 17, 31, 40, 1023, 1024, 1025, 2050, 8191, 8192, 8193, 20011 } do
      local values, gradient = rs:normal(0, 1, { n }):cast(dtype), rs:normal(0, 1, { n }):cast(dtype)
      local function step(options)
        local w = values:clone()
        w.requires_grad, w.grad = true, gradient
        local optimizer = SGD(options)
        optimizer:apply { w }
        return { optimizer.last_step.norms[1], w:totable() }
      end
      for _, momentum in ipairs { 0, 0.9 } do
        local before = step { momentum = momentum, clipnorm = 1e9 }
        lu.assertEquals(before[1], gradient:cast "float64":norm():item())
        lu.assertEquals(step { momentum = momentum }, before)
        lu.assertEquals(step { momentum = momentum, clipvalue = 1e9 }, before)
      end
    end
  end
end

-- Norms at the ends of the numbers

TestLargeAndSmallNorms = {}

local function norm_after_step(values, dtype, options)
  local w = zeros(#values):cast(dtype)
  w.requires_grad = true
  w.grad = tensor(values, dtype)
  local optimizer = SGD(options)
  optimizer:apply { w }
  return optimizer.last_step, w
end

local function assert_close(a, b, rtol)
  lu.assertTrue(math.abs(a - b) <= rtol * math.abs(b), ("%.17g is not %.17g"):format(a, b))
end

function TestLargeAndSmallNorms.test_float32_gradients_whose_squares_overflow_float32()
  for _, option in ipairs { "clipnorm", "global_clipnorm" } do
    for _, size in ipairs { 1e19, 1e25, 1e38 } do
      local last, w = norm_after_step({ 3 * size, -4 * size / 2 }, "float32", { lr = 1, [option] = 1 })
      lu.assertTrue(last.norm < math.huge and last.norm > size)
      assert_close(last.norm_after, 1, 1e-6)
      assert_close(w:norm():item(), 1, 1e-6)
      lu.assertTrue(w[1] < 0 and w[2] > 0)
    end
  end
end

function TestLargeAndSmallNorms.test_float64_gradients_whose_squares_overflow_float64()
  for _, option in ipairs { "clipnorm", "global_clipnorm" } do
    for _, size in ipairs { 1e155, 1e200, 1e307 } do
      local last, w = norm_after_step({ 3 * size, -4 * size }, "float64", { lr = 1, [option] = 1 })
      assert_close(last.norm, 5 * size, 1e-15)
      assert_close(w[1], -0.6, 1e-15)
      assert_close(w[2], 0.8, 1e-15)
    end
  end
  local last = norm_after_step({ 3e200, 4e200 }, "float64", {})
  assert_close(last.norm_after, 5e200, 1e-15)
end

function TestLargeAndSmallNorms.test_several_variables_of_1e200()
  local a, b = zeros { 2, dtype = "float64" }, zeros { 1, dtype = "float64" }
  a.requires_grad, b.requires_grad = true, true
  a.grad, b.grad = tensor({ 2e200, 1e200 }, "float64"), tensor({ 2e200 }, "float64")
  local optimizer = SGD { lr = 1, global_clipnorm = 3 }
  optimizer:apply { a, b }
  assert_close(optimizer.last_step.norm, 3e200, 1e-15)
  assert_close(b[1], -2, 1e-15)
end

function TestLargeAndSmallNorms.test_tiny_gradients()
  local last, w = norm_after_step({ 3e-200, 4e-200 }, "float64", { lr = 1, clipnorm = 1e-200 })
  assert_close(last.norm, 5e-200, 1e-15)
  assert_close(w[1], -0.6e-200, 1e-15)
end

function TestLargeAndSmallNorms.test_a_nan_goes_on_to_every_weight_under_its_norm()
  for _, dtype in ipairs { "float32", "float64" } do
    local last, w = norm_after_step({ 1, 0 / 0, 2 }, dtype, { lr = 1, clipnorm = 1 })
    for i = 1, 3 do lu.assertNaN(w[i]) end
    lu.assertEquals(tostring(last.norm), "nan")
    lu.assertEquals(tostring(last.scale), "nan")
    _, w = norm_after_step({ 1, 0 / 0, 2 }, dtype, { lr = 1 })
    lu.assertEquals(w[1], -1)
    lu.assertEquals(tostring(w[2]), "nan")
    _, w = norm_after_step({ 5, 0 / 0, -7 }, dtype, { lr = 1, clipvalue = 2 })
    lu.assertEquals(w[1], -2)
    lu.assertNaN(w[2])
    lu.assertEquals(w[3], 2)
  end
end

function TestLargeAndSmallNorms.test_an_infinite_gradient_shows_itself()
  for _, dtype in ipairs { "float32", "float64" } do
    for _, option in ipairs { "clipnorm", "global_clipnorm" } do
      local last, w = norm_after_step({ 1, math.huge }, dtype, { lr = 1, [option] = 1 })
      lu.assertEquals(last.norm, math.huge)
      lu.assertNaN(w[2])
    end
    local _, w = norm_after_step({ 1, -math.huge }, dtype, { lr = 1, clipvalue = 2 })
    lu.assertEquals(w:totable(), { -1, 2 })
  end
end

function TestLargeAndSmallNorms.test_fit_survives_gradients_beyond_1e19()
  local model = Sequential { Dense { 1, input_dim = 1, kernel_initializer = "ones" } }
  model:compile { loss = "mse", optimizer = SGD { lr = 0.01, clipnorm = 1 } }
  local history = model:fit(tensor { { 1e13 } }, tensor { { -1e6 } },
                            { verbose = 0, warn_nonfinite = false })
  lu.assertTrue(history.steps.grad_norm[1] > 1e25)
  assert_close(model:get_weights()[1]:item(), 0.99, 1e-6)
end

-- Settings

TestSettings = {}

local function assert_refused(name, value, ...)
  for _, text in ipairs { ... } do
    lu.assertErrorMsgContains(text, SGD, { [name] = value })
    local optimizer = SGD()
    local before = optimizer[name]
    lu.assertErrorMsgContains(text, function() optimizer[name] = value end)
    lu.assertEquals(optimizer[name], before)
  end
end

function TestSettings.test_thresholds_that_are_no_positive_numbers_are_errors()
  for _, name in ipairs { "clipnorm", "global_clipnorm", "clipvalue" } do
    for _, value in ipairs { 0, -1, 0 / 0, "1", true } do
      assert_refused(name, value, "SGD: " .. name, "must be a positive number")
    end
    lu.assertNil(SGD { [name] = false }[name])
  end
end

function TestSettings.test_ranges_that_are_none_are_errors()
  assert_refused("clipvalue", { 1, -1 }, "lower bound", "upper bound")
  assert_refused("clipvalue", { 1 }, "clipvalue's upper bound must be a number")
  assert_refused("clipvalue", {}, "clipvalue's lower bound must be a number")
  assert_refused("clipvalue", { 0 / 0, 1 }, "clipvalue's lower bound must be a number")
  assert_refused("clipvalue", { "a", 1 }, "clipvalue's lower bound must be a number")
  for _, range in ipairs { { 1, 2, 3 }, { -1, 2, [4] = 3 }, { -1, 2, high = 3 } } do
    assert_refused("clipvalue", range, "clipvalue must be a range {low, high} of two numbers, got a table of 3")
  end
end

function TestSettings.test_rates_and_momenta_are_checked()
  for _, name in ipairs { "learning_rate", "lr" } do
    for _, value in ipairs { -1, 0 / 0, math.huge, "0.1", false, {} } do
      assert_refused(name, value, "SGD: learning_rate must be a finite number not below 0")
    end
  end
  for _, value in ipairs { -0.1, 1.1, 0 / 0, "a" } do
    assert_refused("momentum", value, "SGD: momentum must be a number from 0 to 1")
  end
  assert_refused("nesterov", 1, "SGD: nesterov must be a boolean")
  for _, value in ipairs { -1, 0 / 0, "a" } do
    assert_refused("weight_decay", value, "SGD: weight_decay must be")
  end
end

function TestSettings.test_the_two_norms_together_are_an_error()
  lu.assertErrorMsgContains("cannot be used together", SGD, { clipnorm = 1, global_clipnorm = 1 })
  local optimizer = SGD { clipnorm = 1 }
  lu.assertErrorMsgContains("cannot be used together",
    function() optimizer.global_clipnorm = 1 end)
  optimizer.clipnorm = nil
  optimizer.global_clipnorm = 2
  lu.assertErrorMsgContains("cannot be used together", function() optimizer.clipnorm = 1 end)
  lu.assertEquals(optimizer.global_clipnorm, 2)
  lu.assertNil(optimizer.clipnorm)
end

function TestSettings.test_lr_is_another_name_for_learning_rate()
  local optimizer = SGD { lr = 0.5 }
  lu.assertEquals(optimizer.learning_rate, 0.5)
  optimizer.learning_rate = 0.25
  lu.assertEquals(optimizer.lr, 0.25)
  lu.assertErrorMsgContains("only one can be given", SGD, { lr = 1, learning_rate = 1 })
end

function TestSettings.test_unknown_names_are_errors_with_the_nearest_known_one()
  lu.assertErrorMsgContains('unknown option "learing_rate", did you mean "learning_rate"?', SGD,
    { learing_rate = 1 })
  local optimizer = SGD()
  lu.assertErrorMsgContains('did you mean "clipnorm"?', function() optimizer.clip_norm = 1 end)
  lu.assertErrorMsgContains('did you mean "momentum"?', function() return optimizer.momentun end)
  lu.assertError(function() optimizer.last_step = 1 end)
  lu.assertErrorMsgContains("SGD: options must be a table", SGD, 0.1)
end

function TestSettings.test_a_value_set_later_acts_from_the_next_step()
  local w = tensor({ 0 }, { dtype = "float64", requires_grad = true })
  local optimizer = SGD { lr = 1 }
  local function step()
    w.grad = tensor({ 10 }, "float64")
    optimizer:apply { w }
    return w[1]
  end
  lu.assertEquals(step(), -10)
  optimizer.clipnorm = 1
  lu.assertEquals(step(), -11)
  optimizer.clipnorm, optimizer.clipvalue = nil, { -1, 2 }
  lu.assertEquals(step(), -13)
  lu.assertEquals(optimizer.clipvalue, { -1, 2 })
  optimizer.clipvalue = false
  optimizer.lr = 0.5
  lu.assertEquals(step(), -18)
  optimizer.weight_decay = 0.5
  lu.assertEquals(step(), -18 + 0.25 * 18 - 5)
end

function TestSettings.test_apply_says_what_it_wants()
  local optimizer = SGD()
  lu.assertErrorMsgContains("apply: argument 1 must be a model, a layer or a list of tensors",
    optimizer.apply, optimizer)
  lu.assertErrorMsgContains("apply: argument 1 must be a model, a layer or a list of tensors",
    optimizer.apply, optimizer, zeros(3))
  lu.assertErrorMsgContains("apply: a parameter must be a tensor", optimizer.apply, optimizer, { 1 })
  lu.assertErrorMsgContains("at least one trainable parameter", optimizer.apply, optimizer, {})
  lu.assertErrorMsgContains("one type", optimizer.apply, optimizer,
    { zeros(1), zeros { 1, dtype = "float64" } })
  lu.assertErrorMsgContains("an optimizer", optimizer.apply, {}, {})
end

TestVelocities = {}

local function leaves(rs, count)
  local list = {}
  for i = 1, count do
    list[i] = tensor(rs:normal(0, 1, { 2 + i }), { dtype = "float64", requires_grad = true })
  end
  return list
end

local function step_on(optimizer, list)
  local loss = list[1]:square():sum()
  for i = 2, #list do loss = loss + list[i]:square():sum() end
  loss:backward()
  optimizer:apply(list)
end

function TestVelocities.test_two_lists_in_turn_are_as_two_optimizers()
  local settings = { lr = 0.05, momentum = 0.9 }
  local shared = SGD(settings)
  local a, b = leaves(RandomState(1), 3), leaves(RandomState(2), 2)
  for _ = 1, 5 do step_on(shared, a) step_on(shared, b) end
  local own_a, own_b = leaves(RandomState(1), 3), leaves(RandomState(2), 2)
  local optimizer_a, optimizer_b = SGD(settings), SGD(settings)
  for _ = 1, 5 do step_on(optimizer_a, own_a) step_on(optimizer_b, own_b) end
  for i = 1, 3 do lu.assertTrue(a[i]:identical(own_a[i])) end
  for i = 1, 2 do lu.assertTrue(b[i]:identical(own_b[i])) end
end

-- Set aside, a parameter's velocity waits, in whatever list and order it comes back.
function TestVelocities.test_a_part_for_a_while()
  local w = leaves(RandomState(3), 3)
  local optimizer = SGD { lr = 0.1, momentum = 0.5 }
  local function give(list) for _, p in ipairs(list) do p.grad = p:detach() * 0 + 1 end end
  give(w)
  optimizer:apply(w)             -- v = -0.1 everywhere
  give { w[2] }
  optimizer:apply { w[2] }       -- v2 = -0.15
  give(w)
  local before = { w[1][1], w[2][1], w[3][1] }
  optimizer:apply { w[3], w[2], w[1] }
  lu.assertAlmostEquals(w[1][1] - before[1], -0.15, 1e-12)
  lu.assertAlmostEquals(w[2][1] - before[2], -0.175, 1e-12)
  lu.assertAlmostEquals(w[3][1] - before[3], -0.15, 1e-12)
end

function TestVelocities.test_two_models_with_one_optimizer_keep_their_momentum()
  local X, y = make_regression { n_samples = 40, n_features = 3, random_state = 1 }
  local function train(make_optimizer)
    seed(5)
    local optimizer, models = make_optimizer(), {}
    for i = 1, 2 do
      models[i] = Sequential { Dense { 4, input_dim = 3, activation = "tanh" }, Dense { 1 } }
      models[i]:compile { loss = "mse", optimizer = optimizer or SGD { momentum = 0.9 } }
    end
    for _ = 1, 3 do
      for i = 1, 2 do models[i]:fit(X, y, { verbose = 0 }) end
    end
    return models
  end
  local alternating = train(function() return SGD { momentum = 0.9 } end)
  local apart = train(function() end)
  for i = 1, 2 do
    local a, b = alternating[i]:get_weights(), apart[i]:get_weights()
    for j = 1, #a do lu.assertTrue(a[j]:identical(b[j])) end
  end
end

function TestVelocities.test_parameters_that_are_gone_are_forgotten()
  local optimizer = SGD { momentum = 0.9 }
  local function use()
    local w = zeros { 1000, dtype = "float64", requires_grad = true }
    w:sum():backward()
    optimizer:apply { w }
  end
  local function alive()
    collectgarbage()
    collectgarbage()
    return core.bytes_alive()
  end
  for _ = 1, 5 do use() end
  local before = alive()
  for _ = 1, 200 do use() collectgarbage() end
  lu.assertTrue(alive() <= before + 8 * 2000, "velocities of lost parameters stay in memory")
end
