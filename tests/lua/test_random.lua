-- RandomState gives NumPy's numbers to the bit, streams have addresses, and one seed fixes them all.

local lu = require "luaunit"
local core = require "gradus.core"

local golden = dofile "tests/golden/random.lua"

local function text(t) return tostring(t) .. " " .. core.describe(t) end

-- The tensor has these numbers (nested tables) to the bit, in float64.
local function assert_bits(came, expected)
  expected = core.tensor(expected, "float64")
  lu.assertTrue(came:identical(expected), ("got\n%s\nexpected\n%s"):format(text(came), text(expected)))
end

-- The indices are NumPy's plus 1.
local function assert_indices(came, expected)
  assert_bits(came - 1, expected)
end

local function assert_number(came, expected)
  lu.assertEquals(("%a"):format(came), ("%a"):format(expected))
end

-- f(...) fails with a message that has this text and points at this file, never into the library.
local function assert_error(message, f, ...)
  local succeeded, came = pcall(f, ...)
  lu.assertFalse(succeeded, "no error: " .. message)
  lu.assertStrContains(came, message)
  lu.assertNotStrContains(came, "gradus.")
end

local function shuffled_list(rs, list)
  rs:shuffle(list)
  return list
end

-- RandomState ------------------------------------------------------------------------------------

TestRandomState = {}

function TestRandomState.test_seeds_are_numpys()
  assert_bits(RandomState(1):random_sample { 4 }, golden.seed_1)
  assert_bits(RandomState(1.0):random_sample(4), golden.seed_1)
  assert_bits(RandomState(2 ^ 32 - 1):random_sample(4), golden.seed_largest)
  assert_bits(RandomState { 1, 2, 3 }:random_sample(4), golden.seed_list)
end

function TestRandomState.test_seed_begins_anew_and_drops_the_waiting_normal_number()
  local rs = RandomState(5)
  rs:normal()
  rs:seed(1)
  assert_bits(rs:random_sample(4), golden.seed_1)
  rs:seed { 1, 2, 3 }
  assert_bits(rs:random_sample(4), golden.seed_list)
  rs:seed(9)
  lu.assertEquals(rs:normal(), RandomState(9):normal())
end

function TestRandomState.test_one_number_after_another()
  local rs, expected = RandomState(123), golden.in_turn
  local came = {
    rs:random_sample(), rs:uniform(-2, 3), rs:normal(), rs:normal(10, 0.5), rs:randint(10),
    rs:randint(-5, 5), rs:standard_normal(), rs:random_sample(), rs:normal(), rs:choice(10) - 1,
    rs:randn(), rs:randint(0, 1 << 40),
  }
  for i, number in ipairs(expected) do assert_number(came[i], number) end
  lu.assertEquals(math.type(came[5]), "integer")
end

function TestRandomState.test_shapes()
  local rs = RandomState(7)
  assert_bits(rs:random_sample { 2, 3 }, golden.sample_2_3)
  assert_bits(rs:uniform(-1.5, 4, { 3, 2 }), golden.uniform_3_2)
  assert_bits(rs:normal(3, 0.25, 5), golden.normal_5)
  assert_bits(rs:standard_normal { 2, 2 }, golden.standard_normal_2_2)
  assert_bits(rs:randn(2, 1, 3), golden.randn_2_1_3)
  assert_bits(rs:randint(0, 100, 8), golden.randint_8)
  assert_bits(rs:randint(-7, 8, { 2, 3 }), golden.randint_2_3)
  assert_bits(rs:randint(6, nil, 6), golden.randint_low_only)
  assert_bits(rs:randint(-2 ^ 52, 2 ^ 52, { 4 }), golden.randint_wide)
  assert_number(rs:random_sample(), golden.after_shapes)
end

function TestRandomState.test_a_long_fill_is_not_disturbed_by_looks_at_the_interrupt()
  local came = RandomState(11):standard_normal(100001)
  assert_bits(came:take { 1, 624, 625, 32768, 32769, 65536, 65537, 100001 }, golden.many_some)
