// The Panda's surfaces; scripts/build_meshes.py says how panda.bin is made and read.
import { BufferGeometry, Float32BufferAttribute } from '/three.js';

/** Geometries of the links 0 to 7 and of the hand, in their frames; group 0 is the shell, 1 dark parts. Null: no file. */
export const surfaces = fetch('/panda.bin')
  .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(read)
  .catch((problem) => {
    console.warn(`the arm is shown as capsules: ${problem.message}`);
    return null;
  });

/** The numbers as they lie in the file: every browser's machine is little-endian, and every offset even. */
function read(buffer) {
  const head = new DataView(buffer);
  const parts = Array.from({ length: head.getUint32(8, true) }, (_, i) => {
    const at = 12 + 36 * i;
    const [vertices, shell, dark] = [0, 4, 8].map((byte) => head.getUint32(at + byte, true));
    const [low, size] = [12, 24].map((byte) => [0, 4, 8].map((axis) => head.getFloat32(at + byte + axis, true)));
    return { vertices, shell, dark, low, size, geometry: new BufferGeometry() };
  });
  let at = 12 + 36 * parts.length;
  const take = (Numbers, count) => {
    const out = new Numbers(buffer, at, count);
    at += out.byteLength;
    return out;
  };
  for (const { vertices, low, size, geometry } of parts) {
    const places = new Float32Array(take(Uint16Array, 3 * vertices));
    for (let i = 0; i < places.length; i++) places[i] = low[i % 3] + (places[i] / 65535) * size[i % 3];
    geometry.setAttribute('position', new Float32BufferAttribute(places, 3));
  }
  for (const { vertices, geometry } of parts) {
    const folded = take(Int8Array, 2 * vertices);
    const normals = new Float32Array(3 * vertices);
    for (let i = 0; i < vertices; i++) unfold(folded[2 * i] / 127, folded[2 * i + 1] / 127, normals, 3 * i);
    geometry.setAttribute('normal', new Float32BufferAttribute(normals, 3));
  }
  for (const { shell, dark, geometry } of parts) {
    geometry.setIndex(Array.from(take(Uint16Array, 3 * (shell + dark))));
    geometry.addGroup(0, 3 * shell, 0);
    geometry.addGroup(3 * shell, 3 * dark, 1);
  }
  return parts.map(({ geometry }) => geometry);
}

/** Writes the direction at a place of an octahedron that is unfolded to a square. */
function unfold(x, y, to, at) {
  const z = 1 - Math.abs(x) - Math.abs(y);
  const u = z < 0 ? (1 - Math.abs(y)) * (x < 0 ? -1 : 1) : x;
  const v = z < 0 ? (1 - Math.abs(x)) * (y < 0 ? -1 : 1) : y;
  const length = Math.sqrt(u * u + v * v + z * z);
  to[at] = u / length;
  to[at + 1] = v / length;
  to[at + 2] = z / length;
}
