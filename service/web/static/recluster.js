// Clustering anew: by looks with another number of clusters, or by the meaning of the names that pages have.

import { api } from "./api.js";
import { chooseK } from "./choosek.js";
import { segmented } from "./components.js";
import { h } from "./dom.js";
import { jobCard, startJob } from "./jobs.js";

const HINTS = {
  looks: "Pages that look alike come together.",
  meaning: "Pages come together whose names (their labels) mean much the same, such as “cup” and “mug”. A higher threshold makes fewer clusters.",
};

/**
 * The forms, and the progress of the job that they start.
 * @param {(job: import("./types.js").Job) => void} onEnd
 */
export function reclusterPanel(onEnd) {
  let card = null;
  let by = "looks";
  const hint = h("p", { class: "hint" }, HINTS.looks);
  const k = h("input", { id: "k", type: "number", min: 2, max: 4096, value: "16", required: true });
  const seed = h("input", { id: "seed", type: "number", min: 0, value: "0", required: true });
  // Whoever is in the box, or was, keeps what it says, however late the number of clusters there are comes.
  let isTyped = false;
  for (const event of ["focus", "input"]) k.addEventListener(event, () => (isTyped = true));
  const compared = chooseK((number) => {
    k.value = String(number);
    isTyped = true;
    k.focus();
  });
  const looks = h("div", { class: "stack" }, h("div", { class: "row" }, h("label", { for: "k" }, "Clusters (k)"), k, h("label", { for: "seed" }, "Seed"), seed), compared);
  const meaning = meaningFields();
  const progress = h("div", { class: "recluster-progress" });

  function choose(way) {
    by = way;
    hint.textContent = HINTS[way];
    looks.hidden = way !== "looks";
    meaning.element.hidden = way !== "meaning";
    // A hidden box that is required would keep the form from being sent, and say nothing.
    k.disabled = seed.disabled = way !== "looks";
    meaning.enable(way === "meaning");
  }

  async function submit(event) {
    event.preventDefault();
    const job = await startJob(by === "looks" ? { kind: "cluster", k: Number(k.value), seed: Number(seed.value) } : meaning.wish());
    if (!job) return;
    isTyped = false;
    card?.close();
    card = jobCard(job.id, { onEnd });
    progress.replaceChildren(card.element);
    element.open = false;
  }

  const form = h(
    "form",
    { class: "stack", on: { submit } },
    h("h2", {}, "Cluster anew"),
    segmented("By", "by", [["looks", "By looks"], ["meaning", "By meaning"]], by, choose),
    hint,
    looks,
    meaning.element,
    h("p", { class: "hint" }, "Names are carried over where it is sure which cluster is which; the rest becomes a question."),
    h("div", { class: "row" }, h("button", { class: "button button-primary" }, "Cluster")),
  );
  const element = h("details", { class: "panel" }, h("summary", { class: "button" }, "Cluster anew"), h("div", { class: "panel-sheet" }, form));
  choose(by);
  return {
    element,
    progress,
    close: () => card?.close(),
    /** @param {number} clusters how many there are now */
    suggest(clusters) {
      if (!isTyped) k.value = String(clusters || 16);
      if (!clusters) element.open = true;
    },
  };
}

/** Without a model that knows words, their vectors come from a file on the service's machine. */
function meaningFields() {
  const threshold = h("input", { id: "threshold", type: "number", min: 0.01, max: 2, step: 0.01, value: "0.43", required: true });
  const file = h("input", { id: "word-vectors", placeholder: "/home/ada/glove.6B.300d.txt", autocomplete: "off", spellcheck: "false" });
  const note = h("p", { class: "hint" }, "Word2vec or GloVe, as text, on the machine of the service.");
  let needsFile = true;
  api.get("/status").then(({ search_modes: modes }) => {
    needsFile = !modes.includes("looks");
    if (!needsFile) note.textContent += " Empty: by the library's own model.";
    enable(!threshold.disabled);
  }, () => {});

  function enable(on) {
    threshold.disabled = file.disabled = !on;
    file.required = needsFile;
  }

  return {
    element: h(
      "div",
      { class: "stack" },
      h("div", { class: "row" }, h("label", { for: "threshold" }, "Distance threshold"), threshold),
      h("label", { for: "word-vectors" }, "File of word vectors"),
      file,
      note,
    ),
    enable,
    wish: () => ({ kind: "meaning", distance_threshold: Number(threshold.value), word_vectors: file.value.trim() || null }),
  };
}
