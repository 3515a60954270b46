// The drawing board: a square in space, drawn on with pen, touch or mouse.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/** Points nearer to each other are one, m. */
const STEP_M = 0.0005;
/** Space between the lines of the grid, m. */
const GRID_M = 0.02;

/** Horizontal, seen from above with the base below: right is −y, up is +x. */
export const HORIZONTAL = { centre: [0.3, 0, 0.5], right: [0, -1, 0], up: [1, 0, 0], size: 0.24 };

export class Board {
  constructor(canvas, plane, changed) {
    Object.assign(this, { canvas, plane, changed, stroke: [], arm: null });
    canvas.addEventListener('pointerdown', (event) => this.begin(event));
    canvas.addEventListener('pointermove', (event) => this.go(event));
    canvas.addEventListener('pointerup', () => this.end());
    canvas.addEventListener('pointercancel', () => this.end());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Metres on the board, from its centre. */
  place({ clientX, clientY }) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const scale = this.plane.size / width;
    const within = (x) => Math.max(-0.5, Math.min(0.5, x / width - 0.5)) * width * scale;
    return [within(clientX - left), -within(clientY - top)];
  }

  begin(event) {
    if (!event.isPrimary || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = [this.place(event)];
    this.isDrawing = true;
    this.draw();
  }

  go(event) {
    if (!this.isDrawing || !event.isPrimary) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const [x, y] = this.place(one);
      const last = this.stroke.at(-1);
      if (Math.hypot(x - last[0], y - last[1]) >= STEP_M) this.stroke.push([x, y]);
    }
    this.draw();
  }

  end() {
    if (!this.isDrawing) return;
    this.isDrawing = false;
    this.changed();
  }

  clear() {
    this.stroke = [];
    this.changed();
    this.draw();
  }

  /** In the base frame, m. */
  points_m() {
    const { centre, right, up } = this.plane;
    return this.stroke.map(([x, y]) => centre.map((c, i) => c + x * right[i] + y * up[i]));
  }

  /** Shows where the arm is over the board. */
  show(p) {
    const { centre, right, up } = this.plane;
    const dot = (a) => p.reduce((sum, value, i) => sum + (value - centre[i]) * a[i], 0);
    const arm = [dot(right), dot(up)];
    if (this.arm?.every((x, i) => Math.abs(x - arm[i]) < STEP_M / 2)) return;
    this.arm = arm;
    this.draw();
  }

  draw() {
    const scale = devicePixelRatio;
    const side = this.canvas.clientWidth;
    if (this.canvas.width !== Math.round(side * scale)) this.canvas.width = this.canvas.height = Math.round(side * scale);
    const ink = this.canvas.getContext('2d', { willReadFrequently: true });
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.clearRect(0, 0, side, side);
    const at = ([x, y]) => [(x / this.plane.size + 0.5) * side, (0.5 - y / this.plane.size) * side];
    ink.strokeStyle = colour('--line');
    const half = this.plane.size / 2;
    for (let g = -Math.floor(half / GRID_M) * GRID_M; g <= half; g += GRID_M) {
      ink.globalAlpha = Math.abs(g) < 1e-9 ? 1 : 0.45;
      ink.beginPath();
      ink.moveTo(...at([g, -half]));
      ink.lineTo(...at([g, half]));
      ink.moveTo(...at([-half, g]));
      ink.lineTo(...at([half, g]));
      ink.stroke();
    }
    ink.globalAlpha = 1;
    ink.strokeStyle = colour('--a');
    ink.lineWidth = 3;
    ink.lineJoin = ink.lineCap = 'round';
    ink.beginPath();
    this.stroke.forEach((p, i) => (i ? ink.lineTo(...at(p)) : ink.moveTo(...at(p))));
    ink.stroke();
    ink.lineWidth = 1;
    if (this.arm && this.arm.every((x) => Math.abs(x) <= half)) {
      ink.fillStyle = colour('--b');
      ink.beginPath();
      ink.arc(...at(this.arm), 5, 0, 2 * Math.PI);
      ink.fill();
    }
  }
}
