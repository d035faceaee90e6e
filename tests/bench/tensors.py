"""tensors.py: NumPy's sum of two arrays of n floats. Prints the nanoseconds that one takes.

    tensors.py n calls
"""
import sys
import time

import numpy

n, calls = int(sys.argv[1]), int(sys.argv[2])
a, b = numpy.ones(n, "float32"), numpy.ones(n, "float32")
times = []
for _ in range(9):
    began = time.perf_counter()
    for _ in range(calls):
        c = a + b
    times.append(time.perf_counter() - began)
print(sorted(times)[4] * 1e9 / calls)
