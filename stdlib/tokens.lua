-- tokens: Lua text cut into its tokens.
--
-- For whoever must understand text that may be unfinished or wrong: the prompt, which completes
-- words and keeps locals. A token is a table { kind, text, first, last }, its place in bytes; the
-- kinds are name, keyword, number, string, comment and symbol. A string or long comment that does
-- not end has `open` set to what would end it, and `inside`, where its content begins. Text that is
-- no Lua becomes symbols. Uses no methods of strings, so that it works whatever a person at the
-- prompt did to them.

local find, match, sub, byte = string.find, string.match, string.sub, string.byte

local tokens = {}

tokens.keywords = {}
for word in string.gmatch("and break do else elseif end false for function goto if in local nil not "
    .. "or repeat return then true until while", "%a+") do
  tokens.keywords[word] = true
end

-- The end of a string in quotes whose content begins at `at`, or nil.
local function quoted_end(text, at, quote)
  while true do
    local place = find(text, "[\\\n" .. quote .. "]", at)
    if not place then return nil end
    local letter = sub(text, place, place)
    if letter == quote then return place end
    if letter == "\n" then return nil, place - 1 end
    if match(text, "^z", place + 1) then
      at = (match(text, "^%s*()", place + 2))
    else
      at = place + 2
    end
  end
end

-- A string or comment in long brackets, which open at `at`: the content's place, the end or nil,
-- and what ends it.
local function long_bracket(text, at)
  local level, inside = match(text, "^%[(=*)%[()", at)
  if not level then return nil end
  local closing = "]" .. level .. "]"
  local _, last = find(text, closing, inside, true)
  return inside, last, closing
end

local function read_string(text, at)
  local quote = match(text, "^[\"']", at)
  if quote then
    local last, line_end = quoted_end(text, at + 1, quote)
    return { kind = "string", last = last or line_end or #text, inside = at + 1,
             open = not last and quote or nil }
  end
  local inside, last, closing = long_bracket(text, at)
  if not inside then return nil end
  return { kind = "string", last = last or #text, inside = inside, open = not last and closing or nil }
end

local function read_comment(text, at)
  local inside, last, closing = long_bracket(text, at + 2)
  if inside then
    return { kind = "comment", last = last or #text, inside = inside,
             open = not last and closing or nil }
  end
  return { kind = "comment", last = (find(text, "\n", at, true) or #text + 1) - 1 }
end

local numbers = { "^0[xX][%x.]*[pP][+-]?%x*", "^0[xX][%x.]*", "^%d[%d.]*[eE][+-]?%d*", "^%d[%d.]*",
                  "^%.%d+[eE][+-]?%d*", "^%.%d+" }

local function read_number(text, at)
  for _, pattern in ipairs(numbers) do
    local _, last = find(text, pattern, at)
    if last then return { kind = "number", last = last } end
  end
end

local symbols = { "^%.%.%.", "^%.%.", "^[=~<>]=", "^//", "^::", "^<<", "^>>" }

local function read_symbol(text, at)
  for _, pattern in ipairs(symbols) do
    local _, last = find(text, pattern, at)
    if last then return { kind = "symbol", last = last } end
  end
  local last = at
  while last < #text and byte(text, last + 1) >= 0x80 and byte(text, last + 1) < 0xc0 do last = last + 1 end
  return { kind = "symbol", last = last }
end

local function read_token(text, at)
  local _, last = find(text, "^[%a_][%w_]*", at)
  if last then
    local word = sub(text, at, last)
    return { kind = tokens.keywords[word] and "keyword" or "name", last = last }
  end
  if find(text, "^%-%-", at) then return read_comment(text, at) end
  return read_string(text, at) or read_number(text, at) or read_symbol(text, at)
end

-- The tokens of a text, comments too if asked.
function tokens.list(text, with_comments)
  local list, at = {}, 1
  while true do
    at = find(text, "%S", at)
    if not at then return list end
    local token = read_token(text, at)
    token.first, token.text = at, sub(text, at, token.last)
    if token.kind ~= "comment" or with_comments or token.open then list[#list + 1] = token end
    at = token.last + 1
  end
end

return tokens
