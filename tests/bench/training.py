"""training.py: the tutorial's training in PyTorch, eager, with the same clipping.

    training.py mode [runs]      mode: none, clipnorm, global_clipnorm, clipvalue
    prints the median time of a run of 100 epochs in milliseconds, validation included.
"""
import statistics
import sys
import time

import torch

mode = sys.argv[1]
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
torch.set_num_threads(1)
torch.manual_seed(1)
truth = torch.rand(20, 1) * 100
x = torch.randn(1000, 20)
y = x @ truth + 0.1 * torch.randn(1000, 1)


def clip(model):
    if mode == "clipnorm":
        for parameter in model.parameters():
            torch.nn.utils.clip_grad_norm_([parameter], 1.0)
    elif mode == "global_clipnorm":
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    elif mode == "clipvalue":
        torch.nn.utils.clip_grad_value_(model.parameters(), 5.0)


def train():
    model = torch.nn.Sequential(torch.nn.Linear(20, 25), torch.nn.ReLU(), torch.nn.Linear(25, 1))
    loss_of = torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    began = time.perf_counter()
    for _ in range(100):
        order = torch.randperm(500)
        for first in range(0, 500, 32):
            rows = order[first:first + 32]
            optimizer.zero_grad()
            loss_of(model(x[rows]), y[rows]).backward()
            clip(model)
            optimizer.step()
        with torch.no_grad():
            loss_of(model(x[500:]), y[500:]).item()
    return (time.perf_counter() - began) * 1e3


print(statistics.median(train() for _ in range(runs)))
