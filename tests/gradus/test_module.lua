-- gradus.so in a stock Lua, which needs lua5.4, and what make install puts where.

local lu = require "luaunit"

local build = os.getenv "BUILD" or "build"
local module = build .. "/gradus.so"

local function output(command)
  local pipe <close> = assert(io.popen(command .. " 2>&1"))
  return pipe:read "a"
end

local function lua(code) return output(("LUA_CPATH='%s/?.so' lua5.4 -e '%s'"):format(build, code)) end

TestModule = {}

function TestModule.setUp()
  lu.skipIf(not os.execute "command -v lua5.4 >/dev/null", "lua5.4 is not installed")
  local file = io.open(module)
  lu.skipIf(not file, module .. " is not built (make module)")
  file:close()
  lu.skipIf(lua('require "gradus"'):find "[Aa][Ss][Aa][Nn]", module .. " is built with sanitizers, lua5.4 is not")
end

-- There the collector is in generational mode.
function TestModule.test_a_loop_of_temporaries_runs_in_bounded_memory()
  local kilobytes = lua [[
    local x = require("gradus").ones(1000000)
    for _ = 1, 100 do x = x * 0.5 + 1 end
    for line in io.lines "/proc/self/status" do print(line:match "VmHWM:%s*(%d+)" or "") end]]
  lu.assertTrue(tonumber(kilobytes:match "%d+") < 100000, kilobytes)
end

function TestModule.test_it_works_and_makes_no_globals()
  lu.assertEquals(lua [[
    local before = {}
    for name in pairs(_G) do before[name] = true end
    local g = require "gradus"
    local model = g.Sequential { g.Dense { 1, input_dim = 2 } }
    model:compile { loss = "mean_squared_error", optimizer = g.SGD { clipnorm = 1 } }
    model:fit(g.ones(8, 2), g.ones(8, 1), { epochs = 2, verbose = 0 })
    print(g.tensor { 1, 2 }:sum():item(), g.no_such_word, getmetatable(_G))
    for name in pairs(_G) do if not before[name] then print("made", name) end end
  ]], "3.0\tnil\tnil\n")
end

-- There tensors have a finalizer, which anybody may call.
function TestModule.test_a_tensor_collected_by_hand_is_no_tensor_any_more()
  lu.assertEquals(lua [[
    local g = require "gradus"
    local t, handle = g.ones(2), io.tmpfile()
    local metatable = debug.getmetatable(t)
    for _, value in ipairs { t, t, handle, {}, 3, print } do assert(metatable.__gc(value) == nil) end
    for _, f in ipairs { function() return t.shape end, function() return t + 1 end, function() return t[1] end,
                         function() t[1] = 1 end, function() return tostring(t) end } do
      assert(not pcall(f))
    end
    print(handle:write "still a file" == handle)]], "true\n")
end

function TestModule.test_a_module_of_it_may_be_required_first()
  for _, name in ipairs { "testing", "core", "plot", "errors" } do
    lu.assertStrMatches(lua(('print(type((require "gradus.%s")))'):format(name)), "table\n")
  end
end

function TestModule.test_only_its_entries_can_be_seen()
  lu.skipIf(not os.execute "command -v nm >/dev/null", "nm is not installed")
  for line in output("nm -D --defined-only " .. module):gmatch "[^\n]+" do
    lu.assertStrContains(line, "luaopen_gradus")
  end
end

function TestModule.test_luarocks_takes_the_rockspec()
  lu.skipIf(not os.execute "command -v luarocks >/dev/null 2>&1", "luarocks is not installed")
  local lint = io.popen "luarocks --lua-version=5.4 lint src/gradus/gradus-0.1-1.rockspec 2>&1"
  local told = lint:read "a"
  lu.assertTrue(lint:close(), told)
end

TestInstall = {}

function TestInstall.test_what_is_installed_works_there_and_uninstall_leaves_nothing()
  lu.skipIf(not os.execute "command -v make >/dev/null", "make is not installed")
  local folder = os.tmpname()
  os.remove(folder)
  local make = ("make -s BUILD=%s DESTDIR=%s PREFIX=/usr "):format(build, folder)
  local told = output(make .. "install")
  local files = output("cd " .. folder .. " && find . -type f")
  for _, file in ipairs { "bin/gradus", "lib/lua/5.4/gradus.so", "share/man/man1/gradus.1",
                          "share/gradus/scripts/mlp_clipnorm.lua", "share/gradus/library/gradus.lua",
                          "share/gradus/library/gradus/testing.lua" } do
    lu.assertStrContains(files, "./usr/" .. file .. "\n", false, told)
  end
  lu.assertStrContains(output(folder .. "/usr/bin/gradus -e 'experiments()'"), "mlp_clipnorm ")
  output(make .. "uninstall")
  lu.assertEquals(output("find " .. folder .. " -type f"), "")
  os.execute("rm -rf " .. folder)
end
