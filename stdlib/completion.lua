-- completion: what may stand where the cursor is, at the prompt.
--
-- The text before the cursor is enough: inside a string, what an option may be, what help and run know,
-- or names of files; behind a value and `.` or `:`, its fields and methods; inside the braces of a call
-- such as `SGD {`, its options, which the reference knows; else keywords, locals, globals and the
-- library's words. No code of the user's is run: values are found by raw reads, along __index where
-- that is a table.

local core = require "gradus.core"
local tokens = require "gradus.tokens"

local find, match, sub, unpack = string.find, string.match, string.sub, table.unpack
local getinfo = debug.getinfo
local getmetatable, ipairs, next, rawget, require, sort, tonumber, type =
  getmetatable, ipairs, next, rawget, require, table.sort, tonumber, type

local completion = {}

local string_methods = string

local properties = { "shape", "dtype", "rank", "size", "T", "requires_grad", "grad" }

-- ---- names that a value has ----

local function is_name(key) return type(key) == "string" and match(key, "^[%a_][%w_]*$") end

-- Call visit(name, value) for the names of a table and of what its __index leads to.
local function each_field(value, visit)
  for _ = 1, 20 do
    if type(value) ~= "table" then break end
    for key, field in next, value do
      if is_name(key) then visit(key, field) end
    end
    local metatable = getmetatable(value)
    value = type(metatable) == "table" and rawget(metatable, "__index") or nil
  end
end

-- What the reference knows of values of this kind ("optimizer", "history", ...): its entries, and the
-- options of what makes one.
local function each_described(kind, visit)
  for _, entry in ipairs(require("gradus.reference").entries()) do
    if entry.owner == kind and entry.short_name ~= kind then
      visit(entry.short_name, entry.is_method and print or nil)
    end
    if entry.result == kind and not entry.owner then
      for _, option in ipairs(entry.options) do visit(option.name, nil) end
    end
  end
end

-- Call visit(name, value) for the fields of a value of the library but those that are its own affair:
-- the ones that its class hides, and functions of the library without an entry.
local function each_shown_field(value, kind, class, visit)
  local hides, is_described = rawget(class, "__hidden") or {}, {}
  each_described(kind, function(name) is_described[name] = true end)
  each_field(value, function(name, field)
    local is_inner = type(field) == "function" and find(getinfo(field, "S").source, "^=gradus%.")
    if is_described[name] or not (is_inner or hides[name]) then visit(name, field) end
  end)
end

-- Call visit(name, value) for whatever can follow a value and a dot.
local function each_member(value, words, visit)
  if type(value) == "string" then value = string_methods end
  if core.is_tensor(value) then
    for name, method in next, core.methods do visit(name, method) end
    for _, name in ipairs(properties) do visit(name, nil) end
    return
  end
  if value == words then
    for _, name in ipairs(require("gradus.reference").words()) do visit(name, nil) end
  end
  local metatable = getmetatable(value)
  local kind = type(metatable) == "table" and rawget(metatable, "__name")
  if type(kind) ~= "string" then return each_field(value, visit) end
  each_shown_field(value, kind, metatable, visit)
  if type(value) == "userdata" then each_field(rawget(metatable, "__index"), visit) end
  each_described(kind, visit)
  local series = kind == "history" and rawget(value, "history")
  if series then each_field(series, visit) end
end

-- ---- values that a text names ----

local function field_of(value, name)
  for _ = 1, 20 do
    if type(value) ~= "table" then return nil end
    local field = rawget(value, name)
    if field ~= nil then return field end
    local metatable = getmetatable(value)
    if type(metatable) ~= "table" then return nil end
    value = rawget(metatable, "__index")
  end
end

