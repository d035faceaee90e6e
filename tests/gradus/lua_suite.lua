-- Run each file of a Lua test suite under lua5.4, or another program, and under this one, and compare
-- how they end:
--   gradus tests/gradus/lua_suite.lua folder [lua5.4]
-- The suite is the folder testes of Lua's repository, which Debian's source of wesnoth-1.18 carries
-- (src/modules/lua/testes). all.lua runs most of it. A suite later than the Lua that is linked fails,
-- or even crashes, in both.

local program = core.program_path()
local folder, peer = ...
peer = peer or "lua5.4"
if not folder or folder == "" then
  io.stderr:write "make check-lua LUA_SUITE=folder: the folder with the *.lua of a Lua test suite\n"
  os.exit(2)
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local TRIES = { ["main.lua"] = 10 } -- its shell scripts race
local LEFT_OUT = { ["heavy.lua"] = true } -- it takes all the memory there is
local SETTINGS = "_U = true; _port = true; _soft = true" -- no tests of one system, nor long ones

-- Whether the file comes to its end, and the last of what it says.
local function run(interpreter, file)
  local output, succeeded, text = os.tmpname(), nil, nil
  for _ = 1, TRIES[file] or 1 do
    succeeded = os.execute(("cd %s && true | timeout 600 %s -e '%s' %s >%s 2>&1")
      :format(quote(folder), quote(interpreter), SETTINGS, quote(file), output))
    text = io.lines(output, "a")()
    if succeeded then break end
  end
  os.remove(output)
  return succeeded, text:sub(-500)
end

local files = {}
for path in io.popen("ls " .. quote(folder) .. "/*.lua"):lines() do
  local file = path:match "[^/]*$"
  if not LEFT_OUT[file] then files[#files + 1] = file end
end

local passed, failed = 0, 0
for _, file in ipairs(files) do
  local expected, there = run(peer, file)
  local succeeded, here = run(program, file)
  local verdict = succeeded and "passes" or expected and "FAILS" or "fails in both"
  print(("%-16s %s"):format(file, verdict))
  if succeeded or not expected then passed = passed + 1 else failed = failed + 1 end
  if verdict == "FAILS" or (verdict ~= "passes" and here:gsub(program, "") ~= there:gsub(peer, "")) then
    print("  " .. peer .. ": " .. there .. "\n  gradus: " .. here)
  end
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
