-- test_plot: the plots: what the verbs return and draw, what they refuse, and that nothing that a
-- script passes as text becomes a command.

local lu = require "luaunit"
local figure = require "gradus.figure"
local layout = require "gradus.layout"
local pipe = require "gradus.pipe"
local plot = require "gradus.plot"
local terminal = require "gradus.terminal"

local nan, inf = 0 / 0, math.huge

-- ---- a folder for each test ----

local folder

local function shell(command, ...)
  local words = {}
  for i, word in ipairs { ... } do words[i] = "'" .. word:gsub("'", "'\\''") .. "'" end
  return os.execute(command:format(table.unpack(words)))
end

local function make_folder()
  folder = os.tmpname()
  os.remove(folder)
  assert(pipe.make_folder(folder))
end

local function remove_folder()
  plot.close "all"
  shell("rm -rf %s", folder)
end

local function path(name) return folder .. "/" .. name end

local function read(name)
  local file = io.open(name, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
  return name
end

local function listing()
  local list = io.popen("ls -A " .. folder)
  local names = list:read "a"
  list:close()
  return names
end

-- The current figure as the text of an SVG.
local function svg()
  local name = path "drawn.svg"
  plot.savefig(name)
  return read(name)
end

local function assert_error(pattern, f, ...)
  local ok, message = pcall(f, ...)
  lu.assertFalse(ok, "no error was raised")
  lu.assertStrContains(tostring(message), pattern)
  lu.assertNil(tostring(message):find "gradus%.%w+:%d") -- never a line of the library
  return message
end

-- Run a script in a process of its own, with variables of the environment set; returns what it wrote
-- to both outputs and whether it succeeded.
local function run_script(text, environment)
  local least = 0
  while arg and arg[least - 1] do least = least - 1 end
  local program = arg and least < 0 and arg[least] or "gradus"
  local name = write(path "script.lua", 'local plot = require "gradus.plot"\n' .. text)
  local settings = { "DISPLAY= WAYLAND_DISPLAY= GRADUS_PLOT= TERM=xterm" }
  for key, value in pairs(environment or {}) do
    settings[#settings + 1] = key .. "='" .. value .. "'"
  end
  local child = io.popen(("env %s %s %s 2>&1"):format(table.concat(settings, " "), program, name))
  local said = child:read "a"
  return said, child:close() == true
end

-- A program in the test's folder that stands in for gnuplot.
local function stand_in(text)
  local name = write(path "stand_in", "#!/bin/sh\n" .. text)
  shell("chmod +x %s", name)
  return name
end

-- ---- distributions ----

TestHistogram = { tearDown = function() plot.close "all" end }

function TestHistogram.test_counts_and_edges_are_numpys()
  local counts, edges = plot.hist({ 1, 2, 1 }, { bins = 3, range = { 0, 3 } })
  lu.assertEquals(counts, { 0, 2, 1 })
  lu.assertEquals(edges, { 0, 1, 2, 3 })
end

function TestHistogram.test_last_bin_holds_its_right_edge()
  local counts = plot.hist({ 0, 1, 2, 3, 4 }, { bins = 4 })
  lu.assertEquals(counts, { 1, 1, 1, 2 })
end

function TestHistogram.test_equal_values_have_a_bin_of_width_one()
  local counts, edges = plot.hist({ 5, 5 }, { bins = 2 })
  lu.assertEquals(counts, { 0, 2 })
  lu.assertEquals(edges, { 4.5, 5, 5.5 })
end

function TestHistogram.test_no_values_count_nothing_from_0_to_1()
  local counts, edges = plot.hist({}, { bins = 2 })
  lu.assertEquals(counts, { 0, 0 })
  lu.assertEquals(edges, { 0, 0.5, 1 })
end

function TestHistogram.test_density_has_area_one()
  local densities = plot.hist({ 1, 1, 2, 4 }, { bins = 2, range = { 0, 4 }, density = true })
  lu.assertEquals(densities, { 0.25, 0.25 })
end

function TestHistogram.test_nan_wants_a_range()
  assert_error("plot.hist: values[2] is nan; give range", plot.hist, { 1, nan, 3 })
  lu.assertEquals(plot.hist({ 1, nan, 3, inf }, { bins = 2, range = { 0, 4 } }), { 1, 1 })
end

function TestHistogram.test_refuses()
  assert_error("plot.hist: bins must be a positive integer", plot.hist, { 1 }, { bins = 0 })
  assert_error("plot.hist: range must be {low, high}, got 1 number", plot.hist, { 1 }, { range = { 1 } })
  assert_error("plot.hist: range must be finite and go up", plot.hist, { 1 }, { range = { 2, 1 } })
  assert_error("plot.hist: values must be a list of numbers", plot.hist, "abc")
  assert_error('plot.hist: unknown option "bin", did you mean "bins"?', plot.hist, { 1 }, { bin = 3 })
end

TestBoxplot = { tearDown = function() plot.close "all" end }

-- matplotlib.cbook.boxplot_stats([1, 2, 3, 4, 5, 6, 7, 30])
function TestBoxplot.test_statistics_are_matplotlibs()
  local box = plot.boxplot { 1, 2, 3, 4, 5, 6, 7, 30 }
  lu.assertEquals(box.med, 4.5)
  lu.assertEquals(box.q1, 2.75)
  lu.assertEquals(box.q3, 6.25)
  lu.assertEquals(box.iqr, 3.5)
  lu.assertEquals(box.whislo, 1)
  lu.assertEquals(box.whishi, 7)
  lu.assertEquals(box.fliers, { 30 })
  lu.assertEquals(box.mean, 7.25)
end

function TestBoxplot.test_several_lists_give_a_list_of_boxes()
  local boxes = plot.boxplot({ { 1, 2, 3 }, { 4, 5, 6, 7 } }, { labels = { "a", "b" } })
  lu.assertEquals(#boxes, 2)
  lu.assertEquals(boxes[1].med, 2)
  lu.assertEquals(boxes[2].med, 5.5)
end

function TestBoxplot.test_refuses()
  assert_error("plot.boxplot: values is empty", plot.boxplot, {})
  assert_error("plot.boxplot: values[2] is empty", plot.boxplot, { { 1, 2 }, {} })
  assert_error("plot.boxplot: labels must have one entry for each box (1), it has 2", plot.boxplot,
               { 1, 2 }, { labels = { "a", "b" } })
end

-- The tutorial's target as scikit-learn, NumPy and matplotlib have it
TestTutorialTarget = { tearDown = function() plot.close "all" end }

local function target()
  local _, y = require "gradus".make_regression {
    n_samples = 1000, n_features = 20, noise = 0.1, random_state = 1,
  }
  return y
end

local function assert_near(actual, expected)
  lu.assertTrue(math.abs(actual - expected) <= 1e-12 * 576, actual .. " is not " .. expected)
end

function TestTutorialTarget.test_histogram()
  local counts, edges = plot.hist(target())
  lu.assertEquals(counts, { 10, 45, 135, 226, 254, 203, 84, 32, 9, 2 })
  local expected = { -436.1774171090061, -335.02918648388766, -233.8809558587692, -132.73272523365074,
                     -31.58449460853228, 69.56373601658618, 170.71196664170463, 271.8601972668231,
                     373.00842789194155, 474.15665851706, 575.3048891421785 }
  for i, edge in ipairs(expected) do assert_near(edges[i], edge) end
end

function TestTutorialTarget.test_box()
  local box = plot.boxplot(target())
  local expected = { mean = 3.1564321558074733, iqr = 211.48927622669206, cilo = -10.740194842746629,
                     cihi = 10.259742503566397, whishi = 412.38055029076355,
                     whislo = -415.1930229769036, q1 = -100.63298310432651,
                     med = -0.2402261695901169, q3 = 110.85629312236554 }
  for name, value in pairs(expected) do assert_near(box[name], value) end
  local fliers = { -436.1774171090061, 551.9021780440651, 445.87623361704556, 428.4718015933865,
                   575.3048891421785 }
  lu.assertEquals(#box.fliers, 5)
  for i, value in ipairs(fliers) do assert_near(box.fliers[i], value) end
end

-- ---- ranges, ticks, gaps ----

TestAxes = {}

function TestAxes.test_a_curve_is_cut_where_it_is_not_finite()
  local range = { low = 0, high = 10, is_log = false }
  local runs = layout.runs({ 1, 2, 3, 4, 5, 6 }, { 1, nan, 3, 4, inf, 6 }, range, range)
  lu.assertEquals(runs, { { x = { 1 }, y = { 1 } }, { x = { 3, 4 }, y = { 3, 4 } }, { x = { 6 }, y = { 6 } } })
end

function TestAxes.test_a_log_axis_has_no_place_for_zero()
  local linear, log = { is_log = false }, { is_log = true }
  local runs = layout.runs({ 1, 2, 3 }, { 1, 0, -1 }, linear, log)
  lu.assertEquals(runs, { { x = { 1 }, y = { 1 } } })
end

function TestAxes.test_a_long_curve_keeps_the_ends_of_each_column()
  local x, y = {}, {}
  for i = 1, 10000 do x[i], y[i] = i, (i * 7919) % 1000 end
  y[5003], y[5004] = -5, 2000
  local thin = layout.thinned({ x = x, y = y }, { low = 1, high = 10000 }, 100)
  lu.assertTrue(#thin.x <= 404)
  lu.assertEquals({ thin.x[1], thin.x[#thin.x] }, { 1, 10000 })
  lu.assertEquals({ math.min(table.unpack(thin.y)), math.max(table.unpack(thin.y)) }, { -5, 2000 })
  for i = 2, #thin.x do lu.assertTrue(thin.x[i] > thin.x[i - 1]) end
  local short = { x = { 1, 2 }, y = { 3, 4 } }
  lu.assertIs(layout.thinned(short, { low = 1, high = 2 }, 100), short)
end

local function labels(low, high, is_log, count)
  return table.concat(layout.ticks({}, { low = low, high = high, is_log = is_log }, count or 6).labels, " ")
end

function TestAxes.test_ticks_are_round()
  lu.assertEquals(labels(0, 1), "0.0 0.2 0.4 0.6 0.8 1.0")
  lu.assertEquals(labels(-436, 575), "−400 −200 0 200 400")
  lu.assertEquals(labels(0, 3e7), "0 0.5×10⁷ 1.0×10⁷ 1.5×10⁷ 2.0×10⁷ 2.5×10⁷ 3.0×10⁷")
end

function TestAxes.test_an_axis_of_whole_numbers_has_whole_ticks()
  local ticks = layout.ticks({}, { low = 0.2, high = 16.8, whole = true }, 7)
  lu.assertEquals(table.concat(ticks.labels, " "), "5 10 15")
  ticks = layout.ticks({}, { low = 0.85, high = 4.15, whole = true }, 9)
  lu.assertEquals(table.concat(ticks.labels, " "), "1 2 3 4")
end

function TestAxes.test_log_ticks_are_powers_of_ten()
  lu.assertEquals(labels(0.01, 1e4, true, 8), "10⁻² 10⁻¹ 10⁰ 10¹ 10² 10³ 10⁴")
  lu.assertEquals(labels(1, 1e38, true), "10⁰ 10¹⁰ 10²⁰ 10³⁰")
  lu.assertEquals(labels(1, 60, true), "1 2 5 10 20 50")
end

function TestAxes.test_ticks_exist_for_any_range()
  for _, range in ipairs { { 0, 0.001 }, { -8e307, 8e307 }, { 1e-300, 2e-300 }, { 1e15, 1e15 + 8 } } do
    local ticks = layout.ticks({}, { low = range[1], high = range[2], is_log = false }, 5)
    lu.assertTrue(#ticks.at >= 2 and #ticks.at < 20, #ticks.at .. " ticks")
  end
end

function TestAxes.test_share_of_a_huge_range_is_finite()
  lu.assertEquals(layout.share({ low = -8e307, high = 8e307 }, 0), 0.5)
end

-- ---- figures ----

TestFigures = { setUp = make_folder, tearDown = remove_folder }

function TestFigures.test_the_ending_chooses_the_format()
  plot.plot { 1, 4, 9 }
  for ending, start in pairs { png = "\137PNG", svg = "<?xml", pdf = "%PDF", PNG = "\137PNG" } do
    plot.savefig(path("a." .. ending))
    lu.assertEquals(read(path("a." .. ending)):sub(1, #start), start)
  end
  assert_error("plot.savefig: name must end in .png, .svg or .pdf", plot.savefig, path "a.jpeg")
  assert_error("plot.savefig: name must end in", plot.savefig, path "png")
end

function TestFigures.test_an_axis_without_ticks_has_none()
  for _, positions in ipairs { {}, { 100, 200 } } do
    plot.plot({ 1, 2, 3 }, { 4, 5, 6 })
    plot.xticks(positions)
    plot.yticks(positions)
    lu.assertNotStrContains(svg(), "<text")
    plot.close()
  end
end

function TestFigures.test_a_panel_beside_one_without_ticks_has_its_own()
  for panel = 1, 2 do
    plot.subplot(1, 2, panel)
    plot.plot { 1, 2, 3 }
    plot.xticks(panel == 1 and {} or { 2 }, panel == 2 and { "second" } or nil)
  end
  lu.assertStrContains(svg(), ">second<")
end

function TestFigures.test_dots_per_inch_set_a_pngs_size()
  plot.figure { figsize = { 4, 3 } }
  plot.plot { 1, 2 }
  plot.savefig(path "a.png", { dpi = 100 })
  lu.assertEquals({ string.unpack(">I4I4", read(path "a.png"), 17) }, { 400, 300, 25 })
end

function TestFigures.test_every_artist_is_drawn()
  plot.subplot(2, 3, 1)
  plot.plot({ 1, 2 }, { 3, 4 }, { label = "a", color = "C3", linestyle = "-.", marker = "o", alpha = 0.5 })
  plot.axhline(3.5, { label = "rule" })
  plot.axvline(1.5)
  plot.text(1, 3, "here", { ha = "center", va = "top", rotation = 30, color = "red" })
  plot.legend { loc = "outside" }
  plot.subplot(2, 3, 2)
  plot.scatter({ 1, 2 }, { 3, 4 }, { marker = "^", markersize = 7 })
  plot.fill_between({ 1, 2, 3 }, { 0, -1, 1 }, { 2, 3, 4 }, { label = "band" })
  plot.errorbar({ 1, 2 }, { 3, 4 }, { 0.5, 0.1 }, { label = "bars" })
  plot.legend()
  plot.subplot(2, 3, 3)
  plot.hist({ 1, 2, 3 }, { label = "h", edgecolor = "none" })
  plot.yscale "log"
  plot.legend { loc = "upper left" }
  plot.subplot(2, 3, 4)
  plot.boxplot({ { 1, 2, 3, 40 }, { 2, 3 } }, { labels = { "a", "b" } })
  plot.subplot(2, 3, 5)
  plot.imshow({ { 1, 2 }, { nan, 4 } }, { cmap = "magma_r", norm = "log" })
  plot.colorbar { label = "colours" }
  plot.subplot(236)
  plot.xscale "log"
  plot.yscale "log"
  plot.pcolormesh({ 0.1, 1, 10 }, { 1, 10 }, { { 1, 2, 3 }, { 4, 5, 6 } }, { vmin = 0, vmax = 5 })
  plot.grid(true)
  plot.xticks({ 0.1, 1, 10 }, { "low", "middle", "high" })
  plot.suptitle "all of them"
  lu.assertStrContains(svg(), "all of them")
  lu.assertStrContains(svg(), "middle")
end

function TestFigures.test_a_gap_ends_a_line()
  plot.plot({ 1, 2, nan, 4, 5, inf, 7, 8 }, { color = "#123456" })
  local starts = 0
  for line in svg():gmatch "rgb%(%s*18,%s*52,%s*86%)'%s+d='([^']*)'" do
    starts = starts + select(2, line:gsub("M", "M"))
  end
  lu.assertEquals(starts, 3)
end

function TestFigures.test_a_curve_without_values_says_so_in_the_legend()
  plot.plot({ 1, 2, 3 }, { label = "test" })
  plot.plot({ nan, inf, -inf }, { label = "train" })
  plot.legend()
  local drawn = svg()
  lu.assertStrContains(drawn, "train (no finite value)")
  lu.assertNil(drawn:find("test (no finite value)", 1, true))
end

function TestFigures.test_a_figure_of_such_curves_is_drawn()
  for _, scale in ipairs { "linear", "log" } do
    plot.plot({ nan, nan }, { label = "train" })
    plot.plot({}, { label = "nothing" })
    plot.yscale(scale)
    plot.legend()
    lu.assertStrContains(svg(), "no finite value")
    plot.close()
  end
  plot.scatter({ nan }, { inf })
  plot.fill_between({ 1, 2 }, { nan, nan }, { nan, 1 })
  plot.imshow { { nan } }
  plot.boxplot { nan, 1 }
  lu.assertStrContains(svg(), "</svg>")
end

function TestFigures.test_values_at_the_ends_of_double_are_drawn()
  plot.plot { 1e-320, 1.7e308, -1.7e308, 0 }
  lu.assertStrContains(svg(), "</svg>")
  plot.yscale "log"
  lu.assertStrContains(svg(), "</svg>")
end

function TestFigures.test_an_empty_figure_is_drawn()
  lu.assertStrContains(svg(), "</svg>")
end

function TestFigures.test_a_tensor_is_data()
  local column = setmetatable({}, { __index = { totable = function() return { { 1 }, { 2 } } end } })
  plot.plot(column)
  plot.plot(column, column, { label = "column" })
  plot.legend()
  lu.assertStrContains(svg(), "column")
end

function TestFigures.test_numbers_are_written_as_in_c_whatever_the_locale()
  local before = os.setlocale(nil, "numeric")
  os.setlocale("de_DE.UTF-8", "numeric")
  plot.plot({ 0.5, 1.25 })
  local ok, drawn = pcall(svg)
  os.setlocale(before, "numeric")
  lu.assertTrue(ok, drawn)
end

function TestFigures.test_a_band_has_the_colour_of_its_curve()
  plot.fill_between({ 1, 2 }, { 1, 2 }, { 2, 3 })
  plot.plot { 1, 2 }
  local drawn = svg()
  lu.assertStrContains(drawn, "rgb(  0, 114, 178)") -- the first colour
  lu.assertNil(drawn:find("rgb(213,  94,   0)", 1, true)) -- the second
end

function TestFigures.test_the_legend_avoids_the_curve()
  local axes = { legend = { loc = "best" }, artists = {
    { kind = "line", x = { 0, 1 }, y = { 0, 1 }, linestyle = "-" },
  } }
  local range = { low = 0, high = 1, is_log = false }
  lu.assertEquals(layout.legend_place(axes, range, range, 0.3, 0.2), "upper left")
end

-- ---- what is refused ----

TestErrors = { tearDown = function() plot.close "all" end }

function TestErrors.test_options_suggest_the_nearest_name()
  assert_error('plot.plot: unknown option "lable", did you mean "label"?', plot.plot, { 1 }, { lable = "x" })
  assert_error('plot.plot: linestyle "dashed" is unknown', plot.plot, { 1 }, { linestyle = "dashed" })
  assert_error('plot.plot: color "bleu" is no colour, did you mean "blue"?', plot.plot, { 1 }, { color = "bleu" })
  assert_error('plot.legend: loc "uper right" is unknown, did you mean "upper right"?', plot.legend, { loc = "uper right" })
  assert_error('plot.yscale: scale "logs" is unknown, did you mean "log"?', plot.yscale, "logs")
  assert_error('plot.imshow: cmap "virids" is unknown, did you mean "viridis"?', plot.imshow, { { 1 } }, { cmap = "virids" })
end

function TestErrors.test_data_must_be_numbers_that_fit()
  assert_error("plot.plot: y[2] must be a number", plot.plot, { 1, "2" })
  assert_error("plot.plot: x has 3 numbers, y has 2", plot.plot, { 1, 2, 3 }, { 1, 2 })
  assert_error("plot.plot: y must be a list of numbers or a tensor", plot.plot)
  assert_error("plot.scatter: y must be", plot.scatter, { 1 })
  assert_error("plot.imshow: grid must have rows of one length", plot.imshow, { { 1, 2 }, { 1 } })
  assert_error("plot.imshow: grid must be", plot.imshow, {})
  assert_error("plot.pcolormesh: x must have 2 numbers", plot.pcolormesh, { 1 }, { 1 }, { { 1, 2 } })
  assert_error("plot.fill_between: x has 2 numbers, y1 has 1", plot.fill_between, { 1, 2 }, { 1 })
  assert_error("plot.colorbar: the axes hold no heat map", plot.colorbar)
  assert_error("plot.xticks: 2 positions but 1 label", plot.xticks, { 1, 2 }, { "a" })
  assert_error("plot.xticks: 1 position but 2 labels", plot.xticks, { 1 }, { "a", "b" })
  assert_error("plot.text: x must be a finite number", plot.text, nan, 1, "x")
  assert_error("plot.title: text must be a string", plot.title, {})
end

function TestErrors.test_places_and_limits()
  assert_error("plot.subplot: index must be 1 to rows * columns", plot.subplot, 1, 2, 3)
  assert_error("plot.subplot: index must be a positive integer", plot.subplot, 1, 2, 0)
  assert_error("plot.figure: figsize must be {width, height}", plot.figure, { figsize = { 3 } })
  assert_error("plot.xlim: low and high are both 1", plot.xlim, 1, 1)
  plot.yscale "log"
  assert_error("plot.ylim: the ends of a logarithmic axis must be positive", plot.ylim, 0, 1)
end

function TestErrors.test_the_position_is_the_users_line()
  local message = assert_error("plot.plot: unknown option", function() plot.plot({ 1 }, { nix = 1 }) end)
  lu.assertStrContains(message, "test_plot.lua:")
end

-- ---- files ----

TestFiles = { setUp = make_folder, tearDown = remove_folder }

function TestFiles.test_a_place_that_cannot_be_written_is_an_error()
  plot.plot { 1, 2 }
  write(path "file", "")
  assert_error('plot.savefig: cannot write "' .. path "file/a.png" .. '": Not a directory', plot.savefig, path "file/a.png")
  assert_error("No such file or directory", plot.savefig, path "none/a.png")
  pipe.make_folder(path "b.png")
  assert_error("Is a directory", plot.savefig, path "b.png")
end

function TestFiles.test_a_failure_keeps_the_old_file()
  write(path "a.png", "old")
  local said, ok = run_script('plot.plot { 1 } plot.savefig "' .. path "a.png" .. '"',
                              { GRADUS_GNUPLOT = stand_in "cat >/dev/null; echo half; exit 3" })
  lu.assertFalse(ok)
  lu.assertStrContains(said, "plot.savefig")
  lu.assertEquals(read(path "a.png"), "old")
  lu.assertNil(listing():find "%.gradus")
end

function TestFiles.test_a_new_figure_replaces_the_file_and_keeps_its_mode()
  write(path "a.svg", "old")
  shell("chmod 640 %s", path "a.svg")
  plot.plot { 1, 2 }
  plot.savefig(path "a.svg")
  lu.assertStrContains(read(path "a.svg"), "</svg>")
  local list = io.popen("ls -l " .. path "a.svg")
  lu.assertEquals(list:read(10), "-rw-r-----")
  list:close()
end

function TestFiles.test_a_link_stays_a_link()
  write(path "target.svg", "old")
  shell("ln -s target.svg %s", path "link.svg")
  plot.plot { 1, 2 }
  plot.savefig(path "link.svg")
  lu.assertStrContains(read(path "target.svg"), "</svg>")
  lu.assertEquals(shell("test -L %s", path "link.svg"), true)
end

-- ---- nothing becomes a command ----

TestInjection = { setUp = make_folder, tearDown = remove_folder }

local function attacks()
  local mark = path "mark"
  return {
    "x\nsystem 'touch " .. mark .. "'",
    "x'\nsystem 'touch " .. mark .. "'\n'",
    "x'; system('touch " .. mark .. "'); y='",
    "x\r!touch " .. mark,
    "`touch " .. mark .. "`",
    '"`touch ' .. mark .. '`"',
    "$(touch " .. mark .. ")",
    "@mark",
    "'.system('touch " .. mark .. "').'",
    "''; system 'touch " .. mark .. "'; x='", "'''`touch " .. mark .. "`",
    "' . `touch " .. mark .. "`", "\\", "\\'", "''", "'''", "''x''", "'", '"', "{", "}}",
    "{/Symbol a}", "a_b^c", "%s%n%d%%", "%", "#", "|", "&",
    "\0\1\27[2J", "\xff\xfe", "\xc2\x9b2J", "", " ", "END", "$block1", ("x"):rep(5000),
  }
end

function TestInjection.test_through_any_text()
  for _, text in ipairs(attacks()) do
    plot.figure { title = text }
    plot.subplot(1, 2, 1)
    plot.plot({ 1, 2, 3 }, { label = text })
    plot.axhline(2, { label = text })
    plot.title(text)
    plot.xlabel(text)
    plot.ylabel(text)
    plot.text(1, 2, text)
    plot.xticks({ 1, 2 }, { text, text })
    plot.yticks({ 1 }, { text })
    plot.legend()
    plot.subplot(1, 2, 2)
    plot.boxplot({ { 1, 2 }, { 3 } }, { labels = { text, text } })
    plot.imshow { { 1, 2 } }
    plot.colorbar { label = text }
    plot.hist({ 1, 2 }, { label = text })
    plot.suptitle(text)
    lu.assertStrContains(svg(), "</svg>")
    local drawn = terminal.draw(figure.new(6, 4, text))
    lu.assertNil(drawn:gsub("\n", ""):find "%c", text)
    plot.close()
    lu.assertNil(read(path "mark"), text)
  end
end

function TestInjection.test_text_is_shown_as_it_is()
  plot.plot { 1, 2 }
  plot.title "{a_b} ^ 'quoted' 50% \\n @x"
  plot.xticks({ 1, 2 }, { "50%", "%d" })
  local drawn = svg()
  lu.assertStrContains(drawn, "{a_b} ^ ’quoted’ 50% \\n @x")
  lu.assertStrContains(drawn, ">50%<")
  lu.assertStrContains(drawn, ">%d<")
end

function TestInjection.test_through_a_files_name()
  plot.plot { 1, 2 }
  for _, name in ipairs { "`touch mark`.svg", "$(touch mark).svg", "| touch mark;.svg", "a'b.svg",
                          'a"b.svg', "a\nsystem 'touch mark'\n.svg", "-o.svg", " .svg", "%s%n.svg" } do
    plot.savefig(path(name))
    lu.assertStrContains(read(path(name)), "</svg>")
  end
  lu.assertNil(read "mark")
  lu.assertNil(read(path "mark"))
  assert_error("plot.savefig: name holds a zero byte", plot.savefig, "a\0.svg")
end

-- ---- gnuplot, missing or dying ----

TestGnuplot = { setUp = make_folder, tearDown = remove_folder }

local function saving() return ("plot.plot { 1, 2 } plot.savefig %q"):format(path "figure.svg") end

function TestGnuplot.test_missing_names_the_package()
  for _, environment in ipairs { { GRADUS_GNUPLOT = "/nowhere/gnuplot" }, { PATH = "/nowhere" } } do
    if environment.PATH then -- the interpreter itself must still be found
      local found = io.popen("command -v " .. (arg and arg[-1] or "gradus"))
      local place = found:read "l" or ""
      found:close()
      if place:sub(1, 1) ~= "/" then goto continue end
    end
    local said, ok = run_script([[
      local ok, message = pcall(function() ]] .. saving() .. [[ end)
      print(ok, message)]], environment.PATH and { GRADUS_GNUPLOT = "no_such_gnuplot" } or environment)
    lu.assertTrue(ok)
    lu.assertStrContains(said, "plot.savefig: the program")
    lu.assertStrContains(said, "was not found")
    lu.assertStrContains(said, "gnuplot-nox")
    ::continue::
  end
end

function TestGnuplot.test_its_own_words_are_in_the_error()
  local said = run_script(saving(), {
    GRADUS_GNUPLOT = stand_in "cat >/dev/null; echo 'line 3: undefined variable: x' >&2; exit 1" })
  lu.assertStrContains(said, "failed: undefined variable: x")
end

function TestGnuplot.test_killed_midway()
  local said = run_script(saving(), { GRADUS_GNUPLOT = stand_in "head -c 100 >/dev/null; kill -9 $$" })
  lu.assertStrContains(said, "was killed by signal 9")
end

function TestGnuplot.test_one_that_does_not_read_is_no_broken_pipe()
  local said = run_script([[
    local y = {}
    for i = 1, 100000 do y[i] = math.random() end
    plot.plot(y)
    local ok, message = pcall(plot.savefig, "]] .. path "figure.svg" .. [[")
    print(ok, message, "still here")]], { GRADUS_GNUPLOT = stand_in "exit 1" })
  lu.assertStrContains(said, "still here")
  lu.assertStrContains(said, "failed")
end

function TestGnuplot.test_one_that_draws_nothing_is_an_error()
  lu.assertStrContains(run_script(saving(), { GRADUS_GNUPLOT = stand_in "cat >/dev/null" }), "drew nothing")
end

-- ---- show ----

TestShow = { setUp = make_folder, tearDown = remove_folder }

local TWO = [[
  plot.plot({ 1, 2, 3 }, { label = "curve" }) plot.title "first" plot.legend() plot.show()
  plot.figure() plot.hist { 1, 2 } plot.title "second" plot.show() print "done"]]

function TestShow.test_none_draws_nothing_and_needs_no_gnuplot()
  local said = run_script(TWO, { GRADUS_PLOT = "none", GRADUS_GNUPLOT = "/nowhere" })
  lu.assertEquals(said, "done\n")
end

function TestShow.test_a_folder_gets_the_figures()
  local said = run_script(TWO, { GRADUS_PLOT = path "new/deep/" })
  lu.assertEquals(said, "done\n")
  lu.assertEquals(read(path "new/deep/script.png"):sub(2, 4), "PNG")
  lu.assertEquals(read(path "new/deep/script_2.png"):sub(2, 4), "PNG")
end

function TestShow.test_a_folder_that_cannot_be_made_is_an_error()
  write(path "file", "")
  lu.assertStrContains(run_script(TWO, { GRADUS_PLOT = path "file/deep" }), "plot.show: cannot make the folder")
end

function TestShow.test_without_a_terminal_it_is_plain_text_of_79_columns()
  local said = run_script(TWO, { GRADUS_GNUPLOT = "/nowhere", LC_ALL = "C" })
  lu.assertStrContains(said, "first")
  lu.assertStrContains(said, "second")
  lu.assertStrContains(said, "** curve")
  lu.assertNil(said:find "[\27\128-\255]")
  for line in said:gmatch "[^\n]*" do lu.assertTrue(#line <= 79, line) end
end

function TestShow.test_a_terminal_has_colour_and_its_own_width()
  plot.plot { 1, 2 }
  local drawn = figure.new(6.4, 4.8)
  local axes = figure.current_axes(drawn)
  figure.add(axes, { kind = "line", x = { 1, 2 }, y = { 1, 2 }, color = "#d55e00", linestyle = "-" })
  for line in terminal.draw(drawn, 40, 20):gmatch "[^\n]*" do
    lu.assertTrue((utf8.len((line:gsub("\27%[[%d;]*m", ""))) or 99) <= 40)
  end
end

function TestShow.test_closes_the_figure()
  local said = run_script([[
    plot.title "once" plot.show()
    plot.plot { 1, 2 } plot.show()]])
  lu.assertEquals(select(2, said:gsub("once", "")), 1)
end

function TestShow.test_shows_every_open_figure()
  local said = run_script [[plot.title "one" plot.figure() plot.title "two" plot.show()]]
  lu.assertStrContains(said, "one")
  lu.assertStrContains(said, "two")
end

-- ---- the pipe ----

TestPipe = { setUp = make_folder, tearDown = remove_folder }

function TestPipe.test_says_what_the_program_said()
  local child = assert(pipe.open { "sh", "-c", "cat; echo trouble >&2; exit 7" })
  lu.assertTrue(child:write "hello")
  lu.assertEquals({ child:finish() }, { nil, "exit", 7 })
  lu.assertEquals({ child:output() }, { "hello", "trouble\n" })
end

function TestPipe.test_a_megabyte_both_ways_does_not_lock()
  local child <close> = assert(pipe.open { "cat" })
  local text = ("0123456789abcdef"):rep(65536)
  lu.assertTrue(child:write(text))
  lu.assertEquals(child:finish(), true)
  lu.assertTrue(child:output() == text)
end

function TestPipe.test_tells_how_the_program_ended()
  local child = assert(pipe.open { "sh", "-c", "kill -9 $$" })
  lu.assertEquals({ child:finish() }, { nil, "signal", 9 })
  lu.assertEquals({ child:finish() }, { nil, "signal", 9 })
end

function TestPipe.test_a_program_that_is_not_there()
  local child, message, code = pipe.open { "/nowhere/program" }
  if child then -- under valgrind the failure shows at the end, as in a shell
    lu.assertEquals({ child:finish() }, { nil, "exit", 127 })
  else
    lu.assertEquals({ message, code }, { "No such file or directory", 2 })
  end
end

function TestPipe.test_its_metatable_on_something_else_is_harmless()
  local child = assert(pipe.open { "sleep", "60" })
  local file = assert(io.open("/dev/null", "w"))
  local own, metatable = getmetatable(file), getmetatable(child)
  debug.setmetatable(file, metatable)
  lu.assertErrorMsgContains("pipe expected", function() file:write "x" end)
  lu.assertErrorMsgContains("pipe expected", function() metatable.__gc(file) end)
  debug.setmetatable(file, own)
  file:close()
  lu.assertErrorMsgContains("pipe expected", metatable.write, 1, "x")
  metatable.__gc(child)
  metatable.__gc(child)
  lu.assertEquals({ child:finish() }, { nil, "signal", 9 })
  lu.assertEquals(select(3, child:write "x"), 32)
end

function TestPipe.test_nothing_is_left_behind()
  local stat = read "/proc/self/stat"
  local id = stat and stat:match "^%d+"
  local children = id and ("/proc/%s/task/%s/children"):format(id, id)
  if not (children and read(children)) then lu.skip "this system does not list a process' children" end
  local function count(text) return select(2, text:gsub("%d+", "")) end
  local function open_files() return count((io.popen("ls /proc/" .. id .. "/fd"):read "a")) end
  collectgarbage()
  collectgarbage()
  local before, files = count(read(children)), open_files()
  for i = 1, 20 do
    local child = pipe.open { i % 2 == 0 and "cat" or "/nowhere" }
    if i % 4 == 0 then child:finish() end
    pcall(pipe.open, { "cat", 1 })
  end
  collectgarbage()
  collectgarbage()
  lu.assertEquals(count(read(children)), before)
  lu.assertTrue(open_files() <= files + 1)
end
