-- All experiments in the order of the tutorial, each in a process of its own, with their figures in a
-- folder and a table of the results at the end.
--   gradus scripts/all.lua [folder]

local experiments = { "regression_problem", "mlp_exploding", "mlp_clipnorm", "mlp_clipvalue",
  "mlp_scaled_target", "by_hand", "extension_norms", "extension_values", "extension_norm_and_value",
  "many_seeds" }

local folder = (arg[1] or "figures"):gsub("/*$", "/")
local scripts = arg[0]:match "^(.*/)" or "./"
local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local rows, failures = {}, 0
for _, name in ipairs(experiments) do
  print("== " .. name)
  io.stdout:flush()
  local script = io.popen(("GRADUS_PLOT=%s %s %s"):format(quote(folder), quote(arg[-1]),
    quote(scripts .. name .. ".lua")))
  for line in script:lines() do
    print(line)
    local train, test, remark = line:match "^Train: (%S+), Test: (%S+)(.*)$"
    if train then rows[#rows + 1] = { name, train, test, remark } end
  end
  if not script:close() then
    failures = failures + 1
    print(name .. " failed")
  end
  print ""
end

print(("%-20s %12s %12s"):format("experiment", "train MSE", "test MSE"))
for _, row in ipairs(rows) do print(("%-20s %12s %12s %s"):format(table.unpack(row))) end
print("\nThe figures are in " .. folder)
os.exit(failures == 0, true)
