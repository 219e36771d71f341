// What a page is, large, and the pages most like it: for a scan that was brought, and for a page of the library.

import { emptyState, notice } from "./components.js";
import { announce, h, icon } from "./dom.js";
import { clusterName, counted, fileName } from "./format.js";
import { createGrid, pageTitle, thumbnail } from "./grid.js";
import { documentLink, factList, openLightbox } from "./lightbox.js";
import { createPicks } from "./picks.js";
import { sheetMenu } from "./sheets.js";
import { similarityScale } from "./scale.js";

/** As many neighbours as the service gives at once; "More" asks for further steps of this size. */
export const STEP = 24;
const MOST = 96;

/**
 * A query page beside what is known of it.
 * @param {Node} picture
 * @param {...import("./dom.js").Child} words
 */
function card(picture, ...words) {
  return h("section", { class: "answer", "aria-label": "Answer" }, h("div", { class: "answer-picture" }, picture), h("div", { class: "answer-words" }, ...words));
}

/**
 * The answer for an uploaded page. Without a classification (nothing clustered yet) only its neighbours speak.
 * @param {import("./types.js").Classification|null} found
 * @param {string} name
 * @param {number} pageNumber
 * @param {File|undefined} file
 * @param {Error|null} refused why there is no classification
 * @param {import("./types.js").LabelGuess|null} [guess] the label that it probably has, where any were learned
 */
export function uploadCard(found, name, pageNumber, file, refused, guess = null) {
  const source = h("p", { class: "answer-source" }, name, pageNumber > 1 ? `, page ${pageNumber}` : null);
  const picture = previewOf(file, name, pageNumber);
  const told = guess && labelLine(guess);
  if (!found && guess) {
    return card(picture, h("p", { class: "eyebrow" }, "Label"), h("h1", guess.unknown ? { class: "answer-unknown" } : {}, guess.unknown ? "unknown" : guess.label), source, told, refused && h("p", { class: "hint" }, refused.message));
  }
  if (!found) {
    return card(picture, h("p", { class: "eyebrow" }, "No group yet"), h("h1", {}, "Pages like this one"), source, refused && h("p", { class: "hint" }, refused.message));
  }
  const cluster = h("a", { href: `/clusters?cluster=${found.cluster}` }, `cluster ${found.cluster}`);
  if (found.unknown) {
    const near = found.group ? [`${found.group} (`, cluster, ")"] : [cluster];
    const why = h("p", {}, "It is less alike than nearly all pages of the nearest cluster. What comes nearest: ", ...near, ".");
    return card(picture, h("p", { class: "eyebrow" }, "Group"), h("h1", { class: "answer-unknown" }, "unknown"), source, why, told, similarityScale(found));
  }
  const eyebrow = found.group ? ["Group"] : ["Not named yet"];
  const under = found.group ? h("p", {}, "From ", cluster) : h("p", {}, "Give ", cluster, " a name, and pages like this one are called by it.");
  return card(picture, h("p", { class: "eyebrow" }, ...eyebrow), h("h1", {}, clusterName(found.cluster, found.group)), source, under, told, similarityScale(found));
}

/** The label that a page probably has, and who says so. @param {import("./types.js").LabelGuess} guess */
function labelLine({ label, probability, runner_up: second, runner_up_probability: chance, unknown, method }) {
  const sure = `${Math.round(100 * probability)} %`;
  const next = second && chance >= 0.005 ? `, ${second} ${Math.round(100 * chance)} %` : "";
  const doubt = unknown ? " It is unlike that label's own pages." : "";
  return h("p", { class: "answer-label" }, "Label: ", h("strong", {}, label), ` ${sure}${next}, by `, h("a", { href: "/labels" }, method), ".", doubt);
}

/**
 * The same for a page of the library.
 * @param {import("./types.js").Page} page
 */
export function pageCard(page) {
  const open = h("button", { type: "button", class: "answer-open", "aria-label": `Open ${pageTitle(page)}`, on: { click: () => openLightbox([{ page }], 0) } }, thumbnail(page));
  const cluster = page.cluster === null ? null : h("a", { href: `/clusters?cluster=${page.cluster}` }, String(page.cluster));
  return card(
    open,
    h("p", { class: "eyebrow" }, page.group ?? "Pages like"),
    h("h1", { class: "answer-name" }, fileName(page.path)),
    h("p", { class: "answer-source" }, pageTitle(page)),
    factList([["Label", page.label], ["Cluster", cluster], ["Document", documentLink(page)], ...Object.entries(page.metadata ?? {})]),
  );
}

/** How the pages like a page are called. */
const NEIGHBOURS = { heading: "Pages like this one", label: "Similar pages, most alike first", more: "More like this", one: "similar page", none: "No similar page passes these filters." };

/**
 * The answers to a query, under a filter bar.
 * @param {HTMLElement} filterbar
 * @param {(filters: string[], limit: number) => Promise<import("./types.js").Item[]>} ask
 * @param {typeof NEIGHBOURS} [words] how they are called
 */
export function createNeighbours(filterbar, ask, words = NEIGHBOURS) {
  let limit = STEP;
  let filters = [];
  let asked = 0;
  const state = h("div");
  const picks = createPicks();
  const grid = createGrid(words.label, { belongs: true, picks, more: () => grow() });
  const more = h("button", { type: "button", class: "button more", hidden: true, on: { click: () => grow() } }, words.more);
  const element = h(
    "section",
    { class: "neighbours", "aria-labelledby": "neighbours-title" },
    h("div", { class: "section-head" }, h("h2", { id: "neighbours-title" }, words.heading), filterbar, sheetMenu(() => ({ page_ids: grid.items.map((item) => item.page.page_id), title: words.heading }))),
    state,
    grid.element,
    more,
    picks.element,
  );

  async function load(keep) {
    asked += 1;
    const mine = asked;
    element.setAttribute("aria-busy", "true");
    try {
      const items = await ask(filters, limit);
      if (mine === asked) show(items, keep);
      return mine === asked && items.length > keep;
    } catch (error) {
      if (mine === asked) state.replaceChildren(notice(error));
      return false;
    } finally {
      if (mine === asked) element.removeAttribute("aria-busy");
    }
  }

  function show(items, keep) {
    if (keep) grid.append(items.slice(keep));
    else grid.replace(items);
    more.hidden = items.length < limit || limit >= MOST;
    announce(counted(items.length, words.one));
    state.replaceChildren(...(items.length ? [] : [emptyState(words.none)]));
  }

  function grow() {
    if (more.hidden) return Promise.resolve(false);
    limit = Math.min(limit + STEP, MOST);
    return load(grid.items.length);
  }

  return {
    element,
    /** @param {string[]} wanted */
    filter(wanted) {
      filters = wanted;
      limit = STEP;
      return load(0);
    },
  };
}

/** Browsers show few of the kinds that the service reads; the others get a sheet with their suffix. */
function previewOf(file, name, pageNumber) {
  const plain = h("span", { class: "sheet-icon" }, icon("sheet"), h("span", {}, name.includes(".") ? name.slice(name.lastIndexOf(".") + 1) : "page"));
  if (!file || pageNumber > 1 || !/^image\/(jpeg|png|webp|gif|bmp|avif)$/.test(file.type)) return plain;
  const address = URL.createObjectURL(file);
  const img = h("img", { alt: `Your scan ${name}`, src: address });
  img.addEventListener("load", () => URL.revokeObjectURL(address));
  img.addEventListener("error", () => img.replaceWith(plain));
  return img;
}
