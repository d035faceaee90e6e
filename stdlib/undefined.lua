-- undefined: tells that a script read a global that nobody defined.
--
-- A misspelt name is nil in Lua, and nil as an option means off, so that a typing error trains
-- another model without a word. Called by src/gradus/globals.c for the main script, the command line
-- and the prompt.

local debug = require "debug"
local errors = require "gradus.errors"
local habits = require "gradus.habits"
local words = require "gradus.words"

local told = {}

-- The names that the function at a stack level (this function's level 1) sees, those of _G and the
-- words of the library, in a fixed order: the nearest ones in the text first.
local function visible_names(level)
  local names, globals = {}, {}
  local i, name = 1, debug.getlocal(level + 1, 1)
  while name do
    if name:match "^[%a_]" then names[#names + 1] = name end
    i = i + 1
    name = debug.getlocal(level + 1, i)
  end
  local f = debug.getinfo(level + 1, "f").func
  i, name = 1, debug.getupvalue(f, 1)
  while name do
    names[#names + 1] = name
    i = i + 1
    name = debug.getupvalue(f, i)
  end
  for key in next, _G do
    if type(key) == "string" then globals[#globals + 1] = key end
  end
  table.sort(globals)
  for _, word in ipairs(getmetatable(words).names()) do globals[#globals + 1] = word end
  return table.move(globals, 1, #globals, #names + 1, names)
end

-- The name was read and is nil; who read it is the caller's caller. Warns once for each name, or
-- returns an error's message.
return function(name, fails)
  if told[name] and not fails then return end
  told[name] = true
  local reader = debug.getinfo(3, "Sl")
  local habit = habits.of_name(name)
  local near = not habit and errors.nearest(name, visible_names(3))
  local text = ("%s:%d: undefined global '%s'%s"):format(reader.short_src, reader.currentline, name,
    habit and "; " .. habit or near and (', did you mean "%s"?'):format(near) or "")
  if fails then return text end
  errors.warn("%s", text)
end
