-- digests: what build after build says of itself, held to tests/golden/bits.txt.
--
-- The program `bits` (bits.c) prints lines of a name and a SHA-256. This module runs it and tells
-- where two sets of lines differ.

local digests = {}

digests.golden = "tests/golden/bits.txt"

-- { name = digest }, and the names in order.
function digests.parse(text)
  local of, names = {}, {}
  for name, digest in text:gmatch "([^\n]-) +(%x+)\n" do
    of[name], names[#names + 1] = digest, name
  end
  return of, names
end

function digests.read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- Run a command that prints lines; its output, and whether it came to its end.
function digests.capture(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  return text, pipe:close() == true
end

-- The names whose lines are not the same in both texts.
function digests.differences(text, golden)
  local came, came_names = digests.parse(text)
  local expected, names = digests.parse(golden)
  local different = {}
  for _, name in ipairs(names) do
    if came[name] ~= expected[name] then different[#different + 1] = name end
  end
  for _, name in ipairs(came_names) do
    if not expected[name] then different[#different + 1] = name .. " (not in the golden file)" end
  end
  return different
end

return digests
