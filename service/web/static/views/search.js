// Search: the shelf; a scan that was brought (?upload=1); a page of the library (?page=ID); words (?text=…). Filters, and the weight of colours, are in the address.

import { addressWith, navigate } from "../router.js";
import { createNeighbours, pageCard, uploadCard } from "../answer.js";
import { createShelf, dropZone } from "../browse.js";
import { colourHere, colourSlider } from "../colourweight.js";
import { emptyState, notice, progressBar } from "../components.js";
import { announce, h } from "../dom.js";
import { clusterName, counted } from "../format.js";
import { createFilterBar } from "../filterbar.js";
import { textBox } from "../textbox.js";
import { filesOf } from "../uploads.js";

export const title = "Search";

/** Files and bytes of one request: it stays below what the service takes (64 MiB), and the bar moves. */
const FILES_AT_ONCE = 4;
const BYTES_AT_ONCE = 32 * 2 ** 20;

/** @type {import("../types.js").View["render"]} */
export async function render(root, params, api) {
  /** @type {{key: string, filter: (filters: string[]) => Promise<any>, close: () => void}|null} */
  let mode = null;

  async function update(wanted) {
    const filters = wanted.getAll("filter");
    if (mode?.key !== keyOf(wanted)) {
      mode?.close();
      root.replaceChildren();
      mode = { key: keyOf(wanted), filter: async () => {}, close: () => {} };
      await begin(wanted, filters);
      return;
    }
    mode.bar?.update(filters);
    await mode.filter(filters);
  }

  async function begin(wanted, filters) {
    const mine = mode;
    const bar = createFilterBar(api, filters, (chosen) => navigate(addressWith({ filter: chosen })));
    const made = wanted.has("upload")
      ? await showUpload(root, wanted.get("upload"), api, bar, () => mine === mode)
      : wanted.has("page")
        ? await showPage(root, wanted.get("page"), api, bar)
        : wanted.has("text")
          ? await showText(root, wanted.get("text"), wanted.get("in"), api, bar)
          : showShelf(root, api, bar);
    Object.assign(mine, { ...made, bar, close: () => made.close?.() });
    if (mine === mode) await mine.filter(new URLSearchParams(location.search).getAll("filter"));
  }

  await update(params);
  return { update, close: () => mode?.close() };
}

const keyOf = (params) => JSON.stringify(["upload", "page", "text", "in"].map((name) => params.get(name)));

function showShelf(root, api, bar) {
  const shelf = createShelf(api, bar.element);
  const zone = dropZone();
  root.append(zone, shelf.element);
  // The shelf does not wait for it.
  textBox(api).then((box) => box && zone.after(box), () => {});
  return { filter: shelf.filter, close: shelf.close };
}

const FOUND = { heading: "Pages that show it", label: "Pages found, best first", more: "More pages", one: "page found", none: "No page passes these filters." };
const HEADINGS = { looks: "Pages that show it", text: "Pages that say it", both: "Pages that show or say it" };
const WAYS = ["looks", "text", "both"];

/** @param {string|null} by looks, text or both; null: what the library has */
async function showText(root, text, by, api, bar) {
  const way = WAYS.includes(by) ? by : null;
  const note = h("p", { class: "hint search-note", hidden: true });
  const ask = async (filter, limit) => {
    const answer = await api.post("/search", { text, filter, limit, in: way });
    found.element.querySelector("h2").textContent = HEADINGS[answer.by];
    note.textContent = answer.note ?? "";
    note.hidden = !answer.note;
    return answer.pages;
  };
  const found = createNeighbours(bar.element, ask, { ...FOUND, none: way === "looks" ? FOUND.none : "No page with these words passes these filters." });
  root.append(h("h1", { class: "asked" }, `“${text}”`), (await textBox(api, text, way)) ?? "", note, found.element);
  return { filter: found.filter };
}

async function showPage(root, pageId, api, bar) {
  const id = encodeURIComponent(pageId);
  try {
    const page = await api.get(`/pages/${id}`);
    const neighbours = createNeighbours(bar.element, async (filter, limit) => (await api.get(`/pages/${id}/similar`, { filter, limit, colour: colourHere() })).pages);
    bar.element.before(colourSlider(api));
    root.replaceChildren(pageCard(page), neighbours.element);
    return { filter: neighbours.filter };
  } catch (error) {
    root.replaceChildren(h("h1", {}, "No such page"), notice(error), h("p", {}, h("a", { href: "/search" }, "To the shelf")));
    return { filter: async () => {} };
  }
}

