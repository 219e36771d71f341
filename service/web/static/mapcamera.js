// Where the points of the map stand on the screen, and which of them: all of it counted over typed arrays, without an index.

/**
 * @typedef {object} Camera
 * @property {number} x @property {number} y the middle of the view, in map units (the map is -1 to 1)
 * @property {number} zoom 1 shows all
 * @property {number} yaw @property {number} pitch radians; 0 on a flat map
 * @property {number} wide @property {number} high how far the map reaches from its middle, in map units
 */
/** @typedef {{width: number, height: number}} Size in px */

/** How far away the eye is, in map units; nearer would bend the map more. */
export const EYE = 4;
/** The share of the view that the whole map takes; the pictures of its outermost pages need the rest. */
const MARGIN = 0.87;
export const ZOOM_MOST = 4000;
const ZOOM_LEAST = 0.5;
/** A lasso is cut into so many bands, so that a point is compared with the few sides at its height only. */
const BANDS = 256;

/** @param {{wide: number, high: number}} extent @param {2|3} dims @returns {Camera} */
export const createCamera = (extent, dims) => ({ x: 0, y: 0, zoom: 1, yaw: dims === 3 ? 0.6 : 0, pitch: dims === 3 ? 0.35 : 0, ...extent });

/** Px per map unit. @param {Camera} camera @param {Size} size */
export const pxPerUnit = (camera, size) => (camera.zoom * MARGIN * Math.min(size.width / camera.wide, size.height / camera.high)) / 2;

/**
 * Zoom so that what is under `at` stays there.
 * @param {Camera} camera @param {Size} size @param {number} factor @param {{x: number, y: number}} at
 */
export function zoomAt(camera, size, factor, at) {
  const before = pxPerUnit(camera, size);
  camera.zoom = Math.min(Math.max(camera.zoom * factor, ZOOM_LEAST), ZOOM_MOST);
  const after = pxPerUnit(camera, size);
  camera.x += (at.x - size.width / 2) * (1 / before - 1 / after);
  camera.y += (at.y - size.height / 2) * (1 / before - 1 / after);
}

/**
 * Stretch any positions to -1 … 1 with their proportions kept, three numbers each; y grows downwards, as on the wall.
 * `unplaced` pages came after the map and have no position (NaN). `extent` is how far the others reach from the middle; in three dimensions far enough for any turn.
 * @param {Float32Array} points N × dims
 * @param {2|3} dims
 */
export function normalise(points, dims) {
  const pages = points.length / dims;
  let unplaced = 0;
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 1) {
    const axis = i % dims;
    if (points[i] < low[axis]) low[axis] = points[i];
    if (points[i] > high[axis]) high[axis] = points[i];
  }
  const half = Math.max(...low.slice(0, dims).map((_, axis) => high[axis] - low[axis]), 1e-9) / 2;
  const places = new Float32Array(3 * pages);
  for (let i = 0; i < pages; i += 1) {
    unplaced += Number(Number.isNaN(points[dims * i]));
    for (let axis = 0; axis < dims; axis += 1) places[3 * i + axis] = (points[dims * i + axis] - (low[axis] + high[axis]) / 2) / half;
  }
  const reach = (axis) => Math.max((high[axis] - low[axis]) / 2 / half, 0.2);
  return { places, unplaced, extent: dims === 3 ? { wide: 1.25, high: 1.25 } : { wide: reach(0), high: reach(1) } };
}

/**
 * Go through all points that are shown: calls `visit(i, x, y)` with their place on the screen.
 * @param {{places: Float32Array, values: Uint16Array, shown: Uint8Array}} map `shown` by value
 * @param {Camera} camera @param {Size} size
 * @param {(i: number, x: number, y: number) => void} visit
 */
export function eachPoint({ places, values, shown }, camera, size, visit) {
  const [cy, sy, cp, sp] = [Math.cos(camera.yaw), Math.sin(camera.yaw), Math.cos(camera.pitch), Math.sin(camera.pitch)];
  const k = pxPerUnit(camera, size);
  const [left, top] = [size.width / 2 - camera.x * k, size.height / 2 - camera.y * k];
  for (let i = 0, j = 0; j < places.length; i += 1, j += 3) {
    if (!shown[values[i]] || Number.isNaN(places[j])) continue;
    const z = places[j + 2] * cy - places[j] * sy;
    const y = places[j + 1] * cp - z * sp;
    const near = EYE / (EYE - (places[j + 1] * sp + z * cp));
    visit(i, left + (places[j] * cy + places[j + 2] * sy) * near * k, top + y * near * k);
  }
}

/** The shown point nearest to `at`, or -1 where none is within `reach` px. */
export function nearest(map, camera, size, at, reach) {
  let best = -1;
  let least = reach * reach;
  eachPoint(map, camera, size, (i, x, y) => {
    const away = (x - at.x) ** 2 + (y - at.y) ** 2;
    if (away <= least) [best, least] = [i, away];
  });
  return best;
}

/** How many shown points are in view, and the first `most` of them. */
export function inView(map, camera, size, most) {
  const found = [];
  let total = 0;
  eachPoint(map, camera, size, (i, x, y) => {
    if (x < 0 || y < 0 || x > size.width || y > size.height) return;
    if (total < most) found.push({ i, x, y });
    total += 1;
  });
  return { total, found };
}

/**
 * The shown points inside a polygon on the screen (even-odd rule).
 * @param {{x: number, y: number}[]} polygon
 * @returns {number[]}
 */
export function inside(map, camera, size, polygon) {
  const [xs, ys] = [polygon.map((one) => one.x), polygon.map((one) => one.y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const bandOf = (y) => Math.min(Math.floor(((y - top) / (bottom - top)) * BANDS), BANDS - 1);
  const sides = polygon.map((_, a) => [a, (a + 1) % polygon.length]).filter(([a, b]) => ys[a] !== ys[b]);
  const bands = Array.from({ length: BANDS }, () => []);
  for (const side of sides) {
    const [from, to] = side.map((corner) => bandOf(ys[corner])).sort((a, b) => a - b);
    for (let band = from; band <= to; band += 1) bands[band].push(side);
  }
  const found = [];
  eachPoint(map, camera, size, (i, x, y) => {
    if (x < left || x > right || y < top || y >= bottom) return;
    let within = false;
    for (const [a, b] of bands[bandOf(y)]) {
      if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) within = !within;
    }
    if (within) found.push(i);
  });
  return found;
}

/** From the screen to a flat map's units, and back. */
export function toMap(camera, size, { x, y }) {
  const k = pxPerUnit(camera, size);
  return { x: camera.x + (x - size.width / 2) / k, y: camera.y + (y - size.height / 2) / k };
}

export function toScreen(camera, size, { x, y }) {
  const k = pxPerUnit(camera, size);
  return { x: (x - camera.x) * k + size.width / 2, y: (y - camera.y) * k + size.height / 2 };
}
