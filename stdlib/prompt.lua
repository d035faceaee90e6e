-- prompt: the part of the prompt that is Lua: what an entry means and what is shown.
--
-- src/gradus/prompt.c reads entries and asks a Prompt made here: is this one complete, what completes
-- this word, evaluate it. The locals of entries are the session's (gradus.session), values are shown
-- by gradus.pretty, questions answered by gradus.help. Whatever a person does to the globals, to
-- `require` or to the methods of strings must leave the prompt at work: what is needed is kept in
-- locals.

local completion = require "gradus.completion"
local errors = require "gradus.errors"
local habits = require "gradus.habits"
local pretty = require "gradus.pretty"
local shortened = require("gradus.printing").shortened
local session = require "gradus.session"
local tokens = require "gradus.tokens"
local words = require "gradus"

local concat, unpack = table.concat, table.unpack
local find, format, gsub, match, rep, sub =
  string.find, string.format, string.gsub, string.match, string.rep, string.sub
local getenv, max, open, stdout, stderr = os.getenv, math.max, io.open, io.stdout, io.stderr
local getmetatable, ipairs, rawget, rawset, require, setmetatable, tostring, type =
  getmetatable, ipairs, rawget, rawset, require, setmetatable, tostring, type
local len, offset = utf8.len, utf8.offset
local environment = _G
local write = stdout.write

local Prompt = {}
Prompt.__index = Prompt

local prompt = {}

-- ---- the terminal ----

local function variable(name)
  local value = getenv(name)
  return value ~= "" and value or nil
end

local function is_dumb() return (variable "TERM" or "dumb") == "dumb" end

local function is_unicode()
  local locale = variable "LC_ALL" or variable "LC_CTYPE" or variable "LANG" or ""
  return find(string.lower(locale), "utf%-?8") ~= nil
end

