-- progress: what fit prints while it trains, as Keras prints it.
--
-- verbose 1: `Epoch 3/100` and a bar, redrawn where standard output is a terminal and printed once
-- an epoch elsewhere; verbose 2: one line an epoch; 0: nothing.

local pipe = require "gradus.pipe"

local progress = {}

local BAR, SHORTEST_BAR = 20, 4  -- columns
local INTERVAL = 0.1  -- seconds between two drawings of the running bar

local function number_text(value)
  if value ~= value then return "nan" end
  local size = math.abs(value)
  if size ~= 0 and size < math.huge and (size < 1e-3 or size >= 1e7) then
    return ("%.4e"):format(value)
  end
  return ("%.4f"):format(value)
end

local function logs_text(logs)
  local parts = {}
  for _, name in ipairs { "loss", "val_loss" } do
    if logs[name] then parts[#parts + 1] = " - " .. name .. ": " .. number_text(logs[name]) end
  end
  return table.concat(parts)
end

local function time_text(seconds)
  if seconds >= 1 then return ("%.0fs"):format(seconds) end
  if seconds >= 1e-3 then return ("%.0fms"):format(seconds * 1e3) end
  return ("%.0fus"):format(seconds * 1e6)
end

local Progress = {}
Progress.__index = Progress

function progress.new(verbose, epochs, steps)
  local on_terminal = verbose == 1 and pipe.terminal() ~= nil
  return setmetatable({ verbose = verbose, epochs = epochs, steps = steps,
                        redraws = on_terminal }, Progress)
end

-- How many seconds a run of steps may take before the bar is drawn again; 0: no limit.
function Progress:interval() return self.redraws and INTERVAL or 0 end

function Progress:begin_epoch(epoch)
  if self.verbose == 0 then return end
  self.began, self.epoch = os.clock(), epoch
  self.drawn, self.is_open, self.is_announced = self.began, false, false
end

-- Write the epoch's heading, once: an error in its first step has none above it.
function Progress:announce()
  if self.verbose == 0 or self.is_announced then return end
  self.is_announced = true
  io.write(("Epoch %d/%d\n"):format(self.epoch, self.epochs))
end

-- A bar of so many columns and a space, or nothing where that is too little for one.
local function bar_text(done, steps, columns)
  if columns < SHORTEST_BAR then return "" end
  local filled = done * columns // steps
  return ("━"):rep(filled) .. ("─"):rep(columns - filled) .. " "
end

-- The bar is as long as a terminal has room for.
function Progress:line(done, logs)
  local seconds = os.clock() - self.began
  local count = ("%d/%d "):format(done, self.steps)
  local rest = ("%.0fs %s/step%s"):format(seconds, time_text(seconds / math.max(done, 1)), logs_text(logs))
  local columns = self.redraws and pipe.terminal()
  local room = columns and columns - #count - #rest - 2 or BAR
  return count .. bar_text(done, self.steps, math.min(room, BAR)) .. rest
end

-- Draw the running bar, unless that was just done.
function Progress:show(done, logs)
  if not self.redraws or os.clock() - self.drawn < INTERVAL then return end
  self.drawn, self.is_open = os.clock(), true
  local columns = pipe.terminal() or 80
  local line = require("gradus.printing").shortened(self:line(done, logs), columns - 1)
  io.write("\r\27[K", line)  -- one row, to draw over
  io.flush()
end

-- Leave a bar that was not drawn to its end.
function Progress:leave()
  if self.is_open then io.write("\n") end
  self.is_open = false
end

function Progress:end_epoch(done, logs)
  if self.verbose == 0 then return end
  self.is_open = false
  if self.verbose == 1 then
    io.write(self.redraws and "\r\27[K" or "", self:line(done, logs), "\n")
  elseif self.verbose == 2 then
    local seconds = os.clock() - self.began
    io.write(("%d/%d - %.0fs - %s/step%s\n"):format(done, self.steps, seconds,
      time_text(seconds / math.max(done, 1)), logs_text(logs)))
  end
  io.flush()
end

return progress
