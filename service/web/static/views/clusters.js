// Clusters: a contact sheet and a name box for each; ?cluster=N shows all pages of one.

import { listClusters } from "../api.js";
import { emptyState, segmented, toast } from "../components.js";
import { clusterCard } from "../clustercard.js";
import { showCluster } from "../clusterpages.js";
import { announce, h } from "../dom.js";
import { counted } from "../format.js";
import { nameClusters } from "../naming.js";
import { questionList } from "../questions.js";
import { reclusterPanel } from "../recluster.js";
import { suggestButton } from "../suggesting.js";

export const title = "Clusters";

const ORDERS = {
  number: (a, b) => a.cluster - b.cluster,
  size: (a, b) => b.size - a.size || a.cluster - b.cluster,
  unnamed: (a, b) => Number(a.group !== null) - Number(b.group !== null) || b.size - a.size,
};

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  let close = () => {};
  async function update(wanted) {
    close();
    close = () => {};
    const numbers = wanted.get("cluster");
    root.replaceChildren();
    const shown = numbers === null ? await showAll(root, api) : await showCluster(root, Number(numbers), wanted.get("order"), api);
    close = shown.close;
  }
  await update(params);
  return { update, close: () => close() };
}

async function showAll(root, api) {
  let order = "number";
  /** @type {Map<number, ReturnType<typeof clusterCard>>} */
  const cards = new Map();
  /** @type {Set<number>} */
  const selected = new Set();
  const groups = h("datalist", { id: "groups" });
  const summary = h("p", { class: "lede" });
  const list = h("div", { class: "clusters" });
  const questions = questionList(() => refresh());
  const bulk = bulkBar(selected, () => refresh(), () => select([...selected], false));
  const again = reclusterPanel((job) => endOfJob(job));
  const suggesting = suggestButton(cards);
  const sorting = segmented("Order", "order", [["number", "By number"], ["size", "Largest first"], ["unnamed", "Unnamed first"]], order, (value) => {
    order = value;
    sort();
  });

  /** Names and groups anew, cards stay: what is being typed in another box is not lost. */
  async function refresh() {
    const clusters = await listClusters();
    for (const cluster of clusters) cards.get(cluster.cluster)?.update(cluster);
    describe(clusters);
    await questions.refresh();
  }

  function describe(clusters) {
    const named = clusters.filter((cluster) => cluster.group).length;
    const pages = clusters.reduce((sum, cluster) => sum + cluster.size, 0);
    const names = [...new Set(clusters.map((cluster) => cluster.group).filter(Boolean))].sort();
    summary.textContent = clusters.length ? `${counted(pages, "page")} in ${counted(clusters.length, "cluster")}; ${named} of them named. One name may gather several. Enter saves a name, Enter again goes to the next.` : "";
    groups.replaceChildren(...names.map((name) => h("option", { value: name })));
  }

  function select(numbers, on) {
    for (const number of numbers) {
      if (on) selected.add(number);
      else selected.delete(number);
      cards.get(number)?.check(on);
    }
    bulk.update();
  }

  function sort() {
    const sorted = [...cards.values()].sort((a, b) => ORDERS[order](a.cluster(), b.cluster()));
    list.append(...sorted.map((card) => card.element));
  }

  async function rebuild() {
    closeCards();
    selected.clear();
    bulk.update();
    const clusters = await listClusters();
    list.replaceChildren();
    for (const cluster of clusters) cards.set(cluster.cluster, clusterCard(cluster, { onName: () => refresh(), onSelect: (on) => select([cluster.cluster], on) }));
    if (!clusters.length) list.append(emptyState("Nothing has been clustered yet.", h("p", {}, "Choose how many clusters to make, above. Sixteen is a good beginning.")));
    again.suggest(clusters.length);
    suggesting.update(clusters.length);
    describe(clusters);
    sort();
  }

  function endOfJob(job) {
    if (job.state === "failed") toast(`Clustering failed: ${job.error?.detail ?? "see the log of the service"}`, { bad: true });
    if (job.state !== "done") return;
    announce("Clustered anew");
    rebuild();
    questions.refresh();
  }

  function closeCards() {
    for (const card of cards.values()) card.close();
    cards.clear();
  }

  root.append(
    h("div", { class: "view-head" }, h("h1", {}, "Clusters"), summary, h("div", { class: "view-tools" }, sorting, again.element, suggesting.element)),
    again.progress,
    questions.element,
    list,
    bulk.element,
    groups,
  );
  await rebuild();
  await questions.refresh();
  return {
    close() {
      closeCards();
      again.close();
    },
  };
}

/** One name for all the clusters that are ticked. */
function bulkBar(selected, onChange, clear) {
  const input = h("input", { id: "bulk-name", list: "groups", placeholder: "One name for all", autocomplete: "off", required: true, maxlength: 200 });
  const told = h("strong", { "aria-live": "polite" });
  const submit = async (event) => {
    event.preventDefault();
    if (!(await nameClusters([...selected], input.value.trim() || null, onChange))) return;
    input.value = "";
    clear();
  };
  const element = h(
    "form",
    { class: "bulkbar", hidden: true, "aria-label": "Name the chosen clusters", on: { submit } },
    told,
    h("label", { class: "visually-hidden", for: "bulk-name" }, "Name for the chosen clusters"),
    input,
    h("button", { class: "button button-primary" }, "Name them"),
    h("button", { type: "button", class: "button", on: { click: clear } }, "Clear"),
  );
  return {
    element,
    update() {
      element.hidden = selected.size === 0;
      told.textContent = `${counted(selected.size, "cluster")} chosen`;
    },
  };
}
