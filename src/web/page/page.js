// Puts the page together.
import { Acts } from '/act.js';
import { Series, histogram } from '/charts.js';
import { Board, HORIZONTAL } from '/draw.js';
import { Link } from '/link.js';
import { Teaching } from '/teach.js';

const $ = (id) => document.getElementById(id);
const text = (id, words) => {
  if ($(id).textContent !== words) $(id).textContent = words;
};
const STAGES = { waiting: 'at rest', learning: 'learning', driving: 'driving', teaching: 'teaching', simulated: 'a robot to connect to', lost: 'robot not reached' };
const MODES = {
  homing: 'on the way to the start', following: 'following', stopping: 'stopping', fault: 'FAULT', holding: 'holding',
  guiding: 'guiding', recovering: 'recovering', idle: 'at rest',
};
/** Charts are drawn so often at most, ms. */
const CHARTS_MS = 100;

let view = null;
let operator = false;
let stage = 'lost';
let charted = 0;
let lastPlan = null;
/** Whether the place of the operator was asked for. */
let asked = false;

const error = new Series($('error'), ['--a', '--b'], 0.1);
const limit = new Series($('limit'), ['--b'], 10);
const board = new Board($('canvas'), HORIZONTAL, mayImitate);
const teaching = new Teaching(async (press) => {
  const { ok, words } = await link.press(press);
  if (!ok) say(words, true);
});

function mayImitate() {
  $('imitate').disabled = !(operator && stage === 'waiting' && board.stroke.length > 1);
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

const acts = new Acts((change) => ask(link.act(change)));
const link = new Link({
  async hello({ about: what }) {
    text('robot', `${what.simulated ? 'simulated Panda' : 'Panda'} at ${what.robot}`);
    $('said').replaceChildren();
    if (view) return;
    try {
      const { View } = await import('/scene.js');
      view = new View($('scene'), what);
      view.lay(board.plane);
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
  if (stage !== now.stage) {
    stage = now.stage;
    mayImitate();
  }
  const mode = stage === 'driving' ? (now.held && now.mode === 'following' ? 'paused' : MODES[now.mode]) : STAGES[stage];
  text('mode', mode);
  $('mode').className = now.mode === 'fault' || stage === 'lost' ? 'bad' : '';
  document.body.dataset.stage = stage;
  $('drawing').hidden = $('figures').hidden = ['teaching', 'simulated'].includes(stage);
  document.body.dataset.mode = now.mode;
  if (stage !== 'lost') {
    view?.show(now);
    board.show(now.O_p_EE_m);
  }
  teaching.show(now.lesson);
  if (stage !== 'driving') return;
  acts.show(now);
  const t_s = performance.now() / 1000;
  error.add(t_s, [now.tracking_mm, now.contour_mm]);
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

function figures(now) {
  const [mean, max] = now.contour_so_far_mm ?? [];
  text('contour-mean', mean === undefined ? '–' : `${mean.toFixed(2)} mm`);
  text('contour-max', max === undefined ? '–' : `${max.toFixed(2)} mm`);
  text('lap', now.laps[1] > 0 ? `${now.laps[0].toFixed(2)} of ${now.laps[1]}` : now.laps[0].toFixed(2));
  text('success', `${(100 * now.success_rate).toFixed(0)} % of the last 100`);
  text('missed', `${now.cycles[1]} of ${now.cycles[0]}`);
  text('loss', now.loss_mse_rad2 === null ? '–' : `${now.loss_mse_rad2.toExponential(2)} rad²`);
  text('swaps', String(now.policies[1]));
  text('refused', String(now.policies[2]));
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
$('take').addEventListener('click', () => link.send('take'));
$('clear').addEventListener('click', () => board.clear());
$('imitate').addEventListener('click', async () => {
  $('imitate').disabled = true;
  const drawing = { points_m: board.points_m(), speed_m_s: Number($('speed').value), laps: Number($('laps').value) };
  if (!await ask(link.imitate(drawing))) mayImitate();
});
const { centre: [x, y, z], size } = board.plane;
text('plane', `horizontal, seen from above, base below: centre (${x}, ${y}, ${z}) m, side ${size} m, grid 0.02 m`);
addEventListener('pagehide', () => link.send('release'));
