// The page under the pointer: its picture, its path, where it belongs.

import { h } from "./dom.js";
import { clusterName } from "./format.js";
import { pageTitle } from "./grid.js";

const CARD_PX = 210;
const WAIT_MS = 60;

/**
 * @param {typeof import("./api.js").api} api
 * @param {(i: number) => Promise<import("./types.js").Page|undefined>} pageOf
 * @param {(i: number) => string|undefined} colourOf
 */
export function createHoverCard(api, pageOf, colourOf) {
  const element = h("div", { class: "map-card", hidden: true, "aria-hidden": "true" });
  let waiting = 0;
  let shown = -1;

  function hide() {
    clearTimeout(waiting);
    element.hidden = true;
    shown = -1;
  }

  function place(at, size) {
    const left = at.x > size.width / 2 ? at.x - CARD_PX - 18 : at.x + 18;
    element.style.left = `${Math.max(4, Math.min(left, size.width - CARD_PX - 4))}px`;
    if (at.y > size.height / 2) {
      element.style.top = "auto";
      element.style.bottom = `${Math.max(4, size.height - at.y - 10)}px`;
    } else {
      element.style.top = `${at.y + 10}px`;
      element.style.bottom = "auto";
    }
  }

  async function show(i, at, size) {
    if (i === shown) return place(at, size);
    shown = i;
    const page = await pageOf(i);
    if (!page || shown !== i) return;
    const img = h("img", { alt: "" });
    api.showPicture(img, `/pages/${page.page_id}/thumbnail`);
    const belongs = [clusterName(page.cluster, page.group), page.label].filter(Boolean).join(" · ");
    element.style.setProperty("--colour", colourOf(i) ?? "transparent");
    element.replaceChildren(img, h("span", { class: "path" }, pageTitle(page)), h("span", { class: "hint" }, belongs));
    place(at, size);
    element.hidden = false;
  }

  return {
    element,
    hide,
    /** @param {{x: number, y: number}|null} at @param {(() => number)|null} find @param {import("./mapcamera.js").Size} size */
    track(at, find, size) {
      clearTimeout(waiting);
      if (!at || !find) return hide();
      waiting = setTimeout(() => {
        const i = find();
        if (i < 0) hide();
        else show(i, at, size).catch(hide);
      }, WAIT_MS);
    },
  };
}
