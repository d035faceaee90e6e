-- measuring: what the benchmarks share: building the rivals, running things in turns, medians, rows.
--
-- A row is { what, rival, ours, theirs, unit, ratio, bar, aim, more }: the ratio is what the bar is set
-- for; `more` says that it should be above the bar, not below. A row without a ratio was skipped, and
-- `skipped` says why.

local core = require "gradus.core"

local measuring = {}

measuring.build = os.getenv "BUILD" or "build"
measuring.program = measuring.build .. "/gradus"
local folder = measuring.build .. "/bench/"
local objects = os.getenv "CORE_OBJECTS" or ""

measuring.now = core.now

function measuring.quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What a command prints, and whether it came to its end.
function measuring.capture(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  return text, pipe:close() == true
end

function measuring.is_installed(program)
  return os.execute("command -v " .. program .. " >/dev/null 2>&1") == true
end

function measuring.median(numbers)
  local sorted = table.move(numbers, 1, #numbers, 1, {})
  table.sort(sorted)
  local middle = (#sorted + 1) / 2
  return (sorted[math.floor(middle)] + sorted[math.ceil(middle)]) / 2
end

-- Whether the system's Python has a module.
function measuring.can_import(module)
  return os.execute(("/usr/bin/python3 -c 'import %s' 2>/dev/null"):format(module)) == true
end

-- Compile tests/bench/<name>.c, with the core where it is wanted; the path of the program.
function measuring.compile(name, compiler, flags, with_core)
  local program = folder .. name .. "_" .. compiler
  local command = ("mkdir -p %s && %s %s -D_GNU_SOURCE -Isrc -o %s tests/bench/%s.c %s -lm -ldl -lpthread")
    :format(folder, compiler, flags, program, name, with_core and objects or "")
  if not os.execute(command) then error("bench: " .. name .. " does not build", 0) end
  return program
end

-- The first number that a command prints; nil when it fails.
function measuring.number_from(command)
  local text, succeeded = measuring.capture(command)
  return succeeded and tonumber(text:match "%S+") or nil
end

-- Call each function in turn, so many times; the lists of what they return, in order.
local function in_turns(times, functions)
  local numbers = {}
  for i = 1, #functions do numbers[i] = {} end
  for round = 1, times do
    for i, f in ipairs(functions) do numbers[i][round] = f() end
  end
  return numbers
end

-- The median of f(), called so many times.
function measuring.median_of(times, f) return measuring.median(in_turns(times, { f })[1]) end

-- Call `ours` and each rival in turn: the median of ours, that of the best rival, the median over the
-- rounds of ours / the rival's (so that what slows down a whole round counts for both), and the
-- number of that rival. `most`: the best is the one with the largest number.
function measuring.against(times, ours, rivals, most)
  local numbers = in_turns(times, { ours, table.unpack(rivals) })
  local best, best_median
  for i = 1, #rivals do
    local median = measuring.median(numbers[i + 1])
    if not best or (most and median > best_median or not most and median < best_median) then
      best, best_median = i, median
    end
  end
  local ratios = {}
  for round = 1, times do ratios[round] = numbers[1][round] / numbers[best + 1][round] end
  return measuring.median(numbers[1]), best_median, measuring.median(ratios), best
end

-- Rows

measuring.rows = {}

function measuring.row(fields)
  measuring.rows[#measuring.rows + 1] = fields
  io.stderr:write "."
end

function measuring.skip(what, why)
  measuring.rows[#measuring.rows + 1] = { what = what, skipped = why }
  io.stderr:write "-"
end

return measuring
