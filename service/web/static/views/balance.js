// Balance: how many pages have what, how labels and clusters agree, and which pages sit among the wrong neighbours. ?by= and ?against= are in the address.

import { barList, emptyState, notice } from "../components.js";
import { announce, h } from "../dom.js";
import { count, counted, fileName } from "../format.js";
import { createGrid, moreButton } from "../grid.js";
import { loadColumns } from "../mapdata.js";
import { createPicks } from "../picks.js";
import { addressWith, navigate } from "../router.js";

export const title = "Balance";

const SHARES = { label: "Labels", group: "Groups", notebook: "Notebooks" };
const NOTES = { label: "What the folders or a table say.", group: "Names that people gave.", notebook: "The first folder of each page." };
const PAGES_AT_ONCE = 60;
const AUTOMATIC_TILES = 300;
/** Values shown as bars; the others are in the table and under Search. */
const BARS_MOST = 14;

/** @typedef {{value: string|null, pages: number, share: number}} ValueShare */
/** @typedef {{by: string, against: string, rows: string[], columns: string[], counts: number[][], pages: number, purity: number, nmi: number, ari: number}} CrossTable */

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  let shown = { close() {} };

  async function update(wanted) {
    shown.close();
    root.replaceChildren();
    shown = await show(root, wanted.get("by") ?? "label", wanted.get("against") ?? (wanted.get("by") === "cluster" ? "label" : "cluster"), api);
  }

  await update(params);
  return { update, close: () => shown.close() };
}

async function show(root, by, against, api) {
  const summary = h("p", { class: "lede" });
  const columns = await loadColumns(api);
  const choose = (id, chosen, other, name) =>
    h("select", { id, on: { change: (event) => navigate(addressWith({ [name]: event.target.value }), { replace: true }) } }, columns.map(([value, text]) => h("option", { value, selected: value === chosen, disabled: value === other }, text)));
  const tools = h(
    "div",
    { class: "view-tools balance-tools" },
    h("label", { for: "balance-by" }, "How"),
    choose("balance-by", by, against, "by"),
    h("label", { for: "balance-against" }, "agrees with"),
    choose("balance-against", against, by, "against"),
    h("button", { type: "button", class: "button", on: { click: () => api.save("/balance/picture", { by, against }) } }, "Save as picture"),
  );
  const shares = h("div", { class: "columns" });
  const table = h("section", { class: "sheet", "aria-labelledby": "agreement-title" }, h("h2", { id: "agreement-title" }, `${textOf(columns, by)} against ${textOf(columns, against).toLowerCase()}`));
  const strays = wrongNeighbours(by, api);
  root.append(h("div", { class: "view-head" }, h("h1", {}, "Balance"), summary, tools), shares, table, strays.element);
  try {
    const report = await api.get("/balance", { by, against });
    summary.textContent = `${counted(report.pages, "page")}: how many there are of each kind, and whether what is called alike looks alike.`;
    shares.append(...Object.keys(SHARES).map((field) => sharesOf(field, report.shares[field])));
    table.append(...(report.table.pages ? agreement(report.table) : [emptyState(`No page has both a ${by} and a ${against}.`, against === "cluster" || by === "cluster" ? h("p", {}, h("a", { href: "/clusters" }, "Make clusters"), " first.") : null)]));
    announce(summary.textContent);
  } catch (error) {
    table.append(notice(error));
  }
  strays.run();
  return { close: strays.close };
}

const textOf = (columns, field) => columns.find(([value]) => value === field)?.[1] ?? field;

/** @param {ValueShare[]} shares */
function sharesOf(field, shares) {
  const id = `shares-${field}`;
  const named = shares.filter((one) => one.value !== null);
  const none = shares.find((one) => one.value === null);
  const counts = Object.fromEntries(named.slice(0, BARS_MOST).map((one) => [one.value, one.pages]));
  const rest = named.length > BARS_MOST ? h("p", { class: "hint" }, `and ${count(named.length - BARS_MOST)} more with fewer pages`) : null;
  const filter = { label: "label", group: "group", notebook: "folders" }[field];
  const link = (name) => (name.includes(",") ? null : `/search?filter=${encodeURIComponent(`${filter}=${name}`)}`);
  return h(
    "section",
    { class: "sheet", "aria-labelledby": id },
    h("h2", { id }, SHARES[field]),
    h("p", { class: "hint" }, NOTES[field]),
    named.length ? barList(counts, link) : emptyState("None yet."),
    rest,
    none && named.length ? h("p", { class: "hint" }, `${counted(none.pages, "page")} without`) : null,
  );
}

