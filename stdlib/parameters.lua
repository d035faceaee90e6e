-- parameters: what a script takes from the command line: gradus -D clipnorm=0.5 script.lua
--
-- A script reads a value by param("clipnorm", 1.0) where it needs it. The names that a script takes
-- are read from its text, so that `gradus --params` lists them without running anything and a
-- misspelt name is an error before anything ran. Where the text does not tell (a computed name, other
-- files that the script loads), names that were never asked for are an error at the script's end.

local errors = require "gradus.errors"

local parameters = {}

local defined, order = {}, {}  -- name -> { text, is_taken }; the names as given
local asked = {}  -- the names that param was called with

-- ---- values ----

local function from_list(where, name, text, default)
  local values = {}
  for part in (text .. ","):gmatch "([^,]*)," do
    values[#values + 1] = parameters.convert(where, name, part, default[1])
  end
  return values
end

local special = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0 }

local function expect(where, name, text, expected, default)
  errors.fail('%s: %s must be %s, as its default %s is, or nil; got "%s"', where, name, expected,
              tostring(default), text)
end

-- The text as a value of the default's type.
function parameters.convert(where, name, text, default)
  if default == nil or type(default) == "string" then return text end
  if math.type(default) == "integer" then
    return math.tointeger(tonumber(text)) or expect(where, name, text, "a whole number", default)
  elseif math.type(default) == "float" then
    local number = special[text] or tonumber(text)
    return number and number + 0.0 or expect(where, name, text, "a number", default)
  elseif type(default) == "boolean" then
    if text ~= "true" and text ~= "false" then
      expect(where, name, text, "true or false", default)
    end
    return text == "true"
  elseif type(default) == "table" then
    return from_list(where, name, text, default)
  end
  errors.fail("%s: the default of %s must be a number, a string, a boolean or a list, got %s", where,
              name, errors.describe(default))
end

-- An option behind the script's name is the script's own word, as in Lua: whoever meant one is told.
local function warn_of_late(name)
  local words = type(_G.arg) == "table" and _G.arg or {}
  for i, word in ipairs(words) do
    local text = word == "-D" and words[i + 1] or tostring(word):match "^%-D(.*)$"
    if text and tostring(text):match "^[^=]*=" == name .. "=" then
      errors.warn("-D %s stands behind the script's name and is not read: options go before it", text)
    end
  end
end

