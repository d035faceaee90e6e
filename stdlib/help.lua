-- help: answers to "what is this, and what is there?", from the reference.
--
-- help() lists everything under headings; help(SGD), help "clipnorm", help(t.sum) tell about one
-- thing: its signature, what it does with shapes and defaults, an example, whose semantics it has.
-- What is no name is looked for in the texts; what is found nowhere is answered with the nearest
-- name. The prompt's `?SGD` and `?t:sum` come here, too.

local core = require "gradus.core"
local errors = require "gradus.errors"
local habits = require "gradus.habits"
local pages = require "gradus.page"
local reference = require "gradus.reference"
local tokens = require "gradus.tokens"
local words = require "gradus"

local help = {}

-- ---- entries ----

-- The first sentence of an entry's text, up to its full stop, or to the list that follows it.
local function first_sentence(entry)
  local lines = {}
  for _, line in ipairs(entry.text) do
    if line == "" then break end
    lines[#lines + 1] = line
  end
  local text = table.concat(lines, " "):gsub("%s+", " ")
  return text:match "^(.-[^%s.]%.)%s" or text:match "^(.-)[:;]?$"
end

local function add_example(page, entry)
  page:line("  Example:")
  for line in (entry.example .. "\n"):gmatch "([^\n]*)\n" do
    page:line("    " .. page:paint("36", line))
  end
end

local function add_entry(page, entry)
  page:fill(entry.signature, 4, 0, "1")
  page:paragraphs(entry.text)
  if entry.example then add_example(page, entry) end
end

-- One line for each entry: its name and the first sentence.
local function add_list(page, entries)
  local width = 0
  for _, entry in ipairs(entries) do width = math.max(width, #entry.title) end
  for _, entry in ipairs(entries) do
    local room = page.columns - width - 4
    local sentence = first_sentence(entry)
    if room < 24 then
      page:line("  " .. entry.title)
      page:fill(sentence, 6)
    else
      if #sentence > room then sentence = sentence:sub(1, room - 3):gsub("%s*%S*$", "") .. "..." end
      page:line("  " .. page:paint("1", entry.title) .. (" "):rep(width - #entry.title) .. "  " .. sentence)
    end
  end
end

local function add_names(page, entries)
  local names = {}
  for _, entry in ipairs(entries) do names[#names + 1] = entry.title end
  page:fill(table.concat(names, ", "), 2)
end

-- ---- finding ----

local function filter(matches)
  local found = {}
  for _, entry in ipairs(reference.entries()) do
    if matches(entry) then found[#found + 1] = entry end
  end
  return found
end

-- The entries that a name means: a word, a method or field by itself or with its owner, as in
-- "tensor:sum", "t.sum", "model.fit".
local function by_name(name)
  local base, field = name:match "^([%a_][%w_]*)[.:]([%a_][%w_]*)$"
  local owner = base and (reference.owner_of(base) or base)
  local found = filter(function(entry)
    return entry.name == name or owner and entry.owner == owner and entry.short_name == field
  end)
  if #found > 0 then return found end
  return filter(function(entry) return entry.short_name == name end)
end

local function by_option(name)
  return filter(function(entry)
    for _, option in ipairs(entry.options) do
      if option.name == name then return true end
    end
  end)
end

-- The pattern of a text where a word begins: "grad" in "gradient", not in "upgrade".
local function beginning(word)
  return (word:find "^[%w_]" and "%f[%w_]" or "") .. word:gsub("%p", "%%%0")
end

-- Entries that have the text in their name, then those whose text has a word that begins with it.
local function by_word(word)
  word = word:lower()
  local in_name = filter(function(entry) return entry.name:lower():find(word, 1, true) end)
  local in_text = filter(function(entry)
    return not entry.name:lower():find(word, 1, true)
      and (entry.signature .. " " .. table.concat(entry.text, " ")):lower():find(beginning(word))
  end)
  return in_name, in_text
end

-- What belongs to a kind of value or a heading: what makes one first, then methods and fields.
local function by_group(name)
  name = name:lower()
  local makers = filter(function(entry)
    return not entry.owner and entry.result and entry.result:lower() == name and entry.group:lower() ~= name
  end)
  local members = filter(function(entry)
    return entry.owner and entry.owner:lower() == name or entry.group:lower() == name
  end)
  return #members > 0 and table.move(members, 1, #members, #makers + 1, makers) or {}
end

local function nearest_name(name)
  local names = {}
  for _, entry in ipairs(reference.entries()) do
    names[#names + 1] = entry.short_name
    for _, option in ipairs(entry.options) do names[#names + 1] = option.name end
  end
  return errors.nearest(name, names)
end

-- ---- pages ----

local function overview(page)
  page:fill("Gradus: tensors, layers, losses and a clipped SGD for experiments in training stability.", 0)
  for _, chapter in ipairs(reference.chapters()) do
    page:line()
    page:line(page:paint("1", chapter.heading))
    add_names(page, chapter.entries)
  end
  page:line()
  page:fill('help(SGD), help "clipnorm", help(t.sum), ?SGD and ?t:sum tell about one of them; '
    .. 'help "norm" finds by a word; help "plot" lists what belongs to it. experiments() lists '
    .. 'scripts to begin with, and run "mlp_clipnorm" runs one.', 0)
end

-- The sentences of an entry that name an option or tell the order of things.
local function sentences_about(entry, name)
  local sentences, lines = {}, {}
  for _, line in ipairs(entry.text) do
    lines[#lines + 1] = line:find "^%s" and "" or line == "" and "\n" or line
  end
  local text = (table.concat(lines, " "):gsub(" +", " ")):gsub("%.%s+(%u)", ".\n%1") .. "\n"
  for sentence in text:gmatch "([^\n]*)\n" do
    local names_it = name ~= "" and (" " .. sentence .. " "):find("[^%w_]" .. name .. "[^%w_]")
    if names_it or sentence:find "^Order" then
      sentences[#sentences + 1] = sentence
    end
  end
  return sentences
end

local function add_option(page, entry, name)
  for _, option in ipairs(entry.options) do
    if option.name == name then
      local default = option.default and ", " .. option.default .. " by default" or ""
      page:fill(name .. (entry.is_field and ": a field of " or ": an option of ") .. entry.name
        .. (option.is_required and ", which must be given" or default), 2, 0, "1")
      if option.help then page:fill(option.help, 2) end
      for _, sentence in ipairs(sentences_about(entry, option.help and "" or name)) do
        local is_order = sentence:find "^Order"
        page:fill(sentence, is_order and 2 or 4, is_order and 0 or 2)
      end
    end
  end
end

-- The options of that name, each with what its entry says of it, and the example of a single one.
local function add_options(page, entries, name)
  for i, entry in ipairs(entries) do
    if i > 1 then page:line() end
    add_option(page, entry, name)
    if entry.example and #entries == 1 then
      add_example(page, entry)
      page:fill((entry.owner and 'help "%s" tells the rest.' or "help(%s) tells the rest."):format(entry.name), 2)
    end
  end
end

-- Each entry once: those that share a comment are told together.
local function add_entries(page, entries)
  local told = {}
  for _, entry in ipairs(entries) do
    if not told[entry.signature] then
      if #page.lines > 0 then page:line() end
      add_entry(page, entry)
      told[entry.signature] = true
    end
  end
end

local RELATED = 12  -- how many entries "See also" names, at most

-- Entries that have the word in their name, or as a word of its own in their text; not those that
-- tell how to look around, which have it as an example.
local function add_see_also(page, word, shown)
  local others, is_shown = {}, {}
  for _, entry in ipairs(shown) do is_shown[entry.signature] = true end
  local in_name, in_text = by_word(word)
  local function add(entry)
    if not is_shown[entry.signature] and #others < RELATED then others[#others + 1] = entry end
  end
  for _, entry in ipairs(in_name) do add(entry) end
  local whole_word = beginning(word) .. "%f[^%w_]"
  for _, entry in ipairs(in_text) do
    local is_about = entry.group ~= "Exploring" and table.concat(entry.text, " "):find(whole_word)
    if is_about then add(entry) end
  end
  if #others > 0 then
    page:line()
    page:line("See also:")
    add_names(page, others)
  end
end

local LISTED = 24  -- how many entries a search shows

local manual = "https://www.lua.org/manual/5.4/manual.html"

local lua_libraries = { "string", "table", "math", "io", "os", "coroutine", "utf8", "debug", "package" }

local lua_functions = { "assert", "collectgarbage", "dofile", "error", "getmetatable", "ipairs", "load",
                        "loadfile", "next", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen",
                        "rawset", "require", "select", "setmetatable", "tonumber", "tostring", "type",
                        "warn", "xpcall" }

-- The name of what is Lua's own, a function or a library, and matches(name, value).
local function lua_name_of(matches)
  for _, name in ipairs(lua_functions) do
    if matches(name, _ENV[name]) then return name end
  end
  for _, library in ipairs(lua_libraries) do
    local fields = package.loaded[library]
    if matches(library, fields) then return library end
    for field, value in pairs(fields) do
      if matches(library .. "." .. field, value) then return library .. "." .. field end
    end
  end
end

local function add_lua(page, name)
  page:fill(("%s is Lua's own: %s#pdf-%s"):format(name, manual, name), 2, 0)
end

-- ---- names ----

-- Each answer tells about a name, where it has something to tell, and then returns true.

local function answer_with_group(page, name)
  local members = by_group(name)
  if #members == 0 then return false end
  if members[1].signature == members[#members].signature then  -- callback
    add_entries(page, members)
    return true
  end
  local itself = filter(function(entry) return entry.name == name and not entry.owner end)
  if #itself > 0 then
    add_entries(page, itself)
    page:line()
  end
  add_list(page, members)
  return true
end

local function answer_with_entries(page, name)
  local found = by_name(name)
  if #found == 0 then return false end
  add_entries(page, found)
  if name:find "[.:]" then return true end
  local with_option = by_option(name)
  if #with_option > 0 then page:line() end
  add_options(page, with_option, name)
  add_see_also(page, name, found)
  return true
end

local function answer_with_options(page, name)
  local with_option = by_option(name)
  add_options(page, with_option, name)
  return #with_option > 0
end

local function answer_with_lua(page, name)
  if tokens.keywords[name] then
    page:fill(("%s is a keyword of Lua: %s#3"):format(name, manual), 2, 0)
    return true
  end
  local is_lua = lua_name_of(function(known) return known == name end)
  if is_lua then add_lua(page, name) end
  return is_lua ~= nil
end

local function answer_with_words(page, word)
  local in_name, in_text = by_word(word)
  local list = table.move(in_text, 1, #in_text, #in_name + 1, in_name)
  if #list == 0 then return false end
  page:line(('"%s" is found in:'):format(word))
  add_list(page, table.move(list, 1, math.min(#list, LISTED), 1, {}))
  if #list > LISTED then page:line(("  and %d more"):format(#list - LISTED)) end
  return true
end

local function answer_with_habit(page, word)
  local habit = habits.names[word]
  if habit then page:line(('There is no "%s": %s.'):format(word, habit)) end
  return habit ~= nil
end

local answers = { answer_with_group, answer_with_entries, answer_with_options, answer_with_lua,
                  answer_with_habit }

local function about_name(page, name)
  name = name:gsub("^%s+", ""):gsub("%s*[({].*$", ""):gsub("%s+$", ""):gsub("^([\"'])(.*)%1$", "%2")
  if name == "" then return overview(page) end
  if name:find "^%-%-?%a" then
    return page:line "gradus --help lists the options of the program; man gradus tells more."
  end
  for _, answer in ipairs(answers) do
    if answer(page, name) then return end
  end
  local field = name:match "^[%a_][%w_.]*[.:]([%a_][%w_]*)$"
  if field then return about_name(page, field) end  -- of what has no such entry: SGD.clipnorm
  if answer_with_words(page, name) then return end
  local near = nearest_name(name)
  if not near then
    return page:fill(('There is nothing called "%s"; help() lists what there is.'):format(name), 0)
  end
  page:fill(('There is nothing called "%s"; the nearest is "%s":'):format(name, near), 0)
  about_name(page, near)
end

-- ---- values ----

-- The methods of a class that is written in C: what its values are indexed with, or what the function in
-- that place works with.
local function methods_of(owner)
  local class = debug.getregistry()["gradus." .. owner]
  local methods = type(class) == "table" and rawget(class, "__index")
  if type(methods) == "function" then methods = select(2, debug.getupvalue(methods, 1)) end
  return type(methods) == "table" and methods or {}
end

-- The entry of a function of the library, by what it is or where it was defined.
local function entry_of_function(f)
  local info = debug.getinfo(f, "S")
  local module = info.source:match "^=gradus%.(.*)"
  local testing = package.loaded["gradus.testing"]
  local best, best_distance
  for _, entry in ipairs(reference.entries()) do
    if entry.owner == nil and rawequal(words[entry.name], f)
      or entry.owner and rawequal(rawget(methods_of(entry.owner), entry.short_name), f)
      or entry.owner == "plot" and rawequal(words.plot[entry.short_name], f)
      or entry.owner == "testing" and testing and rawequal(testing[entry.short_name], f) then
      return entry
    end
    for _, place in ipairs(entry.places) do
      local distance = module and place.module == module and place.line
        and info.linedefined - place.line
      if distance and distance >= 0 and distance < (best_distance or 6) then
        best, best_distance = entry, distance
      end
    end
  end
  return best
end

-- The comment above a function of the user's.
local function about_function(page, f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return page:line "A function written in C." end
  page:line(("A function defined at %s:%d."):format(info.short_src, info.linedefined))
  local file = info.source:match "^@(.*)"
  local handle = file and io.open(file, "r")
  if not handle then return end
  local comment, number = {}, 0
  for line in handle:lines() do
    number = number + 1
    if number >= info.linedefined then break end
    local text = line:match "^%s*%-%-+ ?(.*)$"
    if text then comment[#comment + 1] = text else comment = {} end
  end
  handle:close()
  page:paragraphs(comment)
end

-- What the texts call a value of this kind: "tensor", "model", "scaler"; nil: nothing of ours.
local function kind_of(value)
  if core.is_tensor(value) then return "tensor" end
  local metatable = getmetatable(value)
  local kind = type(metatable) == "table" and rawget(metatable, "__name")
  if type(kind) ~= "string" then return nil end
  local maker = by_name(kind)[1]
  return maker and not maker.owner and maker.result or (kind:gsub("^gradus%.", ""))
end

local function with_article(noun) return (noun:find "^[AEIOaeiou]" and "An " or "A ") .. noun end

local function about_value(page, value)
  if type(value) == "string" then return about_name(page, value) end
  local lua_name = value ~= nil and lua_name_of(function(_, known) return rawequal(known, value) end)
  if lua_name then return add_lua(page, lua_name) end
  if type(value) == "function" then
    local entry = entry_of_function(value)
    if entry and not entry.owner then return about_name(page, entry.name) end
    if entry then return add_entry(page, entry) end
    return about_function(page, value)
  end
  if value == nil then
    return page:fill("nil, as a name that nobody defined is. In quotes, such as help \"SDG\", it is "
      .. "answered with the nearest name.", 0)
  end
  if rawequal(value, words.plot) then return about_name(page, "plot") end
  if rawequal(value, package.loaded["gradus.testing"]) then return about_name(page, "testing") end
  local kind = kind_of(value)
  if kind and #by_group(kind) > 0 then
    page:line(with_article(kind) .. ". What makes one, and what it has:")
    return add_list(page, by_group(kind))
  end
  page:line(with_article(kind or type(value)) .. ".")
end

-- About a method or field of a value that has none of this name: the nearest that it has.
local function about_member(page, owner, field)
  local names = {}
  for _, entry in ipairs(by_group(owner)) do names[#names + 1] = entry.short_name end
  local near = errors.nearest(field, names)
  if not near then return about_name(page, field) end
  page:fill(('%s has no "%s"; the nearest is "%s":'):format(with_article(owner), field, near), 0)
  add_entries(page, by_name(owner .. ":" .. near))
end

-- The answer to a question at the prompt, `?SGD` or `?t:sum`; scope: see gradus.completion.
function help.answer(question, scope, columns, colored)
  local page = pages.new(columns, colored)
  local completion = require "gradus.completion"
  local base, field = question:match "^([%a_][%w_.]*)[:.]([%a_][%w_]*)$"
  local owner = base and kind_of(completion.value_of(base, scope))
  local named = question:match "^[%a_][%w_.:]*$" and completion.value_of(question, scope)
  if owner and #by_name(owner .. ":" .. field) > 0 then
    add_entries(page, by_name(owner .. ":" .. field))
  elseif owner and named == nil then
    about_member(page, owner, field)
  elseif #by_name(question) == 0 and named ~= nil and named ~= false and question ~= "plot" then
    about_value(page, named)
  else
    about_name(page, question)
  end
  page:print()
end

-- help([what])
-- Tell what there is in the library, or about one thing of it: a function, a method (help(t.sum)),
-- a value, or a name in quotes, which may also be that of an option (help "clipnorm") or any word
-- that the texts have. At the prompt ?SGD and ?t:sum ask the same. As Python's help.
-- Example: help "clipnorm"
function help.help(...)
  local pipe = require "gradus.pipe"
  local columns = pipe.terminal()
  local kind = os.getenv "TERM" or "dumb"
  local no_color = (os.getenv "NO_COLOR" or "") ~= ""
  local page = pages.new(columns, columns ~= nil and kind ~= "dumb" and not no_color)
  if select("#", ...) == 0 then overview(page) else about_value(page, (...)) end
  page:print()
end

return help
