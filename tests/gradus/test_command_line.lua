-- The command line: whatever runs with lua5.4 runs with gradus, the same way; and what is beyond.

local lu = require "luaunit"

local program = core.program_path()
local has_lua = os.execute "command -v lua5.4 >/dev/null 2>&1"

local folder  -- a fresh one for each test

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function write(name, text)
  local file <close> = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
end

local function read(name)
  local file <close> = assert(io.open(folder .. "/" .. name, "rb"))
  return file:read "a"
end

-- Run a shell command in the folder; LUA in it stands for the interpreter. Returns a table.
local function run(command, interpreter)
  interpreter = interpreter or program
  command = command:gsub("LUA%f[^%w_]", (quote(interpreter):gsub("%%", "%%%%")))
  local _, how, code = os.execute(("cd %s && (%s) </dev/null >out 2>err"):format(quote(folder), command))
  return { out = read "out", err = read "err", how = how, code = code }
end

-- An output without the interpreter's name and the list of options, and without the warnings that
-- lua5.4 does not have.
local function plain(text, interpreter)
  text = text:gsub("gradus: warning: [^\n]* undefined global [^\n]*\n", "")
  local function name_out(name)
    local at = text:find(name, 1, true)
    while at do
      text = text:sub(1, at - 1) .. "LUA" .. text:sub(at + #name)
      at = text:find(name, at, true)
    end
  end
  name_out(interpreter)
  return (text:gsub("Available options are:.*", ""))
end

local function check_same(command)
  local expected, actual = run(command, "lua5.4"), run(command)
  lu.assertEquals(plain(actual.out, program), plain(expected.out, "lua5.4"), command)
  lu.assertEquals(plain(actual.err, program), plain(expected.err, "lua5.4"), command)
  lu.assertEquals({ actual.how, actual.code }, { expected.how, expected.code }, command)
end

local function set_up()
  folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. quote(folder)))
end

local function tear_down() os.execute("rm -rf " .. quote(folder)) end

-- ---- as lua5.4 ----

TestAsLua = { tearDown = tear_down }

function TestAsLua.setUp()
  set_up()
  lu.skipIf(not has_lua, "lua5.4 is not installed")
  write("args.lua", 'print(#arg, arg[0], arg[1], arg[2], ...) print(arg[-1] ~= nil, arg[-2])')
  write("mod.lua", 'print("mod", ...) return { x = 15 }')
  write("fails.lua", 'local function f(x) error(x) end\nlocal function g() f "boom" return 1 end\ng()\n')
end

