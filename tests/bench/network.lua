-- network: training of a network 784-512-512-10 in batches of 128, with relu and the mean squared
-- error, against the time of its matrix products alone; and on two threads against two processes.
-- Threads, but not processes, wait for what the other processor has in its cache. So that row says
-- how far that is, there and back, as a virtual machine's processors may be near in one minute and far
-- in the next: 350 ns instead of 80 make 0.65 of 1.0.

local measuring = ...

local program = measuring.compile("network", "cc", "-O2", true)
local fit = measuring.program .. " tests/bench/network_fit.lua"

local function ours() return measuring.number_from("GRADUS_THREADS=1 " .. fit) end
local function products() return measuring.number_from(program .. " 128 784 512 512 10") end

local step, alone, slower = measuring.against(15, ours, { products })
measuring.row { what = "step of 784-512-512-10, batch 128", rival = "its products alone", ours = step, theirs = alone,
                unit = "ms", ratio = slower, bar = 1.15, aim = 1.07 }

-- Steps a second of two processes that run at the same time, one thread each.
local function two_processes()
  local first, second = io.popen("GRADUS_THREADS=1 " .. fit), io.popen("GRADUS_THREADS=1 " .. fit)
  local a, b = first:read "n", second:read "n"
  first:close()
  second:close()
  return 1e3 / a + 1e3 / b
end

local function two_threads() return 1e3 / measuring.number_from("GRADUS_THREADS=2 " .. fit) end

local processors = tonumber((measuring.capture "nproc"))
if processors and processors >= 2 then
  local distance, ways = measuring.compile("distance", "cc", "-O2", true), {}
  local threads, processes, share = measuring.against(15, function()
    ways[#ways + 1] = measuring.number_from(distance)
    return two_threads()
  end, { two_processes }, true)
  local rival = "two processes"
  if #ways > 0 then rival = ("%s (caches %.0f ns apart)"):format(rival, measuring.median(ways)) end
  measuring.row { what = "the same on 2 threads", rival = rival, ours = threads, theirs = processes,
                  unit = "steps/s", ratio = share, bar = 0.93, aim = 1.0, more = true }
else
  measuring.skip("the network on 2 threads", "one processor")
end
