// Small plots on a canvas.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A round number at or above `x`. */
function roundUp(x) {
  const power = 10 ** Math.floor(Math.log10(Math.max(x, 1e-9)));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= x * 0.999);
}

function begin(canvas) {
  const scale = devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  }
  const ink = canvas.getContext('2d', { willReadFrequently: true }); // small, and not worth a graphics card
  ink.setTransform(scale, 0, 0, scale, 0, 0);
  ink.clearRect(0, 0, width, height);
  ink.font = '11px system-ui, sans-serif';
  return { ink, width, height, left: 34, bottom: height - 16, top: 6 };
}

function axes({ ink, width, left, bottom, top }, most, words) {
  ink.strokeStyle = colour('--line');
  ink.fillStyle = colour('--soft');
  ink.textAlign = 'right';
  for (const share of [0, 0.5, 1]) {
    const y = bottom + (top - bottom) * share;
    ink.beginPath();
    ink.moveTo(left, y);
    ink.lineTo(width, y);
    ink.stroke();
    ink.fillText(String(Number((most * share).toPrecision(3))), left - 4, y + 4);
  }
  ink.textAlign = 'left';
  ink.fillText(words[0], left, bottom + 13);
  ink.textAlign = 'right';
  ink.fillText(words[1], width - 2, bottom + 13);
}

/** Signs that are told apart without their colours: as lines from corner to corner of a square of 2, filled or not. */
const SIGNS = {
  taken: { colour: '--a', strokes: [[[0, -1], [1, 0.8], [-1, 0.8]]], filled: true },
  given: { colour: '--bad', strokes: [[[0, 1], [1, -0.8], [-1, -0.8]]], filled: true },
  refused: { colour: '--soft', strokes: [[[-0.8, -0.8], [0.8, 0.8]], [[-0.8, 0.8], [0.8, -0.8]]], filled: false },
};
/** Half a sign's height, and the room for signs above a plot, pixels. */
const HALF = 4.5;
const LANE = 13;

function sign(ink, kind, x, y) {
  const { colour: name, strokes, filled } = SIGNS[kind];
  ink.strokeStyle = ink.fillStyle = colour(name);
  ink.lineWidth = 1.5;
  for (const points of strokes) {
    ink.beginPath();
    points.forEach(([dx, dy], i) => ink[i ? 'lineTo' : 'moveTo'](x + HALF * dx, y + HALF * dy));
    if (filled) ink.fill();
    else ink.stroke();
  }
  ink.lineWidth = 1;
}

/** Values over the last `span_s`; each update gives one for each colour, or null. */
export class Series {
  /** `least` is the least that the height of the plot stands for; above it there is room for signs where `hasSigns`. */
  constructor(canvas, colours, least, span_s = 20, hasSigns = false) {
    Object.assign(this, { canvas, colours, least, span_s, hasSigns, rows: [], signs: [] });
  }

  /** Something happened `count` times since the update before: taken, refused or given (up). */
  mark(t_s, kind, count) {
    this.signs.push({ t_s, kind, count });
    this.tell();
  }

  /** What is marked, for whoever reads the page's elements. */
  tell() {
    this.canvas.dataset.signs = Object.keys(SIGNS).map((kind) => `${kind} ${this.marked(kind)}`).join(', ');
  }

  /** How often what happened, of what is shown. */
  marked(kind) {
    return this.signs.reduce((sum, s) => sum + (s.kind === kind ? s.count : 0), 0);
  }

  add(t_s, values) {
    this.rows.push([t_s, values]);
    while (this.rows.length && this.rows[0][0] < t_s - this.span_s) this.rows.shift();
    while (this.signs.length && this.signs[0].t_s < t_s - this.span_s) this.signs.shift();
  }

  clear() {
    [this.rows, this.signs] = [[], []];
  }

  /** Updates a second, as they have come. */
  rate() {
    const n = this.rows.length;
    const took = n > 1 ? this.rows[n - 1][0] - this.rows[0][0] : 0;
    return took > 0 ? (n - 1) / took : 0;
  }

  draw() {
    const frame = begin(this.canvas);
    const lane = frame.top + LANE / 2;
    if (this.hasSigns) frame.top += LANE;
    const { ink, width, left, bottom, top } = frame;
    const end = this.rows.at(-1)?.[0] ?? 0;
    const across = (t_s) => width - ((end - t_s) / this.span_s) * (width - left);
    const most = roundUp(Math.max(this.least, ...this.rows.flatMap(([, values]) => values.map((v) => v ?? 0))));
    axes(frame, most, [`−${this.span_s} s`, 'now']);
    this.colours.forEach((name, k) => {
      ink.strokeStyle = colour(name);
      ink.lineWidth = 1.5;
      ink.beginPath();
      let pen = false;
      for (const [t, values] of this.rows) {
        const value = values[k];
        if (value == null) {
          pen = false;
          continue;
        }
        const x = across(t);
        const y = bottom + (top - bottom) * (value / most);
        if (pen) ink.lineTo(x, y);
        else ink.moveTo(x, y);
        pen = true;
      }
      ink.stroke();
      ink.lineWidth = 1;
    });
    // What is refused comes often: the others are drawn over it.
    const last = (s) => s.kind !== 'refused';
    [...this.signs.filter((s) => !last(s)), ...this.signs.filter(last)].forEach(({ t_s, kind }) => sign(ink, kind, across(t_s), lane));
    if (this.hasSigns) this.tell();
  }
}

/** Counts in places that grow by √2 from 1 µs, on a logarithmic height. */
export function histogram(canvas, counts) {
  const frame = begin(canvas);
  const { ink, width, left, bottom, top } = frame;
  const most = Math.max(1, ...counts);
  const decades = Math.max(1, Math.ceil(Math.log10(most)));
  const step = (width - left) / counts.length;
  axes({ ...frame }, decades, ['1 µs', `${Math.round(2 ** ((counts.length - 1) / 2))} µs`]);
  ink.fillStyle = colour('--a');
  counts.forEach((count, k) => {
    const height = count > 0 ? Math.max(2, ((bottom - top) * Math.log10(count)) / decades) : 0;
    ink.fillRect(left + k * step, bottom - height, step - 1, height);
  });
  ink.save();
  ink.translate(9, (top + bottom) / 2);
  ink.rotate(-Math.PI / 2);
  ink.textAlign = 'center';
  ink.fillStyle = colour('--soft');
  ink.fillText('log₁₀ count', 0, 0);
  ink.restore();
}
