// The arm as the program describes it: a table of joints (modified Denavit-Hartenberg), and on its links the surfaces of
// the Panda, or capsules as long as there are none.
import { CapsuleGeometry, Group, Matrix4, Mesh, Quaternion, Vector3 } from '/three.js';
import { surfaces } from '/panda.js';

/** What is left of the colour on dark parts. */
const DARK = 0.07;

/** Base to flange, as matrices: link i is Rx(alpha) · Tx(a) · Rz(q) · Tz(d) behind link i−1. */
export function frames(joints, q) {
  const out = [new Matrix4()];
  joints.forEach(([a, d, alpha], i) => {
    const angle = q[i] ?? 0;
    const [ca, sa, cq, sq] = [Math.cos(alpha), Math.sin(alpha), Math.cos(angle), Math.sin(angle)];
    const step = new Matrix4().set(
      cq, -sq, 0, a,
      sq * ca, cq * ca, -sa, -sa * d,
      sq * sa, cq * sa, ca, ca * d,
      0, 0, 0, 1,
    );
    out.push(out[i].clone().multiply(step));
  });
  return out;
}

export class Arm {
  constructor({ joints, capsules }, material) {
    this.joints = joints;
    this.group = new Group();
    this.links = Array.from({ length: joints.length + 1 }, () => {
      const link = new Group();
      link.matrixAutoUpdate = false;
      this.group.add(link);
      return link;
    });
    for (const each of capsules) this.links[each.link].add(capsule(each, material));
    surfaces.then((parts) => parts && this.wear(parts, material));
  }

  /** Takes the Panda's surfaces in the place of the capsules. */
  wear(parts, material) {
    // What is seen through has one colour.
    const materials = material.transparent ? material : [material, material.clone()];
    if (!material.transparent) materials[1].color.multiplyScalar(DARK);
    this.links.forEach((link, i) => link.clear().add(new Mesh(parts[i], materials)));
  }

  pose(q) {
    frames(this.joints, q).forEach((matrix, i) => this.links[i].matrix.copy(matrix));
  }
}

function capsule({ ends_m: [from, to], radius_m }, material) {
  const [a, b] = [new Vector3(...from), new Vector3(...to)];
  const along = b.clone().sub(a);
  const mesh = new Mesh(new CapsuleGeometry(radius_m, along.length(), 6, 20), material);
  mesh.position.copy(a).add(b).multiplyScalar(0.5);
  const up = new Vector3(0, 1, 0);
  mesh.quaternion.copy(along.length() > 0 ? new Quaternion().setFromUnitVectors(up, along.normalize()) : new Quaternion());
  return mesh;
}
