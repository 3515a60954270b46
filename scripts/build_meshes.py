#!/usr/bin/env python3
"""Makes src/web/page/panda.bin, the Panda as the page shows it, and its licence beside it.

    scripts/build_meshes.py [FOLDER for the Python environment, kept; else a temporary one]

The meshes are the visual ones of Franka's franka_description, as the locked version of example-robot-data carries them
(a download of 131 MB), merged, decimated and quantised. The same versions give the same bytes:
`git diff --exit-code src/web/page` after it says so. Python 3.11 or later.

panda.bin, little-endian, in metres:

    8 bytes           "pandamsh"
    u32               number of parts: the links 0 to 7 in the frames of their joints, the hand with open fingers in the
                      frame of the flange
    for every part    u32 vertices, u32 triangles of the shell, u32 triangles of dark parts, f32[3] low corner of its
                      box, f32[3] sides of the box
    for every part    u16[3] for every vertex: where it is in the box, 65535 at the high corner
    for every part    i8[2] for every vertex: the normal of the mesh before it was decimated, on an unfolded octahedron
    for every part    u16[3] for every triangle, counter-clockwise from outside: the shell's, then the dark ones

A vertex on a sharp edge is there once for either side.
"""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

PACKAGES = ["numpy==2.4.6", "scipy==1.17.1", "trimesh==5.2.0", "pycollada==0.9.3", "python-dateutil==2.9.0.post0",
            "six==1.17.0", "fast-simplification==0.2.0", "example-robot-data==6.0.0"]
PAGE = pathlib.Path(__file__).resolve().parent.parent / "src/web/page"
MESHES = [*(f"link{i}" for i in range(8)), "hand", "finger"]
# What a part is made of: a mesh, how it is turned about z in the part's frame, in degrees, and where it is there, in m.
# The fingers are as far open as they go, 0.04 m each.
ASIDE = 0.04 * 0.5**0.5
PARTS = [*([(f"link{i}", 0, (0, 0, 0))] for i in range(8)),
         [("hand", -45, (0, 0, 0)), ("finger", -45, (ASIDE, ASIDE, 0.0584)), ("finger", 135, (-ASIDE, -ASIDE, 0.0584))]]
# About so many triangles come out, somewhat more. What is looked at most has more than its share, and so have dark parts:
# their outlines are seen.
TRIANGLES = 9_500
WEIGHT = {"hand": 2, "finger": 4}
WEIGHT_DARK = 2
# How readily the decimation takes large steps: small steps keep shapes better, but end before their aim.
AGGRESSION = 2
# Grey below this is a dark part, of 255.
DARK = 128
# What is smaller than this share of its mesh (lamps, sockets, screws) is not worth its triangles.
SMALL = 0.14
# Edges between surfaces that differ by more stay sharp, degrees.
SHARP_DEG = 35
# A normal is the mean of so many points of the mesh, so far apart, about a place inside the face by a share of its size.
NEAREST = 12
SPACING_M = 0.0007
INSET = 0.08


def environment(folder):
    """Runs this script again in an environment that has the locked packages, and nothing else that they ask for."""
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", *PACKAGES],
                   check=True)
    subprocess.run([python, __file__], check=True, env={**os.environ, "BUILD_MESHES_IN": folder})


