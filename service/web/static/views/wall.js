// The wall: pages at once, alike beside alike (?source=map) or as they stand on the shelf (?source=shelf); &by= colours, &filter= which, &at= the view.

import { emptyState, segmented, toast } from "../components.js";
import { announce, h } from "../dom.js";
import { createFilterBar } from "../filterbar.js";
import { count, counted } from "../format.js";
import { pageTitle } from "../grid.js";
import { openLightbox } from "../lightbox.js";
import { loadColumns } from "../mapdata.js";
import { addressWith, navigate } from "../router.js";
import { createWallViewer } from "../wallviewer.js";

export const title = "Wall";

/** Pages fetched at once to the right of the one that is opened. */
const ROW_AHEAD = 6;
/** From this size of a cell on, the page in the middle is told to those who listen. */
const TOLD_PX = 64;

/** @typedef {{source: "map"|"shelf", filter: string[]}} Which */

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  const head = createHead(api, (changes) => navigate(addressWith(changes), { replace: true }));
  let shown = { element: h("div"), close() {} };
  let key = null;
  root.replaceChildren(head.element, shown.element);

  /** The head stays as it is, with what is open in it; only the wall is another. */
  async function update(wanted) {
    /** @type {Which} */
    const which = { source: wanted.get("source") === "shelf" ? "shelf" : "map", filter: wanted.getAll("filter") };
    const by = wanted.get("by");
    const mine = JSON.stringify([which, by]);
    if (key === mine) return;
    key = mine;
    head.update(which, by);
    const meta = await readWall(api, which);
    if (key !== mine) return;
    const made = showWall(api, meta, which, by, wanted.get("at"), head.tell);
    shown.close();
    shown.element.replaceWith(made.element);
    shown = made;
    made.begin?.();
  }

  await update(params);
  return { update, close: () => shown.close() };
}

/** What is hung, in which colours: and how much that is. */
function createHead(api, go) {
  const told = h("p", { class: "lede" });
  const colours = h("select", { id: "wall-by", on: { change: (event) => go({ by: event.target.value || null }) } });
  const bar = createFilterBar(api, [], (wanted) => go({ filter: wanted, at: null }));
  const summary = h("summary", { class: "button" });
  // The filters in a panel of their own: the wall needs the height.
  const filters = h("details", { class: "panel wall-filter" }, summary, h("div", { class: "panel-sheet" }, bar.element));
  const order = h("div");
  const element = h("div", { class: "map-head wall-head" }, h("h1", {}, "Wall"), told, h("div", { class: "row" }, order, h("label", { for: "wall-by" }, "Strip"), colours, filters));
  let columns = [];

  function offer(by) {
    const known = columns.some(([value]) => value === by) || !by ? columns : [...columns, [by, by]];
    colours.replaceChildren(h("option", { value: "" }, "none"), ...known.map(([value, text]) => h("option", { value, selected: value === by }, text)));
  }

  loadColumns(api).then(
    (found) => {
      columns = found;
      offer(colours.value);
    },
    (error) => toast(error.message, { bad: true }),
  );
  return {
    element,
    /** @param {Which} which @param {string|null} by */
    update({ source, filter }, by) {
      if (!order.contains(document.activeElement)) {
        order.replaceChildren(segmented("Order", "wall-source", [["map", "Alike together"], ["shelf", "As on the shelf"]], source, (value) => go({ source: value, at: null })));
      }
      bar.update(filter);
      summary.textContent = filter.length ? `Filter: ${filter.length}` : "Filter";
      summary.classList.toggle("button-chosen", filter.length > 0);
      offer(by);
    },
    /** @param {string} text */
    tell: (text) => (told.textContent = text),
  };
}

/**
 * @param {typeof import("../api.js").api} api
 * @param {any} meta null where there is no map
 * @param {Which} which
 * @param {string|null} by
 * @param {string|null} at
 * @param {(text: string) => void} tell
 */
