// The panel of a session of teaching: what is recorded, and what a person presses.

const $ = (id) => document.getElementById(id);
const text = (id, words) => {
  if ($(id).textContent !== words) $(id).textContent = words;
};
const BUTTONS = {
  'teach-keep': 'keep', 'teach-discard': 'discard', 'teach-redo': 'redo', 'teach-done': { success: true },
  'teach-failed': { success: false }, 'teach-hands-free': 'hands_free', 'teach-close': { grip: true },
  'teach-open': { grip: false }, 'teach-quit': 'quit', 'teach-toggle': 'toggle',
};
const DECIDES = ['teach-keep', 'teach-discard', 'teach-redo'];

export class Teaching {
  /** `press(what)` gives what was pressed to the program. */
  constructor(press) {
    this.operator = false;
    this.lesson = null;
    for (const [id, what] of Object.entries(BUTTONS)) $(id).addEventListener('click', () => press(what));
    $('teach-label-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const label = $('teach-label').value.trim();
      if (label) press({ label });
      $('teach-label').value = '';
    });
  }

  may(operator) {
    this.operator = operator;
    this.enable();
  }

  enable() {
    const { operator, lesson } = this;
    for (const id of [...Object.keys(BUTTONS), 'teach-label', 'teach-say']) $(id).disabled = !operator || !lesson;
    if (!operator || !lesson) return;
    const hasEpisode = ['recording', 'review'].includes(lesson.state);
    for (const id of DECIDES) $(id).disabled = !(hasEpisode || (id === 'teach-redo' && lesson.kept[0] > 0));
  }

  /** `lesson` is null where nobody teaches. */
  show(lesson) {
    const isNews = this.lesson?.state !== lesson?.state || this.lesson?.kept[0] !== lesson?.kept[0];
    this.lesson = lesson;
    $('teaching').hidden = !lesson;
    if (isNews) this.enable();
    if (!lesson) return;
    const { state, episode, kept, recorded_s: s, hands_free: free } = lesson;
    const states = {
      ready: free ? 'ready: motion begins an episode' : 'ready to record', recording: `● recording episode ${episode}`,
      review: `episode ${episode}: keep it, or throw it away?`, over: 'the session is over',
    };
    text('teach-state', states[state]);
    $('teach-state').className = state;
    text('teach-toggle', state === 'recording' ? 'End the episode' : 'Record');
    text('teach-time', ['recording', 'review'].includes(state) ? `${s.toFixed(1)} s` : '–');
    text('teach-kept', kept[1] > 0 ? `${kept[0]} of ${kept[1]}` : String(kept[0]));
    text('teach-guided', lesson.guided ? 'guided' : 'held');
    text('teach-speed', `${lesson.speed_m_s.toFixed(2)} m/s`);
    text('teach-rate', `${lesson.rate_hz.toFixed(0)} Hz, ${lesson.lost} lost`);
    text('teach-learnt', lesson.learnt_mm === null ? '–' : `to ${lesson.learnt_mm.toFixed(2)} mm`);
  }
}
