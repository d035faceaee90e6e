-- tensors: what a small operation costs from Lua.

local measuring = ...

local a, b = tensor { 1, 2, 3, 4 }, tensor { 5, 6, 7, 8 }
local CALLS = 200000

local function nanoseconds()
  local began = measuring.now()
  for _ = 1, CALLS do local _ = a + b end
  return (measuring.now() - began) * 1e9 / CALLS
end

local ours = measuring.median_of(9, nanoseconds)
measuring.row { what = "add of two 4-element tensors", rival = "-", ours = ours, unit = "ns", ratio = ours, bar = 250,
                aim = 120 }
