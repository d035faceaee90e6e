-- printing: how values look as text.
--
-- A tensor prints as NumPy's do: numbers aligned, wide rows wrapped, large tensors shortened to their
-- ends, with shape and dtype behind. Its numbers look as PyTorch's: four digits behind the point.

local len, offset, sub = utf8.len, utf8.offset, string.sub

local printing = {}

local THRESHOLD, EDGE = 1000, 3  -- of more elements than this, three at each end are shown
local PRECISION = 4
local LINE_WIDTH = 75  -- as NumPy's

local function is_finite(number) return number - number == 0 end

-- The places that are shown along an axis of n: all, or the ends with a gap (0) between them.
local function shown_places(n, shortens)
  local places = {}
  if not shortens or n <= 2 * EDGE then
    for i = 1, n do places[i] = i end
  else
    for i = 1, EDGE do places[i] = i end
    places[EDGE + 1] = 0
    for i = n - EDGE + 1, n do places[#places + 1] = i end
  end
  return places
end

-- Call visit(number) for each number that is shown.
local function each_shown(value, rank, shortens, visit)
  if rank == 0 then return visit(value) end
  for _, place in ipairs(shown_places(#value, shortens)) do
    if place > 0 then each_shown(value[place], rank - 1, shortens, visit) end
  end
end

-- A format for all shown numbers together: whole, fixed or with exponents.
local function choose_format(value, rank, shortens)
  local largest, smallest, all_whole = 0, math.huge, true
  each_shown(value, rank, shortens, function(number)
    if not is_finite(number) then return end
    local size = math.abs(number)
    largest = math.max(largest, size)
    if size > 0 then smallest = math.min(smallest, size) end
    if number % 1 ~= 0 then all_whole = false end
  end)
  if all_whole and largest < 1e8 then return "%.0f." end
  if largest >= 1e8 or smallest < 1e-4 or largest / smallest > 1e6 then
    return "%." .. PRECISION .. "e"
  end
  return "%." .. PRECISION .. "f"
end

local function number_text(format, number)
  if number ~= number then return "nan" end
  if number == math.huge then return "inf" end
  if number == -math.huge then return "-inf" end
  return format:format(number)
end

local function pad(text, width) return (" "):rep(width - #text) .. text end

-- A text of one line, cut where it is wider than so many columns.
function printing.shortened(text, width)
  if (len(text) or #text) <= width then return text end
  if width < 4 then return "" end
  return sub(text, 1, (offset(text, width - 2) or width - 2) - 1) .. "..."
end

-- A row of words in lines of at most `width` columns; lines after the first begin with `indent`.
local function row_text(words, indent, width)
  local lines, line = {}, indent
  for _, word in ipairs(words) do
    if #line + #word > width and #line > #indent then
      lines[#lines + 1] = line:gsub("%s+$", "")
      line = indent
    end
    line = line .. word .. " "
  end
  lines[#lines + 1] = line:sub(1, -2)
  return table.concat(lines, "\n")
end

-- The text of a nested table. Its lines begin with `indent`, as wide as the brackets that are open,
-- and end before column `width`, which leaves room for those that will be closed.
local function nested_text(value, rank, shortens, show, indent, width)
  if rank == 0 then return show(value) end
  local parts = {}
  for i, place in ipairs(shown_places(#value, shortens)) do
    parts[i] = place == 0 and "..."
      or nested_text(value[place], rank - 1, shortens, show, indent .. " ", width - 1)
  end
  if rank == 1 then return "[" .. row_text(parts, indent, width - 1):sub(#indent + 1) .. "]" end
  return "[" .. table.concat(parts, ("\n"):rep(rank - 1) .. indent) .. "]"
end

-- The part of a tensor that is shown, as nested tables of its full length where it is cut.
local function shown_numbers(tensor, shortens)
  if not shortens then return tensor:totable() end
  local key = {}
  local function read(axis)
    local n = tensor.shape[axis]
    local row = setmetatable({}, { __len = function() return n end })
    for _, place in ipairs(shown_places(n, true)) do
      if place > 0 then
        key[axis] = place
        if axis == tensor.rank then row[place] = tensor[key] else row[place] = read(axis + 1) end
      end
    end
    key[axis] = nil
    return row
  end
  return read(1)
end

-- The numbers of a tensor of rank 1 or more, in lines of at most `width` columns.
local function numbers_text(tensor, shortens, width)
  local rank, value = tensor.rank, shown_numbers(tensor, shortens)
  local format = choose_format(value, rank, shortens)
  local number_width = 0
  each_shown(value, rank, shortens, function(number)
    number_width = math.max(number_width, #number_text(format, number))
  end)
  return nested_text(value, rank, shortens, function(number)
    return pad(number_text(format, number), number_width)
  end, " ", width)
end

local function line_count(text) return select(2, text:gsub("\n", "")) + 1 end

-- tostring(t); with a width, lines of at most so many columns, where that is less than NumPy's; with a
-- height, shortened where there would be more lines than that.
function printing.tensor(tensor, width_limit, height_limit)
  local suffix = ("tensor [%s] %s"):format(table.concat(tensor.shape, ", "), tensor.dtype)
  if tensor.size == 0 then return "[]  " .. suffix end
  if tensor.rank == 0 then return tostring(tensor:totable()) end  -- as its number
  local width, shortens = math.min(LINE_WIDTH, width_limit or LINE_WIDTH), tensor.size > THRESHOLD
  local text = numbers_text(tensor, shortens, width)
  if not shortens and height_limit and line_count(text) > height_limit then
    text = numbers_text(tensor, true, width)
  end
  return text .. "\n" .. suffix
end

-- A setting as one would write it.
local function setting_text(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "number" and math.type(value) == "float" then
    local text = ("%.14g"):format(value)
    if tonumber(text) ~= value then text = ("%.17g"):format(value) end
    return text:find "^-?%d+$" and text .. ".0" or text
  end
  if type(value) == "function" then
    local info = debug.getinfo(value, "S")
    return info.what == "C" and "function" or ("function at %s:%d"):format(info.short_src, info.linedefined)
  end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for i, part in ipairs(value) do parts[i] = setting_text(part) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- A call of a constructor: the settings of these names in their order, but for those that are nil or
-- the default. A name that is 1 is the first, without its name.
function printing.constructor(name, settings, names, defaults)
  local parts = {}
  for _, key in ipairs(names) do
    local value = settings[key]
    if value ~= nil then
      local text = setting_text(value)
      if defaults[key] == nil or text ~= setting_text(defaults[key]) then
        parts[#parts + 1] = key == 1 and text or key .. " = " .. text
      end
    end
  end
  return #parts == 0 and name .. " {}" or ("%s { %s }"):format(name, table.concat(parts, ", "))
end

local sgd_names = { "learning_rate", "momentum", "nesterov", "weight_decay", "clipnorm",
                    "global_clipnorm", "clipvalue" }

-- tostring(optimizer)
function printing.optimizer(optimizer)
  return printing.constructor("SGD", optimizer, sgd_names, { momentum = 0.0, nesterov = false })
end

-- Rows of cells as text, the columns aligned to the left.
local function table_text(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, #cell) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do cells[i] = cell .. (" "):rep(widths[i] - #cell) end
    lines[#lines + 1] = (" " .. table.concat(cells, "  ")):gsub("%s+$", "")
  end
  return lines
end

local function shape_text(shape)
  if not shape then return "?" end
  return "[batch" .. (#shape > 1 and ", " .. table.concat(shape, ", ", 2) or "") .. "]"
end

local function bytes_text(bytes)
  if bytes < 1024 then return bytes .. " B" end
  if bytes < 1024 * 1024 then return ("%.2f KB"):format(bytes / 1024) end
  return ("%.2f MB"):format(bytes / 1024 / 1024)
end

local function count_parameters(weights, trainable)
  local count = 0
  for _, entry in ipairs(weights) do
    if trainable == nil or entry.tensor.requires_grad == trainable then
      count = count + entry.tensor.size
    end
  end
  return count
end

-- How the steps of fit run, for the last line of a summary.
local function steps_text(model)
  if not model.loss then return "not compiled" end
  if model.run_eagerly then return "eager, as compile asked" end
  if model.eager_reason then return "eager, because " .. model.eager_reason end
  return "recorded once, then replayed"
end

-- How many parameters a layer has with those inside it, but for what is in `seen`.
local function count_with_inner(layer, seen)
  local count = 0
  require("gradus.layers").walk(layer, function(part)
    count = count + count_parameters(part.weights or {})
  end, true, nil, seen)
  return count
end

-- A model's summary.
function printing.model(model)
  local size = model.dtype == "float64" and 8 or 4
  local seen = {}
  local rows = { { "Layer (type)", "Output shape", "Param #" } }
  for _, layer in ipairs(model.layers) do
    rows[#rows + 1] = { ("%s (%s)"):format(layer.name, layer.type_name or "Layer"),
                        shape_text(layer.output_shape),
                        tostring(count_with_inner(layer, seen)) }
  end
  local lines = table_text(rows)
  local width = 0
  for _, line in ipairs(lines) do width = math.max(width, #line) end
  table.insert(lines, 2, (" %s"):format(("-"):rep(width - 1)))
  table.insert(lines, 1, ('Model "%s", %s'):format(model.name, model.dtype))
  for _, part in ipairs { { "Total", nil }, { "Trainable", true }, { "Non-trainable", false } } do
    local count = count_parameters(model.weights, part[2])
    lines[#lines + 1] = (" %s parameters: %d (%s)"):format(part[1], count, bytes_text(count * size))
  end
  lines[#lines + 1] = " Steps: " .. steps_text(model)
  return table.concat(lines, "\n")
end

return printing
