// The arm as the program describes it: a table of joints (modified Denavit-Hartenberg), and capsules on the links.
import { CapsuleGeometry, Group, Matrix4, Mesh, Quaternion, Vector3 } from '/three.js';

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
    for (const { link, ends_m: [from, to], radius_m } of capsules) {
      const [a, b] = [new Vector3(...from), new Vector3(...to)];
      const along = b.clone().sub(a);
      const mesh = new Mesh(new CapsuleGeometry(radius_m, along.length(), 6, 20), material);
      mesh.position.copy(a).add(b).multiplyScalar(0.5);
      const up = new Vector3(0, 1, 0);
      mesh.quaternion.copy(along.length() > 0 ? new Quaternion().setFromUnitVectors(up, along.normalize()) : new Quaternion());
      this.links[link].add(mesh);
    }
  }

  pose(q) {
    frames(this.joints, q).forEach((matrix, i) => this.links[i].matrix.copy(matrix));
  }
}
