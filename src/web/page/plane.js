// Where a drawing lies: the form on the page, and the same axes as the program's `[drawing.plane]`.

const $ = (id) => document.getElementById(id);
const number = (id) => Number($(id).value);
const DEGREE = Math.PI / 180;

/** What the form says, as the program takes it. */
export function given() {
  return {
    stands: $('stands').value, centre_m: [number('x'), number('y'), number('z')], turn_rad: number('turn') * DEGREE,
    size_m: [number('width'), number('height')], lift_m: number('lift') / 1000,
  };
}

export function fill({ stands, centre_m, turn_rad, size_m, lift_m }) {
  $('stands').value = stands;
  ['x', 'y', 'z'].forEach((id, i) => {
    $(id).value = centre_m[i];
  });
  $('turn').value = Number((turn_rad / DEGREE).toFixed(1));
  [$('width').value, $('height').value] = size_m;
  $('lift').value = 1000 * lift_m;
}

/** Directions to the right, up, and the point at the centre; horizontal: seen from above with the base below. */
export function frame({ stands, centre_m, turn_rad, size_m }) {
  const [c, s] = [Math.cos(turn_rad), Math.sin(turn_rad)];
  return { centre: centre_m, right: [s, -c, 0], up: stands === 'vertical' ? [0, 0, 1] : [c, s, 0], size: size_m };
}

export function words({ stands, centre_m, size_m }) {
  const how = stands === 'vertical' ? 'vertical, as seen from the base' : 'horizontal, seen from above, base below';
  return `${how}: centre (${centre_m.join(', ')}) m, ${size_m.join(' × ')} m, grid 0.02 m`;
}

/** Calls `changed` when the form has changed to something that can be drawn on. */
export function watch(changed) {
  $('where').addEventListener('change', () => {
    const plane = given();
    if (plane.size_m.every((side) => side >= 0.01) && plane.centre_m.every(Number.isFinite)) changed(plane);
  });
}
