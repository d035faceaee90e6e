-- test_help: help, the reference, and what is made of it. Every help text has an example, and every
-- example runs.

local lu = require "luaunit"
local completion = require "gradus.completion"
local document = require "gradus.document"
local help = require "gradus.help"
local pipe = require "gradus.pipe"
local pretty = require "gradus.pretty"
local reference = require "gradus.reference"
local session = require "gradus.session"
local tokens = require "gradus.tokens"

local build = os.getenv "BUILD" or "build"

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function capture(command)
  local handle = assert(io.popen(command .. " 2>&1"))
  local output = handle:read "a"
  return output, handle:close() == true
end

-- What help(...) prints.
local function help_text(argument)
  return (capture(build .. "/gradus -e " .. quote("help(" .. argument .. ")")))
end

-- What f(...) writes to standard output.
local function written(f, ...)
  local parts, own = {}, getmetatable(io.stdout).__index
  local write = own.write
  own.write = function(_, ...) parts[#parts + 1] = table.concat { ... } end
  local succeeded, message = pcall(f, ...)
  own.write = write
  lu.assertTrue(succeeded, message)
  return table.concat(parts)
end

TestReference = {}

local function described(owner)
  local names = {}
  for _, entry in ipairs(reference.entries()) do
    if entry.owner == owner then names[entry.short_name] = true end
  end
  return names
end

function TestReference.test_every_word_method_and_field_has_an_entry()
  local names = { [false] = reference.words(), RandomState = {}, plot = {}, testing = {}, tensor = {},
                  optimizer = { "apply", "iterations", "last_step" },
                  scaler = { "fit", "transform", "fit_transform", "inverse_transform" } }
  for name in pairs(getmetatable(RandomState()).__index) do table.insert(names.RandomState, name) end
  for name in pairs(plot) do table.insert(names.plot, name) end
  for name in next, (require "gradus.testing") do table.insert(names.testing, name) end
  for name in pairs(require("gradus.core").methods) do
    if not _G[name] then table.insert(names.tensor, name) end
  end
  for _, name in ipairs { "shape", "dtype", "rank", "size", "T", "requires_grad", "grad" } do
    table.insert(names.tensor, name)
  end
  for owner, list in pairs(names) do
    local known = described(owner or nil)
    for _, name in ipairs(list) do
      lu.assertTrue(known[name] or name == "plot", ("%s of %s is not described"):format(name, owner))
    end
  end
end

-- Of every function: what it is called, what it does, whose semantics it has, and an example.
function TestReference.test_every_entry_says_all_that_there_is_to_say()
  for _, entry in ipairs(reference.entries()) do
    local text = table.concat(entry.text, " "):gsub(" +", " ")
    lu.assertTrue(entry.signature:find(entry.short_name, 1, true) ~= nil or entry.short_name == "slice")
    lu.assertNotNil(entry.example, entry.name .. " has no example")
    local has_source = text:find "As %l*%s?[%a'][%w_.:'%[]" or text:find "Gradus's own%."
    lu.assertNotNil(has_source, entry.name .. " does not say whose semantics it has")
    lu.assertTrue(#entry.options == 0 or text:find "%S" ~= nil, entry.name)
  end
end

-- Plots draw nothing, files go to a folder of their own.
local run_examples = [[
  local reference, failed = require "gradus.reference", 0
  local golden = require "gradus.golden"
  golden.updates, golden.file = true, "test_examples.lua"
  for _, entry in ipairs(reference.entries()) do
    local environment = setmetatable({}, { __index = _G })
    local f = load("return " .. entry.example, "=example", "t", environment)
    local message
    if not f then f, message = load(entry.example, "=example", "t", environment) end
    local succeeded = f ~= nil
    if f then succeeded, message = pcall(f) end
    plot.close "all"
    if not succeeded then
      failed = failed + 1
      io.stderr:write("example of ", entry.name, ": ", tostring(message), "\n")
    end
  end
  os.exit(failed == 0)
]]

function TestReference.test_every_example_runs()
  local folder = os.tmpname()
  os.remove(folder)
  assert(pipe.make_folder(folder))
  assert(os.execute(("mkdir -p %s/bin %s/share/gradus && ln -s $PWD/scripts %s/share/gradus/scripts && cp %s/gradus %s/bin")
    :format(folder, folder, folder, build, folder)))  -- installed, wherever it was built
  local output, succeeded = capture(("(cd %s && GRADUS_PLOT=none bin/gradus -e %s >/dev/null)"):format(
    quote(folder), quote(run_examples)))
  os.execute("rm -rf " .. quote(folder))
  lu.assertTrue(succeeded, output)
end

function TestReference.test_options_are_read_from_signatures_and_lists()
  local found = {}
  for _, entry in ipairs(reference.entries()) do
    found[entry.name] = {}
    for _, option in ipairs(entry.options) do found[entry.name][option.name] = option.default or "" end
  end
  lu.assertEquals(found.SGD.learning_rate, "0.01")
  lu.assertEquals(found["model:fit"].epochs, "1")
  lu.assertNotNil(found.make_regression.tail_strength)
  lu.assertEquals(found.Dense.activation, '"linear"')
end

function TestReference.test_the_documents_hold_every_entry()
  local markdown = document.markdown()
  for _, entry in ipairs(reference.entries()) do
    lu.assertTrue(markdown:find(entry.signature, 1, true) ~= nil, entry.signature)
    lu.assertTrue(markdown:find(entry.example, 1, true) ~= nil, entry.signature)
  end
end

TestHelp = {}

function TestHelp.test_it_lists_what_there_is()
  local text = help_text ""
  lu.assertStrContains(text, "Optimizers")
  lu.assertStrContains(text, "make_regression")
end

function TestHelp.test_functions_methods_and_names_are_the_same_question()
  lu.assertEquals(help_text "SGD", help_text '"SGD"')
  lu.assertStrContains(help_text "SGD", "SGD { learning_rate = 0.01")
  lu.assertStrContains(help_text "ones(2).sum", "x:sum([axes [, keepdims]]) -> tensor")
  lu.assertStrContains(help_text "Sequential {}.fit", "validation_split")
  lu.assertStrContains(help_text "plot.hist", "plot.hist(values")
  lu.assertStrContains(help_text "print", "Lua's own")
  lu.assertEquals(help_text '"t.sum"', help_text "ones(2).sum")
  lu.assertEquals(help_text '"t:sum"', help_text '"x:sum"')
  lu.assertNotStrContains(help_text "zeros", "  ones, ")  -- which has the same text
  lu.assertStrContains(help_text '"t.shape"', "t.shape -> list of integers")
  lu.assertStrContains(help_text '"len"', 'There is no "len": the length of x is #x.')
end

function TestHelp.test_what_tells_the_rest_can_be_typed()
  lu.assertStrContains(help_text '"clipnorm"', "\n  help(SGD) tells the rest.")
  lu.assertStrContains(help_text '"norm_after"', '\n  help "optimizer.last_step" tells the rest.')
  lu.assertStrContains(help_text '"epochs"', '\n  help "model:fit" tells the rest.')
  lu.assertStrContains(help_text '"model:fit"', "validation_split")
end

function TestHelp.test_values_tell_what_makes_them_and_what_they_have()
  lu.assertStrContains(help_text "SGD {}", "An optimizer.")
  lu.assertStrContains(help_text "SGD {}", "optimizer.last_step")
  lu.assertStrContains(help_text "MinMaxScaler {}", "scaler:inverse_transform")
  lu.assertStrContains(help_text "Sequential {}", "model.trainable_weights")
  lu.assertStrContains(help_text "nil", "nil, as a name that nobody defined is")
  lu.assertStrContains(help_text '"callback"', "callback:on_epoch_end(epoch, logs)")
  lu.assertStrContains(help_text '"--strict"', "gradus --help")
end

function TestHelp.test_what_is_lua_s_own_and_what_is_the_user_s()
  lu.assertStrContains(help_text "string", "string is Lua's own")
  lu.assertStrContains(help_text "math.floor", "#pdf-math.floor")
  lu.assertStrContains(help_text '"while"', "while is a keyword of Lua")
  local text = capture(build .. "/gradus -e 'function mine() end help(mine)'")
  lu.assertStrContains(text, "A function defined at")
  text = capture(build .. "/gradus -e 'string = nil help(SGD)'")
  lu.assertStrContains(text, "SGD {")
end

-- What `?question` prints, with the names in the table `known`.
local function answer(question, known)
  return written(help.answer, question,
    { lookup = function(name) return known[name] end, environment = known, words = known })
end

function TestHelp.test_questions_about_values_at_the_prompt()
  local known = { X = ones(2), opt = SGD {}, model = Sequential {}, rs = RandomState(1),
                  scaler = MinMaxScaler {}, SGD = SGD }
  for question, expected in pairs {
    ["SGD"] = "SGD {", ["X:sum"] = "x:sum(", ["X.shape"] = "t.shape", ["model.fit"] = "model:fit(",
    ["opt.last_step"] = "optimizer.last_step", ["opt.momentum"] = "momentum: an option of SGD",
    ["SGD.clipnorm"] = "clipnorm: an option of SGD", ["rs:normal"] = "rs:normal(",
    ["scaler:fit"] = "scaler:fit(", ["X:summ"] = 'A tensor has no "summ"; the nearest is "sum":',
    ['"clipnorm"'] = "clipnorm: an option of SGD", ["'SGD'"] = "SGD {",
    ["SGD { }"] = "SGD {", [""] = "Optimizers", ["nosuchthing"] = "There is nothing called",
  } do
    lu.assertStrContains(answer(question, known), expected)
  end
end

function TestHelp.test_methods_are_known_as_values_too()
  for _, case in ipairs { { RandomState(1).normal, "rs:normal(" }, { SGD().apply, "optimizer:apply(" },
                          { ones(1).sum, "x:sum(" }, { Sequential({}).fit, "model:fit(" }, { zeros, "zeros(" },
                          { print, "print is Lua's own" }, { io.stdout.write, "A function written in C." } } do
    lu.assertEquals(written(help.help, case[1]):sub(1, #case[2]), case[2])
  end
end

function TestHelp.test_a_list_keeps_its_columns_and_the_width()
  local text = help_text '"model:fit"'
  lu.assertStrContains(text, "\n    epochs             how many times")
  for line in text:gmatch "[^\n]+" do lu.assertTrue(#line <= 84, line) end
end

function TestHelp.test_an_option_shows_the_order_of_things_in_one_line()
  local text = help_text '"clipnorm"'
  lu.assertStrContains(text, "clipnorm: an option of SGD")
  lu.assertStrContains(text,
    "\nOrder: loss with regularizers, gradient, norm, value, momentum, update; decay apart.\n")
  lu.assertStrContains(text, "Example:")
  lu.assertStrContains(help_text '"loss"', "loss: an option of model:compile, which must be given")
  lu.assertStrContains(help_text '"cut"', "cut: a field of ")
  lu.assertStrContains(help_text '"lr"', "another name for learning_rate")
end

function TestHelp.test_words_are_found_and_unknown_names_answered_with_the_nearest()
  local text = help_text '"grad"'
  lu.assertStrContains(text, "no_grad")
  lu.assertStrContains(text, "loss:backward")
  lu.assertStrContains(help_text '"Sequentail"', 'the nearest is "Sequential"')
  lu.assertStrContains(help_text '"qqqqqqqqqqqq"', "help() lists what there is")
end

function TestHelp.test_every_entry_can_be_asked_for()
  for _, entry in ipairs(reference.entries()) do
    lu.assertStrContains(written(help.help, entry.name), entry.name)
  end
end

TestPretty = {}

function TestPretty.test_tables()
  lu.assertEquals(pretty.text { 1, "two", { three = 3 }, [10] = true },
    '{ 1, "two", { three = 3 }, [10] = true }')
  lu.assertEquals(pretty.text {}, "{}")
  lu.assertEquals(pretty.text { ["a b"] = 1, c = 0 / 0 }, '{ ["a b"] = 1, c = nan }')
  local cycle = {}
  cycle.self = { cycle }
  lu.assertEquals(pretty.text(cycle), "{ self = { <cycle> } }")
  lu.assertEquals(pretty.text { { { { { 1 } } } } }, "{ { { { {...} } } } }")
  lu.assertStrContains(pretty.text(setmetatable({ 1 }, { __name = "point" })), "point { 1 }")
  lu.assertEquals(pretty.text(setmetatable({}, { __tostring = function() return "mine" end })), "mine")
  local long = {}
  for i = 1, 100 do long[i] = i end
  lu.assertStrContains(pretty.text(long), "... 80 more")
  for line in pretty.text(long, { width = 40 }):gmatch "[^\n]+" do lu.assertTrue(#line <= 41) end
end

function TestPretty.test_strings_are_one_line_of_clean_text()
  lu.assertEquals(pretty.text 'a"b\n\27[31m', [["a\"b\n\027[31m"]])
  lu.assertEquals(pretty.text "\xff", '"\\xff"')
  lu.assertEquals(pretty.text "é", '"é"')
end

TestSession = {}

local function run(own, text)
  local entry, message = own:compile(text, { chunkname = "=stdin", keeps_open = true })
  if not entry then return nil, message end
  return entry()
end

function TestSession.test_locals_are_shared_variables()
  local own = session.new({})
  run(own, "local x = 1 local function f() x = x + 1 return x end")
  lu.assertEquals(run(own, "f()"), 2)
  run(own, "x = 10")
  lu.assertEquals(run(own, "f() + x"), 22)
  lu.assertEquals(run(own, "local x = x * 2 return x"), 22)
  lu.assertEquals(run(own, "f()"), 12)
  lu.assertEquals(run(own, "x"), 22)
end

function TestSession.test_returns_inside_blocks_and_jumps()
  local own = session.new({ error = error })
  lu.assertEquals(run(own, "local a = 5 if a > 4 then return a end local b = 6"), 5)
  lu.assertEquals(run(own, "a, b"), 5)
  run(own, "local c = 1 goto done do local d = 2 end ::done::")
  lu.assertEquals(run(own, "local n <const>, s = 3, 'x' -- a comment at the end"), nil)
  lu.assertEquals(run(own, "n"), 3)
  local _, message = run(own, "n = 4")
  lu.assertStrContains(message, "const variable 'n'")
  lu.assertEquals(run(own, "local t = { f = function() return n end } return t.f()"), 3)
end

function TestSession.test_what_is_incomplete()
  for text, expected in pairs { ["for i = 1, 2 do"] = true, ["f("] = true, ["x = [["] = true,
                                ["1 +"] = true, ["}"] = false, ["x = 1"] = false, ["f()"] = false,
                                ["--[["] = true, ["'abc"] = false } do
    lu.assertEquals(session.is_incomplete(text), expected, text)
  end
end

TestTokens = {}

function TestTokens.test_the_tokens_of_text_that_may_be_unfinished()
  local function texts(text)
    local list = {}
    for i, token in ipairs(tokens.list(text)) do list[i] = token.text end
    return list
  end
  lu.assertEquals(texts([=[local x <const> = 0x1p-2 .. "a\"b" --[==[ c ]] ]==] y]=]),
    { "local", "x", "<", "const", ">", "=", "0x1p-2", "..", '"a\\"b"', "y" })
  lu.assertEquals(tokens.list("f('scr")[3].open, "'")
  lu.assertEquals(tokens.list("x = [==[ long")[3].open, "]==]")
  lu.assertEquals(texts "a.b:c{1,...}", { "a", ".", "b", ":", "c", "{", "1", ",", "...", "}" })
end

TestCompletion = {}

local scope = {
  environment = { apple = { pie = 1, plum = print }, _hidden = 1 }, words = require "gradus",
  names = function() return { "avocado" } end,
  files = function(beginning) return { beginning .. "x" } end,
}
function scope.lookup(name) return scope.environment[name] end

function TestCompletion.test_what_completes()
  local function complete(text) return (completion.complete(text, scope)) end
  lu.assertEquals(complete "app", { "apple" })
  lu.assertEquals(complete "avo", { "avocado" })
  lu.assertEquals(complete "whil", { "while" })
  lu.assertEquals(complete "apple.p", { "pie", "plum" })
  lu.assertEquals(complete "apple:p", { "plum" })
  lu.assertEquals(complete "make_reg", { "make_regression" })
  lu.assertEquals(complete "SGD { clipn", { "clipnorm = " })
  lu.assertEquals(complete "SGD { momentum = 0.9, clipv", { "clipvalue = " })
  lu.assertEquals(complete "SGD({ nest", { "nesterov = " })
  lu.assertEquals(complete "model:fit(X, f(1, { 2 }), { validation_d", { "validation_data = " })
  lu.assertEquals(complete "print 'ab", { "abx" })
  lu.assertEquals(complete 'help "global_clip', { "global_clipnorm" })
  lu.assertEquals(complete "help('model:ev", { "model:evaluate" })
  lu.assertEquals(complete 'help "nothing_like_it', { "nothing_like_itx" })
  lu.assertNil(complete "-- a comm")
end
