// The pen by keyboard: arrows move it, Enter puts it down and lifts it, Backspace takes the last stroke back.

/** Steps of an arrow, and with Shift, m. */
const STEP_M = 0.01;
const FINE_M = 0.002;
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** `undo` takes the last stroke back, or the file. */
export function listen(board, undo) {
  const { canvas } = board;
  canvas.addEventListener('focus', () => {
    // A mouse needs no cross.
    if (!canvas.matches(':focus-visible')) return;
    board.pen ??= [0, 0];
    board.draw();
  });
  canvas.addEventListener('blur', () => {
    board.end();
    board.pen = null;
    board.draw();
  });
  canvas.addEventListener('keydown', (event) => {
    const way = WAYS[event.key];
    const t_s = event.timeStamp / 1000;
    if (!way && event.key !== 'Enter' && event.key !== 'Backspace') return;
    event.preventDefault();
    board.pen ??= [0, 0];
    if (way) {
      const step = event.shiftKey ? FINE_M : STEP_M;
      board.pen = board.pen.map((x, i) => Math.max(-board.frame.size[i] / 2, Math.min(board.frame.size[i] / 2, x + step * way[i])));
      if (board.isDrawing) board.moveTo([[board.pen, t_s]]);
    } else if (event.key === 'Backspace') {
      board.isDrawing = false;
      undo();
    } else if (board.isDrawing) {
      board.end();
    } else if (!event.repeat) {
      board.putDown(board.pen, t_s);
    }
    board.draw();
  });
}
