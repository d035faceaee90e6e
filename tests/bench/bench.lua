-- bench: how fast Gradus is, each row a ratio against a rival in the same run.
--
--   gradus tests/bench/bench.lua [--json file] [topics...]
--
-- A topic is a file beside this one. Numbers are medians of repeats in turns, a ratio is the median of
-- the ratios of the rounds; a rival that is not installed is skipped with a word. Beside each ratio
-- stand its bar, and the aim beyond it. One thread where nothing else is said. Run by `make bench`,
-- which says where the core's objects are.

local core = require "gradus.core"
local measuring = dofile "tests/bench/measuring.lua"

local all_topics = { "training", "processes", "products", "network", "functions", "tensors", "data" }
local topics, json_path = {}, nil
local i = 1
while arg[i] do
  if arg[i] == "--json" then json_path, i = arg[i + 1], i + 1 else topics[#topics + 1] = arg[i] end
  i = i + 1
end
if #topics == 0 then topics = all_topics end

core.set_num_threads(1)
for _, topic in ipairs(topics) do assert(loadfile("tests/bench/" .. topic .. ".lua"))(measuring) end
io.stderr:write "\n"

-- The machine

local function first_line(command) return measuring.capture(command .. " 2>/dev/null"):match "[^\n]*" end

local machine = {
  { "processor", first_line "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo" },
  { "processors", first_line "nproc" },
  { "gcc", first_line "gcc --version" },
  { "clang", first_line "clang --version" },
  { "gradus", first_line(measuring.program .. " --version") },
  { "date", os.date "!%Y-%m-%d %H:%M UTC" },
}

-- The table

local function verdict(row)
  if not row.bar then return "" end
  local function reaches(limit)
    if row.more then return row.ratio >= limit end
    return row.ratio <= limit
  end
  return reaches(row.aim) and "aim" or reaches(row.bar) and "bar" or "BELOW"
end

local function figure(number)
  if not number then return "-" end
  return (number >= 100 and "%.0f" or number >= 10 and "%.1f" or "%.2f"):format(number)
end

-- Columns count characters, not bytes.
local function padded(text, width)
  return text .. (" "):rep(width - utf8.len(text))
end

local function row_text(row)
  if row.skipped then return padded(row.what, 54) .. "skipped: " .. row.skipped end
  local sign = row.more and "≥" or "≤"
  return padded(row.what, 54) .. padded(row.rival, 44)
    .. ("%9s %9s "):format(figure(row.ours), figure(row.theirs)) .. padded(row.unit, 9)
    .. ("%8s  "):format(figure(row.ratio)) .. padded(row.bar and sign .. " " .. row.bar or "", 8)
    .. padded(row.aim and sign .. " " .. row.aim or "", 8) .. verdict(row)
end

for _, entry in ipairs(machine) do print(("%-12s %s"):format(entry[1], entry[2] or "-")) end
print ""
print(padded("what", 54) .. padded("rival", 44) .. ("%9s %9s "):format("ours", "rival's") .. padded("", 9)
  .. ("%8s  "):format "ratio" .. padded("bar", 8) .. "aim")
for _, row in ipairs(measuring.rows) do print(row_text(row)) end

-- The same as JSON

local function json_value(value)
  if type(value) == "string" then return '"' .. value:gsub('[%c"\\]', "?") .. '"' end
  if type(value) == "number" then return ("%.17g"):format(value) end
  return tostring(value)
end

local fields = { "what", "rival", "ours", "theirs", "unit", "ratio", "bar", "aim", "more", "skipped" }

local function json_row(row)
  local parts = {}
  for _, name in ipairs(fields) do
    if row[name] ~= nil then parts[#parts + 1] = ('"%s": %s'):format(name, json_value(row[name])) end
  end
  return "    { " .. table.concat(parts, ", ") .. " }"
end

local function json_text()
  local about, rows = {}, {}
  for _, entry in ipairs(machine) do
    about[#about + 1] = ('    "%s": %s'):format(entry[1], json_value(entry[2] or ""))
  end
  for _, row in ipairs(measuring.rows) do rows[#rows + 1] = json_row(row) end
  return ('{\n  "machine": {\n%s\n  },\n  "rows": [\n%s\n  ]\n}\n'):format(table.concat(about, ",\n"),
    table.concat(rows, ",\n"))
end

if json_path then
  local file = assert(io.open(json_path, "w"))
  file:write(json_text())
  file:close()
end
