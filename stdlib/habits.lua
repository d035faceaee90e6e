-- habits: what somebody who thinks in Python was about to write, and how Lua says it.
--
-- A name that is not defined, a message of the compiler with the line that it names, or the message of
-- an error: each gets a few words more where a habit explains it. The rules look at tokens, so that
-- what stands in a string or a comment is no habit.

local tokens = require "gradus.tokens"

local find, format, match = string.find, string.format, string.match
local open_file = io.open
local ipairs, pcall, rawlen, require, setmetatable, tonumber =
  ipairs, pcall, rawlen, require, setmetatable, tonumber

local habits = {}

-- ---- names ----

local LEAVE = "os.exit() ends a script, Ctrl-D the prompt"
local NUMPY = "tensors have methods: x:mean(), x:exp()"

-- Names of Python and its libraries -> what Lua has for them.
habits.names = {
  None = "Lua says nil", True = "Lua says true", False = "Lua says false",
  len = "the length of x is #x", f = 'for f"..." Lua has ("loss %.3f"):format(loss)',
  np = NUMPY, numpy = NUMPY, plt = "it is plot here", pyplot = "it is plot here",
  str = "Lua says tostring(x)", int = "Lua says math.floor(x)", float = "Lua says tonumber(x)",
  enumerate = "Lua says for i, value in ipairs(list) do", list = "a list is { 1, 2, 3 }",
  dict = "a table is { name = value }", exit = LEAVE, quit = LEAVE, clear = "Ctrl-L clears the screen",
}

local SAVE = "a model is not saved to a file; model:get_weights() hands out its weights"
local TABLE = "it is x:totable() here"

-- Methods that Keras, NumPy and PyTorch have -> what there is here.
local methods = {
  save = SAVE, save_weights = SAVE, load_weights = SAVE, astype = 'it is x:cast "float64" here',
  copy = "it is x:clone() here", dot = "it is a:matmul(b) here", flatten = "it is x:reshape(-1) here",
  numpy = TABLE, tolist = TABLE,
}

-- Whether a text is one of those that an option may be, such as "relu".
local function is_choice(name)
  return pcall(require("gradus.losses").get, "", name) or pcall(require("gradus.initializers").get, "", "", name)
    or pcall(require("gradus.layers").Dense, { 1, activation = name })
end

-- What to say of an undefined global before the nearest name is thought of, or nil.
function habits.of_name(name)
  if habits.names[name] then return habits.names[name] end
  if is_choice(name) then return format('as the value of an option it is "%s"', name) end
  if require("gradus.core").methods[name] then return format("tensors have it as a method: x:%s()", name) end
end

-- ---- lines that do not compile ----

-- What stands before the first token of a line and behind its last.
local nothing = { kind = "none", text = "", first = 0, last = 0 }
local with_ends = { __index = function() return nothing end }

local function tokens_of(line) return setmetatable(tokens.list(line), with_ends) end

local function is_pair(list, i, first, second)
  return list[i].text == first and list[i + 1].text == second and list[i].last + 1 == list[i + 1].first
end

-- The name that ends before token i, with what it is a part of: model.optimizer.
local function chain_before(list, i)
  local text = ""
  while list[i - 1].kind == "name" do
    text = list[i - 1].text .. text
    if not find(list[i - 2].text, "^[.:]$") then break end
    text = list[i - 2].text .. text
    i = i - 2
  end
  return text
end

-- The number of the bracket in which token i stands, or 0.
local function bracket_around(list, i)
  local depth = 0
  for k = i - 1, 1, -1 do
    if find(list[k].text, "^[%)%]}]$") then
      depth = depth + 1
    elseif find(list[k].text, "^[%(%[{]$") then
      if depth == 0 then return k end
      depth = depth - 1
    end
  end
  return 0
end

