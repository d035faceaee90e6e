-- test_manual: what the manual page and the README say is so: each option and variable is there, the
-- page is well-formed, and the README's Lua runs.

local lu = require "luaunit"

local build = os.getenv "BUILD" or "build"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function output_of(command)
  local handle = assert(io.popen(command .. " 2>&1"))
  local output = handle:read "a"
  return output, handle:close() == true
end

local page = read "src/gradus/gradus.1"
local plain_page = page:gsub("\\%-", "-")

TestManualPage = {}

function TestManualPage.test_it_has_every_option()
  local count = 0
  for option in output_of(build .. "/gradus --help"):gmatch "\n  (%-%S*)" do
    count = count + 1
    lu.assertNotNil(plain_page:find("\n%.BI? " .. option:gsub("%p", "%%%0") .. "[ \n]"), option)
  end
  lu.assertTrue(count > 15)
end

function TestManualPage.test_it_has_every_variable_of_gradus()
  local sources = output_of "cat src/core/*.c src/gradus/*.c stdlib/*.lua"
  for name in sources:gmatch 'getenv[%s(]*"(%u[%u_]*)"' do
    if name:find "^GRADUS_" then lu.assertStrContains(page, "\n.B " .. name .. "\n") end
  end
end

function TestManualPage.test_it_is_well_formed()
  lu.skipIf(not os.execute "command -v mandoc >/dev/null 2>&1", "mandoc is not installed")
  lu.assertEquals(output_of "mandoc -Tlint src/gradus/gradus.1", "")
end

TestReadme = {}

function TestReadme.test_its_lua_runs()
  local path, count = os.tmpname(), 0
  for code in read("README.md"):gmatch "```lua\n(.-)```" do
    count = count + 1
    local file <close> = assert(io.open(path, "wb"))
    file:write(code)
    file:flush()
    local output, succeeded = output_of(("GRADUS_PLOT=none %s/gradus %s"):format(build, path))
    lu.assertTrue(succeeded, output)
  end
  os.remove(path)
  lu.assertTrue(count >= 2)
end

-- The lines of a command, as "    gradus --params train.lua", name options that there are.
function TestReadme.test_the_options_it_names_exist()
  local help = output_of(build .. "/gradus --help") .. output_of(build .. "/gradus --test --help")
  for option in read("README.md"):gmatch "gradus [^\n`]-(%-%-%a[%a-]*)" do
    lu.assertStrContains(help, option)
  end
end
