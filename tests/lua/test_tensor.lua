-- Tensors as a script sees them: making them, their shapes and types, reading, slicing, assigning,
-- comparing, and what a graph makes of writes.

local lu = require "luaunit"

local nan, inf = 0 / 0, math.huge

local function fails(expected, f, ...)
  local succeeded, message = pcall(f, ...)
  lu.assertFalse(succeeded, "no error, expected: " .. expected)
  lu.assertStrContains(message, expected)
end

TestMaking = {}

function TestMaking.test_nested_tables_give_shape_and_numbers()
  local x = tensor { { 1, 2, 3 }, { 4, 5, 6 } }
  lu.assertEquals(x.shape, { 2, 3 })
  lu.assertEquals(x.rank, 2)
  lu.assertEquals(x.size, 6)
  lu.assertEquals(x:totable(), { { 1, 2, 3 }, { 4, 5, 6 } })
  lu.assertEquals(tensor({}).shape, { 0 })
  lu.assertEquals(tensor({ {}, {} }).shape, { 2, 0 })
  lu.assertEquals(tensor({ { { 7 } } }).shape, { 1, 1, 1 })
end

function TestMaking.test_a_shape_is_a_list_that_prints_and_compares()
  local x = zeros(2, 3)
  lu.assertEquals(tostring(x.shape), "[2, 3]")
  lu.assertEquals(tostring(tensor(5).shape), "[]")
  lu.assertTrue(x.shape == ones(2, 3).shape)
  lu.assertTrue(x.shape == { 2, 3 })
  lu.assertFalse(x.shape == ones(3, 2).shape)
  lu.assertFalse(x.shape == ones(2).shape)
  lu.assertFalse(x.shape == { 2, 3, 1 })
  lu.assertFalse(x.shape == 2)
  local changed = x.shape
  changed[1] = "batch"
  lu.assertEquals(tostring(changed), "[batch, 3]")
  lu.assertEquals(x.shape, { 2, 3 })
end

function TestMaking.test_a_number_gives_rank_0()
  local x = tensor(2.5)
  lu.assertEquals(x.shape, {})
  lu.assertEquals(x.size, 1)
  lu.assertEquals(x:item(), 2.5)
  lu.assertEquals(x:totable(), 2.5)
end

function TestMaking.test_numbers_in_tables_may_be_tensors_of_rank_0()
  lu.assertEquals(tensor({ tensor(1), 2, range(3):sum() }):totable(), { 1, 2, 6 })
end

function TestMaking.test_a_tensor_is_copied()
  local x = tensor({ 1, 2 }, "float64")
  local y = tensor(x)
  y[1] = 9
  lu.assertEquals(x:totable(), { 1, 2 })
  lu.assertEquals(y.dtype, "float64")
  lu.assertEquals(tensor(x, "float32").dtype, "float32")
end

function TestMaking.test_zeros_ones_and_full()
  for _, x in ipairs { zeros(2, 3), zeros { 2, 3 }, zeros { 2, 3, dtype = "float32" } } do
    lu.assertTrue(x:identical(tensor { { 0, 0, 0 }, { 0, 0, 0 } }))
  end
  lu.assertEquals(ones(2):totable(), { 1, 1 })
  lu.assertEquals(ones(2, "float64").dtype, "float64")
  lu.assertEquals(ones(2, 2, { dtype = "float64" }).dtype, "float64")
  lu.assertEquals(full({ 2, 2 }, 7):totable(), { { 7, 7 }, { 7, 7 } })
  lu.assertEquals(full({}, 7):item(), 7)
  lu.assertEquals(full({ 2 }, tensor(3)):totable(), { 3, 3 })
  lu.assertEquals(zeros({}).rank, 0)
  lu.assertTrue(ones { 2, requires_grad = true }.requires_grad)
  lu.assertEquals(zeros(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1).rank, 16)
end

function TestMaking.test_range_counts_as_luas_for()
  lu.assertEquals(range(4):totable(), { 1, 2, 3, 4 })
  lu.assertEquals(range(2, 5):totable(), { 2, 3, 4, 5 })
  lu.assertEquals(range(5, 1, -2):totable(), { 5, 3, 1 })
  lu.assertEquals(range(0, 1, 0.25):totable(), { 0, 0.25, 0.5, 0.75, 1 })
  lu.assertEquals(range(0).shape, { 0 })
  lu.assertEquals(range(3, 1).shape, { 0 })
  lu.assertEquals(range(2 ^ 53 - 1, 2 ^ 53)[2], 2.0 ^ 53)
  lu.assertEquals(range(3).dtype, "float64")
