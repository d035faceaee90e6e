-- exploring: little commands for looking around: timeit, whos, source, experiments, run.
--
-- At the prompt, gradus.core.session (see gradus.session) knows the locals and lines typed so far.

local core = require "gradus.core"
local debug = require "debug"
local errors = require "gradus.errors"
local printing = require "gradus.printing"
local profiling = require "gradus.profiling"
local words = require "gradus.words"

local exploring = {}

local NARROW = 60  -- fewer columns get a line for the name and one for what belongs to it

local function columns() return require("gradus.pipe").terminal() or 80 end

-- ---- timeit ----

local SECONDS = 0.02  -- how long a repeat takes at least

local function time_calls(f, calls)
  local began = core.now()
  for _ = 1, calls do f() end
  return core.now() - began
end

-- How many calls take as long as a repeat should.
local function choose_calls(f)
  local calls = 1
  while true do
    local seconds = time_calls(f, calls)
    if seconds >= SECONDS then return calls end
    calls = math.max(calls + 1, math.min(calls * 10, math.ceil(calls * SECONDS / (seconds + 1e-9))))
  end
end

local Timing = { __name = "timing" }

function Timing:__tostring()
  return ("min %s, median %s a call (%d repeats of %d calls)"):format(profiling.time_text(self.min),
    profiling.time_text(self.median), self.repeats, self.calls)
end

