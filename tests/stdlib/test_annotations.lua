-- test_annotations: the annotations for editors: each line is LuaCATS by its grammar, each type has
-- a definition, and they say neither more nor less than the library has.

local lu = require "luaunit"
local annotations = require "gradus.annotations"
local core = require "gradus.core"
local reference = require "gradus.reference"

-- ---- the grammar, after lua-language-server's description of its annotations ----

local built_in = { ["nil"] = true, any = true, boolean = true, string = true, number = true, integer = true,
                   ["function"] = true, table = true, ["true"] = true, ["false"] = true, T = true }

-- A reader of one line: what is left of it, and the names of types it met.
local Line = {}
Line.__index = Line

function Line:accept(pattern)
  local found, rest = self.rest:match("^%s*(" .. pattern .. ")()")
  if found then self.rest = self.rest:sub(rest) end
  return found
end

function Line:expect(pattern, what)
  return self:accept(pattern) or error(("expected %s before %q"):format(what, self.rest), 0)
end

function Line:name() return self:expect("[%a_][%w_.]*", "a name") end

function Line:arguments()
  self:expect("%(", "(")
  if self:accept "%)" then return end
  repeat
    if not self:accept "%.%.%." then
      self:name()
      self:accept "%?"
    end
    if self:accept ":" then self:type() end
  until not self:accept ","
  self:expect("%)", ")")
end

