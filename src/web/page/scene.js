// The arm in three dimensions: measured solid, commanded as a ghost, the reference with its tube, the way it went.
import {
  BufferGeometry, CatmullRomCurve3, DirectionalLight, Float32BufferAttribute, GridHelper, Group, HemisphereLight, Line,
  LineBasicMaterial, Mesh, MeshBasicMaterial, MeshStandardMaterial, OrbitControls, PerspectiveCamera, PlaneGeometry, Scene,
  SphereGeometry, TubeGeometry, Vector3, WebGLRenderer,
} from '/three.js';
import { Arm } from '/arm.js';
import { surfaces } from '/panda.js';

/** What turns by less looks the same, rad. */
const SEEN_RAD = 2e-4;
/** A frame that takes no longer is no trouble; between slow ones there are pauses, up to the second, ms. */
const FAST_MS = 25;
const SELDOM_MS = 500;
/** Points of the measured way that are kept. */
const WAY = 2400;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Whether pictures are made without a graphics card. */
function isSlow() {
  const gl = document.createElement('canvas').getContext('webgl2');
  if (!gl) throw new Error('it has no WebGL');
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const name = info ? gl.getParameter(info.UNMASKED_RENDERER_WEBGL) : '';
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|software/i.test(name);
}

export class View {
  constructor(box, about) {
    this.box = box;
    this.isSlow = isSlow();
    this.renderer = new WebGLRenderer({ antialias: !this.isSlow, alpha: true });
    this.next = 0;
    box.append(this.renderer.domElement);
    this.scene = new Scene();
    this.camera = new PerspectiveCamera(40, 1, 0.05, 20);
    this.camera.up.set(0, 0, 1);
    this.camera.position.set(1.7, 1.35, 1.25);
    this.controls = new OrbitControls(this.camera, this.renderer.domElement);
    this.controls.target.set(0.2, 0, 0.4);
    this.controls.listenToKeyEvents(box);
    this.controls.addEventListener('change', () => this.draw());
    const sun = new DirectionalLight(0xffffff, 2);
    sun.position.set(1, 1.5, 3);
    const floor = new GridHelper(2, 20, 0x7a8a98, 0x7a8a98);
    floor.rotation.x = Math.PI / 2;
    floor.material.transparent = true;
    floor.material.opacity = 0.35;
    this.scene.add(new HemisphereLight(0xffffff, 0x8090a0, 1.6), sun, floor);
    this.measured = new Arm(about, new MeshStandardMaterial({ color: 0xe9edf0, roughness: 0.45, metalness: 0.1 }));
    // The ghost is set back by a millimetre or so: where both arms are one, it does not flicker through.
    this.commanded = new Arm(about, new MeshStandardMaterial({
      color: 0x6f8496, transparent: true, opacity: 0.28, depthWrite: false, polygonOffset: true, polygonOffsetUnits: 200,
    }));
    // Where the pen is, while somebody draws.
    this.drawn = new Arm(about, new MeshStandardMaterial({
      color: colour('--a'), transparent: true, opacity: 0.25, depthWrite: false, polygonOffset: true, polygonOffsetUnits: 400,
    }));
    this.drawn.group.visible = false;
    this.tool = new Mesh(new SphereGeometry(0.008), new MeshBasicMaterial({ color: colour('--b') }));
    this.reference = new Mesh(new SphereGeometry(0.006), new MeshBasicMaterial({ color: colour('--a') }));
    this.way = new Line(new BufferGeometry(), new LineBasicMaterial({ color: colour('--b') }));
    this.way.frustumCulled = false;
    this.path = new Group();
    this.board = new Mesh(
      new PlaneGeometry(1, 1),
      new MeshBasicMaterial({ color: colour('--a'), transparent: true, opacity: 0.1, side: 2, depthWrite: false }),
    );
    this.scene.add(this.measured.group, this.commanded.group, this.drawn.group, this.tool, this.reference, this.way, this.path, this.board);
    surfaces.then((parts) => {
      box.dataset.arm = parts ? 'surfaces' : 'capsules';
      this.draw();
    });
    this.points = [];
    new ResizeObserver(() => this.resize()).observe(box);
    this.resize();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (!width || !height) return;
    this.renderer.setPixelRatio(this.isSlow ? 0.6 : Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.draw();
  }

  /** Where a drawing lies. */
  lay({ centre, right, up, size: [width, height] }) {
    this.board.matrixAutoUpdate = false;
    const [u, v] = [new Vector3(...right), new Vector3(...up)];
    this.board.matrix.makeBasis(u.clone().multiplyScalar(width), v.clone().multiplyScalar(height), u.clone().cross(v));
    this.board.matrix.setPosition(...centre);
    this.draw();
  }

  plan(plan) {
    this.points = [];
    this.displace(plan);
  }

  /** Another path in the place of the one before; the way that the arm went stays. */
  displace({ points_m, tube_m, closed }) {
    this.path.children.slice().forEach((child) => {
      child.geometry.dispose();
      this.path.remove(child);
    });
    if (points_m.length < 2) return;
    const points = points_m.map((p) => new Vector3(...p));
    const line = new Line(new BufferGeometry().setFromPoints(points), new LineBasicMaterial({ color: colour('--a') }));
    const curve = new CatmullRomCurve3(closed ? points.slice(0, -1) : points, closed);
    const tube = new Mesh(
      new TubeGeometry(curve, Math.min(points.length, 300), tube_m, 10, closed),
      new MeshBasicMaterial({ color: colour('--a'), transparent: true, opacity: 0.12, depthWrite: false }),
    );
    this.path.add(line, tube);
    this.draw();
  }

  /** The arm as it would stand with these joints, or not any more. */
  preview(q_rad) {
    if (!q_rad && !this.drawn.group.visible) return;
    this.drawn.group.visible = Boolean(q_rad);
    if (q_rad) this.drawn.pose(q_rad);
    this.box.dataset.preview = this.drawn.group.visible;
    this.draw();
  }

  show(now) {
    const seen = [...now.q_rad, ...now.q_c_rad];
    const isNew = this.seen?.every((x, i) => Math.abs(x - seen[i]) < SEEN_RAD) !== true || this.drove !== now.stage;
    if (!isNew) return;
    [this.seen, this.drove] = [seen, now.stage];
    this.measured.pose(now.q_rad);
    this.commanded.pose(now.q_c_rad);
    this.tool.position.set(...now.O_p_EE_m);
    const drives = now.stage === 'driving';
    this.reference.visible = drives;
    if (drives) this.reference.position.set(...now.x_ref_m);
    if (now.lesson?.state === 'recording' && this.recorded !== now.lesson.episode) {
      [this.points, this.recorded] = [[], now.lesson.episode];
    }
    if (drives || now.lesson?.state === 'recording') {
      this.points.push(now.O_p_EE_m);
      if (this.points.length > WAY) this.points.shift();
      this.way.geometry.setAttribute('position', new Float32BufferAttribute(this.points.flat(), 3));
    }
    this.draw();
  }

  /** Once a frame at most; where a frame takes long, seldom enough that STOP never waits for a picture. */
  draw() {
    this.asked ??= setTimeout(() => requestAnimationFrame(() => {
      this.asked = null;
      const begun = performance.now();
      this.renderer.render(this.scene, this.camera);
      requestAnimationFrame(() => {
        const took = performance.now() - begun;
        this.next = performance.now() + (took < FAST_MS ? 0 : Math.min(3 * took, SELDOM_MS));
      });
    }), Math.max(0, this.next - performance.now()));
  }
}
