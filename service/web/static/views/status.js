// Status: what is in the library, how it was made, and what was left out.

import { barList, emptyState } from "../components.js";
import { announce, h } from "../dom.js";
import { count, counted, size } from "../format.js";
import { factList } from "../lightbox.js";

export const title = "Status";

const SKIPS_AT_ONCE = 100;

/** @type {import("../types.js").View["render"]} */
export async function render(root, _params, api) {
  const status = await api.get("/status");
  const named = Object.values(status.groups).reduce((sum, number) => sum + number, 0);
  root.append(
    h("div", { class: "view-head" }, h("h1", {}, status.name), h("p", { class: "lede" }, "What is in the library, and what was left out.")),
    h(
      "dl",
      { class: "figures" },
      figure("pages", count(status.pages)),
      figure("clusters", count(status.clusters)),
      figure("groups", count(Object.keys(status.groups).length)),
      figure("skipped", count(status.skipped.length)),
      figure("on disk", size(status.bytes_on_disk)),
    ),
    h(
      "div",
      { class: "columns" },
      section("Groups", named ? `${counted(named, "page")} of ${count(status.pages)} belong to a named group.` : null, named ? barList(status.groups, filterLink("group")) : noGroups()),
      section("Labels", "What the folders or a table say of the pages.", Object.keys(status.labels).length ? barList(status.labels, filterLink("label")) : emptyState("No page has a label.")),
    ),
    h("div", { class: "columns" }, section("Model", null, modelFacts(status.model)), section("Place", null, placeFacts(status))),
    skippedSection(status.skipped),
  );
}

const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

/** A comma separates values in a filter, so names with one lead nowhere. */
const filterLink = (field) => (name) => (name.includes(",") ? null : `/search?filter=${encodeURIComponent(`${field}=${name}`)}`);

function section(name, text, ...children) {
  const id = `section-${name.toLowerCase()}`;
  return h("section", { class: "sheet", "aria-labelledby": id }, h("h2", { id }, name), text && h("p", {}, text), ...children);
}

const noGroups = () => emptyState("No group yet.", h("p", {}, h("a", { href: "/clusters" }, "Name the clusters"), " to make some."));

/** @param {any} model */
function modelFacts(model) {
  if (!model) return emptyState("Nothing has been indexed yet.");
  return factList([
    ["Name", model.name],
    ["Dimensions", count(model.dimensions)],
    ["Sees", `${model.input_px} × ${model.input_px} px`],
    ["Preprocessing", model.preprocessing],
    ["Blur levels", model.blur_mix || null],
    ["Precision", model.precision],
    ["Weights", model.weights_sha256 ? `sha256 ${model.weights_sha256.slice(0, 12)}…` : "none needed"],
  ]);
}

function placeFacts(status) {
  const roots = h("ul", { class: "roots" }, status.roots.map((one) => h("li", {}, h("strong", {}, one.name), " ", h("span", { class: "path" }, one.directory))));
  return factList([
    ["Library", h("span", { class: "path" }, status.place)],
    ["Store", status.store],
    ["Roots", status.roots.length ? roots : "none"],
    ["Views", status.views.length ? status.views.join(", ") : null],
    ["Generation", count(status.generation)],
    ["Clustering", status.run ? `run ${status.run}` : "none yet"],
  ]);
}

function skippedSection(skipped) {
  if (!skipped.length) return section("Skipped", null, h("p", {}, "Every file could be read."));
  const codes = [...new Set(skipped.map((skip) => skip.code))].sort();
  const find = h("input", { id: "find-skip", type: "search", placeholder: "Part of a path or a reason" });
  const choose = h("select", { id: "skip-code" }, h("option", { value: "" }, "all"), codes.map((code) => h("option", { value: code }, code)));
  const shown = h("p", { class: "section-count" });
  const rows = h("tbody");
  const table = h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "region", "aria-label": "Skipped files" },
    h("table", {}, h("thead", {}, h("tr", {}, ["File", "Code", "Reason"].map((name) => h("th", { scope: "col" }, name)))), rows),
  );
  const show = () => {
    const text = find.value.toLowerCase();
    const fit = skipped.filter((skip) => (!choose.value || skip.code === choose.value) && `${skip.path} ${skip.reason}`.toLowerCase().includes(text));
    rows.replaceChildren(...fit.slice(0, SKIPS_AT_ONCE).map(skipRow));
    shown.textContent = fit.length > SKIPS_AT_ONCE ? `the first ${SKIPS_AT_ONCE} of ${counted(fit.length, "file")}` : counted(fit.length, "file");
  };
  const tell = () => (show(), announce(shown.textContent));
  find.addEventListener("input", tell);
  choose.addEventListener("change", tell);
  show();
  const tools = h("div", { class: "row" }, h("label", { for: "find-skip" }, "Find"), find, h("label", { for: "skip-code" }, "Code"), choose, shown);
  return section("Skipped", "These files are not in the library. Mended ones come in with the next index run.", tools, table);
}

function skipRow({ path, page_number: page, code, reason }) {
  return h("tr", {}, h("td", { class: "path" }, page ? `${path}, page ${page}` : path), h("td", {}, code), h("td", {}, reason));
}