-- timeit(f [, repeats]) -> table
-- How long a call of f() takes, in seconds: fields min and median over the repeats, repeats (7 when
-- not given) and calls, the calls of one repeat, as many as fill 20 ms. f is called beforehand to find
-- that number, which warms it up. Prints as a sentence. Errors: f is not callable; what f raises.
-- As Python's timeit.
-- Example: timeit(function() return ones(100, 100):matmul(ones(100, 100)) end, 3)
function exploring.timeit(f, repeats)
  local callable = type(f) == "function" or (getmetatable(f) or {}).__call
  if not callable then errors.argument("timeit", "f", "a function", f) end
  repeats = errors.option("timeit", { repeats = repeats }, "repeats", "positive integer", 7)
  local calls, times = choose_calls(f), {}
  for i = 1, repeats do times[i] = time_calls(f, calls) / calls end
  table.sort(times)
  local middle = (#times + 1) / 2
  return setmetatable({
    min = times[1], median = (times[math.floor(middle)] + times[math.ceil(middle)]) / 2,
    repeats = math.tointeger(repeats), calls = calls,
  }, Timing)
end

-- ---- whos ----

local function key_before(a, b)
  if type(a[1]) == type(b[1]) then return a[1] < b[1] end
  return type(a[1]) == "number"
end

-- The entries of a table whose keys are names or whole numbers, in order.
local function sorted_entries(value)
  local entries = {}
  for key, entry in next, value do
    if type(key) == "string" or math.type(key) == "integer" then entries[#entries + 1] = { key, entry } end
  end
  table.sort(entries, key_before)
  return entries
end

local function join(name, key)
  if type(key) == "number" then return ("%s[%d]"):format(name, key) end
  if key:match "^[%a_][%w_]*$" then return ("%s.%s"):format(name, key) end
  return ("%s[%q]"):format(name, key)
end

-- What can be seen first: locals of the running functions that are the user's, the prompt's locals,
-- globals. A list of { name, value }.
local function first_names()
  local names, level = {}, 3
  while true do
    local info = debug.getinfo(level, "S")
    if not info then break end
    local i, name, value = 1, debug.getlocal(level, 1)
    while name and info.what ~= "C" and not info.source:find "^=gradus%." do
      if name:match "^[%a_]" then names[#names + 1] = { name, value } end
      i = i + 1
      name, value = debug.getlocal(level, i)
    end
    level = level + 1
  end
  for _, name in ipairs(core.session and core.session:names() or {}) do
    local _, value = core.session:get(name)
    names[#names + 1] = { name, value }
  end
  local globals = sorted_entries(_G)
  return table.move(globals, 1, #globals, #names + 1, names)
end

local function upvalue_names(name, f)
  local names, i = {}, 1
  local upvalue, value = debug.getupvalue(f, 1)
  while upvalue do
    if upvalue ~= "" and upvalue ~= "_ENV" then
      names[#names + 1] = { ("%s (%s)"):format(name, upvalue), value }
    end
    i = i + 1
    upvalue, value = debug.getupvalue(f, i)
  end
  return names
end

-- But for what a model keeps for replay, which is its own affair.
local function field_names(name, value)
  local names = {}
  local recordings = rawget(value, "layers") and rawget(value, "recordings")
  for _, entry in ipairs(sorted_entries(value)) do
    if not rawequal(entry[2], recordings) then names[#names + 1] = { join(name, entry[1]), entry[2] } end
  end
  return names
end

-- The names by which a value is reached from one named `name`. Of a model, those of its weights come
-- first that a script says: model.layers[1].kernel.
local function names_within(name, value)
  if type(value) == "function" then return upvalue_names(name, value) end
  if type(value) ~= "table" then return {} end
  local names, model_layers = {}, rawget(value, "layers")
  for i, layer in ipairs(type(model_layers) == "table" and model_layers or {}) do
    if type(layer) == "table" then
      local fields = field_names(join(join(name, "layers"), i), layer)
      table.move(fields, 1, #fields, #names + 1, names)
    end
  end
  local fields = field_names(name, value)
  return table.move(fields, 1, #fields, #names + 1, names)
end

-- Every tensor that a name leads to, under its shortest name: a list of { name, tensor }.
local function named_tensors(queue)
  local seen, found, first = { [_G] = true, [package] = true, [words] = true, [core] = true }, {}, 1
  for _, word in ipairs(getmetatable(words).names()) do
    local value = rawget(words, word)
    if value ~= nil then seen[value] = true end
  end
  while queue[first] do
    local name, value = queue[first][1], queue[first][2]
    first = first + 1
    local is_tensor = core.is_tensor(value)
    if (is_tensor or type(value) == "table" or type(value) == "function") and not seen[value] then
      seen[value] = true
      if is_tensor then
        found[#found + 1] = { name, value }
      else
        local within = names_within(name, value)
        table.move(within, 1, #within, #queue + 1, queue)
      end
    end
  end
  return found
end

local function bytes_text(bytes)
  if bytes < 1024 then return bytes .. " B" end
  if bytes < 1024 * 1024 then return ("%.1f KB"):format(bytes / 1024) end
  return ("%.1f MB"):format(bytes / 1024 / 1024)
end

-- whos()
-- Print the tensors alive that a variable leads to (locals in sight, globals, and what their tables
-- and functions hold) with shape, dtype and size. One that shares the numbers of another, as a slice
-- does, counts no bytes. The last line has what all tensors together take, gradients, graphs and
-- an optimizer's own included. As MATLAB's and IPython's whos.
-- Example: whos()
function exploring.whos()
  local rows, owners, widths = {}, {}, { 0, 0, 0 }
  for _, entry in ipairs(named_tensors(first_names())) do
    local name, tensor = entry[1], entry[2]
    local storage, bytes = core.storage(tensor)
    local size = owners[storage] and "in " .. owners[storage] or bytes_text(bytes)
    owners[storage] = owners[storage] or name
    rows[#rows + 1] = { name, "[" .. table.concat(tensor.shape, ", ") .. "]", tensor.dtype, size }
    for i = 1, 3 do widths[i] = math.max(widths[i], utf8.len(rows[#rows][i]) or 0) end
  end
  for _, row in ipairs(rows) do
    if columns() < NARROW then
      print(row[1] .. "\n  " .. table.concat(row, "  ", 2))
    else
      for i = 1, 3 do row[i] = row[i] .. (" "):rep(widths[i] - (utf8.len(row[i]) or 0)) end
      print(table.concat(row, "  "))
    end
  end
  print(("%d tensors with a name; all tensors alive take %s"):format(#rows,
    bytes_text(core.bytes_alive())))
end

-- ---- source ----

local function lines_of(text)
  local lines = {}
  for line in (text:gsub("\n?$", "\n")):gmatch "(.-)\n" do lines[#lines + 1] = line end
  return lines
end

-- The lines of the text that a function was compiled from, or nil.
local function source_lines(info)
  if info.source:find "^@" then
    local file <close> = io.open(info.source:sub(2), "rb")
    return file and lines_of(file:read "a")
  end
  local module = info.source:match "^=gradus%.(.*)$"
  if module then return lines_of(core.embedded()[module]) end
  if info.source == "=stdin" then return core.session and core.session.lines end
  return not info.source:find "^=" and lines_of(info.source) or nil
end

-- source(f)
-- Print the Lua text of a function, with the comment right above it: of your own, of a module's, of
-- the library's (source(SGD)). A value that is called like a function (Dense, Sequential) will do.
-- What is written in C has no Lua text, and what was typed without a prompt, none that is kept. As
-- Python's inspect.getsource.
-- Example: source(SGD)
function exploring.source(f)
  local called = f
  if type(f) ~= "function" then called = (getmetatable(f) or {}).__call end
  if type(called) ~= "function" then errors.argument("source", "f", "a function", f) end
  local info = debug.getinfo(called, "S")
  if info.what == "C" then return print "(written in C)" end
  local lines = source_lines(info)
  if not lines then return print(("(the text of %s is not kept)"):format(info.short_src)) end
  local first, last = info.linedefined, info.lastlinedefined
  if info.what == "main" then first, last = 1, #lines end
  while first > 1 and (lines[first - 1] or ""):find "^%s*%-%-" do first = first - 1 end
  for i = first, last do print(lines[i]) end
end

-- ---- experiments ----

local function is_folder(path)
  local file <close> = io.open(path, "rb")
  return file ~= nil and select(3, file:read(0)) == 21  -- EISDIR
end

-- Where the scripts are: beside the tree that was built, or where `make install` put them.
local function scripts_folder()
  local program = core.program_path and core.program_path() or package.searchpath("gradus", package.cpath)
  local here = program and program:match "^(.*)/[^/]*$"
  if not here then return nil end
  for _, folder in ipairs { "/../share/gradus/scripts", "/../../../share/gradus/scripts",  -- program, module
                            "/../scripts", "/../../scripts" } do  -- build/, build/asan/
    if is_folder(here .. folder) then return here .. folder end
  end
end

local function check_folder(where)
  return scripts_folder() or errors.fail("%s: the scripts are not installed beside this program", where)
end

local function names_in(folder)
  local names = {}
  local listing <close> = io.popen("LC_ALL=C ls '" .. folder:gsub("'", "'\\''") .. "'")
  for file in listing:lines() do
    local name = file:match "^(.*)%.lua$"
    if name and not name:find "^test_" then names[#names + 1] = name end
  end
  return names
end

-- The names of the experiments, for Tab.
function exploring.experiment_names()
  local folder = scripts_folder()
  return folder and names_in(folder) or {}
end

-- The first sentence of a script's comment.
local function first_sentence(path)
  local file <close> = io.open(path, "rb")
  local comment = {}
  for line in file:lines() do
    local text = line:match "^%-%-%s*(.*)$"
    if not text then break end
    comment[#comment + 1] = text
  end
  local text = table.concat(comment, " ")
  return text:match "^(.-[.?])%s" or text
end

-- experiments()
-- Print the scripts that came with the program, each with the first sentence of what it says about
-- itself; run "mlp_clipnorm" runs one. Gradus's own.
-- Example: experiments()
function exploring.experiments()
  local folder = check_folder "experiments"
  local width = columns()
  for _, name in ipairs(names_in(folder)) do
    local sentence = first_sentence(folder .. "/" .. name .. ".lua")
    if width < NARROW then
      print(name .. "\n  " .. printing.shortened(sentence, width - 3))
    else
      print(("%-26s %s"):format(name, printing.shortened(sentence, width - 28)))
    end
  end
end

-- run(name, ...) -> what the script returns
-- Run one of the scripts that experiments() lists, or the Lua file of that path, with the other
-- arguments as its `arg`. Its globals stay. Errors: an unknown name; what the script raises. As
-- IPython's %run.
-- Example: run "regression_problem"
function exploring.run(name, ...)
  if type(name) ~= "string" then errors.argument("run", "name", "a string", name) end
  local path = name
  if not name:find "[/.]" then
    local folder = check_folder "run"
    local names = names_in(folder)
    path = ("%s/%s.lua"):format(folder, name)
    local file <close> = io.open(path, "rb")
    if not file then
      errors.fail('run: there is no experiment "%s"%s', name, errors.suggestion(name, names))
    end
  end
  local chunk, message = loadfile(path)
  if not chunk then errors.fail("run: %s", message) end
  local before = _G.arg
  _G.arg = { [0] = path, ... }
  local results = table.pack(chunk(...))
  _G.arg = before
  return table.unpack(results, 1, results.n)
end

return exploring
