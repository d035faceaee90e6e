-- annotations: the reference for editors, in LuaCATS, which lua-language-server reads.
--
-- The words are globals and the fields of what `require "gradus"` returns; tensors, models and the
-- like are classes; a table of options is an exact class, so that a wrong name can be told. What a
-- name in a signature stands for is said once, in `types`: the library uses a name for one thing.

local reference = require "gradus.reference"

local annotations = {}

-- ---- types ----

local aliases = {
  { "dtype", '"float32"|"float64"' },
  { "numbers", "number[]|gradus.tensor" },
  { "rows", "gradus.tensor|table" },  -- a tensor, or nested tables of its numbers
  { "shape", "integer|integer[]" },
  { "axes", "integer|integer[]|{ axes?: integer|integer[], keepdims?: boolean }" },
  { "activation", '"linear"|"relu"|"tanh"|"sigmoid"|fun(x: gradus.tensor): gradus.tensor' },
  { "initializer", '"glorot_uniform"|"he_uniform"|"random_uniform"|"random_normal"|"zeros"|"ones"'
      .. "|fun(shape: integer[], dtype: gradus.dtype): gradus.tensor" },
  { "loss", '"mean_squared_error"|"mse"|"mean_absolute_error"|"mae"'
      .. "|fun(y_true: gradus.tensor, y_pred: gradus.tensor): gradus.tensor" },
  { "layer_like", "gradus.layer|gradus.model|gradus.options.Layer|fun(x: gradus.tensor): gradus.tensor" },
  { "seed", "integer|integer[]" },
  { "marker", '"o"|"s"|"^"|"v"|"D"|"+"|"x"|"*"|"."|"none"' },
  { "linestyle", '"-"|"--"|":"|"-."|"none"' },
  { "scale", '"linear"|"log"' },
}

local tensor, operand = "gradus.tensor", "gradus.tensor|number"

