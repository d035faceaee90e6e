-- Lua's small blocks, which are kept when they are given back: not more of them than a little, as
-- long as there is memory, and what is kept is as good as new.

local lu = require "luaunit"

local program = core.program_path()

local is_watched = os.getenv "ASAN_OPTIONS" or os.getenv "TEST_WRAPPER"

local function output(code, before)
  local pipe <close> = assert(io.popen(("%s'%s' - <<'END' 2>&1\n%s\nEND"):format(before or "", program, code)))
  return pipe:read "a"
end

TestBlocks = {}

-- In each of fifty sizes some megabytes are made, and given back.
function TestBlocks.test_what_is_kept_in_one_size_leaves_memory_for_others()
  if is_watched then return end
  local text = output [[
    for length = 10, 60 do
      local texts = {}
      for i = 1, 50000 do texts[i] = ("%0" .. length .. "d"):format(i) end
      texts = nil
      collectgarbage()
    end
    for line in io.lines "/proc/self/status" do io.write(line:match "VmHWM:%s*(%d+)" or "") end]]
  lu.assertTrue(tonumber(text) < 30000, text)
end

-- All memory is in use, in small tables and large strings; then the tables are given back.
function TestBlocks.test_what_is_kept_makes_room_for_a_block_that_grows()
  if is_watched then return end
  local text = output([[
    local small, large, list = {}, {}, {}
    for i = 1, 60000 do small[i] = { i } end
    pcall(function() while true do large[#large + 1] = ("x"):rep(100000) .. #large end end)
    local function grow() for i = #list + 1, 60000 do list[i] = i end end
    print((pcall(grow)))
    small = nil
    collectgarbage()
    print((pcall(grow)))]], "ulimit -v 100000; ")
  lu.assertEquals(text, "false\ntrue\n")
end

-- The first blocks lie in one room, and move out of it as they grow.
function TestBlocks.test_lists_grow_past_the_room_of_the_first_blocks()
  local text = output [[
    local lists = {}
    for i = 1, 3000 do lists[i] = { i } end
    for place = 2, 40 do
      for i, list in ipairs(lists) do list[place] = i * place end
    end
    for i, list in ipairs(lists) do
      for place = 1, 40 do assert(list[place] == i * place) end
    end
    print "whole"]]
  lu.assertEquals(text, "whole\n")
end

-- Tables, closures, strings, coroutines and tensors take each other's places.
function TestBlocks.test_values_of_all_kinds_come_and_go()
  local text = output [[
    local kept = {}
    for i = 1, 20000 do
      local n = i * 7919 % 211 + 1
      local old = kept[n]
      if old then assert(old.i == old.f() and old.s == ("x"):rep(old.i % 90) .. old.i and old.t:item() == old.i) end
      kept[n] = { i = i, f = function() return i end, s = ("x"):rep(i % 90) .. i, t = tensor(i),
                  c = coroutine.wrap(function() return n end) }
      if i % 3000 == 0 then collectgarbage() end
    end
    print "whole"]]
  lu.assertEquals(text, "whole\n")
end
