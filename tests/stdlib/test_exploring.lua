-- The little commands: timeit, whos, source, experiments, run.

local lu = require "luaunit"

-- What a script prints that runs in a process of its own.
local function output(code)
  local command = ("'%s' -e '%s' 2>&1"):format(core.program_path(), code)
  local pipe <close> = assert(io.popen(command))
  return pipe:read "a"
end

TestTimeit = {}

function TestTimeit.test_it_measures_a_call()
  local calls = 0
  local timing = timeit(function() calls = calls + 1 end, 3)
  lu.assertEquals(timing.repeats, 3)
  lu.assertTrue(timing.min > 0 and timing.min <= timing.median and timing.median < 1e-3)
  lu.assertTrue(calls > timing.repeats * timing.calls)
  lu.assertStrMatches(tostring(timing), "min [%d.]+ [nu]s, median [%d.]+ [nu]s a call %(3 repeats of %d+ calls%)")
end

function TestTimeit.test_errors()
  lu.assertErrorMsgContains("timeit: f must be a function, got the number 3", timeit, 3)
  lu.assertErrorMsgContains("timeit: repeats must be a positive integer", timeit, print, 0)
  lu.assertErrorMsgContains("from f", timeit, function() error "from f" end)
end

TestWhos = {}

function TestWhos.test_it_lists_names_shapes_types_and_sizes()
  local shown = output [[
    local x = zeros(10, 2)
    view = x:rows(1, 3)
    holder = { list = { ones(3, { dtype = "float64" }) } }
    local inside = tensor { 1 }
    function keeps() return inside end
    whos()]]
  lu.assertStrMatches(shown, ".*x +%[10, 2%] +float32 +80 B\n.*")
  lu.assertStrMatches(shown, ".*\nview +%[3, 2%] +float32 +in x\n.*")
  lu.assertStrMatches(shown, ".*\nholder%.list%[1%] +%[3%] +float64 +24 B\n.*")
  lu.assertStrMatches(shown, ".*inside +%[1%] +float32 +4 B\n.*")
  lu.assertStrMatches(shown, ".*\n4 tensors with a name; all tensors alive take 108 B\n")
end

function TestWhos.test_weights_have_the_names_that_a_script_says()
  local shown = output [[
    model = Sequential { Dense { 3, input_dim = 2 }, Dense { 1 } }
    model:compile { loss = "mse" }
    model:fit(ones(4, 2), ones(4), { verbose = 0 })
    whos()]]
  for _, name in ipairs { "layers[1].kernel", "layers[1].bias", "layers[2].kernel", "layers[2].bias" } do
    lu.assertStrContains(shown, "model." .. name)
  end
  lu.assertNotStrContains(shown, "known")
end

TestSource = {}

function TestSource.test_it_prints_a_function_with_its_comment()
  local path <const> = os.tmpname()
  local file <close> = io.open(path, "w")
  file:write("local x\n-- It returns.\nlocal function f(a)\n  return a\nend\nsource(f)\n")
  file:close()
  lu.assertEquals(output(('dofile "%s"'):format(path)), "-- It returns.\nlocal function f(a)\n  return a\nend\n")
  os.remove(path)
end

function TestSource.test_it_prints_what_the_library_has()
  lu.assertStrContains(output "source(SGD)", "\nfunction optimizers.SGD(options, ...)\n")
  lu.assertStrContains(output "source(Sequential)", "Sequential")
  lu.assertEquals(output "source(print)", "(written in C)\n")
  lu.assertEquals(output 'source(load "return 1")', "return 1\n")
  lu.assertErrorMsgContains("source: f must be a function, got the number 3", source, 3)
end

TestExperiments = {}

function TestExperiments.test_they_are_listed_and_run()
  local folder = os.tmpname()
  os.remove(folder)
  os.execute(("mkdir -p %s/bin %s/share/gradus/scripts && cp %s %s/bin/gradus"):format(folder, folder,
    core.program_path(), folder))
  local script <close> = io.open(folder .. "/share/gradus/scripts/first_one.lua", "w")
  script:write("-- It tells. More of it.\nprint(arg[1], ...)\nreturn 7\n")
  script:close()
  local function run_there(code)
    local pipe <close> = io.popen(("%s/bin/gradus -e '%s' 2>&1"):format(folder, code))
    return pipe:read "a"
  end
  lu.assertEquals(run_there "experiments()", "first_one                  It tells.\n")
  lu.assertEquals(run_there [[print(run("first_one", "x"))]], "x\tx\n7\n")
  lu.assertStrContains(run_there [[run "frist_one"]], 'run: there is no experiment "frist_one", did you mean "first_one"?')
  lu.assertEquals(run_there [[print(require("gradus.completion").complete("run \"fir", {})[1])]], "first_one\n")
  os.execute("rm -rf " .. folder)
end