end

function TestRandomState.test_numbers_that_numpy_publishes()
  -- numpy/random/tests/test_randomstate.py, to as many digits as stand there
  local seed = 1234567890
  local function assert_near(came, expected)
    lu.assertTrue((came - core.tensor(expected, "float64")):abs():max() < 1e-14, text(came))
  end
  assert_near(RandomState(seed):random_sample { 3, 2 },
    { { 0.61879477158567997, 0.59162362775974664 }, { 0.88868358904449662, 0.89165480011560816 },
      { 0.4575674820298663, 0.7781880808593471 } })
  assert_near(RandomState(seed):randn(3, 2),
    { { 1.34016345771863121, 1.73759122771936081 }, { 1.498988344300628, -0.2286433324536169 },
      { 2.031033998682787, 2.17032494605655257 } })
  assert_bits(RandomState(seed):randint(-99, 99, { 3, 2 }), { { 31, 3 }, { -52, 41 }, { -48, -66 } })
  assert_indices(RandomState(seed):choice(4, 4), { 2, 3, 2, 3 })
  assert_indices(RandomState(seed):choice(4, 4, true, { 0.4, 0.4, 0.1, 0.1 }), { 1, 1, 2, 2 })
  assert_indices(RandomState(seed):choice(4, 3, false), { 0, 1, 3 })
  assert_indices(RandomState(seed):choice(4, 3, false, { 0.1, 0.3, 0.5, 0.1 }), { 2, 3, 1 })
  lu.assertEquals(RandomState(seed):choice({ "a", "b", "c", "d" }, 4), { "c", "d", "c", "d" })
  lu.assertEquals(shuffled_list(RandomState(seed), { 1, 2, 3, 4, 5, 6, 7, 8, 9, 0 }),
    { 0, 1, 9, 6, 2, 4, 5, 8, 7, 3 })
end

function TestRandomState.test_permutations_and_shuffles()
  local rs = RandomState(8)
  assert_indices(rs:permutation(20), golden.permutation_20)
  assert_bits(rs:permutation((core.range(12) - 1):reshape { 6, 2 }), golden.permutation_rows)
  local rows = (core.range(21) - 1):reshape { 7, 3 }
  rs:shuffle(rows)
  assert_bits(rows, golden.shuffled_rows)
  local line = core.range(10) - 1
  rs:shuffle(line)
  assert_bits(line, golden.shuffled_line)
  local column = (core.range(12) - 1):reshape { 6, 2 }
  rs:shuffle(column[{ {}, 2 }])
  assert_bits(column, golden.shuffled_column)
  lu.assertEquals(shuffled_list(rs, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }), golden.shuffled_list)
  assert_number(rs:random_sample(), golden.after_shuffles)
end

function TestRandomState.test_a_permutation_keeps_the_type_and_leaves_its_argument()
  local x = core.tensor { 1, 2, 3, 4, 5 }
  local came = RandomState(1):permutation(x)
  lu.assertEquals(came.dtype, "float32")
  lu.assertEquals(x:totable(), { 1, 2, 3, 4, 5 })
  lu.assertEquals(came:totable(), x:take(RandomState(1):permutation(5)):totable())
end

function TestRandomState.test_choices()
  local p = { 0.1, 0, 0.3, 0.15, 0.05, 0.25, 0.15 }
  local rs = RandomState(9)
  assert_indices(rs:choice(7, 12), golden.choice_12)
  assert_indices(rs:choice(12, 7, false), golden.choice_without)
  assert_indices(rs:choice(7, 12, nil, p), golden.choice_p)
  assert_indices(rs:choice(7, 6, false, core.tensor(p, "float64")), golden.choice_without_p)
  assert_bits(rs:choice(core.tensor({ 2.5, -1, 8 }, "float64"), { 2, 3 }), golden.choice_of_values)
  local ones = { rs:choice(100), rs:choice(100, nil, false), rs:choice(7, nil, true, p),
                 rs:choice(7, nil, false, p) }
  for i, number in ipairs(golden.choice_one) do lu.assertEquals(ones[i], number + 1) end
  assert_number(rs:random_sample(), golden.after_choices)
