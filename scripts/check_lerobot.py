#!/usr/bin/env python3
"""Checks a LeRobot v3.0 data set against its format with pyarrow and pandas alone.

    python3 scripts/check_lerobot.py DATASET [TICKS.npz]

With an .npz of the same single episode, the frames are compared with the ticks they were made of.
Needs: pip install pyarrow pandas
"""
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DEFAULTS = {"timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64",
            "task_index": "int64"}
STATS = ["min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"]


def check(condition, words):
    if not condition:
        sys.exit(f"error: {words}")


def main(root, ticks):
    info = json.loads((root / "meta/info.json").read_text())
    check(info["codebase_version"] == "v3.0" and info["robot_type"] == "panda", "version or robot_type")
    features, frames, episodes = info["features"], info["total_frames"], info["total_episodes"]
    for name, dtype in DEFAULTS.items():
        check(features.get(name) == {"dtype": dtype, "shape": [1], "names": None}, f"default feature {name}")
    check(not any("/" in name for name in features), "a feature's name has a slash")

    # Frames.
    path = root / info["data_path"].format(chunk_index=0, file_index=0)
    data = pq.ParquetFile(path)
    schema = data.schema_arrow
    check(set(schema.names) == set(features), "columns and features differ")
    for name, feature in features.items():
        wanted = {"float32": pa.float32(), "int64": pa.int64()}[feature["dtype"]]
        if feature["shape"] != [1]:
            check(len(feature["names"]) == feature["shape"][0], f"{name}: names")
            wanted = pa.list_(pa.field("element", wanted), feature["shape"][0])
        check(schema.field(name).type == wanted, f"{name}: {schema.field(name).type}, wanted {wanted}")
    check(data.metadata.num_row_groups == episodes, "not one row group an episode")
    check(data.metadata.row_group(0).column(0).compression == "SNAPPY", "not snappy")
    table = data.read().to_pandas()
    check(len(table) == frames and not table.isna().any().any(), "frames missing or empty")
    check((table["index"] == np.arange(frames)).all(), "index is not contiguous")

    # Tasks: the text is pandas' index.
    tasks = pd.read_parquet(root / "meta/tasks.parquet")
    check(tasks.index.name == "task" and isinstance(tasks.index[0], str), "the task is not the index")
    check(list(tasks["task_index"]) == list(range(info["total_tasks"])), "task_index")

    # Episodes.
    rows = pd.read_parquet(root / "meta/episodes/chunk-000/file-000.parquet")
    check(list(rows["episode_index"]) == list(range(episodes)), "episode_index")
    check(info["splits"] == {"train": f"0:{episodes}"}, "splits")
    stats = json.loads((root / "meta/stats.json").read_text())
    wanted = ["episode_index", "tasks", "length", "data/chunk_index", "data/file_index", "dataset_from_index",
              "dataset_to_index"]
    order = [f for f in features]
    wanted += [f"stats/{name}/{stat}" for name in order for stat in STATS]
    wanted += ["meta/episodes/chunk_index", "meta/episodes/file_index"]
    check(list(rows.columns) == wanted, "columns of the episodes")
    for _, row in rows.iterrows():
        k, a, b = row["episode_index"], row["dataset_from_index"], row["dataset_to_index"]
        part = table[a:b]
        check(len(part) == row["length"] and (part["episode_index"] == k).all(), f"episode {k}: its frames")
        check((part["frame_index"] == np.arange(len(part))).all(), f"episode {k}: frame_index")
        error = np.abs(part["timestamp"] - np.arange(len(part)) / info["fps"]).max()
        check(error < 1e-4, f"episode {k}: timestamp off by {error} s")
        check(tasks.index[part["task_index"].iloc[0]] == row["tasks"][0], f"episode {k}: task")
        for name in features:
            compare(np.stack(part[name].to_numpy()), {s: row[f"stats/{name}/{s}"] for s in STATS}, f"{k} {name}")
    for name in features:
        compare(np.stack(table[name].to_numpy()), stats[name], name)

    if ticks:
        ticks = np.load(ticks)
        at = np.searchsorted(ticks["t_s"], table["timestamp"].to_numpy(dtype=float) + 1e-6, side="right") - 1
        state = np.stack(table["observation.state"].to_numpy())
        check(np.abs(state[:, :7] - ticks["q"][at]).max() < 1e-6, "observation.state is not q")
        effort = np.stack(table["observation.effort"].to_numpy())
        check(np.abs(effort - ticks["tau_ext_hat_filtered"][at]).max() < 1e-4, "observation.effort")
        pose = np.stack(table["observation.ee_pose"].to_numpy())
        check(np.abs(pose[:, :3] - ticks["O_T_EE"][at][:, 12:15]).max() < 1e-6, "observation.ee_pose")
        check(np.abs(np.linalg.norm(pose[:, 3:], axis=1) - 1).max() < 1e-5, "quaternions are not of length 1")
        action = np.stack(table["action"].to_numpy())
        check(np.abs(action[:-1, :7] - state[1:, :7]).max() < 0.05, "an action is far from the next state")
    print(f"fine: {frames} frames of {episodes} episodes, tasks {list(tasks.index)}")


def compare(values, said, what):
    values = values.reshape(len(values), -1).astype(float)
    exact = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0),
             "count": [len(values)]}
    exact |= {q: np.quantile(values, int(q[1:]) / 100, axis=0) for q in STATS[5:]}
    for stat in STATS:
        check(np.allclose(said[stat], exact[stat], rtol=1e-4, atol=1e-6), f"{what}: {stat} {said[stat]}, is {exact[stat]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
