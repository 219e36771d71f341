// How alike, as a mark on a line: this page, the runner-up, and the border below which a page counts as unknown.

import { h } from "./dom.js";
import { clusterName, similarity as format } from "./format.js";

/**
 * @param {import("./types.js").Classification} answer
 */
export function similarityScale(answer) {
  const second = answer.runner_up === null ? null : answer.similarity - answer.margin;
  const told = [answer.similarity, second, answer.threshold].filter((value) => value !== null);
  // Cosines of one library crowd together near 1; the line shows the part of the range in which something stands.
  const low = Math.max(-1, Math.floor((Math.min(...told) - 0.05) * 10) / 10);
  const at = (value) => `${(100 * (Math.min(value, 1) - low)) / (1 - low)}%`;
  const words = [
    `${format(answer.similarity)} like ${clusterName(answer.cluster, answer.group)}`,
    second === null ? null : `${format(answer.margin)} ahead of ${runnerUp(answer)}`,
    `unknown below ${format(answer.threshold)}`,
  ].filter(Boolean);
  return h(
    "figure",
    { class: "scale" },
    h(
      "div",
      { class: "scale-line", "aria-hidden": "true" },
      h("span", { class: "scale-unknown", vars: { "--to": at(answer.threshold) } }),
      second === null ? null : h("span", { class: "scale-mark scale-second", vars: { "--at": at(second) }, title: `Runner-up: ${runnerUp(answer)}` }),
      h("span", { class: "scale-mark scale-first", vars: { "--at": at(answer.similarity) } }),
    ),
    h("div", { class: "scale-ends", "aria-hidden": "true" }, h("span", {}, low.toFixed(1)), h("span", {}, "1 = the same")),
    h("figcaption", {}, words.map((word) => h("span", {}, word))),
  );
}

/** @param {import("./types.js").Classification} answer */
function runnerUp(answer) {
  const name = clusterName(answer.runner_up, answer.runner_up_group);
  // Two clusters may share a group; then the number tells them apart.
  return answer.runner_up_group && answer.runner_up_group === answer.group ? `cluster ${answer.runner_up}, also ${name}` : name;
}
