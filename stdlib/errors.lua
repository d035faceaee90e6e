-- errors: the one place for errors and warnings of the Lua part of the library.
--
-- An error names the function, the argument, what was expected and what came, and points at the
-- user's own line: the core passes over every frame of the library, whose chunks are all named
-- "=gradus.<module>".

local core = require "gradus.core"

local errors = {}

-- Raise an error whose text is made as string.format makes it.
function errors.fail(format, ...)
  core.fail(format:format(...))
end

-- How a warning is laid out; the prompt breaks it between words.
function errors.laid_out(text) return text end

-- Warn on standard error, with a text that is made as string.format makes it.
function errors.warn(format, ...)
  io.stdout:flush()
  io.stderr:write(errors.laid_out("gradus: warning: " .. format:format(...)), "\n")
end

-- How a value is shown in a message: nothing, the string "abc", the number 3, a table,
-- a tensor [32, 20].
errors.describe = core.describe

-- Something to be closed: closing it calls f().
local closable = { __close = function(self) self.f() end }
function errors.closing(f) return setmetatable({ f = f }, closable) end

local function close_and_return(guard, succeeded, ...)
  getmetatable(guard).__close(guard)
  if not succeeded then error((...), 0) end
  return ...
end

-- Call f(...) and close `guard` after it, whether it returns or fails. An error is not caught, so that
-- a traceback has the frames of f; but in a coroutine it is, as one that fails closes nothing.
function errors.guarded(guard, f, ...)
  local _, is_main = coroutine.running()
  if not is_main then return close_and_return(guard, pcall(f, ...)) end
  local _ <close> = guard
  return f(...)
end

