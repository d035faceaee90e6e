"""data.py: scikit-learn's make_regression. Prints the seconds that n samples of m features take.

    data.py n m
"""
import sys
import time

from sklearn.datasets import make_regression

samples, features = int(sys.argv[1]), int(sys.argv[2])
make_regression(n_samples=100, n_features=features, random_state=1)
began = time.perf_counter()
make_regression(n_samples=samples, n_features=features, noise=0.1, random_state=1)
print(time.perf_counter() - began)
