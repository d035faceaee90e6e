-- tensors: what a small operation costs from Lua, and larger ones against NumPy's.

local measuring = ...

-- The nanoseconds of an addition, as a loop of so many takes them.
local function nanoseconds(a, b, calls)
  local began = measuring.now()
  for _ = 1, calls do local _ = a + b end
  return (measuring.now() - began) * 1e9 / calls
end

local a, b = tensor { 1, 2, 3, 4 }, tensor { 5, 6, 7, 8 }
local small = measuring.median_of(9, function() return nanoseconds(a, b, 200000) end)
measuring.row { what = "add of two 4-element tensors", rival = "-", ours = small, unit = "ns", ratio = small, bar = 250,
                aim = 120 }

local has_numpy = measuring.can_import "numpy"
for _, n in ipairs { 1000, 30000 } do
  local what, calls = ("add of two tensors of %d floats"):format(n), 30000000 // (n + 1000)
  local x, y = ones(n), ones(n)
  local function ours() return nanoseconds(x, y, calls) end
  local function numpys()
    return measuring.number_from(("/usr/bin/python3 tests/bench/tensors.py %d %d"):format(n, calls // 9))
  end
  if has_numpy then
    local own, rival, ratio = measuring.against(5, ours, { numpys })
    measuring.row { what = what, rival = "NumPy", ours = own, theirs = rival, unit = "ns", ratio = 1 / ratio, more = true }
  else
    measuring.skip(what .. " against NumPy", "python3-numpy is not installed")
  end
end
