-- page: text laid out for a terminal, of the comments that are the library's help: paragraphs are
-- filled to its width, lists keep their columns where there is room.

local Page = {}
Page.__index = Page

local page = {}

-- A new page, so many columns wide (nil: 84), painted in colours or plain.
function page.new(columns, colored)
  return setmetatable({ lines = {}, columns = math.max(30, math.min(columns or 84, 100)),
                        colored = colored }, Page)
end

function Page:paint(color, text)
  return self.colored and "\27[" .. color .. "m" .. text .. "\27[0m" or text
end

function Page:line(text) self.lines[#self.lines + 1] = text or "" end

-- Words filled into lines, the first moved in by `first`, the others by `margin`. What `label` says
-- stands before the first word.
function Page:fill(text, margin, first, color, label)
  local line = (" "):rep(first or margin) .. (label or "")
  local used, is_empty = #line, true
  for word in text:gmatch "%S+" do
    local width = utf8.len(word) or #word
    if not is_empty and used + 1 + width > self.columns then
      self:line(color and self:paint(color, line) or line)
      line, used, is_empty = (" "):rep(margin), margin, true
    end
    line = line .. (is_empty and "" or " ") .. word
    used = used + width + (is_empty and 0 or 1)
    is_empty = false
  end
  if not is_empty then self:line(color and self:paint(color, line) or line) end
end

-- An entry of a list, "name  meaning" with the lines that go on: the meaning stays in the column
-- that the comment gives it where there is room, else it goes below the name.
function Page:item(lines)
  local name, gap, meaning = lines[1]:match "^%s*(.-%S)(  +)(%S.*)$"
  if not name then return self:fill(table.concat(lines, " "), 8, 4) end
  lines[1] = meaning
  local column = 4 + #name + #gap
  if column + 30 <= self.columns then
    self:fill(table.concat(lines, " "), column, 4, nil, name .. gap)
  else
    self:line("    " .. name)
    self:fill(table.concat(lines, " "), 8)
  end
end

-- Lines of a comment: paragraphs are filled, lists stay lists.
function Page:paragraphs(lines)
  local paragraph, item = {}, {}
  local function flush()
    if #paragraph > 0 then self:fill(table.concat(paragraph, " "), 2) end
    if #item > 0 then self:item(item) end
    paragraph, item = {}, {}
  end
  for _, line in ipairs(lines) do
    local margin = #line:match "^ *"
    if line == "" then
      flush()
      self:line()
    elseif margin == 0 then
      if #item > 0 then flush() end
      paragraph[#paragraph + 1] = line
    else
      if margin <= 4 then flush() end
      item[#item + 1] = line
    end
  end
  flush()
end

function Page:print()
  io.stdout:write(table.concat(self.lines, "\n"), "\n")
  io.stdout:flush()
end

return page
