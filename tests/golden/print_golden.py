#!/usr/bin/python3
"""Prints the golden headers of the C tests beside this file.

The headers are in the repository; this script only says where they came from. The ones there were
printed by NumPy 1.24.2, scikit-learn 1.2.1 and matplotlib 3.6.3 on Debian 12, on a processor with
fused multiply-add (which is what the data's logarithm equals: see src/core/logarithm.c).
"""
import hashlib
import math
import os

import matplotlib
import numpy as np
import sklearn
from matplotlib.cbook import boxplot_stats
from sklearn.datasets import make_regression, make_low_rank_matrix

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = "NumPy %s, scikit-learn %s and matplotlib %s" % (
    np.__version__, sklearn.__version__, matplotlib.__version__)


def digest(a):
    return hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()


def number(x):
    x = float(x)
    if math.isnan(x):
        return "NAN"
    if math.isinf(x):
        return "INFINITY" if x > 0 else "-INFINITY"
    return x.hex()


def array(name, values, kind="double", text=number):
    items = [text(v) for v in np.ravel(values)]
    lines, line = [], " "
    for item in items:
        if len(line) + len(item) + 2 > 100:
            lines.append(line)
            line = " "
        line += " " + item + ","
    lines.append(line.rstrip(","))
    return "static const %s %s[] = {\n%s\n};\n" % (kind, name, "\n".join(lines))


def integer(v):
    return "INT64_MIN" if v == -2**63 else "%d" % v


def integers(name, values):
    return array(name, values, "int64_t", integer)


def string(name, text):
    return 'static const char %s[] =\n  "%s";\n' % (name, text)


def write(path, parts):
    guard = path.upper().replace(".", "_")
    with open(os.path.join(HERE, path), "w") as out:
        out.write("/*\n** %s: printed by print_golden.py with\n** %s.\n*/\n" % (path, VERSIONS))
        out.write("#ifndef %s\n#define %s\n\n" % (guard, guard))
        out.write("#include <math.h>\n#include <stdint.h>\n\n")
        out.write("\n".join(parts))
        out.write("\n#endif\n")


def random_golden():
    parts = []
    seeds = [0, 1, 42, 2**32 - 1]
    parts.append(array("golden_seed_samples",
                       [np.random.RandomState(s).random_sample(3) for s in seeds]))
    lists = [[0], [1, 2, 3], [2**32 - 1, 7], [i * 7919 for i in range(700)]]
    parts.append(array("golden_list_samples",
                       [np.random.RandomState(s).random_sample(3) for s in lists]))
    rs = np.random.RandomState(3)
    parts.append(array("golden_gauss", rs.standard_normal(9)))
    rs = np.random.RandomState(4)
    parts.append(array("golden_uniform", rs.uniform(-2.5, 7.0, 5)))
    parts.append(array("golden_normal", rs.normal(10.0, 0.25, 5)))
    # Fills of all lengths in turn, wherever in a block the state then stands.
    rs, pieces = np.random.RandomState(5), []
    for i in range(60):
        pieces.append(rs.standard_normal(i * 17 % 701 + 1))
        pieces.append(rs.randint(0, 1000, i % 5).astype(float))
        pieces.append(rs.random_sample(i * 29 % 907))
    parts.append(string("golden_mixture", digest(np.concatenate(pieces))))
    parts.append(string("golden_many_gauss",
                        digest(np.random.RandomState(6).standard_normal(200001))))
    ranges = [(0, 10), (-5, 5), (7, 8), (0, 2**31), (0, 2**32 - 1), (0, 2**32), (0, 2**32 + 1),
              (-2**62, 2**62), (-2**63, 2**63 - 1), (0, 257)]
    rs = np.random.RandomState(7)
    parts.append(integers("golden_ranges", ranges))
    parts.append(integers("golden_integers", [rs.randint(a, b, 6) for a, b in ranges]))
    rs = np.random.RandomState(8)
    parts.append(integers("golden_permutation", rs.permutation(20)))
    parts.append(string("golden_long_permutation", digest(rs.permutation(5000))))
    rows = np.arange(21).reshape(7, 3)
    rs.shuffle(rows)
    parts.append(integers("golden_rows", rows))
    p = np.array([0.1, 0.0, 0.3, 0.15, 0.05, 0.25, 0.15])
    rs = np.random.RandomState(9)
    parts.append(array("golden_probabilities", p))
    parts.append(integers("golden_choice", rs.choice(7, 12)))
    parts.append(integers("golden_choice_without", rs.choice(12, 7, replace=False)))
    parts.append(integers("golden_choice_p", rs.choice(7, 12, p=p)))
    parts.append(integers("golden_choice_without_p",
                          [rs.choice(7, 6, replace=False, p=p) for i in range(5)]))
    parts.append(array("golden_after_choice", rs.random_sample(1)))
    arguments = [5e-324, 2.0**-1040, 2.0**-1022, 1e-300, 1e-5, 0.1, 0.5, 0.7, 0.9374999999999999,
                 0.9375, 0.97, 1 - 2.0**-53, 1.0, 1 + 2.0**-52, 1.03, 1.0647, 1.0648, 1.1, 2.0,
                 math.pi, 10.0, 12345.678, 1e300, 1.7976931348623157e308]
    parts.append(array("golden_log_arguments", arguments))
    parts.append(array("golden_logs", [math.log(x) for x in arguments]))
    rs = np.random.RandomState(10)
    parts.append(string("golden_many_logs", digest(np.array(
        [math.log(x) for x in rs.random_sample(100000)] +
        [math.log(x) for x in rs.uniform(0.9, 1.1, 100000)]))))
    write("random_golden.h", parts)


