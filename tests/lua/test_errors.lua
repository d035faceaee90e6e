-- Errors of tensors and operations: each names the function and the argument, says what was expected
-- and what came, and points at the line of the script that made the call. And what must not crash.

local lu = require "luaunit"

local file = debug.getinfo(1, "S").short_src

-- Call f, which must raise an error whose text, behind the position of a line of f, is `expected`.
local function fails(f, expected, ...)
  local succeeded, message = pcall(f, ...)
  lu.assertFalse(succeeded, "no error, expected: " .. expected)
  lu.assertIsString(message)
  local info = debug.getinfo(f, "S")
  local source, line, text = message:match "^(.-):(%d+): (.*)$"
  lu.assertNotNil(source, "no position: " .. message)
  lu.assertEquals(source, file, message)
  line = tonumber(line)
  lu.assertTrue(line >= info.linedefined and line <= info.lastlinedefined, message)
  lu.assertEquals(text, expected)
end

local function x(...) return zeros(...) end

TestDescriptions = {}

function TestDescriptions.test_options_without_a_name()
  fails(function() SGD { 0.1 } end, "SGD: every option has a name, got the number 0.1 without one")
  fails(function() Dense { 2, 3 } end, "Dense: every option has a name, got the number 3 without one")
end

function TestDescriptions.test_nan_has_no_sign()
  fails(function() SGD { learning_rate = 0 / 0 } end,
        "SGD: learning_rate must be a finite number not below 0, got the number nan")
end

TestWrongShapes = {}

function TestWrongShapes.test_each_names_the_shapes()
  fails(function() local _ = x(2, 3) + x(4) end, "add: shapes [2, 3] and [4] do not broadcast: "
        .. "counted from the end, two dimensions must be equal or one of them 1")
  fails(function() local _ = x(2, 3):matmul(x(2, 3)) end, "matmul: the first tensor's last axis has "
        .. "3 elements, the second has 2 rows (shapes [2, 3] and [2, 3])")
  fails(function() local _ = x(2, 2, 3):matmul(x(3, 3, 2)) end,
        "matmul: the leading axes of [2, 2, 3] and [3, 3, 2] do not broadcast")
  fails(function() local _ = tensor(1):matmul(x(2)) end,
        "matmul: expected tensors with axes, got shapes [] and [2]")
  fails(function() x(6):reshape(4, 2) end,
        "reshape: 6 elements of shape [6] do not fit into shape [4, 2]")
  fails(function() x(6):reshape(4, -1) end,
        "reshape: 6 elements of shape [6] do not fit into shape [4, -1]")
  fails(function() x(6):reshape(-1, -1) end,
        "reshape: 6 elements of shape [6] do not fit into shape [-1, -1]")
  fails(function() x(4, 2):dense(x(3, 5), x(5)) end,
        "dense: input has 2 features, kernel expects 3 (x is [4, 2])")
  fails(function() x(4, 3):dense(x(3, 5), x(4)) end,
        "dense: expected a kernel [inputs, units] and a bias [units], got [3, 5] and [4]")
  fails(function() mean_squared_error(x(2), x(3)) end,
        "mean_squared_error: y_true is [2] and y_pred is [3]: the shapes must be equal")
  fails(function() x(3):mask(x(2)) end,
        "mask: expected one number a row, got a mask of shape [2] for a tensor of shape [3]")
  fails(function() x(2, 3, 4):transpose(1, 2) end,
        "transpose: expected an order of all 3 axes, got 2")
end

