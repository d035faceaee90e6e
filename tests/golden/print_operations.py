#!/usr/bin/python3
"""Prints tests/golden/operations.lua: what NumPy gives for each operation of the table.

The file is in the repository; this script only says where it came from. The one there was printed
by NumPy 1.24.2. All inputs are float64 with few digits, so that they read well and are the same
numbers everywhere.
"""
import itertools
import math
import os
import textwrap

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
np.seterr(all="ignore")
rs = np.random.RandomState(7)


def number(x):
    x = float(x)
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "inf" if x > 0 else "-inf"
    if x == 0:
        return "-0.0" if math.copysign(1, x) < 0 else "0"
    return repr(int(x)) if x == int(x) and abs(x) < 1e15 else repr(x)


def array(a):
    a = np.asarray(a, dtype=float)
    shape = ", ".join(str(n) for n in a.shape)
    return "A({%s}, {%s})" % (shape, ", ".join(number(v) for v in a.ravel()))


def argument(value):
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"%s"' % value
    if isinstance(value, (tuple, list)):
        return "{%s}" % ", ".join(argument(v) for v in value)
    return number(value)


lines = []


def case(name, inputs, result, *arguments, tolerance=0.0):
    lines.append("C(%s, {%s}, {%s}, %s, %g)" % (
        '"%s"' % name, ", ".join(array(x) for x in inputs),
        ", ".join(["n = %d" % len(arguments)] + [argument(v) for v in arguments]),
        array(result), tolerance))


def draw(*shape):
    return np.round(rs.uniform(-3, 3, shape), 2)


SPECIAL = np.array([0.0, -0.0, 1, -1, 0.5, -2.5, 3, np.inf, -np.inf, np.nan, 1e300, -1e-300])
SHAPES = [(), (1,), (5,), (0,), (3, 4), (2, 0, 3), (2, 3, 4), (1, 3, 1, 2)]


# One tensor, element by element


def sigmoid(x):  # without the overflow of exp(-x)
    return np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x)))


UNARY = {
    "exp": (np.exp, 1e-15), "log": (np.log, 1e-15), "sqrt": (np.sqrt, 0), "abs": (np.abs, 0),
    "tanh": (np.tanh, 1e-15), "relu": (lambda x: np.where(x <= 0, 0, x), 0),
    "sigmoid": (sigmoid, 1e-15), "square": (np.square, 0),
    "floor": (np.floor, 0), "neg": (np.negative, 0)}
for name, (f, tolerance) in UNARY.items():
    for shape in SHAPES:
        x = draw(*shape)
        if name in ("log", "sqrt"):
            x = np.abs(x)
        case(name, [x], f(x), tolerance=tolerance)
    case(name, [SPECIAL], f(SPECIAL), tolerance=tolerance)
for name in ("exp", "tanh", "sigmoid"):
    x = np.array([709.5, 710, -745, -746, 20, -20, 1e-10, -37])
    case(name, [x], UNARY[name][0](x), tolerance=3e-15)

for low, high in ((-1, 1), (None, 0.5), (-0.5, None), (0, 0), (-np.inf, np.inf)):
    for x in (draw(3, 4), SPECIAL, draw(), draw(0)):
        result = x if low is None and high is None else np.clip(x, low, high)
        case("clip", [x], result, low, high)


# Two tensors; // and % are Lua's on floats

BINARY = {
    "add": (np.add, 0), "sub": (np.subtract, 0), "mul": (np.multiply, 0), "div": (np.divide, 0),
    "pow": (np.power, 2e-15), "floordiv": (lambda a, b: np.floor(np.divide(a, b)), 0),
    "mod": (np.mod, 1e-14), "maximum": (np.maximum, 0), "minimum": (np.minimum, 0),
    "gt": (np.greater, 0), "ge": (np.greater_equal, 0), "lt": (np.less, 0),
    "le": (np.less_equal, 0), "eq": (np.equal, 0), "ne": (np.not_equal, 0)}
PAIRS = [((), ()), ((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3)),
         ((2, 1), (1, 3)), ((2, 1, 3), (4, 1)), ((2, 3, 4), (3, 1)), ((1, 1), (1,)),
         ((0,), (1,)), ((2, 0), (2, 1)), ((0, 3), (3,)), ((5, 1, 2), (5, 3, 2))]
for name, (f, tolerance) in BINARY.items():
    for left, right in PAIRS:
        a, b = draw(*left), draw(*right)
        if name == "pow":
            a = np.abs(a)
        if name in ("eq", "ne", "ge", "le"):
            a, b = np.round(a), np.round(b)
        case(name, [a, b], f(a, b), tolerance=tolerance)
    a, b = (np.ravel(m) for m in np.meshgrid(SPECIAL, SPECIAL))
    case(name, [a, b], f(a, b), tolerance=tolerance)


# Reductions

def axes_of(rank):
    yield None
    for axis in range(rank):
        yield axis
    if rank > 0:
        yield -1
    for axes in itertools.combinations(range(rank), 2):
        yield axes
    if rank > 2:
        yield (rank - 1, 0)
        yield tuple(range(rank))


