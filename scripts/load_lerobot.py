#!/usr/bin/env python3
"""Loads, iterates and resumes an exported data set with lerobot itself.

    python3.12 -m venv v && v/bin/pip install 'lerobot[dataset]==0.6.1'      # several GB
    v/bin/python scripts/load_lerobot.py DATASET

Works on a copy; the data set stays as it is.
"""
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # an incomplete data set would else be looked for in the network

import torch  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402


def main(source):
    root = Path(tempfile.mkdtemp()) / "dataset"
    shutil.copytree(source, root)
    name = "local/panda"
    fps = json.loads((root / "meta/info.json").read_text())["fps"]
    data = LeRobotDataset(name, root=root, delta_timestamps={"action": [k / fps for k in range(4)]})
    frames, episodes = data.num_frames, data.num_episodes
    batch = next(iter(torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)))
    assert batch["action"].shape[1] == 4 and all(isinstance(task, str) for task in batch["task"]), batch["task"]
    seen = sum(1 for _ in LeRobotDataset(name, root=root))
    assert seen == frames, (seen, frames)
    one = LeRobotDataset(name, root=root, episodes=[episodes - 1])
    print(f"loaded   {frames} frames of {episodes} episodes at {fps} Hz; the last one has {one.num_frames}")

    more = LeRobotDataset.resume(name, root=root)
    row = LeRobotDataset(name, root=root)[0]
    for _ in range(5):
        frame = {key: value.numpy() for key, value in row.items()
                 if key in more.features and key.startswith(("observation.", "action"))}
        more.add_frame({**frame, "task": "another task"})
    more.save_episode()
    more.finalize()
    again = LeRobotDataset(name, root=root)
    assert (again.num_frames, again.num_episodes) == (frames + 5, episodes + 1)
    assert again[frames]["task"] == "another task", again[frames]["task"]
    print(f"resumed  {again.num_frames} frames of {again.num_episodes} episodes")
    shutil.rmtree(root.parent)


if __name__ == "__main__":
    main(sys.argv[1])
