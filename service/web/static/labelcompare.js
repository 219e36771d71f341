// Ways of telling labels beside each other, and the pages that are probably mislabelled.

import { h } from "./dom.js";
import { counted, moment } from "./format.js";
import { createGrid } from "./grid.js";
import { intervalLine, percent } from "./labelmodels.js";

/**
 * @param {any} evaluation
 * @param {typeof import("./api.js").api} api
 */
export function comparison(evaluation, api) {
  const how = evaluation.held_out === "test" ? "on the test pages of a fine-tuned model's split" : "by cross-validation";
  const told = `${counted(evaluation.pages, "page")} judged ${how}, ${moment(evaluation.made)}. Kept together by ${evaluation.split.by}.`;
  const picture = h("img", { class: "compared-picture", alt: "Accuracies with their intervals, confusion and calibration of the best way", loading: "lazy" });
  api.showPicture(picture, `/evaluation/picture?made=${encodeURIComponent(evaluation.made)}`);
  return h("div", { class: "stack" }, h("p", {}, told), waysTable(evaluation.methods), notes(evaluation), picture, suspectList(evaluation));
}

function waysTable(methods) {
  const from = Math.max(0, Math.min(...methods.map((one) => one.quality.accuracy_interval[0])) - 0.02);
  const columns = ["Way", "Accuracy, with 95 % interval", "Macro F1", "Beside the probe"];
  const rows = methods.map((one) =>
    h(
      "tr",
      {},
      h("td", {}, h("strong", {}, one.method)),
      h("td", {}, intervalLine(one.quality.accuracy, one.quality.accuracy_interval, from)),
      h("td", {}, one.quality.macro_f1.toFixed(3)),
      h("td", {}, one.gain === null ? "–" : gainWords(one.gain, one.gain_interval)),
    ),
  );
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Ways of telling labels" },
    h("table", {}, h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)),
  );
}

const signed = (share) => `${share >= 0 ? "+" : "−"}${percent(Math.abs(share))}`;

/** Where the interval holds 0, nobody can say which of the two is better. */
function gainWords(gain, [low, high]) {
  return h("span", { class: low > 0 || high < 0 ? "gain gain-sure" : "gain" }, `${signed(gain)} (${signed(low)} to ${signed(high)})`);
}

function notes(evaluation) {
  const rare = Object.entries(evaluation.split.left_out).map(([label, pages]) => `${label} (${pages})`);
  const lines = [...evaluation.notes, ...evaluation.split.notes, ...(rare.length ? [`Left out, as too rare: ${rare.join(", ")}.`] : [])];
  return lines.length ? h("ul", { class: "hint" }, lines.map((line) => h("li", {}, line))) : null;
}

function suspectList(evaluation) {
  const { suspects, suspects_in_all: all } = evaluation;
  const head = h("h3", { id: "suspects-title" }, all ? `${counted(all, "page")} probably mislabelled` : "No page seems to be mislabelled");
  if (!suspects.length) return head;
  const grid = createGrid("Probably mislabelled pages, the most suspect first");
  grid.append(suspects.map(({ page }) => ({ page })));
  for (const [place, tile] of [...grid.element.children].entries()) tile.append(verdict(suspects[place]));
  return h("section", { class: "suspects", "aria-labelledby": "suspects-title" }, head, grid.element);
}

function verdict({ label, suggested, suggested_chance: chance }) {
  return h("p", { class: "suspect" }, h("span", { class: "suspect-label" }, label), " → ", h("strong", {}, suggested), ` ${Math.round(100 * chance)} %`);
}
