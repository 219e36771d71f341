// One page, large, with all that is known of it; the arrow keys go through the pages it was opened from.

import { api } from "./api.js";
import { dialog } from "./components.js";
import { listGroups, movePages, sayRescan } from "./decide.js";
import { announce, h, icon } from "./dom.js";
import { clusterName, count, fileName, moment, similarity as formatSimilarity, size } from "./format.js";
import { pageTitle, similarAddress, snippetLine } from "./grid.js";

const SIDE_PX = 1600;

/**
 * @param {import("./types.js").Item[]} items may grow while it is open
 * @param {number} start
 * @param {{more?: () => Promise<boolean>, onLeave?: (index: number) => void}} [options] `more` brings further items when the last is reached
 */
export function openLightbox(items, start, { more, onLeave } = {}) {
  let index = start;
  const picture = h("div", { class: "lightbox-picture" });
  const facts = h("div", { class: "lightbox-facts" });
  const place = h("span", { class: "lightbox-place" });
  const button = (name, kind, run) =>
    h("button", { type: "button", class: "button button-quiet icon-button", "aria-label": name, on: { click: run } }, icon(kind));
  const previous = button("Previous page", "left", () => go(index - 1));
  const next = button("Next page", "right", () => go(index + 1));
  const box = dialog(
    "Page",
    "lightbox",
    h("div", { class: "lightbox-bar" }, previous, next, place, button("Close", "close", () => box.close())),
    h("div", { class: "lightbox-body" }, picture, facts),
  );

  function show() {
    const item = items[index];
    picture.replaceChildren(largePicture(item.page));
    facts.replaceChildren(...factsOf(item, () => box.close()), decisionsOf(item.page, () => index < items.length && items[index] === item && show()));
    place.textContent = `${count(index + 1)} of ${count(items.length)}`;
    previous.disabled = index === 0;
    next.disabled = index === items.length - 1 && !more;
    announce(`${pageTitle(item.page)}, ${place.textContent}`);
  }

  async function go(wanted) {
    if (wanted >= items.length && more) await more();
    const reached = Math.min(Math.max(wanted, 0), items.length - 1);
    if (reached === index) return;
    index = reached;
    show();
  }

  box.addEventListener("keydown", (event) => {
    const wanted = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: items.length - 1 }[event.key];
    if (wanted === undefined || event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    go(wanted);
  });
  // Clicking beside the page closes, as everywhere.
  box.addEventListener("click", (event) => event.target === box && box.close());
  box.addEventListener("close", () => onLeave?.(index));
  // The arrow keys are for the pages, so no single button starts with the focus.
  box.tabIndex = -1;
  box.focus();
  show();
}

/** The thumbnail is there at once and gives way to the large picture when that has come. */
function largePicture(page) {
  const scale = SIDE_PX / Math.max(page.width_px, page.height_px, 1);
  const [width, height] = [Math.round(page.width_px * scale), Math.round(page.height_px * scale)];
  const small = h("img", { class: "lightbox-preview", alt: "", width, height });
  const large = h("img", { class: "lightbox-large", alt: pageTitle(page), width, height });
  const sheet = h("button", { type: "button", class: "lightbox-sheet", "aria-label": "Zoom in and out", "aria-pressed": "false" }, small, large);
  large.addEventListener("load", () => sheet.classList.add("loaded"));
  sheet.addEventListener("click", () => {
    const zoomed = sheet.classList.toggle("zoomed");
    sheet.setAttribute("aria-pressed", String(zoomed));
  });
  api.showPicture(small, `/pages/${page.page_id}/thumbnail`);
  api.showPicture(large, `/pages/${page.page_id}/image?side_px=${SIDE_PX}`);
  return sheet;
}

function factsOf({ page, similarity, snippet }, close) {
  const belongs = clusterName(page.cluster, page.group);
  const go = { click: close };
  const rows = [
    ["Similarity", similarity === undefined || similarity === null ? null : formatSimilarity(similarity)],
    ["Group", page.group],
    ["Cluster", page.cluster === null ? null : h("a", { href: `/clusters?cluster=${page.cluster}`, on: go }, String(page.cluster))],
    ["Label", page.label],
    ["Document", documentLink(page, go)],
    ["Flags", page.flags?.length ? page.flags.join(", ") : null],
    ["Rescanned", page.rescanned ? moment(page.rescanned) : null],
    ...Object.entries(page.metadata ?? {}),
    ["Page", page.pages_in_file > 1 ? `${page.page_number} of ${page.pages_in_file}` : null],
    ["Size", `${count(page.width_px)} × ${count(page.height_px)} px, ${size(page.bytes)}`],
    ["File", page.path],
    ["Root", page.root],
  ];
  return [
    h("p", { class: "eyebrow" }, belongs),
    h("h2", {}, fileName(page.path)),
    snippet?.length ? snippetLine(snippet) : null,
    h("a", { class: "button button-primary", href: similarAddress(page), on: go }, "Find similar to this"),
    factList(rows),
  ].filter(Boolean);
}

/** Another group by hand, and whether the scan is good. @param {import("./types.js").Page} page */
function decisionsOf(page, onChange) {
  const groups = h("datalist", { id: "lightbox-groups" });
  const input = h("input", { id: "lightbox-group", list: "lightbox-groups", placeholder: "Group", autocomplete: "off", required: true, maxlength: 200 });
  listGroups().then((names) => groups.replaceChildren(...names.map((value) => h("option", { value }))));
  const move = (event) => {
    event.preventDefault();
    const group = input.value.trim();
    if (group) movePages([page.page_id], group, () => read(page, onChange));
  };
  const again = (wanted) => () => sayRescan([page.page_id], wanted);
  return h(
    "div",
    { class: "lightbox-decide stack" },
    h("form", { class: "row", "aria-label": "Move by hand", on: { submit: move } }, h("label", { class: "visually-hidden", for: "lightbox-group" }, "Another group for this page"), input, h("button", { class: "button" }, "Move here"), groups),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", class: "button button-small", on: { click: () => movePages([page.page_id], null, () => read(page, onChange)) } }, "Follow its cluster"),
      h("button", { type: "button", class: "button button-small", on: { click: again(true) } }, "Scan again"),
      page.flags?.length ? h("button", { type: "button", class: "button button-small", on: { click: again(false) } }, "Fine as scanned") : null,
    ),
  );
}

/** The page as it is now, into the one that is shown here and elsewhere. */
async function read(page, onChange) {
  Object.assign(page, await api.get(`/pages/${page.page_id}`));
  onChange();
}

/** A document's own name is for programs; people get the pages that it gathers. @param {import("./types.js").Page} page */
export function documentLink(page, on = {}) {
  if (!page.document) return null;
  return h("a", { href: `/search?filter=${encodeURIComponent(`document=${page.document}`)}`, title: page.document, on }, "Its pages");
}

/**
 * Names and values, without those that have none.
 * @param {[string, import("./dom.js").Child][]} rows
 */
export function factList(rows) {
  const told = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, told.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value instanceof Node ? value : String(value))]));
}
