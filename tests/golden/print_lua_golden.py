#!/usr/bin/python3
"""Prints random.lua and data.lua beside this file: what the Lua tests compare with.

The files are in the repository; this script only says where they came from. The ones there were
printed by NumPy 1.24.2 and scikit-learn 1.2.1 on Debian 12, on a processor with fused multiply-add.
Numbers are hexadecimal floats. Permutations and choices of indices are NumPy's, counted from 0.
"""
import math
import os

import numpy as np
import sklearn
from sklearn.datasets import make_regression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = "NumPy %s and scikit-learn %s" % (np.__version__, sklearn.__version__)


def value(x):
    """x as a Lua expression: tables nest as arrays do."""
    if isinstance(x, (list, tuple)) or isinstance(x, np.ndarray) and x.ndim > 0:
        return "{ %s }" % ", ".join(value(item) for item in x) if len(x) else "{}"
    if isinstance(x, (int, np.integer)):
        return "%d" % x
    x = float(x)
    if math.isnan(x):
        return "0/0"
    if math.isinf(x):
        return "math.huge" if x > 0 else "-math.huge"
    return x.hex()


def wrapped(text):
    """Break where the spaces are, so that no line is longer than 100."""
    lines, line = [], " "
    for piece in text.split(" "):
        if len(line) + 1 + len(piece) > 100:
            lines.append(line)
            line = "   "
        line += " " + piece
    return "\n".join(lines + [line]) + "\n"


def write(path, fields):
    with open(os.path.join(HERE, path), "w") as out:
        out.write("-- %s: printed by print_lua_golden.py with %s.\n\nreturn {\n" % (path, VERSIONS))
        for name, x in fields.items():
            out.write(wrapped("%s = %s," % (name, value(x))))
        out.write("}\n")


def philox(counter, key):
    """Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011), from its definition."""
    mask = 2**32 - 1
    c, k = list(counter), list(key)
    for _ in range(10):
        left, right = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [right >> 32 ^ c[1] ^ k[0], right & mask, left >> 32 ^ c[3] ^ k[1], left & mask]
        k = [(k[0] + 0x9E3779B9) & mask, (k[1] + 0xBB67AE85) & mask]
    return c


def purpose(word):
    """FNV-1a with the highest bit set."""
    h = 2166136261
    for letter in word.encode():
        h = (h ^ letter) * 16777619 & 2**32 - 1
    return h | 2**31


def stream_key(seed, model, place, word):
    counter = [model & 2**32 - 1, model >> 32, place, purpose(word)]
    return philox(counter, [seed & 2**32 - 1, seed >> 32])[:2]


