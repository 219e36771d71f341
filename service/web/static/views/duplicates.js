// Duplicates: sets of pages that were scanned twice, side by side; what is none is said once and stays said.

import { emptyState, toast } from "../components.js";
import { announce, h } from "../dom.js";
import { count, counted, moment, similarity as formatSimilarity, size } from "../format.js";
import { createGrid, moreButton } from "../grid.js";
import { jobCard, startJob } from "../jobs.js";
import { undo } from "../naming.js";

export const title = "Duplicates";

const SETS_AT_ONCE = 20;
const AUTOMATIC_SETS = 100;

/** @typedef {{similarity: number|null, page: import("../types.js").Page}} DuplicatePage */
/** @typedef {{pages: DuplicatePage[], similarity: number, agreement: number, is_exact: boolean}} DuplicateSet */
/** @typedef {{sets: DuplicateSet[], total: number, pages: number, made: string|null}} DuplicateList */

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  /** @type {ReturnType<typeof jobCard>|null} */
  let card = null;
  let [total, pages, shown] = [0, 0, 0];
  /** @type {string|null} */
  let made = null;
  const summary = h("p", { class: "lede" });
  const look = h("button", { type: "button", class: "button", on: { click: start } }, "Look for duplicates");
  const tools = h("div", { class: "view-tools" });
  const empty = h("div");
  const progress = h("div", { class: "recluster-progress" });
  const list = h("ol", { class: "duplicates", "aria-label": "Sets of duplicates" });
  const more = moreButton(load, () => shown < AUTOMATIC_SETS);
  more.element.textContent = "More sets";

  /** The next sets; those that were set apart meanwhile are no longer counted before them. */
  async function load() {
    /** @type {DuplicateList} */
    const answer = await api.get("/duplicates", { limit: SETS_AT_ONCE, offset: shown });
    [total, pages, made] = [answer.total, answer.pages, answer.made];
    shown += answer.sets.length;
    list.append(...answer.sets.map(setRow));
    describe();
  }

  async function reload() {
    shown = 0;
    list.replaceChildren();
    await load();
  }

  function describe() {
    look.classList.toggle("button-primary", made === null);
    look.textContent = made === null ? "Look for duplicates" : "Look again";
    if (made === null) empty.replaceChildren(neverLooked(look));
    else {
      if (!tools.contains(look)) tools.append(look);
      empty.replaceChildren(noneFound());
    }
    more.element.hidden = shown >= total;
    list.hidden = !total;
    empty.hidden = total > 0;
    if (made === null) summary.textContent = "Pages that were scanned twice, side by side.";
    else summary.textContent = `${total ? `${counted(pages, "page")} in ${counted(total, "set")}` : "No set"}, looked for ${moment(made)}.`;
  }

  /** @param {DuplicateSet} found */
  function setRow(found) {
    const names = found.pages.map((one) => one.page.path);
    const grid = createGrid(`Pages of the set that begins with ${names[0]}`);
    grid.append(found.pages.map(({ page, similarity }) => (similarity === null ? { page } : { page, similarity })));
    for (const [place, tile] of [...grid.element.children].entries()) tile.append(facts(found.pages[place].page));
    const button = h("button", { type: "button", class: "button", "aria-label": `Not duplicates: ${names.join(", ")}` }, "Not duplicates");
    const row = h(
      "li",
      { class: "duplicate-set" },
      h("div", { class: "duplicate-head" }, h("h2", {}, counted(found.pages.length, "page")), h("p", {}, kindOf(found)), button),
      grid.element,
    );
    button.addEventListener("click", () => setApart(found, row, button));
    return row;
  }

  /** The row goes, and the focus to the next one, so that a list is gone through with Enter and Tab alone. */
  async function setApart(found, row, button) {
    button.disabled = true;
    let report;
    try {
      report = await api.post("/duplicates/apart", { page_ids: found.pages.map((one) => one.page.page_id) });
    } catch (error) {
      button.disabled = false;
      toast(error.message, { bad: true });
      return;
    }
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(".duplicate-head button");
    row.remove();
    [total, pages, shown] = [total - 1, pages - found.pages.length, shown - 1];
    describe();
    (next ?? look).focus();
    const tell = (error) => toast(error.message, { bad: true });
    toast(`${counted(found.pages.length, "page")} set apart`, { action: { name: "Undo", run: () => undo(report.entry, () => reload().catch(tell)) } });
  }

  async function start() {
    const job = await startJob({ kind: "duplicates" });
    if (!job) return;
    look.disabled = true;
    card?.close();
    card = jobCard(job.id, { onEnd: end });
    progress.replaceChildren(card.element);
  }

  function end(job) {
    look.disabled = false;
    if (job.state === "failed") toast(`Looking failed: ${job.error?.detail ?? "see the log of the service"}`, { bad: true });
    if (job.state !== "done") return;
    progress.replaceChildren();
    reload().then(() => announce(summary.textContent ?? ""), (error) => toast(error.message, { bad: true }));
  }

  root.append(h("div", { class: "view-head" }, h("h1", {}, "Duplicates"), summary, tools), progress, empty, list, more.element);
  await load();
  return {
    close() {
      card?.close();
      more.close();
    },
  };
}

/** @param {DuplicateSet} found */
function kindOf(found) {
  if (found.is_exact) return "The same file, bit by bit";
  return `Similarity ${formatSimilarity(found.similarity)} or more; the pictures agree to ${Math.floor(100 * found.agreement)} %`;
}

/** What helps to choose which scan to keep. @param {import("../types.js").Page} page */
function facts(page) {
  const folder = page.path.includes("/") ? page.path.slice(0, page.path.lastIndexOf("/")) : null;
  return h("p", { class: "duplicate-facts" }, folder && h("span", { title: folder }, folder), h("span", {}, `${count(page.width_px)} × ${count(page.height_px)} · ${size(page.bytes)}`));
}

/** @param {HTMLElement} look */
const neverLooked = (look) => emptyState("Nobody has looked for duplicates yet.", h("p", {}, "Pages that look alike are laid on each other and compared. You may go on with other things meanwhile."), h("p", { class: "duplicate-look" }, look));
const noneFound = () => emptyState("No page was scanned twice.", h("p", {}, "Look again after further pages were indexed."));
