-- matrix: computes the golden bits afresh with every compiler, level of optimization, instruction set,
-- number of threads and processor there is, and compares. Run by `make bits`.
--
-- Each build has a folder of its own under build/bits; other processors are qemu's. What is not
-- installed is skipped with a word.
-- The last line is `all bits are equal`, or how many runs had others.

local digests = dofile "tests/bits/digests.lua"

local build = (os.getenv "BUILD" or "build") .. "/bits"
local make = os.getenv "MAKE" or "make"
local golden = digests.read(digests.golden)

local function is_installed(program)
  return os.execute("command -v " .. program .. " >/dev/null 2>&1") == true
end

local machine = digests.capture("uname -m"):match "%S+"
local native_levels = machine == "x86_64" and { "avx512", "avx2", "portable" } or { "portable" }

local builds = {}

local function add(fields) builds[#builds + 1] = fields end

for _, compiler in ipairs { "gcc", "clang" } do
  for _, optimization in ipairs { "-O1", "-O2", "-O3" } do
    add { name = compiler .. optimization, needs = { compiler }, levels = native_levels,
          most_threads = optimization == "-O2" and 4 or 1,
          variables = ("CC=%s OPT=%s KERNEL_OPT=%s"):format(compiler, optimization, optimization) }
  end
end

-- A processor without fused multiply-add or AVX; it runs what gcc has built for this one.
if machine == "x86_64" then
  add { name = "westmere", folder = "gcc-O2", needs = { "gcc", "qemu-x86_64" }, levels = { "portable" },
        variables = "CC=gcc OPT=-O2 KERNEL_OPT=-O2", runner = "qemu-x86_64 -cpu Westmere " }
end

if machine ~= "aarch64" then
  for _, optimization in ipairs { "-O1", "-O3" } do
    add { name = "aarch64-gcc" .. optimization, needs = { "aarch64-linux-gnu-gcc", "qemu-aarch64" },
          levels = { "portable" }, runner = "qemu-aarch64 -L /usr/aarch64-linux-gnu ",
          variables = ("ARCH=aarch64 CC=aarch64-linux-gnu-gcc OPT=%s KERNEL_OPT=%s"):format(
            optimization, optimization) }
  end
end

local function missing(entry)
  for _, program in ipairs(entry.needs) do
    if not is_installed(program) then return program end
  end
end

local function program_of(entry) return ("%s/%s/tests/bits"):format(build, entry.folder or entry.name) end

local function compile(entry)
  local output, succeeded = digests.capture(("%s --no-print-directory -s BUILD=%s/%s %s %s 2>&1"):format(
    make, build, entry.folder or entry.name, entry.variables, program_of(entry)))
  if not succeeded then error("matrix: " .. entry.name .. " does not build\n" .. output, 0) end
end

-- One line of the table.
local function report(entry, level, word, seconds)
  print(("%-16s %-18s %-12s %5.1f s"):format(entry.name, level, word, seconds))
  io.stdout:flush()
end

local failed, ran = 0, 0

local function run(entry, level, threads)
  local began = os.time()
  local text, succeeded = digests.capture(("GRADUS_SIMD=%s GRADUS_THREADS=%d %s%s 2>&1"):format(
    level, threads, entry.runner or "", program_of(entry)))
  if threads > 1 then level = ("%s, %d threads"):format(level, threads) end
  if not succeeded and text:find "as far as this processor runs them" then
    return report(entry, level, "not run here", 0)
  end
  ran = ran + 1
  local different = digests.differences(text, golden)
  if succeeded and #different == 0 then return report(entry, level, "equal", os.time() - began) end
  failed = failed + 1
  report(entry, level, "DIFFERENT", os.time() - began)
  print("  " .. (succeeded and table.concat(different, "\n  ") or text))
end

for _, entry in ipairs(builds) do
  local absent = missing(entry)
  if absent then
    print(("%-16s skipped: %s is not installed (make bits-setup)"):format(entry.name, absent))
  else
    compile(entry)
    for _, level in ipairs(entry.levels) do run(entry, level, 1) end
    for threads = 2, entry.most_threads or 1 do run(entry, entry.levels[1], threads) end
  end
end

print(failed == 0 and ("all bits are equal in %d runs"):format(ran)
  or ("%d of %d runs have other bits"):format(failed, ran))
os.exit(failed == 0 and ran > 0, true)
