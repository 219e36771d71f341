// What clustering anew left open about names: each question with the pages it is about, and its answers a click away.

import { api } from "./api.js";
import { toast } from "./components.js";
import { announce, h } from "./dom.js";
import { count, counted } from "./format.js";
import { createGrid } from "./grid.js";
import { undo } from "./naming.js";

/** Pages shown of each group that has a share in a question. */
const SHOWN = 10;

const KINDS = { split: "One more part?", merge: "Which group?", strays: "Strays", lost: "No cluster any more", unplaced: "In no cluster" };

/**
 * @param {() => void} onChange called after an answer and after its undoing
 */
export function questionList(onChange) {
  const title = h("h2", { id: "questions-title" });
  const list = h("ol", { class: "questions", "aria-label": "Open questions" });
  const hint = h("p", { class: "hint" }, "Until you answer, these pages keep the group they had. Naming a cluster below answers the questions about it too.");
  const element = h("section", { class: "question-sheet", "aria-labelledby": "questions-title", hidden: true }, h("details", { open: true }, h("summary", {}, title), hint, list));

  async function load() {
    /** @type {import("./types.js").Question[]} */
    const questions = await api.get("/questions");
    element.hidden = !questions.length;
    title.textContent = counted(questions.length, "open question");
    const known = new Map([...list.children].map((row) => [row.dataset.question, row]));
    list.replaceChildren(...questions.map((one) => known.get(keyOf(one)) ?? questionRow(one, answer)));
    return questions.length;
  }

  /** @param {import("./types.js").Question} question @param {{group?: string, cluster?: number, keep?: boolean}} given */
  async function answer(question, given) {
    try {
      const report = await api.post(`/questions/${question.number}/answer`, given);
      const said = given.keep ? `${counted(question.pages, "page")} stay as they are` : `Cluster ${report.clusters.join(", ")} is “${report.group}”, ${counted(report.pages, "page")}`;
      toast(said, { action: { name: "Undo", run: () => undo(report.entry, onChange) } });
      onChange();
    } catch (error) {
      toast(error.message, { bad: true });
    }
  }

  return {
    element,
    async refresh() {
      const focused = list.contains(document.activeElement);
      const left = await load();
      if (focused) (list.querySelector("button") ?? document.querySelector("h1"))?.focus();
      if (left) announce(`${counted(left, "question")} open`);
    },
  };
}

const keyOf = ({ number, text }) => `${number} ${text}`;

/** @param {import("./types.js").Question} one */
function questionRow(one, answer) {
  const id = `question-${one.number}`;
  const evidence = h("div", { class: "question-evidence" });
  const own = h("input", { id: `${id}-group`, list: "groups", placeholder: one.cluster < 0 ? "Cluster number" : "Another name", autocomplete: "off", maxlength: 200, required: true, inputmode: one.cluster < 0 ? "numeric" : null });
  const submit = (event) => {
    event.preventDefault();
    const text = own.value.trim();
    if (text) answer(one, one.cluster < 0 ? { cluster: Number(text) } : { group: text });
  };
  const strays = one.kind === "strays";
  const groups = strays ? [] : one.candidates.map((candidate) => candidate.group);
  const names = one.cluster < 0 ? [] : [...new Set([one.suggestion, ...groups].filter(Boolean))];
  const choices = names.map((group, i) =>
    h("button", { type: "button", class: group === one.suggestion || (i === 0 && !one.suggestion) ? "button button-primary" : "button", on: { click: () => answer(one, { group }) } }, strays ? `They become “${group}”` : `It is “${group}”`),
  );
  const label = one.cluster < 0 ? `Cluster that ${one.candidates[0]?.group ?? "it"} is now` : `Another name for cluster ${one.cluster}`;
  const row = h(
    "li",
    { class: "question", "data-question": keyOf(one), "aria-labelledby": id },
    h("p", { class: "eyebrow" }, KINDS[one.kind] ?? one.kind, one.cluster >= 0 ? [" · ", h("a", { href: `/clusters?cluster=${one.cluster}` }, `cluster ${one.cluster}`)] : null),
    h("p", { class: "question-text", id }, one.text),
    evidence,
    h(
      "div",
      { class: "row" },
      choices,
      h("form", { class: "row", on: { submit } }, h("label", { class: "visually-hidden", for: own.id }, label), own, h("button", { class: "button" }, one.cluster < 0 ? "It is this cluster" : "Call it so")),
      h("button", { type: "button", class: "button button-quiet", on: { click: () => answer(one, { keep: true }) } }, strays ? "They keep their group" : "Leave as it is"),
    ),
  );
  showEvidence(evidence, one);
  return row;
}

/** The pages of each group that meet in the cluster, side by side. */
function showEvidence(place, one) {
  for (const { group, pages, share } of one.candidates) {
    const grid = createGrid(`Pages of ${group}`, { strip: true });
    place.append(h("figure", {}, h("figcaption", { class: "hint" }, `“${group}”: ${counted(pages, "page")}, ${Math.round(100 * share)} %`), grid.element));
    const filter = one.cluster < 0 ? [`group=${group}`] : [`group=${group}`, `cluster=${one.cluster}`];
    // A comma separates values in a filter, so pages of a group with one can't be asked for.
    if (group.includes(",")) continue;
    api.get("/pages", { filter, limit: SHOWN }).then(
      (found) => {
        grid.append(found.pages.map((page) => ({ page })));
        if (found.total > found.pages.length) grid.element.append(h("li", { class: "question-more hint" }, `and ${count(found.total - found.pages.length)} more`));
      },
      (error) => grid.element.append(h("li", { class: "hint" }, error.message)),
    );
  }
}
