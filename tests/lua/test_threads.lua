-- Threads change the speed and never a bit.

local lu = require "luaunit"

TestThreads = {}

function TestThreads:setUp() self.before = num_threads() end
function TestThreads:tearDown() set_num_threads(self.before) end

-- What large work gives with n threads: products of every transposition and shape, cut by rows or by
-- columns, and elementwise work.
local function large_work(n, dtype)
  set_num_threads(n)
  local function draw(seed, ...) return RandomState(seed):randn(...):cast(dtype) end
  local a, b, thin = draw(1, 201, 303), draw(2, 303, 257), draw(3, 7, 303)
  local wide, bias = draw(4, 303, 1001), draw(5, 1001)
  local x = draw(6, 300001)
  local results = { a:matmul(b), b.T:matmul(a.T), a.T:matmul(a), thin:matmul(wide),
                    thin:dense(wide, bias, "relu"), x:exp(), x:tanh(), x:sigmoid(), x.T:square() }
  local w = tensor(wide, { requires_grad = true })
  a:dense(w, bias, "tanh"):sum():backward()
  results[#results + 1] = w.grad
  return results
end

local function check(dtype)
  local expected = large_work(1, dtype)
  for n = 2, 5 do
    for i, result in ipairs(large_work(n, dtype)) do
      lu.assertTrue(result:identical(expected[i]), ("result %d with %d threads"):format(i, n))
    end
  end
end

function TestThreads.test_float32_has_the_same_bits() check "float32" end
function TestThreads.test_float64_has_the_same_bits() check "float64" end

function TestThreads.test_the_number_can_be_read_back()
  set_num_threads(3)
  lu.assertEquals(num_threads(), 3)
end

function TestThreads.test_other_numbers_are_errors()
  for _, wrong in ipairs { 0, -1, 257, 1.5, "2" } do
    lu.assertErrorMsgContains("set_num_threads: n must be a whole number", set_num_threads, wrong)
  end
end

local gradus = arg and arg[-1] or "build/gradus"

local function output_of(command)
  local pipe <close> = assert(io.popen(command .. " 2>&1"))
  return (pipe:read "a"):gsub("%s+$", "")
end

function TestThreads.test_the_environment_and_the_command_line_say_how_many()
  lu.assertEquals(output_of("GRADUS_THREADS=3 " .. gradus .. " -e 'print(num_threads())'"), "3")
  lu.assertEquals(output_of("GRADUS_THREADS=3 " .. gradus .. " --threads 2 -e 'print(num_threads())'"), "2")
  lu.assertStrContains(output_of("GRADUS_THREADS=x " .. gradus .. " -e 'print(num_threads())'"),
    "GRADUS_THREADS: expected a number from 1 to 256, got x")
end
