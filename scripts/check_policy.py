#!/usr/bin/env python3
"""Loads a policy as a user of PyTorch would, and holds its answers to those of franka-imit.

    check_policy.py POLICY.safetensors [PROBE.json]   compare; PROBE defaults to POLICY.probe.json
    check_policy.py --seal IN OUT                     write the checksum of a file saved by PyTorch

A probe is {"inputs": [[x, y, z], ...], "q_rad": [[7 joints], ...]}, metres and radians. PyTorch computes when
it is installed, else numpy; answers agree within 1e-5 rad. Exit codes: 0 agree, 1 differ, 2 usage or a bad file.
"""
import json
import pathlib
import struct
import sys

import numpy as np

TOLERANCE_RAD = 1e-5
TYPES = {"F32": "<f4", "F64": "<f8"}


def read(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    return header.pop("__metadata__"), header, body


def checksum(metadata, tensors, body):
    """FNV-1a, 64 bits, over all metadata and tensors, as src/policy/tensors.rs defines it."""
    text = bytearray()
    for key in sorted(metadata):
        if key != "checksum":
            text += key.encode() + b"\0" + metadata[key].encode() + b"\0"
    for name in sorted(tensors):
        entry = tensors[name]
        for word in (name, entry["dtype"], ",".join(map(str, entry["shape"]))):
            text += word.encode() + b"\0"
        start, end = entry["data_offsets"]
        text += body[start:end]
    state = 0xCBF29CE484222325
    for byte in text:
        state = ((state ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def seal(source, target):
    metadata, tensors, body = read(source)
    metadata["checksum"] = checksum(metadata, tensors, body)
    header = json.dumps({"__metadata__": metadata, **tensors}).encode()
    header += b" " * (-len(header) % 8)
    pathlib.Path(target).write_bytes(struct.pack("<Q", len(header)) + header + body)


def with_numpy(layers, activation, x):
    act = {
        "relu": lambda z: np.maximum(z, 0),
        "silu": lambda z: z / (1 + np.exp(-z)),
        "tanh": np.tanh,
    }[activation]
    for i, (weight, bias) in enumerate(layers):
        x = x @ weight.T + bias
        x = act(x) if i + 1 < len(layers) else x
    return x


def with_torch(torch, layers, activation, x):
    act = {"relu": torch.nn.ReLU, "silu": torch.nn.SiLU, "tanh": torch.nn.Tanh}[activation]
    modules = []
    for weight, bias in layers:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": torch.tensor(weight), "bias": torch.tensor(bias)})
        modules += [linear, act()]
    with torch.inference_mode():
        return torch.nn.Sequential(*modules[:-1])(torch.tensor(x)).numpy()


def main(arguments):
    if arguments[:1] == ["--seal"] and len(arguments) == 3:
        seal(*arguments[1:])
        return 0
    if len(arguments) not in (1, 2) or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    path = pathlib.Path(arguments[0])
    probe_path = pathlib.Path(arguments[1]) if len(arguments) == 2 else path.with_suffix(".probe.json")
    metadata, entries, body = read(path)
    if metadata.get("checksum") != checksum(metadata, entries, body):
        print(f"{path}: damaged, its checksum does not agree", file=sys.stderr)
        return 2
    tensors = {}
    for name, entry in entries.items():
        start, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(body[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    count = sum(name.endswith(".weight") for name in tensors)
    layers = [(tensors[f"layers.{i}.weight"].copy(), tensors[f"layers.{i}.bias"].copy()) for i in range(count)]
    if not probe_path.is_file():
        print(f"no {probe_path}; make it with: franka-imit eval --policy {path} --trajectory … --probe {probe_path}",
              file=sys.stderr)
        return 2
    probe = json.loads(probe_path.read_text())
    inputs, expected = np.array(probe["inputs"]), np.array(probe["q_rad"])
    normal = ((inputs - tensors["input_mean"]) / tensors["input_scale"]).astype(np.float32)
    try:
        import torch

        by = f"PyTorch {torch.__version__}"
        output = with_torch(torch, layers, metadata["activation"], normal)
    except ImportError:
        by = f"numpy {np.__version__}"
        output = with_numpy(layers, metadata["activation"], normal)
    q = tensors["output_mean"] + tensors["output_scale"] * output.astype(np.float64)
    worst = float(np.abs(q - expected).max())
    print(f"{len(inputs)} inputs by {by}: largest difference {worst:.2e} rad, allowed {TOLERANCE_RAD:.0e}")
    return 0 if worst <= TOLERANCE_RAD else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
