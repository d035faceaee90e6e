-- gradus --test: files in fresh states under LuaUnit.

local lu = require "luaunit"

local folder

local function write(name, text)
  local file <close> = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
end

-- Run gradus --test in the folder; its output and exit status.
local function run(words)
  local pipe = assert(io.popen(("cd '%s' && '%s' --test %s 2>&1"):format(folder, core.program_path(), words or "")))
  local output = pipe:read "a"
  local _, _, code = pipe:close()
  return output, code or 0
end

TestRunner = {}

function TestRunner.setUp()
  folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir -p " .. folder .. "/sub/.hidden"))
  write("test_one.lua", [[
    local lu = require "luaunit"
    assert(LEFT_BEHIND == nil)
    LEFT_BEHIND = true
    TestOne = {}
    function TestOne:setUp() self.x = 1 end
    function TestOne:test_it() lu.assertEquals(self.x, 1) end
    function TestOne:test_skipped() lu.skip "later" end
    function test_function() end
  ]])
  write("sub/test_two.lua", [[
    local lu = require "luaunit"
    assert(LEFT_BEHIND == nil and arg[0] == "sub/test_two.lua")
    TestOne = {}
    function TestOne.test_fails() lu.assertEquals(1, 2) end
    function TestOne.test_breaks() local x = nil; return x.y end
    os.exit(lu.LuaUnit.run())
  ]])
  write("sub/.hidden/test_hidden.lua", "error 'never loaded'")
  write("other.lua", "error 'never loaded'")
end

function TestRunner.tearDown() os.execute("rm -rf " .. folder) end

function TestRunner.test_folders_are_searched_and_each_file_is_alone()
  local output, code = run()
  lu.assertStrContains(output, "Ran 4 tests")
  lu.assertStrContains(output, "2 successes, 1 failure, 1 error, 1 skipped")
  lu.assertStrContains(output, "sub/test_two.lua:4: expected: 2, actual: 1")
  lu.assertStrContains(output, "attempt to index a nil value (local 'x')")
  lu.assertEquals(code, 2)
end

function TestRunner.test_files_names_and_patterns_choose()
  lu.assertEquals(select(2, run "test_one.lua"), 0)
  lu.assertStrContains((run "test_one.lua TestOne.test_it"), "Ran 1 tests")
  lu.assertStrContains((run "test_one.lua sub/test_two.lua TestOne"), "Ran 3 tests")
  lu.assertStrContains((run "-p function"), "Ran 1 tests")
  lu.assertStrContains((run "-x test_two -x function sub"), "Ran 2 tests")
end

function TestRunner.test_tap_and_junit_are_one_report_over_all_files()
  local output = run "-o tap"
  lu.assertStrMatches(output, "1%.%.5\n.*not ok.*")
  run "-o junit -n report"
  local report = assert(io.open(folder .. "/report.xml")):read "a"
  lu.assertStrContains(report, 'tests="4"')
  lu.assertStrContains(report, "TestOne (test_one).test_it")
end

function TestRunner.test_a_file_that_does_not_load_fails_whatever_is_asked_for()
  write("test_bad.lua", "x = = 1")
  local output, code = run "-p function"
  lu.assertStrContains(output, "load test_bad")
  lu.assertStrContains(output, "test_bad.lua:1: unexpected symbol near '='")
  write("test_bad.lua", "local function f(x) return x.y.z end\nlocal y = f {}\n")
  output = run()
  lu.assertStrContains(output, "in local 'f'\n\ttest_bad.lua:2: in main chunk\n")
  lu.assertNotStrContains(output, "gradus.testfile")
  lu.assertEquals(code, 1)
end

function TestRunner.test_a_traceback_has_no_frames_of_the_library()
  write("test_loss.lua", [[
    function test_loss()
      local model = Sequential { Dense { 1, input_dim = 2 } }
      model:compile { loss = function(t) return t.nothing end }
      model:fit(ones(3, 2), ones(3), { verbose = 0 })
    end]])
  local output = run "test_loss.lua"
  lu.assertStrContains(output, "\n\ttest_loss.lua:3: in field 'loss'\n\ttest_loss.lua:4: in")
  lu.assertNotStrContains(output, "gradus.")
end

function TestRunner.test_update_writes_golden_values()
  write("test_golden.lua", [[
    local t = require "gradus.testing"
    function test_golden() t.assertGolden("ones", ones(2) * (tonumber(os.getenv "FACTOR") or 1)) end
  ]])
  local output, code = run "test_golden.lua"
  lu.assertStrContains(output, 'there is no golden value "ones" in test_golden.golden')
  lu.assertEquals(code, 1)
  lu.assertEquals(select(2, run "--update test_golden.lua"), 0)
  lu.assertEquals(select(2, run "test_golden.lua"), 0)
  local changed = io.popen(("cd '%s' && FACTOR=2 '%s' --test test_golden.lua"):format(folder, core.program_path()))
  lu.assertStrContains(changed:read "a", "at [1]: 2 instead of 1, off by 1")
  changed:close()
end

function TestRunner.test_os_exit_in_a_test_is_an_error()
  write("test_exit.lua", "function test_exit() os.exit(0) end")
  local output, code = run "test_exit.lua"
  lu.assertStrContains(output, "os.exit(0) was called in a test")
  lu.assertEquals(code, 1)
end

function TestRunner.test_no_tests_are_no_success()
  write("train.lua", "print 'trained'")
  local output, code = run "train.lua"
  lu.assertEquals({ output:match "there are no tests in (.*)", code }, { "train.lua\n", 1 })
  output, code = run "test_one.lua TestOne.test_ti"
  lu.assertEquals({ output:match "there is no test (.*)", code }, { "'TestOne.test_ti'\n", 1 })
  lu.assertEquals(select(2, run "test_one.lua train.lua"), 0)
end

function TestRunner.test_ctrl_c_ends_the_run_with_the_running_test()
  write("test_long.lua", [[
    TestLong = {}
    function TestLong.test_1() io.popen "kill -INT $PPID":close() while true do end end
    function TestLong.test_2() print "went on" end
  ]])
  local output, code = run "test_long.lua test_one.lua"
  lu.assertStrContains(output, ": interrupted\n")
  lu.assertNotStrContains(output, "went on")
  lu.assertEquals(code, 1)
end

function TestRunner.test_wrong_words()
  local output, code = run "nothing.lua"
  lu.assertStrContains(output, "--test: there is no file, folder or test 'nothing.lua'")
  lu.assertEquals(code, 1)
  lu.assertStrContains((run "-z"), "--test: unrecognized option '-z'")
  lu.assertStrContains((run "-o"), "--test: '-o' needs argument")
  lu.assertStrContains((run "sub/.hidden/../../other.lua"), "never loaded")
end
