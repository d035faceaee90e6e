-- test_pretty: how the prompt shows a value.

local lu = require "luaunit"
local pretty = require "gradus.pretty"

local function lines_of(text) return select(2, text:gsub("\n", "")) + 1 end

TestPretty = {}

function TestPretty.test_keys_that_are_no_names_stand_in_brackets()
  lu.assertEquals(pretty.text { ["end"] = 1, ["a b"] = 2, [2.5] = 3, c = 4 },
    '{ [2.5] = 3, ["a b"] = 2, c = 4, ["end"] = 1 }')
  local key = setmetatable({}, { __tostring = function() return "first\nsecond" end })
  lu.assertEquals(pretty.text { [key] = 1 }, "{ [first ...] = 1 }")
end

function TestPretty.test_bytes_that_are_no_letters_are_escaped_and_letters_are_not()
  lu.assertEquals(pretty.text "é\200\xe6 漢\n\27", [["é\xc8\xe6 漢\n\027"]])
end

function TestPretty.test_a_long_string_tells_how_much_is_left_out()
  local text = pretty.text(("é"):rep(5000))
  lu.assertEquals(text:sub(-24), 'éé"... 6000 more bytes')
  lu.assertEquals(pretty.text { ("x"):rep(100) }, '{ "' .. ("x"):rep(60) .. '"... }')
end

function TestPretty.test_functions_are_shown_by_their_names()
  lu.assertEquals(pretty.text({ print, string.rep, SGD, ones(1).sum, plot.title }, { width = 100 }),
    "{ function print, function string.rep, function SGD, function t:sum, function plot.title }")
  lu.assertStrMatches(pretty.text(function() end), "function at .*test_pretty.lua:%d+")
  rawset(_G, "_", ones(1).sum)
  local text = pretty.text(ones(1).sum)
  rawset(_G, "_", nil)
  lu.assertEquals(text, "function t:sum")
end

local function nest(depth)
  local list = {}
  for i = 1, 20 do list[i] = depth > 1 and nest(depth - 1) or i end
  return list
end

function TestPretty.test_a_large_table_fits_on_a_few_screens()
  lu.assertTrue(lines_of(pretty.text(nest(4))) < 100)
  lu.assertTrue(lines_of(pretty.text(_G)) < 400)
  lu.assertStrContains(pretty.text(nest(4)), "{...}")
end

function TestPretty.test_a_history_too_wide_for_the_terminal_has_its_numbers_in_lines()
  local model = Sequential { Dense { 1, input_dim = 2 } }
  model:compile { loss = "mse" }
  local history = model:fit(ones(4, 2), ones(4), { epochs = 2, verbose = 0 })
  history.history.val_loss = { 12345.678, 11111.111 }
  lu.assertStrContains(pretty.text(history, { width = 80 }), "\n               first      last       smallest\n")
  local text = pretty.text(history, { width = 40, unicode = true })
  lu.assertStrContains(text, "\n  val_loss\n    first 1.235e+04, last 1.111e+04\n    smallest 1.111e+04 at 2\n    █▁")
end

function TestPretty.test_an_optimizer_is_shown_as_the_call_that_makes_it()
  lu.assertEquals(pretty.text(SGD {}), "SGD { learning_rate = 0.01 }")
  lu.assertEquals(tostring(SGD { lr = 0.1, momentum = 0.9, nesterov = true, clipvalue = { -1, 2 } }),
    "SGD { learning_rate = 0.1, momentum = 0.9, nesterov = true, clipvalue = { -1.0, 2.0 } }")
end