def regression_golden():
    parts = []
    X, y, coef = make_regression(n_samples=1000, n_features=20, noise=0.1, random_state=1,
                                 coef=True)
    parts.append(string("golden_tutorial_X", digest(X)))
    parts.append(string("golden_tutorial_coef", digest(coef)))
    parts.append(array("golden_tutorial_y", y))
    counts, edges = np.histogram(y, bins=10)
    parts.append(integers("golden_tutorial_counts", counts))
    box = boxplot_stats(y)[0]
    names = ["mean", "q1", "med", "q3", "iqr", "whislo", "whishi", "cilo", "cihi"]
    parts.append(array("golden_tutorial_box", [box[name] for name in names]))
    parts.append(array("golden_tutorial_fliers", box["fliers"]))
    cases = [
        dict(n_samples=7, n_features=3, n_informative=10, bias=2.5),
        dict(n_samples=8, n_features=6, n_informative=4, n_targets=3, noise=1.5, bias=-1.0),
        dict(n_samples=6, n_features=5, n_informative=2, n_targets=2, shuffle=False, noise=0.5),
        dict(n_samples=1, n_features=1),
        dict(n_samples=12, n_features=4, n_informative=0, noise=2.0),
        dict(n_samples=300, n_features=7, n_informative=3, noise=0.25),
    ]
    text, values = [], []
    for i, case in enumerate(cases):
        state = np.random.RandomState(20 + i)
        state.standard_normal(i)  # so that some begin with a number kept, or amid a block
        X, y, coef = make_regression(coef=True, random_state=state, **case)
        full = dict(n_informative=10, n_targets=1, tail_strength=0.5, shuffle=True)
        full.update(case)
        fields = [".%s = %s" % (k, str(v).lower()) for k, v in full.items()]
        text.append('  {{%s,\n    %s},\n   "%s",\n   "%s",\n   %s},' % (
            ", ".join(fields[:4]), ", ".join(fields[4:]), digest(X), digest(coef),
            number(state.random_sample())))
        values.append(np.ravel(y))
    parts.append("/* The options; SHA-256 of X and coef; the next uniform number. Case i has the\n"
                 "** seed 20 + i and first draws i normal numbers. */\n"
                 "static const struct {\n  gr_RegressionOptions options;\n"
                 "  const char *X, *coef;\n  double next;\n} golden_cases[] = {\n"
                 + "\n".join(text) + "\n};\n")
    parts.append("/* Their y, one after another. */\n" + array("golden_case_y",
                                                               np.concatenate(values)))
    parts.append(array("golden_low_rank_tall", make_low_rank_matrix(
        9, 4, effective_rank=2, tail_strength=0.5, random_state=3)))
    parts.append(array("golden_low_rank_wide", make_low_rank_matrix(
        4, 9, effective_rank=3, tail_strength=0.1, random_state=4)))
    X, y, coef = make_regression(n_samples=10, n_features=5, n_informative=3, effective_rank=2,
                                 tail_strength=0.7, noise=0.1, coef=True, random_state=5)
    parts.append(array("golden_low_rank_X", X))
    parts.append(array("golden_low_rank_y", y))
    parts.append(array("golden_low_rank_coef", coef))
    write("regression_golden.h", parts)


def statistics_golden():
    parts = []
    x = np.random.RandomState(1).standard_normal(1001)
    ladder = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    for name, values, bins, ends in [
            ("normal", x, 10, None), ("normal_37", x, 37, None),
            ("normal_range", x, 12, (-1.5, 2)),
            ("ladder", ladder, 10, None), ("ladder_3", ladder, 3, None),
            ("ladder_range", ladder, 7, (0.1, 0.8)), ("equal", np.full(4, 2.5), 4, None),
            ("empty", np.array([]), 5, None)]:
        counts, edges = np.histogram(values, bins=bins, range=ends)
        parts.append(integers("golden_counts_" + name, counts))
        parts.append(array("golden_edges_" + name, edges))
    parts.append(array("golden_linspace_tiny", np.linspace(0, 5e-324 * 3, 11)))
    q = np.array([0, 0.001, 0.01, 0.1, 0.25, 0.333, 0.5, 0.6, 0.75, 0.9, 0.99, 0.9995, 1])
    parts.append(array("golden_q", q))
    parts.append(array("golden_quantiles", np.quantile(x, q)))
    parts.append(array("golden_quantiles_even", np.quantile(x[:1000], q)))
    parts.append(array("golden_quantiles_ladder", np.quantile(ladder, q)))
    parts.append(array("golden_quantiles_two", np.quantile(np.array([3.0, -1.0]), q)))
    parts.append(array("golden_quantiles_one", np.quantile(np.array([0.1]), q)))
    names = ["mean", "q1", "med", "q3", "iqr", "whislo", "whishi", "cilo", "cihi"]
    for name, values, whis in [("normal", x, 1.5), ("narrow", x[:50], 0.4),
                               ("equal", np.full(4, 2.5), 1.5),
                               ("skewed", np.array([1.0, 1, 1, 1, 9]), 1.5)]:
        box = boxplot_stats(values, whis=whis)[0]
        parts.append(array("golden_box_" + name, [box[n] for n in names]))
        fliers = box["fliers"] if len(box["fliers"]) else [0.0]
        parts.append("enum { golden_n_fliers_%s = %d };\n" % (name, len(box["fliers"])))
        parts.append(array("golden_fliers_" + name, fliers))
    write("statistics_golden.h", parts)


if __name__ == "__main__":
    random_golden()
    regression_golden()
    statistics_golden()
