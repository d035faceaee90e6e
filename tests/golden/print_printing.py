#!/usr/bin/python3
"""Prints tests/golden/printing.lua: how NumPy shows arrays, with four digits behind the point.

The file is in the repository; this script only says where it came from. The one there was printed
by NumPy 1.24.2.
"""
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
NAN, INF = np.nan, np.inf
cases = []


def case(code, x):
    finite = x[np.isfinite(x)]
    whole = np.all(finite % 1 == 0) and np.all(np.abs(finite) < 1e8)
    sizes = np.abs(finite[finite != 0])
    # NumPy takes exponents as soon as the largest is 1,000 times the smallest; Gradus is more patient.
    wide = sizes.size > 0 and (sizes.min() < 1e-4 or sizes.max() / sizes.min() > 1e6)
    text = np.array2string(x, precision=4, floatmode="maxprec" if whole else "fixed",
                           suppress_small=whole or not wide)
    cases.append("  { function() return %s end, [=[\n%s]=] }," % (code, text))


def counted(*shape):
    return np.arange(1.0, np.prod(shape) + 1).reshape(shape)


for shape in ((1,), (5,), (30,), (200,), (1000,), (1001,), (1, 1), (3, 4), (2, 30), (30, 2), (3, 60),
              (1001, 1), (1, 1001), (2, 3, 4), (2, 2, 30), (2, 1, 2, 3), (40, 30), (3, 500), (4, 5, 60),
              (7, 7, 7, 7), (1, 1, 1, 1, 18)):
    dimensions = ", ".join(map(str, shape))
    x = counted(*shape)
    case("range(%d):reshape(%s)" % (x.size, dimensions), x)
    if x.size < 500:
        case("(range(%d) / 7 - 3):reshape(%s)" % (x.size, dimensions), x / 7 - 3)

LISTS = ([1, NAN, INF, -INF], [NAN], [INF], [NAN, -INF], [0.5, NAN, -2], [1e9, 1], [1e8], [1e-5, 1],
         [1e-5, NAN, -INF], [0.25, 1e20], [-0.0, 0.0], [0.5, -0.0], [99999999.0], [12345678.5, 1000],
         [0.00011, 0.05], [-1e-7, -1e-8], [123.456, -0.01])
for values in LISTS:
    code = ", ".join({"nan": "0 / 0", "inf": "math.huge", "-inf": "-math.huge"}.get(repr(v), repr(v))
                     for v in map(float, values))
    case('tensor({ %s }, "float64")' % code, np.array(values, dtype=float))

with open(os.path.join(HERE, "printing.lua"), "w") as f:
    f.write("-- How NumPy %s shows arrays; printed by print_printing.py.\n\nreturn {\n%s\n}\n"
            % (np.__version__, "\n".join(cases)))