end

function TestMaking.test_numbers_beyond_float32_become_infinite()
  lu.assertEquals(tensor({ 1e300, -1e300, 1e-300 }):totable(), { inf, -inf, 0 })
end

TestTypes = {}

function TestTypes.tearDown() set_floatx "float32" end

function TestTypes.test_float32_with_float64_gives_float64()
  local single, double = ones(2), ones(2, "float64")
  lu.assertEquals((single + single).dtype, "float32")
  lu.assertEquals((single + double).dtype, "float64")
  lu.assertEquals((double * single).dtype, "float64")
end

function TestTypes.test_numbers_and_rank_0_take_the_other_operands_type()
  local single, double = ones(2), ones(2, "float64")
  lu.assertEquals((single + 0.1).dtype, "float32")
  lu.assertEquals((0.1 + double).dtype, "float64")
  lu.assertEquals((single + tensor(0.1, "float64")).dtype, "float32")
  lu.assertEquals((double + tensor(0.1, "float32")).dtype, "float64")
  lu.assertEquals((tensor(1, "float64") + tensor(1)).dtype, "float64")
  lu.assertEquals((tensor(1) + 0.1).dtype, "float32")
end

function TestTypes.test_masks_have_their_operands_type()
  lu.assertEquals(ones(2):gt(0).dtype, "float32")
  lu.assertEquals(ones(2, "float64"):gt(0).dtype, "float64")
end

function TestTypes.test_set_floatx_changes_what_is_made_from_then_on()
  local before = tensor { 1 }
  set_floatx "float64"
  lu.assertEquals(floatx(), "float64")
  for _, x in ipairs { tensor { 1 }, tensor(1), zeros(2), ones(2), full({ 2 }, 1) } do
    lu.assertEquals(x.dtype, "float64")
  end
  lu.assertEquals(before.dtype, "float32")
  lu.assertEquals(tensor(before).dtype, "float32")
  lu.assertEquals(ones(2, "float32").dtype, "float32")
end

TestReading = {}

local x = range(24):reshape(2, 3, 4)

function TestReading.test_a_full_key_gives_a_number()
  lu.assertEquals(math.type(x[{ 2, 3, 4 }]), "float")
  lu.assertEquals(x[{ 1, 2, 3 }], 7)
  lu.assertEquals(x[1][2][3], 7)
  lu.assertEquals(range(3)[2], 2)
end

function TestReading.test_what_was_nan_in_any_way_reads_as_nan()
  for _, number in ipairs { nan, -nan } do
    lu.assertEquals(tostring(tensor({ number })[1]), "nan")
    lu.assertEquals(tostring(tensor(number):item()), "nan")
    lu.assertEquals(tostring((tensor({ inf }) - inf):totable()[1]), "nan")
  end
end

function TestReading.test_ipairs_walks_the_first_axis()
  local seen = {}
  for i, value in ipairs(range(3)) do seen[i] = value end
  lu.assertEquals(seen, { 1, 2, 3 })
  local rows = 0
  for i, row in ipairs(x) do
    rows = rows + 1
    lu.assertTrue(row:identical(x[i]))
  end
  lu.assertEquals(rows, 2)
  for _ in ipairs(zeros(0)) do lu.fail "an empty tensor has no elements" end
end