/** @param {CrossTable} table */
function agreement(table) {
  const figure = (name, value, words) => h("div", { title: words }, h("dt", {}, name), h("dd", {}, value.toFixed(2)));
  const words = `Of ${counted(table.pages, "page")} that have both. Darker is a larger share of the row.`;
  return [
    h(
      "dl",
      { class: "figures balance-figures" },
      figure("purity", table.purity, "The share of pages that are of the most frequent row of their column; more columns make it larger"),
      figure("NMI", table.nmi, "Normalised mutual information: 1 for the same partition, 0 where one says nothing of the other"),
      figure("ARI", table.ari, "Adjusted Rand index: 1 for the same partition, about 0 by chance"),
    ),
    h("p", { class: "hint" }, words),
    h(
      "div",
      { class: "table-scroll cross-scroll", tabindex: 0, role: "region", "aria-label": "Pages by both" },
      h(
        "table",
        { class: "cross" },
        h("thead", {}, h("tr", {}, h("td"), table.columns.map((name) => h("th", { scope: "col" }, name)), h("th", { scope: "col" }, "all"))),
        h("tbody", {}, table.rows.map((name, row) => crossRow(table, name, row))),
      ),
    ),
  ];
}

function crossRow({ by, against, columns, counts }, name, row) {
  const all = counts[row].reduce((sum, one) => sum + one, 0);
  const cells = counts[row].map((number, column) => {
    if (!number) return h("td");
    const filters = [[by, name], [against, columns[column]]];
    const text = count(number);
    const link = filters.some(([field, value]) => value.includes(",") || field === "notebook") ? text : h("a", { href: `/search?${new URLSearchParams(filters.map(([field, value]) => ["filter", `${field}=${value}`]))}`, "aria-label": `${name}, ${columns[column]}: ${counted(number, "page")}` }, text);
    return h("td", { class: "cross-cell", vars: { "--share": Math.sqrt(number / all).toFixed(3) } }, link);
  });
  return h("tr", {}, h("th", { scope: "row" }, name), cells, h("td", { class: "cross-all" }, count(all)));
}

/** Pages most of whose neighbours are called otherwise; chosen, they are moved as everywhere. */
function wrongNeighbours(by, api) {
  const told = h("p", { class: "section-count" });
  const state = h("div");
  const picks = createPicks();
  const grid = createGrid("Pages among the wrong neighbours", { picks, more: () => load() });
  const more = moreButton(() => load(), () => grid.items.length < AUTOMATIC_TILES);
  let total = 0;
  const element = h(
    "section",
    { class: "strays", "aria-labelledby": "strays-title" },
    h("div", { class: "section-head" }, h("h2", { id: "strays-title" }, "Among the wrong neighbours"), told),
    state,
    grid.element,
    more.element,
    picks.element,
  );

  async function load() {
    const answer = await api.get("/misplaced", { by, limit: PAGES_AT_ONCE, offset: grid.items.length });
    const from = grid.items.length;
    grid.append(answer.pages.map(({ page }) => ({ page })));
    answer.pages.forEach((found, i) => grid.element.children[from + i].append(strayWords(found)));
    total = answer.total;
    more.element.hidden = grid.items.length >= total;
    told.textContent = `${count(total)} of ${counted(answer.examined, "page")} looked at`;
    if (!total) state.replaceChildren(emptyState("Every page sits among its like.", h("p", {}, "Of the ten pages most alike to each, most have what it has.")));
    return answer.pages.length > 0;
  }

  return {
    element,
    close: more.close,
    async run() {
      element.setAttribute("aria-busy", "true");
      try {
        await load();
      } catch (error) {
        state.replaceChildren(notice(error));
      }
      element.removeAttribute("aria-busy");
    },
  };
}

const strayWords = ({ page, value, around, share }) =>
  h("p", { class: "stray-words", title: page.path }, h("span", {}, value), " among ", h("strong", {}, around), h("span", { class: "visually-hidden" }, `, ${fileName(page.path)}`), ` ${Math.round(100 * share)} %`);
