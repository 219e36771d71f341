// Things to take away: contact sheets as a picture, A4 pages or one file; and of a filter also its table and its files.

import { api } from "./api.js";
import { toast } from "./components.js";
import { h } from "./dom.js";

const SHEETS = [["png", "Picture (PNG)"], ["pdf", "A4 pages (PDF)"], ["html", "One file (HTML)"]];
const TABLES = [["csv", "CSV"], ["json", "JSON"], ["parquet", "Parquet"], ["vectors", "Embeddings (Parquet)"]];
const FILES = [["zip", "With their folders (ZIP)"]];
/** The most pages on a sheet of each kind; a picture is for looking at, so it holds fewer than it might. */
const MOST = { png: 400, pdf: 2000, html: 2000 };
const IN_A_PICTURE = 120;

/** @typedef {{filter?: string[], like?: string, order?: string, page_ids?: string[], title?: string}} Wanted `page_ids` are these very pages */

/**
 * A menu that saves a contact sheet of what is shown.
 * @param {() => Wanted} wanted asked when a kind is chosen
 */
export const sheetMenu = (wanted) => menu("Contact sheet", [[null, SHEETS, (kind) => saveSheet(kind, wanted())]]);

/**
 * A menu that saves what passes a filter: a contact sheet, the table, the files.
 * @param {() => Wanted & {filter: string[]}} wanted
 */
export function exportMenu(wanted) {
  const save = (format) => api.download("/export", { format, filter: wanted().filter });
  return menu("Export", [["Contact sheet", SHEETS, (kind) => saveSheet(kind, wanted())], ["Table of every field", TABLES, save], ["Files", FILES, save]]);
}

/** @param {string} kind @param {Wanted} wanted */
function saveSheet(kind, { page_ids, ...rest }) {
  if (page_ids) return api.saveMade("/sheet", { ...rest, format: kind, page_ids: page_ids.slice(0, MOST[kind]) });
  return api.save("/sheet", { ...rest, format: kind, limit: kind === "png" ? IN_A_PICTURE : MOST[kind] });
}

/** @param {string} name @param {[string|null, string[][], (kind: string) => Promise<void>][]} sections */
function menu(name, sections) {
  const sheet = h("div", { class: "menu-sheet" });
  const element = h("details", { class: "menu" }, h("summary", { class: "button" }, name), sheet);
  for (const [heading, kinds, save] of sections) {
    const buttons = kinds.map(([kind, text]) => h("button", { type: "button", class: "menu-row menu-button", on: { click: () => run(() => save(kind)) } }, text));
    sheet.append(...(heading ? [h("p", { class: "menu-heading" }, heading)] : []), ...buttons);
  }

  async function run(save) {
    element.open = false;
    element.setAttribute("aria-busy", "true");
    try {
      await save();
    } catch (error) {
      toast(error.message, { bad: true });
    }
    element.removeAttribute("aria-busy");
  }

  return element;
}
