-- document: the reference as files: Markdown for readers, annotations for editors. Both come from
-- gradus.reference; the annotations are written by gradus.annotations.

local annotations = require "gradus.annotations"
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

-- Write the reference and the annotations into a folder that has a folder library/gradus.
function document.write(folder)
  for name, text in pairs { ["reference.md"] = document.markdown(),
                            ["library/gradus.lua"] = annotations.words(),
                            ["library/gradus/testing.lua"] = annotations.testing() } do
    local file = assert(io.open(folder .. "/" .. name, "w"))
    assert(file:write(text))
    assert(file:close())
  end
end

return document