-- What an argument or an option of this name is; one that means something else somewhere has its
-- function before a dot: "full.value".
local types = {
  -- tensors
  a = operand, b = operand, ["matmul.b"] = tensor, ["identical.b"] = tensor,
  ["choice.a"] = "integer|gradus.tensor|any[]",
  axes = "gradus.axes", keepdims = "boolean", dtype = "gradus.dtype", requires_grad = "boolean",
  value = "any", ["tensor.value"] = "number|gradus.rows", ["full.value"] = "number",
  ["fill.value"] = "number|gradus.rows", ["assertFinite.value"] = "number|gradus.rows",
  shape = "gradus.shape", ["zeros.shape"] = "gradus.shape|gradus.options.zeros",
  ["ones.shape"] = "gradus.shape|gradus.options.ones", ["full.shape"] = "integer[]",
  ["add_weight.shape"] = "integer[]", ["assertShape.shape"] = "integer[]", input_shape = "integer[]",
  first = "number", last = "number", ["range.step"] = "number", ["range.n"] = "integer",
  ["rows.first"] = "integer", ["rows.last"] = "integer", ["cols.first"] = "integer",
  ["cols.last"] = "integer", ["take.indices"] = "integer[]|gradus.tensor",
  ["mask.m"] = "gradus.numbers", order = "integer[]", q = "number", low = "number?", high = "number?",
  kernel = tensor, ["dense.bias"] = tensor, ["dense.activation"] = '"linear"|"relu"|"tanh"|"sigmoid"',
  tensor = tensor, actual = "number|gradus.rows", expected = "number|gradus.rows",
  y_true = tensor, y_pred = tensor,
  -- models
  x = "gradus.rows", y = "gradus.rows", X = tensor, Z = tensor, ["layer.x"] = tensor,
  ["batches.x"] = tensor, ["batches.y"] = tensor, ["train_test_split.y"] = tensor,
  model = "gradus.model", ["apply.model"] = "gradus.model|gradus.layer|gradus.tensor[]",
  layer = "gradus.layer_like", list = "gradus.rows[]", units = "integer",
  activation = "gradus.activation", use_bias = "boolean", kernel_initializer = "gradus.initializer",
  bias_initializer = "gradus.initializer", initializer = "gradus.initializer", input_dim = "integer",
  name = "string", trainable = "boolean",
  call = "fun(self: gradus.layer, x: gradus.tensor): gradus.tensor",
  build = "fun(self: gradus.layer, input_shape: integer[])",
  loss = "gradus.loss", optimizer = 'gradus.optimizer|"sgd"', run_eagerly = "boolean",
  batch_size = "integer", epochs = "integer", verbose = "0|1|2", shuffle = "boolean",
  validation_data = "gradus.rows[]", validation_split = "number", callbacks = "gradus.callback[]",
  warn_nonfinite = "boolean", epoch = "integer", batch = "integer", logs = "table<string, number>",
  learning_rate = "number", lr = "number", momentum = "number", nesterov = "boolean",
  weight_decay = "number|false", clipnorm = "number|false", global_clipnorm = "number|false",
  clipvalue = "number|number[]|false",
  -- data and random numbers
  n_samples = "integer", n_features = "integer", n_informative = "integer", n_targets = "integer",
  ["make_regression.bias"] = "number", effective_rank = "integer", tail_strength = "number",
  noise = "number", coef = "boolean", random_state = "integer|gradus.RandomState",
  test_size = "number", train_size = "number", with_mean = "boolean", with_std = "boolean",
  feature_range = "number[]", clip = "boolean", seed = "gradus.seed", n = "integer", m = "integer",
  mean = "number", std = "number", size = "gradus.shape", replace = "boolean", p = "gradus.numbers",
  ["uniform.low"] = "number", ["uniform.high"] = "number", ["randint.low"] = "integer",
  ["randint.high"] = "integer",
  ["permutation.x"] = "integer|gradus.tensor", ["shuffle.x"] = "gradus.tensor|any[]",
  -- gradients and exploring
  f = "function", ["Layer.f"] = "fun(x: gradus.tensor): gradus.tensor", inputs = "gradus.tensor[]",
  step = "number", rtol = "number", atol = "number",
  repeats = "integer", what = "any", default = "any", equal_nan = "boolean", message = "string",
  -- plots
  ["plot.x"] = "gradus.numbers", ["plot.y"] = "gradus.numbers", ["scatter.x"] = "gradus.numbers",
  ["scatter.y"] = "gradus.numbers", ["errorbar.x"] = "gradus.numbers",
  ["errorbar.y"] = "gradus.numbers", yerr = "number|gradus.numbers",
  ["fill_between.x"] = "gradus.numbers", y1 = "number|gradus.numbers", y2 = "number|gradus.numbers",
  ["axhline.y"] = "number", ["axvline.x"] = "number", ["text.x"] = "number", ["text.y"] = "number",
  ["pcolormesh.x"] = "gradus.numbers", ["pcolormesh.y"] = "gradus.numbers", grid = "gradus.rows",
  values = "gradus.numbers", ["boxplot.values"] = "gradus.numbers|gradus.numbers[]",
  label = "string", color = "string", linestyle = "gradus.linestyle", linewidth = "number",
  marker = "gradus.marker", markersize = "number", alpha = "number", bins = "integer",
  range = "number[]", density = "boolean", edgecolor = "string", labels = "string[]",
  positions = "gradus.numbers", widths = "number|number[]", showfliers = "boolean", cmap = "string",
  vmin = "number", vmax = "number", norm = "gradus.scale", origin = '"upper"|"lower"',
  figsize = "number[]", title = "string", text = "string", fontsize = "number",
  ha = '"left"|"center"|"right"', va = '"bottom"|"center"|"top"', rotation = "number", loc = "string",
  dpi = "number", which = '"all"', shown = "boolean", scale = "gradus.scale", rows = "integer",
  columns = "integer", index = "integer",
}

-- What the results of a signature are called.
local result_types = {
  number = "number", integer = "integer", boolean = "boolean", table = "table", ["nil"] = "nil",
  ["true"] = "true", t = tensor, n = "integer", value = "any", dtype = "gradus.dtype",
  ['"float32"'] = '"float32"', ['"float64"'] = '"float64"', iterator = "fun(): gradus.tensor, gradus.tensor",
  ["list of integers"] = "integer[]", ["list of numbers"] = "number[]",
  ["list of tensors"] = "gradus.tensor[]", ["list of layers"] = "gradus.layer[]",
  ["table of tensors"] = "table<string, gradus.tensor>", ["table of lists"] = "table<string, number[]>",
  ["tensor of rank 0"] = tensor, ["tensor of ones and zeros"] = tensor, counts = "number[]",
  edges = "number[]", statistics = "table", X = tensor, y = tensor, coef = "gradus.tensor?",
  candidate = "any", list = "any[]", ["what f returns"] = "any",
  ["what the script returns"] = "any", X_train = tensor, X_test = tensor, y_train = tensor,
  y_test = tensor, ["..."] = "gradus.tensor ...",
}

