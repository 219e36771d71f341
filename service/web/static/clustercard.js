// One cluster as a contact sheet: its exemplars, how alike its members are, a box for its name.

import { api } from "./api.js";
import { notice } from "./components.js";
import { h } from "./dom.js";
import { counted, similarity as format } from "./format.js";
import { createGrid } from "./grid.js";
import { nameBox } from "./naming.js";
import { suggestions } from "./suggesting.js";

const EXEMPLARS = 12;

/**
 * @param {import("./types.js").Cluster} cluster
 * @param {{onName: () => void, onSelect: (on: boolean) => void}} listeners
 */
export function clusterCard(cluster, { onName, onSelect }) {
  let current = cluster;
  const number = cluster.cluster;
  const title = `cluster-title-${number}`;
  const box = h("input", { type: "checkbox", "aria-label": `Choose cluster ${number}`, on: { change: () => onSelect(box.checked) } });
  const name = nameBox(cluster, onName);
  const strip = createGrid(`Exemplars of cluster ${number}`, { strip: true });
  const like = h("p", { class: "cluster-like", hidden: true });
  const all = h("a", { href: `/clusters?cluster=${number}` }, `All ${counted(cluster.size, "page")}`);
  const element = h(
    "section",
    { class: "cluster", "aria-labelledby": title },
    h(
      "div",
      { class: "cluster-head" },
      h("div", { class: "cluster-title" }, box, h("h2", { id: title }, h("a", { href: `/clusters?cluster=${number}` }, `Cluster ${number}`)), spread(cluster)),
      name.element,
      all,
    ),
    namesOf(cluster),
    like,
    strip.element,
  );
  const load = async () => {
    try {
      const answer = await api.get(`/clusters/${number}/pages`, { order: "exemplars", limit: EXEMPLARS });
      strip.append(answer.pages);
    } catch (error) {
      strip.element.replaceWith(notice(error));
    }
  };
  // With many clusters, only those that come near the window are fetched.
  const watch = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watch.disconnect();
    load();
  }, { rootMargin: "500px" });
  watch.observe(element);
  return {
    element,
    cluster: () => current,
    close: () => watch.disconnect(),
    /** @param {boolean} on */
    check(on) {
      box.checked = on;
      element.classList.toggle("chosen", on);
    },
    /** @param {import("./types.js").WordSuggestion[]} words what it looks like */
    suggest(words) {
      like.hidden = false;
      like.replaceChildren(...suggestions(words, name.propose));
    },
    /** @param {import("./types.js").Cluster} changed */
    update(changed) {
      current = changed;
      name.update(changed.group);
    },
  };
}

/**
 * The names whose pages a cluster holds, where clusters were made by meaning; null where not.
 * @param {import("./types.js").Cluster} cluster
 */
export const namesOf = ({ names }) => (names.length ? h("p", { class: "cluster-names" }, names.join(" · ")) : null);

/**
 * How alike the members are to the middle of the cluster: half are above the median, 19 of 20 above the low end.
 * @param {import("./types.js").Cluster} cluster
 */
export function spread({ similarity_median: median, similarity_low: low }) {
  const words = `Half of the pages are more than ${format(median)} alike to the middle of the cluster, nearly all more than ${format(low)}`;
  return h(
    "span",
    { class: "spread", title: words, role: "img", "aria-label": words },
    h("span", { class: "spread-line", vars: { "--low": `${100 * Math.max(low, 0)}%`, "--median": `${100 * Math.max(median, 0)}%` } }),
    h("span", { class: "spread-text" }, `${format(low)}–${format(median)}`),
  );
}
