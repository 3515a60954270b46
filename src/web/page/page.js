// Puts the page together.
import { Acts } from '/act.js';
import { Series, histogram } from '/charts.js';
import { Board } from '/draw.js';
import * as keys from '/keys.js';
import { Link } from '/link.js';
import { Reach } from '/reach.js';
import * as planes from '/plane.js';
import { Teaching } from '/teach.js';

const $ = (id) => document.getElementById(id);
const text = (id, words) => {
  if ($(id).textContent !== words) $(id).textContent = words;
};
const STAGES = { waiting: 'at rest', learning: 'learning', driving: 'driving', homing: 'on the way to the ready pose',
  recovering: 'recovering', teaching: 'teaching', simulated: 'a robot to connect to', lost: 'robot not reached' };
const MODES = {
  homing: 'on the way to the start', following: 'following', stopping: 'stopping', fault: 'FAULT', holding: 'holding',
  guiding: 'guiding', recovering: 'recovering', idle: 'at rest',
};
/** Charts are drawn so often at most, ms. */
const CHARTS_MS = 100;
/** The largest file that is sent; JSON makes it longer. */
const FILE_BYTES = 500000;

let view = null;
let operator = false;
let stage = 'lost';
/** Whether the robot says that it can move. */
let ready = false;
let charted = 0;
let lastPlan = null;
/** Whether the place of the operator was asked for. */
let asked = false;

const error = new Series($('error'), ['--a', '--b'], 0.1, 20, true);
/** What can become of a policy, and its place in `now.policies`. */
const FATES = { refused: 2, taken: 1, given: 3 };
/** The counts of the update before. */
let policies = null;
/** The gate's reasons, in the order in which they are counted. */
let reasons = [];
const limit = new Series($('limit'), ['--b'], 10);
/** Until the program has said what it is configured to. */
const FIRST = { stands: 'horizontal', centre_m: [0.3, 0, 0.5], turn_rad: 0, size_m: [0.24, 0.24], lift_m: 0.02 };
let plane = FIRST;
/** The file that is shown in the place of strokes. */
let file = null;
const training = new Series($('training'), ['--a', '--b'], 0.1, 10);
const board = new Board($('canvas'), planes.frame(plane), mayImitate);
const teaching = new Teaching(async (press) => {
  const { ok, words } = await link.press(press);
  if (!ok) say(words, true);
});

function mayImitate() {
  $('imitate').disabled = !(operator && stage === 'waiting' && !board.isEmpty);
  $('home').disabled = !(operator && stage === 'waiting' && ready);
  $('recover').disabled = !(operator && stage === 'waiting' && !ready);
  text('reach', reach.words());
  if (board.isEmpty || stage !== 'waiting') view?.preview(null);
  $('undo').disabled = board.isEmpty;
  acts.allow(operator && stage === 'driving');
}

function say(words, isError) {
  const line = document.createElement('li');
  line.textContent = words;
  if (isError) line.className = 'bad';
  $('said').prepend(line);
  while ($('said').children.length > 40) $('said').lastChild.remove();
}

/** Asks the program; a refusal is said. */
async function ask(answer) {
  const { ok, words } = await answer;
  if (!ok) say(words, true);
  return ok;
}

/** Everything lies there from now on. */
function lie(where) {
  plane = where;
  board.lie(planes.frame(plane));
  view?.lay(board.frame);
  text('plane', planes.words(plane));
  reach.again();
  if (file) read();
}

// No box to tick: that takes the space bar.
const isClosed = () => $('closed').getAttribute('aria-pressed') === 'true';

/** The drawing as the program takes it. */
function drawing() {
  const slower = Number($('timing').value);
  const shape = file ? { file } : { strokes_m: board.strokes_m() };
  if (!file && slower > 0) shape.times_s = board.times_s(slower);
  return {
    ...shape, plane, smoothing_m: Number($('smoothing').value) / 1000, closed: isClosed() || null,
    speed_m_s: Number($('speed').value), laps: Number($('laps').value),
  };
}

