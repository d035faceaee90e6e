-- processes: whole programs from start to exit, and their memory.

local measuring = ...

local timer = measuring.compile("process", "cc", "-O2")
local script = "scripts/mlp_clipnorm.lua"

local function microseconds(runs, commands)
  local text = measuring.capture(("GRADUS_PLOT=none %s %d %s"):format(timer, runs, commands))
  local numbers = {}
  for number in text:gmatch "%S+" do numbers[#numbers + 1] = tonumber(number) end
  return table.unpack(numbers)
end

local ours = microseconds(41, ("%s %s"):format(measuring.program, script))
measuring.row { what = script .. ", start to exit", rival = "-", ours = ours / 1e3, unit = "ms", ratio = ours / 1e3,
                bar = 15, aim = 8 }

if measuring.is_installed "lua5.4" then
  local start, lua_start = microseconds(301, ("%s -e '' -- lua5.4 -e ''"):format(measuring.program))
  measuring.row { what = "start-up", rival = "lua5.4 -e ''", ours = start / 1e3, theirs = lua_start / 1e3, unit = "ms",
                  ratio = start / lua_start, bar = 1.25, aim = 1.1 }
else
  measuring.skip("start-up", "lua5.4 is not installed")
end

-- ru_maxrss of a child begins at its parent's, so each program reads its own mark.
local read_mark = [[for line in io.lines "/proc/self/status" do print(line:match "VmHWM:%s*(%d+)" or "") end]]

local function megabytes(program, code)
  local text = measuring.capture(("GRADUS_PLOT=none %s -e %s"):format(program, measuring.quote(code .. read_mark)))
  return tonumber(text:match "(%d+)\n+$" or text:match "\n(%d+)\n") / 1024
end

local peak = megabytes(measuring.program, ("dofile %q "):format(script))
local alone = measuring.is_installed "lua5.4" and megabytes("lua5.4", "") or nil
measuring.row { what = "peak memory of " .. script, rival = "lua5.4 alone", ours = peak, theirs = alone, unit = "MB",
                ratio = peak, bar = 10, aim = 6 }