function TestWrongShapes.test_indices_and_axes_outside()
  fails(function() return x(2, 3)[4] end, "tensor: index 4 is outside axis 1 of a tensor of shape "
        .. "[2, 3] (indices count from 1)")
  fails(function() return x(2, 3)[{ 1, 0 }] end, "tensor: index 0 is outside axis 2 of a tensor of "
        .. "shape [2, 3] (indices count from 1)")
  fails(function() return x(2)[-1] end, "tensor: index -1 is outside axis 1 of a tensor of shape [2] "
        .. "(indices count from 1)")
  fails(function() return x(2)[{ 3 }] end, "tensor: index 3 is outside axis 1 of a tensor of shape "
        .. "[2] (indices count from 1)")
  fails(function() x(2)[3] = 1 end, "tensor: index 3 is outside axis 1 of a tensor of shape [2] "
        .. "(indices count from 1)")
  fails(function() return x(2)[{ 1, 1 }] end, "tensor: 2 indices for a tensor of shape [2]")
  fails(function() return tensor(1)[1] end, "tensor: 1 index for a tensor of shape []")
  fails(function() return x(2):sum { 1, 2 } end, "sum: expected at most 1 axis, got 2")
  fails(function() return x(2, 3):sum { 1, 2, 1 } end, "sum: expected at most 2 axes, got 3")
  fails(function() return x(2)[{ { 1, 3 } }] end,
        "tensor: range {1, 3} is outside axis 1 of a tensor of shape [2]")
  fails(function() return x(2)[{ { 2, 0, -1 } }] end,
        "tensor: range {2, 0} is outside axis 1 of a tensor of shape [2]")
  fails(function() return x(2)[{ { 1, 2, 0 } }] end, "tensor: the step of a range must not be 0")
  fails(function() return x(5):rows(2, 6) end,
        "rows: 2 to 6 is outside axis 1 of a tensor of shape [5]")
  fails(function() return x(5):cols(1, 1) end,
        "cols: expected a tensor with at least 2 axes, got shape [5]")
  fails(function() return x(2, 3):sum(3) end, "sum: axis 3 is outside a tensor of shape [2, 3] (axes "
        .. "count from 1, from -1 at the end)")
  fails(function() return x(2, 3):sum(0) end, "sum: axis 0 is outside a tensor of shape [2, 3] (axes "
        .. "count from 1, from -1 at the end)")
  fails(function() return x(2, 3):max { 1, -2 } end, "max: axis 1 is named twice")
  fails(function() return x(4):take { 5 } end, "take: index 5 at place 1 is no row of a tensor with 4 "
        .. "rows (rows count from 1)")
  fails(function() return x(4):take { 1, 1.5 } end, "take: index 1.5 at place 2 is no row of a tensor "
        .. "with 4 rows (rows count from 1)")
end

function TestWrongShapes.test_what_has_no_value_over_nothing()
  for _, name in ipairs { "mean", "max", "min", "var", "std", "norm" } do
    local expected = name .. ": expected at least one element to work on, got a tensor of shape [0, 2]"
    fails(function() local t = x(0, 2); return t[name](t) end, expected)
    fails(function() local t = x(0, 2); return t[name](t, 1) end, expected)
  end
  fails(function() x(0):quantile(0.5) end,
        "quantile: expected at least one element to work on, got a tensor of shape [0]")
  fails(function() mean_squared_error(x(0), x(0)) end,
        "mean_squared_error: expected at least one row, got y_pred of shape [0]")
end

function TestWrongShapes.test_dimensions_that_are_none()
  fails(function() zeros(-1) end, "zeros: a dimension must be 0 or more, got -1")
  fails(function() zeros(-2) end, "zeros: a dimension must be 0 or more, got the number -2")
  fails(function() zeros(1.5) end, "zeros: a dimension must be a whole number, got the number 1.5")
  fails(function() zeros { 2, "3" } end,
        'zeros: a dimension must be a whole number, got the string "3"')
  fails(function() zeros(1e9, 1e9) end,
        "zeros: a tensor of shape [1000000000, 1000000000] does not fit in memory")
  fails(function() zeros(0, math.maxinteger, math.maxinteger) end, "zeros: a tensor of shape "
        .. "[0, 9223372036854775807, 9223372036854775807] does not fit in memory")
  fails(function() zeros(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) end,
        "zeros: a tensor has at most 16 axes, got 17")
end

TestWrongTypes = {}

