-- run: runs every test and prints how many passed.
--
--   gradus tests/run.lua [-p pattern] [files...]
--
-- Without files: the C programs in build/tests and every test_*.lua under tests/ and scripts/, each Lua
-- file under `gradus --test` in a process of its own, so that none takes the others down. The last
-- line is `N passed, N failed`.

local build = os.getenv "BUILD" or "build"
local wrapper = os.getenv "TEST_WRAPPER"  -- valgrind, say
wrapper = wrapper and wrapper .. " " or ""

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  return lines
end

local function start(command) return assert(io.popen(command .. " 2>&1")) end

-- The output of a command that was started, and whether it exited with 0.
local function finish(pipe)
  local output = pipe:read "a"
  return output, pipe:close() == true
end

local pattern, files = nil, {}
local i = 1
while arg[i] do
  if arg[i] == "-p" then pattern, i = arg[i + 1], i + 1 else files[#files + 1] = arg[i] end
  i = i + 1
end
if #files == 0 then
  files = lines_of("ls " .. build .. "/tests/test_* 2>/dev/null | grep -v '\\.d$'")
  for _, file in ipairs(lines_of "find tests scripts -name 'test_*.lua' | sort") do files[#files + 1] = file end
end

-- The command for one file.
local function command_for(file)
  if not file:find "%.lua$" then return wrapper .. quote(file) end
  local options = pattern and " -p " .. quote(pattern) or ""
  return ("%s%s/gradus --test %s%s"):format(wrapper, build, quote(file), options)
end

-- How many passed and failed, from a runner's last lines; nil when it did not come to its end. A C
-- program checks many thousand facts and counts as one test.
local function counts(output)
  local facts_failed = output:match "%d+ passed, (%d+) failed"
  if facts_failed then return facts_failed == "0" and 1 or 0, facts_failed == "0" and 0 or 1 end
  local line = output:match "Ran %d+ tests in [^\n]*"
  if not line then return nil end
  local failures, errors = line:match "(%d+) failure", line:match "(%d+) error"
  return tonumber(line:match "(%d+) success") or 0, (tonumber(failures) or 0) + (tonumber(errors) or 0)
end

-- Those who type at a terminal mostly wait: they go on beside the others.
local started = {}
for _, file in ipairs(files) do
  if file:find "test_prompt" then started[file] = start(command_for(file)) end
end

local all_passed, all_failed = 0, 0
for _, file in ipairs(files) do
  local output, succeeded = finish(started[file] or start(command_for(file)))
  local passed, failed = counts(output)
  if not passed then passed, failed = 0, 1 end
  if not succeeded and failed == 0 then failed = 1 end
  all_passed, all_failed = all_passed + passed, all_failed + failed
  print(("%-44s %4d passed, %d failed"):format(file, passed, failed))
  if failed > 0 then print(output) end
  io.stdout:flush()
end
print(("%d passed, %d failed"):format(all_passed, all_failed))
os.exit(all_failed == 0 and all_passed > 0, true)
