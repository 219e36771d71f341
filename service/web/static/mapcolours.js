// The colours of the map. Those of names are the service's, the same on the wall and in pictures; beyond ten, where they come
// near each other, shapes tell them apart too.

const NONE = { light: "#a89f8f", dark: "#6e665b" };
const APART = 10;
export const SHAPES = ["circle", "square", "diamond", "triangle"];
/** Cividis, which the colour-blind see alike, turned round on a light ground: more always stands out more. */
const SCALE = ["#00204d", "#31446b", "#666970", "#958f78", "#cbba69", "#ffea46"];
const SCALE_LIGHT = ["#d9b83f", "#a99a62", "#7d7c73", "#575d6d", "#2f426c", "#00204d"];
/** More distinct numbers than this are shown as a scale, fewer as a list. */
const LISTED_NUMBERS = 12;

/** @param {string[]} names whether they are numbers, and too many to list */
export const isScale = (names) => names.length > LISTED_NUMBERS && names.every((name) => name.trim() !== "" && Number.isFinite(Number(name)));

/**
 * @param {{names: string[], colours: string[]}} given the values, in the order of the map's own numbering
 * @param {"light"|"dark"} theme
 * @returns {{css: string, shape: number}[]} one for each value, and one more for pages without
 */
export function colourValues({ names, colours }, theme) {
  const none = { css: NONE[theme], shape: 0 };
  if (isScale(names)) {
    const numbers = names.map(Number);
    const [low, high] = numbers.reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity]);
    return [...numbers.map((one) => ({ css: scaleColour((one - low) / (high - low || 1), theme), shape: 0 })), none];
  }
  return [...colours.map((css, i) => ({ css, shape: Math.floor(i / APART) % SHAPES.length })), none];
}

/** Stops of the scale, for the legend. @param {"light"|"dark"} theme */
export const scaleStops = (theme) => (theme === "dark" ? SCALE : SCALE_LIGHT);

function scaleColour(share, theme) {
  const stops = scaleStops(theme).map(rgb);
  const at = share * (stops.length - 1);
  const first = Math.min(Math.floor(at), stops.length - 2);
  const mixed = stops[first].map((part, i) => Math.round(part + (stops[first + 1][i] - part) * (at - first)));
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * As the texels that the dots are drawn with.
 * @param {{css: string, shape: number}[]} colours
 * @param {Uint8Array} shown by value
 */
export function texels(colours, shown) {
  const data = new Uint8Array(Math.ceil(colours.length / 256) * 1024);
  colours.forEach(({ css, shape }, i) => data.set([...rgb(css), shown[i] ? shape + 1 : 0], 4 * i));
  return data;
}

const rgb = (css) => [1, 3, 5].map((at) => parseInt(css.slice(at, at + 2), 16));
