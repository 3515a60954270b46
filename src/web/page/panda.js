// The Panda's surfaces; scripts/build_meshes.py says how panda.bin is made and read.
import { BufferGeometry, Float32BufferAttribute } from '/three.js';

/** Geometries of the links 0 to 7 and of the hand, in their frames; group 0 is the shell, 1 dark parts. Null without the file. */
export const surfaces = fetch('/panda.bin')
  .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(read)
  .catch((problem) => {
    console.warn(`the arm is shown as capsules: ${problem.message}`);
    return null;
  });

function read(buffer) {
  const view = new DataView(buffer);
  const parts = Array.from({ length: view.getUint32(8, true) }, (_, i) => {
    const at = 12 + 36 * i;
    const [vertices, shell, dark] = [0, 4, 8].map((byte) => view.getUint32(at + byte, true));
    const [low, size] = [12, 24].map((byte) => [0, 4, 8].map((axis) => view.getFloat32(at + byte + axis, true)));
    return { vertices, shell, dark, low, size };
  });
  let at = 12 + 36 * parts.length;
  const words = (count) => {
    const out = Array.from({ length: count }, (_, i) => view.getUint16(at + 2 * i, true));
    at += 2 * count;
    return out;
  };
  const geometries = parts.map(({ vertices, low, size }) => {
    const places = words(3 * vertices).map((x, i) => low[i % 3] + (x / 65535) * size[i % 3]);
    return new BufferGeometry().setAttribute('position', new Float32BufferAttribute(places, 3));
  });
  parts.forEach(({ vertices }, i) => {
    const normals = Array.from({ length: vertices }, () => unfold(view.getInt8(at++) / 127, view.getInt8(at++) / 127));
    geometries[i].setAttribute('normal', new Float32BufferAttribute(normals.flat(), 3));
  });
  parts.forEach(({ shell, dark }, i) => {
    geometries[i].setIndex(words(3 * (shell + dark)));
    geometries[i].addGroup(0, 3 * shell, 0);
    geometries[i].addGroup(3 * shell, 3 * dark, 1);
  });
  return geometries;
}

/** The direction at a place of an octahedron that is unfolded to a square. */
function unfold(x, y) {
  const z = 1 - Math.abs(x) - Math.abs(y);
  const [u, v] = z < 0 ? [(1 - Math.abs(y)) * (x < 0 ? -1 : 1), (1 - Math.abs(x)) * (y < 0 ? -1 : 1)] : [x, y];
  const length = Math.hypot(u, v, z);
  return [u / length, v / length, z / length];
}