function Line:unit()
  if self:accept "fun%f[^%w_.]" then
    self:arguments()
    if self:accept ":" then
      repeat self:type() until not self:accept ","
    end
  elseif self:accept "%(" then
    self:type()
    self:expect("%)", ")")
  elseif self:accept "{" then
    repeat
      self:name()
      self:accept "%?"
      self:expect(":", ":")
      self:type()
    until not self:accept ","
    self:expect("}", "}")
  elseif not self:accept '"[^"]*"' and not self:accept "%d+%f[^%w_]" then
    self.types[#self.types + 1] = self:name()
    if self:accept "<" then
      repeat self:type() until not self:accept ","
      self:expect(">", ">")
    end
  end
  while self.rest:find "^%[%]" do self.rest = self.rest:sub(3) end
end

function Line:type()
  repeat self:unit() until not self:accept "|"
  if self.rest:find "^%?" then self.rest = self.rest:sub(2) end
end

-- What may follow: nothing, or words that no reader takes for more of the type.
function Line:description()
  if self.rest ~= "" then
    lu.assertNotNil(self.rest:find "^ +[^%s|?<]", self.rest)
    lu.assertNil(self.rest:find "^ +%[%]", self.rest)
  end
end

function Line:ending()
  if self.rest ~= "" then error(("nothing should follow, there is %q"):format(self.rest), 0) end
end

local operations = { add = true, sub = true, mul = true, div = true, pow = true, idiv = true, mod = true,
                     unm = true, len = true, concat = true, call = true }

local tags = {}

function tags.meta(line) line:name() line:ending() end

function tags.generic(line) line:name() line:ending() end

function tags.alias(line, file)
  file:define(line:name())
  line:type()
  line:ending()
end

function tags.class(line, file)
  line:accept "%(exact%)"
  file.class = line:name()
  file:define(file.class)
  file.fields = {}
  line:ending()
end

function tags.field(line, file)
  if line:accept "%[" then
    if not line:accept "%d+" then line:type() end
    line:expect("%]", "]")
  else
    local key = line:name()
    lu.assertNil(file.fields[key], key)
    file.fields[key] = true
    file.results[file.class:gsub("^gradus%.", "") .. "." .. key] = line.rest:match "%S+"
  end
  line:accept "%?"
  line:type()
  line:description()
end

function tags.operator(line)
  lu.assertTrue(operations[line:name()])
  if line:accept "%(" then
    line:type()
    line:expect("%)", ")")
  end
  line:expect(":", ":")
  line:type()
  line:ending()
end

function tags.param(line, file)
  file.parameters[#file.parameters + 1] = line:accept "%.%.%." or line:name()
  line:accept "%?"
  line:type()
  line:description()
end

tags["return"] = function(line, file)
  file.result = line.rest:match "[^%s,]+"
  repeat line:type() until not line:accept ","
  line:accept "%.%.%."
  line:ending()
end

function tags.overload(line, file)
  local result = line.rest:match "%): ([^%s,]+)$"
  if result then file.result = (file.result or result) .. "|" .. result end
  line:type()
  line:ending()
end

-- What a text of annotations defines and declares; an error names the line that is none.
local function read(text)
  local file = { defined = {}, used = {}, parameters = {}, functions = {}, results = {} }
  function file:define(name)
    if self.defined[name] then error(name .. " is defined twice", 0) end
    self.defined[name] = true
  end
  for source in text:gmatch "([^\n]*)\n" do
    local tag, rest = source:match "^%-%-%-@(%a+)(.*)$"
    if tag then
      local line = setmetatable({ rest = rest, types = {} }, Line)
      local succeeded, message = pcall(tags[tag], line, file)
      if not succeeded then
        lu.fail(source .. "\n  " .. (type(message) == "table" and message.msg or message))
      end
      for _, name in ipairs(line.types) do file.used[name] = source end
    elseif source:find "^function" then
      local name, arguments = source:match "^function ([%w_.:]+)(%b()) end$"
      lu.assertEquals(arguments, "(" .. table.concat(file.parameters, ", ") .. ")", name)
      lu.assertNil(file.functions[name], name)
      file.functions[name] = true
      file.results[name:gsub("_methods:", ".")] = file.result
      file.parameters, file.result = {}, nil
    end
  end
  return file
end

TestGrammar = {}

function TestGrammar.test_the_reader_refuses_what_is_no_luacats()
  for _, source in ipairs { "---@field [string", "---@field x", "---@param x? ", "---@class", "---@return",
                            "---@operator plus(number): number", "---@overload fun(x: number",
                            "---@alias a number|", "---@field x number |more", "---@class a b" } do
    lu.assertFalse(pcall(read, source .. "\n"), source)
  end
end

function TestGrammar.test_each_line_and_each_type()
  local words, testing = read(annotations.words()), read(annotations.testing())
  for _, file in ipairs { words, testing } do
    for name, source in pairs(file.used) do
      lu.assertTrue(built_in[name] or words.defined[name] or testing.defined[name], source)
    end
  end
  lu.assertNotNil(load(annotations.words()))
  lu.assertNotNil(load(annotations.testing()))
end

TestContents = {}

function TestContents.test_the_words_and_methods_are_the_library_s()
  local declared = read(annotations.words()).functions
  for _, word in ipairs(reference.words()) do
    if word ~= "plot" then lu.assertTrue(declared[word], word) end
  end
  for name in pairs(plot) do lu.assertTrue(declared["plot." .. name], name) end
  for name in pairs(core.methods) do
    lu.assertTrue(declared["tensor_methods:" .. name] or declared[name], name)
  end
  for name in pairs(declared) do
    local method, verb = name:match "^tensor_methods:(.*)", name:match "^plot%.(.*)"
    if method then lu.assertNotNil(core.methods[method], name)
    elseif verb then lu.assertNotNil(plot[verb], name)
    elseif not name:find ":" then lu.assertNotNil(_G[name], name) end
  end
end

local x, y = ones(4, 2), ones(4)

local function compiled()
  local model = Sequential { Dense { 1, input_dim = 2 } }
  model:compile { loss = "mse" }
  return model
end

-- How each function that has options is given some.
local calls = {
  batches = function(options) return batches(x, y, options) end,
  Dense = function(options)
    options[1] = 1
    return Dense(options)
  end,
  full = function(options) return full({ 2 }, 1, options) end,
  gradcheck = function(options) return gradcheck(function(t) return t:sum() end, { x }, options) end,
  tensor = function(options) return tensor(1, options) end,
  train_test_split = function(options) return train_test_split(x, y, options) end,
  add_weight = function(options) return Layer({ call = print }):add_weight(options) end,
  compile = function(options) return compiled():compile(options) end,
  evaluate = function(options) return compiled():evaluate(x, y, options) end,
  fit = function(options) return compiled():fit(x, y, options) end,
  plot = function(options) return plot.plot({ 1 }, { 1 }, options) end,
  scatter = function(options) return plot.scatter({ 1 }, { 1 }, options) end,
  errorbar = function(options) return plot.errorbar({ 1 }, { 1 }, 1, options) end,
  fill_between = function(options) return plot.fill_between({ 1 }, { 1 }, 0, options) end,
  axhline = function(options) return plot.axhline(1, options) end,
  axvline = function(options) return plot.axvline(1, options) end,
  hist = function(options) return plot.hist({ 1 }, options) end,
  boxplot = function(options) return plot.boxplot({ 1 }, options) end,
  imshow = function(options) return plot.imshow({ { 1 } }, options) end,
  pcolormesh = function(options) return plot.pcolormesh({ 1 }, { 1 }, { { 1 } }, options) end,
  text = function(options) return plot.text(1, 1, "a", options) end,
  savefig = function(options) return plot.savefig("a.png", options) end,
  colorbar = function(options) return plot.colorbar(options) end,
  assertTensorEquals = function(options)
    return require("gradus.testing").assertTensorEquals(x, x, options)
  end,
  assertTensorAlmostEquals = function(options)
    return require("gradus.testing").assertTensorAlmostEquals(x, x, options)
  end,
}

local unknown = ("q"):rep(20)  -- near to no name

-- What there is, sorted, as the error of f(...) lists it.
local function names_listed(f, ...)
  local _, message = pcall(f, ...)
  local names = {}
  for name in (tostring(message):match "%(there are: ([^()]*)%)" or ""):gmatch "[%w_]+" do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local function known_options(entry)
  local call = calls[entry.short_name] or plot[entry.short_name] or _G[entry.short_name]
  return names_listed(call, { [unknown] = 1 })
end

function TestContents.test_the_options_are_those_that_the_functions_know()
  for _, entry in ipairs(reference.entries()) do
    local names = {}
    for _, option in ipairs(entry.options) do names[#names + 1] = option.name end
    table.sort(names)
    if #names > 0 and not entry.is_field and entry.name ~= "Layer" then
      lu.assertEquals(names, known_options(entry), entry.name)
    end
  end
  plot.close "all"
end

local function kind_of(value)
  local metatable = getmetatable(value)
  local kind = type(metatable) == "table" and metatable.__name or type(value)
  return kind == "StandardScaler" and "scaler" or kind
end

-- Whether a value is of a type, as far as a test can say.
local function is_of(value, kind)
  for one in kind:gmatch "[^|]+" do
    local element = one:match "^(.*)%[%]$"
    if one == "any" or one == "nil" and value == nil or one == "integer" and math.type(value) == "integer"
      or one:gsub("^gradus%.", "") == kind_of(value) or one == "true" and value == true
      or one:find '^"' and one == ('"%s"'):format(tostring(value))
      or one == "gradus.dtype" and (value == "float32" or value == "float64")
      or one:find "^table" and type(value) == "table" then return true end
    if element and type(value) == "table" and (#value == 0 or is_of(value[1], element)) then return true end
  end
  return false
end

-- What an example asks for last: "shape" in `zeros(2, 3).shape`.
local function last_name(example)
  return example:gsub("%b()", ""):gsub("%b{}", ""):gsub('"[^"]*"', ""):match "([%a_][%w_]*)%s*$"
end

function TestContents.test_a_field_has_all_that_is_said_of_it_in_its_line()
  local text = annotations.words()
  lu.assertStrContains(text, "The transpose: a view with the axes in reverse order, [n, m] of [m, n]. As numpy.ndarray.T.\n")
  lu.assertStrContains(text, "nil before the first step: norm: the Euclidean norm over all variables, before clipping; "
    .. "norm_after: the same after clipping; scale: ")
  lu.assertStrContains(text, "norms: a list by variable, as are norms_after and scales. Gradus's own.\n")
end

function TestContents.test_examples_give_what_the_annotations_say()
  local results, count = read(annotations.words()).results, 0
  for _, entry in ipairs(reference.entries()) do
    local f = load("return " .. entry.example)
    local expected = results[(entry.owner and entry.owner .. "." or "") .. entry.short_name]
    local is_told = expected and expected ~= "T" and expected ~= "any"
    if f and is_told and last_name(entry.example) == entry.short_name then
      local value = f()
      lu.assertTrue(is_of(value, expected),
        ("%s gives %s, not %s"):format(entry.example, core.describe(value), expected))
      count = count + 1
    end
  end
  lu.assertTrue(count > 60, count)
end

function TestContents.test_names_of_activations_initializers_and_losses()
  local text = annotations.words()
  for alias, call in pairs {
    activation = function() Dense { 1, activation = unknown } end,
    initializer = function() Dense { 1, kernel_initializer = unknown } end,
    loss = function() Sequential({}):compile { loss = unknown } end,
  } do
    local names = {}
    for name in text:match("alias gradus%." .. alias .. " ([^\n]*)"):gmatch '"([^"]*)"' do
      names[#names + 1] = name
    end
    table.sort(names)
    lu.assertEquals(names, names_listed(call), alias)
  end
end

function TestContents.test_the_defaults_of_an_optimizer_are_its_fields()
  for _, entry in ipairs(reference.entries()) do
    for _, option in ipairs(entry.name == "SGD" and entry.options or {}) do
      local value = SGD {}[option.name]
      if option.default then
        lu.assertEquals(value, load("return " .. option.default)(), option.name)
      end
    end
  end
end