async function showUpload(root, number, api, bar, wanted) {
  const files = filesOf(number);
  if (!files) {
    const gone = emptyState("This scan is no longer at hand.", h("p", {}, "Scans that you look up are not kept. Bring it again:"));
    const shelf = showShelf(root, api, bar);
    root.prepend(gone);
    return shelf;
  }
  const progress = progressBar("Looking at your scans");
  const cancel = new AbortController();
  root.append(h("div", { class: "looking" }, h("h1", {}, files.length === 1 ? "Looking at your scan" : `Looking at ${files.length} scans`), progress.element));
  const answers = await classifyAll(api, files, cancel.signal, progress);
  if (!wanted()) return { filter: async () => {} };
  return showAnswers(root, files, answers, api, bar);
}

/** @returns {Promise<{queries: object[], unreadable: import("../types.js").Unreadable[]}>} */
async function classifyAll(api, files, signal, progress) {
  const queries = [];
  const unreadable = [];
  let looked = 0;
  for (const batch of batches(files)) {
    progress.set(looked, batch.length < files.length ? files.length : null);
    looked += batch.length;
    try {
      const { answer, refused } = await classify(api, batch, signal);
      unreadable.push(...answer.unreadable);
      for (const { name, page_number, ...found } of answer.pages) {
        const file = batch.find((one) => one.name === name);
        queries.push({ name, page_number, file, refused, guess: found.guess ?? null, found: refused ? null : { name, page_number, ...found } });
      }
    } catch (error) {
      unreadable.push(...batch.map((file) => ({ name: file.name, reason: error.message, page_number: null })));
    }
  }
  return { queries, unreadable };
}

/** @param {File[]} files */
function batches(files) {
  const made = [[]];
  let bytes = 0;
  for (const file of files) {
    const last = made[made.length - 1];
    if (last.length && (last.length === FILES_AT_ONCE || bytes + file.size > BYTES_AT_ONCE)) {
      made.push([file]);
      bytes = file.size;
    } else {
      last.push(file);
      bytes += file.size;
    }
  }
  return made;
}

/** Where nothing is clustered yet, the scan can still get its label, if any were learned, and be shown with its neighbours. */
async function classify(api, files, signal) {
  try {
    return { answer: await api.upload("/classify", files, {}, signal), refused: null };
  } catch (error) {
    if (error.code !== "cluster-missing") throw error;
    return { answer: await labelsOrNeighbours(api, files, signal), refused: error };
  }
}

async function labelsOrNeighbours(api, files, signal) {
  try {
    return await api.upload("/classify", files, { by: "label" }, signal);
  } catch (error) {
    if (!["learned-missing", "model-mismatch"].includes(error.code)) throw error;
    return api.upload("/similar", files, { limit: 1 }, signal);
  }
}

function showAnswers(root, files, { queries, unreadable }, api, bar) {
  const problems = unreadable.length ? unreadableNotice(unreadable) : null;
  if (!queries.length) {
    root.replaceChildren(h("h1", {}, "None of this could be read"), problems);
    announce("None of this could be read");
    return { filter: async () => {} };
  }
  let chosen = queries[0];
  const place = h("div", { "aria-live": "polite" });
  const neighbours = createNeighbours(bar.element, (filter, limit) => neighboursOf(api, chosen, filter, limit));
  const choose = (query) => {
    chosen = query;
    place.replaceChildren(uploadCard(query.found, query.name, query.page_number, query.file, query.refused, query.guess));
  };
  bar.element.before(colourSlider(api));
  const picker = queries.length > 1 ? queryPicker(queries, (query) => (choose(query), neighbours.filter(filtersHere()))) : null;
  choose(chosen);
  root.replaceChildren(...[problems, picker, place, neighbours.element].filter(Boolean));
  return { filter: neighbours.filter };
}

const filtersHere = () => new URLSearchParams(location.search).getAll("filter");

async function neighboursOf(api, query, filter, limit) {
  const answer = await api.upload("/similar", [query.file], { filter, limit, colour: colourHere() });
  return answer.pages.find((one) => one.page_number === query.page_number)?.pages ?? [];
}

/** Several scans: one button for each, with what it is. */
function queryPicker(queries, choose) {
  const buttons = queries.map((query, i) => {
    const text = query.found ? (query.found.unknown ? "unknown" : clusterName(query.found.cluster, query.found.group)) : (query.guess?.label ?? "");
    const pick = () => {
      for (const one of buttons) one.setAttribute("aria-pressed", String(one === buttons[i]));
      choose(query);
    };
    const label = query.page_number > 1 ? `${query.name}, page ${query.page_number}` : query.name;
    return h("button", { type: "button", "aria-pressed": String(i === 0), on: { click: pick } }, h("strong", {}, text), h("span", {}, label));
  });
  return h("div", { class: "picker", role: "group", "aria-label": "Your scans" }, buttons);
}

function unreadableNotice(unreadable) {
  const lines = unreadable.map(({ name, reason, page_number }) => h("li", {}, h("strong", {}, page_number ? `${name}, page ${page_number}` : name), ` ${reason}`));
  return h("div", { class: "notice notice-bad", role: "alert" }, h("strong", {}, `${counted(unreadable.length, "scan")} could not be read`), h("ul", {}, lines));
}
