-- session: how the entries of a prompt share their locals.
--
-- An entry is compiled as a function inside a wrapper that declares the locals of earlier entries
-- which it mentions, so that they are its upvalues; these are then joined to the variables
-- themselves. A variable is kept as an upvalue of some closure: { f, index }. To get hold of the
-- entry's own locals, the text is given one call more, at its end and before each `return`:
--
--     local x, f <const> = ...  return function(...)  local y = x + 1
--     ;_GRADUS_keep(function() return y end) end
--
-- so that a local keeps being the very variable that the entry's functions share. Where an error
-- ends the entry before, its locals are read from the frame. `<close>` becomes `<const>`: the scope
-- of an entry's local is the session, and it is closed when that ends.
--
-- Line numbers run on from entry to entry, so that "stdin:12" names one line of the session.

local tokens = require "gradus.tokens"

local concat, insert, sort = table.concat, table.insert, table.sort
local format, rep, sub = string.format, string.rep, string.sub
local getupvalue, upvaluejoin = debug.getupvalue, debug.upvaluejoin
local getmetatable, ipairs, load, next, pcall, setmetatable =
  getmetatable, ipairs, load, next, pcall, setmetatable

local KEEP, PASS = "_GRADUS_keep", "_GRADUS_pass"

local Session = {}
Session.__index = Session

local session = {}

function session.new(environment)
  return setmetatable({ environment = environment, variables = {}, lines = {}, closing = {} },
    Session)
end

-- A variable with this value.
local function new_variable(value, attribute)
  local function hold() return value end
  return { f = hold, index = 1, attribute = attribute }
end

function Session:set(name, value, attribute)
  self.variables[name] = new_variable(value, attribute)
end

-- Whether there is a local of that name, and its value.
function Session:get(name)
  local variable = self.variables[name]
  if not variable then return false end
  local _, value = getupvalue(variable.f, variable.index)
  return true, value
end

