// What the operator may change while the arm moves; each button shows what the program has taken, not what was pressed.

const $ = (id) => document.getElementById(id);
/** After a change of the rate by hand, what the program says of it is shown again, ms. */
const OWN_MS = 600;

export class Acts {
  /** `ask(change)` asks the program. */
  constructor(ask) {
    this.now = {};
    this.touched = 0;
    $('hold').addEventListener('click', () => ask({ held: !this.now.held }));
    $('learning').addEventListener('click', () => ask({ learning: !this.now.learning }));
    $('rollback').addEventListener('click', () => ask({ rollback: true }));
    $('set-laps').addEventListener('click', () => ask({ laps: Number($('laps').value) }));
    $('rate').addEventListener('input', () => {
      this.touched = performance.now();
    });
    $('rate').addEventListener('change', () => ask({ speed: Number($('rate').value) }));
  }

  allow(may) {
    $('act').disabled = !may;
  }

  /** The motion that begins; the rate that it begins with is the highest. */
  plan({ speed }) {
    $('rate').step = Math.min(0.01, speed / 10);
    $('rate').max = speed;
    $('rate').value = speed;
  }

  show(now) {
    const { held, speed, learning, edition } = now;
    this.now = now;
    $('hold').textContent = held ? 'Go on' : 'Pause';
    $('hold').setAttribute('aria-pressed', held);
    $('learning').setAttribute('aria-pressed', learning === true);
    $('learning').disabled = learning === null;
    $('rollback').disabled = edition === 0;
    if (performance.now() - this.touched > OWN_MS) $('rate').value = speed;
    $('rate-now').textContent = `${speed.toFixed(2)} of 1`;
    $('edition').textContent = edition === 0 ? 'first policy' : `policy ${edition}`;
  }
}
