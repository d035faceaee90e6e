-- document: the reference as files: Markdown for readers, annotations for editors.
--
-- Both come from gradus.reference. The annotations are LuaCATS, which lua-language-server reads: the
-- words are globals, tensors, models and the like are classes, tables of options have their fields.

local reference = require "gradus.reference"

local document = {}

-- The chapters of the reference; of entries that share a comment only the first.
local function chapters()
  local list, told = {}, {}
  for i, chapter in ipairs(reference.chapters()) do
    list[i] = { heading = chapter.heading }
    for _, entry in ipairs(chapter.entries) do
      if not told[entry.signature] then table.insert(list[i], entry) end
      told[entry.signature] = true
    end
  end
  return list
end

-- ---- Markdown ----

-- Paragraphs as they are, lists of options as tables.
local function add_text(lines, text)
  local in_list = false
  for _, line in ipairs(text) do
    local name, meaning = line:match "^  +(%S.-)%s%s+(%S.*)$"
    local margin = #line:match "^ *"
    if margin >= 2 and name and margin <= 4 then
      if not in_list then lines[#lines + 1] = "" end
      in_list = true
      lines[#lines + 1] = "- `" .. name .. "`: " .. meaning
    elseif margin >= 2 and in_list then
      lines[#lines] = lines[#lines] .. " " .. line:gsub("^%s+", "")
    else
      if in_list and line ~= "" then lines[#lines + 1] = "" end
      in_list = in_list and line == ""
      lines[#lines + 1] = line
    end
  end
end

local function anchor(heading) return heading:lower():gsub("%s", "-") end

-- The reference as one text in Markdown.
function document.markdown()
  local lines = {
    "# Gradus: the reference", "",
    "Made by `make doc` from the comments above the functions and the table of operations; `help` at "
      .. "the prompt shows the same.", "" }
  for _, chapter in ipairs(chapters()) do
    lines[#lines + 1] = ("- [%s](#%s)"):format(chapter.heading, anchor(chapter.heading))
  end
  for _, chapter in ipairs(chapters()) do
    lines[#lines + 1] = ("\n## %s"):format(chapter.heading)
    for _, entry in ipairs(chapter) do
      lines[#lines + 1] = ("\n### `%s`\n"):format(entry.name)
      lines[#lines + 1] = "```lua\n" .. entry.signature .. "\n```\n"
      add_text(lines, entry.text)
      if entry.example then lines[#lines + 1] = "\n```lua\n" .. entry.example .. "\n```" end
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- ---- annotations ----

local classes = { "tensor", "model", "layer", "optimizer", "history", "RandomState", "scaler",
                  "regularizer", "callback" }
local is_class = {}
for _, name in ipairs(classes) do is_class[name] = true end

-- What a signature calls a result or an argument, as a type.
local types = { number = "number", integer = "integer", boolean = "boolean", table = "table",
                string = "string", t = "gradus.tensor", X = "gradus.tensor", y = "gradus.tensor",
                iterator = "function", dtype = '"float32"|"float64"', list = "table",
                statistics = "table", counts = "gradus.tensor" }

local function type_of(word)
  if word == nil then return "any" end
  return is_class[word] and "gradus." .. word or types[word] or "any"
end

-- The type that an option's default shows.
local function type_of_default(default)
  if default == nil or default:find "^nil" then return "any" end
  if default == "true" or default == "false" then return "boolean" end
  if tonumber(default) then return "number" end
  if default:find '^"' then return "string|function" end
  return "any"
end

-- The results of a signature as types: "tensor, tensor"; nil: none.
local function results_of(signature)
  local text = signature:match "%->%s*([^;]*)$"
  if not text then return nil end
  local list = {}
  for part in (text:gsub("[%[%]]", "") .. ","):gmatch "%s*(.-)%s*," do
    local first, second = part:match "^([%a_]+) or ([%a_]+)"
    local word = part:match "^[%a_]+"
    list[#list + 1] = first and type_of(first) .. "|" .. type_of(second) or type_of(word)
  end
  return table.concat(list, ", ")
end

-- The names of the arguments between a head's parentheses; those in brackets, and all after them, may
-- be left out. A table of options is the argument `options`.
local function arguments_of(signature, head)
  local escaped = head:gsub("%p", "%%%0")
  local braces = signature:match("^" .. escaped .. "%s(%b{})")
  if braces then return { { name = "options", is_optional = false } } end
  local inside = signature:match("^" .. escaped .. "(%b())") or signature:match("[;,] " .. escaped .. "(%b())")
  local list, optional = {}, false
  inside = (inside or "()"):sub(2, -2):gsub("%b{}", "options")
  for bracket, name in inside:gmatch "(%[?)%s*,?%s*([%a_][%w_]*)" do
    optional = optional or bracket == "["
    list[#list + 1] = { name = name, is_optional = optional }
  end
  if inside:find "%.%.%." then list[#list + 1] = { name = "...", is_optional = false } end
  return list
end

local reserved = { ["end"] = true, ["or"] = true, ["function"] = true }

local function add_comment(lines, entry)
  lines[#lines + 1] = "---`" .. entry.signature .. "`"
  lines[#lines + 1] = "---"
  for _, line in ipairs(entry.text) do lines[#lines + 1] = "---" .. line end
  if entry.example then
    lines[#lines + 1] = "---```lua"
    for line in (entry.example .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = "---" .. line end
    lines[#lines + 1] = "---```"
  end
end

-- A class for the options of an entry; returns its name.
local function add_options(lines, entry)
  if #entry.options == 0 then return "table" end
  local name = "gradus.options." .. entry.name:gsub("[.:]", "_")
  lines[#lines + 1] = "---@class " .. name
  for _, option in ipairs(entry.options) do
    lines[#lines + 1] = ("---@field %s? %s %s"):format(option.name, type_of_default(option.default),
      option.help or (option.default and option.default .. " by default") or "")
  end
  lines[#lines + 1] = ""
  return name
end

local function add_function(lines, entry)
  local options = add_options(lines, entry)
  local arguments, names, seen = arguments_of(entry.signature, entry.name), {}, {}
  add_comment(lines, entry)
  for _, argument in ipairs(arguments) do
    if argument.name == "..." then
      lines[#lines + 1] = "---@param ... any"
      names[#names + 1] = "..."
    elseif not reserved[argument.name] and not seen[argument.name] then
      seen[argument.name] = true
      local kind = argument.name == "options" and options or "any"
      lines[#lines + 1] = ("---@param %s%s %s"):format(argument.name,
        argument.is_optional and "?" or "", kind)
      names[#names + 1] = argument.name
    end
  end
  local results = results_of(entry.signature)
  if results then lines[#lines + 1] = "---@return " .. results end
  local place = entry.short_name
  if entry.owner == "plot" then place = "plot." .. entry.short_name
  elseif entry.owner then place = entry.owner .. "_methods:" .. entry.short_name end
  lines[#lines + 1] = ("function %s(%s) end\n"):format(place, table.concat(names, ", "))
end

local fields = {
  tensor = { "shape integer[]", "dtype string", "rank integer", "size integer", "T gradus.tensor",
             "requires_grad boolean", "grad gradus.tensor?" },
  history = { "history table<string, number[]>", "epoch integer[]", "loss number[]",
              "val_loss number[]?", "steps table<string, gradus.tensor>",
              "epochs table<string, number[]>", "first_not_finite table?", "interrupted boolean" },
  optimizer = { "last_step table?" },
}

local signs = { "add", "sub", "mul", "div", "pow", "idiv", "mod" }

local function add_class(lines, name, constructors)
  lines[#lines + 1] = "---@class gradus." .. name
  for _, field in ipairs(fields[name] or {}) do lines[#lines + 1] = "---@field " .. field end
  for _, entry in ipairs(constructors) do
    for _, option in ipairs(entry.options) do
      lines[#lines + 1] = ("---@field %s %s"):format(option.name, type_of_default(option.default))
    end
  end
  if name == "tensor" then
    lines[#lines + 1] = "---@field [integer|table] any"
    for _, sign in ipairs(signs) do
      lines[#lines + 1] = ("---@operator %s(gradus.tensor|number): gradus.tensor"):format(sign)
    end
    lines[#lines + 1] = "---@operator unm: gradus.tensor"
  end
  if name == "model" or name == "layer" then
    lines[#lines + 1] = "---@operator call(gradus.tensor): gradus.tensor"
  end
  lines[#lines + 1] = ("local %s_methods = {}\n"):format(name)
end

-- The annotations as one text in Lua.
function document.annotations()
  local lines = { "---@meta gradus", "", "-- Gradus for lua-language-server; made by `make doc`.", "" }
  for _, name in ipairs(classes) do
    local constructors = {}
    for _, entry in ipairs(reference.entries()) do
      if entry.owner == nil and entry.result == name and name == "optimizer" then
        constructors[#constructors + 1] = entry
      end
    end
    add_class(lines, name, constructors)
  end
  lines[#lines + 1] = "plot = {}\n"
  for _, entry in ipairs(reference.entries()) do
    local is_callable = entry.signature:find(entry.name, 1, true) and entry.name ~= entry.owner
    local is_field = entry.owner and not entry.is_method and entry.owner ~= "plot"
    if is_callable and not is_field then add_function(lines, entry) end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Write reference.md and gradus.annotations.lua into a folder.
function document.write(folder)
  for name, text in pairs { ["reference.md"] = document.markdown(),
                            ["gradus.annotations.lua"] = document.annotations() } do
    local file = assert(io.open(folder .. "/" .. name, "w"))
    assert(file:write(text))
    assert(file:close())
  end
end

return document
