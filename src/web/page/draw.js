// The drawing board: a rectangle in space, drawn on with pen, touch or mouse, stroke by stroke.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/** Points nearer to each other are one, m. */
const STEP_M = 0.0005;
/** Space between the lines of the grid, m. */
const GRID_M = 0.02;
/** Two points are drawn so long after each other at least, s: a browser tells of several at once. */
const TICK_S = 0.0005;

/** The colour of a stroke from its point `k`: out of reach, slowed, or neither as far as it is known. */
function looks(known, k) {
  const share = known?.shares[Math.max(0, Math.floor((k - known.first) / known.step))];
  return share === null ? '--bad' : share > 1 ? '--b' : '--a';
}

export class Board {
  /** `frame` says where the board lies: centre, right, up (base frame) and size (m). */
  constructor(canvas, frame, changed) {
    Object.assign(this, { canvas, changed, strokes: [], times: [], traced: null, arm: null, pen: null, reach: new Map(), drawn: () => {}, begun: () => {} });
    this.lie(frame);
    canvas.addEventListener('pointerdown', (event) => this.begin(event));
    canvas.addEventListener('pointermove', (event) => this.go(event));
    canvas.addEventListener('pointerup', () => this.end());
    canvas.addEventListener('pointercancel', () => this.end());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  lie(frame) {
    this.frame = frame;
    const [width, height] = frame.size;
    this.canvas.style.aspectRatio = `${width} / ${height}`;
    this.canvas.style.maxWidth = `calc(min(56vh, 34rem) * ${Math.min(1, width / height)})`;
    this.arm = null;
    this.draw();
  }

  /** Metres on the board, from its centre. */
  place({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const within = (x) => Math.max(-0.5, Math.min(0.5, x - 0.5));
    return [within((clientX - left) / width) * this.frame.size[0], -within((clientY - top) / height) * this.frame.size[1]];
  }

  begin(event) {
    if (!event.isPrimary || event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.putDown(this.place(event), event.timeStamp / 1000);
  }

  go(event) {
    if (!this.isDrawing || !event.isPrimary) return;
    const events = event.getCoalescedEvents?.() ?? [];
    this.moveTo((events.length ? events : [event]).map((one) => [this.place(one), one.timeStamp / 1000]));
  }

  /** A stroke begins `at`, m from the centre. */
  putDown(at, t_s) {
    this.begun();
    this.traced = null;
    this.strokes.push([at]);
    this.times.push([t_s]);
    this.isDrawing = true;
    this.draw();
  }

  /** It goes on to places, each with its time. */
  moveTo(places) {
    const [stroke, times] = [this.strokes.at(-1), this.times.at(-1)];
    for (const [[x, y], t_s] of places) {
      const last = stroke.at(-1);
      if (Math.hypot(x - last[0], y - last[1]) < STEP_M) continue;
      stroke.push([x, y]);
      times.push(Math.max(t_s, times.at(-1) + TICK_S));
    }
    this.drawn(stroke);
    this.draw();
  }

  end() {
    if (!this.isDrawing) return;
    this.isDrawing = false;
    // A tap is no stroke.
    if (this.strokes.at(-1).length < 2) this.undo();
    else this.drawn(this.strokes.at(-1));
    this.changed();
  }

  /** Takes the last stroke back, or the file. */
  undo() {
    if (!this.traced) {
      this.strokes.pop();
      this.times.pop();
    }
    this.traced = null;
    this.changed();
    this.draw();
  }

  clear() {
    [this.strokes, this.times, this.traced] = [[], [], null];
    this.changed();
    this.draw();
  }

  /** Shows points of the base frame that were not drawn here. */
  trace(points_m) {
    [this.strokes, this.times] = [[], []];
    this.traced = points_m.map((p) => this.onto(p));
    this.changed();
    this.draw();
  }

  get isEmpty() {
    return !this.traced && this.strokes.length === 0;
  }

  /** Rounded to a micrometre and a microsecond: the program needs no more. */
  strokes_m() {
    return this.strokes.map((stroke) => stroke.map((p) => p.map((x) => Number(x.toFixed(6)))));
  }

  /** `slower` times as long as drawn, s. */
  times_s(slower) {
    return this.times.map((times) => times.map((t) => Number((slower * (t - times[0])).toFixed(6))));
  }

  onto(p) {
    const { centre, right, up } = this.frame;
    const dot = (a) => p.reduce((sum, value, i) => sum + (value - centre[i]) * a[i], 0);
    return [dot(right), dot(up)];
  }

  /** Shows where the arm is over the board. */
  show(p) {
    const arm = this.onto(p);
    if (this.arm?.every((x, i) => Math.abs(x - arm[i]) < STEP_M / 2)) return;
    this.arm = arm;
    this.draw();
  }

  draw() {
    const scale = devicePixelRatio;
    const { canvas, frame } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    }
    const ink = canvas.getContext('2d', { willReadFrequently: true });
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.clearRect(0, 0, width, height);
    const at = ([x, y]) => [(x / frame.size[0] + 0.5) * width, (0.5 - y / frame.size[1]) * height];
    const line = (points) => {
      ink.beginPath();
      points.forEach((p, i) => (i ? ink.lineTo(...at(p)) : ink.moveTo(...at(p))));
      ink.stroke();
    };
    const [right, up] = frame.size.map((side) => side / 2);
    ink.strokeStyle = colour('--line');
    for (let k = -Math.floor(Math.max(right, up) / GRID_M); k * GRID_M <= Math.max(right, up); k++) {
      const g = k * GRID_M;
      ink.globalAlpha = k === 0 ? 1 : 0.45;
      if (Math.abs(g) <= right) line([[g, -up], [g, up]]);
      if (Math.abs(g) <= up) line([[-right, g], [right, g]]);
    }
    ink.globalAlpha = 1;
    ink.strokeStyle = colour('--a');
    ink.lineWidth = 3;
    ink.lineJoin = ink.lineCap = 'round';
    (this.traced ? [this.traced] : this.strokes).forEach((stroke) => {
      const known = this.reach.get(stroke);
      for (let from = 0; from < stroke.length - 1;) {
        // As far as it looks the same.
        const look = looks(known, from);
        let to = from + 1;
        while (to < stroke.length - 1 && looks(known, to) === look) to++;
        ink.strokeStyle = colour(look);
        ink.setLineDash(look === '--bad' ? [3, 7] : []);
        line(stroke.slice(from, to + 1));
        from = to;
      }
    });
    ink.setLineDash([]);
    canvas.dataset.strokes = this.strokes.length;
    ink.lineWidth = 1;
    if (this.pen) {
      const [x, y] = at(this.pen);
      ink.strokeStyle = colour(this.isDrawing ? '--a' : '--ink');
      ink.lineWidth = 2;
      for (const [dx, dy] of [[9, 0], [0, 9]]) {
        ink.beginPath();
        ink.moveTo(x - dx, y - dy);
        ink.lineTo(x + dx, y + dy);
        ink.stroke();
      }
    }
    if (this.arm && Math.abs(this.arm[0]) <= right && Math.abs(this.arm[1]) <= up) {
      ink.fillStyle = colour('--b');
      ink.beginPath();
      ink.arc(...at(this.arm), 5, 0, 2 * Math.PI);
      ink.fill();
    }
  }
}
