#!/usr/bin/env python3
"""Makes tests/fixtures/kinematics.json: poses and Jacobians of the Panda by pinocchio.

The chain is built from the joint origins (rpy, xyz) of Franka's franka_description (panda_arm.xacro,
hand.xacro), not from the Denavit-Hartenberg table that src/kinematics uses, so that the two are independent.

    python3 -m venv venv && venv/bin/pip install pin==4.1.0
    venv/bin/python scripts/make_kinematics_fixtures.py
"""
import json
import pathlib

import numpy as np
import pinocchio as pin

HALF_PI = np.pi / 2
ORIGINS = [  # rpy (rad), xyz (m), base to flange
    ((0, 0, 0), (0, 0, 0.333)),
    ((-HALF_PI, 0, 0), (0, 0, 0)),
    ((HALF_PI, 0, 0), (0, -0.316, 0)),
    ((HALF_PI, 0, 0), (0.0825, 0, 0)),
    ((-HALF_PI, 0, 0), (-0.0825, 0.384, 0)),
    ((HALF_PI, 0, 0), (0, 0, 0)),
    ((HALF_PI, 0, 0), (0.088, 0, 0)),
]
FLANGE = ((0, 0, 0), (0, 0, 0.107))
HAND = ((0, 0, -np.pi / 4), (0, 0, 0))
HAND_TCP = ((0, 0, 0), (0, 0, 0.1034))
Q_MIN = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
Q_MAX = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])


def placement(origin):
    rpy, xyz = origin
    return pin.SE3(pin.rpy.rpyToMatrix(*rpy), np.array(xyz, dtype=float))


def panda():
    model = pin.Model()
    parent = 0
    for i, origin in enumerate(ORIGINS):
        parent = model.addJoint(parent, pin.JointModelRZ(), placement(origin), f"panda_joint{i + 1}")
    flange = placement(FLANGE)
    tool = flange * placement(HAND) * placement(HAND_TCP)
    frames = [
        model.addFrame(pin.Frame(name, parent, 0, at, pin.FrameType.OP_FRAME))
        for name, at in (("flange", flange), ("hand_tcp", tool))
    ]
    return model, frames


def main():
    model, (flange, tool) = panda()
    data = model.createData()
    rng = np.random.default_rng(7)
    ready = np.array([0, -np.pi / 4, 0, -3 * np.pi / 4, 0, HALF_PI, np.pi / 4])
    samples = []
    for q in [ready, *rng.uniform(Q_MIN, Q_MAX, size=(49, 7))]:
        pin.computeJointJacobians(model, data, q)
        pin.updateFramePlacements(model, data)
        J = pin.getFrameJacobian(model, data, tool, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)
        samples.append(
            {
                "q": q.tolist(),
                "O_T_F": data.oMf[flange].homogeneous.flatten(order="F").tolist(),
                "O_T_EE": data.oMf[tool].homogeneous.flatten(order="F").tolist(),
                "O_J_EE": J.flatten(order="F").tolist(),
            }
        )
    out = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures/kinematics.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    made_by = f"scripts/make_kinematics_fixtures.py, pinocchio {pin.__version__}, numpy {np.__version__}"
    lines = ",\n".join(json.dumps(s) for s in samples)
    out.write_text(f'{{"made_by": {json.dumps(made_by)}, "layout": "column-major", "samples": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
