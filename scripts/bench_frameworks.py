#!/usr/bin/env python3
"""franka-imit beside PyTorch and ONNX Runtime, in one run, as ratios.

    python3 -m venv V && V/bin/pip install torch onnx onnxruntime
    V/bin/python scripts/bench_frameworks.py [--binary target/release/franka-imit] [--data FILE.json ...]
                                             [--epochs 300] [--rounds 3] [--losses]

The network is the original's, 3-128-256-128-7 ReLU. Training: full-batch Adam, with one thread and with two, pinned,
rounds of ours and theirs in turn; the ratio is of the medians. Without --data, expert data of 345 and 1894 samples is
made. Forward: one sample, PyTorch's call, ONNX Runtime's `run` and its io binding, with the cache warm and flushed.
--losses compares the loss after 100, 300 and 1000 epochs, the median of five seeds with the spread of five of PyTorch. A busy machine bends every
figure: the load is printed with them.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

SIZES = [3, 128, 256, 128, 7]


def ours_train(binary, folder, data, epochs, threads, seed=0):
    report = folder / "r.json"
    command = [binary, "train", "--config", "original", "--data", str(data), "--epochs", str(epochs)]
    cores = set(sorted(os.sched_getaffinity(0))[:threads])
    subprocess.run([*command, "--threads", str(threads), "--seed", str(seed), "--report", str(report)], check=True,
                   stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return json.loads(report.read_text())


def torch_train(torch, data, epochs, seed, losses=()):
    samples = json.loads(pathlib.Path(data).read_text())
    x = torch.tensor([s["desired_end_effector_position"] for s in samples])
    y = torch.tensor([s["joint_angles"] for s in samples])
    torch.manual_seed(seed)
    layers = []
    for inputs, outputs in zip(SIZES, SIZES[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    kept, start = {}, time.perf_counter()
    for epoch in range(1, epochs + 1):
        adam.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x), y)
        loss.backward()
        adam.step()
        if epoch in losses:
            kept[epoch] = loss.item()
    return time.perf_counter() - start, kept


def pinned(threads, work):
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(everywhere)[:threads]))
    try:
        return work()
    finally:
        os.sched_setaffinity(0, everywhere)


def training(args, torch, folder, sets):
    print(f"\n{'training, full batch':<34}{'ours s':>10}{'PyTorch s':>11}{'ratio':>8}   for 10,000 epochs")
    for data in sets:
        count = len(json.loads(pathlib.Path(data).read_text()))
        for threads in (1, 2):
            torch.set_num_threads(threads)
            ours, theirs = [], []
            pinned(threads, lambda: torch_train(torch, data, 10, 0))  # warm-up
            for _ in range(args.rounds):
                ours.append(ours_train(args.binary, folder, data, args.epochs, threads)["train_s"])
                theirs.append(pinned(threads, lambda: torch_train(torch, data, args.epochs, 0)[0]))
            a, b = (statistics.median(t) * 10_000 / args.epochs for t in (ours, theirs))
            print(f"N = {count:<6} {threads} thread(s){'':<14}{a:>10.1f}{b:>11.1f}{b / a:>8.2f}", flush=True)


def losses(args, torch, folder, sets):
    print("\nlosses, rad^2, the median of five seeds of ours against five of PyTorch")
    torch.set_num_threads(1)  # two are many times slower when another program wants a core
    for data in sets:
        theirs = [torch_train(torch, data, 1000, seed, (100, 300, 1000))[1] for seed in range(5)]
        ours = [ours_train(args.binary, folder, data, 1000, 1, seed)["loss_mse_rad2_at"] for seed in range(5)]
        for epoch in (100, 300, 1000):
            of, mine = [t[epoch] for t in theirs], sorted(t[str(epoch)] for t in ours)
            inside = "inside" if min(of) <= mine[2] <= max(of) else "OUTSIDE"
            print(f"{pathlib.Path(data).name:<28} {epoch:>5} epochs: median {mine[2]:.5f} ({mine[0]:.5f} to {mine[-1]:.5f}), "
                  f"PyTorch {min(of):.5f} to {max(of):.5f}: {inside}", flush=True)


def median_us(work, repeats=3000, before=lambda: None):
    times = []
    for _ in range(repeats):
        before()
        start = time.perf_counter_ns()
        work()
        times.append((time.perf_counter_ns() - start) / 1e3)
    times.sort()
    return times[len(times) // 2], times[int(0.99 * len(times))]


def forward(args, torch, folder):
    import numpy as np
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    nodes, weights, name = [], [], "x"
    for i, (inputs, outputs) in enumerate(zip(SIZES, SIZES[1:])):
        for kind, shape in (("w", (outputs, inputs)), ("b", (outputs,))):
            value = (random.random(shape) - 0.5).astype(np.float32) / np.float32(inputs**0.5)
            weights.append(numpy_helper.from_array(value, f"{kind}{i}"))
        last = i + 2 == len(SIZES)
        nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], ["y" if last else f"z{i}"], transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [f"z{i}"], [f"h{i}"]))
        name = f"h{i}"
    value = lambda n, width: helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, width])
    graph = helper.make_graph(nodes, "policy", [value("x", 3)], [value("y", 7)], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = np.array([[0.3, 0.0, 0.5]], dtype=np.float32)
    feed = {"x": x}
    binding = session.io_binding()
    x_value, y_value = (onnxruntime.OrtValue.ortvalue_from_numpy(a) for a in (x, np.zeros((1, 7), np.float32)))
    binding.bind_ortvalue_input("x", x_value)
    binding.bind_ortvalue_output("y", y_value)
    layers = []
    for inputs, outputs in zip(SIZES, SIZES[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net, tensor = torch.nn.Sequential(*layers[:-1]), torch.tensor(x)
    torch.set_num_threads(1)
    trash = np.ones(64 << 20, dtype=np.uint8)

    def flush():
        trash[::64] += 1

    def measure():
        with torch.inference_mode():
            works = [("PyTorch", lambda: net(tensor)), ("ONNX Runtime, run", lambda: session.run(None, feed)),
                     ("ONNX Runtime, io binding", lambda: session.run_with_iobinding(binding))]
            found = []
            for title, work in works:
                median_us(work, 500)
                found.append((title, median_us(work), median_us(work, 100, flush)))
        return found

    report = folder / "bench.json"
    ours = []
    for _ in range(args.rounds):
        subprocess.run([args.binary, "bench", "--report", str(report)], check=True, stdout=subprocess.DEVNULL)
        ours.append(json.loads(report.read_text())["forward_us"])
        theirs = pinned(1, measure)
    best = min(ours, key=lambda o: o["warm"]["median"])
    warm, cold = best["warm"], best["cold"]
    print(f"\n{'one answer, µs':<30}{'warm':>8}{'p99':>8}{'ratio':>7}{'cold':>9}{'p99':>9}{'ratio':>7}")
    print(f"{'franka-imit':<30}{warm['median']:>8.2f}{warm['p99']:>8.2f}{'':>7}{cold['median']:>9.1f}{cold['p99']:>9.1f}")
    for title, (median, p99), (cold_median, cold_p99) in theirs:
        print(f"{title:<30}{median:>8.2f}{p99:>8.2f}{median / warm['median']:>7.1f}"
              f"{cold_median:>9.1f}{cold_p99:>9.1f}{cold_median / cold['median']:>7.1f}")
    print("\nour own figures:")
    rest = json.loads(report.read_text())
    for key in ("train_gflops", "sgemm_gflops"):
        of = {t: rest[key][t]["warm"]["median"] for t in ("threads_1", "threads_2") if rest[key][t]}
        print(f"  {key}: " + ", ".join(f"{t} {v:.0f}" for t, v in of.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/franka-imit")
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--losses", action="store_true")
    parser.add_argument("--only", choices=["forward", "training", "losses"])
    args = parser.parse_args()
    import torch

    print(f"PyTorch {torch.__version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sets = args.data
        if not sets:
            for count in (345, 1894):
                sets.append(folder / f"box_{count}.json")
                subprocess.run([args.binary, "expert", "--trajectory", "box", "--samples", str(count), "--out",
                                str(sets[-1])], check=True, stdout=subprocess.DEVNULL)
        if args.only in (None, "forward"):
            forward(args, torch, folder)
        if args.only in (None, "training"):
            training(args, torch, folder, sets)
        if args.losses or args.only == "losses":
            losses(args, torch, folder, sets)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