def counted_from_one(axes):
    if axes is None:
        return None
    if isinstance(axes, tuple):
        return tuple(counted_from_one(a) for a in axes)
    return axes + 1 if axes >= 0 else axes


def norm(x, axis, keepdims):
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


REDUCTIONS = {"sum": (np.sum, 1e-14), "mean": (np.mean, 1e-14), "max": (np.max, 0),
              "min": (np.min, 0), "var": (np.var, 1e-14), "std": (np.std, 1e-14),
              "norm": (norm, 1e-14)}
for name, (f, tolerance) in REDUCTIONS.items():
    for shape in ((), (1,), (5,), (3, 4), (2, 3, 4), (2, 1, 3)):
        x = draw(*shape)
        for axes in axes_of(len(shape)):
            for keepdims in (False, True):
                case(name, [x], f(x, axis=axes, keepdims=keepdims), counted_from_one(axes),
                     keepdims, tolerance=tolerance)
    for x in ([1, np.nan, 2], [np.nan], [np.inf, 1], [-np.inf, 1, np.inf],
              [[1, np.nan], [np.inf, 2], [3, 4]]):
        x = np.array(x)
        case(name, [x], f(x, axis=None, keepdims=False), tolerance=tolerance)
        case(name, [x], f(x, axis=0, keepdims=False), 1, tolerance=tolerance)
    case(name, [np.zeros((0, 3))], f(np.zeros((0, 3)), axis=1, keepdims=False), 2)
for shape, axes in (((0,), None), ((0, 3), 0), ((0, 3), None), ((3, 0, 2), 1), ((3, 4, 0), (0, 2)),
                    ((0, 4, 2), (0, 2)), ((2, 0), 0)):
    for keepdims in (False, True):
        x = np.zeros(shape)
        case("sum", [x], np.sum(x, axis=axes, keepdims=keepdims), counted_from_one(axes), keepdims)
for q in (0, 0.1, 0.25, 0.5, 1 / 3, 0.9, 1):
    for shape in ((1,), (5,), (6,), (3, 4), (2, 3, 4)):
        x = draw(*shape)
        for axes in (None, 0, -1):
            case("quantile", [x], np.quantile(x, q, axis=axes), q, counted_from_one(axes),
                 tolerance=1e-15)
x = np.array([[1, np.nan, 2], [5, 3, 4]])
case("quantile", [x], np.quantile(x, 0.5, axis=1), 0.5, 2)
case("quantile", [x], np.quantile(x, 0.5, axis=0, keepdims=True), 0.5, 1, True)
case("quantile", [np.array([-np.inf, 1, 2, np.inf])], 1.5, 0.5)


# Products

