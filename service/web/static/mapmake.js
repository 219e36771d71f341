// Making the map: by which method, in how many dimensions, and how far the job is.

import { api } from "./api.js";
import { h } from "./dom.js";
import { jobCard, startJob } from "./jobs.js";

const METHODS = [["tsne", "t-SNE: neighbours together, the clearest islands"], ["umap", "UMAP: neighbours together, distances between islands mean more"], ["pca", "PCA: the two broadest directions, in a moment"]];

/**
 * @param {{method: string, dims: number, seed: number, colour: number}|null} meta the map there is
 * @param {(job: import("./types.js").Job) => void} onEnd
 */
export function createMapMaker(meta, onEnd) {
  let card = null;
  const method = h("select", { id: "map-method" }, METHODS.map(([value, text]) => h("option", { value, selected: value === (meta?.method ?? "tsne") }, text)));
  const dims = h("select", { id: "map-dims" }, [2, 3].map((value) => h("option", { value, selected: value === (meta?.dims ?? 2) }, `${value}-D`)));
  const seed = h("input", { id: "map-seed", type: "number", min: 0, value: String(meta?.seed ?? 0), required: true });
  const colour = h("input", { id: "map-colour", type: "range", min: 0, max: 100, step: 5, value: String(Math.round(100 * (meta?.colour ?? 0))) });
  const told = h("output", { for: "map-colour", class: "hint" });
  const tell = () => (told.textContent = colour.value === "0" ? "content alone" : `${colour.value} %`);
  const weighing = h("div", { class: "row", hidden: true }, h("label", { for: "map-colour" }, "Colour"), colour, told);
  colour.addEventListener("input", tell);
  tell();
  api.get("/status").then(({ views }) => (weighing.hidden = !views.includes("colour")), () => {});
  const button = h("button", { class: "button button-primary" }, "Make the map");
  const progress = h("div", { class: "map-progress" });

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    const job = await startJob({ kind: "map", method: method.value, dims: Number(dims.value), seed: Number(seed.value), colour: weighing.hidden ? 0 : Number(colour.value) / 100 });
    if (job) follow(job.id);
    else button.disabled = false;
  }

  /** @param {string} jobId */
  function follow(jobId) {
    card?.close();
    card = jobCard(jobId, {
      onEnd(job) {
        button.disabled = false;
        onEnd(job);
      },
    });
    progress.replaceChildren(card.element);
  }

  const form = h(
    "form",
    { class: "stack", on: { submit } },
    h("label", { for: "map-method" }, "Method"),
    method,
    h("div", { class: "row" }, h("label", { for: "map-dims" }, "Dimensions"), dims, h("label", { for: "map-seed" }, "Seed"), seed),
    weighing,
    h("p", { class: "hint" }, "The same seed makes the same map. On a large library a sample is laid out, and the other pages are placed by their neighbours."),
    h("div", { class: "row" }, button),
    progress,
  );
  return { form, follow, close: () => card?.close() };
}