def stream_uniform(key, step, n):
    numbers = []
    for block in range((n + 1) // 2):
        w = philox([block, 0, step, 0], key)
        numbers += [((a >> 5) * 2**26 + (b >> 6)) / 2**53 for a, b in [w[:2], w[2:]]]
    return numbers[:n]


def stream_permutation(key, step, n):
    """Fisher and Yates from the last place down, indices by Lemire's method."""
    order, i, block = list(range(n)), n - 1, 0
    while i > 0:
        for word in philox([block, 0, step, 0], key):
            product = word * (i + 1)
            if i == 0 or product % 2**32 < 2**32 % (i + 1):
                continue
            j = product >> 32
            order[i], order[j] = order[j], order[i]
            i -= 1
        block += 1
    return order


def random_golden():
    fields = {}
    rs = np.random.RandomState
    fields["seed_1"] = rs(1).random_sample(4)
    fields["seed_largest"] = rs(2**32 - 1).random_sample(4)
    fields["seed_list"] = rs([1, 2, 3]).random_sample(4)

    # One state, one method after another: each call as the Lua test makes it.
    state = rs(123)
    fields["in_turn"] = [
        state.random_sample(), state.uniform(-2, 3), state.normal(), state.normal(10, 0.5),
        state.randint(10), state.randint(-5, 5), state.standard_normal(), state.random_sample(),
        state.normal(), state.choice(10), state.randn(), state.randint(0, 2**40),
    ]
    state = rs(7)
    fields["sample_2_3"] = state.random_sample((2, 3))
    fields["uniform_3_2"] = state.uniform(-1.5, 4, (3, 2))
    fields["normal_5"] = state.normal(3, 0.25, 5)
    fields["standard_normal_2_2"] = state.standard_normal((2, 2))
    fields["randn_2_1_3"] = state.randn(2, 1, 3)
    fields["randint_8"] = state.randint(0, 100, 8)
    fields["randint_2_3"] = state.randint(-7, 8, (2, 3))
    fields["randint_low_only"] = state.randint(6, size=6)
    fields["randint_wide"] = state.randint(-2**52, 2**52, 4)
    fields["after_shapes"] = state.random_sample()
    # Some of many: on both sides of where a long fill looks at the interrupt.
    many = rs(11).standard_normal(100001)
    fields["many_some"] = many[[0, 623, 624, 32767, 32768, 65535, 65536, 100000]]

    state = rs(8)
    fields["permutation_20"] = state.permutation(20)
    fields["permutation_rows"] = state.permutation(np.arange(12.0).reshape(6, 2))
    rows = np.arange(21.0).reshape(7, 3)
    state.shuffle(rows)
    fields["shuffled_rows"] = rows
    line = np.arange(10.0)
    state.shuffle(line)
    fields["shuffled_line"] = line
    column = np.arange(12.0).reshape(6, 2)
    state.shuffle(column[:, 1])
    fields["shuffled_column"] = column
    letters = list(range(10))
    state.shuffle(letters)
    fields["shuffled_list"] = letters
    fields["after_shuffles"] = state.random_sample()

    p = [0.1, 0.0, 0.3, 0.15, 0.05, 0.25, 0.15]
    state = rs(9)
    fields["choice_12"] = state.choice(7, 12)
    fields["choice_without"] = state.choice(12, 7, replace=False)
    fields["choice_p"] = state.choice(7, 12, p=p)
    fields["choice_without_p"] = state.choice(7, 6, replace=False, p=p)
    fields["choice_of_values"] = state.choice(np.array([2.5, -1.0, 8.0]), (2, 3))
    fields["choice_one"] = [state.choice(100), state.choice(100, replace=False),
                            state.choice(7, p=p), state.choice(7, replace=False, p=p)]
    fields["after_choices"] = state.random_sample()

    # What follows from the root seeds 1 and 2^40 + 3.
    fields["root_states"] = [rs(stream_key(seed, number, 0, "RandomState")).random_sample()
                             for seed, number in [(1, 1), (1, 2), (2**40 + 3, 1)]]
    fields["stream_uniform"] = stream_uniform(stream_key(1, 4, 2, "weights"), 5, 7)
    fields["stream_permutation"] = stream_permutation(stream_key(1, 4, 0, "shuffle"), 6, 100)
    write("random.lua", fields)


def data_golden():
    fields = {}
    X, y, coef = make_regression(n_samples=1000, n_features=20, noise=0.1, random_state=1,
                                 coef=True)
    fields["tutorial_X_first"] = X[0]
    fields["tutorial_X_last"] = X[-1]
    fields["tutorial_coef"] = coef
    fields["tutorial_y_first"] = y[:5]
    fields["tutorial_y"] = [y.min(), y.max(), y.mean(), y.std()]
    fields["tutorial_counts"] = np.histogram(y, bins=10)[0]

    X, y, coef = make_regression(n_samples=8, n_features=6, n_informative=4, n_targets=3, noise=1.5,
                                 bias=-1.0, coef=True, random_state=21)
    fields["targets_X"], fields["targets_y"], fields["targets_coef"] = X, y, coef
    X, y, coef = make_regression(n_samples=5, n_features=3, n_informative=9, shuffle=False,
                                 coef=True, random_state=np.random.RandomState([4, 5]))
    fields["plain_X"], fields["plain_y"], fields["plain_coef"] = X, y, coef
    state = np.random.RandomState(3)
    state.randn()
    X, y = make_regression(n_samples=3, n_features=2, n_informative=0, noise=2.0, bias=10,
                           random_state=state)
    fields["state_X"], fields["state_y"] = X, y
    fields["state_next"] = state.randn()
    X, y, coef = make_regression(n_samples=10, n_features=5, n_informative=3, effective_rank=2,
                                 tail_strength=0.7, noise=0.1, coef=True, random_state=5)
    fields["low_rank_X"], fields["low_rank_y"], fields["low_rank_coef"] = X, y, coef

    # Columns: plain; large with a small spread; constant; nearly constant by rounding; skewed.
    state = np.random.RandomState(2)
    X = np.column_stack([state.randn(12), 1e6 + state.randn(12), np.full(12, 0.1),
                         np.full(12, 1e9) + 1e-7, np.exp(3 * state.randn(12))])
    fields["scaled_X"] = X
    scaler = StandardScaler().fit(X)
    fields["standard_mean"], fields["standard_var"] = scaler.mean_, scaler.var_
    fields["standard_scale"], fields["standard_Z"] = scaler.scale_, scaler.transform(X)
    scaler = MinMaxScaler((-1, 3)).fit(X)
    fields["min_max_data_min"], fields["min_max_data_max"] = scaler.data_min_, scaler.data_max_
    fields["min_max_scale"], fields["min_max_min"] = scaler.scale_, scaler.min_
    fields["min_max_Z"] = scaler.transform(X)
    gaps = X[:, [0, 1, 4]].copy()
    gaps[2, 0] = gaps[5, 0] = gaps[5, 2] = np.nan
    fields["gaps_X"] = gaps
    scaler = StandardScaler().fit(gaps)
    fields["gaps_mean"], fields["gaps_var"] = scaler.mean_, scaler.var_
    fields["gaps_seen"], fields["gaps_Z"] = scaler.n_samples_seen_, scaler.transform(gaps)
    scaler = MinMaxScaler().fit(gaps)
    fields["gaps_min_max_Z"] = scaler.transform(gaps)

    rows, cases = np.arange(1, 24), []
    for options in [dict(random_state=0), dict(random_state=1, test_size=0.33),
                    dict(random_state=2, test_size=5), dict(random_state=3, train_size=0.5),
                    dict(random_state=4, train_size=7), dict(random_state=5, test_size=3,
                                                            train_size=0.4),
                    dict(random_state=6, test_size=0.2, train_size=0.3)]:
        train, test = train_test_split(rows, **options)
        cases.append([train, test])
    fields["splits"] = cases
    fields["split_in_order"] = train_test_split(rows, shuffle=False, test_size=0.3)
    write("data.lua", fields)


if __name__ == "__main__":
    random_golden()
    data_golden()
