-- Run each file of a Lua test suite under lua5.4 and under this program, and compare how they end:
--   gradus tests/gradus/lua_suite.lua folder
-- The suite of the same version is the folder testes of Lua's repository; all.lua runs most of it.

local program = core.program_path()
local folder = (...)
if not folder or folder == "" then
  io.stderr:write "make check-lua LUA_SUITE=folder: the folder with the *.lua of a Lua test suite\n"
  os.exit(2)
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local TRIES = 10 -- main.lua's shell scripts race

-- Whether the file comes to its end, and the last of what it says.
local function run(interpreter, file)
  local output, succeeded, text = os.tmpname(), nil, nil
  for _ = 1, TRIES do
    succeeded = os.execute(("cd %s && timeout 600 %s -e '_U = true' %s >%s 2>&1 </dev/null")
      :format(quote(folder), quote(interpreter), quote(file), output))
    text = io.lines(output, "a")()
    if succeeded then break end
  end
  os.remove(output)
  return succeeded, text:sub(-500)
end

local files = {}
for path in io.popen("ls " .. quote(folder) .. "/*.lua"):lines() do files[#files + 1] = path:match "[^/]*$" end

local passed, failed = 0, 0
for _, file in ipairs(files) do
  local expected, there = run("lua5.4", file)
  local succeeded, here = run(program, file)
  local verdict = succeeded and "passes" or expected and "FAILS" or "fails in both"
  print(("%-16s %s"):format(file, verdict))
  if succeeded or not expected then passed = passed + 1 else failed = failed + 1 end
  if verdict == "FAILS" or (verdict ~= "passes" and here:gsub(program, "") ~= there:gsub("lua5.4", "")) then
    print("  lua5.4: " .. there .. "\n  gradus: " .. here)
  end
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
