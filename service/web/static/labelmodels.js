// What was learned from labels, as a table; and the form that learns.

import { h } from "./dom.js";
import { count, counted, moment } from "./format.js";

/**
 * A figure between 0 and 1 with its interval, as a line from `from` to 1.
 * @param {number} value
 * @param {[number, number]} interval
 * @param {number} [from]
 */
export function intervalLine(value, [low, high], from = 0) {
  const at = (one) => `${Math.max(0, (100 * (one - from)) / (1 - from || 1)).toFixed(2)}%`;
  const words = `${percent(value)}, between ${percent(low)} and ${percent(high)}`;
  return h("span", { class: "interval", role: "img", "aria-label": words, title: words }, h("span", { class: "interval-line", vars: { "--low": at(low), "--high": at(high), "--value": at(value) } }), h("span", { class: "interval-value" }, percent(value)));
}

/** @param {number} share */
export const percent = (share) => `${(100 * share).toFixed(1)} %`;

/**
 * @param {any[]} models
 * @param {string[]} unfinished trainings that were begun
 * @param {(name: string) => void} onRemove
 */
export function modelTable(models, unfinished, onRemove) {
  const columns = ["Name", "Field", "Accuracy on pages not seen", ""];
  const rows = [...models.map((model) => modelRow(model, onRemove)), ...unfinished.map((name) => unfinishedRow(name, onRemove))];
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Learned models" },
    h("table", { class: "models" }, h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)),
  );
}

function modelRow(model, onRemove) {
  const isProbe = model.kind === "probe";
  const about = `${isProbe ? "probe" : "fine-tuned"}, ${counted(model.labels.length, "label")}, ${moment(model.made)}`;
  const unfit = model.fits ? null : h("p", { class: "hint" }, isProbe ? "Of another model's vectors: fit it anew." : `Re-index with ${model.embedder} to use it for all pages.`);
  const name = isProbe ? h("strong", {}, model.name) : h("a", { href: `/labels?model=${encodeURIComponent(model.name)}` }, h("strong", {}, model.name));
  return h(
    "tr",
    {},
    h("td", {}, name, h("p", { class: "hint" }, about), unfit),
    h("td", {}, model.label),
    h("td", {}, intervalLine(model.accuracy, model.accuracy_interval), h("p", { class: "hint" }, `${count(model.test_pages)} pages`)),
    h("td", {}, removeButton(model.name, onRemove)),
  );
}

function unfinishedRow(name, onRemove) {
  return h("tr", {}, h("td", {}, h("strong", {}, name), h("p", { class: "hint" }, "Not finished: the same training goes on with it.")), h("td", {}, "–"), h("td", {}, "–"), h("td", {}, removeButton(name, onRemove)));
}

const removeButton = (name, onRemove) => h("button", { type: "button", class: "button", "aria-label": `Remove ${name}`, on: { click: () => onRemove(name) } }, "Remove");

/** @param {(request: Record<string, unknown>) => void} start */
export function probeForm(start) {
  const field = fieldInput("probe-field");
  const submit = (event) => {
    event.preventDefault();
    start({ kind: "probe", label: field.value.trim() });
  };
  return h(
    "form",
    { class: "stack", "aria-label": "Fit a probe", on: { submit } },
    h("p", {}, "A probe learns from the embeddings that are there already, in seconds. A fifth of the pages is held out to judge it."),
    h("label", { for: "probe-field" }, "Field"),
    field,
    h("datalist", { id: "label-fields" }, ["label", "group"].map((name) => h("option", { value: name }))),
    h("p", { class: "hint" }, "label (the folder), group, or a column of the metadata table."),
    h("div", { class: "row" }, h("button", { class: "button button-primary" }, "Fit a probe")),
  );
}

/** Training a network further takes minutes to hours; what is left empty is chosen by the service. @param {(request: Record<string, unknown>) => void} start */
export function finetuneForm(start) {
  const field = fieldInput("tune-field");
  const base = h("input", { id: "tune-base", placeholder: "the library's model", autocomplete: "off", spellcheck: "false" });
  const checkpoint = h("input", { id: "tune-checkpoint", placeholder: "/home/ada/weights.pt", autocomplete: "off", spellcheck: "false" });
  const sizes = h("input", { id: "tune-sizes", placeholder: "256, 512", autocomplete: "off", pattern: "\\s*\\d+(\\s*,\\s*\\d+)*\\s*" });
  const epochs = h("input", { id: "tune-epochs", type: "number", min: 0, max: 10000, value: "12", required: true });
  const submit = (event) => {
    event.preventDefault();
    const given = { base: base.value.trim(), checkpoint: checkpoint.value.trim() };
    const named = Object.fromEntries(Object.entries(given).filter(([, text]) => text));
    const wanted = sizes.value.split(",").map((one) => Number(one.trim())).filter(Boolean);
    start({ kind: "finetune", label: field.value.trim(), epochs: Number(epochs.value), sizes: wanted, ...named });
  };
  const row = (id, name, input) => h("div", { class: "stack" }, h("label", { for: id }, name), input);
  const form = h(
    "form",
    { class: "stack", "aria-label": "Fine-tune a network", on: { submit } },
    h("p", {}, "Trains a network further on the labels, so that its embeddings fit these pages. Takes minutes to hours, can be stopped, and goes on where it was."),
    row("tune-field", "Field", field),
    row("tune-base", "Base: timm:… or open_clip:…", base),
    row("tune-checkpoint", "File of its weights, on the machine of the service (optional)", checkpoint),
    row("tune-sizes", "Sizes in pixels, one after the other (optional)", sizes),
    row("tune-epochs", "Epochs of each size", epochs),
    h("div", { class: "row" }, h("button", { class: "button" }, "Fine-tune")),
  );
  return h("details", { class: "more-learning" }, h("summary", {}, "Fine-tune a network"), form);
}

const fieldInput = (id) => h("input", { id, value: "label", list: "label-fields", required: true, autocomplete: "off", spellcheck: "false" });
