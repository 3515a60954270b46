#!/usr/bin/env python3
"""The original's recipe in PyTorch: losses by epoch over several seeds. `train_original.py DATA.json [SEEDS]`.

Raw inputs, full batch, ReLU 128-256-128, Adam 1e-3, mean squared error over samples and joints (rad^2).
"""
import json
import sys

import torch

torch.set_num_threads(1)
samples = json.load(open(sys.argv[1], encoding="utf-8"))
x = torch.tensor([sample["desired_end_effector_position"] for sample in samples])
y = torch.tensor([sample["joint_angles"] for sample in samples])
for seed in range(int(sys.argv[2]) if len(sys.argv) > 2 else 8):
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        *(torch.nn.Linear(3, 128), torch.nn.ReLU(), torch.nn.Linear(128, 256), torch.nn.ReLU()),
        *(torch.nn.Linear(256, 128), torch.nn.ReLU(), torch.nn.Linear(128, 7)),
    )
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    kept = {}
    for epoch in range(1, 1001):
        adam.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x), y)
        loss.backward()
        adam.step()
        if epoch in (100, 300, 1000):
            kept[epoch] = round(loss.item(), 4)
    print(seed, kept, flush=True)
