// Pictures instead of dots, where few enough points are in view. They are for the eye: the keyboard has the list beside the map.

import { h } from "./dom.js";

export const PICTURES_MOST = 150;
const LARGEST_PX = 132;
const SMALLEST_PX = 34;

/**
 * @param {typeof import("./api.js").api} api
 * @param {(i: number) => string} idOf
 */
export function createPictures(api, idOf) {
  const element = h("div", { class: "map-pictures", "aria-hidden": "true" });
  /** @type {Map<number, HTMLElement>} */
  const shown = new Map();

  function picture(i) {
    const img = h("img", { alt: "", decoding: "async" });
    img.addEventListener("load", () => frame.classList.add("loaded"));
    const frame = h("span", { class: "map-picture" }, img);
    api.showPicture(img, `/pages/${idOf(i)}/thumbnail`);
    element.append(frame);
    shown.set(i, frame);
    return frame;
  }

  return {
    element,
    /** How large pictures are at this density, in px. */
    sizeFor: (count, { width, height }) => Math.min(Math.max(Math.sqrt((width * height) / Math.max(count, 1)) * 0.62, SMALLEST_PX), LARGEST_PX),
    /**
     * @param {{i: number, x: number, y: number}[]} found
     * @param {number} sizePx
     * @param {(i: number) => {css: string, faint: boolean}} looksOf
     */
    show(found, sizePx, looksOf) {
      const wanted = new Set(found.map(({ i }) => i));
      for (const [i, frame] of shown) {
        if (wanted.has(i)) continue;
        frame.remove();
        shown.delete(i);
      }
      element.style.setProperty("--size", `${sizePx.toFixed(1)}px`);
      for (const { i, x, y } of found) {
        const frame = shown.get(i) ?? picture(i);
        const { css, faint } = looksOf(i);
        frame.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) translate(-50%, -50%)`;
        frame.style.setProperty("--colour", css);
        frame.classList.toggle("faint", faint);
      }
    },
    clear() {
      element.replaceChildren();
      shown.clear();
    },
  };
}