function TestReading.test_length_is_the_first_dimension()
  lu.assertEquals(#x, 2)
  lu.assertEquals(#zeros(0, 5), 0)
  lu.assertNil(x[#x + 1])
end

function TestReading.test_rows_cols_and_T()
  local m = range(6):reshape(2, 3)
  lu.assertEquals(m:rows(2, 2):totable(), { { 4, 5, 6 } })
  lu.assertEquals(m:cols(2, 3):totable(), { { 2, 3 }, { 5, 6 } })
  lu.assertEquals(m:rows(2, 1).shape, { 0, 3 })
  lu.assertEquals(m.T:totable(), { { 1, 4 }, { 2, 5 }, { 3, 6 } })
  lu.assertEquals(x:rows(1, 2).shape, { 2, 3, 4 })
  lu.assertEquals(range(3):rows(2, 3):totable(), { 2, 3 })
end

function TestReading.test_slices_of_slices_go_on_where_the_first_ended()
  local part = x[{ {}, { 3, 1, -1 }, { 1, 4, 3 } }]
  lu.assertEquals(part:totable(), { { { 9, 12 }, { 5, 8 }, { 1, 4 } }, { { 21, 24 }, { 17, 20 }, { 13, 16 } } })
  lu.assertEquals(part[{ 2, { 3, 1, -2 } }]:totable(), { { 13, 16 }, { 21, 24 } })
  lu.assertEquals(part.T[{ 2, 1, 2 }], 24)
end

function TestReading.test_steps_beyond_the_axis_reach_one_element()
  for _, step in ipairs { 100, math.maxinteger } do
    lu.assertEquals(range(5)[{ { 2, 5, step } }]:totable(), { 2 })
    lu.assertEquals((x[{ { 1, 2, step } }] + 1).shape, { 1, 3, 4 })
  end
  lu.assertEquals(range(5)[{ { 4, 1, math.mininteger } }]:totable(), { 4 })
end

function TestReading.test_totable_gives_what_tensor_takes()
  for _, t in ipairs { x, x.T, zeros(0), zeros(2, 0), tensor(3), x[{ {}, 2 }] } do
    if t.size > 0 then lu.assertTrue(tensor(t:totable(), t.dtype):identical(t:clone())) end
  end
  lu.assertEquals(zeros(2, 0):totable(), { {}, {} })
  lu.assertEquals(zeros(0):totable(), {})
end

function TestReading.test_item_reads_any_tensor_of_one_element()
  lu.assertEquals(tensor({ { { 4 } } }):item(), 4)
  lu.assertEquals(range(5)[{ { 3, 3 } }]:item(), 3)
  fails("its shape is [2]", function() return zeros(2):item() end)
  fails("its shape is [0]", function() return zeros(0):item() end)
end

TestWriting = {}

function TestWriting:setUp() self.x = zeros(2, 3) end

function TestWriting:test_elements_rows_and_parts()
  local t = self.x
  t[{ 1, 2 }] = 5
  t[2] = { 7, 8, 9 }
  lu.assertEquals(t:totable(), { { 0, 5, 0 }, { 7, 8, 9 } })
  t[{ {}, 1 }] = -1
  lu.assertEquals(t:totable(), { { -1, 5, 0 }, { -1, 8, 9 } })
  t[{ {}, { 2, 3 } }] = tensor { { 1 }, { 2 } }
  lu.assertEquals(t:totable(), { { -1, 1, 1 }, { -1, 2, 2 } })
  t[1] = tensor(3)
  t[{ 2, 2 }] = tensor(4)
  lu.assertEquals(t:totable(), { { 3, 3, 3 }, { -1, 4, 2 } })
end

function TestWriting:test_views_write_through()
  local t = self.x
  t[2][3] = 1
  t.T[1][1] = 2
  t:reshape(6)[2] = 3
  t:rows(2, 2):fill(9)
  t:detach()[1][3] = 4
  lu.assertEquals(t:totable(), { { 2, 3, 4 }, { 9, 9, 9 } })
end

function TestWriting:test_copies_do_not()
  local t = self.x
  t:clone()[1] = 5
  t:cast("float32")[1] = 5
  t:take({ 1 })[1] = 5
  t.T:reshape(6)[1] = 5
  lu.assertTrue(t:identical(zeros(2, 3)))
end

function TestWriting.test_a_part_may_be_written_onto_another_of_the_same_memory()
  local t = range(6)
  t[{ { 2, 6 } }] = t[{ { 1, 5 } }]
  lu.assertEquals(t:totable(), { 1, 1, 2, 3, 4, 5 })
  t[{ { 1, 6 } }] = t[{ { 6, 1, -1 } }]
  lu.assertEquals(t:totable(), { 5, 4, 3, 2, 1, 1 })
  local m = range(4):reshape(2, 2)
  m[{}] = m.T
  lu.assertEquals(m:totable(), { { 1, 3 }, { 2, 4 } })
end

function TestWriting:test_fill_takes_numbers_tensors_and_tables_and_returns_the_tensor()
  lu.assertEquals(self.x:fill(3):totable(), { { 3, 3, 3 }, { 3, 3, 3 } })
  lu.assertEquals(self.x:fill({ 1, 2, 3 }):totable(), { { 1, 2, 3 }, { 1, 2, 3 } })
  lu.assertEquals(self.x:fill(tensor { { 5 }, { 6 } }):totable(), { { 5, 5, 5 }, { 6, 6, 6 } })
  lu.assertEquals(zeros(0):fill(1).shape, { 0 })
end

function TestWriting.test_fill_reaches_each_of_many_elements_and_no_other()
  for _, n in ipairs { 511, 512, 513, 1025, 5000 } do
    for _, dtype in ipairs { "float32", "float64" } do
      local y = zeros(n + 2, dtype)
      y:rows(2, n + 1):fill(0.1)
      lu.assertEquals(y:rows(2, n + 1):ne(tensor(0.1, dtype)):sum():item(), 0)
      lu.assertEquals({ y[1], y[n + 2] }, { 0, 0 })
    end
  end
end

function TestWriting:test_the_written_tensors_type_stays()
  self.x[1] = tensor({ 0.1, 0.2, 1e300 }, "float64")
  lu.assertEquals(self.x.dtype, "float32")
  lu.assertTrue(self.x[1]:identical(tensor { 0.1, 0.2, inf }))
end

function TestWriting:test_what_does_not_fit_is_an_error_and_changes_nothing()
  fails("a value of shape [2] does not fit a part of shape [3]", function() self.x[1] = { 1, 2 } end)
  fails("a value of shape [2, 3] does not fit a part of shape [3]", function() self.x[1] = self.x end)
  fails("does not fit a part of shape [1, 3]", function() self.x:rows(1, 1)[{}] = ones(2, 3) end)
  fails("got the string", function() self.x[1] = "one" end)
  fails("got nothing", function() self.x[1] = nil end)
  lu.assertTrue(self.x:identical(zeros(2, 3)))
end

TestComparing = {}

function TestComparing.test_equal_means_type_shape_and_numbers()
  lu.assertTrue(tensor { 1, nan } == tensor { 1, nan })
  lu.assertTrue(tensor { 0.0 } == tensor { -0.0 })
  lu.assertTrue(range(6):reshape(2, 3).T == tensor({ { 1, 4 }, { 2, 5 }, { 3, 6 } }, "float64"))
  lu.assertFalse(tensor { 1 } == tensor({ 1 }, "float64"))
  lu.assertFalse(tensor { 1, 2 } == tensor { 1, 3 })
  lu.assertFalse(tensor { 1, 2 } == tensor { { 1, 2 } })
  lu.assertTrue(zeros(0, 2) == zeros(0, 2))
  lu.assertFalse(zeros(0, 2) == zeros(0, 3))
  lu.assertFalse(tensor(0) == 0)
  lu.assertFalse(tensor { 1 } == io.stdout)
end

function TestComparing.test_identical_means_to_the_bit()
  lu.assertTrue(tensor { 1, nan }:identical(tensor { 1, -nan }))
  lu.assertFalse(tensor { 0.0 }:identical(tensor { -0.0 }))
  lu.assertFalse(tensor({ 1 }, "float64"):identical(tensor({ 1 + 2 ^ -52 }, "float64")))
  lu.assertFalse(tensor { 1 }:identical(tensor({ 1 }, "float64")))
end

function TestComparing.test_one_element_orders_as_its_number()
  lu.assertTrue(tensor(1) < 2)
  lu.assertTrue(1 < tensor(2))
  lu.assertTrue(tensor { 1 } <= tensor(1))
  lu.assertTrue(tensor(3) >= 3)
  lu.assertFalse(tensor(nan) < 1)
  lu.assertFalse(tensor(nan) >= 1)
end

function TestComparing.test_more_elements_do_not()
  fails("compares single numbers, got a tensor of shape [2]; a:lt(b) and a:gt(b) compare each element",
        function() return zeros(2) < 1 end)
  fails("a:le(b) and a:ge(b) compare each element", function() return 1 >= zeros(2) end)
  fails("an operand must be a number, got the string", function() return tensor(1) < "2" end)
end

TestGradientFields = {}

function TestGradientFields.test_requires_grad_is_a_leafs_choice()
  local w = tensor { 1, 2 }
  lu.assertFalse(w.requires_grad)
  w.requires_grad = true
  lu.assertTrue(w.requires_grad)
  lu.assertTrue((w * 2).requires_grad)
  lu.assertFalse((w * 2):detach().requires_grad)
  lu.assertFalse(w:gt(0).requires_grad)
  lu.assertTrue(tensor({ 1 }, { requires_grad = true }).requires_grad)
  fails("follows from the operation that made this tensor",
        function() (w * 2).requires_grad = false end)
  fails("requires_grad must be a boolean", function() w.requires_grad = 1 end)
end

function TestGradientFields.test_writing_into_a_tensor_that_wants_a_gradient_is_an_error()
  local w = tensor({ { 1, 2 } }, { requires_grad = true })
  for _, write in ipairs {
    function() w[1] = 3 end, function() w[{ 1, 1 }] = 3 end, function() w:fill(3) end,
    function() w[1][1] = 3 end, function() w.T:fill(3) end, function() (w * 2):fill(3) end,
  } do
    fails("writing into a tensor that wants a gradient is an error outside no_grad", write)
  end
  no_grad(function() w[1] = { 5, 6 } end)
  w:detach()[{ 1, 2 }] = 7
  lu.assertEquals(w:totable(), { { 5, 7 } })
end

function TestGradientFields.test_grad_is_read_set_and_cleared()
  local w = tensor({ 1, 2 }, { requires_grad = true })
  lu.assertNil(w.grad)
  w:sum():backward()
  lu.assertEquals(w.grad:totable(), { 1, 1 })
  w.grad = tensor { 3, 4 }
  lu.assertEquals(w.grad:totable(), { 3, 4 })
  w.grad = nil
  lu.assertNil(w.grad)
  fails("grad must be like the tensor", function() w.grad = zeros(3) end)
  fails("grad must be like the tensor", function() w.grad = zeros(2, "float64") end)
  fails("grad must be a tensor, got the number 1", function() w.grad = 1 end)
end

-- Backward must not use numbers that are no longer those of the forward pass.
TestVersions = {}

local function backward_after(write, f)
  local w = tensor({ 1, 2 }, { requires_grad = true })
  local y = f(w)
  no_grad(write, w, y)
  y:sum():backward()
end

function TestVersions.test_an_input_written_to_after_its_use_stops_backward()
  fails("a tensor that square needs was written to after it was used", backward_after,
        function(w) w:fill(0) end, function(w) return w:square() end)
  fails("was written to after it was used", backward_after,
        function(w) w[1] = 0 end, function(w) return w * w end)
  fails("was written to after it was used", backward_after,
        function(w) w:reshape(2, 1)[{ 1, 1 }] = 0 end, function(w) return w:exp() end)
end

function TestVersions.test_a_result_written_to_stops_backward()
  for _, name in ipairs { "exp", "tanh", "sigmoid", "sqrt", "relu" } do
    local w = tensor({ 1, 2 }, { requires_grad = true })
    local y = w[name](w)
    local loss = y:clone():sum()
    no_grad(function() y:fill(0) end)
    fails("was written to", function() loss:backward() end)
  end
  local w = tensor({ 1, 2 }, { requires_grad = true })
  local y = w:exp()
  y:detach():fill(0)
  fails("the result of exp was written to", function() y:sum():backward() end)
end

function TestVersions.test_weights_may_change_between_graphs()
  local w = tensor({ 1, 2 }, { requires_grad = true })
  for _ = 1, 3 do
    w:square():sum():backward()
    no_grad(function() w[{}] = w - w.grad * 0.25 end)
  end
  lu.assertEquals(w:totable(), { 0.125, 0.25 })
end

function TestVersions.test_an_optimizers_step_counts_as_a_write()
  local w = tensor({ 1, 2 }, { requires_grad = true })
  local late = w:square():sum()
  w:square():sum():backward()
  local optimizer = SGD { learning_rate = 0.1 }
  optimizer:apply { w }
  fails("was written to after it was used", function() late:backward() end)
end
