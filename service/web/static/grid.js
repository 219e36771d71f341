// Pages as pictures: tiles in rows of even height, like photographs laid out on a table.

import { api } from "./api.js";
import { h } from "./dom.js";
import { clusterName, fileName, similarity as formatSimilarity } from "./format.js";
import { openLightbox } from "./lightbox.js";

const THUMBNAIL_PX = 320;

/**
 * The thumbnail of a page; its size is known before it comes, so nothing jumps.
 * @param {import("./types.js").Page} page
 */
export function thumbnail(page) {
  const scale = THUMBNAIL_PX / Math.max(page.width_px, page.height_px, 1);
  const img = h("img", {
    alt: pageTitle(page),
    loading: "lazy",
    decoding: "async",
    width: Math.max(1, Math.round(page.width_px * scale)),
    height: Math.max(1, Math.round(page.height_px * scale)),
  });
  img.addEventListener("error", () => img.classList.add("broken"));
  api.showPicture(img, `/pages/${page.page_id}/thumbnail`);
  return img;
}

/**
 * What to call a page.
 * @param {import("./types.js").Page} page
 */
export const pageTitle = (page) => (page.pages_in_file > 1 ? `${page.path}, page ${page.page_number}` : page.path);

/** The address of "pages like this one". @param {import("./types.js").Page} page */
export const similarAddress = (page) => `/search?page=${encodeURIComponent(page.page_id)}`;

/**
 * A grid of tiles. One Tab stop; the arrow keys, Home and End go from tile to tile; Enter opens, and Space chooses.
 * @param {string} label
 * @param {{strip?: boolean, belongs?: boolean, picks?: import("./picks.js").Picks, more?: () => Promise<boolean>}} [options] `strip` is one row that scrolls;
 *   `belongs` writes groups instead of file names below the tiles; `picks` lets tiles be chosen; `more` brings the next tiles and says whether there were any
 */
export function createGrid(label, { strip = false, belongs = false, picks, more } = {}) {
  /** @type {import("./types.js").Item[]} */
  const items = [];
  const element = h("ul", { class: strip ? "grid grid-strip" : "grid", "aria-label": label });
  let last = 0;
  element.addEventListener("keydown", (event) => {
    if (picks && event.key === " " && event.target.matches("a.tile")) {
      event.preventDefault();
      const index = [...element.children].indexOf(event.target.closest("li"));
      pick(index, !picks.has(items[index].page.page_id), event.shiftKey);
    } else moveFocus(element, event);
  });
  picks?.onChange(refresh);
  element.addEventListener("focusin", (event) => {
    for (const tile of element.querySelectorAll("a.tile")) tile.tabIndex = tile === event.target ? 0 : -1;
  });

  /** Choose a tile, or with Shift all from the last one to it. */
  function pick(index, on, reach) {
    const [from, to] = reach ? [Math.min(last, index), Math.max(last, index)] : [index, index];
    for (let i = from; i <= to; i += 1) picks.set(items[i].page, on);
    last = index;
  }

  /** Captions and marks anew: what was decided shows at once. */
  function refresh() {
    for (const [index, tile] of [...element.children].entries()) {
      const on = picks?.has(items[index].page.page_id) ?? false;
      tile.classList.toggle("picked", on);
      const box = tile.querySelector(".tile-pick");
      if (box) box.checked = on;
      const name = tile.querySelector(".tile-name");
      if (name) name.textContent = captionOf(items[index].page, belongs);
    }
  }

  /** @param {import("./types.js").Item[]} added */
  function append(added) {
    for (const item of added) {
      const index = items.push(item) - 1;
      const open = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        openLightbox(items, index, { more, onLeave: (left) => (refresh(), element.querySelectorAll("a.tile")[left]?.focus()) });
      };
      const made = tile(strip ? { page: item.page } : item, index, belongs, open);
      if (picks) made.prepend(pickBox(item.page, (event) => pick(index, event.target.checked, event.shiftKey)));
      element.append(made);
    }
    if (picks) refresh();
  }

  return {
    element,
    items,
    append,
    refresh,
    /** @param {import("./types.js").Item[]} wanted */
    replace(wanted) {
      items.length = 0;
      element.replaceChildren();
      append(wanted);
    },
  };
}

