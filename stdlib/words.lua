-- words: the words of the library, that is the table that `require "gradus"` returns.
--
-- Each word stands with the module that has it; a module is loaded when one of its words is first
-- used, so that a script pays only for what it needs. In the program the words are globals, too.

local core = require "gradus.core"

-- module -> the words it has, under the same names
local modules = {
  core = { "tensor", "zeros", "ones", "full", "range", "set_floatx", "floatx", "set_num_threads",
           "num_threads" },
  gradients = { "no_grad", "gradcheck" },
  layers = { "Layer", "Dense" },
  losses = { "mean_squared_error", "mean_absolute_error" },
  optimizers = { "SGD" },
  sequential = { "Sequential" },
  batches = { "batches" },
  random = { "RandomState", "seed" },
  datasets = { "make_regression" },
  parameters = { "param" },
  help = { "help" },
  exploring = { "timeit", "whos", "source", "experiments", "run" },
  preprocessing = { "StandardScaler", "MinMaxScaler", "train_test_split" },
}

local module_of = { plot = "plot" }
for module, words in pairs(modules) do
  for _, word in ipairs(words) do module_of[word] = module end
end

-- Modules that are words themselves. `core` is no word of scripts, and no list has it, but the
-- library's own parts find it here.
local whole = { plot = true }

local words = {}

-- Every word, in the order of the alphabet.
local function all_words()
  local names = {}
  for word in next, module_of do names[#names + 1] = word end
  table.sort(names)
  return names
end

return setmetatable(words, {
  names = all_words,  -- of the metatable: what there is, without loading it
  __index = function(_, word)
    if word == "core" then return core end
    local module = module_of[word]
    if module == nil then return nil end
    local loaded = module == "core" and core or require("gradus." .. module)
    local value = whole[word] and loaded or loaded[word]
    rawset(words, word, value)
    return value
  end,
  __pairs = function()  -- every word, loaded or not, in the order of the alphabet
    local names, i = all_words(), 0
    return function()
      i = i + 1
      if names[i] then return names[i], words[names[i]] end
    end
  end,
})