-- The names of all locals.
function Session:names()
  local names = {}
  for name in next, self.variables do names[#names + 1] = name end
  sort(names)
  return names
end

-- The places of the text that matter: `locals`, those declared at its top level, each { name,
-- attribute, at, attribute_at }, and `returns`, { at, count }: where a return of the text's own
-- stands and how many locals were declared before.
local function survey(list)
  local found = { locals = {}, returns = {}, mentioned = {} }
  local depth, functions, i = 0, {}, 1
  local function text(k) return list[k] and list[k].text end
  local function declare(k)
    local name = list[k]
    local entry = { name = name.text }
    k = k + 1
    if text(k) == "<" and text(k + 2) == ">" then
      entry.attribute, entry.attribute_at = text(k + 1), list[k + 1].first
      k = k + 3
    end
    found.locals[#found.locals + 1] = entry
    return k
  end
  while i <= #list do
    local token = list[i]
    local word = token.kind == "keyword" and token.text
    local after = i + 1
    if token.kind == "name" then found.mentioned[token.text] = true end
    if word == "function" or word == "do" or word == "if" or word == "repeat" then
      depth = depth + 1
      if word == "function" then functions[#functions + 1] = depth end
    elseif word == "end" or word == "until" then
      if functions[#functions] == depth then functions[#functions] = nil end
      depth = depth - 1
    elseif word == "return" and #functions == 0 then
      found.returns[#found.returns + 1] = { at = token.first, count = #found.locals }
    elseif word == "local" and depth == 0 then
      if text(i + 1) == "function" then
        if list[i + 2] and list[i + 2].kind == "name" then declare(i + 2) end
      else
        local k = i + 1
        while list[k] and list[k].kind == "name" do
          found.mentioned[list[k].text] = true
          k = declare(k)
          if text(k) ~= "," then break end
          k = k + 1
        end
        after = k
      end
    end
    i = after
  end
  return found
end

-- `_GRADUS_keep(function() return a, b end)` for the first `count` locals; a name that was declared
-- twice is the last one's.
local GROUP = 50  -- names a closure, which may have 255 upvalues
local function keep_call(locals, count)
  local names, seen, calls = {}, {}, {}
  for i = count, 1, -1 do
    local name = locals[i].name
    if not seen[name] then
      seen[name] = true
      insert(names, 1, name)
    end
  end
  for first = 1, #names, GROUP do
    local group = concat(names, ", ", first, #names < first + GROUP and #names or first + GROUP - 1)
    calls[#calls + 1] = format(";%s('%s', function() return %s end)", KEEP, group, group)
  end
  return concat(calls)
end

-- The text with the calls that keep its locals, and `<close>` as `<const>` if asked.
local function with_keeping(text, found, keeps_open)
  local parts, at = {}, 1
  local edits = {}
  for _, place in ipairs(found.returns) do
    if place.count > 0 then
      edits[#edits + 1] = { place.at, place.at, keep_call(found.locals, place.count) .. ";" }
    end
  end
  for _, entry in ipairs(found.locals) do
    if keeps_open and entry.attribute == "close" then
      edits[#edits + 1] = { entry.attribute_at, entry.attribute_at + 5, "const" }
    end
  end
  sort(edits, function(a, b) return a[1] < b[1] end)
  for _, edit in ipairs(edits) do
    parts[#parts + 1] = sub(text, at, edit[1] - 1) .. edit[3]
    at = edit[2]
  end
  parts[#parts + 1] = sub(text, at)
  return concat(parts)
end

local function ends_in_return(list, found)
  local last = found.returns[#found.returns]
  if not last then return false end
  local depth = 0
  for _, token in ipairs(list) do
    if token.first > last.at and token.kind == "keyword" then
      local word = token.text
      if word == "function" then depth = depth + 1 end
      if word == "end" or word == "until" or word == "else" or word == "elseif" then
        if depth == 0 then return false end
        depth = depth - 1
      elseif word == "do" or word == "if" or word == "repeat" then
        depth = depth + 1
      end
    end
  end
  return true
end

-- Keep what a closure returns, whose upvalues are the locals of these names.
local function keep(self, attributes, names, closure)
  local is_upvalue = {}
  for i = 1, 255 do
    local name = getupvalue(closure, i)
    if not name then break end
    is_upvalue[name] = i
  end
  local values = table.pack(closure())
  local place = 0
  for name in string.gmatch(names, "[%a_][%w_]*") do
    place = place + 1
    local attribute = attributes[name]
    if attribute == "close" and values[place] then self:close_later(name, values[place]) end
    local fixed = attribute and "const" or nil
    if is_upvalue[name] then
      self.variables[name] = { f = closure, index = is_upvalue[name], attribute = fixed }
    else
      self:set(name, values[place], fixed)  -- a constant, which the compiler put in its place
    end
  end
end

function Session:close_later(name, value)
  local metatable = getmetatable(value)
  if not (type(metatable) == "table" and metatable.__close) then
    error(format("variable '%s' got a non-closable value", name), 0)
  end
  self.closing[#self.closing + 1] = value
end

-- Close what was declared <close>, the last first.
function Session:close()
  for i = #self.closing, 1, -1 do
    local value = self.closing[i]
    local metatable = getmetatable(value)
    if type(metatable) == "table" and metatable.__close then pcall(metatable.__close, value, nil) end
  end
  self.closing = {}
end

-- The wrapper's head: the locals that are mentioned.
local function declaration(self, mentioned)
  local names = { KEEP, PASS }
  for _, name in ipairs(self:names()) do
    if mentioned[name] or name == "_ENV" then
      local attribute = self.variables[name].attribute
      names[#names + 1] = attribute and name .. " <" .. attribute .. ">" or name
    end
  end
  return "local " .. concat(names, ", ") .. " = ... return function(...) "
end

local function pass(...) return ... end

-- Compile the wrapped text to a function whose upvalues are the session's variables.
local function load_wrapped(self, body, found, chunkname, first_line, attributes)
  local text = rep("\n", first_line - 1) .. declaration(self, found.mentioned) .. body .. "\nend"
  local outer, message = load(text, chunkname, "t", self.environment)
  if not outer then return nil, message end
  local entry = outer(function(...) keep(self, attributes, ...) end, pass)
  for i = 1, 255 do
    local name = getupvalue(entry, i)
    if not name then break end
    local variable = self.variables[name]
    if variable then upvaluejoin(entry, i, variable.f, variable.index) end
  end
  return entry
end

-- Compile an entry or a script. Returns the function, or nil and a message. The function is called
-- with the text's arguments; options: chunkname, first_line, keeps_open (see with_keeping).
function Session:compile(text, options)
  local chunkname, first_line = options.chunkname, options.first_line or 1
  local lead = rep("\n", first_line - 1)
  if load(lead .. "return " .. text .. "\n", chunkname, "t") then
    local list = tokens.list(text)
    local expression = sub(text, 1, list[#list] and list[#list].last or 0)  -- without a comment behind it
    return load_wrapped(self, "return " .. PASS .. "(" .. expression .. ")", survey(list), chunkname,
      first_line, {})
  end
  local plain, message = load(lead .. text, chunkname, "t", self.environment)
  if not plain then return nil, message end
  local list = tokens.list(text)
  local found = survey(list)
  local attributes = {}
  for _, entry in ipairs(found.locals) do attributes[entry.name] = entry.attribute end
  local body = with_keeping(text, found, options.keeps_open)
  local ending = ends_in_return(list, found) and "" or "\n" .. keep_call(found.locals, #found.locals)
  local entry, problem = load_wrapped(self, body .. ending, found, chunkname, first_line, attributes)
  if not entry then  -- a `goto` to the text's end may not enter the scope of a local
    entry = load_wrapped(self, body, found, chunkname, first_line, attributes)
  end
  self.attributes = attributes
  return entry, problem
end

-- Keep the locals that the entry had when it failed.
function Session:keep_failed(failure)
  local own = { [KEEP] = true, [PASS] = true }
  for i = 1, failure.count or 0 do
    local name, value, link = failure.names[i], failure.values[i], failure.links[i]
    if sub(name, 1, 1) ~= "(" and not own[name] then
      local attribute = self.attributes and self.attributes[name]
      if attribute == "close" and value then pcall(self.close_later, self, name, value) end
      local fixed = attribute and "const" or nil
      if link then
        self.variables[name] = { f = link[1], index = link[2], attribute = fixed }
      else
        self:set(name, value, fixed)
      end
    end
  end
end

-- Whether a text is the beginning of something longer.
function session.is_incomplete(text)
  local f, message = load("return " .. text .. "\n", "=stdin", "t")
  if f then return false end
  local g, other = load(text, "=stdin", "t")
  if g then return false end
  if string.find(other, "unfinished string", 1, true) then return false end
  return sub(message, -5) == "<eof>" or sub(other, -5) == "<eof>"
end

-- Note the lines of an entry; returns the number of its first one.
function Session:add_lines(text)
  local first = #self.lines + 1
  for line in string.gmatch(text .. "\n", "([^\n]*)\n") do self.lines[#self.lines + 1] = line end
  return first
end

return session