def build():
    import fast_simplification
    import numpy as np
    import scipy.spatial
    import trimesh

    source = next(pathlib.Path(p) for p in sys.path if p.endswith("site-packages"))
    source = source / "cmeel.prefix/share/example-robot-data/robots/panda_description"

    def load(name):
        """The surfaces of a mesh, shell and dark, each as vertices and faces."""
        scene = trimesh.load_scene(source / f"meshes/visual/{name}.dae")
        groups = [[], []]
        for node in sorted(scene.graph.nodes_geometry):
            transform, geometry = scene.graph[node]
            mesh = scene.geometry[geometry].copy()
            mesh.apply_transform(transform)
            if max(mesh.extents) > SMALL * max(scene.extents):
                is_dark = max(mesh.visual.material.main_color[:3]) < DARK
                groups[int(is_dark)].append(mesh.triangles)
        return [weld(np.concatenate(group)) if group else (np.zeros((0, 3)), np.zeros((0, 3), int)) for group in groups]

    def weld(corners):
        vertices, index = np.unique(np.round(corners.reshape(-1, 3), 6), axis=0, return_inverse=True)
        faces = index.reshape(-1, 3)
        return vertices, faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]

    def normals(corners, at, facing):
        """What a surface of faces with `corners` looks to near the places `at` of coarse faces, which look to `facing`."""
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(cross, axis=1) / 2
        face = np.repeat(np.arange(len(corners)), 1 + (area / SPACING_M**2).astype(int))
        u, v = np.random.default_rng(1).random((2, len(face), 1))
        u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
        origin, a, b = corners[face, 0], corners[face, 1] - corners[face, 0], corners[face, 2] - corners[face, 0]
        _, near = scipy.spatial.cKDTree(origin + u * a + v * b).query(at, k=NEAREST)
        normal = (cross / np.maximum(2 * area, 1e-15)[:, None])[face][near]
        # The other side of a thin wall is near too, but looks elsewhere.
        weight = np.maximum(np.einsum("cni,ci->cn", normal, facing) - 0.3, 0)
        mean = np.einsum("cni,cn->ci", normal, weight) + 1e-6 * facing
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def split(fine, vertices, faces):
        """The vertices with their normals, and the faces; a vertex is there once for every side of a sharp edge."""
        corners = vertices[faces]
        facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        size = np.linalg.norm(facing, axis=1)
        faces, corners, facing = faces[size > 0], corners[size > 0], facing[size > 0] / size[size > 0, None]
        inside = corners + INSET * (corners.mean(axis=1, keepdims=True) - corners)
        sides, index, found = {}, [], []
        for vertex, normal in zip(faces.reshape(-1), normals(fine, inside.reshape(-1, 3), np.repeat(facing, 3, axis=0))):
            near = sides.setdefault(vertex, [])
            cos = [normal @ found[k][1] / np.linalg.norm(found[k][1]) for k in near]
            k = next((k for k, c in zip(near, cos) if c > np.cos(np.radians(SHARP_DEG))), len(found))
            if k == len(found):
                found.append([vertex, np.zeros(3)])
                near.append(k)
            found[k][1] += normal
            index.append(k)
        normal = np.array([n / np.linalg.norm(n) for _, n in found])
        return vertices[[vertex for vertex, _ in found]], normal, np.array(index).reshape(-1, 3)

    def octahedral(normal):
        """Two numbers from -127 to 127: where the normal is on an octahedron that is unfolded to a square."""
        normal = normal / np.abs(normal).sum(axis=1, keepdims=True)
        sign = np.where(normal[:, :2] < 0, -1, 1)
        folded = (1 - np.abs(normal[:, 1::-1])) * sign
        return np.round(127 * np.where(normal[:, 2:] < 0, folded, normal[:, :2]))

    def decimate(name, group, vertices, faces):
        if not len(faces):
            return vertices, vertices, faces
        coarse = fast_simplification.simplify(vertices.astype(np.float32), faces.astype(np.int32), agg=AGGRESSION,
                                              target_reduction=1 - weight(name, group) * TRIANGLES / every)
        return split(vertices[faces], *coarse)

    def weight(name, group):
        return WEIGHT.get(name, 1) * (WEIGHT_DARK if group else 1)

    def turned(degrees):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    meshes = {name: load(name) for name in MESHES}
    every = sum(weight(name, group) * len(faces)
                for name, groups in meshes.items() for group, (_, faces) in enumerate(groups))
    coarse = {name: [decimate(name, group, *surface) for group, surface in enumerate(groups)]
              for name, groups in meshes.items()}
    head, places, looks, triangles = [], [], [], []
    for number, part in enumerate(PARTS):
        vertices, normal, faces = [np.zeros((0, 3))], [np.zeros((0, 3))], [[], []]
        for group in (0, 1):
            for name, degrees, place in part:
                v, n, f = coarse[name][group]
                faces[group].append(f + sum(map(len, vertices)))
                vertices.append(v @ turned(degrees) + place)
                normal.append(n @ turned(degrees))
        vertices, normal = np.concatenate(vertices), np.concatenate(normal)
        shell, dark = map(np.concatenate, faces)
        assert len(vertices) < 65536
        low = vertices.min(axis=0)
        size = vertices.max(axis=0) - low
        head.append(struct.pack("<3I6f", len(vertices), len(shell), len(dark), *low, *size))
        places.append(np.round((vertices - low) / size * 65535).astype("<u2").tobytes())
        looks.append(octahedral(normal).astype("i1").tobytes())
        triangles.append(np.concatenate([shell, dark]).astype("<u2").tobytes())
        print(f"part {number}: {len(vertices)} vertices, {len(shell)} + {len(dark)} triangles, "
              f"{low.round(3)} to {(low + size).round(3)} m")
    out = b"".join([b"pandamsh", struct.pack("<I", len(PARTS)), *head, *places, *looks, *triangles])
    (PAGE / "panda.bin").write_bytes(out)
    shutil.copyfile(source / "LICENSE", PAGE / "panda-LICENSE.txt")
    print(f"{sum(map(len, triangles)) // 6} triangles, {len(out)} bytes")


if __name__ == "__main__":
    if "BUILD_MESHES_IN" in os.environ:
        build()
    elif len(sys.argv) > 1:
        environment(pathlib.Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            environment(pathlib.Path(folder))
