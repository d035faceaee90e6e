-- reference: what there is in the library, from the comments that stand above the functions.
--
-- The comment above a public function of stdlib/*.lua or src/lua/*.c begins with its signature, such
-- as `SGD { learning_rate = 0.01, ... } -> optimizer`, `t:rows(first, last) -> tensor` or, of a field,
-- `t.shape -> list of integers`; then come sentences, a list of options where the signature has no
-- room (two spaces, the name, two spaces, what it means), the source of the semantics (`As
-- numpy.sum.`), and at the end `Example:` and code. An option without which it is an error has the
-- default `...`. The rows of the table of operations have a signature and a line of help. From these,
-- and nothing else, come help at the prompt, completion, the reference as Markdown, and the
-- annotations for editors (gradus.annotations).
--
-- An entry is a table:
--   name        "SGD", "t:rows", "plot.plot", "x" (that is x[key])
--   title       how lists show it: the name, or "x[key]"
--   short_name  "SGD", "rows", "plot", "slice"
--   owner       what it is a method or field of: "tensor", "model", ..., or "plot"; nil: a word
--   is_method   whether it is called with a colon
--   is_field    whether it is not called at all
--   signature   one line, or several for several ways to call it
--   result      the first word of what it returns, or nil
--   options     a list of { name, default (text or nil), help (text or nil), is_required }
--   text        what is said of it, lines in paragraphs
--   example     code, or nil
--   places      where its comments stand: of a module of stdlib, { module, line below the comment }
--   group       the heading under which it is listed

local core = require "gradus.core"
local words = require "gradus"

local reference = {}

-- ---- comments ----

-- The part of a text up to where its brackets close, counted from `at`; nil where they do not.
local function bracketed(text, at)
  local depth = 0
  for place in text:gmatch("()[%(%){}%[%]]", at) do
    depth = depth + (text:find("^[%({%[]", place) and 1 or -1)
    if depth == 0 then return place end
  end
end

-- How many lines at the beginning of the list are a signature; nil: it is no public comment.
local function signature_length(lines)
  local is_field = lines[1]:find "^[%a_][%w_.]* %->" or lines[1]:find "^[%a]+%.[%w_]+, [%a]+%.[%w_., ]+"
  if not is_field and not lines[1]:find "^[%a_][%w_.:]*%s?[%({]" then return nil end
  local text = ""
  for i = 1, math.min(#lines, 6) do
    text = text .. (i > 1 and " " or "") .. lines[i]:gsub("^%s+", "")
    local depth = 0
    for bracket in text:gmatch "[%(%){}%[%]]" do
      depth = depth + (bracket:find "[%({%[]" and 1 or -1)
    end
    local goes_on = text:find "%->$" or text:find ",$" or (lines[i + 1] or ""):find "^%s*%->"
    if depth == 0 and not goes_on then
      local rest = text:sub((bracketed(text, 1) or #text) + 1)
      local is_signature = rest == "" or rest:find "^%s*%->" or rest:find "^[,;] [%a_][%w_.:]*%s?[%({]"
        or not text:find "[%({]"
      return is_signature and i or nil
    end
  end
end

-- Cut a comment into signature, text and example; nil when it is not of a public form.
local function parse_comment(lines)
  local length = signature_length(lines)
  if not length then return nil end
  local parts = {}
  for i = 1, length do parts[i] = lines[i]:gsub("^%s+", "") end
  local entry = { signature = table.concat(parts, " "), text = {} }
  for i = length + 1, #lines do
    local line = lines[i]
    local example = line:match "^Example:%s*(.*)$"
    if example then
      entry.example = example
    elseif entry.example then
      entry.example = entry.example .. "\n" .. line:gsub("^  ", "")
    else
      entry.text[#entry.text + 1] = line
    end
  end
  while entry.text[#entry.text] == "" do entry.text[#entry.text] = nil end
  if entry.example then entry.example = entry.example:gsub("^\n", ""):gsub("%s+$", "") end
  return entry
end

-- ---- signatures ----

-- The parts of a list between its brackets, cut at commas outside of inner brackets.
local function split(text)
  local parts, depth, first = {}, 0, 1
  for place in text:gmatch "()[%(%){}%[%],]" do
    local letter = text:sub(place, place)
    if letter == "," and depth == 0 then
      parts[#parts + 1] = text:sub(first, place - 1)
      first = place + 1
    elseif letter ~= "," then
      depth = depth + (letter:find "[%({%[]" and 1 or -1)
    end
  end
  parts[#parts + 1] = text:sub(first)
  return parts
end

-- The options that the braces of a signature list: `name = default`, and in braces that follow
-- other arguments, plain names, too.
local function signature_options(signature)
  local options, seen, at = {}, {}, 1
  while true do
    local open = signature:find("{", at, true)
    if not open then return options end
    local close = bracketed(signature, open) or #signature
    local is_first = signature:find "^[%w_.:]+%s?{" and signature:find("{", 1, true) == open
    for _, part in ipairs(split(signature:sub(open + 1, close - 1))) do
      local name, default = part:match "^%s*([%a_][%w_]*)%s*=%s*(.-)%s*$"
      if not name and not is_first then name = part:match "^%s*([%a_][%w_]*)%s*$" end
      local is_required = default == "..."
      if name and not seen[name] then
        seen[name] = true
        options[#options + 1] = { name = name, default = not is_required and default or nil,
                                  is_required = is_required }
      end
    end
    at = close + 1
  end
end

-- The options that a text lists, one a line with what it means behind two spaces.
local function listed_options(lines, options)
  local known, last = {}, nil
  for _, option in ipairs(options) do known[option.name] = option end
  for _, line in ipairs(lines) do
    local name, help = line:match "^  ([%a_][%w_]*)%s%s+(%S.*)$"
    if name then
      last = known[name] or { name = name, default = help:match "%(([^()]*)%)" }
      if not known[name] then options[#options + 1] = last end
      known[name], last.help = last, help
    elseif last and line:find "^%s%s%s%s%s" then
      last.help = last.help .. " " .. line:gsub("^%s+", "")
    else
      last = nil
    end
  end
  return options
end

local owners = { x = "tensor", t = "tensor", a = "tensor", b = "tensor", loss = "tensor",
                 model = "model", layer = "layer", optimizer = "optimizer", rs = "RandomState",
                 scaler = "scaler", history = "history", callback = "callback", plot = "plot",
                 testing = "testing" }

-- What the name before a dot or a colon stands for in the texts: "tensor" of "t", or nil.
function reference.owner_of(base)
  return owners[base]
end

-- The heads of a signature, which may have several: "zeros(shape), ones(shape) -> tensor",
-- "t.rank, t.size -> integer".
local function heads(signature)
  local found, at = {}, 1
  while at do
    local head, open = signature:match("^([%a_][%w_.:]*)%s?()[%({%[]", at)
    local close = head and bracketed(signature, open)
    if not head then head, close = signature:match("^(%a+%.[%w_]+)()", at) end
    if not head then break end
    found[#found + 1] = head
    at = close and signature:match("^[^,;]*[,;]%s*()", close)
  end
  if #found == 0 then found[1] = signature:match "^[%a_][%w_.:]*" end
  return found
end

local headings = {
  tensor = "Tensors", operations = "Tensors", gradients = "Gradients",
  layers = "Models and layers", sequential = "Models and layers", training = "Models and layers",
  model = "Models and layers", layer = "Models and layers",
  callback = "Callbacks and histories", history = "Callbacks and histories",
  losses = "Losses", optimizers = "Optimizers", optimizer = "Optimizers",
  batches = "Data", datasets = "Data", preprocessing = "Data", scaler = "Data",
  random = "Random numbers", RandomState = "Random numbers", plot = "Plots",
  parameters = "Exploring", exploring = "Exploring", help = "Exploring",
  testing = "Testing",
}
local order_of_headings = { "Models and layers", "Losses", "Optimizers", "Callbacks and histories",
                            "Gradients", "Data", "Tensors", "Random numbers", "Plots", "Exploring",
                            "Testing" }

-- The heading of an entry: its owner's, that of what it makes, or its module's. An operation that is
-- no method is a loss.
local function heading_of(head, owner, result, module)
  if module == "operations" and owner == "" then return "Losses" end
  return headings[owner] or head == result and headings[result] or headings[module]
    or (module:sub(1, 1):upper() .. module:sub(2))
end

local function first_result(signature)
  local result = signature:match "%->%s*(.*)$"
  return result and (result:match "^[%a_]+")
end

-- ---- collecting ----

local is_word

-- Whether a head names something that scripts can use, and what it belongs to.
local function place_of(head)
  local owner, method = head:match "^([%a_]+):([%a_][%w_]*)$"
  if owner then return owners[owner], method, true end
  local module, field = head:match "^([%a_]+)%.([%a_][%w_]*)$"
  if module then return owners[module], field, false end
  if is_word[head] then return "", head, false end
  if head == "x" then return "tensor", "slice", false end  -- x[key]
  if head == "model" or head == "layer" then return head, head, false end
end

local function add(entries, parsed, module, line)
  local result = first_result(parsed.signature)
  for _, head in ipairs(heads(parsed.signature)) do
    local owner, short_name, is_method = place_of(head)
    if owner then
      local options = listed_options(parsed.text, signature_options(parsed.signature))
      entries[#entries + 1] = {
        name = head, short_name = short_name, owner = owner ~= "" and owner or nil,
        title = (owner == head or short_name == "slice") and parsed.signature:match "^(.-) %->" or head,
        is_method = is_method, is_field = not parsed.signature:find "[%({%[]",
        signature = parsed.signature, text = parsed.text, example = parsed.example,
        options = options, result = result, places = { { module = module, line = line } },
        group = heading_of(head, owner, result, module),
      }
    end
  end
end

-- The comments of a module in Lua.
local function add_module(entries, module, source)
  local comment, number = {}, 0
  for line in source:gmatch "([^\n]*)\n" do
    number = number + 1
    local text = line:match "^%s*%-%- ?(.*)$"
    if text then
      comment[#comment + 1] = text
    elseif #comment > 0 then
      local parsed = parse_comment(comment)
      if parsed then add(entries, parsed, module, number) end
      comment = {}
    end
  end
end

-- The comments of the bindings, cut by form feeds.
local function add_bindings(entries, text)
  for block in text:gmatch "\f\n([^\f]*)" do
    local lines = {}
    for line in block:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
    while lines[#lines] == "" do lines[#lines] = nil end
    local parsed = #lines > 0 and parse_comment(lines)
    local owner = lines[1] and lines[1]:match "^([%a_]+)[:.]"
    if parsed then add(entries, parsed, owners[owner] or "tensor", nil) end
  end
end

-- Code that shows an operation where its row has none: it follows from the signature.
local function example_of(row)
  local head, name, arguments = row.signature:match "^(%a):([%w_]+)%(([^)]*)%)"
  if head == "x" and arguments == "" then return ("tensor({ 0.5, 1, 2 }):%s()"):format(name) end
  if head == "a" and arguments == "b" then
    return row.name == "matmul" and "tensor { {1, 2}, {3, 4} }:matmul(tensor { {1}, {1} })"
      or ("tensor({ 1, 5, 3 }):%s(tensor { 2, 2, 3 })"):format(name)
  end
  if arguments and arguments:find "^%[axes" then
    return ("tensor({ {1, 2}, {3, 4} }):%s(1)"):format(name)
  end
end

local function add_operations(entries)
  for _, row in ipairs(core.list_operations()) do
    local text, example = row.help:match "^(.-)%s*Example: (.*)$"
    add(entries, { signature = row.signature, text = { text or row.help },
                   example = example or example_of(row) }, "operations", nil)
  end
end

-- Of two entries under one name, the one that says more stays, at the first one's place.
local function without_repeats(entries)
  local kept, place = {}, {}
  for _, entry in ipairs(entries) do
    local earlier = kept[place[entry.name]]
    if not earlier then
      kept[#kept + 1] = entry
      place[entry.name] = #kept
    else
      local says_more = #entry.options > #earlier.options or #entry.text > #earlier.text
      local better, other = earlier, entry
      if says_more then better, other = entry, earlier end
      table.move(other.places, 1, #other.places, #better.places + 1, better.places)
      better.group = earlier.group
      kept[place[entry.name]] = better
    end
  end
  return kept
end

local all_entries

-- Every entry, in the order of the modules' names and their lines.
function reference.entries()
  if all_entries then return all_entries end
  is_word = {}
  for _, word in ipairs(reference.words()) do is_word[word] = true end
  local entries, sources, names = {}, core.embedded(), {}
  for name in pairs(sources) do
    if name ~= "bindings" then names[#names + 1] = name end
  end
  table.sort(names)
  add_bindings(entries, sources.bindings:match "^return %[===%[(.*)%]===%]")
  add_operations(entries)
  for _, name in ipairs(names) do add_module(entries, name, sources[name]) end
  all_entries = without_repeats(entries)
  return all_entries
end

-- The headings in order, each a table { heading, entries }: what is called by its own name first,
-- then methods and fields, in the order of entries().
function reference.chapters()
  local chapters, by_heading = {}, {}
  local function chapter(heading)
    if not by_heading[heading] then
      by_heading[heading] = { heading = heading, words = {}, members = {} }
      chapters[#chapters + 1] = by_heading[heading]
    end
    return by_heading[heading]
  end
  for _, heading in ipairs(order_of_headings) do chapter(heading) end
  for _, entry in ipairs(reference.entries()) do
    local list = chapter(entry.group)[entry.owner and "members" or "words"]
    list[#list + 1] = entry
  end
  for _, each in ipairs(chapters) do
    each.entries = table.move(each.members, 1, #each.members, #each.words + 1, each.words)
  end
  return chapters
end

-- The names of all words of the library.
function reference.words()
  return getmetatable(words).names()
end

-- What a module says of itself in the first sentence of its head: "plot: pyplot's verbs on ...".
function reference.about(module)
  local source = core.embedded()[module]
  local head = source and source:match "^%-%- [%w_]+: ([^\n]*\n[^\n]*)"
  if not head then return nil end
  head = head:gsub("\n%-%- ?", " "):gsub("\n.*", "")
  return head:match "^(.-%.)%s" or head
end

return reference
