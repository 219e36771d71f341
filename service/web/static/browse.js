// The start page: an invitation to bring a scan, and the pages of the library as they stand on the shelf.

import { emptyState, notice } from "./components.js";
import { announce, h, icon } from "./dom.js";
import { counted } from "./format.js";
import { createGrid, moreButton } from "./grid.js";
import { createPicks } from "./picks.js";
import { exportMenu } from "./sheets.js";
import { chooseWith } from "./uploads.js";

const PAGES_AT_ONCE = 60;
/** Beyond this many tiles, further pages come only by the button. */
const AUTOMATIC_TILES = 600;

/** Where a scan can be dropped; dropping works everywhere, this says so. */
export function dropZone() {
  const button = h("button", { type: "button", class: "button button-primary" }, "Choose files");
  const zone = h(
    "section",
    { class: "dropzone", "aria-label": "Bring a scan" },
    h("span", { class: "dropzone-leaves", "aria-hidden": "true" }, icon("sheet"), icon("sheet"), icon("sheet")),
    h(
      "div",
      { class: "dropzone-words" },
      h("h1", {}, "What is this page?"),
      h("p", {}, "Drop a scan anywhere, or paste one. You will see the group it belongs to and the pages that look like it."),
      h("p", { class: "fine" }, "JPEG, PNG, TIFF, HEIC, JPEG 2000, PDF; several at once. They are looked at, and not added to the library."),
    ),
    h("div", {}, button),
  );
  chooseWith(button);
  return zone;
}

/**
 * The pages that a filter lets through, in shelf order.
 * @param {typeof import("./api.js").api} api
 * @param {HTMLElement} filterbar
 */
export function createShelf(api, filterbar) {
  const total = h("p", { class: "section-count" });
  const picks = createPicks();
  const grid = createGrid("Pages in shelf order", { picks, more: () => loadMore() });
  const more = moreButton(() => loadMore(), () => grid.items.length < AUTOMATIC_TILES);
  const state = h("div");
  const element = h(
    "section",
    { class: "shelf", "aria-labelledby": "shelf-title" },
    h("div", { class: "section-head" }, h("h2", { id: "shelf-title" }, "On the shelf"), total, filterbar, exportMenu(() => ({ filter: filters, order: filters.length ? "typical" : "shelf" }))),
    state,
    grid.element,
    more.element,
    picks.element,
  );
  let filters = [];
  let cursor = null;
  let asked = 0;

  async function load(from) {
    asked += 1;
    const mine = asked;
    try {
      const list = await api.get("/pages", { filter: filters, limit: PAGES_AT_ONCE, cursor: from });
      if (mine !== asked) return false; // The filter has changed meanwhile.
      if (from) grid.append(list.pages.map((page) => ({ page })));
      else show(list);
      cursor = list.next_cursor;
      more.element.hidden = cursor === null;
      return list.pages.length > 0;
    } catch (error) {
      if (mine === asked) fail(error);
      return false;
    }
  }

  function show(list) {
    grid.replace(list.pages.map((page) => ({ page })));
    total.textContent = counted(list.total, "page");
    announce(`${counted(list.total, "page")} on the shelf`);
    state.replaceChildren(...(list.pages.length ? [] : [nothing(filters)]));
  }

  function fail(error) {
    cursor = null;
    more.element.hidden = true;
    state.replaceChildren(notice(error));
  }

  const loadMore = () => (cursor === null ? Promise.resolve(false) : load(cursor));
  return {
    element,
    close: more.close,
    /** @param {string[]} wanted */
    filter(wanted) {
      filters = wanted;
      return load(null);
    },
  };
}

function nothing(filters) {
  if (filters.length) return emptyState("No page passes these filters.", h("p", {}, "Take one away above."));
  return emptyState(
    "The shelf is empty.",
    h("p", {}, "Index a folder of scans: ", h("code", {}, "quire index ~/scans"), ", or start it under ", h("a", { href: "/jobs" }, "Jobs"), "."),
  );
}
