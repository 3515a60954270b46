// Where the arm reaches along what is drawn, and how fast its joints would go: asked of the program, seldom.

/** Points in one question, at most. */
const POINTS = 150;
/** Between two questions, ms. */
const PAUSE_MS = 250;

export class Reach {
  /**
   * `ask(points)` gives a share for each point: above 1 the arm is slowed there, null out of reach; and the joints at the last
   * point within reach; or nothing. `told` is told of these joints.
   */
  constructor(board, ask, told) {
    Object.assign(this, { board, ask, told, wanted: new Set(), isBusy: false });
    board.drawn = (stroke) => this.want([stroke]);
  }

  /** What is known holds no more. */
  again() {
    this.board.reach.clear();
    this.want(this.board.strokes);
  }

  want(strokes) {
    strokes.forEach((stroke) => this.wanted.add(stroke));
    this.next();
  }

  async next() {
    const [stroke] = this.wanted;
    if (this.isBusy || !stroke) return;
    this.wanted.delete(stroke);
    this.isBusy = true;
    const step = Math.ceil(stroke.length / POINTS);
    // The last point with them: there the ghost stands.
    const answer = await this.ask(stroke.filter((_, i) => (stroke.length - 1 - i) % step === 0));
    if (answer && this.board.strokes.includes(stroke)) {
      this.board.reach.set(stroke, { step, first: (stroke.length - 1) % step, shares: answer.shares });
      this.board.draw();
      this.told(answer.q_rad);
    }
    setTimeout(() => {
      this.isBusy = false;
      this.next();
    }, PAUSE_MS);
  }

  /** In words, for whoever cannot tell the colours. */
  words() {
    const all = this.board.strokes.flatMap((stroke) => this.board.reach.get(stroke)?.shares ?? []);
    if (all.length === 0) return '';
    if (all.includes(null)) return 'part of it is out of reach';
    const most = Math.max(...all);
    return most > 1 ? `within reach; slowed where the joints would be too fast, up to ${most.toFixed(1)} times`
      : `within reach; the joints use up to ${Math.round(100 * most)} % of their speed`;
  }
}