/** Has the file read at the server, and shows it. */
async function read() {
  const { ok, words, points_m } = await link.trace(drawing());
  [words].flat().forEach((word) => say(word, !ok));
  if (ok) board.trace(points_m);
  else forget();
}

function forget() {
  file = null;
  $('file').value = '';
}

function undo() {
  forget();
  board.undo();
}

const reach = new Reach(
  board,
  (points_m) => (operator ? link.reach({ plane, points_m, speed_m_s: Number($('speed').value) }) : null),
  (q_rad) => {
    text('reach', reach.words());
    if (stage === 'waiting') view?.preview(q_rad);
  },
);
const acts = new Acts((change) => ask(link.act(change)));
const link = new Link({
  async hello({ about: what }) {
    reasons = what.refusals.map((name) => name.replaceAll('_', ' '));
    text('robot', `${what.simulated ? 'simulated Panda' : 'Panda'} at ${what.robot}`);
    $('said').replaceChildren();
    if (view) return;
    if (plane === FIRST) {
      // As configured, but with room to draw.
      planes.fill({ ...what.plane, size_m: what.plane.size_m.map((side) => Math.max(side, 0.24)) });
      $('smoothing').value = 1000 * what.smoothing_m;
      lie(planes.given());
    }
    try {
      const { View } = await import('/scene.js');
      view = new View($('scene'), what);
      view.lay(board.frame);
      if (lastPlan) view.plan(lastPlan);
    } catch (problem) {
      view = null;
      $('scene').textContent = `no 3-D view in this browser: ${problem.message}`;
    }
  },
  role({ operator: mine, taken }) {
    operator = mine;
    if (!mine && !taken && !asked) link.send('take');
    asked = true;
    text('role', mine ? 'you operate the arm' : taken ? 'watching: another page operates the arm' : 'watching');
    $('take').hidden = mine || taken;
    teaching.may(mine);
    mayImitate();
  },
  plan(plan) {
    lastPlan = plan;
    acts.plan(plan);
    view?.plan(plan);
    error.clear();
    limit.clear();
    policies = null;
  },
  /** A person has corrected the path that is followed: nothing begins anew. */
  course(course) {
    lastPlan = { ...lastPlan, ...course };
    view?.displace(lastPlan);
  },
  said: ({ words, is_error }) => say(words, is_error),
  now: show,
  lost(words) {
    stage = 'lost';
    operator = false;
    teaching.may(false);
    text('mode', words);
    $('mode').className = 'bad';
    mayImitate();
  },
});
function show(now) {
  if (stage !== now.stage || ready !== now.ready) {
    [stage, ready] = [now.stage, now.ready];
    mayImitate();
  }
  const mode = stage === 'driving' ? (now.held && now.mode === 'following' ? 'paused' : MODES[now.mode])
    : stage === 'waiting' && !ready ? 'the robot cannot move' : STAGES[stage];
  // Why it has stopped: its own words, as joint reflex.
  text('mode', [mode, now.errors.map((name) => name.replaceAll('_', ' ')).join(', ')].filter(Boolean).join(': '));
  $('mode').className = now.mode === 'fault' || stage === 'lost' ? 'bad' : '';
  document.body.dataset.stage = stage;
  $('drawing').hidden = $('figures').hidden = ['teaching', 'simulated'].includes(stage);
  document.body.dataset.mode = now.mode;
  if (stage !== 'lost') {
    view?.show(now);
    board.show(now.O_p_EE_m);
  }
  if (stage === 'learning') learning(now);
  teaching.show(now.lesson);
  if (stage !== 'driving') return;
  acts.show(now);
  const t_s = performance.now() / 1000;
  error.add(t_s, [now.tracking_mm, now.contour_mm]);
  for (const [kind, k] of Object.entries(FATES)) {
    const count = now.policies[k] - (policies ?? now.policies)[k];
    if (count > 0) error.mark(t_s, kind, count);
  }
  policies = now.policies;
  limit.add(t_s, [now.limited[0]]);
  figures(now);
  if (performance.now() - charted < CHARTS_MS) return;
  charted = performance.now();
  error.draw();
  limit.draw();
  histogram($('step'), now.step_us);
  const rate = `${error.rate().toFixed(0)} a second`;
  text('error-rate', `${rate}, each the worst of its milliseconds`);
  text('limit-rate', `${rate}, each the ticks since the one before`);
  text('step-rate', `1000 a second, shown ${Math.round(1000 / CHARTS_MS)} times`);
}

