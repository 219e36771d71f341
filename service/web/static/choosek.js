// What speaks for a number of clusters: several are tried, nothing is changed, and a click takes one over.

import { api } from "./api.js";
import { notice } from "./components.js";
import { announce, h } from "./dom.js";

const MEASURES = [
  ["silhouette", "Silhouette", "How much nearer pages are to their own cluster than to the next; higher is clearer."],
  ["inertia", "Inertia", "How far pages lie from their centroids. It always falls; at the knee it stops to fall by much."],
  ["stability", "Stability", "How much of the clusters comes out again from four fifths of the pages; 1 is all of it."],
  ["agreement", "Labels", "How clusters agree with labels, where pages have any; 1 is fully."],
];

/**
 * A row that asks which numbers to try, and the table of what came of it.
 * @param {(k: number) => void} onPick
 */
export function chooseK(onPick) {
  const input = h("input", { id: "ks", value: "4, 8, 16, 32", autocomplete: "off", pattern: "\\s*\\d+(\\s*,\\s*\\d+)*\\s*" });
  const button = h("button", { type: "button", class: "button", on: { click: compare } }, "Compare");
  const found = h("div", { "aria-live": "polite" });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    compare();
  });

  async function compare() {
    if (!input.reportValidity()) return;
    const ks = [...new Set(input.value.split(",").map((one) => Number(one.trim())).filter((one) => one >= 1))];
    if (!ks.length) return;
    button.disabled = true;
    found.replaceChildren(h("p", { class: "hint" }, "Trying each of them …"));
    try {
      found.replaceChildren(table(await api.post("/choose-k", { ks }), onPick));
      announce("Compared");
    } catch (error) {
      found.replaceChildren(notice(error));
    } finally {
      button.disabled = false;
    }
  }

  return h("div", { class: "stack choose-k" }, h("div", { class: "row" }, h("label", { for: "ks" }, "Not sure? Try"), input, button), found);
}

/** @param {any[]} choices @param {(k: number) => void} onPick */
function table(choices, onPick) {
  const highest = (name) => Math.max(...choices.map((one) => one[name] ?? -Infinity));
  const best = Object.fromEntries(MEASURES.map(([name]) => [name, highest(name)]));
  const isBest = (one, name) => (name === "inertia" ? one.is_knee : one[name] !== null && one[name] === best[name]);
  const shown = (one, name) => (one[name] === null ? "–" : name === "inertia" ? `${Math.round(one.inertia)}${one.is_knee ? " (knee)" : ""}` : one[name].toFixed(2));
  const rows = choices.map((one) =>
    h(
      "tr",
      {},
      h("td", {}, h("button", { type: "button", class: "button", "aria-label": `Take ${one.k} clusters`, on: { click: () => onPick(one.k) } }, String(one.k))),
      MEASURES.map(([name]) => h("td", {}, isBest(one, name) ? h("strong", {}, shown(one, name)) : shown(one, name))),
    ),
  );
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Numbers of clusters compared" },
    h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "k"), MEASURES.map(([, title, words]) => h("th", { scope: "col", title: words }, title)))), h("tbody", {}, rows)),
  );
}