function TestWrongTypes.test_tables_that_are_no_tensor()
  fails(function() tensor { { 1, 2 }, { 3 } } end,
        "tensor: a table has 1 element where its neighbours have 2")
  fails(function() tensor { 1, { 2 } } end,
        "tensor: an element is a table where its neighbours are numbers")
  fails(function() tensor { { 1 }, 2 } end,
        "tensor: an element must be a table like its neighbours, got the number 2")
  fails(function() tensor { 1, nil, 3 } end, "tensor: an element must be a number, got nothing")
  fails(function() tensor { 1, "2" } end, 'tensor: an element must be a number, got the string "2"')
  fails(function() tensor { true } end, "tensor: an element must be a number, got true")
  fails(function() local t = {}; t[1] = t; tensor(t) end, "tensor: tables are nested more than 16 deep")
  fails(function() tensor { x(2), x(2) } end, "tensor: an element must be a number, got a tensor [2]")
end

function TestWrongTypes.test_constructors()
  fails(function() tensor() end, "tensor: the value must be a table, a number or a tensor, got nothing")
  fails(function() tensor "1" end,
        'tensor: the value must be a table, a number or a tensor, got the string "1"')
  fails(function() tensor({ 1 }, "float16") end,
        'tensor: dtype must be "float32" or "float64", got the string "float16"')
  fails(function() tensor({ 1 }, 32) end,
        "tensor: options must be a dtype or a table, got the number 32")
  fails(function() tensor({ 1 }, { 2 }) end,
        "tensor: options must be a dtype or a table of names and values, got a table")
  fails(function() tensor({ 1 }, { requires_grad = 1 }) end,
        "tensor: requires_grad must be a boolean, got the number 1")
  fails(function() zeros() end,
        "zeros: shape must be dimensions or a table of them, got nothing")
  fails(function() ones "2" end,
        'ones: shape must be dimensions or a table of them, got the string "2"')
  fails(function() full(2, 3) end, "full: shape must be a table of dimensions, got the number 2")
  fails(function() full { 2 } end, "full: the value must be a number, got nothing")
  fails(function() range() end, "range: first must be a number, got nothing")
  fails(function() range(1, nil) end, "range: last must be a number, got nothing")
  fails(function() range(1, 2, 0) end,
        "range: step must be a finite number other than 0, got the number 0")
  fails(function() range(1, 1 / 0) end, "range: first and last must be finite numbers")
  fails(function() set_floatx "double" end,
        'set_floatx: dtype must be "float32" or "float64", got the string "double"')
end

