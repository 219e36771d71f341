// All pages of one cluster, from the middle outwards or from the edge inwards.

import { listClusters } from "./api.js";
import { notice, segmented } from "./components.js";
import { namesOf, spread } from "./clustercard.js";
import { h } from "./dom.js";
import { clusterName, counted } from "./format.js";
import { createGrid, moreButton } from "./grid.js";
import { nameBox } from "./naming.js";
import { createPicks } from "./picks.js";
import { addressWith, navigate } from "./router.js";
import { exportMenu } from "./sheets.js";

const PAGES_AT_ONCE = 60;
const AUTOMATIC_TILES = 600;

/**
 * @param {HTMLElement} root
 * @param {number} number
 * @param {string|null} wantedOrder
 * @param {typeof import("./api.js").api} api
 */
export async function showCluster(root, number, wantedOrder, api) {
  const order = wantedOrder === "outliers" ? "outliers" : "exemplars";
  const clusters = await listClusters();
  const cluster = clusters.find((one) => one.cluster === number);
  const back = h("p", {}, h("a", { href: "/clusters" }, "All clusters"));
  if (!cluster) {
    root.append(back, h("h1", {}, "No such cluster"), h("p", {}, "The library was clustered anew, or not at all."));
    return { close() {} };
  }
  const heading = h("h1", {}, clusterName(number, cluster.group));
  const refresh = async () => {
    const changed = (await listClusters()).find((one) => one.cluster === number);
    if (!changed) return;
    heading.textContent = clusterName(number, changed.group);
    name.update(changed.group);
  };
  const name = nameBox(cluster, refresh);
  const groups = [...new Set(clusters.map((one) => one.group).filter(Boolean))].sort();
  const picks = createPicks();
  const grid = createGrid(`Pages of cluster ${number}, ${order} first`, { picks, more: () => load() });
  const more = moreButton(() => load(), () => grid.items.length < AUTOMATIC_TILES);
  const toggle = segmented("Order", "order", [["exemplars", "Exemplars first"], ["outliers", "Outliers first"]], order, (value) =>
    navigate(addressWith({ order: value }), { replace: true }),
  );

  async function load() {
    const answer = await api.get(`/clusters/${number}/pages`, { order, limit: PAGES_AT_ONCE, offset: grid.items.length });
    grid.append(answer.pages);
    more.element.hidden = answer.pages.length < PAGES_AT_ONCE || grid.items.length >= cluster.size;
    return answer.pages.length > 0;
  }

  root.append(
    back,
    h("div", { class: "view-head" }, heading, h("p", { class: "lede" }, `Cluster ${number}, ${counted(cluster.size, "page")} `, spread(cluster)), h("div", { class: "view-tools" }, name.element, toggle, exportMenu(() => ({ filter: [`cluster=${number}`] })))),
    namesOf(cluster) ?? "",
    grid.element,
    more.element,
    picks.element,
    h("datalist", { id: "groups" }, groups.map((group) => h("option", { value: group }))),
  );
  try {
    await load();
  } catch (error) {
    root.append(notice(error));
  }
  return { close: more.close };
}