-- The number of single letters to insert, delete, replace or swap that make one word the other
-- (optimal string alignment), or `limit` where it is not below that, which most words soon show.
local function edit_distance(a, b, limit)
  if math.abs(#a - #b) >= limit then return limit end
  local before_last, last, least_before = nil, {}, 0
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local row, least = { [0] = i }, i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local distance = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        distance = math.min(distance, before_last[j - 2] + 1)
      end
      row[j], least = distance, math.min(least, distance)
    end
    if least >= limit and least_before >= limit then return limit end
    before_last, last, least_before = last, row, least
  end
  return math.min(last[#b], limit)
end

-- The entry of the list `names` that is nearest to `name`, or nil when none is near: every single
-- letter is one letter away from any other, and not meant. Ties go to the first. At most `farthest`
-- letters may differ, by default a third of them.
function errors.nearest(name, names, farthest)
  local best, best_distance = nil, (farthest or math.max(1, #name // 3)) + 1
  for _, known in ipairs(names) do
    local distance = edit_distance(name:lower(), known:lower(), best_distance)
    local is_near = distance < best_distance and distance < math.max(#name, #known)
    if is_near then best, best_distance = known, distance end
  end
  return best
end

-- `, did you mean "relu"?` or, where nothing is near, the list of what there is.
function errors.suggestion(name, names)
  local near = type(name) == "string" and errors.nearest(name, names)
  if near then return (', did you mean "%s"?'):format(near) end
  return " (there are: " .. table.concat(names, ", ") .. ")"
end

-- Argument 1 of a method must be what the method belongs to: a dot in the place of the colon hands it
-- something else. `call` is the form of the call.
function errors.check_self(where, expected, holds, self, call)
  if holds then return end
  errors.fail("%s: argument 1 must be %s, got %s; use a colon: %s", where, expected, errors.describe(self), call)
end

-- Fail when one of the arguments that nobody asked for is there; `expected` says what there may be:
-- "expected x, y and one table of options,".
function errors.refuse_more(where, expected, ...)
  for i = 1, select("#", ...) do
    local extra = select(i, ...)
    if extra ~= nil then
      errors.fail("%s: %s got %s besides", where, expected, errors.describe(extra))
    end
  end
end

-- The same for what takes one table, as SGD { ... } does.
function errors.refuse_second(name, ...)
  errors.refuse_more(name, ("everything goes into one table, %s { ... };"):format(name), ...)
end

-- Names of fields

-- What was meant by a name that is nearly one of `names`, one letter off, or two of a long name. The
-- names in the set `own` are no slips, nor are those of metamethods.
local function slip_finder(names, own)
  local meant = {}  -- name -> the known one, false where it is none's slip
  for _, known in ipairs(names) do meant[known] = false end
  for name in pairs(own) do meant[name] = false end
  return function(name)
    local near = meant[name]
    if near ~= nil then return near end
    if type(name) ~= "string" or #name < 3 or name:find "^__" then return false end
    near = errors.nearest(name, names, #name >= 8 and 2 or 1) or false
    meant[name] = near
    return near
  end
end

-- Let reading or setting a field that is nearly one of `names` be an error, for the instances of the
-- metatable `class`, whose __index is itself: any other name is the user's to choose, and those in
-- class.__hidden are the class's. Returns __index for absent fields, which the class's own metatable
-- is to have.
function errors.catch_slips(what, class, names)
  local find = slip_finder(names, class.__hidden)
  local function refuse(name, near)
    errors.fail('%s: there is no "%s", did you mean "%s"?', what, name, near)
  end
  function class.__newindex(self, name, value)
    local near = find(name)
    if near then refuse(name, near) end
    rawset(self, name, value)
  end
  return function(_, name)
    local near = find(name)
    if near then refuse(name, near) end
    return nil
  end
end

-- A table whose fields are all there are: any other name is an error.
function errors.closed(what, fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  return setmetatable(fields, { __index = function(_, name)
    if type(name) ~= "string" or name:find "^__" then return nil end
    errors.fail('%s: there is no "%s"%s', what, name, errors.suggestion(name, names))
  end })
end

-- Fail with `function: argument must be <expected>, got <value>`.
function errors.argument(where, argument, expected, value)
  errors.fail("%s: %s must be %s, got %s", where, argument, expected, errors.describe(value))
end

-- Check a table of options: every key must be in the list `known` (integer keys too, where the
-- list has them). nil is taken as an empty table. Returns the table.
function errors.check_options(where, options, known)
  if options == nil then return {} end
  if type(options) ~= "table" then errors.argument(where, "options", "a table", options) end
  local is_known = {}
  for _, name in ipairs(known) do is_known[name] = true end
  local unknown = {}
  for key, value in pairs(options) do
    if math.type(key) == "integer" and not is_known[key] then
      errors.fail("%s: every option has a name, got %s without one", where, errors.describe(value))
    end
    if not is_known[key] then unknown[#unknown + 1] = tostring(key) end
  end
  if #unknown > 0 then
    table.sort(unknown)
    local names = {}
    for _, name in ipairs(known) do
      if type(name) == "string" then names[#names + 1] = name end
    end
    errors.fail('%s: unknown option "%s"%s', where, unknown[1],
                errors.suggestion(unknown[1], names))
  end
  return options
end

-- One named option with its default. `expected` is a type's name ("number", "string", "boolean",
-- "table", "function") or "integer", "positive integer", which give 32 for 32.0.
local matches = {
  integer = function(value) return type(value) == "number" and math.tointeger(value) ~= nil end,
  ["positive integer"] = function(value)
    return type(value) == "number" and value >= 1 and math.tointeger(value) ~= nil
  end,
  ["positive number"] = function(value)
    return type(value) == "number" and value > 0 and value < math.huge
  end,
}

function errors.option(where, options, name, expected, default)
  local value = options[name]
  if value == nil then return default end
  local holds
  if matches[expected] then holds = matches[expected](value) else holds = type(value) == expected end
  if not holds then
    local article = expected:find("^[aeiou]") and "an " or "a "
    errors.argument(where, name, article .. expected, value)
  end
  return expected:find "integer" and math.tointeger(value) or value
end

return errors
