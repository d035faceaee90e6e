-- profiling: gradus --profile: where the time of a script went, by operation.
--
-- The core times each operation's forward and backward (src/core/profile.h); what is left of the
-- whole is Lua, printing, drawing and the rest.

local core = require "gradus.core"

local profiling = {}


-- A time with its unit: "4.78 us".
function profiling.time_text(seconds)
  for _, unit in ipairs { { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" } } do
    if seconds >= unit[1] then return ("%.3g %s"):format(seconds / unit[1], unit[2]) end
  end
  return ("%.3g ns"):format(seconds * 1e9)
end

local function count_text(count)
  local text = tostring(count)
  return (text:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

-- The table of a profile: `rows` as core.stop_profile gives them, and the seconds of the whole.
function profiling.text(rows, total)
  local rest, lines = total, {}
  table.sort(rows, function(a, b)
    if a.seconds ~= b.seconds then return a.seconds > b.seconds end
    return a.name < b.name
  end)
  local function add(name, calls, seconds)
    local each = calls and profiling.time_text(seconds / calls) or ""
    lines[#lines + 1] = ("%-28s %12s %10s %10s %6.1f %%"):format(name,
      calls and count_text(calls) or "", profiling.time_text(seconds), each, 100 * seconds / total)
  end
  lines[1] = ("%-28s %12s %10s %10s %8s"):format("operation", "calls", "time", "each", "share")
  for _, row in ipairs(rows) do
    add(row.backward and row.name .. ", backward" or row.name, row.calls, row.seconds)
    rest = rest - row.seconds
  end
  add("Lua and everything else", nil, math.max(rest, 0))
  add("total", nil, total)
  return table.concat(lines, "\n")
end

function profiling.start() core.start_profile() end

-- Stop, and print the table on standard error.
function profiling.report()
  local rows, total = core.stop_profile()
  if not rows then return end
  io.stdout:flush()
  io.stderr:write(profiling.text(rows, total), "\n")
end

return profiling
