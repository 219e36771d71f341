// Jobs: index what is new, compute everything anew, and watch it.

import { emptyState, toast } from "../components.js";
import { h } from "../dom.js";
import { counted } from "../format.js";
import { isOver, jobCard, startJob } from "../jobs.js";
import { takeInForm } from "../takein.js";

export const title = "Jobs";

/** Older jobs are shown, and not followed one by one beyond this. */
const SHOWN = 30;
const LIST = "[0-9., ]+";

/** @type {import("../types.js").View["render"]} */
export async function render(root, _params, api) {
  const [status, jobs] = await Promise.all([api.get("/status"), api.get("/jobs")]);
  /** @type {{close: () => void}[]} */
  const cards = [];
  const list = h("div", { class: "jobs" });
  const none = emptyState("No job has run yet.", h("p", {}, "Index now to look for new and changed scans."));

  function add(job, first) {
    none.remove();
    // What ended before this page was opened is no news.
    const card = jobCard(job.id, isOver(job) ? {} : { onEnd: tellEnd });
    cards.push(card);
    if (first) list.prepend(card.element);
    else list.append(card.element);
    return card;
  }

  async function start(request) {
    const job = await startJob(request);
    if (job) add(job, true);
  }

  root.append(
    h("div", { class: "view-head" }, h("h1", {}, "Jobs"), h("p", { class: "lede" }, "Long work goes on here while you search. It can be stopped at any moment; what is done stays done.")),
    h("div", { class: "columns" }, indexForm(status, start), reindexForm(status, start)),
    h("div", { class: "columns" }, readTextForm(start), takeInForm()),
    h("section", { "aria-labelledby": "jobs-title" }, h("h2", { id: "jobs-title" }, "Running and past"), list),
  );
  if (!jobs.length) list.append(none);
  for (const job of newestFirst(jobs).slice(0, SHOWN)) add(job, false);
  return { close: () => cards.forEach((card) => card.close()) };
}

/** Running ones above, then by age. */
function newestFirst(jobs) {
  return [...jobs].sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || String(b.created).localeCompare(String(a.created)));
}

function tellEnd(job) {
  if (job.state === "done") toast("The job is done.");
  if (job.state === "failed") toast(`The job failed: ${job.error?.detail ?? "see the log of the service"}`, { bad: true });
}

function indexForm(status, start) {
  const folder = h("input", { id: "new-root", placeholder: "/home/ada/scans", autocomplete: "off", spellcheck: "false" });
  const submit = (event) => {
    event.preventDefault();
    start({ kind: "index", roots: folder.value.trim() ? [folder.value.trim()] : [] });
    folder.value = "";
  };
  const roots = status.roots.length
    ? h("ul", { class: "roots" }, status.roots.map((one) => h("li", {}, h("strong", {}, one.name), " ", h("span", { class: "path" }, one.directory))))
    : h("p", { class: "hint" }, "No folder is known yet; name one below.");
  return h(
    "section",
    { class: "sheet", "aria-labelledby": "index-title" },
    h("h2", { id: "index-title" }, "Index"),
    h("p", {}, status.roots.length ? `Looks for new and changed scans in ${counted(status.roots.length, "folder")}.` : "Reads a folder of scans into the library."),
    roots,
    h(
      "form",
      { class: "stack", on: { submit } },
      h("label", { for: "new-root" }, "Another folder on the machine of the service (optional)"),
      folder,
      h("div", { class: "row" }, h("button", { class: "button button-primary" }, "Index now")),
    ),
  );
}

function reindexForm(status, start) {
  const model = h("input", { id: "model", placeholder: status.model?.name ?? "classic", autocomplete: "off", spellcheck: "false" });
  const numbers = (text) => text.split(",").map((one) => Number(one.trim()));
  const levels = h("input", { id: "blur-mix", placeholder: "0,4,16", autocomplete: "off", pattern: LIST, title: "Numbers with commas between them" });
  const weights = h("input", { id: "blur-weights", placeholder: "2,1,1", autocomplete: "off", pattern: LIST, title: "Numbers with commas between them" });
  const colours = h("input", { type: "checkbox", checked: status.views.includes("colour") });
  const submit = (event) => {
    event.preventDefault();
    const views = ["head", "foot", "colour"].filter((view) => (view === "colour" ? colours.checked : status.views.includes(view)));
    const asked = { views, model: model.value.trim() || null, blur_mix: levels.value.trim() ? numbers(levels.value) : null, weights: weights.value.trim() ? numbers(weights.value) : null };
    start({ kind: "reindex", ...asked });
  };
  return h(
    "section",
    { class: "sheet", "aria-labelledby": "reindex-title" },
    h("h2", { id: "reindex-title" }, "Re-index"),
    h("p", {}, "Embeds every page anew, beside the present state, and switches at once when all is done. Names are carried over."),
    h(
      "form",
      { class: "stack", on: { submit } },
      h("label", { for: "model" }, "Model"),
      model,
      h("p", { class: "hint" }, "Empty: the model in use. Others: classic, pixels, open_clip:ARCH/WEIGHTS, timm:MODEL."),
      h("div", { class: "pair" }, h("label", { for: "blur-mix" }, "Blur levels"), levels, h("label", { for: "blur-weights" }, "Weights"), weights),
      h("p", { class: "hint" }, `Blurred levels see colour and composition, 0 the page as it is. ${status.model?.blur_mix ? `Now: ${status.model.blur_mix}.` : "Now: the sharp page alone."}`),
      h("label", { class: "row" }, colours, "Colour vectors, to weigh colours in when searching"),
      h("div", { class: "row" }, h("button", { class: "button" }, "Re-index")),
    ),
  );
}

function readTextForm(start) {
  const engine = h("select", { id: "engine" }, h("option", { value: "" }, "RapidOCR"), h("option", { value: "tesseract" }, "Tesseract"));
  const languages = h("input", { id: "languages", placeholder: "deu+ces", autocomplete: "off", spellcheck: "false", disabled: true, pattern: "[A-Za-z_]{3,}(\\+[A-Za-z_]{3,})*", title: "Tesseract's names of languages with + between them" });
  const again = h("input", { type: "checkbox" });
  engine.addEventListener("change", () => (languages.disabled = !engine.value));
  const submit = (event) => {
    event.preventDefault();
    start({ kind: "read-text", engine: engine.value || null, languages: (engine.value && languages.value.trim()) || null, again: again.checked });
  };
  return h(
    "section",
    { class: "sheet", "aria-labelledby": "read-text-title" },
    h("h2", { id: "read-text-title" }, "Read text"),
    h("p", {}, "Reads the words on pages that were not read yet, seconds a page, so that Search finds pages by what stands on them."),
    h(
      "form",
      { class: "stack", on: { submit } },
      h("div", { class: "pair" }, h("label", { for: "engine" }, "Reader"), engine, h("label", { for: "languages" }, "Languages"), languages),
      h("p", { class: "hint" }, "RapidOCR comes with quire[ocr]. Tesseract is a program of its own, and reads the languages that are installed; empty: all of them."),
      h("label", { class: "row" }, again, "Read all pages again"),
      h("div", { class: "row" }, h("button", { class: "button" }, "Read text")),
    ),
  );
}
