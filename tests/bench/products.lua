-- products: the core's matrix product against OpenBLAS at its best kernels on this processor, both
-- called from C. OpenBLAS chooses kernels itself, and may not know a new processor; so it is asked for
-- others, too, each in a process of its own, and the fastest correct answer counts.

local measuring = ...

local program = measuring.compile("products", "cc", "-O2", true)
local choices = { "env -u OPENBLAS_CORETYPE", "env OPENBLAS_CORETYPE=SkylakeX", "env OPENBLAS_CORETYPE=Haswell" }

-- Keep, for each case, the run in which the rival was fastest.
local function keep_fastest(found, text)
  local kernels = text:match "OpenBLAS (%S+)"
  for what, dtype, m, n, k, form, ours, theirs, ratio in
    text:gmatch "(%l+) (float%d+) (%d+) (%d+) (%d+) (%u%u) (%S+) (%S+) (%S+)" do
    local name = ("%s×%s×%s %s %s"):format(m, n, k, form, dtype)
    local case = { name = name, what = what, ours = tonumber(ours), theirs = tonumber(theirs),
                   ratio = tonumber(ratio), kernels = kernels }
    local known = found[name]
    if not known then found[#found + 1] = name end
    if not known or case.theirs > known.theirs then found[name] = case end
  end
end

local found, ran = {}, false
for _, choice in ipairs(choices) do
  local text, succeeded = measuring.capture(("%s OPENBLAS_NUM_THREADS=1 %s 2>/dev/null"):format(choice, program))
  if succeeded then
    keep_fastest(found, text)
    ran = true
  end
end

local worst = {}
for _, name in ipairs(found) do
  local case = found[name]
  local group = case.what ~= "large" and name or "products of 128 and more, " .. name:match "float%d+"
  local known = worst[group]
  if not known then worst[#worst + 1] = group end
  if not known or case.ratio < known.ratio then worst[group] = case end
end

for _, group in ipairs(worst) do
  local case = worst[group]
  local small, large = case.what == "small", case.what == "large"
  measuring.row { what = large and group .. ": least" or "product " .. group, ours = case.ours, theirs = case.theirs,
                  rival = ("OpenBLAS (%s)%s"):format(case.kernels, large and ", " .. case.name or ""),
                  unit = "GFLOP/s", ratio = case.ratio, bar = small and 1.0 or 0.95,
                  aim = small and 1.3 or 1.0, more = true }
end
if not ran then measuring.skip("matrix products", "no OpenBLAS that computes correctly is installed") end
