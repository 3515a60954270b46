// The connection to the program: what it shows comes in, orders and stops go out.

const TAKE_UP_AGAIN_MS = 500;
/** A sign of life goes out with every so manieth update. */
const ALIVE_EVERY = 8;

export class Link {
  /** `on` has a function for each kind of message, and `lost(words)`. */
  constructor(on) {
    this.on = on;
    this.client = null;
    this.socket = null;
    this.updates = 0;
    /** The last stop, until it has been taken. */
    this.stopped = null;
    this.session().then(() => this.open());
  }

  /** The token of the address becomes a cookie that no script can read, and leaves the address. */
  async session() {
    const token = new URLSearchParams(location.hash.slice(1)).get('t');
    if (!token) return;
    history.replaceState(null, '', location.pathname);
    const { ok, words } = await this.post('/api/session', { token });
    if (!ok) this.on.lost(words);
  }

  open() {
    const socket = new WebSocket(`ws://${location.host}/api/live`);
    this.socket = socket;
    socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    socket.onclose = () => {
      this.on.lost('not connected: open the address that the program has printed');
      setTimeout(() => this.open(), TAKE_UP_AGAIN_MS);
    };
  }

  take(message) {
    const [[kind, what]] = Object.entries(message);
    if (kind === 'hello') {
      if (this.client) this.send({ resume: this.client });
      this.client = what.client;
    }
    if (kind === 'now' && this.updates++ % ALIVE_EVERY === 0) this.send('alive');
    this.on[kind]?.(what);
  }

  send(word) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(word));
  }

  /** By both ways: the socket is the faster one, and may be broken. */
  stop() {
    this.send('stop');
    this.stopped = this.post('/api/stop', {});
    return this.stopped;
  }

  /** Asks for a change of what moves. */
  act(change) {
    return this.post('/api/act', { client: this.client, change });
  }

  /** What a drawing is for the program: its points in the base frame; read at the server, where the files are read. */
  async trace(drawing) {
    const { ok, words } = await this.post('/api/trace', { client: this.client, drawing }, true);
    return { ok, ...(ok ? JSON.parse(words) : { words }) };
  }

  /** How well the arm can follow a stroke; nothing where the program does not say. */
  async reach(stroke) {
    const { ok, words } = await this.post('/api/reach', { client: this.client, stroke }, true);
    return ok ? JSON.parse(words) : null;
  }

  async home() {
    await this.stopped;
    return this.post('/api/home', { client: this.client });
  }

  recover() {
    return this.post('/api/recover', { client: this.client });
  }

  async imitate(drawing) {
    // A stop that is still on its way is of what was before.
    await this.stopped;
    return this.post('/api/imitate', { client: this.client, drawing });
  }

  press(press) {
    return this.post('/api/teach', { client: this.client, press });
  }

  async post(path, body, wantsAnswer = false) {
    try {
      const answer = await fetch(path, {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
      });
      return { ok: answer.ok, words: answer.ok && !wantsAnswer ? '' : await answer.text() };
    } catch {
      return { ok: false, words: 'the program does not answer' };
    }
  }
}
