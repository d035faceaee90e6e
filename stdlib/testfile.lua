-- testfile: one file of tests, seen from inside the fresh Lua state that the runner gave it.
--
-- The runner (gradus.runner) lives in another state and speaks to this one in strings, numbers and
-- booleans only: load tells the tests' names, run runs one function and tells how it ended.

local core = require "gradus.core"
local golden = require "gradus.golden"
local luaunit = require "luaunit"
local os = require "os"

local testfile = {}

local stop = {}  -- what LuaUnit.run and os.exit raise while the file is loaded

-- A test that ends the process would end all the others, and look like a success.
local function refuse_to_exit(code)
  error(("os.exit(%s) was called in a test"):format(code == nil and "" or tostring(code)), 2)
end

-- A traceback without the library's frames and the ones of C next to them, as a script's.
local function users_frames(text)
  local kept, between, has_library = {}, {}, false
  local function flush()
    if not has_library then table.move(between, 1, #between, #kept + 1, kept) end
    between, has_library = {}, false
  end
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local is_library = line:find "^\tgradus%."
    if is_library or line:find "^\t%[C%]: " or line:find "^\t%(%.%.%.tail" then
      between[#between + 1], has_library = line, has_library or is_library
    else
      flush()
      kept[#kept + 1] = line
    end
  end
  flush()
  return table.concat(kept, "\n")
end

-- Many files of tests end in os.exit(luaunit.LuaUnit.run()), to be run by themselves. Here that is
-- the end of loading, since whoever loads them runs the tests.
local function load_file(path)
  local chunk, message = loadfile(path)
  if not chunk then error(message, 0) end
  local run, suite = luaunit.LuaUnit.run, luaunit.LuaUnit.runSuite
  local function stop_loading() error(stop, 0) end
  os.exit, luaunit.LuaUnit.run, luaunit.LuaUnit.runSuite = stop_loading, stop_loading, stop_loading
  local succeeded, value = xpcall(chunk, function(value)
    return value == stop and stop or users_frames(debug.traceback(tostring(value), 2))
  end)
  os.exit, luaunit.LuaUnit.run, luaunit.LuaUnit.runSuite = refuse_to_exit, run, suite
  if not succeeded and value ~= stop then error(value, 0) end
end

local fixtures = { "setup", "setUp", "Setup", "SetUp", "teardown", "tearDown", "Teardown", "TearDown",
                   "setupClass", "teardownClass" }

local function is_test(name) return type(name) == "string" and luaunit.LuaUnit.isTestName(name) end

-- Tests that the class itself has, fixtures that it may have inherited.
local function callable_names(class)
  local names = {}
  for name, value in pairs(class) do
    if type(value) == "function" and is_test(name) then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(fixtures) do
    if type(class[name]) == "function" then names[#names + 1] = name end
  end
  return names
end

-- testfile.load(path, updates) -> the names of its tests and fixtures: "TestClass.test_it", "test_it"
-- Load the file, with golden values compared or written.
function testfile.load(path, updates)
  golden.file, golden.updates = path, updates
  _G.arg = { [-1] = core.program_path(), [0] = path }
  load_file(path)
  local names = {}
  for _, name in ipairs(luaunit.LuaUnit.collectTests()) do
    local value = _G[name]
    if type(value) == "function" then
      names[#names + 1] = name
    elseif type(value) == "table" then
      for _, method in ipairs(callable_names(value)) do names[#names + 1] = name .. "." .. method end
    end
  end
  if type(_G.setupSuite) == "function" then _G.setupSuite() end
  return table.unpack(names)
end

-- The text of an error's value.
local function message_text(message)
  return type(message) == "string" and message or luaunit.prettystr(message)
end

-- testfile.run(name) -> LuaUnit's status ("SUCCESS", "FAIL", "ERROR", "SKIP"), message, traceback
function testfile.run(name)
  local class, method = luaunit.LuaUnit.splitClassMethod(name)
  local instance = class and _G[class]
  local f = instance and instance[method] or _G[name]
  local result = luaunit.LuaUnit.new():protectedCall(instance, f, name)
  if result.status == "SUCCESS" then return "SUCCESS" end
  return result.status, message_text(result.msg), result.trace and users_frames(result.trace)
end

-- What the file wants done at its end.
function testfile.finish()
  if type(_G.teardownSuite) == "function" then _G.teardownSuite() end
end

return testfile