-- A text in lines that fit, broken between words; what a line goes on with is moved in.
local function wrapped(text, width)
  local lines = {}
  for line in string.gmatch(text .. "\n", "([^\n]*)\n") do
    local margin = ""
    while (len(line) or #line) > width do
      local room = (offset(line, width + 1) or width + 1) - 1
      local cut = match(sub(line, 1, room + 1), "^%s*%S.*()%s")
      if not cut then break end
      lines[#lines + 1] = sub(line, 1, cut - 1)
      margin = margin == "" and match(line, "^%s*") .. "  " or margin
      line = margin .. match(line, "^%s*(.*)$", cut)
    end
    lines[#lines + 1] = line
  end
  return concat(lines, "\n")
end

-- terminal: call(entry, f, ...), columns(), rows(), files(beginning); see prompt.c.
function prompt.new(terminal)
  local self = setmetatable({ terminal = terminal, session = session.new(environment),
                              is_dumb = is_dumb(), colored = not is_dumb() and not variable "NO_COLOR",
                              unicode = is_unicode() }, Prompt)
  words.core.session = self.session  -- for whos() and source(f)
  errors.laid_out = function(text) return wrapped(text, terminal.columns() - 1) end
  self.scope = {
    environment = environment, words = words, files = terminal.files,
    names = function() return self.session:names() end,
    lookup = function(name)
      local is_local, value = self.session:get(name)
      if is_local then return value end
      value = rawget(environment, name)
      if value == nil then value = words[name] end
      return value
    end,
  }
  return self
end

function Prompt:paint(color, text)
  return self.colored and "\27[" .. color .. "m" .. text .. "\27[0m" or text
end

local function say(text)
  write(stdout, text, "\n")
  stdout:flush()
end

-- Put the cursor at the beginning of a line, a new one where the entry left something in the last
-- (its output, or ^C). As many spaces as fill a line reach the next one only from there.
function Prompt:begin_line()
  if self.is_dumb then return end
  write(stdout, rep(" ", self.terminal.columns()), "\27[2K\r")
  stdout:flush()
end

-- What is shown before an entry, and before its second line and those that follow.
function Prompt:prompts()
  local first, next_one = rawget(environment, "_PROMPT"), rawget(environment, "_PROMPT2")
  if first == nil then first = self.colored and "\1\27[1;34m\2>\1\27[0m\2 " or "> " end
  if next_one == nil then next_one = ">> " end
  return tostring(first), tostring(next_one)
end

function Prompt:greet()
  say(self:paint("1", "Gradus") .. ", on " .. _VERSION)
  say(self:paint("2", wrapped("help() tells what there is, Tab completes, Ctrl-C interrupts, "
    .. "Ctrl-D leaves.", self.terminal.columns() - 1)))
end

function Prompt:close()
  self.session:close()
end

-- ---- reading ----

-- Lua's own prompt takes `=x` for `return x`.
local function without_sign(text)
  return (gsub(text, "^%s*=", "return ", 1))
end

local openers = { ["function"] = true, ["do"] = true, ["then"] = true, ["repeat"] = true,
                  ["else"] = true, ["("] = true, ["{"] = true, ["["] = true }
local closers = { ["end"] = true, ["until"] = true, ["elseif"] = true, ["else"] = true, [")"] = true,
                  ["}"] = true, ["]"] = true }

-- A function that tells where the line begins that holds a byte, asked from the first to the last.
local function line_starts(text)
  local start, break_at = 1, find(text, "\n", 1, true)
  return function(at)
    while break_at and break_at < at do
      start = break_at + 1
      break_at = find(text, "\n", start, true)
    end
    return start
  end
end

-- The text before a line break, its last line moved back if it closes something, and how far the
-- next line is to be moved in; nil inside a string.
local indentation
function indentation(before)
  local list, stack, above = tokens.list(before, true), {}, 0
  local last = list[#list]
  if last and last.open then return before, nil end
  local last_line, start_of = line_starts(before)(#before + 1), line_starts(before)
  for _, token in ipairs(list) do
    local start = start_of(token.first)
    local margin = #match(before, "^ *", start)
    local is_word = token.kind == "keyword" or token.kind == "symbol"
    if is_word and closers[token.text] and #stack > 0 then
      local outer = stack[#stack]
      stack[#stack] = nil
      local begins_last = start ~= above and start == last_line and start > 1
      if begins_last and margin ~= outer then
        return indentation(sub(before, 1, start - 1) .. rep(" ", outer) .. sub(before, token.first))
      end
    end
    if is_word and openers[token.text] then stack[#stack + 1] = margin end
    above = start
  end
  return before, stack[#stack] and stack[#stack] + 2 or 0
end

-- Return was pressed at byte `point` (from 0). What stands there now (nil: the same) and the cursor's
-- place in it, or nothing for that when the entry is to be run.
function Prompt.go_on(_, text, point)
  if match(text, "^%s*%?") or not match(text, "%S") then return nil end
  if habits.begins_block(text) or not session.is_incomplete(without_sign(text)) then
    return find(text, "\n") and (indentation(text)) or nil
  end
  local before, after = sub(text, 1, point), sub(text, point + 1)
  local margin
  before, margin = indentation(before)
  before = before .. "\n" .. rep(" ", margin or 0)
  return before .. after, #before
end

function Prompt.word_breaks(_, before)
  return completion.word_breaks(before)
end

function Prompt:complete(before)
  local found, are_files = completion.complete(before, self.scope)
  return found, are_files or false
end

-- ---- errors ----

-- The text of a line, from the session or a file.
function Prompt:line_of(frame)
  if frame.source == "=stdin" then return self.session.lines[frame.line] end
  local name = match(frame.source, "^@(.*)")
  local file = name and open(name, "r")
  if not file then return nil end
  local place, text = 0, nil
  for line in file:lines() do
    place = place + 1
    if place == frame.line then text = line break end
  end
  file:close()
  return text
end

-- Whether a frame is the user's own: written in Lua, and not the library's.
local function is_users(frame)
  return frame.what ~= "C" and frame.line > 0 and not find(frame.source, "^=gradus%.")
end

local function frame_name(frame)
  if frame.is_entry then return "" end
  if frame.name and frame.name ~= "?" then return "in " .. frame.name end
  if frame.what == "main" then return "main chunk" end
  return "in a function"
end

local SHOWN = 8  -- frames at the end of a traceback that is longer, twice that are shown

-- The user's frames, one a line: place, function, the text of the line.
function Prompt:traceback(frames)
  local rows, lines = {}, {}
  for _, frame in ipairs(frames or {}) do
    if is_users(frame) then
      if frame.is_entry and frame.source == "=stdin" then  -- what keeps its locals stands behind it
        frame.line = math.min(frame.line, #self.session.lines)
      end
      rows[#rows + 1] = { format("%s:%d", frame.short_src, frame.line), frame_name(frame),
                          match(self:line_of(frame) or "", "^%s*(.-)%s*$") }
    end
  end
  local place_width, name_width = 0, 0
  for _, row in ipairs(rows) do
    if #row[1] > place_width then place_width = #row[1] end
    if #row[2] > name_width then name_width = #row[2] end
  end
  local room = self.terminal.columns() - place_width - name_width - 7
  for i, row in ipairs(rows) do
    if i > SHOWN and i <= #rows - SHOWN then
      if i == SHOWN + 1 then lines[#lines + 1] = "  ..." end
    elseif room >= 16 then
      lines[#lines + 1] = "  " .. self:paint("36", row[1]) .. rep(" ", place_width - #row[1]) .. "  "
        .. self:paint("2", row[2]) .. rep(" ", name_width - #row[2]) .. "  " .. shortened(row[3], room)
    else
      lines[#lines + 1] = "  " .. self:paint("36", row[1])
        .. (row[2] ~= "" and " " .. self:paint("2", row[2]) or "")
      lines[#lines + 1] = "    " .. shortened(row[3], self.terminal.columns() - 5)
    end
  end
  return lines
end

function Prompt:message_of(value)
  if type(value) == "string" then return value end
  local metatable = getmetatable(value)
  if type(metatable) == "table" and rawget(metatable, "__tostring") then
    local succeeded, text = self.terminal.call(nil, tostring, value)
    if succeeded then return text end
    return "the error is a " .. type(value) .. " whose __tostring fails"
  end
  if value == nil then return "error without a message (nil)" end
  return "the error is " .. pretty.text(value, { width = 60 })
end

-- `, did you mean "evaluate"?` where a field or method of that name was nil, or "".
function Prompt:suggestion(failure)
  local value, frames = failure.value, failure.frames or {}
  local name = type(value) == "string" and match(value, "a nil value %(%a+ '([%a_][%w_]*)'%)$")
  local frame
  for _, candidate in ipairs(frames) do
    if is_users(candidate) then frame = candidate break end
  end
  local line = name and frame and self:line_of(frame)
  local chain = line and match(line, "([%a_][%w_.:%[%]]*)[.:]" .. name .. "%f[^%w_]")
  if not chain then return "" end
  local near = self:nearest(chain, name, function(first)
    local seen = failure.visible and rawget(failure.visible, first)
    if seen ~= nil then return seen end
    return self.scope.lookup(first)
  end)
  return near and format(', did you mean "%s"?', near) or ""
end

-- The nearest name to one that the value of a chain does not have, or nil.
function Prompt:nearest(chain, name, lookup)
  local scope = setmetatable({ lookup = lookup }, { __index = self.scope })
  local value = completion.value_of(chain, scope)
  local near = value ~= nil and errors.nearest(name, completion.members(value, scope))
  return near and near ~= name and near or nil  -- a field that is there may be nil
end

-- Tell what went wrong.
function Prompt:tell(failure)
  local message = self:message_of(failure.value)
  local habit = habits.of_error(message)
  message = message .. (habit and "; " .. habit or self:suggestion(failure))
  local lines = { self:paint(failure.interrupted and "33" or "1;31",
                             wrapped(message, self.terminal.columns() - 1)) }
  for _, line in ipairs(self:traceback(failure.frames)) do lines[#lines + 1] = line end
  stdout:flush()
  write(stderr, concat(lines, "\n"), "\n")
end

-- Lua names the first byte of a letter that is none of its own; here the letter stands.
local function with_whole_letter(message, text)
  return (gsub(message, "'<\\(%d+)>'$", function(code)
    local letter = match(text, string.char(code) .. "[\x80-\xbf]+")
    return letter and "'" .. letter .. "'"
  end))
end

-- A message of the compiler, with the text of the line that it names.
function Prompt:tell_syntax(message, source)
  local line = tonumber(match(message, "^[^\n]-:(%d+):") or nil)
  local text = line and self:line_of { source = source, line = line }
  local habit = text and habits.of_line(message, text)
  if text then message = with_whole_letter(message, text) end
  if habit then message = message .. "; " .. habit end
  local columns = self.terminal.columns()
  local lines = { self:paint("1;31", wrapped(message, columns - 1)) }
  if text then lines[#lines + 1] = "  " .. shortened(text, columns - 3) end
  stdout:flush()
  write(stderr, concat(lines, "\n"), "\n")
end

-- ---- evaluating ----

-- Show what the entry gave; where that is nil, the name that was perhaps meant.
function Prompt:show(values, text)
  rawset(environment, "_", values[2])
  local options = { width = self.terminal.columns(), height = max(3, self.terminal.rows() - 3),
                    color = self.colored, unicode = self.unicode }
  local chain, name = match(text, "^([%a_][%w_.]*)%.([%a_][%w_]*)$")
  local near = chain and values.n == 2 and values[2] == nil
    and self:nearest(chain, name, self.scope.lookup)
  for i = 2, values.n do
    say(pretty.text(values[i], options)
      .. (near and self:paint("2", format('  (did you mean "%s"?)', near)) or ""))
  end
end

-- Call f(...) so that an error is told; returns what it returned, or nothing.
function Prompt:protected(f, ...)
  local results = table.pack(self.terminal.call(nil, f, ...))
  if results[1] then return unpack(results, 2, results.n) end
  self:tell(results[2])
end

function Prompt:answer(question)
  self:protected(function()
    require("gradus.help").answer(question, self.scope, self.terminal.columns(), self.colored)
  end)
end

function Prompt:evaluate(text)
  if not match(text, "%S") then return end
  local question = match(text, "^%s*%?%s*(.-)%s*$")
  if question then return self:answer(question) end
  text = gsub(without_sign(text), "%s+$", "")
  local first_line = self.session:add_lines(text)
  local entry, message = self.session:compile(text, {
    chunkname = "=stdin", first_line = first_line, keeps_open = true })
  if not entry then return self:tell_syntax(message, "=stdin") end
  local results = table.pack(self.terminal.call(entry, entry))
  self:begin_line()
  if not results[1] then
    self.session:keep_failed(results[2])
    return self:tell(results[2])
  end
  if results.n > 1 then self:protected(self.show, self, results, text) end
end

-- ---- scripts ----

local function read_script(path)
  local file, message
  if path then file, message = open(path, "rb") else file = io.stdin end
  if not file then return nil, "cannot open " .. message end
  local text = file:read "a"
  if path then file:close() end
  return text
end

-- Run a script so that its locals stay in sight; whether it came to its end.
function Prompt:run_script(path, ...)
  local source = path and "@" .. path or "=stdin"
  local text, message = read_script(path)
  if not text then
    write(stderr, self:paint("1;31", message), "\n")
    return false
  end
  local entry
  if sub(text, 1, 1) == "\27" then
    entry, message = load(text, source, "b")
  else
    text = gsub(gsub(text, "^\xef\xbb\xbf", ""), "^#[^\n]*", "")
    entry, message = self.session:compile(text, { chunkname = source })
  end
  if not entry then
    self:tell_syntax(message, source)
    return false
  end
  local results = table.pack(self.terminal.call(entry, entry, ...))
  if results[1] then return true end
  self.session:keep_failed(results[2])
  self:tell(results[2])
  return false
end

return prompt
