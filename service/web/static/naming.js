// Naming clusters: every naming can be taken back, at once or from the history.

import { api } from "./api.js";
import { toast } from "./components.js";
import { h, icon } from "./dom.js";
import { counted, moment } from "./format.js";

/**
 * Name clusters, tell what came of it, and offer to take it back.
 * @param {number[]} clusters
 * @param {string|null} group
 * @param {() => void} onChange called after the naming and after its undoing
 * @returns {Promise<boolean>} whether it was saved
 */
export async function nameClusters(clusters, group, onChange) {
  try {
    /** @type {import("./types.js").NameReport} */
    const report =
      clusters.length === 1
        ? await api.put(`/clusters/${clusters[0]}/group`, { group })
        : await api.post("/names", { clusters, group });
    const which = clusters.length === 1 ? `Cluster ${clusters[0]}` : counted(clusters.length, "cluster");
    const what = group === null ? `${which}: name taken away` : `${which} named “${group}”`;
    toast(`${what}, ${counted(report.pages, "page")}`, { action: { name: "Undo", run: () => undo(report.entry, onChange) } });
    onChange();
    return true;
  } catch (error) {
    toast(error.message, { bad: true });
    return false;
  }
}

/**
 * Take a decision back, and say so.
 * @param {number} entry its number
 * @param {() => void} onChange called afterwards
 */
export async function undo(entry, onChange) {
  try {
    const undone = await api.post("/undo", { entry });
    toast(`Taken back: ${undone.text}`);
    onChange();
  } catch (error) {
    toast(error.message, { bad: true });
  }
}

/**
 * A box for the name of one cluster. Enter saves; Enter on a saved name goes to the next box.
 * @param {import("./types.js").Cluster} cluster
 * @param {() => void} onChange
 */
export function nameBox(cluster, onChange) {
  let saved = cluster.group ?? "";
  const id = `name-${cluster.cluster}`;
  const input = h("input", { id, class: "name-input", list: "groups", placeholder: "Name this cluster", autocomplete: "off", value: saved, maxlength: 200 });
  const state = h("span", { class: "name-state" });
  const save = h("button", { class: "button" }, "Save");
  const show = () => {
    const changed = input.value.trim() !== saved;
    save.hidden = !changed;
    state.hidden = changed || !saved;
  };
  const submit = async (event) => {
    event.preventDefault();
    const wanted = input.value.trim();
    if (wanted === saved) return focusNext(input);
    save.disabled = true;
    if (await nameClusters([cluster.cluster], wanted || null, onChange)) saved = wanted;
    save.disabled = false;
    show();
  };
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    input.value = saved;
    show();
  });
  state.append(icon("check"), "saved");
  const element = h("form", { class: "name-form", on: { submit } }, h("label", { class: "visually-hidden", for: id }, `Name of cluster ${cluster.cluster}`), input, save, state);
  show();
  return {
    element,
    /** Put a name into the box, for the reader to save or change. @param {string} text */
    propose(text) {
      input.value = text;
      show();
      input.focus();
    },
    /** Someone else changed the name; what is being typed here stays. @param {string|null} group */
    update(group) {
      const untouched = input.value.trim() === saved;
      saved = group ?? "";
      if (untouched) input.value = saved;
      show();
    },
  };
}

function focusNext(input) {
  const boxes = [...document.querySelectorAll(".name-input")];
  boxes[boxes.indexOf(input) + 1]?.focus();
}

/**
 * What was decided, by whom and when, with a button to take each back.
 * @param {() => void} onChange
 */
export function historyPanel(onChange) {
  const list = h("ol", { class: "history", "aria-label": "Decisions, newest first" });
  async function load() {
    try {
      const entries = await api.get("/history");
      list.replaceChildren(...entries.map((entry) => historyRow(entry, onChange)));
      if (!entries.length) list.replaceChildren(h("li", { class: "hint" }, "Nothing has been decided yet."));
    } catch (error) {
      list.replaceChildren(h("li", { class: "hint" }, error.message));
    }
  }
  const summary = h("summary", { class: "button button-quiet icon-button", "aria-label": "History of decisions", title: "History of decisions" }, icon("history"));
  const panel = h("details", { class: "panel history-panel" }, summary, h("div", { class: "panel-sheet" }, h("h2", {}, "History"), list));
  panel.addEventListener("toggle", () => panel.open && load());
  // Whatever is decided while it is open shows in it.
  window.addEventListener("quire-decided", () => panel.open && load());
  return { element: panel };
}

/** @param {import("./types.js").HistoryEntry} entry */
function historyRow(entry, onChange) {
  return h(
    "li",
    { class: entry.undone ? "history-undone" : null },
    h("span", {}, entry.text, entry.undone ? " (taken back)" : null),
    h("span", { class: "hint" }, `${entry.who}, ${moment(entry.when)}`),
    entry.undoable && h("button", { type: "button", class: "button", "aria-label": `Undo: ${entry.text}`, on: { click: () => undo(entry.entry, onChange) } }, "Undo"),
  );
}