function tile({ page, similarity, snippet }, index, belongs, open) {
  const ratio = Math.min(Math.max(page.width_px / Math.max(page.height_px, 1), 0.45), 2);
  const shown = similarity === undefined || similarity === null ? null : h("span", { class: "tile-similarity", title: "Similarity" }, formatSimilarity(similarity));
  return h(
    "li",
    { vars: { "--ratio": ratio.toFixed(3) } },
    h(
      "a",
      { class: "tile", href: similarAddress(page), tabindex: index === 0 ? 0 : -1, "aria-haspopup": "dialog", on: { click: open } },
      h("span", { class: "tile-sheet" }, thumbnail(page)),
      h("span", { class: "tile-caption" }, h("span", { class: "tile-name", title: page.path }, captionOf(page, belongs)), shown),
      snippet?.length ? snippetLine(snippet) : null,
    ),
  );
}

/** Where the words that were looked for stand on a page. @param {import("./types.js").SnippetPart[]} snippet */
export const snippetLine = (snippet) => h("span", { class: "snippet" }, snippet.map((part) => (part.is_match ? h("mark", {}, part.text) : part.text)));

function captionOf(page, belongs) {
  const group = page.group ?? page.label ?? (page.cluster === null ? null : clusterName(page.cluster, null));
  return (belongs && group) || fileName(page.path);
}

/** For the pointer; the keyboard chooses with Space on the tile itself. */
function pickBox(page, onClick) {
  return h("input", { type: "checkbox", class: "tile-pick", tabindex: -1, "aria-label": `Choose ${pageTitle(page)}`, on: { click: onClick } });
}

function moveFocus(element, event) {
  const tiles = [...element.querySelectorAll("a.tile")];
  const here = tiles.indexOf(document.activeElement);
  if (here < 0) return;
  const next = {
    ArrowRight: () => here + 1,
    ArrowLeft: () => here - 1,
    Home: () => 0,
    End: () => tiles.length - 1,
    ArrowDown: () => inNextRow(tiles, here, 1),
    ArrowUp: () => inNextRow(tiles, here, -1),
  }[event.key]?.();
  if (next === undefined) return;
  event.preventDefault();
  tiles[Math.min(Math.max(next, 0), tiles.length - 1)].focus();
}

/** Rows hold as many tiles as fit, so the tile above or below is the one that stands nearest. */
function inNextRow(tiles, here, step) {
  const from = tiles[here].getBoundingClientRect();
  const middle = from.left + from.width / 2;
  let row = null;
  let best = here;
  let nearest = Infinity;
  for (let i = here + step; tiles[i]; i += step) {
    const box = tiles[i].getBoundingClientRect();
    if (Math.abs(box.top - from.top) < 4) continue;
    row ??= box.top;
    if (Math.abs(box.top - row) >= 4) break;
    const away = Math.abs(box.left + box.width / 2 - middle);
    if (away < nearest) [nearest, best] = [away, i];
  }
  return best;
}

/**
 * A button that brings more; it presses itself when it comes into view, until `automatic` tiles are there, so that
 * the end of the page can be reached.
 * @param {() => Promise<void>} load
 * @param {() => boolean} automatic
 */
export function moreButton(load, automatic) {
  let busy = false;
  const run = async () => {
    if (busy || element.hidden) return;
    busy = true;
    try {
      await load();
    } finally {
      busy = false;
    }
    if (element.isConnected) {
      watch.unobserve(element);
      watch.observe(element);
    }
  };
  const element = h("button", { type: "button", class: "button more", hidden: true, on: { click: run } }, "More pages");
  const watch = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && automatic()) run();
  }, { rootMargin: "600px" });
  watch.observe(element);
  return { element, run, close: () => watch.disconnect() };
}
