// Labels: learn from them, see what was learned and how good it is, and look at pages that are probably mislabelled.

import { emptyState, toast } from "../components.js";
import { announce, h } from "../dom.js";
import { comparison } from "../labelcompare.js";
import { finetuneForm, modelTable, probeForm } from "../labelmodels.js";
import { showReport } from "../labelreport.js";
import { jobCard, startJob } from "../jobs.js";

export const title = "Labels";

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  let close = () => {};
  async function update(wanted) {
    close();
    root.replaceChildren();
    const name = wanted.get("model");
    close = name === null ? await showAll(root, api) : await showReport(root, name, api);
  }
  await update(params);
  return { update, close: () => close() };
}

async function showAll(root, api) {
  /** @type {ReturnType<typeof jobCard>|null} */
  let card = null;
  const progress = h("div", { class: "recluster-progress" });
  const learned = h("div");
  const compared = h("div");
  const compare = h("button", { type: "button", class: "button", on: { click: () => start({ kind: "evaluate" }) } }, "Compare ways");

  async function start(request) {
    const job = await startJob(request);
    if (!job) return;
    card?.close();
    card = jobCard(job.id, { onEnd: end });
    progress.replaceChildren(card.element);
  }

  function end(job) {
    if (job.state === "failed") toast(`That failed: ${job.error?.detail ?? "see the log of the service"}`, { bad: true });
    if (job.state !== "done") return;
    progress.replaceChildren();
    announce("Done");
    load().catch((error) => toast(error.message, { bad: true }));
  }

  async function remove(name) {
    try {
      await api.remove(`/models/${encodeURIComponent(name)}`);
      await load();
      toast(`${name} is removed.`);
    } catch (error) {
      toast(error.message, { bad: true });
    }
  }

  async function load() {
    const [{ models, unfinished }, evaluation] = await Promise.all([api.get("/models"), api.get("/evaluation")]);
    learned.replaceChildren(models.length || unfinished.length ? modelTable(models, unfinished, remove) : emptyState("Nothing was learned yet.", h("p", {}, "A probe takes seconds: logistic regression on the embeddings that are there already.")));
    compared.replaceChildren(evaluation ? comparison(evaluation, api) : emptyState("Nothing was compared yet.", h("p", {}, "Nearest centroid, nearest pages and a probe are judged on pages that they have not seen; pages that seem mislabelled are listed.")));
  }

  root.append(
    h("div", { class: "view-head" }, h("h1", {}, "Labels"), h("p", { class: "lede" }, "What the folders or a table say of pages, learned, so that new pages get theirs."), h("div", { class: "view-tools" }, compare)),
    progress,
    h("div", { class: "columns" }, h("section", { class: "sheet", "aria-labelledby": "learn-title" }, h("h2", { id: "learn-title" }, "Learn"), probeForm(start), finetuneForm(start)), h("section", { class: "sheet", "aria-labelledby": "learned-title" }, h("h2", { id: "learned-title" }, "Learned"), learned)),
    h("section", { class: "sheet compared", "aria-labelledby": "compared-title" }, h("h2", { id: "compared-title" }, "Compared"), compared),
  );
  await load();
  return () => card?.close();
}