/** How the training goes, before anything moves. */
function learning({ steps, steps_all: all, loss_mse_rad2: loss, training_error_mm: error_mm }) {
  if (loss === null) {
    training.clear();
    return;
  }
  training.add(performance.now() / 1000, [error_mm, 1000 * Math.sqrt(loss)]);
  // The training needs the processor more than its picture does.
  if (performance.now() - charted < 2 * CHARTS_MS) return;
  charted = performance.now();
  training.draw();
  text('training-rate', `${steps} of ${all} updates, shown ${training.rate().toFixed(0)} times a second`);
  text('loss', `${loss.toExponential(2)} rad²`);
  text('training-error', `${error_mm.toFixed(2)} mm`);
}

function figures(now) {
  const [mean, max] = now.contour_so_far_mm ?? [];
  text('contour-mean', mean === undefined ? '–' : `${mean.toFixed(2)} mm`);
  text('contour-max', max === undefined ? '–' : `${max.toFixed(2)} mm`);
  text('lap', now.laps[1] > 0 ? `${now.laps[0].toFixed(2)} of ${now.laps[1]}` : now.laps[0].toFixed(2));
  text('success', `${(100 * now.success_rate).toFixed(0)} % of the last 100`);
  text('missed', `${now.cycles[1]} of ${now.cycles[0]}`);
  text('loss', now.loss_mse_rad2 === null ? '–' : `${now.loss_mse_rad2.toExponential(2)} rad²`);
  text('swaps', String(now.policies[1]));
  const why = now.refused.map((count, k) => (count ? `${count} ${reasons[k]}` : '')).filter(Boolean).join(', ');
  text('refused', why ? `${now.policies[2]}: ${why}` : String(now.policies[2]));
  text('rollbacks', String(now.policies[3]));
}

async function stop() {
  const { ok, words } = await link.stop();
  if (!ok) say(`STOP: ${words}`, true);
}

// With the press, not when it is let go; the click is a screen reader's, or Enter.
$('stop').addEventListener('pointerdown', stop);
$('stop').addEventListener('click', (event) => event.detail === 0 && stop());
// The space bar stops wherever the focus is; a button is pressed by Enter.
addEventListener('keydown', (event) => {
  if (event.code !== 'Space') return;
  event.preventDefault();
  if (!event.repeat) stop();
}, true);
addEventListener('keyup', (event) => {
  if (event.code === 'Space') event.preventDefault();
}, true);
for (const what of ['home', 'recover']) {
  $(what).addEventListener('click', () => {
    $(what).disabled = true;
    ask(link[what]()).then(mayImitate);
  });
}
$('take').addEventListener('click', () => link.send('take'));
$('clear').addEventListener('click', () => {
  forget();
  board.clear();
});
$('undo').addEventListener('click', undo);
// A stroke takes the place of a file, by pen or by keyboard.
board.begun = forget;
$('file').addEventListener('change', async () => {
  const [chosen] = $('file').files;
  if (!chosen) return;
  if (chosen.size > FILE_BYTES) {
    say(`${chosen.name}: ${chosen.size} bytes, allowed ${FILE_BYTES} from the page; give it by --trajectory`, true);
    forget();
    return;
  }
  file = { name: chosen.name, text: await chosen.text() };
  read();
});
$('closed').addEventListener('click', () => $('closed').setAttribute('aria-pressed', !isClosed()));
planes.watch(lie);
keys.listen(board, undo);
$('speed').addEventListener('change', () => reach.again());
$('imitate').addEventListener('click', async () => {
  $('imitate').disabled = true;
  if (!await ask(link.imitate(drawing()))) mayImitate();
});
text('plane', planes.words(plane));
addEventListener('pagehide', () => link.send('release'));
