#!/usr/bin/env python3
"""Writes tests/fixtures/golden_<activation>.json: what PyTorch computes for a small network.

Weights, inputs, targets, outputs, loss, every gradient, and the losses and weights over ten Adam steps, in
float32 as `torch.nn.Linear` and `torch.optim.Adam` do it. Run once: `pip install torch numpy`, then this.
"""
import json
import pathlib

import torch

HIDDEN = [10, 17, 9]  # none a whole vector, so that padding is tested
SAMPLES = 6
STEPS = 10
OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures"


def lists(tensors):
    return [tensor.detach().reshape(-1).tolist() for tensor in tensors]


for name, activation in [("relu", torch.nn.ReLU), ("silu", torch.nn.SiLU), ("tanh", torch.nn.Tanh)]:
    torch.manual_seed(7)
    sizes = [3, *HIDDEN, 7]
    modules = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        modules += [torch.nn.Linear(inputs, outputs), activation()]
    network = torch.nn.Sequential(*modules[:-1])
    x, y = torch.randn(SAMPLES, 3), torch.randn(SAMPLES, 7)
    golden = {"torch": torch.__version__.split("+")[0], "activation": name, "hidden": HIDDEN}
    golden |= {"inputs": lists([x])[0], "targets": lists([y])[0], "parameters": lists(network.parameters())}
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for step in range(STEPS):
        optimiser.zero_grad()
        output = network(x)
        loss = torch.nn.functional.mse_loss(output, y)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            golden["outputs"] = lists([output])[0]
            golden["gradient"] = lists(p.grad for p in network.parameters())
        optimiser.step()
    golden |= {"losses": losses, "parameters_after": lists(network.parameters())}
    (OUT / f"golden_{name}.json").write_text(json.dumps(golden) + "\n")
