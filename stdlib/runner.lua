-- runner: gradus --test [options] [files or folders]: runs files of tests under LuaUnit.
--
-- Each file is loaded into a fresh Lua state (gradus.testfile works there); LuaUnit, in this state,
-- runs what stands for its tests and prints one report over all files, in any of its formats.

local core = require "gradus.core"

local runner = {}

local usage = [[
usage: gradus --test [options] [files or folders] [tests]
Runs the tests in the files, and in each test_*.lua of the folders (by default the current one), under
LuaUnit, each file in a fresh Lua state. A name like TestClass or TestClass.test_it picks tests.
  --update                 write the values of assertGolden into the golden files
  -v, -q                   more words, fewer words
  -o text|tap|junit|nil    the report's format
  -n name                  the file of a junit report
  -p pattern, -x pattern   only tests whose name matches, or does not
  -s                       in random order
  -r number                each test so many times
  -f, -e                   stop at the first failure or error, at the first error
The exit status is the number of tests that failed; without any test it is 1.]]

-- ---- what to run ----

local takes_argument = { ["-o"] = true, ["--output"] = true, ["-n"] = true, ["--name"] = true,
                         ["-r"] = true, ["--repeat"] = true, ["-p"] = true, ["--pattern"] = true,
                         ["-x"] = true, ["--exclude"] = true }
local flags = { ["-v"] = true, ["--verbose"] = true, ["-q"] = true, ["--quiet"] = true,
                ["-s"] = true, ["--shuffle"] = true, ["-e"] = true, ["--error"] = true,
                ["-f"] = true, ["--failure"] = true }

local function fail(format, ...) error(("--test: " .. format):format(...), 0) end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What stands at a path: "file", "folder" or nil.
local function what_is(path)
  local file <close> = io.open(path, "rb")
  if not file then return nil end
  local _, _, code = file:read(0)
  return code == 21 and "folder" or "file"  -- EISDIR
end

