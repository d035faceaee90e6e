-- calls: a fuzzer for every word and method of the library.
--   gradus tests/fuzz/calls.lua [seconds [seed]]
-- It calls functions with arguments picked from a pool of odd values and keeps what they return in
-- the pool. An error of Lua is an answer; a crash, a sanitizer's report or an error that names a
-- place inside the library is not. Run it under a build with sanitizers.

local seconds, seed_number = tonumber(arg[1]) or 10, tonumber(arg[2]) or os.time()
local core = require "gradus.core"
local gradus = require "gradus"
print("calls: seed " .. seed_number)
math.randomseed(seed_number)
local random, unpack = math.random, table.unpack

local numbers = { 0, 1, 2, 3, -1, 0.5, 1e-300, 1e300, 1 / 0, -1 / 0, 0 / 0, math.maxinteger, math.mininteger,
                  2 ^ 31, 2 ^ 53, 7 }
local strings = { "", "float32", "float64", "relu", "tanh", "mse", "sgd", "x", "\n`'\"", ("y"):rep(300) }

local function fresh_tensor()
  local shapes = { {}, { 0 }, { 1 }, { 3 }, { 2, 3 }, { 3, 2 }, { 4, 1 }, { 1, 3 }, { 2, 0 }, { 2, 3, 4 },
                   { 17 }, { 5, 5 } }
  local shape = shapes[random(#shapes)]
  local t = core.full(shape, numbers[random(#numbers)], random(2) == 1 and "float32" or "float64")
  if random(3) == 1 then t = t + core.range(1, math.max(1, t.size)):rows(1, math.max(t.size, 0)):reshape(shape) end
  if random(4) == 1 then t = core.tensor(t, { requires_grad = true }) end
  if random(4) == 1 and t.rank > 1 then t = t.T end
  return t
end

local pool = {}
local function keep(value)
  pool[#pool < 200 and #pool + 1 or random(200)] = value
end

local function argument()
  local kind = random(10)
  if kind <= 4 then return #pool > 0 and pool[random(#pool)] or fresh_tensor() end
  if kind == 5 then return fresh_tensor() end
  if kind == 6 then return numbers[random(#numbers)] end
  if kind == 7 then return strings[random(#strings)] end
  if kind == 8 then
    local list = {}
    for i = 1, random(0, 3) do list[i] = random(3) == 1 and { random(0, 3), random(0, 4) } or random(-1, 4) end
    return list
  end
  if kind == 9 then return random(2) == 1 end
  return nil
end

-- Huge but valid sizes only test the machine's patience.
local function is_too_large(arguments)
  for _, value in ipairs(arguments) do
    if type(value) == "number" and value > 1e6 then return true end
  end
  return false
end

local makers = { zeros = true, ones = true, range = true, full = true, make_regression = true }
local skipped = { seed = true, plot = true, core = true, set_floatx = true, run = true, experiments = true,
                  help = true, timeit = true, source = true, whos = true, param = true }

local words, methods = {}, {}
for name, value in pairs(gradus) do
  if not skipped[name] and (type(value) == "function" or type(value) == "table") then words[#words + 1] = name end
end
for name in pairs(core.methods) do methods[#methods + 1] = name end
table.sort(words)
table.sort(methods)

local signs = {
  function(a, b) return a + b end, function(a, b) return a - b end, function(a, b) return a * b end,
  function(a, b) return a / b end, function(a, b) return a // b end, function(a, b) return a % b end,
  function(a, b) return a ^ b end, function(a) return -a end, function(a) return #a end,
  function(a, b) return a == b end, function(a, b) return a < b end, function(a, b) return a <= b end,
  function(a, b) return a .. b end, function(a, b) return a[b] end, function(a, b, c) a[b] = c end,
  function(a) return tostring(a) end, function(a) return a.grad end, function(a) return a.shape end,
}

local function one_call()
  local arguments = { argument(), argument(), argument(), argument() }
  local kind = random(10)
  local name, f
  if kind <= 2 then
    name = words[random(#words)]
    f = gradus[name]
    if makers[name] and is_too_large(arguments) then return end
  elseif kind <= 7 then
    name = methods[random(#methods)]
    f = core.methods[name]
    if random(8) > 1 then arguments[1] = fresh_tensor() end
  else
    name = "operator"
    f = signs[random(#signs)]
    if random(8) > 1 then arguments[1] = fresh_tensor() end
  end
  local results = table.pack(pcall(f, unpack(arguments, 1, random(0, 4))))
  if results[1] then
    for i = 2, results.n do
      local value = results[i]
      if core.is_tensor(value) and value.size < 10000 then keep(value) end
    end
  elseif type(results[2]) == "string" and results[2]:find "gradus%.%l+:%d" then
    error(("%s: the message names a place inside the library: %s"):format(name, results[2]))
  end
end

local ends, calls = os.clock() + seconds, 0
while os.clock() < ends do
  for _ = 1, 100 do one_call() end
  calls = calls + 100
end
print(("calls: %d calls in %g seconds"):format(calls, seconds))
