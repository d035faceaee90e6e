-- functions: exp, tanh and log of a million floats against a loop over libm, at each level.

local measuring = ...

local bars = { avx512 = { 8, 10 }, avx2 = { 5, 7 } }

local text = measuring.capture(measuring.compile("functions", "cc", "-O2", true))
for level, name, ours, theirs, ratio in text:gmatch "(%w+) (%l+) (%S+) (%S+) (%S+)" do
  local bar = bars[level] or {}
  measuring.row { what = name .. " of a million floats, " .. level, rival = "libm, one by one",
                  ours = tonumber(ours) / 1e3, theirs = tonumber(theirs) / 1e3, unit = "ms",
                  ratio = tonumber(ratio), bar = bar[1], aim = bar[2], more = true }
end