-- The files of tests below a folder, in the order of their names; hidden folders are passed over.
local function find_files(folder)
  local start = folder:find "^%-" and "./" .. folder or folder
  local pipe_end <close> = io.popen("LC_ALL=C; export LC_ALL; find " .. quote(start) ..
    " -name '.?*' -prune -o -name 'test_*.lua' -type f -print | sort")
  local files = {}
  for line in pipe_end:lines() do files[#files + 1] = line:gsub("^%./", "") end
  return files
end

-- The words behind --test, sorted out: files, names of tests, LuaUnit's options, whether to update.
local function read_words(words)
  local plan = { files = {}, names = {}, options = {}, updates = false }
  local i, paths = 1, 0
  while words[i] do
    local word = words[i]
    if word == "--update" then plan.updates = true
    elseif word == "--help" or word == "-h" then plan.help = true
    elseif takes_argument[word] then
      if not words[i + 1] then fail("'%s' needs argument", word) end
      table.move({ word, words[i + 1] }, 1, 2, #plan.options + 1, plan.options)
      i = i + 1
    elseif flags[word] then plan.options[#plan.options + 1] = word
    elseif word:find "^%-" then fail("unrecognized option '%s' (--test --help tells them)", word)
    else
      local kind = what_is(word)
      if kind then paths = paths + 1 end
      if kind == "file" then plan.files[#plan.files + 1] = word
      elseif kind == "folder" then
        local found = find_files(word)
        table.move(found, 1, #found, #plan.files + 1, plan.files)
      elseif word:find "^[Tt]est[%w_]*%.?[%w_]*$" then
        plan.names[#plan.names + 1], plan.names[word] = word, true
      else fail("there is no file, folder or test '%s'", word) end
    end
    i = i + 1
  end
  if paths == 0 then plan.files = find_files "." end
  return plan
end

-- ---- files in states ----

-- A function that stands for one in a state: for run_proxy to call.
local function proxy(state, name)
  return function() return state:call("testfile", "run", name) end
end

local function failing(message)
  return function() return "ERROR", message, "" end
end

-- The file's classes and functions as LuaUnit wants them, { name, instance } each, into `list`.
local function add_tests(list, state, names)
  local classes = {}
  for _, name in ipairs(names) do
    local class, method = name:match "^([^.]*)%.(.*)$"
    if not class then
      list[#list + 1] = { name, proxy(state, name) }
    else
      if not classes[class] then
        classes[class] = {}
        list[#list + 1] = { class, classes[class] }
      end
      classes[class][method] = proxy(state, name)
    end
  end
end

-- Load a file into a state of its own. One that does not load is a test that fails, by the file's
-- name, whatever pattern is asked for.
local function load_file(plan, list, broken, path)
  local state = core.new_state()
  local results = table.pack(state:call("testfile", "load", path, plan.updates))
  if results.n > 0 and results[1] == nil then
    if results[2] == "interrupted" then error("interrupted", 0) end
    local name = "load " .. path:gsub("%.lua$", ""):gsub("%.", "_")
    broken[name] = true
    list[#list + 1] = { name, failing(results[2]) }
    return state
  end
  add_tests(list, state, results)
  return state
end

-- Two files may have a class of the same name: tell them apart by the file.
local function make_unique(list, first, taken, path)
  for i = first, #list do
    local name = list[i][1]
    if taken[name] then list[i][1] = ("%s (%s)"):format(name, path:gsub("%.lua$", ""):gsub("%.", "_")) end
    taken[list[i][1]] = true
  end
end

-- ---- running ----

-- A name without the file that make_unique put behind its class.
local function plain_name(name) return (name:gsub(" %(.-%)", "")) end

local function is_picked(names, entry)
  local name = plain_name(entry[1])
  local class, method = name:match "^([^.]*)%.(.*)$"
  return names[name] or (class and (names[class] or names[method]))
end

-- Fail where there is nothing to run: a misspelt name must not look like a success.
local function check_tests(plan, list)
  if #list == 0 then fail("there are no tests in %s", table.concat(plan.files, ", ")) end
  local known = {}
  for _, entry in ipairs(list) do
    local name = plain_name(entry[1])
    known[name] = true
    for method in pairs(type(entry[2]) == "table" and entry[2] or {}) do
      known[method], known[name .. "." .. method] = true, true
    end
  end
  for _, name in ipairs(plan.names) do
    if not known[name] then fail("there is no test '%s'", name) end
  end
end

-- A LuaUnit whose tests are proxies.
local function new_suite(luaunit, plan, broken)
  local suite = luaunit.LuaUnit.new()
  local filter = suite.applyPatternFilter
  function suite:protectedCall(_, f, name)
    local status, message, trace = f()
    if core.interrupted() or status == nil and message == "interrupted" then error("interrupted", 0) end
    if status == nil then status, trace = "ERROR", "" end
    if status ~= "SUCCESS" and self.exeRepeat then
      message = ("iteration %d, %s"):format(self.currentCount, message)
    end
    return { status = status, msg = message or name, trace = trace }
  end
  function suite.applyPatternFilter(patterns, list)
    local included, excluded = {}, {}
    for _, entry in ipairs(list) do
      local keeps = broken[entry[1]] or #plan.names == 0 or is_picked(plan.names, entry)
      if keeps then included[#included + 1] = entry else excluded[#excluded + 1] = entry end
    end
    local kept, dropped = {}, excluded
    for _, entry in ipairs(included) do
      local passes = broken[entry[1]] or #filter(patterns, { entry }) == 1
      if passes then kept[#kept + 1] = entry else dropped[#dropped + 1] = entry end
    end
    return kept, dropped
  end
  return suite
end

local function run_suite(luaunit, plan, list, broken)
  local suite = new_suite(luaunit, plan, broken)
  suite:initFromArguments(table.unpack(#plan.options > 0 and plan.options or { "-o", "text" }))
  suite:registerSuite()
  suite:internalRunSuiteByInstances(list)
  suite:unregisterSuite()
  return suite.result.notSuccessCount
end

-- gradus --test: run what the words behind it say. Returns the exit status, the number of tests that
-- did not succeed (at most 255, which is all that a process can tell). No tests at all are an error, as
-- in pytest.
function runner.main(...)
  local plan = read_words { ... }
  if plan.help then
    print(usage)
    return 0
  end
  local has_luaunit, luaunit = pcall(require, "luaunit")
  if not has_luaunit then fail("LuaUnit is not installed (Debian: lua-unit; LuaRocks: luaunit)") end
  if #plan.files == 0 then fail("there are no files test_*.lua here") end
  local list, broken, states, taken = {}, {}, {}, {}
  for i, path in ipairs(plan.files) do
    local first = #list + 1
    states[i] = load_file(plan, list, broken, path)
    make_unique(list, first, taken, path)
  end
  check_tests(plan, list)
  local failed = run_suite(luaunit, plan, list, broken)
  for i, state in ipairs(states) do
    local _, message = state:call("testfile", "finish")
    if message then
      io.stderr:write(plan.files[i], ": teardownSuite: ", message, "\n")
      failed = failed + 1
    end
    state:close()
  end
  return math.min(failed, 255)
end

return runner
