// How good a fine-tuned model is: its figures, its pictures, and the pages that it told wrongly.

import { notice } from "./components.js";
import { h } from "./dom.js";
import { count, counted, moment } from "./format.js";
import { createGrid } from "./grid.js";
import { intervalLine, percent } from "./labelmodels.js";

/**
 * @param {HTMLElement} root
 * @param {string} name
 * @param {typeof import("./api.js").api} api
 * @returns {Promise<() => void>}
 */
export async function showReport(root, name, api) {
  const back = h("p", { class: "report-back" }, h("a", { href: "/labels" }, "To all labels"));
  try {
    const report = await api.get(`/models/${encodeURIComponent(name)}/report`);
    const begun = report.base ? `${report.model.label}, learned from ${report.base}` : `${report.model.label}, a probe`;
    root.append(h("div", { class: "view-head" }, h("h1", {}, name), h("p", { class: "lede" }, `${begun}, ${moment(report.model.made)}.`)), back, figures(report), labelTable(report.quality));
    if (report.base) root.append(...pictures(report, api), mistakes(report));
  } catch (error) {
    root.replaceChildren(h("h1", {}, "No such model"), notice(error), back);
  }
  return () => {};
}

function figures(report) {
  const { quality, split } = report;
  const rows = [
    ["accuracy", percent(quality.accuracy), `of ${counted(quality.pages, "page")} not seen`],
    ["macro F1", quality.macro_f1.toFixed(3), ""],
    ["calibration error", quality.calibration_error.toFixed(3), ""],
    ...(report.base ? [["above the probe", signed(report.gain), `${signed(report.gain_interval[0])} to ${signed(report.gain_interval[1])}`], ["NMI of clusters", report.nmi.toFixed(3), `before: ${report.base_nmi.toFixed(3)}`]] : []),
    ["held out by", split.by, counted(split.groups, "group")],
  ];
  return h("dl", { class: "figures" }, rows.map(([name, value, note]) => h("div", {}, h("dt", {}, note ? `${name} (${note})` : name), h("dd", {}, value))));
}

const signed = (share) => `${share >= 0 ? "+" : "−"}${percent(Math.abs(share))}`;

function labelTable(quality) {
  const columns = ["Label", "Pages", "Precision", "Recall", "F1"];
  const rows = quality.labels.map((one) => h("tr", {}, h("td", {}, one.label), h("td", {}, count(one.pages)), h("td", {}, one.precision.toFixed(3)), h("td", {}, one.recall.toFixed(3)), h("td", {}, one.f1.toFixed(3))));
  return h(
    "section",
    { class: "sheet compared", "aria-labelledby": "by-label" },
    h("h2", { id: "by-label" }, "Label by label"),
    h("p", {}, "Accuracy with its 95 % interval: ", intervalLine(quality.accuracy, quality.accuracy_interval)),
    h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Label by label" }, h("table", {}, h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows))),
  );
}

function pictures(report, api) {
  const shown = [["quality", "The model beside the probe, confusion and calibration"], ["training", "Loss and accuracy by epoch, and the tests of learning rates"]];
  return shown.map(([name, words]) => {
    const img = h("img", { class: "compared-picture", alt: words, loading: "lazy" });
    api.showPicture(img, `/models/${encodeURIComponent(report.model.name)}/pictures/${name}`);
    return h("p", { class: "compared" }, img);
  });
}

function mistakes({ mistakes: listed, mistakes_in_all: all }) {
  const head = h("h2", { id: "mistakes-title" }, all ? `${counted(all, "mistake")}, the surest first` : "No mistake on the test pages");
  if (!listed.length) return head;
  const grid = createGrid("Pages that were told wrongly");
  grid.append(listed.map(({ page }) => ({ page })));
  for (const [place, tile] of [...grid.element.children].entries()) {
    const { label, told, probability } = listed[place];
    tile.append(h("p", { class: "suspect" }, label, " → ", h("strong", {}, told), ` ${Math.round(100 * probability)} %`));
  }
  return h("section", { class: "suspects", "aria-labelledby": "mistakes-title" }, head, grid.element);
}