-- f(a = 1)
local function named_argument(list, i)
  if list[i].text ~= "=" or list[i - 1].kind ~= "name" then return nil end
  local open, before = bracket_around(list, i), list[i - 2].text
  local called = chain_before(list, open)
  if list[open].text ~= "(" or called == "" or before ~= "(" and before ~= "," then return nil end
  local name = list[i - 1].text
  local takes_more = before == "," and not find(called, "^%u%w*$")
  local call = takes_more and "%s(..., { %s = ... })" or before == "," and "%s { ..., %s = ... }" or "%s { %s = ... }"
  return "named arguments go into a table: " .. format(call, called, name)
end

-- y[1:3], X[1, 2]
local function part(list, i)
  local open = bracket_around(list, i)
  if list[open].text ~= "[" then return nil end
  if list[i].text == "," and chain_before(list, open) ~= "" then
    return "an element of a tensor is X[{ i, j }], a column X[{ {}, j }]"
  end
  if list[i].text == ":" and not find(list[i + 2].text, "^[%({\"']") then
    return "a part of a tensor is X:rows(1, 500), X:cols(1, 5) or X[{ { 1, 500 }, {} }], counted from 1"
  end
end

-- i += 1, i++
local function increment(list, i)
  local sign = match(list[i].text, "^[-+*/%%]$")
  if not sign then return nil end
  local name = chain_before(list, i)
  if name == "" then name = "x" end
  if is_pair(list, i, sign, "=") then return format("Lua says %s = %s %s ...", name, name, sign) end
  if is_pair(list, i, "+", "+") then return format("Lua says %s = %s + 1", name, name) end
end

-- [1, 2, 3]
local function list_literal(list, i)
  local before = list[i - 1]
  if list[i].text == "[" and (before.kind == "keyword" or find(before.text, "^[=%(+*/-]$")) then
    return "a list is { 1, 2, 3 }"
  end
end

local COMMENT = "a comment begins with --"
local FORMAT = '("%.3f"):format(x)'

local function text_in_quotes(list, i)
  if list[i].kind ~= "string" then return nil end
  if find(list[i].text, "^([\"'])%1$") and list[i + 1].kind == "string" then return "a long text is [[ ... ]]" end
  if list[i + 1].text == "%" then return "Lua says " .. FORMAT end
  if list[i + 1].text ~= ":" then return nil end
  if list[i + 2].kind == "name" and list[i + 3].text == "(" then
    return "a text whose method is called stands in brackets: " .. FORMAT
  end
  return "a table is { name = value }"
end

-- Whether a token may be the end of a value.
local function ends_value(token)
  return token.kind == "name" or token.kind == "number" or token.kind == "string" or find(token.text, "^[%)%]}]$")
end

-- y if x else z
local function is_choice_of_values(list, i)
  if list[i].text ~= "if" or not ends_value(list[i - 1]) then return false end
  for k = i + 1, rawlen(list) do
    if list[k].text == "then" then return false end
    if list[k].text == "else" then return true end
  end
  return false
end

local function operator(list, i)
  if is_choice_of_values(list, i) then return "Lua says x and y or z" end
  if list[i].text == "#" and ends_value(list[i - 1]) then return COMMENT end
  if list[i].text == "is" and ends_value(list[i - 1]) then return "Lua says x == nil, x ~= nil" end
  if is_pair(list, i, "!", "=") then return "Lua says ~=" end
  if is_pair(list, i, "*", "*") then return "Lua says x ^ 2" end
  if list[i].text == "@" then return "the product of matrices is a:matmul(b)" end
  if list[i].text == "lambda" then return "a function without a name is function(x) return x end" end
end

local rules = { operator, text_in_quotes, increment, part, list_literal, named_argument }

local beginnings = {
  import = 'nothing needs an import: the words of Gradus are there, and require "name" loads a module',
  def = "a function is function f(x) ... end", class = "Lua has tables for classes",
  elif = "Lua says elseif x then", try = "Lua says local succeeded, message = pcall(f)",
  with = "Lua says local file <close> = io.open(name)", del = "Lua says x = nil", assert = "Lua says assert(x)",
  raise = "Lua says error(message)", ["#"] = COMMENT,
}
beginnings.from, beginnings.except = beginnings.import, beginnings.try

