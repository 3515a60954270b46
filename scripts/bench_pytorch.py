#!/usr/bin/env python3
"""PyTorch's figures for the work of benches/policy.rs, one thread: needs `pip install torch`."""
import statistics
import time

import torch

torch.set_num_threads(1)
SIZES = [3, 128, 256, 128, 7]


def network(activation):
    layers = []
    for inputs, outputs in zip(SIZES, SIZES[1:]):
        layers += [torch.nn.Linear(inputs, outputs), activation()]
    return torch.nn.Sequential(*layers[:-1])


def median_s(work, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


for name, activation in [("relu", torch.nn.ReLU), ("silu", torch.nn.SiLU)]:
    net = network(activation)
    x = torch.tensor([[0.3, 0.0, 0.5]])
    with torch.inference_mode():
        print(f"evaluate {name}: {1e6 * median_s(lambda: net(x), 5000):.1f} us")
    for batch in (128, 1894):
        x, y = torch.randn(batch, 3), torch.randn(batch, 7)
        adam = torch.optim.Adam(net.parameters(), lr=1e-6)

        def step():
            adam.zero_grad()
            torch.nn.functional.mse_loss(net(x), y).backward()
            adam.step()

        seconds = median_s(step, 300)
        products = sum(a * b for a, b in zip(SIZES, SIZES[1:]))
        operations = 2 * batch * (3 * products - SIZES[0] * SIZES[1])
        print(f"step {name} batch {batch}: {1e3 * seconds:.3f} ms, {operations / seconds / 1e9:.1f} GFLOP/s")
