-- Derivatives: every row of the table of operations against finite differences, and the life of
-- graphs.

local lu = require "luaunit"

local function fails(expected, f, ...)
  local succeeded, message = pcall(f, ...)
  lu.assertFalse(succeeded, "no error, expected: " .. expected)
  lu.assertStrContains(message, expected)
end

local random = RandomState(11)

local function draw(row, ...) return random:uniform(row.low, row.high, { ... }) end

local function leaf(values) return tensor(values, { dtype = "float64", requires_grad = true }) end

-- What stands for a row's name in the checks below: calls with tensors of these shapes, and the
-- arguments behind them.

local function one(...)
  local calls = {}
  for _, arguments in ipairs { ... } do
    for _, shape in ipairs { {}, { 5 }, { 3, 4 }, { 2, 3, 2 } } do
      calls[#calls + 1] = { { shape }, arguments }
    end
  end
  return calls
end

local function pairs_of_shapes()
  local calls = {}
  for _, shapes in ipairs { { {}, {} }, { { 3 }, { 3 } }, { { 2, 3 }, {} }, { {}, { 3 } },
                            { { 2, 3 }, { 3 } }, { { 3, 1 }, { 1, 4 } }, { { 2, 1, 3 }, { 4, 1 } },
                            { { 1 }, { 2, 2 } }, { { 1, 300 }, { 2, 1 } } } do
    calls[#calls + 1] = { shapes, {} }
  end
  return calls
end

local function reductions(...)
  local calls = {}
  for _, arguments in ipairs { {}, { 1 }, { -1 }, { { 1, 3 } }, { 2, true }, { nil, true }, { {} } } do
    local all = { ... }
    for i = 1, 2 do all[#{ ... } + i] = arguments[i] end
    calls[#calls + 1] = { { { 2, 3, 4 } }, all }
  end
  calls[#calls + 1] = { { {} }, { ... } }
  return calls
end

local function products()
  local calls = {}
  for _, shapes in ipairs { { { 3 }, { 3 } }, { { 3 }, { 3, 2 } }, { { 2, 3 }, { 3 } },
                            { { 2, 3 }, { 3, 4 } }, { { 2, 2, 3 }, { 3, 2 } },
                            { { 2, 3 }, { 2, 3, 2 } }, { { 2, 1, 2, 3 }, { 3, 3, 2 } },
                            { { 3 }, { 2, 3, 2 } }, { { 2, 2, 3 }, { 3 } }, { { 17, 5 }, { 5, 18 } } } do
    calls[#calls + 1] = { shapes, {} }
  end
  return calls
end

local function dense_calls()
  local calls = {}
  for _, activation in ipairs { "linear", "relu", "tanh", "sigmoid" } do
    for _, shape in ipairs { { 3 }, { 4, 3 }, { 2, 2, 3 } } do
      calls[#calls + 1] = { { shape, { 3, 5 }, { 5 } }, { activation } }
    end
  end
  return calls
end

local function losses()
  return { { { { 4 }, { 4 } }, {} }, { { { 4 }, { 4, 1 } }, {} }, { { { 3, 2 }, { 3, 2 } }, {} } }
end

local unary, binary = one {}, pairs_of_shapes()

local checks = {
  exp = unary, log = unary, sqrt = unary, abs = unary, tanh = unary, relu = unary, sigmoid = unary,
  square = unary, floor = unary, neg = unary, clone = unary,
  clip = one({ -1, 1 }, { nil, 0.5 }, { 0 }),
  add = binary, sub = binary, mul = binary, div = binary, pow = binary, floordiv = binary,
  mod = binary, maximum = binary, minimum = binary,
  sum = reductions(), mean = reductions(), max = reductions(), min = reductions(),
  var = reductions(), std = reductions(), norm = reductions(),
  quantile = reductions(0.3),
  matmul = products(), dense = dense_calls(),
  reshape = { { { { 2, 6 } }, { 3, 4 } }, { { { 2, 6 } }, { -1 } }, { { { 1 } }, { {} } } },
  transpose = { { { { 2, 3 } }, {} }, { { { 2, 3, 4 } }, { 3, 1, 2 } }, { { { 3 } }, {} } },
  cast = { { { { 2, 3 } }, { "float64" } } },
  mean_squared_error = losses(), mean_absolute_error = losses(),
}

-- Those that do not fit the scheme: f, and the shapes of its inputs.
local special = {
  take = { { function(x) return x:take { 3, 1, 3 } end, { 3, 2 } },
           { function(x) return x:take {} + x:sum() end, { 3 } } },
  slice = { { function(x) return x[2] end, { 3, 2 } },
            { function(x) return x[{ { 3, 1, -2 }, 2 }] end, { 3, 2 } },
            { function(x) return x[{ {}, { 2, 2 } }] * x[{ {}, { 1, 1 } }] end, { 3, 2 } },
            { function(x) return x[{ { 2, 1 } }]:sum() + x:sum() end, { 3 } } },
}

-- How an input reaches the operation: as it is, or as a view that is not contiguous. Each entry
-- gives the shape of what is drawn and makes the input of it.
local function widened(shape)
  local wide = {}
  for axis, n in ipairs(shape) do wide[axis] = 2 * n end
  return wide
end

local function every(x, entry)
  local key = {}
  for axis, n in ipairs(x.shape) do key[axis] = entry(n) end
  return x.rank == 0 and x or x[key]
end

local function reversed(shape)
  local other = {}
  for axis, n in ipairs(shape) do other[#shape + 1 - axis] = n end
  return other
end

local layouts = {
  { "contiguous", function(shape) return shape end, function(x) return x end },
  { "spread", widened, function(x) return every(x, function(n) return { 2, n, 2 } end) end },
  { "backwards", function(shape) return shape end,
    function(x) return every(x, function(n) return { n, 1, -1 } end) end },
  { "transposed", reversed, function(x) return x.T end },
}

local function check_call(row, call, layout)
  local shapes, arguments = call[1], call[2]
  local name, shape_of, make = table.unpack(layout)
  local inputs = {}
  for i, shape in ipairs(shapes) do inputs[i] = draw(row, table.unpack(shape_of(shape))) end
  local function f(...)
    local made = {}
    for i, x in ipairs { ... } do made[i] = make(x) end
    table.move(arguments, 1, 3, #made + 1, made)
    return core.methods[row.name](table.unpack(made, 1, #shapes + 3))
  end
  local succeeded, message = pcall(gradcheck, f, inputs)
  lu.assertTrue(succeeded, ("%s, %s: %s"):format(row.name, name, message))
end

TestEveryOperation = {}

for _, row in ipairs(core.list_operations()) do
  if row.differentiable then
    TestEveryOperation["test_" .. row.name .. "_has_the_gradient_of_finite_differences"] = function()
      local calls = checks[row.name]
      lu.assertTrue(calls ~= nil or special[row.name] ~= nil, "no gradient check for " .. row.name)
      for _, call in ipairs(calls or {}) do
        for _, layout in ipairs(layouts) do check_call(row, call, layout) end
      end
      for _, case in ipairs(special[row.name] or {}) do
        lu.assertTrue(gradcheck(case[1], { draw(row, table.unpack(case[2])) }))
      end
    end
  end
end

function TestEveryOperation.test_comparisons_and_places_carry_no_gradient()
  local w = leaf { 1, 2 }
  for _, row in ipairs(core.list_operations()) do
    if not row.differentiable then
      lu.assertFalse(w[row.name](w, row.arity == 2 and w or nil).requires_grad, row.name)
    end
  end
end

-- Where a result is NaN, so are the gradients of all that it was made of, and of nothing else.
function TestEveryOperation.test_a_nan_reaches_the_gradients_of_order_statistics()
  for _, f in ipairs { function(x) return x:max(2) end, function(x) return x:min(2) end,
                       function(x) return x:quantile(0.3, 2) end, function(x) return x:quantile(1, 2) end } do
    local x = leaf { { 1, 0 / 0, 3 }, { 4, 6, 5 } }
    f(x):sum():backward()
    for j = 1, 3 do
      lu.assertNaN(x.grad[{ 1, j }])
      lu.assertNotNaN(x.grad[{ 2, j }])
    end
  end
end

TestGradcheck = {}

function TestGradcheck.test_a_wrong_gradient_is_found()
  fails("gradcheck: input 1, element 1: backward gives", gradcheck,
        function(x) return x * x:detach() end, { tensor { 1.5, 2 } })
  fails("input 2, element 2", gradcheck,
        function(a, b) return a * 2 + (b * tensor({ 1, 1 + 1e-4 }, "float64")):detach() * 1
          + b - b:detach() end, { tensor { 1, 2 }, tensor { 3, 4 } })
  fails("element 2: backward gives 1, finite differences give 2", gradcheck,
        function(x) return x:sum() + x[2] end, { tensor { 1, 2 } })  -- an element read is a number
end

function TestGradcheck.test_a_wrong_sign_on_one_element_is_found()
  fails("element 3", gradcheck, function(x)
    local wrong = x * tensor({ 1, 1, -1 }, "float64")
    return wrong + (x - wrong):detach()
  end, { tensor { 1, 2, 3 } })
end

function TestGradcheck.test_errors_that_cancel_in_a_plain_sum_are_found()
  fails("backward gives", gradcheck, function(x)
    local swapped = x:take { 2, 1 }
    return swapped + (x - swapped):detach()
  end, { tensor { 1, 2 } })
end

function TestGradcheck.test_an_input_that_is_not_used_has_gradient_0()
  lu.assertTrue(gradcheck(function(a, _) return a:exp() end, { ones(2), ones(3) }))
end

function TestGradcheck.test_inputs_are_left_alone()
  local x = tensor({ 1, 2 })
  gradcheck(function(a) return a:exp() end, { x })
  lu.assertTrue(x:identical(tensor { 1, 2 }))
  lu.assertNil(x.grad)
end

function TestGradcheck.test_a_result_without_a_gradient_is_an_error()
  fails("gradcheck: ", gradcheck, function(x) return x:gt(0) end, { ones(2) })
  fails("gradcheck: the function's result must be a tensor", gradcheck, function() return 3 end,
        { ones(2) })
end

TestCorners = {}

local function gradient(f, values)
  local x = leaf(values)
  f(x):sum():backward()
  return x.grad:totable()
end

function TestCorners.test_kinks_take_the_derivative_that_help_tells()
  lu.assertEquals(gradient(function(x) return x:abs() end, { -1, 0, 2 }), { -1, 0, 1 })
  lu.assertEquals(gradient(function(x) return x:relu() end, { -1, 0, 2 }), { 0, 0, 1 })
  lu.assertEquals(gradient(function(x) return x:clip(0, 1) end, { -1, 0, 0.5, 1, 2 }), { 0, 1, 1, 1, 0 })
  lu.assertEquals(gradient(function(x) return x:maximum(1) end, { 0, 1, 2 }), { 0, 0.5, 1 })
  lu.assertEquals(gradient(function(x) return x:minimum(1) end, { 0, 1, 2 }), { 1, 0.5, 0 })
  lu.assertEquals(gradient(function(x) return x:max() end, { 3, 1, 3 }), { 0.5, 0, 0.5 })
  lu.assertEquals(gradient(function(x) return x:min() end, { 3, 1, 3 }), { 0, 1, 0 })
  lu.assertEquals(gradient(function(x) return x:norm() end, { 0, 0 }), { 0, 0 })
  lu.assertEquals(gradient(function(x) return x:std() end, { 2, 2 }), { 0, 0 })
  lu.assertEquals(gradient(function(x) return x:floor() end, { 0.5, 1 }), { 0, 0 })
end

function TestCorners.test_gradients_of_empty_tensors_are_empty_or_0()
  local x, y = leaf {}, leaf { 1 };
  (x * y):sum():backward()
  lu.assertEquals(x.grad.shape, { 0 })
  lu.assertEquals(y.grad:totable(), { 0 })
  local wide = ones(1, 300, 1, { requires_grad = true });
  (wide + zeros(200, 300, 0)):sum():backward()
  lu.assertTrue(wide.grad:identical(zeros(1, 300, 1)))
  local a, b = ones(2, 0, { requires_grad = true }), ones(0, 3, { requires_grad = true })
  a:matmul(b):sum():backward()
  lu.assertEquals(a.grad.shape, { 2, 0 })
  lu.assertEquals(b.grad.shape, { 0, 3 })
  local rows = ones(3, 4, { requires_grad = true })
  zeros(0, 3):matmul(rows):sum():backward()
  lu.assertTrue(rows.grad:identical(zeros(3, 4)))
end

function TestCorners.test_the_gradient_has_the_leafs_type()
  local single = tensor({ 1, 2 }, { dtype = "float32", requires_grad = true })
  local double = leaf { 3, 4 };
  (single * double):sum():backward()
  lu.assertEquals(single.grad.dtype, "float32")
  lu.assertEquals(single.grad:totable(), { 3, 4 })
  lu.assertEquals(double.grad:totable(), { 1, 2 })
end

function TestCorners.test_a_rank_0_leaf_collects_from_all_elements()
  local scale = leaf(2);
  (scale * range(4)):sum():backward()
  lu.assertEquals(scale.grad:item(), 10)
end

TestGraphs = {}

function TestGraphs.test_a_second_backward_is_an_error()
  local w = leaf { 1, 2 }
  local loss = w:square():sum()
  loss:backward()
  fails("an earlier backward has freed this graph: compute the loss again",
        function() loss:backward() end)
end

function TestGraphs.test_a_graph_of_which_a_part_was_freed_is_an_error()
  local w = leaf { 1, 2 }
  local shared = w:square()
  local first, second = shared:sum(), shared:exp():sum()
  first:backward()
  fails("an earlier backward has freed a part of this graph", function() second:backward() end)
  fails("an earlier backward has freed a part of this graph", function() shared:sum():backward() end)
end

function TestGraphs.test_gradients_are_replaced_and_not_added()
  local w = leaf { 1, 2 }
  for _ = 1, 2 do w:square():sum():backward() end
  lu.assertEquals(w.grad:totable(), { 2, 4 })
end

function TestGraphs.test_a_gradient_read_before_stays_what_it_was()
  local w = leaf { 1, 2 }
  w:sum():backward()
  local before = w.grad
  w:square():sum():backward()
  lu.assertEquals(before:totable(), { 1, 1 })
end

function TestGraphs.test_uses_of_one_tensor_add_up()
  local x = leaf { 3 };
  (x * x):backward()
  lu.assertEquals(x.grad:item(), 6)
  local y = x + x;
  (y * y + y * x):backward()  -- 4 x^2 + 2 x^2
  lu.assertEquals(x.grad:item(), 36)
  local sum = x
  for _ = 1, 99 do sum = sum + x end
  sum:backward()
  lu.assertEquals(x.grad:item(), 100)
  x:dense(x:reshape(1, 1), x):backward()  -- x^2 + x
  lu.assertEquals(x.grad:item(), 7)
end

-- A layer of any size, whose bias gradient may be summed while the kernel's is computed, beside the
-- three steps that it is made of.
local function check_dense(rows, inputs, units, activation, dtype)
  local function leaf_of(seed, ...)
    return tensor(RandomState(seed):randn(...):cast(dtype), { requires_grad = true })
  end
  local x, kernel, bias = leaf_of(1, rows, inputs), leaf_of(2, inputs, units), leaf_of(3, units)
  local slopes = leaf_of(4, rows, units):detach()
  local function gradients(y)
    (y * slopes):sum():backward()
    return { x.grad, kernel.grad, bias.grad }
  end
  local sums = x:matmul(kernel) + bias
  local expected = gradients(sums[activation](sums))
  for i, found in ipairs(gradients(x:dense(kernel, bias, activation))) do
    lu.assertTrue(found:identical(expected[i]), ("gradient %d of %d to %d units"):format(i, inputs, units))
  end
end

function TestGraphs.test_a_dense_layer_has_the_gradients_of_its_steps()
  for _, dtype in ipairs { "float32", "float64" } do
    check_dense(32, 20, 25, "relu", dtype)
    check_dense(150, 70, 90, "tanh", dtype)
    check_dense(400, 40, 97, "sigmoid", dtype)
    check_dense(40, 450, 130, "relu", dtype)
  end
end

function TestGraphs.test_many_paths_cost_one_visit_each()
  local x = leaf(1)
  local y = x
  for _ = 1, 60 do y = (y + y) * 0.5 end  -- 2^60 paths
  y:backward()
  lu.assertEquals(x.grad:item(), 1)
end

function TestGraphs.test_a_leaf_is_its_own_graph()
  local x = leaf(3)
  x:backward()
  x:backward()
  lu.assertEquals(x.grad:item(), 1)
end

function TestGraphs.test_views_carry_gradients_to_their_base()
  local w = leaf { { 1, 2 }, { 3, 4 } };
  (w.T[1] * w:reshape(4)[{ { 3, 4 } }] + w:rows(2, 2)):sum():backward()  -- a c + c d + c + d
  lu.assertEquals(w.grad:totable(), { { 3, 0 }, { 1 + 4 + 1, 3 + 1 } })
end

function TestGraphs.test_no_grad_records_nothing()
  local w = leaf { 1, 2 }
  local y = no_grad(function(a) return a * 2 end, w)
  lu.assertFalse(y.requires_grad)
  local a, b = no_grad(function(...) return ... end, 1, nil, 3)
  lu.assertEquals({ a, b }, { 1, nil })
  fails("no tensor that requires a gradient leads to this loss", function() y:sum():backward() end)
end

function TestGraphs.test_no_grad_waits_while_others_run()
  local w = leaf { 1, 2 }
  local thread = coroutine.create(function(...)
    return no_grad(function(a)
      local b = coroutine.yield(a, (w * a).requires_grad)
      local c, d = coroutine.yield(b, (w * b).requires_grad)
      return c, d, (w * 2).requires_grad
    end, ...)
  end)
  lu.assertEquals({ coroutine.resume(thread, 1) }, { true, 1, false })
  lu.assertTrue((w * 2).requires_grad)
  no_grad(function() lu.assertEquals({ coroutine.resume(thread, 2) }, { true, 2, false }) end)
  lu.assertTrue((w * 2).requires_grad)
  lu.assertEquals({ coroutine.resume(thread, 3, nil) }, { true, 3, nil, false })
  lu.assertTrue((w * 2).requires_grad)
  lu.assertEquals(coroutine.status(thread), "dead")
end

function TestGraphs.test_no_grad_in_a_coroutine_ends_with_an_error_too()
  local w = leaf { 1, 2 }
  local f = coroutine.wrap(function()
    no_grad(function() coroutine.yield() error("stopped", 0) end)
  end)
  f()
  fails("stopped", f)
  lu.assertTrue((w * 2).requires_grad)
end

function TestGraphs.test_a_generator_within_no_grad_goes_through_many_yields()
  local count = 0
  for i in coroutine.wrap(function()
    no_grad(function() for i = 1, 20000 do coroutine.yield(i) end end)
  end) do count = count + i end
  lu.assertEquals(count, 20000 * 20001 // 2)
end

function TestGraphs.test_no_grad_calls_what_can_be_called()
  local layer = Dense { 2 }
  lu.assertFalse(no_grad(layer, ones(1, 3)).requires_grad)
end

function TestGraphs.test_no_grad_ends_with_an_error_too()
  local w = leaf { 1, 2 }
  fails("stopped", no_grad, function() error "stopped" end)
  lu.assertTrue((w * 2).requires_grad)
  no_grad(function() pcall(no_grad, error, "inner"); lu.assertFalse((w * 2).requires_grad) end)
end

function TestGraphs.test_a_loss_has_one_element()
  local w = leaf { 1, 2 }
  fails("backward: a loss must have one element, got a tensor of shape [2]",
        function() w:backward() end)
  fails("no tensor that requires a gradient leads to this loss", function() ones(1):backward() end)
  w[{ { 1, 1 } }]:backward()  -- of any rank
  lu.assertEquals(w.grad:totable(), { 1, 0 })
end

-- Memory

local function alive()
  collectgarbage()
  collectgarbage()
  return core.bytes_alive()
end

function TestGraphs.test_a_graph_dies_with_its_last_tensor()
  local w = leaf { 1, 2 }
  local before = alive()
  do
    local y = w
    for _ = 1, 50 do y = (y * 1.01):tanh() + zeros(100, 2) end
    lu.assertTrue(alive() - before > 50 * 100 * 2 * 8)
  end
  lu.assertEquals(alive(), before)
end

function TestGraphs.test_backward_frees_the_graph_though_the_loss_lives_on()
  local w = leaf { 1, 2 }
  local before = alive()
  local y = w
  for _ = 1, 50 do y = y * zeros(100, 2) end
  y = y:sum()
  y:backward()
  lu.assertEquals(alive() - before, 8 + 16)  -- the loss and w.grad
end

function TestGraphs.test_an_error_in_the_middle_leaks_nothing()
  local w = leaf { 1, 2 }
  local before = alive()
  for _ = 1, 20 do
    pcall(function() return (w * zeros(1000, 2)):matmul(ones(3)) end)
    pcall(function() local y = w:exp(); y:detach():fill(1); y:sum():backward() end)
    pcall(function() return (w * zeros(1000, 2)):backward() end)
    pcall(tensor, { { 1, 2 }, { 3 } })
    pcall(function() return ones(3):take { 1, 2, 4 } end)
  end
  lu.assertEquals(alive(), before)
end

function TestGraphs.test_a_long_chain_is_differentiated_and_freed_without_recursion()
  local w = leaf(1)
  local before = alive()
  local y = w
  for _ = 1, 200000 do y = y + 1 end
  y:backward()
  lu.assertEquals(w.grad:item(), 1)
  y = w
  for _ = 1, 200000 do y = -y end
  lu.assertTrue(alive() - before > 200000 * 8)
  y = w
  lu.assertEquals(alive() - before, 8)  -- w.grad
  lu.assertTrue(rawequal(y, w))
end

-- The collector is told of graphs: their numbers may be few, their nodes are not small.
function TestGraphs.test_a_loop_of_small_graphs_runs_in_bounded_memory()
  local function resident()
    for line in io.lines "/proc/self/status" do
      local kilobytes = line:match "^VmRSS:%s*(%d+)"
      if kilobytes then return tonumber(kilobytes) end
    end
  end
  local w = leaf(1)
  collectgarbage()
  local before = resident()
  for _ = 1, 100000 do local _ = (w * 2 + 1):exp() end
  lu.assertTrue(resident() - before < 20000, ("grew by %d KB"):format(resident() - before))
end

TestNan = {}

function TestNan.test_it_reaches_the_gradient_of_an_extreme()
  for _, name in ipairs { "max", "min" } do
    local x = tensor({ 0 / 0, 1, -2 }, { requires_grad = true })
    x[name](x):backward()
    for i = 1, 3 do lu.assertTrue(x.grad[i] ~= x.grad[i]) end
  end
end