local same = {
  code_of_e = { [[LUA -e 'print(1)']], [[LUA '-eprint(1)' -e 'a = 3' -e 'print(a)']], [[LUA -e '']],
    [[LUA -e 'print(...)' args.lua a]], [[LUA -e 'print(#arg, arg[0], arg[-1])' args.lua x y]] },
  scripts_and_arguments = { [[LUA args.lua]], [[LUA args.lua a b c]], [[LUA -- args.lua a]],
    [[LUA "-e " -- args.lua a b c]], [[LUA ./args.lua -e x]], [[LUA missing.lua]], [[LUA .]],
    [[LUA -e 'arg[1] = 100' args.lua]], [[LUA -e 'arg = 1' args.lua]] },
  standard_input = { [[echo 'print(1, a)' | LUA -]], [[printf 'print(10)\nprint(2)' | LUA]],
    [[echo 'print(arg[1], ...)' | LUA - -h]], [[echo 'error "x"' | LUA]], [[LUA]], [[echo 'x = =' | LUA -]],
    [[echo 'print(1)' > ./-; LUA -- -]] },
  libraries = { [[LUA -l string -e 'print(string.rep("x", 3))']], [[LUA -lmath -l io args.lua]],
    [[LUA_PATH='?.lua' LUA -l mod -e 'print(mod.x)']], [[LUA_PATH='?.lua' LUA -l g=mod -e 'print(g.x)']],
    [[LUA_PATH='?.lua' LUA '-lg=mod' -e 'print(g.x)']], [[LUA -l nothing_of_this_name 2>&1 | head -2]] },
  wrong_options = { [[LUA -h]], [[LUA ---]], [[LUA --x]], [[LUA -Ex]], [[LUA -vv]], [[LUA -iv]], [[LUA -e]],
    [[LUA -l]], [[LUA -e -v]], [[LUA -W1]], [[LUA -x -e 'print(1)']], [[LUA -e 'print(1)' -x]] },
  version = { [[LUA -v]], [[LUA -v -e 'print"hello"']], [[LUA -v args.lua a]], [[LUA -e 'print(_VERSION)']] },
  environment = {
    [[LUA_INIT='X = tonumber(arg[1])' LUA -e 'print(X)' args.lua 3.2]],
    [[LUA_INIT_5_4='X = 10' LUA_INIT='X = 3' LUA -e 'print(X)']],
    [[echo 'x = rawget(_G, "x") or 10; print(x); x = x + 1' > p.lua; LUA_INIT=@p.lua LUA p.lua]],
    [[LUA_INIT='error "msg"' LUA -e 'print(1)']], [[LUA_INIT='x = =' LUA]], [[LUA_INIT=@no.lua LUA]],
    [[LUA_INIT='error(10)' LUA_PATH=xxx LUA_CPATH=xxx LUA -E -e 'print(package.path, package.cpath)']],
    [[LUA_PATH='x;;' LUA -e 'print(package.path)']], [[LUA_CPATH=xuxu LUA -e 'print(package.cpath)']],
    [[LUA_PATH_5_4=y LUA_PATH=x LUA -e 'print(package.path)']], [[env -i LUA -e 'print(package.cpath)']] },
  warnings = { [[LUA -W -e 'warn("a", "b")']], [[LUA -e 'warn "silent" warn "@on" warn "loud"']],
    [[LUA -W -e 'setmetatable({}, {__gc = function() error "XYZ" end})']] },
  exit_codes = { [[LUA -e 'os.exit(3)']], [[LUA -e 'os.exit(true, true)']], [[LUA -e 'os.exit(false)']],
    [[LUA -e 'os.exit(7, true)']], [[LUA fails.lua]], [[LUA -e 'error()']], [[LUA -e 'error(nil, 0)']] },
  errors = { [[LUA fails.lua]], [[LUA -e 'error({})']], [[LUA -e 'error(42)']], [[LUA -e 'error(true)']],
    [[LUA -e 'error(setmetatable({}, {__tostring = function() return "own words" end}))']],
    [[LUA -e 'error(setmetatable({}, {__tostring = function() return 1 end}))']],
    [[LUA -e 'error(setmetatable({}, {__tostring = function() return debug.getinfo(4).currentline .. "" end}))']],
    [[echo 'io.stderr:write(1000) cont' | LUA -e 'debug.debug()']],
    [[LUA -e 'x = = 1']], [[echo 'goto nowhere' > s.lua; LUA s.lua]], [[LUA -e 'local x <const> = 1; x = 2']],
    [[LUA -e 'local t = nil; t.x = 1']], [[LUA -e 'coroutine.wrap(function() error "in" end)()']] },
  coroutines = {
    [[LUA -e 'print(pcall(coroutine.resume, 1)) print(pcall(coroutine.close, 1))']],
    [[LUA -e 'print(coroutine.resume(coroutine.running()))']], [[LUA -e 'coroutine.close(coroutine.running())']],
    [[LUA -e 'local co co = coroutine.wrap(function() return co() end) print(pcall(co))']],
    [[LUA -e 'local function r() return coroutine.wrap(r)() end print(pcall(r))']],
    [[LUA -e 'local function f() return table.unpack({}, 1, 2e5) end print(#{coroutine.resume(coroutine.create(f))})']],
    [[LUA -e 'print(coroutine.close(coroutine.create(print))) print(pcall(coroutine.wrap(function() error {} end)))' |
      sed 's/0x.*//']],
    [[LUA -e 'local co = coroutine.create(function()
      local x <close> = setmetatable({}, { __close = function() error "closing" end }) coroutine.yield() end)
      coroutine.resume(co) print(coroutine.close(co)) print(coroutine.status(co))']] },
  tables_of_globals = { [[LUA -e 'for k in pairs(_G) do print(k) end' | sort]],
    [[LUA -e 'for k in pairs(package.loaded) do print(k) end' | sort]],
    [[LUA -e 'print(#package.searchers, next(package.preload) == nil)' | cut -c1]],
    [[LUA -e 'setmetatable(_G, { __index = function(_, k) return k end }) print(some_name)']] },
  first_lines = { [[printf '#!/usr/bin/lua\nprint(3)' > s; LUA s]], [[printf '#only' > s; LUA s]],
    [[printf '\357\273\277print(3)' > s; LUA s]], [[printf '\357\273\277# c\nprint(3)' > s; LUA s]],
    [[printf '\357print(3)' > s; LUA s]], [[printf '' > s; LUA s]] },
  compiled_code = { [[LUA -e 'io.open("b", "wb"):write("#x\n", string.dump(load "print(...)"))'; LUA b 1 2]] },
  closing = {
    [[LUA -W -e 'setmetatable({}, {__gc = function() print(2) print(collectgarbage()) os.exit(0, true) end})']],
    [[LUA -e 'local x <close> = setmetatable({}, {__close = function() print "closed" end}) os.exit(0, true)']],
    [[LUA -e 'io.output("alo"); io.write("x")'; cat alo]],
    [[LUA -e 'setmetatable({}, {__gc = function() print "collected" end}) error "x"']] },
  the_prompt_without_a_terminal = {
    [[printf '6*2-6\na =\n10\nprint(a)\na\n' | LUA -i]], [=[printf 'a = [[b\nc]]\n=a' | LUA -e '_PROMPT="" _PROMPT2=""' -i]=],
    [[printf 'error "x"\n1,2\n' | LUA -i]], [[printf 'x = =\n' | LUA -i args.lua a]],
    [[echo 10 | LUA -e 'print=nil' -i]], [[printf -- '--\na = 2\n' | LUA -e '_PROMPT="alo"' -i]] },
}

for name, commands in pairs(same) do
  TestAsLua["test_" .. name] = function()
    for _, command in ipairs(commands) do check_same(command) end
  end
end

-- ---- Ctrl-C, which a script may catch as any error ----

TestInterrupt = { setUp = set_up, tearDown = tear_down }

-- What the script does when it gets SIGINT some time after it said "ready".
local function interrupt(script, interpreter)
  write("s.lua", 'io.stdout:setvbuf "no" print "ready"\n' .. script)
  local result = run([[
    rm -f pipe; mkfifo pipe; LUA s.lua >pipe & pid=$!
    { read ready; sleep 0.1; kill -INT $pid; cat; } <pipe
    wait $pid]], interpreter)
  return { plain(result.out, interpreter or program), plain(result.err, interpreter or program), result.code }
end

local caught = {
  "pcall(function() while true do end end) print(42)",
  "local x <close> = setmetatable({}, { __close = function() print 'closed' end }) while true do end",
  "print(pcall(function() while true do end end)) error 'x'",
}

for i, script in ipairs(caught) do
  TestInterrupt["test_as_lua_" .. i] = function()
    lu.skipIf(not has_lua, "lua5.4 is not installed")
    local expected, actual = interrupt(script, "lua5.4"), interrupt(script)
    lu.assertEquals(actual[1]:gsub("s.lua:2: interrupted", "interrupted!"), expected[1])
    lu.assertEquals(actual[3], expected[3])
  end
end

function TestInterrupt.test_a_script_that_catches_it_for_ever_is_stopped()
  local result = interrupt "while true do pcall(function() while true do end end) end"
  lu.assertStrContains(result[2], "interrupted")
  lu.assertEquals(result[3], 1)
end

function TestInterrupt.test_one_that_stopped_a_loop_in_c_can_be_caught()
  local result = interrupt "print(pcall(function() while true do zeros(1000, 1000):matmul(zeros(1000, 1000)) end end)) print(42)"
  lu.assertStrMatches(result[1], "false\t.*interrupted\n42\n", 1)
  lu.assertEquals({ result[2], result[3] }, { "", 0 })
end

-- ---- beyond ----

TestBeyond = { setUp = set_up, tearDown = tear_down }

function TestBeyond.test_help_lists_every_option()
  local shown = run "LUA --help"
  lu.assertEquals(shown.code, 0)
  for _, option in ipairs { "-e", "-i", "-l", "-v", "-E", "-W", "-D", "--params", "--seed", "--strict",
                            "--no-warnings", "--profile", "--test", "--help", "--version" } do
    lu.assertStrContains(shown.out, "  " .. option .. " ")
  end
end

function TestBeyond.test_version_tells_the_instruction_set_and_the_threads()
  local shown = run "GRADUS_SIMD=portable LUA --version"
  lu.assertStrMatches(shown.out, "Gradus %d+%.%d+, portable, %d+ threads?\nLua 5%.4.*", 1)
end

function TestBeyond.test_seed_fixes_everything_random()
  local command = "LUA --seed 7 -e 'print(math.random(1000), RandomState():uniform())'"
  lu.assertEquals(run(command).out, run(command).out)
  lu.assertEquals(run(command).out, run((command:gsub("%-%-seed 7", "--seed=7"))).out)
  lu.assertNotEquals(run(command).out, run((command:gsub("7", "8"))).out)
  for _, threads in ipairs { "0", "x", "257", "1.5" } do
    lu.assertStrContains(run("LUA --threads " .. threads .. " -e ''").err,
      ("--threads: expected a whole number from 1 to 256, got '%s'"):format(threads))
  end
  lu.assertStrContains(run("LUA --seed x -e ''").err, "--seed: expected a whole number not below 0, got 'x'")
end

function TestBeyond.test_undefined_globals_are_told_once_with_line_and_nearest_name()
  write("s.lua", "local clip_norm = 1\nprint(clip_nrom)\nprint(clip_nrom, zeroes)\n")
  local result = run "LUA s.lua"
  lu.assertEquals(result.out, "nil\nnil\tnil\n")
  lu.assertEquals(result.err,
    [[gradus: warning: s.lua:2: undefined global 'clip_nrom', did you mean "clip_norm"?]] .. "\n" ..
    [[gradus: warning: s.lua:3: undefined global 'zeroes', did you mean "zeros"?]] .. "\n")
  lu.assertEquals(result.code, 0)
end

function TestBeyond.test_strict_makes_undefined_globals_an_error()
  write("s.lua", "x = 1\nprint(x)\nprint(y)\n")
  local result = run "LUA --strict s.lua"
  lu.assertEquals(result.out, "1\n")
  lu.assertStrContains(result.err, ": s.lua:3: undefined global 'y'")
  lu.assertEquals(result.code, 1)
end

function TestBeyond.test_no_warnings_is_silent()
  write("s.lua", "print(y)")
  lu.assertEquals(run("LUA --no-warnings s.lua").err, "")
end

function TestBeyond.test_undefined_globals_of_the_command_line_and_standard_input_are_told()
  lu.assertStrContains(run("LUA -e 'print(y)'").err, "(command line):1: undefined global 'y'")
  lu.assertStrContains(run("echo 'print(y)' | LUA").err, "stdin:1: undefined global 'y'")
end

function TestBeyond.test_a_prompt_without_a_terminal_warns_as_little_as_lua_but_strict_holds()
  lu.assertEquals(run("echo 'print(y)' | LUA -i").err, "")
  lu.assertStrContains(run("echo 'print(y)' | LUA --strict -i").err, "stdin:1: undefined global 'y'")
end

function TestBeyond.test_modules_and_loaded_code_may_read_undefined_globals()
  write("m.lua", "return { y = some_name }")
  write("s.lua", 'require "m" dofile "m.lua" load("return other_name")() print(rawget(_G, "third_name"))')
  lu.assertEquals(run("LUA_PATH='?.lua' LUA s.lua").err, "")
end

function TestBeyond.test_words_are_globals_without_being_fields_of_G()
  write("s.lua", [[
    local before = 0
    for _ in pairs(_G) do before = before + 1 end
    assert(SGD and Sequential and plot)
    local after = 0
    for _ in pairs(_G) do after = after + 1 end
    assert(before == after and rawget(_G, "SGD") == nil and next(_G, "print") ~= "SGD")
    SGD = 3
    assert(SGD == 3 and rawget(_G, "SGD") == 3 and require "gradus".SGD ~= 3)
    SGD = nil
    assert(SGD == require "gradus".SGD)
  ]])
  lu.assertEquals(run("LUA s.lua"), { out = "", err = "", how = "exit", code = 0 })
end

function TestBeyond.test_a_script_with_a_habit_of_python_is_told_how_lua_has_it()
  write("python.lua", "local x = 3\nif x != 3 then print(x) end\n")
  lu.assertEquals(run("LUA python.lua").err:match ": (.*)", "python.lua:2: 'then' expected near '!'; Lua says ~=\n")
  write("else.lua", "if x then\n  y()\nelse if z then\n  y()\nend\n")
  lu.assertStrContains(run("LUA else.lua").err, "near <eof>; line 3 has else if, which Lua says as elseif\n")
  write("runs.lua", "local t = ones(1)\nprint(('%.3f'):format(t))\n")
  lu.assertStrContains(run("LUA runs.lua").err,
    "got tensor); the number in a tensor of one element is x:item()\nstack traceback:\n")
  write("wrong.lua", "x = = 3\n")
  if has_lua then check_same "LUA wrong.lua" end
end

function TestBeyond.test_a_traceback_has_no_frames_of_the_library()
  write("fails.lua", [[
    local model = Sequential { Dense { 1, input_dim = 2 } }
    local function helper(t) return t.sqare end
    model:compile { loss = function(t, p) local e = helper(t - p) return e end }
    model:fit(ones(4, 2), ones(4), { verbose = 0 })
  ]])
  local err = run("LUA fails.lua").err
  lu.assertEquals(err:match "\n(.*)", [[
stack traceback:
	[C]: in metamethod 'index'
	fails.lua:2: in upvalue 'helper'
	fails.lua:3: in field 'loss'
	fails.lua:4: in main chunk
	[C]: in ?
]])
  lu.assertEquals(run("LUA -e 'SGD { clipnrom = 1 }'").err:match "\n(.*)", [[
stack traceback:
	(command line):1: in main chunk
	[C]: in ?
]])
end

function TestBeyond.test_profile_tells_the_operations_however_the_script_ends()
  for _, ending in ipairs { "", "os.exit(0)", "os.exit(0, true)" } do
    local result = run(("LUA --profile -e 'zeros(3):exp() %s'"):format(ending))
    lu.assertStrMatches(result.err, ".*operation +calls.*\nexp +1 .*\ntotal .*", 1)
    lu.assertEquals(result.out, "")
  end
end

-- ---- parameters ----

TestParameters = { tearDown = tear_down }

function TestParameters.setUp()
  set_up()
  write("s.lua", [==[
local epochs = param("epochs", 100)  -- how many
-- param("commented", 1)
local text = [[ param("quoted", 1) ]] .. 'param("too", 1)'
local c = param('clipnorm', 1.0)   --  the threshold
local list = param("thresholds", { 0.1, 1 })
local who, fast = param "who", param("fast", false)
print(epochs, c, table.concat(list, " "), who, fast)
]==])
end

function TestParameters.test_params_lists_what_a_script_takes()
  lu.assertEquals(run("LUA --params s.lua").out, [[
epochs      100         how many
clipnorm    1.0         the threshold
thresholds  { 0.1, 1 }
who
fast        false
]])
end

function TestParameters.test_a_value_takes_the_type_of_its_default()
  lu.assertEquals(run("LUA s.lua").out, "100\t1.0\t0.1 1\tnil\tfalse\n")
  lu.assertEquals(run("LUA -Depochs=3 -D clipnorm=inf -D thresholds=1,2,3 -D who=7 -D fast=true s.lua").out,
    "3\tinf\t1.0 2.0 3.0\t7\ttrue\n")
  for wrong, expected in pairs {
    ["epochs=1.5"] = 'param: epochs must be a whole number, as its default 100 is, or nil; got "1.5"',
    ["clipnorm=x"] = 'param: clipnorm must be a number, as its default 1.0 is, or nil; got "x"',
    ["fast=1"] = 'param: fast must be true or false, as its default false is, or nil; got "1"',
    epochs = "-D: expected name=value, got 'epochs'",
  } do
    local result = run("LUA -D " .. wrong .. " s.lua")
    lu.assertStrContains(result.err, expected)
    lu.assertEquals(result.code, 1)
  end
end

function TestParameters.test_a_value_behind_the_scripts_name_is_told()
  write("l.lua", 'print(param("clipnorm", 1.0), param("clipnorm", 2.0), param("clip", 1), #arg)')
  for words, count in pairs { ["-D clipnorm=3"] = 2, ["-Dclipnorm=3"] = 1 } do
    local result = run("LUA l.lua " .. words)
    lu.assertEquals(result.out, "1.0\t2.0\t1\t" .. count .. "\n")
    lu.assertEquals(result.err, "gradus: warning: -D clipnorm=3 stands behind the script's name and is not read: "
      .. "options go before it\n")
  end
  lu.assertEquals(run("LUA -D clipnorm=4 l.lua x=-D -D other=3 -D").err, "")
end

function TestParameters.test_nil_turns_off_whatever_is_no_string()
  write("n.lua", 'print(param("clipnorm", 1.0), param("epochs", 1), param("list", { 1 }), param("name", "x"), param "none")')
  lu.assertEquals(run("LUA -D clipnorm=nil -D epochs=nil -D list=nil -D name=nil -D none=nil n.lua").out,
    "nil\tnil\tnil\tnil\tnil\n")
  write("n.lua", 'print(type(param("name", "x")), type(param("list", { 1 })))')
  lu.assertEquals(run("LUA -D name=nil n.lua").out, "string\ttable\n")
end

function TestParameters.test_an_unknown_name_fails_before_the_script_runs()
  local result = run "LUA -D epcohs=3 s.lua"
  lu.assertStrContains(result.err, '-D epcohs: the script takes no parameter of this name, did you mean "epochs"?')
  lu.assertEquals({ result.out, result.code }, { "", 1 })
end

function TestParameters.test_an_unknown_name_fails_at_the_end_where_the_text_does_not_tell()
  write("t.lua", 'local name = "ep" .. "ochs"\nprint(param(name, 1))')
  local result = run "LUA -D epcohs=3 t.lua"
  lu.assertStrContains(result.err, 'did you mean "epochs"?')
  lu.assertEquals({ result.out, result.code }, { "1\n", 1 })
  lu.assertEquals(run("LUA -D epochs=3 t.lua").out, "3\n")
end
