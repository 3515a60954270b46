"""Moves a Panda with panda-py and prints where it is: `pip install panda-python==1.1.1`, then

    franka-imit sim                            # in one terminal
    python scripts/move_panda.py [ADDRESS]     # in another

Panda-py moves to a pose by its own impedance law, which friction stops a few millimetres short of it.
"""

import sys

import panda_py

panda = panda_py.Panda(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1")
panda.recover()
panda.move_to_start()
pose = panda.get_pose()
for dx, dz in [(0.0, 0.0), (0.1, 0.0), (0.1, -0.1), (0.0, -0.1), (0.0, 0.0)]:
    goal = pose.copy()
    goal[0, 3] += dx
    goal[2, 3] += dz
    panda.move_to_pose(goal)
    x, y, z = panda.get_position()
    print(f"asked for x {goal[0, 3]:.3f} z {goal[2, 3]:.3f} m, is at x {x:.3f} y {y:.3f} z {z:.3f} m")