local blocks = { ["if"] = true, ["else"] = true, ["for"] = true, ["while"] = true, elif = true, def = true,
                 class = true, try = true, except = true, with = true }

-- Whether a line begins a block as Python does: if x: ...
local function begins_block(list)
  if not blocks[list[1].text] then return false end
  for i = 2, rawlen(list) do
    if list[i].text == ":" and list[i + 1].first ~= list[i].last + 1 then return true end
  end
  return false
end

-- The same of a text that Lua would read on after.
function habits.begins_block(entry)
  return not find(entry, "\n", 1, true) and begins_block(tokens_of(entry))
end

local values = { ["function"] = true, ["nil"] = true, ["true"] = true, ["false"] = true, ["not"] = true }

local function is_comma_missing(message)
  local near = match(message, "'[})]' expected.* near '(.*)'$")
  if not near then return false end
  return find(near, "^[%w_{\"']") and (values[near] or not tokens.keywords[near])
end

-- What to say of a line that does not compile, besides the compiler's message, or nil.
function habits.of_line(message, line)
  local list = tokens_of(line)
  local is_name = find(list[2].text, "^[=,.%(]$") or list[2].text == ":" and list[3].kind == "name"
  if beginnings[list[1].text] and not is_name then return beginnings[list[1].text] end
  for i = 1, rawlen(list) do
    for _, rule in ipairs(rules) do
      local hint = rule(list, i)
      if hint then return hint end
    end
  end
  if find(message, "'then' expected near '='", 1, true) then return "== compares" end
  if begins_block(list) then return "Lua says if x then ... end, for i = 1, 10 do ... end" end
  return is_comma_missing(message) and "is a comma missing before it?" or nil
end

-- ---- errors ----

local NUMBER = "the number in a tensor of one element is x:item()"

-- What to say of an error besides its message, or nil.
function habits.of_error(message)
  if find(message, "attempt to mod a 'string'", 1, true) then return "Lua says " .. FORMAT end
  if find(message, "attempt to call a table value %(%a+ 'shape'%)") then return "it is a field: x.shape[1]" end
  if find(message, "attempt to call a tensor value (for iterator", 1, true) then
    return "Lua says for i = 1, n do, or for i, row in ipairs(x) do"
  end
  if find(message, "must be .*number.*, got a tensor %[%]") then return NUMBER end
  local method = match(message, "a nil value %(method '([%w_]+)'%)$")
    or match(message, 'there is no method or field "([%w_]+)"')
  if methods[method] then return methods[method] end
  local name = match(message, "bad argument #%d+ to '([%w_]+)' %(number expected, got tensor%)")
  if name and require("gradus.core").methods[name] then return format("of a tensor it is x:%s()", name) end
  return name and NUMBER or nil
end

-- ---- scripts ----

-- The number of the first line with `else if`, whose `if` wants an end of its own; or nil.
local function line_of_else_if(lines)
  for number, line in ipairs(lines) do
    local list = tokens_of(line)
    for i = 1, rawlen(list) do
      if list[i].text == "else" and list[i + 1].text == "if" then return number end
    end
  end
end

-- What to say of a script that does not compile, or nil.
local function of_script(message, path)
  local number = tonumber(match(message, "^[^\n]-:(%d+):"))
  local file <close> = number and open_file(path, "rb")
  if not file then return nil end
  local lines = {}
  for line in file:lines() do lines[#lines + 1] = line end
  local place = find(message, "'end' expected.*near <eof>") and line_of_else_if(lines)
  if place then return format("line %d has else if, which Lua says as elseif", place) end
  return lines[number] and habits.of_line(message, lines[number])
end

-- The message of a script that does not compile, given its path, or of one that failed, with what
-- there is to say.
function habits.explained(message, path)
  local first, rest = match(message, "^([^\n]*)(.*)$")
  local habit = path and of_script(message, path) or not path and habits.of_error(first)
  return habit and first .. "; " .. habit .. rest or message
end

return habits