local classes = { "tensor", "model", "layer", "optimizer", "history", "RandomState", "scaler" }
for _, name in ipairs(classes) do result_types[name] = "gradus." .. name end

-- The type of an argument or option; where there is none it is an error: it belongs in `types`.
local function type_of(entry, name)
  local found = types[entry.short_name .. "." .. name] or types[name]
  if not found then
    error(("annotations: %s of %s has no type"):format(name, entry.name))
  end
  return found
end

-- The strings that an option of the function may be, such as the names of activations; an empty list
-- where there are none to choose from.
function annotations.choices(short_name, option)
  local text = types[short_name .. "." .. option] or types[option] or ""
  for _, alias in ipairs(aliases) do
    if text == "gradus." .. alias[1] then text = alias[2] end
  end
  local choices = {}
  for choice in text:gmatch '"([^"]*)"' do choices[#choices + 1] = choice end
  return choices
end

-- The results of a signature as types: "gradus.tensor, gradus.tensor"; nil: none.
local function results_of(entry)
  local text
  for way in entry.signature:gmatch "[^;]+" do
    if way:find(entry.name, 1, true) then text = way:match "%->%s*(.*)$" end
  end
  if not text then return nil end
  local list = {}
  for part in (text:gsub("[%[%]]", "") .. ","):gmatch "%s*(.-)%s*," do
    local kinds = {}
    for word in (part .. " or "):gmatch "(.-) or " do
      kinds[#kinds + 1] = result_types[word]
        or error(("annotations: the result %s of %s has no type"):format(word, entry.name))
    end
    list[#list + 1] = table.concat(kinds, "|")
  end
  return table.concat(list, ", ")
end

-- ---- arguments ----

-- What takes the dimensions of a shape one by one, too, and what a dtype instead of options.
local spreads_shape = { zeros = true, ones = true, reshape = true }
local takes_dtype = { zeros = true, ones = true, full = true }

-- The arguments that the inside of parentheses names, a list of { name, is_optional }; those in
-- brackets and all after them may be left out. A table of options is the argument `options`, but one
-- of the rest behind a `...`.
local function parse_arguments(inside)
  local list, optional = {}, false
  inside = inside:gsub("%b{}", "options"):gsub("%.%.%..*$", "...")
  for bracket, name in inside:gmatch "(%[?)%s*,?%s*([%a_.][%w_.]*)" do
    optional = optional or bracket == "["
    list[#list + 1] = { name = name, is_optional = optional }
  end
  return list
end

-- Each way to call the entry, as a list of arguments.
local function ways_to_call(entry)
  local head, ways = entry.name:gsub("%p", "%%%0"), {}
  if entry.signature:find("^" .. head .. " {") then
    local is_needed = false
    for _, option in ipairs(entry.options) do is_needed = is_needed or option.is_required end
    ways[1] = { { name = "options", is_optional = not is_needed } }
  end
  for before, inside in entry.signature:gmatch("([^%a]?)" .. head .. "(%b())") do
    local leading, rest = inside:sub(2, -2):match "^%[([%a_]+),%]%s*(.*)$"
    if leading then  -- [x,] y
      local with, without = parse_arguments(leading .. ", " .. rest), parse_arguments(rest)
      ways[#ways + 1], ways[#ways + 2] = with, without
    elseif before ~= ":" and before ~= "." then
      ways[#ways + 1] = parse_arguments(inside:sub(2, -2))
    end
  end
  return ways
end

-- ---- writing ----

local Writer = {}
Writer.__index = Writer

function Writer:add(format, ...) self[#self + 1] = (format:format(...):gsub(" +$", "")) end

function Writer:comment(entry)
  self:add("---`%s`", entry.signature)
  self:add "---"
  for _, line in ipairs(entry.text) do self:add("--- %s", line) end
  if entry.example then
    self:add "---"
    self:add "---```lua"
    for line in (entry.example .. "\n"):gmatch "([^\n]*)\n" do self:add("--- %s", line) end
    self:add "---```"
  end
end

-- The layers of Sequential, the units of Dense: what stands in the braces without a name.
local function positional(entry)
  if entry.name == "Sequential" then return "---@field [integer]? gradus.layer_like" end
  if entry.name == "Dense" then return "---@field [1]? integer how many outputs" end
  if spreads_shape[entry.name] then return "---@field [integer]? integer the dimensions" end
end

-- A class for the options of an entry; returns its name. A layer of one's own has fields of its own.
function Writer:options(entry)
  local name = "gradus.options." .. entry.short_name
  self:add("---@class %s%s", entry.name == "Layer" and "" or "(exact) ", name)
  if positional(entry) then self:add("%s", positional(entry)) end
  for _, option in ipairs(entry.options) do
    local default = option.default and option.default .. " by default" or ""
    self:add("---@field %s%s %s %s", option.name, option.is_required and "" or "?",
      type_of(entry, option.name), option.help or default)
  end
  self:add ""
  return name
end

local function argument_type(entry, argument, options)
  if argument.name == "..." then
    return entry.name == "train_test_split" and "gradus.tensor|" .. options or "any"
  end
  if argument.name ~= "options" then return type_of(entry, argument.name) end
  return takes_dtype[entry.name] and "gradus.dtype|" .. options or options
end

-- One more way to call an entry: "fun(y: number[], options?: ...): gradus.tensor".
local function overload(entry, way, options, results)
  local parts = {}
  if entry.is_method then parts[1] = "self: gradus." .. entry.owner end
  for _, argument in ipairs(way) do
    local mark = argument.is_optional and argument.name ~= "..." and "?" or ""
    parts[#parts + 1] = argument.name .. mark .. ": " .. argument_type(entry, argument, options)
  end
  return ("fun(%s)%s"):format(table.concat(parts, ", "), results and ": " .. results or "")
end

-- Where the dimensions may come one by one, the shape is the first of them, and options the last.
function Writer:parameters(entry, way, options)
  local names, spreads = {}, spreads_shape[entry.short_name]
  for i, argument in ipairs(way) do
    local is_rest = argument.name == "..." or spreads and i > 1
    names[i] = is_rest and "..." or argument.name
    self:add("---@param %s%s %s%s", names[i], argument.is_optional and not is_rest and "?" or "",
      spreads and is_rest and "integer|" or "", argument_type(entry, argument, options))
  end
  if spreads and #way == 1 then
    names[2] = "..."
    self:add "---@param ... integer"
  end
  return names
end

local function place_of(entry)
  if entry.owner == "plot" then return "plot." .. entry.short_name end
  if entry.owner == "testing" then return "testing." .. entry.short_name end
  return entry.owner and ("%s_methods:%s"):format(entry.owner, entry.short_name) or entry.name
end

-- A draw of random numbers: without a shape one number, with one a tensor.
function Writer:draw(entry, way, number)
  local shape = table.remove(way)
  local names = self:parameters(entry, shape.name == "..." and {} or way)
  way[#way + 1] = shape
  for i, argument in ipairs(way) do argument.is_optional = shape.name == "..." and i > 1 end
  self:add("---@return %s", number)
  self:add("---@overload %s", overload(entry, way, nil, tensor))
  self:add("function %s(%s) end\n", place_of(entry), table.concat(names, ", "))
end

-- param gives what its default is; everything else says what it gives.
local function is_generic(entry) return entry.name == "param" end

function Writer:callable(entry)
  local has_options = #entry.options > 0 and entry.signature:find "{"
  local options = has_options and self:options(entry) or types.options
  local ways = ways_to_call(entry)
  local results = results_of(entry)
  self:comment(entry)
  if entry.owner == "RandomState" and entry.signature:find "er or tensor" then
    return self:draw(entry, ways[1], results:match "^%a+")
  end
  if is_generic(entry) then
    self:add "---@generic T"
    self:add "---@param name string"
    self:add "---@param default? T"
    self:add "---@return T"
    return self:add("function %s(name, default) end\n", entry.name)
  end
  local names = self:parameters(entry, ways[1], options)
  if results then self:add("---@return %s", results) end
  for i = 2, #ways do self:add("---@overload %s", overload(entry, ways[i], options, results)) end
  self:add("function %s(%s) end\n", place_of(entry), table.concat(names, ", "))
end

-- ---- classes ----

local operators = {
  tensor = { "add(gradus.tensor|number): gradus.tensor", "sub(gradus.tensor|number): gradus.tensor",
             "mul(gradus.tensor|number): gradus.tensor", "div(gradus.tensor|number): gradus.tensor",
             "pow(gradus.tensor|number): gradus.tensor", "idiv(gradus.tensor|number): gradus.tensor",
             "mod(gradus.tensor|number): gradus.tensor", "unm: gradus.tensor", "len: integer",
             "concat(string|number|gradus.tensor): string" },
  model = { "call(gradus.rows): gradus.tensor" },
  layer = { "call(gradus.tensor): gradus.tensor" },
}

local function entries_of(owner)
  local list = {}
  for _, entry in ipairs(reference.entries()) do
    if entry.owner == owner then list[#list + 1] = entry end
  end
  return list
end

local function entry_named(name)
  for _, entry in ipairs(reference.entries()) do
    if entry.name == name then return entry end
  end
end

-- Lines of a comment as one line, what a list has set apart by semicolons.
local function in_one_line(lines)
  local text, is_in_list = "", false
  for _, line in ipairs(lines) do
    local name, meaning = line:match "^%s+([%w_]+)%s%s+(%S.*)$"
    if name then
      text, is_in_list = ("%s%s%s: %s"):format(text, is_in_list and "; " or " ", name, meaning), true
    elseif line == "" then
      text, is_in_list = text .. (is_in_list and "." or ""), false
    else
      text = text .. " " .. line:match "^%s*(.*)$"
    end
  end
  return text:sub(2)
end

-- A field has one line, which ends with all that is said of it.
function Writer:field(entry)
  self:add("---@field %s %s %s", entry.short_name, results_of(entry), in_one_line(entry.text))
end

function Writer:class(name)
  self:add("---@class gradus.%s", name)
  for _, entry in ipairs(entries_of(name)) do
    if entry.is_field then self:field(entry) end
  end
  if name == "tensor" then self:add "---@field [integer|table] any an element, or a view" end
  if name == "optimizer" then
    local sgd = entry_named "SGD"
    for _, option in ipairs(sgd.options) do
      self:add("---@field %s%s %s %s", option.name, option.default == "nil" and "?" or "",
        type_of(sgd, option.name), option.help)
    end
  elseif name == "layer" or name == "scaler" then
    self:add "---@field [string] any what its maker gave it, or it found out"
  end
  for _, operator in ipairs(operators[name] or {}) do self:add("---@operator %s", operator) end
  self:add("local %s_methods = {}\n", name)
end

function Writer:callback_class()
  self:add "---@class gradus.callback"
  for _, entry in ipairs(entries_of "callback") do
    local way = ways_to_call(entry)[1]
    table.insert(way, 1, { name = "self" })
    local parts = {}
    for i, argument in ipairs(way) do
      parts[i] = argument.name .. ": " .. (i == 1 and "gradus.callback" or type_of(entry, argument.name))
    end
    self:add("---@field %s? fun(%s)", entry.short_name, table.concat(parts, ", "))
  end
  self:add "---@field [string] any"
  self:add ""
end

-- ---- files ----

local function new_writer(module)
  local writer = setmetatable({}, Writer)
  writer:add("---@meta %s", module)
  writer:add ""
  writer:add "-- For lua-language-server; made by `make doc`."
  writer:add ""
  return writer
end

-- Whether an entry is a function or method to declare: fields, calls of a value and keys are in the
-- classes.
local function is_declared(entry)
  local is_call = entry.name == entry.owner or entry.short_name == "slice"
  return not (entry.is_field or is_call or entry.owner == "callback" or entry.owner == "testing")
end

-- The annotations of the words, as one text in Lua.
function annotations.words()
  local writer = new_writer "gradus"
  for _, alias in ipairs(aliases) do writer:add("---@alias gradus.%s %s", alias[1], alias[2]) end
  writer:add ""
  for _, name in ipairs(classes) do writer:class(name) end
  writer:callback_class()
  writer:add "plot = {}\n"
  for _, entry in ipairs(reference.entries()) do
    if is_declared(entry) then writer:callable(entry) end
  end
  writer:add "return {"
  for _, word in ipairs(reference.words()) do writer:add("  %s = %s,", word, word) end
  writer:add "}\n"
  return table.concat(writer, "\n")
end

-- Those of gradus.testing, which has LuaUnit's assertions, too.
function annotations.testing()
  local writer = new_writer "gradus.testing"
  writer:add "---@class gradus.testing"
  writer:add "---@field [string] fun(...)"
  writer:add "local testing = {}\n"
  for _, entry in ipairs(entries_of "testing") do writer:callable(entry) end
  writer:add "return testing\n"
  return table.concat(writer, "\n")
end

return annotations
