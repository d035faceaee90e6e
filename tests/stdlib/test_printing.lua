-- How tensors look as text, beside what NumPy shows; golden/print_printing.py printed that.

local lu = require "luaunit"

local golden = dofile "tests/golden/printing.lua"

-- The numbers of a tensor's text, and the line behind them.
local function parts_of(x) return tostring(x):match "^(.*)\n([^\n]*)$" end

TestPrinting = {}

function TestPrinting.test_tensors_look_as_numpys()
  for _, case in ipairs(golden) do lu.assertEquals(parts_of(case[1]()), case[2]) end
end

function TestPrinting.test_no_line_is_wider_than_75_columns()
  for _, x in ipairs { range(500), range(900):reshape(3, 300) / 7, range(999):reshape(3, 3, 111) * 1e7,
                       range(40000):reshape(200, 200), -range(800):reshape(2, 2, 200) / 3 } do
    for line in tostring(x):gmatch "[^\n]+" do lu.assertTrue(#line <= 75, line) end
  end
end

function TestPrinting.test_shape_and_type_stand_behind_the_numbers()
  lu.assertEquals(tostring(tensor { { 1, 2 }, { 3, 4 } }), "[[1. 2.]\n [3. 4.]]\ntensor [2, 2] float32")
  lu.assertEquals(tostring(tensor({ 0.5 }, "float64")), "[0.5000]\ntensor [1] float64")
end

function TestPrinting.test_an_empty_tensor_shows_its_shape()
  lu.assertEquals(tostring(zeros(0)), "[]  tensor [0] float32")
  lu.assertEquals(tostring(zeros(3, 0, 2)), "[]  tensor [3, 0, 2] float32")
end

function TestPrinting.test_a_tensor_of_rank_0_prints_as_its_number()
  for _, number in ipairs { 3.0, 0.5, 1e100, -0.0, math.huge, -math.huge, 2.0 ^ 53 } do
    lu.assertEquals(tostring(tensor(number, "float64")), tostring(number))
  end
  lu.assertEquals(tostring(tensor(0 / 0)), "nan")
  lu.assertEquals(tostring(tensor(-(0 / 0))), "nan")
end

function TestPrinting.test_concatenation_shows_the_same_text()
  lu.assertEquals("loss " .. tensor(0.5), "loss 0.5")
  lu.assertEquals(tensor(2) .. "!", "2.0!")
  lu.assertEquals(tensor(2) .. tensor(3), "2.03.0")
  lu.assertEquals(1 .. tensor(2), "12.0")
  lu.assertEquals("x = " .. tensor { 1 }, "x = [1.]\ntensor [1] float32")
end

function TestPrinting.test_a_long_tensor_is_not_read_whole()
  local x = zeros(1000, 1000)
  local start = os.clock()
  for _ = 1, 50 do tostring(x) end
  lu.assertTrue(os.clock() - start < 0.5)
end

function TestPrinting.test_a_view_prints_the_numbers_it_shows()
  local x = range(6):reshape(2, 3)
  lu.assertEquals(parts_of(x.T), "[[1. 4.]\n [2. 5.]\n [3. 6.]]")
  lu.assertEquals(parts_of(x[{ {}, { 3, 1, -2 } }]), "[[3. 1.]\n [6. 4.]]")
end