function TestWrongTypes.test_arguments_of_operations()
  fails(function() local _ = x(2) + nil end, "add: b must be a tensor or a number, got nothing")
  fails(function() local _ = nil + x(2) end, "add: a must be a tensor or a number, got nothing")
  fails(function() local _ = x(2) * {} end, "mul: b must be a tensor or a number, got a table")
  fails(function() local _ = "3" + x(2) end, 'add: a must be a tensor or a number, got the string "3"')
  fails(function() local _ = x(2) ^ "2" end, 'pow: b must be a tensor or a number, got the string "2"')
  fails(function() x(2):matmul(3) end, "matmul: b must be a tensor, got the number 3")
  fails(function() x(2):maximum() end, "maximum: b must be a tensor or a number, got nothing; the call is a:maximum(b)")
  fails(function() x(2):take(1) end, "take: indices must be a tensor or a list, got the number 1")
  fails(function() x(2, 2):dense(x(2, 2)) end, "dense: bias must be a tensor, got nothing; the call is "
        .. "x:dense(kernel, bias [, activation])")
  fails(function() mean_squared_error(x(2)) end,
        "mean_squared_error: y_pred must be a tensor, got nothing")
  fails(function() mean_absolute_error({ 1 }, x(1)) end,
        "mean_absolute_error: y_true must be a tensor, got a table")
  fails(function() x(2):sum "all" end, 'sum: an axis must be a whole number, got the string "all"')
  fails(function() x(2):sum(1, "yes") end, 'sum: keepdims must be a boolean, got the string "yes"')
  fails(function() x(2):quantile() end, "quantile: q must be a number, got nothing")
  fails(function() x(2):quantile(50) end, "quantile: q must be from 0 to 1, got the number 50")
  fails(function() x(2):quantile(0 / 0) end, "quantile: q must be from 0 to 1, got the number nan")
  fails(function() x(2):cast() end, 'cast: dtype must be "float32" or "float64", got nothing')
  fails(function() x(2):clip() end, "clip: expected a lower or an upper bound, got neither")
  fails(function() x(2):clip(2, 1) end, "clip: the lower bound 2 is not below the upper bound 1")
  fails(function() x(2):clip "1" end, 'clip: low must be a number, got the string "1"')
  fails(function() x(2):reshape() end,
        "reshape: shape must be dimensions or a table of them, got nothing")
  fails(function() x(2):rows(1) end, "rows: last must be a whole number, got nothing")
  fails(function() x(2):rows("1", 2) end, 'rows: first must be a whole number, got the string "1"')
  fails(function() x(2):mask(1) end, "mask: the mask must be a tensor, got the number 1")
  fails(function() x(2):identical(1) end, "identical: argument 2 must be a tensor, got the number 1")
  fails(function() return x(2)[{ 1.5 }] end,
        "tensor: an index must be a whole number, got the number 1.5 (the shape is [2])")
  fails(function() return x(2)[true] end,
        "tensor: an index must be a whole number or a table, got true")
  fails(function() return x(2)[x(2)] end, "tensor: a tensor is no index: x:take(indices) picks rows "
        .. "by number, x:mask(m) by a mask")
  fails(function() return x(2)[{ { 1 } }] end, "tensor: a range must be {}, {first, last} or {first, "
        .. "last, step}, got a table of 1 entry")
  fails(function() x(2):fill "x" end, 'fill: the value must be a number, got the string "x"')
  fails(function() x(2):fill(x(3)) end, "fill: a value of shape [3] does not fit a part of shape [2]")
  fails(function() x(2):fill { 1, "x" } end, 'fill: an element must be a number, got the string "x"')
  fails(function() return #tensor(1) end, "#: a tensor of rank 0 has no length")
  fails(function() return x(1) .. nil end,
        "..: an operand must be a string, a number or a tensor, got nothing")
  fails(function() return {} .. x(1) end,
        "..: an operand must be a string, a number or a tensor, got a table")
end

function TestWrongTypes.test_gradients()
  fails(function() no_grad(1) end, "no_grad: argument 1 must be a function, got the number 1")
  fails(function() gradcheck() end, "gradcheck: argument 1 must be a function, got nothing")
  fails(function() gradcheck(print, x(1)) end,
        "gradcheck: inputs must be a list of tensors, got a tensor [1]")
  fails(function() gradcheck(print, { 1 }) end,
        "gradcheck: input 1 must be a tensor, got the number 1")
  fails(function() gradcheck(function(a) return a end, { x(1) }, { stp = 1 }) end,
        'gradcheck: unknown option "stp", did you mean "step"?')
  fails(function() gradcheck(function(a) return a end, { x(1) }, { step = 0 }) end,
        "gradcheck: step must be a positive number, got the number 0")
  fails(function() x(2):backward() end,
        "backward: a loss must have one element, got a tensor of shape [2]")
end

-- Whatever is called on what is no tensor, the function is named.
function TestWrongTypes.test_every_method_names_itself_when_it_is_given_something_else()
  for name, method in pairs(core.methods) do
    for _, value in pairs { 3, "text", true, {}, print, io.stdout, coroutine.create(print), false } do
      local succeeded, message = pcall(function() return (method(value, value, value)) end)
      lu.assertFalse(succeeded, name)
      lu.assertStrContains(message, ": " .. name .. ": ")
      lu.assertStrContains(message, file)
      lu.assertStrContains(message, "must be a tensor")
    end
    local succeeded, message = pcall(function() return (method()) end)
    lu.assertFalse(succeeded, name)
    lu.assertStrContains(message, "must be a tensor, got nothing")
  end
end

TestUnknownNames = {}

function TestUnknownNames.test_the_nearest_name_is_suggested()
  fails(function() x(2):summ() end, 'tensor: there is no method or field "summ", did you mean "sum"?')
  fails(function() return x(2).shpe end,
        'tensor: there is no method or field "shpe", did you mean "shape"?')
  fails(function() x(2):sum { axs = 1 } end, 'sum: unknown option "axs", did you mean "axes"?')
  fails(function() x(2):sum { 1, keepdim = true } end,
        'sum: unknown option "keepdim", did you mean "keepdims"?')
  fails(function() zeros { 2, dtyp = "float32" } end,
        'zeros: unknown option "dtyp", did you mean "dtype"?')
  fails(function() x(1, 1):dense(x(1, 1), x(1), "rleu") end,
        'dense: unknown activation "rleu", did you mean "relu"?')
end

function TestUnknownNames.test_a_single_letter_is_near_to_no_other()
  local nearest = require("gradus.errors").nearest
  lu.assertNil(nearest("y", { "x", "_", "h" }))
  lu.assertEquals(nearest("x", { "X", "y" }), "X")
  lu.assertEquals(nearest("x", { "xs" }), "xs")
end

function TestUnknownNames.test_where_none_is_near_all_are_listed()
  fails(function() x(1, 1):dense(x(1, 1), x(1), "swish") end,
        'dense: unknown activation "swish" (there are: linear, relu, tanh, sigmoid)')
  fails(function() x(2):clip { from = 1 } end, 'clip: unknown option "from" (there are: low, high)')
  fails(function() tensor({ 1 }, { colour = 1 }) end,
        'tensor: unknown option "colour" (there are: dtype, requires_grad)')
end

function TestUnknownNames.test_fields_that_cannot_be_set()
  fails(function() x(2).shape = { 1 } end, 'tensor: the field "shape" cannot be set')
  fails(function() x(2).name = "w" end, 'tensor: the field "name" cannot be set')
end

function TestUnknownNames.test_one_argument_given_twice()
  fails(function() x(2):sum { 1, axes = 1 } end, "sum: axes is given twice")
end

-- A function of the library that calls another one, or the user's, points at the user, too.
TestPositions = {}

function TestPositions.test_an_error_inside_a_callback_points_at_it()
  fails(function() no_grad(function() return x(2):sum(5) end) end, "sum: axis 5 is outside a tensor "
        .. "of shape [2] (axes count from 1, from -1 at the end)")
  fails(function() gradcheck(function(a) return a + x(3) end, { x(2) }) end, "add: shapes [2] and [3] "
        .. "do not broadcast: counted from the end, two dimensions must be equal or one of them 1")
end

function TestPositions.test_a_coroutine_points_at_its_own_line()
  fails(function()
    local thread = coroutine.create(function() return x(2):item() end)
    error(select(2, coroutine.resume(thread)), 0)
  end, "item: the tensor must have one element, its shape is [2]")
end

-- What nobody should do, and what must not crash

TestTags = {}

function TestTags.test_a_tensors_metatable_on_something_else_is_noticed()
  local metatable = debug.getmetatable(x(1))
  local handle = io.tmpfile()
  local own = debug.getmetatable(handle)
  debug.setmetatable(handle, metatable)
  for _, f in ipairs {
    function() return handle.shape end, function() return handle[1] end, function() handle[1] = 2 end,
    function() return #handle end, function() return handle + 1 end, function() return -handle end,
    function() return handle < 1 end, function() return tostring(handle) end,
    function() return handle .. "x" end, function() return x(1) + handle end,
    function() return x(1):identical(handle) end,
  } do
    local succeeded, message = pcall(f)
    lu.assertFalse(succeeded)
    lu.assertStrContains(message, "got a tensor")  -- its metatable's name, but no tensor
  end
  lu.assertFalse(handle == x(1))
  debug.setmetatable(handle, own)
  lu.assertTrue(handle:write "still a file" and true)
  handle:close()
  for _, value in ipairs { {}, 3, print } do
    lu.assertFalse((pcall(metatable.__index, value, 1)))
    lu.assertFalse((pcall(metatable.__newindex, value, 1, 1)))
    lu.assertFalse((pcall(metatable.__len, value)))
  end
end

function TestTags.test_other_userdata_with_another_of_our_metatables()
  local state, t = RandomState(1), x(2)
  local own = debug.getmetatable(state)
  debug.setmetatable(state, debug.getmetatable(t))
  lu.assertFalse((pcall(function() return state.shape end)))
  debug.setmetatable(state, own)
  own = debug.getmetatable(t)
  debug.setmetatable(t, debug.getmetatable(state))
  lu.assertFalse((pcall(function() return t:rand(1) end)))
  debug.setmetatable(t, own)
  lu.assertEquals(t:totable(), { 0, 0 })
end

function TestTags.test_a_script_may_overwrite_luas_own_names()
  local saved = { table = table, require = require, string = string, math = math, ipairs = ipairs,
                  pairs = pairs, type = type, tostring = tostring }
  local text, message, checked
  for name in next, saved do _G[name] = false end
  text = saved.tostring(x(2, 2))
  checked = gradcheck(function(a) return a:exp() end, { ones(2) })
  local _
  _, message = pcall(function() x(2):summ() end)
  for name, value in next, saved do _G[name] = value end
  lu.assertEquals(text, "[[0. 0.]\n [0. 0.]]\ntensor [2, 2] float32")
  lu.assertTrue(checked)
  lu.assertStrContains(message, 'did you mean "sum"?')
end

-- Memory

TestMemory = {}

-- Kilobytes at most since the process began.
local function most_memory()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmHWM:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) end
  end
