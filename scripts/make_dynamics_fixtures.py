#!/usr/bin/env python3
"""Makes tests/fixtures/dynamics.json: mass matrices, Coriolis and gravity torques, and torque motions by pinocchio.

The chain is built from the joint origins of Franka's franka_description, the masses from its inertial.yaml (Gaz et
al. 2019), both written here once more, so that a slip in src/dynamics shows.

    python3 -m venv venv && venv/bin/pip install pin==4.1.0
    venv/bin/python scripts/make_dynamics_fixtures.py
"""
import json
import pathlib

import numpy as np
import pinocchio as pin
from make_kinematics_fixtures import FLANGE, ORIGINS, Q_MAX, Q_MIN, placement

LINKS = [  # mass, centre of mass, ixx iyy izz ixy ixz iyz about it
    (4.970684, (0.003875, 0.002081, -0.04762), (0.70337, 0.70661, 0.009117, -0.000139, 0.006772, 0.019169)),
    (0.646926, (-0.003141, -0.02872, 0.003495), (0.007962, 0.02811, 0.025995, -0.003925, 0.010254, 0.000704)),
    (3.228604, (0.027518, 0.039252, -0.066502), (0.037242, 0.036155, 0.01083, -0.004761, -0.011396, -0.012805)),
    (3.587895, (-0.05317, 0.104419, 0.027454), (0.025853, 0.019552, 0.028323, 0.007796, -0.001332, 0.008641)),
    (1.225946, (-0.011953, 0.041065, -0.038437), (0.035549, 0.029474, 0.008627, -0.002117, -0.004037, 0.000229)),
    (1.666555, (0.060149, -0.014117, -0.010517), (0.001964, 0.004354, 0.005433, 0.000109, -0.001158, 0.000341)),
    (0.735522, (0.010517, -0.004252, 0.061597), (0.012516, 0.010027, 0.004815, -0.000428, -0.001196, -0.000741)),
]
NOTHING = (0.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
HAND = (0.73, (-0.01, 0.0, 0.03), (0.001, 0.0025, 0.0017, 0.0, 0.0, 0.0))
LOAD = (1.2, (0.02, -0.01, 0.15), (0.004, 0.003, 0.002, 0.0005, -0.0003, 0.0002))
READY = np.array([0, -np.pi / 4, 0, -3 * np.pi / 4, 0, np.pi / 2, np.pi / 4])
ARMATURE = np.array([0.3, 0.3, 0.25, 0.25, 0.1, 0.1, 0.1])
SUBSTEPS = 20


def inertia(mass, centre, moments):
    xx, yy, zz, xy, xz, yz = moments
    return pin.Inertia(mass, np.array(centre), np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))


def arm(bodies):
    """The Panda with `bodies`, given in the flange frame, on its flange."""
    model = pin.Model()
    model.gravity.linear = np.array([0.0, 0.0, -9.81])
    joint = 0
    for i, (origin, link) in enumerate(zip(ORIGINS, LINKS)):
        joint = model.addJoint(joint, pin.JointModelRZ(), placement(origin), f"joint{i + 1}")
        model.appendBodyToJoint(joint, inertia(*link), pin.SE3.Identity())
    for body in bodies:
        model.appendBodyToJoint(joint, inertia(*body), placement(FLANGE))
    return model


def torque(t, scale):
    """What a client asks for, without gravity, Nm."""
    i = np.arange(7)
    return scale * (np.sin(2 * np.pi * (0.5 + 0.25 * i) * t) + 0.5 * np.cos(2 * np.pi * (1.5 - 0.1 * i) * t))


def poses(bodies, count, rng):
    model = arm(bodies)
    data = model.createData()
    out = []
    for _ in range(count):
        q = rng.uniform(Q_MIN, Q_MAX)
        dq = rng.uniform(-2.0, 2.0, 7)
        M = pin.crba(model, data, q)
        M = np.triu(M) + np.triu(M, 1).T
        gravity = pin.computeGeneralizedGravity(model, data, q).copy()
        coriolis = pin.computeCoriolisMatrix(model, data, q, dq).copy()
        out.append({"q": q.tolist(), "dq": dq.tolist(), "M": M.tolist(), "gravity": gravity.tolist(),
                    "coriolis": (coriolis @ dq).tolist(), "coriolis_transpose": (coriolis.T @ dq).tolist()})
    return out


def motion(true_bodies, known_bodies, armature, scale):
    """One second: torque(t) held over each millisecond, plus the gravity of the arm as the robot knows it."""
    model, known = arm(true_bodies), arm(known_bodies)
    model.armature = np.array(armature, dtype=float)
    data, known_data = model.createData(), known.createData()

    def rate(q, dq, tau):
        hold = pin.computeGeneralizedGravity(known, known_data, q)
        return pin.aba(model, data, q, dq, tau + hold).copy()

    q, dq, out = READY.copy(), np.zeros(7), []
    h = 1e-3 / SUBSTEPS
    for k in range(1000):
        tau = torque(k * 1e-3, scale)
        for _ in range(SUBSTEPS):
            a1 = rate(q, dq, tau)
            a2 = rate(q + h / 2 * dq, dq + h / 2 * a1, tau)
            a3 = rate(q + h / 2 * dq + h * h / 4 * a1, dq + h / 2 * a2, tau)
            a4 = rate(q + h * dq + h * h / 2 * a2, dq + h * a3, tau)
            q = q + h * dq + h * h / 6 * (a1 + a2 + a3)
            dq = dq + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        if k % 100 == 99:
            out.append(q.tolist())
    return {"armature": np.array(armature).tolist(), "scale": scale.tolist(), "q_every_100_ms": out}


def main():
    rng = np.random.default_rng(3)
    scale = np.array([3.0, 3.0, 2.0, 2.0, 0.6, 0.4, 0.15])
    bodies = {"nothing": [], "hand": [HAND], "hand_and_load": [HAND, LOAD]}
    fixtures = {
        "poses": {name: poses(those, 25, rng) for name, those in bodies.items()},
        "motions": {
            "hand_without_rotors": motion([HAND], [HAND], np.zeros(7), scale * 0.4),
            "hand_with_rotors": motion([HAND], [HAND], ARMATURE, scale),
            "undeclared_load": motion([HAND, LOAD], [HAND], ARMATURE, scale),
            "declared_load": motion([HAND, LOAD], [HAND, LOAD], ARMATURE, scale),
        },
    }
    path = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "dynamics.json"
    path.write_text(json.dumps(fixtures))


if __name__ == "__main__":
    main()