-- param(name [, default]) -> value
-- What `-D name=value` on the command line gave, as a value of the default's type, else the default.
-- A whole number as default takes whole numbers only, 1.0 takes all numbers (inf and nan, too), a
-- boolean true or false, a list a list: -D thresholds=0.1,1,10, its elements of its first element's
-- type. -D clipnorm=nil gives nil where the default is no string, which turns an option off. Without a
-- default the value is a string, or nil. Errors: a value that does not fit; a name given by -D that
-- the script does not take. Gradus's own.
-- Example: param("clipnorm", 1.0)
function parameters.param(name, default)
  if type(name) ~= "string" then errors.argument("param", "name", "a string", name) end
  local definition = defined[name]
  if not asked[name] then
    asked[name] = true
    asked[#asked + 1] = name
    if not definition then warn_of_late(name) end
  end
  if not definition then return default end
  definition.is_taken = true
  if definition.text == "nil" and type(default) ~= "string" then return nil end
  return parameters.convert("param", name, definition.text, default)
end

-- Note what -D gave: "name=value".
function parameters.define(text)
  local name, value = text:match "^([%a_][%w_]*)=(.*)$"
  if not name then error(("-D: expected name=value, got '%s'"):format(text), 0) end
  if not defined[name] then order[#order + 1] = name end
  defined[name] = { text = value, is_taken = false }
end

-- ---- what a script takes, from its text ----

-- The place behind a string in quotes that begins at `first`.
local function quoted_end(text, first)
  local quote, at = text:sub(first, first), first + 1
  while true do
    local stop = text:find("[\\\n" .. quote .. "]", at)
    if not stop or text:sub(stop, stop) == "\n" then return stop or #text + 1 end
    if text:sub(stop, stop) == quote then return stop + 1 end
    at = stop + 2
  end
end

-- The place behind a long bracket that begins at `first`, or nil where none does.
local function bracket_end(text, first)
  local equals = text:match("^%[(=*)%[", first)
  if not equals then return nil end
  local _, last = text:find("]" .. equals .. "]", first, true)
  return (last or #text) + 1
end

-- Kind of the token that begins at `first`, and the place behind it.
local function token_at(text, first)
  if text:find("^%-%-", first) then
    return "comment", bracket_end(text, first + 2) or text:find("\n", first, true) or #text + 1
  end
  local letter = text:sub(first, first)
  if letter == '"' or letter == "'" then return "string", quoted_end(text, first) end
  local stop = bracket_end(text, first)
  if stop then return "string", stop end
  local _, last = text:find("^[%a_][%w_]*", first)
  if last then return "name", last + 1 end
  return "sign", first + 1
end

-- The tokens of a Lua text, and for each line its comment.
local function tokenize(text)
  local tokens, comments, line, at = {}, {}, 1, text:match "^#[^\n]*()" or 1
  while true do
    local blank, first = text:match("^(%s*)()", at)
    line = line + select(2, blank:gsub("\n", ""))
    if first > #text then return tokens, comments end
    local kind, stop = token_at(text, first)
    local token = { kind = kind, text = text:sub(first, stop - 1), first = first, stop = stop,
                    line = line }
    if kind ~= "comment" then tokens[#tokens + 1] = token
    else comments[line] = token.text:match "^%-%-%s*(.-)%s*$" end
    line = line + select(2, token.text:gsub("\n", ""))
    at = stop
  end
end

local opens = { ["("] = 1, ["{"] = 1, ["["] = 1, [")"] = -1, ["}"] = -1, ["]"] = -1 }

-- The index of the bracket that closes the one at index i.
local function closing(tokens, i)
  local depth = 0
  for k = i, #tokens do
    depth = depth + (tokens[k].kind == "sign" and opens[tokens[k].text] or 0)
    if depth == 0 then return k end
  end
  return #tokens
end

local function string_value(token)
  local f = load("return " .. token.text, "=string", "t", {})
  return f and f()
end

-- The call of param whose name is the token at index i, or nil when the name is computed.
local function read_call(text, tokens, comments, i)
  local next_token, call = tokens[i + 1], { line = tokens[i].line }
  local last = i + 1
  if next_token and next_token.text == "(" then
    last = closing(tokens, i + 1)
    local after = tokens[i + 3]
    if tokens[i + 2].kind ~= "string" or not (after.text == "," or i + 3 == last) then return nil end
    call.name = string_value(tokens[i + 2])
    if after.text == "," then
      call.default = text:sub(tokens[i + 4].first, tokens[last].first - 1):match "^(.-)%s*$"
    end
  elseif next_token and next_token.kind == "string" then
    call.name = string_value(next_token)
  else
    return nil
  end
  call.comment = comments[tokens[last].line]
  return call.name and call
end

local loads_files = { dofile = true, loadfile = true, run = true, load = true }
local no_parameters = { coroutine = true, debug = true, io = true, math = true, os = true,
                        package = true, string = true, table = true, utf8 = true, luaunit = true }

-- Whether the token at index i may let other files take parameters.
local function loads_others(tokens, i)
  if loads_files[tokens[i].text] then return true end
  if tokens[i].text ~= "require" then return false end
  local argument = tokens[i + 1] and tokens[i + 1].text == "(" and tokens[i + 2] or tokens[i + 1]
  local module = argument and argument.kind == "string" and string_value(argument) or ""
  return not (no_parameters[module] or module:find "^gradus")
end

-- The parameters that a Lua text takes, a list of { name, default (its text), line, comment } in the
-- order of their first use, and whether these are all for sure.
function parameters.scan(text)
  local tokens, comments = tokenize(text)
  local list, seen, is_complete = {}, {}, true
  for i, token in ipairs(tokens) do
    if token.kind == "name" and token.text == "param" then
      local call = read_call(text, tokens, comments, i)
      if not call then
        is_complete = false
      elseif not seen[call.name] then
        seen[call.name] = true
        list[#list + 1] = call
      end
    elseif token.kind == "name" and loads_others(tokens, i) then
      is_complete = false
    end
  end
  return list, is_complete
end

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then error(("cannot open %s"):format(message), 0) end
  local text = file:read "a"
  file:close()
  if not text then error(("cannot read %s"):format(path), 0) end
  return text
end

-- ---- for the program ----

local function names_of(list)
  local names = {}
  for i, parameter in ipairs(list) do names[i] = parameter.name end
  return names
end

local function refuse(name, names)
  local known = {}
  for _, known_name in ipairs(names) do known[known_name] = true end
  for _, asked_name in ipairs(asked) do
    if not known[asked_name] then names[#names + 1] = asked_name end
  end
  if #names == 0 then error(("-D %s: the script takes no parameter"):format(name), 0) end
  error(('-D %s: the script takes no parameter of this name%s'):format(name,
        errors.suggestion(name, names)), 0)
end

local function scan_script(script)
  if not script or script == "-" then return {}, false end
  local file <close> = io.open(script, "rb")
  local text = file and file:read "a"
  if not text or text:sub(1, 1) == "\27" then return {}, false end
  return parameters.scan(text)
end

-- Fail for a name given by -D that the script, by its text, does not take.
function parameters.check_before(script)
  local list, is_complete = scan_script(script)
  if not is_complete then return end
  local takes = {}
  for _, parameter in ipairs(list) do takes[parameter.name] = true end
  for _, name in ipairs(order) do
    if not takes[name] then refuse(name, names_of(list)) end
  end
end

-- Fail for a name given by -D that the script, which has run, never asked for. What its text names
-- may stand in a branch that was not taken.
function parameters.check_after(script)
  local list = scan_script(script)
  local takes = {}
  for _, parameter in ipairs(list) do takes[parameter.name] = true end
  for _, name in ipairs(order) do
    if not (defined[name].is_taken or takes[name]) then refuse(name, names_of(list)) end
  end
end

-- gradus --params script.lua: list what it takes, with defaults and comments. Returns the exit status.
function parameters.main(script)
  if not script then error("--params: expected a script", 0) end
  local list, is_complete = parameters.scan(read_file(script))
  local width, default_width = 0, 0
  for _, parameter in ipairs(list) do
    parameter.default = (parameter.default or ""):gsub("%s+", " ")
    width = math.max(width, #parameter.name)
    default_width = math.max(default_width, #parameter.default)
  end
  for _, parameter in ipairs(list) do
    local line = ("%-" .. width .. "s  %-" .. default_width .. "s  %s"):format(parameter.name,
      parameter.default, parameter.comment or "")
    print((line:gsub("%s+$", "")))
  end
  if not is_complete then print "(and, maybe, what the files take that it loads, or computed names)"
  elseif #list == 0 then print(script .. " takes no parameters") end
  return 0
end

return parameters
