// What was drawn round on the map: how many, what they look like; to be given a group, or taken away as a list.

import { toast } from "./components.js";
import { movePages } from "./decide.js";
import { announce, h, icon } from "./dom.js";
import { counted } from "./format.js";
import { createGrid } from "./grid.js";
import { sheetMenu } from "./sheets.js";

const STRIP = 50;
/** Beyond this many, walking through the whole list of pages asks less of the service than naming them. */
const NAMED_MOST = 2500;
const LISTED_AT_ONCE = 200;
const CSV_COLUMNS = ["path", "page_number", "page_id", "root", "label", "cluster", "group"];

/**
 * @param {typeof import("./api.js").api} api
 * @param {{cache: ReturnType<typeof import("./mapdata.js").createPageCache>, idOf: (i: number) => string, onClear: () => void, onChange: () => void}} needs
 */
export function createSelection(api, { cache, idOf, onClear, onChange }) {
  /** @type {number[]} */
  let chosen = [];
  let asked = 0;
  const told = h("strong", { class: "selection-count" });
  const grid = createGrid("Selected pages", { strip: true, more: () => load() });
  const groups = h("datalist", { id: "map-groups" });
  const name = h("input", { id: "selection-group", list: "map-groups", placeholder: "Group", autocomplete: "off", maxlength: 200, required: true });
  const save = h("button", { class: "button button-primary" }, "Put into this group");
  const csv = h("button", { type: "button", class: "button", on: { click: () => exportPaths() } }, "Save as CSV");
  const form = h("form", { class: "row", on: { submit: move } }, h("label", { class: "visually-hidden", for: "selection-group" }, "Group for the selected pages"), name, save);
  const close = h("button", { type: "button", class: "button button-quiet icon-button", "aria-label": "Clear the selection", on: { click: onClear } }, icon("close"));
  const element = h("section", { class: "map-selection", "aria-label": "Selection", hidden: true }, h("div", { class: "selection-head" }, told, form, sheetMenu(() => ({ page_ids: chosen.map(idOf) })), csv, close), grid.element, groups);

  async function load() {
    const mine = asked;
    const from = grid.items.length;
    const pages = await cache.get(chosen.slice(from, from + STRIP).map(idOf));
    if (mine !== asked) return false;
    grid.append(pages.map((page) => ({ page })));
    return pages.length > 0;
  }

  /** @param {SubmitEvent} event */
  async function move(event) {
    event.preventDefault();
    const group = name.value.trim();
    if (!group) return;
    save.disabled = true;
    if (await movePages(chosen.map(idOf), group, changed)) name.value = "";
    save.disabled = false;
  }

  function changed() {
    cache.forget();
    onChange();
  }

  async function exportPaths() {
    csv.disabled = true;
    const progress = (share) => (csv.textContent = `Gathering, ${Math.round(100 * share)} %`);
    try {
      const ids = chosen.map(idOf);
      const pages = ids.length <= NAMED_MOST ? await cache.get(ids, progress) : await walk(api, new Set(ids), progress);
      saveAs(`quire-selection-${pages.length}.csv`, toCsv(pages));
      announce(`${counted(pages.length, "path")} saved`);
    } catch (error) {
      toast(error.message, { bad: true });
    }
    csv.textContent = "Save as CSV";
    csv.disabled = false;
  }

  return {
    element,
    /** @param {string[]} names the groups there are */
    offer: (names) => groups.replaceChildren(...names.map((value) => h("option", { value }))),
    /** @param {number[]|null} indices in shelf order */
    async show(indices) {
      asked += 1;
      chosen = indices ?? [];
      element.hidden = indices === null;
      grid.replace([]);
      if (!indices) return;
      told.textContent = `${counted(chosen.length, "page")} selected`;
      announce(told.textContent);
      save.disabled = csv.disabled = chosen.length === 0;
      grid.element.hidden = chosen.length === 0;
      try {
        await load();
      } catch (error) {
        toast(error.message, { bad: true });
      }
    },
  };
}

async function walk(api, wanted, progress) {
  const found = [];
  let seen = 0;
  let cursor = null;
  do {
    const list = await api.get("/pages", { limit: LISTED_AT_ONCE, cursor });
    found.push(...list.pages.filter((page) => wanted.has(page.page_id)));
    seen += list.pages.length;
    progress(seen / Math.max(list.total, 1));
    cursor = list.next_cursor;
  } while (cursor && found.length < wanted.size);
  return found;
}

/** @param {import("./types.js").Page[]} pages */
function toCsv(pages) {
  const lines = pages.map((page) => CSV_COLUMNS.map((column) => quoted(page[column])).join(","));
  return `${CSV_COLUMNS.join(",")}\r\n${lines.join("\r\n")}\r\n`;
}

function quoted(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function saveAs(fileName, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  h("a", { href: address, download: fileName }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