end

function TestRandomState.test_a_choice_is_like_what_it_was_chosen_from()
  local rs = RandomState(2)
  lu.assertEquals(math.type(rs:choice(3)), "integer")
  lu.assertEquals(rs:choice(core.tensor { 1, 2 }, 3).dtype, "float32")
  lu.assertEquals(math.type(rs:choice(core.tensor { 1, 2 })), "float")
  lu.assertIsString(rs:choice { "a", "b" })
  lu.assertEquals(#rs:choice({ "a", "b" }, 5), 5)
  lu.assertEquals(rs:choice({ "a", "b" }, 0), {})
end

function TestRandomState.test_empty_shapes()
  local rs = RandomState(3)
  lu.assertEquals(rs:random_sample({ 0, 4 }).shape, { 0, 4 })
  lu.assertEquals(rs:randint(0, 9, 0).shape, { 0 })
  lu.assertEquals(rs:permutation(0).shape, { 0 })
  lu.assertEquals(rs:choice(0, 0).shape, { 0 })
  lu.assertEquals(rs:permutation(core.zeros(0, 3)).shape, { 0, 3 })
  rs:shuffle(core.zeros(0, 3))
  rs:shuffle(core.zeros(3, 0))
  rs:shuffle {}
  local rank_0 = rs:random_sample {}
  lu.assertEquals(rank_0.rank, 0)
  lu.assertEquals(rank_0:item(), RandomState(3):random_sample())  -- nothing above drew a number
end

function TestRandomState.test_a_view_is_shuffled_in_what_it_views()
  local x, other = core.range(10), core.range(10)
  RandomState(4):shuffle(x:rows(3, 7))
  local middle = other:rows(3, 7):clone()
  RandomState(4):shuffle(middle)
  other[{ { 3, 7 } }] = middle
  lu.assertTrue(x:identical(other))
  lu.assertEquals(x:rows(1, 2):totable(), { 1, 2 })
end

function TestRandomState.test_a_list_may_have_metamethods()
  local letters, writes = { "a", "b", "c", "d" }, 0
  local proxy = setmetatable({}, {
    __len = function() return #letters end,
    __index = letters,
    __newindex = function(_, i, letter) letters[i] = letter; writes = writes + 1 end,
  })
  RandomState(1):shuffle(proxy)
  table.sort(letters)
  lu.assertEquals(letters, { "a", "b", "c", "d" })
  lu.assertEquals(writes, 6)
end

-- Errors -----------------------------------------------------------------------------------------

TestRandomStateErrors = {}

function TestRandomStateErrors.test_seeds()
  local expected = "RandomState: seed must be a whole number from 0 to 4294967295, or a list of them, "
  assert_error(expected .. "got the number -1", RandomState, -1)
  assert_error(expected .. "got the number 4294967296", RandomState, 1 << 32)
  assert_error(expected .. "got the number 0.5", RandomState, 0.5)
  assert_error(expected .. 'got the string "1"', RandomState, "1")
  assert_error(expected .. "got an empty table", RandomState, {})
  assert_error(expected .. "got true", RandomState, true)
  assert_error("RandomState: entry 2 of seed must be a whole number from 0 to 4294967295, got the "
    .. "number -3", RandomState, { 1, -3 })
  local rs, other = RandomState(1), RandomState(1)
  assert_error("RandomState.seed: seed must be", rs.seed, rs, -1)
  lu.assertEquals(rs:random_sample(), other:random_sample())
end

function TestRandomStateErrors.test_wrong_types()
  local rs = RandomState(1)
  assert_error("RandomState.uniform: low must be a number, got a table", rs.uniform, rs, { 3 })
  assert_error('RandomState.uniform: high must be a number, got the string "1"', rs.uniform, rs, 0, "1")
  assert_error("RandomState.normal: std must be a number, got false", rs.normal, rs, 0, false)
  assert_error('RandomState.normal: shape must be a table of dimensions or a whole number, got the '
    .. 'string "3"', rs.normal, rs, 0, 1, "3")
  assert_error("RandomState.random_sample: a dimension must be a whole number, got the number 1.5",
    rs.random_sample, rs, { 1.5 })
  assert_error("RandomState.random_sample: shape must be a whole number, got the number 1.5",
    rs.random_sample, rs, 1.5)
  assert_error("RandomState.random_sample: expected at most 1 argument, got 2", rs.random_sample, rs,
    2, 3)
  assert_error('RandomState.randn: a dimension must be a number, got the string "x"', rs.randn, rs, 2,
    "x")
  assert_error("RandomState.randint: low must be a whole number, got nothing", rs.randint, rs)
  assert_error("RandomState.randint: high must be a whole number, got the number 2.5", rs.randint, rs,
    0, 2.5)
  assert_error("RandomState.permutation: x must be a whole number or a tensor, got a table",
    rs.permutation, rs, { 1, 2 })
  assert_error("RandomState.shuffle: x must be a tensor or a table, got the number 5",
    rs.shuffle, rs, 5)
  assert_error("RandomState.choice: a must be a whole number, a tensor or a list, got nothing",
    rs.choice, rs)
  assert_error("RandomState.choice: replace must be a boolean, got the number 0", rs.choice, rs, 5, 2, 0)
  assert_error("RandomState.choice: p must be a list of probabilities or a tensor, got the number 1",
    rs.choice, rs, 5, 2, true, 1)
end

function TestRandomStateErrors.test_values_outside()
  local rs = RandomState(1)
  assert_error("RandomState.uniform: high - low must be finite", rs.uniform, rs, -1e308, 1e308)
  assert_error("RandomState.uniform: high - low must be finite", rs.uniform, rs, 0, 0 / 0)
  assert_error("RandomState.normal: std must be a number not below 0, got the number -1", rs.normal,
    rs, 0, -1)
  assert_error("RandomState.normal: std must be a number not below 0", rs.normal, rs, 0, 0 / 0)
  assert_error("RandomState.randint: low must be below high, which is excluded, got low 3 and high 3",
    rs.randint, rs, 3, 3)
  assert_error("got low 0 and high 0", rs.randint, rs, 0)
  assert_error("RandomState.randint: a tensor's numbers are exact up to 2^53", rs.randint, rs, 0,
    1 << 60, 2)
  lu.assertEquals(math.type(rs:randint(math.mininteger, math.maxinteger)), "integer")
  assert_error("RandomState.random_sample: a dimension must be 0 or more", rs.random_sample, rs,
    { 2, -1 })
  assert_error("RandomState.random_sample: shape must be 0 or more", rs.random_sample, rs, -1)
  assert_error("RandomState.randn: a dimension must be 0 or more", rs.randn, rs, 2, -1)
  assert_error("RandomState.permutation: x must be from 0 to 2^53, got the number -1", rs.permutation,
    rs, -1)
  assert_error("RandomState.permutation: the tensor must have at least one axis", rs.permutation, rs,
    core.tensor(3))
  assert_error("RandomState.shuffle: the tensor must have at least one axis", rs.shuffle, rs,
    core.tensor(3))
end

function TestRandomStateErrors.test_choices_that_cannot_be()
  local rs = RandomState(1)
  local function refuses(message, ...) assert_error("RandomState.choice: " .. message, rs.choice, rs, ...) end
  refuses("a must be from 0 to 2^53", -1)
  refuses("a must be from 0 to 2^53", 1 << 62, 1, false)
  refuses("there is nothing to choose from", 0)
  refuses("there is nothing to choose from", {}, 1)
  refuses("cannot choose 5 of 4 without replacement", 4, 5, false)
  refuses("the tensor must have one axis, its shape is [2, 2]", core.zeros(2, 2))
  refuses("from a list the size must have one dimension, got 2", { 1, 2 }, { 2, 2 })
  refuses("p must have one probability for each of the 3 candidates, got 2", 3, 1, true, { 0.5, 0.5 })
  refuses("p must have one probability for each of the 2 candidates, got a tensor [2, 1]", 2, 1, true,
    core.full({ 2, 1 }, 0.5))
  refuses("a probability must be a number, got the string", 2, 1, true, { 0.5, "0.5" })
  refuses("probabilities sum to", 2, 1, true, { 0.5, 0.6 })
  refuses("probabilities are not non-negative", 2, 1, true, { 1.5, -0.5 })
  refuses("probabilities contain NaN", 2, 1, true, { 0.5, 0 / 0 })
  refuses("fewer probabilities above 0 (1) than numbers wanted (2)", 2, 2, false, { 1, 0 })
end

function TestRandomStateErrors.test_too_large()
  local rs = RandomState(1)
  lu.assertFalse(pcall(rs.random_sample, rs, { 1 << 40, 1 << 40 }))
  lu.assertFalse(pcall(rs.permutation, rs, 1 << 52))
  lu.assertFalse(pcall(rs.choice, rs, 1 << 52, 1, false))
  lu.assertEquals(rs:random_sample(), RandomState(1):random_sample())
end

function TestRandomStateErrors.test_unknown_methods()
  local rs = RandomState(1)
  assert_error('RandomState: there is no method "unifrom", did you mean "uniform"?',
    function() return rs.unifrom end)
  assert_error("RandomState: a method must be a name, got the number 1", function() return rs[1] end)
  lu.assertFalse(pcall(function() rs.x = 1 end))
end

function TestRandomStateErrors.test_methods_called_on_something_else()
  local rs = RandomState(1)
  for _, name in ipairs { "seed", "random_sample", "uniform", "normal", "standard_normal", "randn",
                          "randint", "permutation", "shuffle", "choice" } do
    for _, other in ipairs { 1, "x", io.stdout, core.zeros(2), {} } do
      assert_error(("RandomState.%s: argument 1 must be a RandomState, got"):format(name), rs[name], other)
    end
  end
  debug.setmetatable(io.stdout, getmetatable(rs))
  local succeeded, message = pcall(rs.uniform, io.stdout)
  debug.setmetatable(io.stdout, getmetatable(io.stderr))
  lu.assertFalse(succeeded)
  lu.assertStrContains(message, "RandomState.uniform: argument 1 must be a RandomState")
end

function TestRandomStateErrors.test_a_tensor_that_wants_a_gradient_is_not_shuffled()
  local x = core.tensor({ 1, 2, 3 }, { requires_grad = true })
  local rs = RandomState(1)
  assert_error("RandomState.shuffle: writing into a tensor that wants a gradient", rs.shuffle, rs, x)
  lu.assertEquals(x:totable(), { 1, 2, 3 })
end

-- The root ---------------------------------------------------------------------------------------

TestSeed = {}

function TestSeed.test_states_without_a_seed_differ()
  lu.assertNotEquals(RandomState():random_sample(), RandomState():random_sample())
end

function TestSeed.test_seed_fixes_states_models_and_math_random()
  local function draw()
    local rs = RandomState()
    local stream = core.stream(core.next_model_number(), 1, "weights")
    return { rs:random_sample(), RandomState():normal(), math.random(),
             stream:uniform(1, { 1 }, 0, 1, "float64")[1], core.next_model_number(), core.root_seed() }
  end
  seed(42)
  local first = draw()
  lu.assertNotEquals(draw(), first)
  seed(42)
  lu.assertEquals(draw(), first)
  seed(42.0)
  lu.assertEquals(draw(), first)
  seed(43)
  local other = draw()
  for i = 1, 4 do lu.assertNotEquals(other[i], first[i]) end
  lu.assertEquals({ first[5], first[6], other[5], other[6] }, { 2, 42, 2, 43 })
end

function TestSeed.test_rs_seed_without_a_seed_takes_a_new_one()
  seed(1)
  local first = RandomState():random_sample()
  seed(1)
  local rs = RandomState(5)
  rs:seed()
  lu.assertEquals(rs:random_sample(), first)
  rs:seed()
  lu.assertNotEquals(rs:random_sample(), first)
end

function TestSeed.test_states_with_a_seed_move_nothing()
  seed(1)
  local first = RandomState():random_sample()
  seed(1)
  RandomState(3)
  make_regression { n_samples = 2, n_features = 2, random_state = 3 }
  core.stream(core.next_model_number(), 1, "weights")
  lu.assertEquals(RandomState():random_sample(), first)
end

function TestSeed.test_states_follow_from_the_root_as_defined()
  seed(1)
  assert_number(RandomState():random_sample(), golden.root_states[1])
  assert_number(RandomState():random_sample(), golden.root_states[2])
  seed((1 << 40) + 3)
  assert_number(RandomState():random_sample(), golden.root_states[3])
end

function TestSeed.test_each_state_of_lua_seeds_itself()
  local command = (arg[-1] or "build/gradus") .. [[ -e 'print(require("gradus.core").root_seed())' 2>&1]]
  local function run()
    local pipe <close> = assert(io.popen(command))
    return pipe:read "a"
  end
  local first = run()
  lu.assertStrMatches(first, "%d+\n")
  lu.assertNotEquals(run(), first)
end

function TestSeed.test_errors()
  assert_error("seed: n must be a whole number not below 0, got the number -1", seed, -1)
  assert_error("seed: n must be a whole number, got the number 1.5", seed, 1.5)
  assert_error('seed: n must be a whole number not below 0, got the string "1"', seed, "1")
  assert_error("seed: n must be a whole number not below 0, got nothing", seed)
end

-- Streams ----------------------------------------------------------------------------------------

TestStream = {}

function TestStream.test_streams_are_philox_as_defined()
  seed(1)
  local order = core.range(100)
  assert_bits(core.stream(4, 2, "weights"):uniform(5, { 7 }, 0, 1, "float64"), golden.stream_uniform)
  core.stream(4, 0, "shuffle"):permutation(6, order)
  assert_indices(order, golden.stream_permutation)
end

function TestStream.test_a_number_has_an_address()
  seed(7)
  local stream = core.stream(1, 2, "dropout")
  local third = stream:uniform(3, { 5 })
  stream:uniform(1, { 100 })
  stream:normal(3, { 2, 3 })
  lu.assertTrue(stream:uniform(3, { 5 }):identical(third))
  lu.assertTrue(stream:uniform(3, { 50 }):rows(1, 5):identical(third))
  lu.assertTrue(core.stream(1, 2, "dropout"):uniform(3, { 5 }):identical(third))
  lu.assertFalse(stream:uniform(4, { 5 }):identical(third))
end

function TestStream.test_each_part_of_the_key_matters()
  seed(7)
  local came = {}
  for _, key in ipairs { { 1, 1, "a" }, { 2, 1, "a" }, { 1, 2, "a" }, { 1, 1, "b" }, { 1, 1, 0 },
                         { 1, 1, 1 } } do
    came[#came + 1] = core.stream(table.unpack(key)):uniform(1, { 1 }, 0, 1, "float64")[1]
  end
  seed(8)
  came[#came + 1] = core.stream(1, 1, "a"):uniform(1, { 1 }, 0, 1, "float64")[1]
  table.sort(came)
  for i = 2, #came do lu.assertTrue(came[i - 1] < came[i]) end
end

function TestStream.test_types_and_ranges()
  seed(1)
  local stream = core.stream(1, 1, "x")
  local double = stream:uniform(1, { 40, 25 }, -3, 5, "float64")
  lu.assertTrue(double:min() >= -3 and double:max() < 5 and math.abs(double:mean():item() - 1) < 0.3)
  lu.assertEquals(stream:uniform(1, { 2 }).dtype, "float32")
  lu.assertTrue(stream:uniform(1, { 40, 25 }, -3, 5):identical(double:cast "float32"))
  local normal = stream:normal(1, { 1000 }, 10, 2, "float64")
  lu.assertTrue(math.abs(normal:mean():item() - 10) < 0.3 and math.abs(normal:std():item() - 2) < 0.2)
end

function TestStream.test_a_permutation_fills_the_tensor_that_is_there()
  local stream, order = core.stream(1, 0, "shuffle"), core.zeros { 500, dtype = "float64" }
  stream:permutation(1, order)
  local first = order:totable()
  table.sort(first)
  lu.assertEquals(first, core.range(500):totable())
  local before = order:clone()
  stream:permutation(2, order)
  lu.assertFalse(order:identical(before))
  stream:permutation(1, order)
  lu.assertTrue(order:identical(before))
end

function TestStream.test_a_permutation_allocates_nothing()
  local stream, order = core.stream(1, 0, "shuffle"), core.zeros { 500, dtype = "float64" }
  collectgarbage "collect"
  collectgarbage "stop"
  local before = collectgarbage "count"
  for step = 1, 100 do stream:permutation(step, order) end
  local after = collectgarbage "count"
  collectgarbage "restart"
  lu.assertEquals(after, before)
end

function TestStream.test_errors()
  local stream = core.stream(1, 1, "x")
  assert_error("stream: model must be from 0 to 2^63 - 1, got the number -1", core.stream, -1, 1, "x")
  assert_error("stream: place must be from 0 to 2^32 - 1, got the number 4294967296", core.stream, 1,
    1 << 32, "x")
  assert_error("stream: purpose must be from 0 to 2^31 - 1", core.stream, 1, 1, 1 << 31)
  core.stream(math.maxinteger, (1 << 32) - 1, (1 << 31) - 1):uniform(math.maxinteger, { 1 })
  assert_error("stream: purpose must be a string or a whole number, got nothing", core.stream, 1, 1)
  assert_error("stream.uniform: step must be a whole number, got nothing", stream.uniform, stream)
  assert_error("stream.uniform: step must be from 0 to 2^63 - 1", stream.uniform, stream, -1, { 2 })
  assert_error("stream.uniform: shape must be a table of dimensions or a whole number, got nothing",
    stream.uniform, stream, 1)
  assert_error("stream.normal: dtype must be", stream.normal, stream, 1, { 2 }, 0, 1, "float16")
  assert_error("stream.normal: argument 1 must be a stream, got a RandomState", stream.normal,
    RandomState(1), 1, { 2 })
  for _, order in ipairs { core.zeros(3), core.range(6):reshape { 2, 3 }, core.range(9)[{ { 1, 9, 2 } }] } do
    assert_error("stream.permutation: order must be a float64 tensor", stream.permutation, stream, 1,
      order)
  end
  assert_error("stream.permutation: order must be a tensor, got a table", stream.permutation, stream, 1, {})
  assert_error('stream: there is no method "permute"', function() return stream.permute end)
end

-- Recorded steps ---------------------------------------------------------------------------------

TestDrawsInTraining = {}

function TestDrawsInTraining.test_a_layer_that_draws_is_never_replayed()
  local rs, draws = RandomState(1), 0
  local model = Sequential {
    Dense { 3, input_dim = 2 },
    { call = function(_, x) draws = draws + 1; return x + rs:normal() end },
    Dense { 1 },
  }
  model:compile { loss = "mean_squared_error", optimizer = SGD { learning_rate = 0.01 } }
  local X = RandomState(2):randn(32, 2):cast "float32"
  local epochs = 4
  model:fit(X, X:cols(1, 1), { epochs = epochs, batch_size = 8, verbose = 0 })
  lu.assertTrue(draws >= 4 * epochs, "the layer was called " .. draws .. " times in 16 steps")
end