-- The names of what can follow a value and a dot, sorted.
function completion.members(value, scope)
  local names = {}
  each_member(value, scope.words, function(name) names[#names + 1] = name end)
  sort(names)
  return names
end

-- The value of a chain such as `a.b[2].c`, or nil.
function completion.value_of(chain, scope)
  local name, at = match(chain, "^%s*([%a_][%w_]*)()")
  if not name then return nil end
  local value = scope.lookup(name)
  while at <= #chain do
    local field, after = match(chain, "^[.:]([%a_][%w_]*)()", at)
    if field and core.is_tensor(value) then
      value = core.methods[field]
    elseif field then
      value = field_of(value, field)
    else
      local index
      index, after = match(chain, "^%[(%d+)%]()", at)
      if not index or type(value) ~= "table" then return nil end
      value = rawget(value, tonumber(index))
    end
    if value == nil then return nil end
    at = after
  end
  return value
end

-- ---- options ----

-- The name that is called with the braces that are open at the end of the tokens, and whether the
-- name of an option may stand there: `SGD {`, `model:fit(x, y, { epochs = 3,`.
local function open_call(list)
  local depth, i = 0, #list
  while i > 0 do
    local text = list[i].text
    if list[i].kind == "symbol" then
      if text == "}" or text == ")" or text == "]" then depth = depth + 1 end
      if text == "{" or text == "(" or text == "[" then
        if depth == 0 then break end
        depth = depth - 1
      end
    end
    i = i - 1
  end
  if i == 0 or list[i].text ~= "{" then return nil end
  local last = list[#list].text
  local at_start = #list == i or last == "," or last == ";"
  local name = list[i - 1]
  if name and name.text == "," or name and name.text == "(" then  -- among a call's arguments
    local inner = 0
    i = i - 1
    while i > 0 do
      local text = list[i].text
      if text == ")" or text == "}" or text == "]" then inner = inner + 1 end
      if text == "(" or text == "{" or text == "[" then
        if inner == 0 then break end
        inner = inner - 1
      end
      i = i - 1
    end
    if i == 0 or list[i].text ~= "(" then return nil end
    name = list[i - 1]
  end
  if not name or name.kind ~= "name" then return nil end
  return name.text, at_start
end

-- ---- words ----

-- The kind of place that the cursor stands at: "string" and its token, or "name".
local function place_of(list)
  local last = list[#list]
  if last and last.open then return last.kind, last end
  return "name"
end

-- The characters that end the word before the cursor.
function completion.word_breaks(before)
  local kind, token = place_of(tokens.list(before, true))
  if kind == "string" then return sub(token.text, 1, 1) end
  return " \t\n\"'`@$><=;|&{}()[]#+-*/%^~,.:?!\\"
end

-- The words that begin with `prefix`, sorted; those beginning with _ only when asked for.
local function begins_with(prefix, collect)
  local words, seen = {}, {}
  collect(function(name)
    if seen[name] or sub(name, 1, #prefix) ~= prefix then return end
    if sub(name, 1, 1) == "_" and prefix == "" then return end
    seen[name] = true
    words[#words + 1] = name
  end)
  sort(words)
  return words
end

local function member_words(chain, separator, prefix, scope)
  local value = completion.value_of(chain, scope)
  if value == nil then return nil end
  return begins_with(prefix, function(add)
    each_member(value, scope.words, function(name, member)
      local metatable = separator == ":" and member ~= nil and getmetatable(member)
      if separator == "." or type(member) == "function"
        or type(metatable) == "table" and rawget(metatable, "__call") then add(name) end
    end)
  end)
end

-- The methods of what is written there, a string in parentheses, or of what a call gives, which the
-- reference knows: `ones(2):`.
local function result_words(head, separator, prefix)
  local list = tokens.list(head)
  local last = #list
  if last >= 3 and list[last - 1].text == ")" and list[last - 2].kind == "string"
    and list[last - 3] and list[last - 3].text == "(" then
    return begins_with(prefix, function(add) each_field(string_methods, add) end)
  end
  local callee = match(head, "([%a_][%w_]*)%s*%b()[.:]$") or match(head, "([%a_][%w_]*)%s*%b{}[.:]$")
  for _, entry in ipairs(require("gradus.reference").entries()) do
    if callee and entry.short_name == callee and entry.result then
      return begins_with(prefix, function(add)
        if entry.result == "tensor" then
          for name in next, core.methods do add(name) end
        end
        each_described(entry.result, function(name, method)
          if separator == "." or method then add(name) end
        end)
      end)
    end
  end
end

local function option_words(list, prefix)
  local name, may_begin = open_call(list)
  if not name or not may_begin then return {} end
  local found, seen = {}, {}
  for _, entry in ipairs(require("gradus.reference").entries()) do
    if entry.short_name == name then
      for _, option in ipairs(entry.options) do
        if sub(option.name, 1, #prefix) == prefix and not seen[option.name] then
          seen[option.name] = true
          found[#found + 1] = option.name .. " = "
        end
      end
    end
  end
  return found
end

-- The strings that the option may be whose value begins at the end of the tokens:
-- `Dense { activation = "`.
local function choice_words(list, token)
  local name, equals = list[#list - 2], list[#list - 1]
  if not equals or equals.text ~= "=" or name.kind ~= "name" then return {} end
  local callee, may_begin = open_call({ unpack(list, 1, #list - 3) })
  if not callee or not may_begin then return {} end
  local found, prefix = {}, sub(token.text, 2)
  for _, choice in ipairs(require("gradus.annotations").choices(callee, name.text)) do
    if sub(choice, 1, #prefix) == prefix then found[#found + 1] = choice end
  end
  return found
end

-- The names that the reference has, of options too.
local function described_names()
  local names = {}
  for _, entry in ipairs(require("gradus.reference").entries()) do
    names[#names + 1] = entry.name
    for _, option in ipairs(entry.options) do names[#names + 1] = option.name end
  end
  return names
end

-- What the string may be that is the argument of a call: `help "clipn`, `run("mlp`.
local arguments = {
  help = described_names,
  run = function() return require("gradus.exploring").experiment_names() end,
}

local function argument_words(list, token)
  local i = #list - 1
  if list[i] and list[i].text == "(" then i = i - 1 end
  local names_of = list[i] and list[i].kind == "name" and arguments[list[i].text]
  if not names_of then return {} end
  return begins_with(sub(token.text, 2), function(add)
    for _, name in ipairs(names_of()) do add(name) end
  end)
end

local function global_words(prefix, scope)
  return begins_with(prefix, function(add)
    for name in next, tokens.keywords do add(name) end
    for _, name in ipairs(scope.names()) do add(name) end
    for _, name in ipairs(require("gradus.reference").words()) do add(name) end
    for name in next, scope.environment do
      if is_name(name) then add(name) end
    end
  end)
end

-- What may replace the last word of the text, and whether these are files. `scope`: lookup(name) ->
-- value, names() -> locals, environment, words, files(beginning) -> list.
function completion.complete(before, scope)
  local list = tokens.list(before, true)
  local kind, token = place_of(list)
  if kind == "string" then
    local choices = choice_words(list, token)
    if #choices == 0 then choices = argument_words(list, token) end
    if #choices > 0 then return choices end
    local files = scope.files(sub(before, token.inside))
    sort(files)
    return files, true
  end
  if kind == "comment" or list[#list] and list[#list].kind == "comment" and not find(before, "\n$") then
    return nil
  end
  local question = match(before, "^%s*%?%s*(.*)$")
  local rest = question or before
  local prefix = match(rest, "[%a_][%w_]*$") or ""
  local head = sub(rest, 1, #rest - #prefix)
  local chain, separator = match(head, "([%a_][%w_.:%[%]]*)([.:])$")
  if chain and sub(chain, -1) ~= "." then return member_words(chain, separator, prefix, scope) end
  if match(head, "[.:]$") and not match(head, "%.%.$") then
    return result_words(head, match(head, "[.:]$"), prefix)
  end
  local options = option_words(tokens.list(head), prefix)
  if #options > 0 then return options end
  return global_words(prefix, scope)
end

return completion