end

local gradus = arg and arg[-1] or "build/gradus"
local is_watched = os.getenv "ASAN_OPTIONS" or os.getenv "TEST_WRAPPER"

-- Ten thousand of them, in several kinds, would be 40 GB. A sanitizer keeps what was freed for a
-- while, and valgrind has its own memory: there, only what is alive is held to the bound.
function TestMemory.test_temporaries_of_a_million_numbers_stay_under_200_megabytes()
  local million = zeros(1000000)
  local wants = zeros(1000000, { requires_grad = true })
  local most_alive, before = 0, most_memory()
  local kinds = {
    function() return million + 1 end, function() return million:relu() end,
    function() return (million * 2):sum() end, function() return zeros(1000000) end,
    function() return million:clone() end, function() return tensor(million) end,
    function() return wants * 2 end, function() wants:sum():backward(); return wants.grad end,
  }
  for i = 1, 800 do
    local _ = kinds[i % #kinds + 1]()
    most_alive = math.max(most_alive, core.bytes_alive())
  end
  lu.assertTrue(most_alive < 200e6, ("%d bytes alive"):format(most_alive))
  if before < 100000 and not is_watched then
    lu.assertTrue(most_memory() < 200000, ("%d KB"):format(most_memory()))
  end
end

-- How many bytes a loop over t in generational mode takes, at most and beyond those alive before.
local function growth_in_generational_mode(t)
  local most_alive, mode = 0, collectgarbage "generational"
  collectgarbage()
  local before = core.bytes_alive()
  for _ = 1, 100 do
    t = t * 0.5 + 1
    most_alive = math.max(most_alive, core.bytes_alive())
  end
  collectgarbage(mode)
  return most_alive - before
end

-- In generational mode Lua itself frees what has outlived two of its steps when its own heap has
-- doubled, which here it never does.
function TestMemory.test_what_has_grown_old_is_freed_in_generational_mode()
  local growth = growth_in_generational_mode(zeros(1000000))
  lu.assertTrue(growth < 60e6, ("%d bytes alive"):format(growth))
end

-- In a finalizer nothing is collected, and so nothing is known of what may be alive after it.
function TestMemory.test_what_a_finalizer_makes_allows_no_more_than_before()
  local t = zeros(1000000)
  setmetatable({}, { __gc = function() for _ = 1, 10 do local _ = zeros(1000000) end end })
  local growth = growth_in_generational_mode(t)
  lu.assertTrue(growth < 45e6, ("%d bytes alive"):format(growth))
end

-- What a process of its own prints, since what was freed before leaves room; after `before`, in the shell.
local function output(code, before)
  local pipe <close> = assert(io.popen(("%s%s -e '%s' 2>&1"):format(before or "", gradus, code)))
  return pipe:read "a"
end

-- The C library's aligned_alloc goes on to new memory where blocks of one size come and go.
function TestMemory.test_storages_lie_where_others_of_their_size_were()
  if is_watched then return end
  for size, times in pairs { [100000] = 200, [25000] = 800 } do
    local kilobytes = output(([[
      collectgarbage "generational"
      local w = zeros(%d, { requires_grad = true })
      for _ = 1, %d do local _ = ((w + 1) * 2 + 1) * 2 + 1 end
      for line in io.lines "/proc/self/status" do print(line:match "VmHWM:%%s*(%%d+)" or "") end]])
      :format(size, times)):match "%d+"
    lu.assertTrue(tonumber(kilobytes) < 60000, kilobytes)
  end
end

-- The system is slow to give pages, so those that were given stay. A cycle of the collector frees some
-- hundred kilobytes; a loop that gave them back would take thousands of pages.
function TestMemory.test_a_loop_of_temporaries_takes_its_pages_once()
  if is_watched then return end
  for size, times in pairs { [300] = 30000, [3000] = 5000, [30000] = 500, [300000] = 50 } do
    local taken = tonumber(output(([[
      local x = ones(%d)
      local function faults() return io.open("/proc/self/stat"):read("a"):match("%%) %%S" .. (" %%S+"):rep(6) .. " (%%d+)") end
      for _ = 1, %d do local _ = x + 1 end
      local before = faults()
      for _ = 1, %d do local _ = x + 1 end
      print(faults() - before)]]):format(size, times, times)))
    lu.assertTrue(taken < 300, ("%d pages for tensors of %d"):format(taken, size))
  end
end

-- What is kept is little, also where something that stays was made after it.
function TestMemory.test_the_memory_of_many_tensors_goes_back_to_the_system()
  if is_watched then return end
  for size, count in pairs { [50000] = 2000, [250000] = 400, [1000000] = 100 } do
    local kilobytes = tonumber(output(([[
      local list, later = {}, {}
      for i = 1, %d do list[i] = ones(%d) end
      for i = 1, 10 do later[i] = tensor { i } end
      list = nil
      collectgarbage()
      for line in io.lines "/proc/self/status" do io.write(line:match "VmRSS:%%s*(%%d+)" or "") end]])
      :format(count, size)))
    lu.assertTrue(kilobytes < 100000, ("%d KB of tensors of %d"):format(kilobytes, size))
  end
end

-- 240 MB of them: folded where they lie, whatever the axes.
function TestMemory.test_a_reduction_takes_little_memory()
  if is_watched then return end
  local text = output([[
    local x = ones(20000000, 3)
    print(x:sum():item(), x:max():item(), x:max(1):sum():item())]], "ulimit -v 400000; ")
  lu.assertEquals(text, "60000000.0\t1.0\t3.0\n")
end

function TestMemory.test_a_stopped_collector_stays_stopped()
  local million = zeros(1000000)
  collectgarbage()
  collectgarbage "stop"
  local before = core.bytes_alive()
  for _ = 1, 5 do local _ = million + 1 end
  local grown = core.bytes_alive() - before
  collectgarbage "restart"
  lu.assertTrue(grown >= 5 * 4e6)
end

function TestMemory.test_what_does_not_fit_in_memory_is_an_error()
  local succeeded, message = pcall(zeros, 2 ^ 45)
  lu.assertFalse(succeeded)
  lu.assertStrContains(message, "zeros: not enough memory for 140737488355328 more bytes")
  lu.assertEquals(zeros(2):totable(), { 0, 0 })
end
