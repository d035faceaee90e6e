-- Lua's small blocks, which are kept when they are given back: not more of them than a little, as
-- long as there is memory, and what is kept is as good as new. And the userdata of tensors, which
-- end without a finalizer.

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

TestHolders = {}

function TestHolders.test_a_tensor_ends_when_lua_frees_it()
  collectgarbage()
  local alive = core.bytes_alive()
  local kept, weak = { ones(1000) }, setmetatable({}, { __mode = "v" })
  for i = 1, 100 do weak[i] = kept[1] * i end
  lu.assertEquals(core.bytes_alive() - alive, 101 * 4000)
  local view = weak[7]:rows(2, 3)
  collectgarbage()
  lu.assertEquals(next(weak), nil)
  lu.assertEquals(core.bytes_alive() - alive, 2 * 4000)
  lu.assertEquals(view:totable(), { 7, 7 })
  kept[1], view = nil, kept[1]
  collectgarbage()
  lu.assertEquals(core.bytes_alive() - alive, 4000)
  lu.assertEquals(view[1000], 1)
end

-- One that had a finalizer of its own would have been finalized before what was made before it.
function TestHolders.test_a_finalizer_finds_its_tensors_whole()
  local text = output [[
    local first = setmetatable({}, { __gc = function(self) print(self.x:sum():item(), (self.x * 2)[1]) end })
    first.x = ones(3)
    setmetatable({}, { __gc = function() _G.kept = { ones(5), zeros(300, 300), ones { 2, requires_grad = true } * 3 } end })
    first = nil
    collectgarbage()
    last = setmetatable({}, { __gc = function(self) print(self.x:sum():item(), ones(100, 100):matmul(ones(100, 4))[1]) end })
    last.x = ones(4)]]
  lu.assertStrMatches(text, "3.0\t2.0\n4.0\t%[100. 100. 100. 100.%].*")
end

-- A new userdata is there already while a finalizer runs, and holds nothing yet, whatever the one held
-- that was in its place.
function TestHolders.test_a_finalizer_may_close_the_state_while_a_tensor_is_made()
  for times = 1, 20 do
    local pipe <close> = assert(io.popen(("%s -e '%s'"):format(program, ([[
      collectgarbage("setpause", 0)
      local x = ones(2)
      for _ = 1, %d do local _ = x + 1 end
      local function plant()
        setmetatable({}, { __gc = function() print "closed" io.stdout:flush() os.exit(7, true) end })
      end
      plant()
      for i = 1, 100000 do local _ = x + i end]]):format(100 * times))))
    lu.assertEquals(pipe:read "a", "closed\n")
    lu.assertEquals(select(3, pipe:close()), 7)
  end
end

-- All memory is taken while tensors come and go.
function TestHolders.test_memory_may_run_out_for_them()
  if is_watched then return end
  local text = output([[
    local small = {}
    local succeeded, message = pcall(function() while true do small[#small + 1] = ones(2) end end)
    small = nil
    print(succeeded, message:match "not enough memory")
    local again = {}
    for i = 1, 10000 do again[i] = ones(2) * i end
    print(again[10000][2])]], "ulimit -v 100000; ")
  lu.assertEquals(text, "false\tnot enough memory\n10000.0\n")
end