for left, right in (((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((1, 1), (1, 1)),
                    ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)),
                    ((5, 2, 3), (1, 3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
                    ((2, 1, 2, 3), (4, 3, 2)), ((2, 1, 2, 3), (1, 4, 3, 1)), ((0, 3), (3, 2)),
                    ((2, 0), (0, 3)), ((0,), (0,)), ((2, 3), (3, 0)), ((0, 2, 3), (3, 2)),
                    ((17, 33), (33, 19)), ((2, 0), (0,))):
    a, b = draw(*left), draw(*right)
    case("matmul", [a, b], np.matmul(a, b), tolerance=1e-13)
case("matmul", [np.array([[1, np.inf], [np.nan, 2]]), np.array([[1.0, 0], [2, 0]])],
     np.array([[np.inf, np.nan], [np.nan, np.nan]]))
ACTIVATIONS = {"linear": lambda z: z, "relu": UNARY["relu"][0], "tanh": np.tanh,
               "sigmoid": UNARY["sigmoid"][0]}
for activation, f in ACTIVATIONS.items():
    for shape in ((3,), (4, 3), (2, 4, 3), (0, 3)):
        x, kernel, bias = draw(*shape), draw(3, 5), draw(5)
        case("dense", [x, kernel, bias], f(x @ kernel + bias), activation, tolerance=1e-13)
case("dense", [draw(2, 0), draw(0, 3), np.array([1.0, 2, 3])], [[1, 2, 3], [1, 2, 3]])


# Shapes

for shape, to in (((2, 3), (3, 2)), ((2, 3), (6,)), ((2, 3), (-1,)), ((2, 3, 4), (4, -1)), ((), (1,)),
                  ((1, 1), ()), ((), ()), ((0,), (3, 0)), ((0, 3), (-1, 3)), ((6,), (1, 2, 1, 3))):
    x = draw(*shape)
    case("reshape", [x], x.reshape(to), to)
for shape in SHAPES:
    x = draw(*shape)
    case("transpose", [x], x.T)
    for order in list(itertools.permutations(range(len(shape))))[:6]:
        if order:
            case("transpose", [x], x.transpose(order), counted_from_one(order))
    case("clone", [x], x)
    case("cast", [x], x, "float64")
    case("cast", [x], x.astype("float32"), "float32")
for shape, indices in (((4,), (4, 1, 1)), ((4, 3), (2,)), ((4, 2, 2), (3, 3, 1)), ((4, 3), ())):
    x = draw(*shape)
    case("take", [x, np.array(indices, dtype=float)], x[[i - 1 for i in indices]])


# Losses

for shape in ((1,), (4,), (4, 1), (3, 5), ()):
    y, p = draw(*shape), draw(*shape)
    case("mean_squared_error", [y, p], np.mean((p - y) ** 2), tolerance=1e-14)
    case("mean_absolute_error", [y, p], np.mean(np.abs(p - y)), tolerance=1e-14)
y, p = draw(4), draw(4, 1)
case("mean_squared_error", [y, p], np.mean((p[:, 0] - y) ** 2), tolerance=1e-14)
case("mean_absolute_error", [y, p], np.mean(np.abs(p[:, 0] - y)), tolerance=1e-14)


# Places of extremes

def place(f, x, axes, keepdims):
    """What f (argmax or argmin) finds over a list of axes, counted from 1 as Gradus counts."""
    axes = range(x.ndim) if axes is None else axes if isinstance(axes, tuple) else (axes,)
    axes = sorted(axis % x.ndim for axis in axes)
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    shape = [x.shape[axis] for axis in kept]
    found = f(x.transpose(kept + axes).reshape(shape + [-1]), axis=-1) + 1
    return np.expand_dims(found, axes) if keepdims else found


for name, f in (("argmax", np.argmax), ("argmin", np.argmin)):
    for shape in ((1,), (5,), (3, 4), (2, 3, 4), (2, 1, 3)):
        x = np.round(draw(*shape))
        for axes in axes_of(len(shape)):
            for keepdims in (False, True):
                case(name, [x], place(f, x, axes, keepdims), counted_from_one(axes), keepdims)
    for x in ([1, np.nan, 2, np.nan], [np.nan], [np.inf, 1, np.inf], [-np.inf, 1, -np.inf],
              [0.0, -0.0, 0.0], [[1, np.nan], [np.inf, 2], [3, 4]]):
        x = np.array(x)
        case(name, [x], f(x) + 1)
        case(name, [x], f(x, axis=0) + 1, 1)
    case(name, [np.array(2.5)], 1)
    case(name, [np.zeros((0, 3))], f(np.zeros((0, 3)), axis=1) + 1, 2)


# Parts: the key as Gradus writes it, and what NumPy's own key gives

parts = []


def part(shape, key, result):
    parts.append("P({%s}, %s, %s)" % (", ".join(map(str, shape)), key, array(result)))


x = np.arange(1.0, 25).reshape(2, 3, 4)
for key, numpy_key in (
        ("1", np.s_[0]), ("2", np.s_[1]), ("{2}", np.s_[1]), ("{2, 3}", np.s_[1, 2]),
        ("{{}, 2}", np.s_[:, 1]), ("{{}, {}, 4}", np.s_[:, :, 3]), ("{}", np.s_[:]),
        ("{{1, 1}}", np.s_[0:1]), ("{{1, 2}, {2, 3}, {1, 4, 2}}", np.s_[0:2, 1:3, 0:4:2]),
        ("{{2, 1, -1}}", np.s_[::-1]), ("{{}, {3, 1, -2}, {4, 1, -3}}", np.s_[:, 2::-2, 3::-3]),
        ("{{}, {}, {2, 4, 2}}", np.s_[:, :, 1:4:2]), ("{1, {2, 3}, 4}", np.s_[0, 1:3, 3]),
        ("{{3, 2}}", np.s_[2:2]), ("{{}, {1, 0}}", np.s_[:, 0:0]), ("{2, 1, {1, 1}}", np.s_[1, 0, 0:1]),
        ("{{}, {1, 3, 100}}", np.s_[:, 0:3:100]), ("{{2, 2, -5}}", np.s_[1:0:-5])):
    part(x.shape, key, x[numpy_key])

def wrapped(line):
    return "\n".join(textwrap.wrap(line, 100, subsequent_indent="  ", break_long_words=False,
                                   break_on_hyphens=False))


with open(os.path.join(HERE, "operations.lua"), "w") as f:
    f.write("""-- What NumPy %s gives for each operation; printed by print_operations.py.
--
-- cases: the operation, its inputs, its other arguments, the result, the relative tolerance.
-- parts: for the numbers 1, 2, 3, ... in a shape, a key and what it selects.

local nan, inf = 0.0 / 0.0, math.huge
local cases, parts = {}, {}

local function A(shape, values) return { shape = shape, values = values } end
local function C(name, inputs, arguments, result, tolerance)
  cases[#cases + 1] = { name = name, inputs = inputs, arguments = arguments, result = result,
                        tolerance = tolerance }
end
local function P(shape, key, result)
  parts[#parts + 1] = { shape = shape, key = key, result = result }
end

%s

%s

return { cases = cases, parts = parts }
""" % (np.__version__,
       "\n".join(map(wrapped, lines)), "\n".join(map(wrapped, parts))))