function showWall(api, meta, which, by, at, tell) {
  if (!meta?.pages) {
    tell("");
    const empty = which.filter.length ? emptyState("No page passes these filters.", h("p", {}, "Take one away above.")) : emptyState("The shelf is empty.", h("p", {}, "Index a folder of scans first."));
    return { element: meta ? empty : noMap(), close() {} };
  }
  const status = h("p", { class: "map-view hint", role: "status" });
  const desk = h("div", { class: "wall-desk map-main" });
  const { pages } = meta;
  tell(`${counted(pages, "page")}, ${count(meta.columns)} × ${count(meta.rows)}`);
  let asked = 0;
  const viewer = createWallViewer(api, { ...meta, filter: which.filter }, by, { onOpen: (column, row) => open(column, row), onRest: rest });

  function rest({ x, y, zoom, cellPx }) {
    const whole = Math.abs(zoom - 1) < 0.01;
    history.replaceState(history.state, "", addressWith({ at: whole ? null : [x, y, zoom].map((one) => Number(one.toPrecision(5))).join(",") }));
    asked += 1;
    if (whole) status.textContent = "The whole wall";
    else if (cellPx < TOLD_PX) status.textContent = `About ${count(inSight(viewer, cellPx, meta))} in view`;
    else tellMiddle(Math.floor(x), Math.floor(y)).catch((error) => toast(error.message, { bad: true }));
  }

  async function tellMiddle(column, row) {
    const mine = asked;
    const page = await pageAt(api, which, column, row);
    if (mine === asked && page) status.textContent = pageTitle(page);
  }

  async function open(column, row) {
    const cells = cellsFrom(meta, column, row);
    const items = [];
    const places = [];
    async function more() {
      const next = [];
      while (next.length < ROW_AHEAD) {
        const { value, done } = cells.next();
        if (done) break;
        next.push(value);
      }
      const found = await Promise.all(next.map((cell) => pageAt(api, which, cell.column, cell.row)));
      found.forEach((page, i) => {
        if (!page) return;
        items.push({ page });
        places.push(next[i]);
      });
      return found.some(Boolean);
    }
    try {
      const first = await pageAt(api, which, column, row);
      if (!first) return;
      await more();
      openLightbox(items, 0, { more, onLeave: (index) => (viewer.surface.focus({ preventScroll: true }), viewer.show(places[index])) });
    } catch (error) {
      toast(error.message, { bad: true });
    }
  }

  desk.append(viewer.element, toolbar(viewer, status));
  if (by) stripLegend(api, by).then((legend) => desk.append(legend));
  return {
    element: desk,
    close: viewer.close,
    /** Once it is in the page, and so has a size. */
    begin() {
      const numbers = (at ?? "").split(",").map(Number);
      if (numbers.length === 3 && numbers.every(Number.isFinite)) viewer.look({ x: numbers[0], y: numbers[1], zoom: numbers[2] });
      announce(`Wall of ${counted(pages, "page")}`);
    },
  };
}

/** The cell and those after it, row by row. */
function* cellsFrom({ columns, rows }, column, row) {
  for (let at = row * columns + column; at < rows * columns; at += 1) yield { column: at % columns, row: Math.floor(at / columns) };
}

function inSight(viewer, cellPx, meta) {
  const across = (length, most) => Math.min(Math.ceil(length / cellPx), most);
  return across(viewer.surface.clientWidth, meta.columns) * across(viewer.surface.clientHeight, meta.rows);
}

async function readWall(api, which) {
  try {
    return await api.get("/wall", which);
  } catch (error) {
    if (error.code === "map-missing") return null;
    throw error;
  }
}

/** Null where the cell is empty. */
async function pageAt(api, which, column, row) {
  try {
    return await api.get("/wall/at", { ...which, column, row });
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function noMap() {
  return emptyState("There is no map yet.", h("p", {}, "This wall puts pages side by side that lie close together on the map. ", h("a", { href: "/map" }, "Make the map"), ", or look at the wall in ", h("a", { href: "/wall?source=shelf" }, "shelf order"), "."));
}

/** What the colours of the strip mean: the service's own, as on the map. */
async function stripLegend(api, by) {
  const list = h("ul", { class: "wall-legend", "aria-label": "Colours of the strip", tabindex: 0 });
  try {
    const { names, counts, colours } = await api.get("/map/colours", { by });
    const rows = names.map((name, i) => h("li", {}, h("span", { class: "legend-mark legend-square", vars: { "--colour": colours[i] } }), by === "cluster" ? `cluster ${name}` : name, h("span", { class: "menu-count" }, count(counts[i]))));
    list.append(...(rows.length ? rows : [h("li", { class: "hint" }, `No page has a ${by} yet.`)]));
  } catch {
    // Without a map there are no numbers to tell; the strip itself is there all the same.
    list.hidden = true;
  }
  return list;
}

function toolbar(viewer, status) {
  const button = (text, name, run) => h("button", { type: "button", class: "button icon-button", "aria-label": name, title: name, on: { click: run } }, text);
  return h(
    "div",
    { class: "map-tools", role: "group", "aria-label": "Wall tools" },
    button("+", "Zoom in", () => viewer.zoomBy(2)),
    button("−", "Zoom out", () => viewer.zoomBy(0.5)),
    h("button", { type: "button", class: "button", on: { click: () => viewer.home() } }, "Whole wall"),
    h("p", { class: "hint wall-hint" }, "Double click opens a page"),
    status,
  );
}
